"""Which frame a name stands for that people and other tools have written: one look-up for all of them.

Exactly, first. Else by what systems change in a name: \\ between folders, another case, another Unicode form. Else by
what Label Studio's upload does to it. Else without the suffix, which many tables leave out. Else by what Roboflow makes
of it. Never by more than that, and never where two frames could be meant.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches
from functools import cached_property
from pathlib import Path, PurePosixPath

import pandas as pd

from linecam.errors import shown
from linecam.frames.folder import SUFFIXES
from linecam.frames.places import place_path

Parts = tuple[str, ...]  # of a path: its folders, and its name

# Label Studio's own place for a file that it was given, with its prefix.
_IN_UPLOADS = re.compile(r"(?:^|/)data/upload/\d+/[0-9a-f]{8}-(?P<name>[^/]+)$")
# What Roboflow makes of C-1.png: the name of a file of its own, in which the suffix has become a part of the name.
_BY_ROBOFLOW = re.compile(r"(?P<name>.+)_(?P<suffix>[A-Za-z0-9]+)\.rf\.[0-9A-Za-z]+\.[A-Za-z0-9]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PREFIX = re.compile(r"^[0-9a-f]{8}-(?=.)")
# To find a near name among 25,000 takes up to a second.
_HINTS = 3


class Frames:
    """The files of an index, by content, path and name."""

    def __init__(self, index: pd.DataFrame, folder: Path) -> None:
        """`index` has path, sha256 and status; its paths are below `folder`."""
        counting = index[index["status"] == "ok"]
        self._usable = set(counting["sha256"])
        # By sha256, of copies the one that counts.
        self.path = {**_column(index, "sha256", "path"), **_column(counting, "sha256", "path")}
        self._digest = _column(index, "path", "sha256")
        self._folder = folder.resolve()
        self._hints = _HINTS

    def find(self, sha256: str, path: str) -> tuple[str, str]:
        """The sha256 of the frame with this sha256, or, if that is "", with this path; or "", and why there is none.

        A path is that of the index, or one of the two ends with the other: tools show files below other folders, or
        by name alone. Where that leaves two frames it is none.
        """
        if sha256:
            of = f" ({shown(path)})" if path else ""
            if not _SHA256.fullmatch(sha256):
                return "", f"{sha256!r}{of} is not a SHA-256 of 64 hex digits"
            return (sha256, "") if sha256 in self.path else ("", f"no frame has the SHA-256 {sha256[:12]}...{of}")
        found = self.known_as(path)
        digests = {self._digest[known] for known in found}
        if len(digests) == 1:
            return digests.pop(), ""
        if not found:
            return "", self._nothing(path)
        name, *several = _told_apart([path, *found[:3]])
        return "", f"{name} could be {' or '.join(several)}{' or another' * (len(found) > 3)}"

    def has_at(self, path: str, *, another: str) -> bool:
        """Whether the frame at exactly this path of the index has another content than the SHA-256 `another`."""
        return self._digest.get(path, another) != another

    def usable(self, sha256: str) -> bool:
        """Whether a frame of this content counts; others are copies, or were set aside."""
        return sha256 in self._usable

    def known_as(self, path: str) -> Sequence[str]:
        """The paths of the index that `path` may stand for, by the first way that leads to any; [] for none."""
        # What an upload is called says nothing of the folder, and two names may have become one.
        if upload := _IN_UPLOADS.search(path):
            return self._uploaded.find((_as_uploaded(upload["name"]),))
        if path in self._digest:
            return [path]
        pure = PurePosixPath(path)
        inside = str(pure.relative_to(self._folder)) if pure.is_relative_to(self._folder) else path
        if inside in self._digest:
            return [inside]
        exact = self._exact.find(_parts(path))
        if exact:
            return exact
        alike = _parts(_plain(path))
        if not alike:
            return []
        *folders, name = alike
        renamed = _BY_ROBOFLOW.fullmatch(path)
        return (
            self._alike.find(alike)
            or self._uploaded.find((*folders, _as_uploaded(name)))
            or self._uploaded.find((*folders, _as_uploaded(_PREFIX.sub("", name))))
            or self._bare.find(alike)
            or (self.known_as(f"{renamed['name']}.{renamed['suffix']}") if renamed else [])
        )

    def _nothing(self, path: str) -> str:
        if place := next(iter(self.known_as(place_path(path, 1))), ""):
            return f"{path} has several places (camera.rois): name one of them, such as {place}"
        near: list[str] = []
        if self._hints:
            self._hints -= 1
            name = PurePosixPath(path.replace("\\", "/")).name
            near = get_close_matches(_plain(name), self._alike.names, n=1, cutoff=0.75)
        if not near:
            return f"there is no frame {shown(path)}"
        name, other = _told_apart([path, self._alike.called(near[0], path)])
        return f"there is no frame {name}; the nearest name is {other}"

    @cached_property
    def _exact(self) -> "_Names":
        return _Names(self._digest, lambda path: [_parts(path)])

    @cached_property
    def _alike(self) -> "_Names":
        return _Names(self._digest, lambda path: [_parts(_plain(path))])

    @cached_property
    def _bare(self) -> "_Names":
        """By names without a suffix: what has one of an image is not found here, as that would be another file."""
        return _Names(self._digest, lambda path: [_parts(_plain(_without_suffix(path)))])

    @cached_property
    def _uploaded(self) -> "_Names":
        return _Names(self._digest, _uploads_of)


class _Names:
    """Paths by what they are compared by."""

    def __init__(self, paths: Iterable[str], forms: Callable[[str], Iterable[Parts]]) -> None:
        self._named: dict[str, list[tuple[Parts, str]]] = defaultdict(list)
        for path in paths:
            for parts in dict.fromkeys(forms(path)):
                self._named[parts[-1]].append((parts, path))

    @property
    def names(self) -> list[str]:
        return list(self._named)

    def called(self, name: str, path: str) -> str:
        """Of the paths of that name the one that is most like `path`."""
        return max(self._named[name], key=lambda known: SequenceMatcher(None, path, known[1]).quick_ratio())[1]

    def find(self, parts: Parts) -> list[str]:
        """The paths of which one ends with the other."""
        known = self._named.get(parts[-1], ()) if parts else ()
        return list(dict.fromkeys(path for others, path in known if _ends_alike(parts, others)))


def _column(table: pd.DataFrame, key: str, value: str) -> dict[str, str]:
    return dict(zip(table[key], table[value], strict=True))


def _parts(path: str) -> Parts:
    return tuple(part for part in path.split("/") if part not in {"", "."})


def _ends_alike(parts: Parts, others: Parts) -> bool:
    """Whether one of two paths is the end of the other."""
    shorter = min(len(parts), len(others))
    return parts[-shorter:] == others[-shorter:]


def _plain(text: str) -> str:
    """What is left of a path without what Windows and macOS change in it."""
    composed = unicodedata.normalize("NFC", text.replace("\\", "/"))
    return unicodedata.normalize("NFC", composed.casefold())


def _without_suffix(path: str) -> str:
    stem, dot, suffix = path.rpartition(".")
    return stem if dot and f".{suffix.lower()}" in SUFFIXES else path


def _as_uploaded(name: str) -> str:
    """What a name becomes behind the prefix of Label Studio's upload, by Django's `get_valid_filename`; in any case."""
    return _plain(re.sub(r"[^-\w.]", "", name.strip().replace(" ", "_")))


def _uploads_of(path: str) -> list[Parts]:
    """A path with the name that its upload would have. An accent that stands by itself is lost there."""
    *folders, name = _parts(path)
    around = _parts(_plain("/".join(folders)))
    return [(*around, _as_uploaded(unicodedata.normalize(form, name))) for form in ("NFC", "NFD")]


def _told_apart(names: Sequence[str]) -> list[str]:
    """The names; spelt out where some look the same, or have what nobody sees."""
    same = len({unicodedata.normalize("NFC", name) for name in names}) < len(set(names))
    return [ascii(name) if same else shown(name) for name in names]
