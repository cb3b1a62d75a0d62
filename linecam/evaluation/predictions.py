"""Predictions: one row a frame of the split, with a probability for each class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linecam.files import atomic_write
from linecam.frames.index import read_split

# Who has more than this of the probability has the highest. Up to it, a threshold finds more than the highest does.
HALF = 0.5


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


def decide(table: pd.DataFrame, classes: list[str], thresholds: dict[str, float], whole: float = 1.0) -> list[str]:
    """What main.py says of each frame of a table of predictions, by itself: a class, or "" for no decision.

    The first class whose probability reaches its threshold; else the most probable of all, where it has no threshold or
    one of up to one half: such a one finds more than the highest probability does, and never less. One above that is
    demanded: else the most probable of those without a threshold. `whole` is what a probability of 1 is in `table`.
    """
    probability = table[[f"p_{name}" for name in classes]].to_numpy()
    free = [number for number, name in enumerate(classes) if name not in thresholds]
    demanding = np.array([thresholds.get(name, 0) > HALF * whole for name in classes])
    highest = probability.argmax(axis=1)
    best = np.array(free)[probability[:, free].argmax(axis=1)] if free else np.full(len(table), -1)
    numbers = np.where(demanding[highest], best, highest)
    decided = ["" if number < 0 else classes[number] for number in numbers]
    for name in reversed([name for name in classes if name in thresholds]):
        reached = table[f"p_{name}"] >= thresholds[name]
        decided = [name if over else before for over, before in zip(reached, decided, strict=True)]
    return decided


def margins(
    table: pd.DataFrame, classes: list[str], thresholds: dict[str, float], decided: Sequence[str]
) -> NDArray[np.float64]:
    """How sure each decision is, (N,), 0..1: a probability that changes by less than this changes no decision.

    `decided` is what `decide` says of `table`. Without thresholds it is the margin of active learning, the highest
    probability less the second. A frame without a decision has 0.
    """
    probability = table[[f"p_{name}" for name in classes]].to_numpy(np.float64)
    limit = np.array([thresholds.get(name, np.inf) for name in classes])
    demanding = np.array([thresholds.get(name, 0) > HALF for name in classes])
    result = np.zeros(len(table))
    for number, name in enumerate(classes):
        rows = np.array([one == name for one in decided], dtype=bool)
        own, missing = probability[rows, number], limit - probability[rows]
        # A class without a threshold stands in for a demanding one that does not reach its own.
        rivals = np.where(demanding & (name not in thresholds), -np.inf, probability[rows])
        rivals[:, number] = -np.inf
        others = np.delete(missing, number, axis=1).min(axis=1, initial=np.inf)
        highest = np.minimum(own - rivals.max(axis=1), others) if not demanding[number] else -np.inf
        reached = np.minimum(own - limit[number], missing[:, :number].min(axis=1, initial=np.inf))
        result[rows] = np.clip(np.maximum(highest, reached), 0, own)
    return result


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
