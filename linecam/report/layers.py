"""Where the quantization error arises, as the report shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linecam.files import read_json

# A bar is as long as the ratio, up to this many dB: noise of a thousandth of the amplitude.
FULL_BAR = 60.0


@dataclass(frozen=True)
class Layers:
    """The layers of the chosen model, and what a person should take from them."""

    rows: Sequence[dict[str, Any]]  # each with number, operator, output, gathered_db, alone_db and clipped
    worst: dict[str, Any] | None  # the one that adds the most noise
    last: dict[str, Any] | None  # the last layer before the softmax, which tells the classes apart
    frames: int
    part: str  # of the split, from which the frames are
    why: str | None  # there are no rows

    @classmethod
    def read(cls, path: Path) -> "Layers":
        """What scripts/compare_layers.py wrote."""
        found = read_json(path)
        rows = found["layers"]
        adding = [row for row in rows if row["alone_db"] is not None]
        scores = [row for row in rows if row["operator"] != "SOFTMAX"]
        return cls(
            rows=rows,
            worst=min(adding, key=lambda row: row["alone_db"], default=None),
            last=scores[-1] if scores else None,
            frames=found["frames"],
            part=found["part"],
            why=found["why"],
        )


def amplitude(decibels: float) -> float:
    """The noise's share of the signal's amplitude at a ratio in dB."""
    return float(10 ** (-decibels / 20))


def bar(decibels: float | None) -> float:
    """The length of a bar in percent; full where there is no noise."""
    return 100.0 if decibels is None else 100 * min(max(decibels / FULL_BAR, 0), 1)
