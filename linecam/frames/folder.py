"""A folder of frames: what is in it, as one hash.

Read when Snakemake starts, so this module needs the standard library alone.
"""

import hashlib
import json
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from linecam.errors import UserError, shown
from linecam.files import atomic_write, sha256

# A file with such a suffix is taken for a frame. Its content says what it really is (`linecam.frames.picture`).
SUFFIXES = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".dib", ".webp", ".gif", ".tif", ".tiff"),
    *(".pgm", ".ppm", ".pnm", ".pbm", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".avif", ".avifs", ".mpo"),
}

# A video is a folder of frames (`linecam.frames.video`).
VIDEO_SUFFIXES = {
    *(".mp4", ".m4v", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv"),
    *(".mjpeg", ".mjpg", ".3gp", ".mts", ".m2ts", ".flv", ".ogv"),
}

# Files that may well hold frames, and are not read.
FOREIGN_SUFFIXES = {
    *(".heic", ".heif", ".jxl", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw"),
    *(".raw", ".exr", ".hdr", ".tga", ".psd", ".svg", ".pdf", ".dcm", ".npy", ".npz", ".mat", ".h5", ".pam", ".pfm"),
    *(".ts", ".h264", ".h265", ".hevc", ".vob", ".asf", ".y4m"),
}
ARCHIVE_SUFFIXES = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar"}

# The file in which Edge Impulse's export has the labels of its frames.
LABELS_FILE = "info.labels"

# The file beside the frames in which collect.py says what the camera held during a run.
RUN_FILE = re.compile(r"R\d+\.json")
# The file beside kept frames in which the camera says what it knows of them (`linecam.frames.kept`).
KEPT_FILE = re.compile(r"K\d{7,}\.jsonl")

# What no table can hold a line of: names that are not UTF-8, or break lines.
_BAD_NAME = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029\ud800-\udfff]")

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass
class Listing:
    """What a folder holds; paths are relative to it."""

    # Size in bytes and SHA-256 of every image file, by path, sorted.
    files: dict[str, tuple[int, str]] = field(default_factory=dict)
    # The same of every video.
    videos: dict[str, tuple[int, str]] = field(default_factory=dict)
    # Files and folders of frames that cannot be read: the reason by path, sorted. A folder's path ends with a slash.
    refused: dict[str, str] = field(default_factory=dict)
    # How many other files there are, by suffix in lower case, such as ".txt"; "" for those without one.
    passed_over: Counter[str] = field(default_factory=Counter)
    # How many files and folders there are whose name begins with a dot. Nobody looks into such a folder.
    hidden: int = 0
    # The SHA-256 of every `LABELS_FILE`, by path.
    labels_files: dict[str, str] = field(default_factory=dict)
    # The SHA-256 of every `RUN_FILE`, by path, sorted.
    run_files: dict[str, str] = field(default_factory=dict)
    # The same of every `KEPT_FILE`.
    kept_files: dict[str, str] = field(default_factory=dict)

    def beside_frames(self, name: str) -> dict[str, str] | None:
        """Where a file of this name belongs that is no frame, but is read all the same; None for any other file."""
        if name == LABELS_FILE:
            return self.labels_files
        if RUN_FILE.fullmatch(name):
            return self.run_files
        return self.kept_files if KEPT_FILE.fullmatch(name) else None


def read_folder(folder: str | Path, cache: str | Path) -> Listing:
    """List what is below `folder`; see `Listing`.

    `cache` remembers size, modification time and hash of each file: only files whose size or time differ are read
    again, so that a touched file costs one read and an untouched folder of 25,000 costs a directory scan.
    Raises `UserError` where there is no such folder or no image in it.
    """
    folder, cache = Path(folder), Path(cache)
    if not folder.is_dir():
        what = f"{folder} is a file" if folder.is_file() else f"there is no folder {shown(str(folder))}"
        raise UserError(f"dataset.source: {what}. Name the folder that holds your frames.")
    known = _remembered(cache, folder)
    scan = _Scan(folder)
    seen: dict[str, list[int | str]] = {}
    for path, status in scan.found:
        before = known.get(path)
        if before and before[0] == status.st_size and before[1] == status.st_mtime_ns:
            seen[path] = before
            continue
        try:
            seen[path] = [status.st_size, status.st_mtime_ns, sha256(folder / path)]
        except OSError as error:
            scan.refuse(path, _why(error))
    listing = scan.listing
    if all(listing.beside_frames(PurePosixPath(path).name) is not None for path in seen):
        raise UserError(_nothing(folder, listing))
    if seen != known:
        # On a full or read-only disk nothing is remembered. A step that has to write says so.
        with suppress(OSError), atomic_write(cache) as temporary:
            temporary.write_text(json.dumps({"folder": str(folder.resolve()), "files": seen}), encoding="utf-8")
    for path, (size, _, digest) in sorted(seen.items()):
        pure = PurePosixPath(path)
        if (beside := listing.beside_frames(pure.name)) is not None:
            beside[path] = str(digest)
        else:
            frames = listing.videos if pure.suffix.lower() in VIDEO_SUFFIXES else listing.files
            frames[path] = int(size), str(digest)
    listing.refused = dict(sorted(listing.refused.items()))
    return listing


def in_words(counts: Counter[str]) -> str:
    """Numbers of files by suffix, the most frequent first: "12 .txt, 1 without a suffix"."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {suffix or 'without a suffix'}" for suffix, count in ordered)


def _nothing(folder: Path, listing: Listing) -> str:
    there = [f"There are {in_words(listing.passed_over)}."] if listing.passed_over else []
    for path, reason in sorted(listing.refused.items())[:3]:
        there.append(f"{path}: {reason}.")
    read = ", ".join(sorted(SUFFIXES | VIDEO_SUFFIXES))
    todo = [f"{line}." for line in what_to_do(listing.passed_over)]
    return " ".join([f"There is no image below {folder}.", *there, *todo, f"linecam reads {read}."])


def what_to_do(passed_over: Iterable[str]) -> list[str]:
    """What to do with files that are not read but may hold frames, by their suffixes, in sentences without a stop."""
    foreign = ", ".join(sorted(FOREIGN_SUFFIXES & set(passed_over)))
    archives = ", ".join(sorted(ARCHIVE_SUFFIXES & set(passed_over)))
    lines = [f"If frames are in {foreign}, save them as PNG or JPEG, or as an MP4 video"] if foreign else []
    return lines + ([f"If frames are in {archives}, unpack them"] if archives else [])


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


class _Scan:
    """A walk through a folder: `found` are its images and label files, `listing` has all that is none."""

    def __init__(self, folder: Path) -> None:
        self.found: list[tuple[str, os.stat_result]] = []
        self.listing = Listing()
        self._suffixes = tuple(SUFFIXES | VIDEO_SUFFIXES)
        self._places: dict[str, str] = {}  # by their real path, the folders that were read
        self._links: list[tuple[str, str]] = []
        # A folder counts by its own path, whatever links lead to it: so links come after what they may lead to.
        self._read_all([(str(folder), "")])
        while self._links:
            self._read_all([min(self._links)])

    def refuse(self, path: str, reason: str) -> None:
        """Set `path` aside; bytes and line breaks of its name are written as they are in Python."""
        name = _BAD_NAME.sub(lambda match: ascii(match[0])[1:-1].replace("\\udc", "\\x"), path)
        self.listing.refused[name] = reason

    def _read_all(self, pending: list[tuple[str, str]]) -> None:
        while pending:
            place, prefix = pending.pop()
            self._links = [link for link in self._links if link[0] != place]
            real = os.path.realpath(place)
            if real in self._places:
                self.refuse(prefix, f"a link to a folder that is read as {self._places[real] or 'the source itself'}")
                continue
            self._places[real] = prefix
            try:
                with os.scandir(place) as entries:
                    for entry in entries:
                        self._take(entry, prefix, pending)
            except OSError as error:
                self.refuse(prefix or "./", _why(error))

    def _take(self, entry: os.DirEntry[str], prefix: str, pending: list[tuple[str, str]]) -> None:
        name = entry.name
        if name.startswith("."):
            self.listing.hidden += 1
            return
        image = name.lower().endswith(self._suffixes) or self.listing.beside_frames(name) is not None
        try:
            folder = entry.is_dir()
            if not folder and not image:
                self.listing.passed_over[os.path.splitext(name)[1].lower()] += 1  # noqa: PTH122 (25,000 times)
            elif _BAD_NAME.search(name):
                what = "its name is not UTF-8, or breaks a line, which tables can't hold: rename it"
                self.refuse(f"{prefix}{name}{'/' * folder}", what)
            elif folder:
                (self._links if entry.is_symlink() else pending).append((entry.path, f"{prefix}{name}/"))
            elif entry.is_file():
                self.found.append((prefix + name, entry.stat()))
            else:
                self.refuse(prefix + name, _KINDS.get(stat.S_IFMT(entry.stat().st_mode), "no regular file"))
        except OSError as error:
            self.refuse(prefix + name, _why(error))


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "a link that leads nowhere, or a file that has just gone"
    return f"cannot be read: {error.strerror}"


def digest_of(listing: Listing) -> str:
    """One hash of a folder's paths and contents: it changes when a frame is added, removed, renamed or edited.

    What cannot be read counts, and so do files of labels, of runs and of kept frames; what is passed over does not.
    """
    lines = [f"{path}\0{digest}\n" for path, (_, digest) in [*listing.files.items(), *listing.videos.items()]]
    lines += [f"\0{path}\0{reason}\n" for path, reason in listing.refused.items()]
    beside = listing.labels_files | listing.run_files | listing.kept_files
    lines += [f"\0\0{path}\0{digest}\n" for path, digest in sorted(beside.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


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
