"""Frames as files, and as the table and the array that every later step reads."""

import hashlib
import json
import logging
import os
import re
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from linecam.errors import UserError
from linecam.files import sha256, whole

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
# What Pillow may take a file for: a suffix proves nothing, and it knows formats that start other programs.
FORMATS = ["JPEG", "PNG", "BMP", "WEBP", "GIF"]
COLUMNS = ["path", "sha256", "bytes", "width", "height", "sequence", "number", "part", "label", "status", "reason"]

# A name that goes through UTF-8 and a CSV file unharmed.
_NAME = re.compile(r"[^\r\ud800-\udfff]+")
_NUMBERED = re.compile(r"^(?P<sequence>.*?)[-_. ]?(?P<number>\d+)$")

# By the value of the EXIF tag Orientation.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
QUARTER_TURNS = {_TURNS[number] for number in (5, 6, 7, 8)}


def turn(image: Image.Image) -> Image.Transpose | None:
    """How an image has to be turned to be seen as its EXIF orientation says; None where it is upright."""
    # ImageOps.exif_transpose also writes the other tags anew, and fails on odd ones.
    return _TURNS.get(image.getexif().get(0x0112, 1))


def upright(image: Image.Image) -> Image.Image:
    """The image in RGB, turned as its EXIF orientation says."""
    turned = turn(image)
    rgb = image.convert("RGB")
    return rgb if turned is None else rgb.transpose(turned)


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
        stamp = [stat.st_size, stat.st_mtime_ns]
        before = known.get(path, [])
        try:
            seen[path] = [*stamp, before[2] if before[:2] == stamp else sha256(folder / path)]
        except OSError as error:
            logging.warning("%s is left out: %s", folder / path, error)
    if not seen:
        raise UserError(f"There is no image below {folder}. linecam reads {', '.join(sorted(SUFFIXES))}.")
    if seen != known:
        with whole(cache) as temporary:
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
                image = os.path.splitext(entry.name)[1].lower() in SUFFIXES  # noqa: PTH122 (25,000 times, at start-up)
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


def said_by_path(path: str, classes: list[str]) -> dict[str, object]:
    """What a frame's path relative to the dataset says: `sequence`, `number`, `part` (train, test) and `label`.

    `C-10352.jpg` is number 10352 of the sequence C. `train/bad/x.jpg` is a training frame labelled bad. What the
    path doesn't say is an empty string, or -1 for the number.
    """
    pure = PurePosixPath(path)
    match = _NUMBERED.match(pure.stem)
    folders = pure.parts[:-1]
    return {
        "sequence": match["sequence"] if match else "",
        "number": int(match["number"]) if match else -1,
        "part": folders[0] if folders and folders[0] in {"train", "test"} else "",
        "label": next((name for name in reversed(folders) if name in classes), ""),
    }


def read_index(path: str | Path) -> pd.DataFrame:
    """The whole index, one row a file, with the columns `COLUMNS`."""
    return pd.read_csv(
        path,
        dtype={name: str for name in COLUMNS if name not in {"bytes", "width", "height", "number"}},
        keep_default_na=False,
    )


def read_frames(path: str | Path) -> pd.DataFrame:
    """The usable frames of an index, one row a content; row i belongs to row i of every pixel and embedding array."""
    index = read_index(path)
    return index[index["status"] == "ok"].reset_index(drop=True)


def read_split(path: str | Path) -> pd.DataFrame:
    """A split: row, sha256, path, part, label and by, text as it is written whatever the classes are called."""
    text = dict.fromkeys(("sha256", "path", "part", "label", "by"), str)
    return pd.read_csv(path, dtype=text, keep_default_na=False)


def read_pixels(path: str | Path) -> NDArray[np.uint8]:
    """The pixels of the usable frames, (frames, size, size, 3), uint8, 0..255, memory-mapped."""
    return np.load(path, mmap_mode="r")
