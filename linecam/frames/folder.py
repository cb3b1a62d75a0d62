"""A folder of frames: what is in it, as one hash.

Read when Snakemake starts, so this module needs the standard library alone.
"""

import hashlib
import json
import logging
import os
import re
from pathlib import Path

from linecam.errors import UserError
from linecam.files import atomic_write, sha256

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}

# A name that goes through UTF-8 and a CSV file unharmed.
_NAME = re.compile(r"[^\r\ud800-\udfff]+")


def content_of(folder: str | Path, cache: str | Path) -> dict[str, tuple[int, str]]:
    """Size in bytes and SHA-256 of every image file below `folder`, by its path relative to it, sorted.

    `cache` remembers size, modification time and hash of each file: only files whose size or time differ are read
    again, so that a touched file costs one read and an untouched folder of 25,000 costs a directory scan. What is no
    regular file, cannot be looked at, or has a name that a table can't hold is left out and logged.
    Raises `UserError` where there is no such folder or no image in it.
    """
    folder, cache = Path(folder), Path(cache)
    if not folder.is_dir():
        raise UserError(f"dataset.source: there is no folder {folder}. Name the folder that holds your frames.")
    known = _remembered(cache, folder)
    seen: dict[str, list[int | str]] = {}
    for path, stat in _scan(folder):
        before = known.get(path)
        if before and before[0] == stat.st_size and before[1] == stat.st_mtime_ns:
            seen[path] = before
            continue
        try:
            seen[path] = [stat.st_size, stat.st_mtime_ns, sha256(folder / path)]
        except OSError as error:
            logging.warning("%s is left out: %s", folder / path, error)
    if not seen:
        raise UserError(f"There is no image below {folder}. linecam reads {', '.join(sorted(SUFFIXES))}.")
    if seen != known:
        with atomic_write(cache) as temporary:
            temporary.write_text(json.dumps({"folder": str(folder.resolve()), "files": seen}), encoding="utf-8")
    return {path: (int(size), str(digest)) for path, (size, _, digest) in sorted(seen.items())}


def _remembered(cache: Path, folder: Path) -> dict[str, list[int | str]]:
    """The files of a cache; {} where it is damaged, or of another folder."""
    try:
        content = json.loads(cache.read_text(encoding="utf-8"))
        files: dict[str, list[int | str]] = content["files"]
        if content["folder"] == str(folder.resolve()) and all(len(entry) == 3 for entry in files.values()):
            return files
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass
    return {}


def _scan(folder: Path) -> list[tuple[str, os.stat_result]]:
    found: list[tuple[str, os.stat_result]] = []
    pending = [(str(folder), "")]
    visited = set()
    suffixes = tuple(SUFFIXES)
    while pending:
        place, prefix = pending.pop()
        real = os.path.realpath(place)
        if real in visited:  # a link back up
            continue
        visited.add(real)
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                image = entry.name.lower().endswith(suffixes)
                try:
                    if entry.is_dir():
                        pending.append((entry.path, f"{prefix}{entry.name}/"))
                    elif image and not _NAME.fullmatch(entry.name):
                        logging.warning("%r is left out: its name holds characters that a table can't", entry.path)
                    elif image and entry.is_file():
                        found.append((prefix + entry.name, entry.stat()))
                    elif image:
                        logging.warning("%s is left out: it is no regular file, or a link to nothing", entry.path)
                except OSError as error:
                    logging.warning("%s is left out: %s", entry.path, error)
    return found


def digest_of(content: dict[str, tuple[int, str]]) -> str:
    """One hash of a folder's paths and contents: it changes when a frame is added, removed, renamed or edited."""
    lines = "".join(f"{path}\0{digest}\n" for path, (_, digest) in content.items())
    return hashlib.sha256(lines.encode()).hexdigest()


def has_given_split(folder: str | Path, classes: list[str]) -> bool:
    """Whether `folder` has the tutorial's layout, train/<class>/ and test/<class>/."""
    return all(any((Path(folder) / part / name).is_dir() for name in classes) for part in ("train", "test"))


def frames_folder(name: str, kind: str, source: str | None) -> str:
    """The folder below which the paths of the index are, of the dataset `name` (see the settings of `dataset`).

    Raises `UserError` where the dataset is a folder of yours and none is named.
    """
    if kind == "belt":
        return f"results/{name}/frames"
    if kind == "masks":
        return f"data/{name}/frames"
    if not source:
        raise UserError(
            "dataset.kind is folder, but dataset.source names none: name the folder that holds your frames."
        )
    return source
