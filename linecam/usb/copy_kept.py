"""Copy the frames that a camera has kept on its card (openmv/line_keep.py) to a dataset, none of them twice."""

import json
import logging
import re
from collections.abc import Collection, Iterable
from itertools import count
from pathlib import Path

from linecam.errors import UserError
from linecam.files import atomic_write, sha256
from linecam.frames.folder import KEPT_FILE

FOLDER = "kept"  # on the card, and below the folder of the dataset
_FRAME = re.compile(r"K\d{7,}\.bmp")


def copy_kept(card: Path, folder: Path) -> None:
    """Copy kept frames and their lines from `card`, or its folder kept/, to `folder`/kept.

    Files that are there already stay; lines that are new are added. A frame whose name another one has there, since it
    is of another camera or card, goes with all of its card to kept-2, and so on: wherever no name is taken. Raises
    `UserError` where there are no such frames, and where one of the folders can't be read or written.
    """
    source = card / FOLDER if (card / FOLDER).is_dir() else card
    try:
        names = sorted(path.name for path in source.iterdir())
        frames = [name for name in names if _FRAME.fullmatch(name)]
        if not frames:
            raise UserError(
                f"{source} has no frame that a camera has kept: these are called K0000001.bmp and so on. Name the "
                "drive of the camera's SD card, or its folder kept. docs/hard-frames.md says how frames are kept."
            )
        target = _target(source, folder, frames)
        target.mkdir(parents=True, exist_ok=True)
        new = [name for name in frames if not (target / name).exists()]
        for name in new:
            with atomic_write(target / name) as temporary:
                temporary.write_bytes((source / name).read_bytes())
        for name in names:
            if KEPT_FILE.fullmatch(name):
                _add_lines(source / name, target / name, set(frames))
    except OSError as error:
        raise UserError(
            f"Frames can't be copied from {source} to {folder} ({error}). Put the card in, make room, and run the same "
            "command again: what was copied stays."
        ) from error
    logging.info(
        "Kept frames in %s: %d new ones, %d were there already. They are part of the dataset whose source is %s or a "
        "folder above it.",
        target,
        len(new),
        len(frames) - len(new),
        folder,
    )


def _target(source: Path, folder: Path, frames: Iterable[str]) -> Path:
    """The first of kept, kept-2, kept-3, ... in which each name is free, or has the same frame."""
    for number in count(1):
        target = folder / (FOLDER if number == 1 else f"{FOLDER}-{number}")
        there = [name for name in frames if (target / name).exists()]
        if all(sha256(target / name) == sha256(source / name) for name in there):
            return target
    raise AssertionError("there is always another number")


def _add_lines(source: Path, target: Path, frames: Collection[str]) -> None:
    """Add the lines of `source` that `target` lacks, as far as they are about `frames`, those on the card now.

    Those that the camera has replaced since keep the lines that they have. A line that was cut says nothing.
    """
    known = target.read_bytes().splitlines() if target.exists() else []
    new = [line for line in source.read_bytes().splitlines() if _about(line) in frames]
    lines = list(dict.fromkeys([*known, *new]))
    if lines != known:
        with atomic_write(target) as temporary:
            temporary.write_bytes(b"".join(line + b"\n" for line in lines))


def _about(line: bytes) -> str:
    try:
        return str(json.loads(line)["file"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
