"""Predictions: one row a frame of the split, with a probability for each class."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linecam.files import atomic_write
from linecam.frames.index import read_split


def write_predictions(
    path: str | Path,
    split: str | Path,
    probabilities: NDArray[np.float32],
    classes: list[str],
    parts: set[str] | None = None,
) -> None:
    """Write (sha256, path, part, label, predicted, p_<class>...) for (frames, classes) probabilities in [0, 1].

    The frames are those of the split, or of some `parts` of it, as `rows_of` gives them.
    """
    table = _of(split, parts)[["sha256", "path", "part", "label"]]
    table["predicted"] = [classes[number] for number in probabilities.argmax(axis=1)]
    for number, name in enumerate(classes):
        # All digits of a multiple of 1/256, as an int8 softmax has it: it must reach a threshold that it equals.
        table[f"p_{name}"] = [f"{value:.8f}" for value in probabilities[:, number]]
    with atomic_write(path) as temporary:
        table.to_csv(temporary, index=False)


def read_predictions(path: str | Path) -> pd.DataFrame:
    """Read what `write_predictions` wrote; a frame without a label has ""."""
    text = dict.fromkeys(("sha256", "path", "part", "label", "predicted"), str)
    return pd.read_csv(path, dtype=text, keep_default_na=False)


def decide(table: pd.DataFrame, classes: list[str], thresholds: dict[str, float]) -> list[str]:
    """What main.py says of each frame of a table of predictions, by itself: a class, or "" for no decision.

    The first class whose probability reaches its threshold; else the most probable of those without a threshold.
    """
    free = [name for name in classes if name not in thresholds]
    best = table[[f"p_{name}" for name in free]].to_numpy().argmax(axis=1) if free else None
    decided = [""] * len(table) if best is None else [free[number] for number in best]
    for name in reversed([name for name in classes if name in thresholds]):
        reached = table[f"p_{name}"] >= thresholds[name]
        decided = [name if over else before for over, before in zip(reached, decided, strict=True)]
    return decided


def rows_of(split: str | Path, parts: set[str] | None = None) -> NDArray[np.intp]:
    """The row in the pixel array of each frame of the split, or of some `parts` of it, in the split's order."""
    rows: NDArray[np.intp] = _of(split, parts)["row"].to_numpy(dtype=np.intp)
    return rows


def judged_on(split: str | Path) -> set[str]:
    """The parts of a split that a quantized model is judged on: all, but no labelled one besides the test frames where
    there are unlabelled frames to compare it with the float model on."""
    parts = set(read_split(split)["part"])
    return parts & {"test", "unlabelled"} if "unlabelled" in parts else parts


def _of(split: str | Path, parts: set[str] | None) -> pd.DataFrame:
    table = read_split(split)
    return table if parts is None else table[table["part"].isin(parts)].reset_index(drop=True)
