"""Frames that a camera at work has kept because they are hard (openmv/line_keep.py): what is known of each.

A folder of such frames has files of lines beside them: K0000100.jsonl is about K0000100.bmp to K0000199.bmp. A frame is
a kept one by its name and such a file beside it, even where its own line is missing: the power may have failed between
the two. It keeps no place in a random sample. It was chosen since it is hard, so that it says nothing of the line.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

REASONS = {
    "mark": "marked by an operator",
    "undecided": "left undecided",
    "margin": "with a low margin",
    "every": "one in so many",
    "unknown": "for a reason that is not known",
}
URGENT = ("mark",)  # these are labelled before the others

_FRAME = re.compile(r"K\d{7,}")


@dataclass(frozen=True)
class Kept:
    """Why a frame was kept, a key of `REASONS`, and where it was: the sequence, and its item's number or -1."""

    reason: str
    sequence: str
    number: int

    def as_facts(self) -> dict[str, object]:
        """As columns of the index."""
        return {"kept": self.reason, "sequence": self.sequence, "number": self.number}


def kept_frames(folder: Path, files: Iterable[str], frames: Iterable[str]) -> dict[str, Kept]:
    """What is known of the kept frames among `frames`, by path, from the .jsonl `files`. Paths are below `folder`.

    A line that makes no sense is passed over: it was cut when the power failed.
    """
    told: dict[str, Mapping[str, object]] = {}
    beside = set()
    for file in sorted(files):
        place = PurePosixPath(file).parent
        beside.add(place)
        for line in (folder / file).read_bytes().splitlines():
            try:
                entry = json.loads(line)
                told[str(place / entry["file"])] = entry
            except (ValueError, TypeError, KeyError, RecursionError):
                continue
    found = {}
    for path in frames:
        pure = PurePosixPath(path)
        if pure.parent in beside and _FRAME.fullmatch(pure.stem):
            found[path] = _kept(pure, told.get(f"{pure.with_suffix('')}.bmp", {}))
    return found


def _kept(path: PurePosixPath, entry: Mapping[str, object]) -> Kept:
    run, item, reason = entry.get("run"), entry.get("item"), entry.get("reason")
    known = type(run) is int and type(item) is int and 0 <= item < 10**18
    # Without a number it is next to no frame, and near to none.
    return Kept(
        reason if isinstance(reason, str) and reason in REASONS else "unknown",
        f"{path.parent}/K{run:07d}" if known else "",
        item if type(item) is int and known else -1,
    )


def is_kept(frames: pd.DataFrame) -> pd.Series:
    """Which of `frames`, rows of an index, a camera kept because they are hard."""
    return frames["kept"] != ""


def in_words(reasons: Iterable[str]) -> str:
    """How many frames were kept for which reason, in the order of `REASONS`: "3 marked by an operator, 9 ..."."""
    counts = Counter(reasons)
    return ", ".join(f"{counts[key]} {words}" for key, words in REASONS.items() if counts[key])
