"""Curves of a classifier's probabilities: missed against false alarms, precision against recall, and reliability."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from linecam.evaluation.predictions import HALF
from linecam.evaluation.thresholds import deciding_scores

Point = tuple[float, float]
Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """One class's curve: `x` and `y` are (points,), shares from 0 to 1.

    `set_point` is where main.py decides, None where it never decides for the class and there is no such point.
    """

    name: str
    x: Shares
    y: Shares
    set_point: Point | None


def trade_offs(held_out: pd.DataFrame, classes: list[str], thresholds: dict[str, float]) -> list[Curve]:
    """For each class, over all thresholds: false alarms (x, a share of the other frames) against missed frames (y).

    `held_out` has `label`, `predicted`, `weight` and p_<class> of frames that the model had not seen; each counts by
    its weight. The set point is that of `thresholds`, or of the highest probability for a class without one. A class
    that has all frames, or none, has no curve.
    """
    weights = held_out["weight"].to_numpy(np.float64)
    found = []
    for name in classes:
        positive = (held_out["label"] == name).to_numpy()
        if positive.all() or not positive.any():
            continue
        threshold = thresholds.get(name, HALF)
        scores = deciding_scores(held_out, name)
        alarms, finds, _ = roc_curve(positive, scores, sample_weight=weights)
        over = scores >= threshold
        set_point = (_share(over[~positive], weights[~positive]), _share(~over[positive], weights[positive]))
        found.append(Curve(name, alarms, 1 - finds, set_point))
    return found


def precision_by_recall(test: pd.DataFrame, decided: list[str], classes: list[str]) -> list[Curve]:
    """For each class, over all thresholds: the share of it that is found (x) against precision (y), on test frames.

    `test` has `label` and p_<class>. `decided` is what main.py says of each frame, a class or "": it gives the set
    point. A class without frames has no curve.
    """
    says = np.array(decided)
    found = []
    for name in classes:
        positive = (test["label"] == name).to_numpy()
        if not positive.any():
            continue
        precision, recall, _ = precision_recall_curve(positive, test[f"p_{name}"].to_numpy(np.float64))
        hits, judged = int((positive & (says == name)).sum()), int((says == name).sum())
        set_point = (hits / int(positive.sum()), hits / judged) if judged else None
        # The last point, recall 0 at precision 1, stands for no threshold.
        found.append(Curve(name, recall[:-1], precision[:-1], set_point))
    return found


@dataclass(frozen=True)
class Reliability:
    """For each bin of the highest probability that holds a frame: the mean, the share of right frames, their number."""

    said: Shares
    right: Shares
    frames: NDArray[np.intp]


def reliability(table: pd.DataFrame, classes: list[str], weights: Shares, bins: int = 10) -> Reliability:
    """How often a model is right where it says so much (DeGroot and Fienberg, 1983), in `bins` equal bins from 0 to 1.

    `table` has `label`, `predicted` and p_<class>; `weights` are (frames,).
    """
    said = table[[f"p_{name}" for name in classes]].to_numpy(np.float64).max(axis=1)
    right = (table["label"] == table["predicted"]).to_numpy()
    number = np.minimum((said * bins).astype(int), bins - 1)
    filled = [number == n for n in range(bins) if (number == n).any()]
    return Reliability(
        np.array([np.average(said[those], weights=weights[those]) for those in filled]),
        np.array([_share(right[those], weights[those]) for those in filled]),
        np.array([int(those.sum()) for those in filled], dtype=np.intp),
    )


def _share(hits: NDArray[np.bool_], weights: Shares) -> float:
    return float(np.average(hits, weights=weights))
