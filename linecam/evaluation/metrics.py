"""Figures of a classifier: accuracy, recall and precision with intervals, and how two models compare."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linecam.evaluation.figures import Agreement, ConstantScore, Leak, Score
from linecam.intervals import Interval, difference, ratio


def score(test: pd.DataFrame, classes: list[str], confidence: float) -> Score:
    """The figures of `test`, which has `label` and `predicted`, a class or "" for none; intervals at `confidence`."""
    right = int((test["label"] == test["predicted"]).sum())
    matrix = confusion(test["label"], test["predicted"], classes)
    hits = matrix.diagonal()
    # All frames of a class, also frames without a decision.
    counts = np.array([(test["label"] == name).sum() for name in classes])
    recalls = hits / np.maximum(counts, 1)
    precisions = hits / np.maximum(matrix.sum(axis=0), 1)
    present = counts > 0
    return {
        "frames": len(test),
        "accuracy": ratio(right, len(test), confidence),
        "balanced_accuracy": round(float(recalls[present].mean()), 6),
        "confusion": matrix.tolist(),
        "classes": {
            name: {
                "precision": round(float(precisions[n]), 6),
                "recall": ratio(int(hits[n]), int(counts[n]), confidence),
            }
            for n, name in enumerate(classes)
        },
    }


def most_frequent(labels: pd.Series, weights: pd.Series, classes: list[str]) -> str:
    """The one of `classes` that weighs most among `labels`, of several the first: the best answer that never looks.

    `labels` and `weights` are (frames,).
    """
    return max(classes, key=lambda name: float(weights[labels == name].sum()))


def constant_score(test: pd.DataFrame, says: str, classes: list[str], confidence: float) -> ConstantScore:
    """The figures of always saying the class `says` of the frames of `test`, which has `label`."""
    return {"says": says, **score(test.assign(predicted=says), classes, confidence)}


def rarest_class(test: Score, classes: list[str]) -> str:
    """The one of `classes` that there are the fewest test frames of; of several the first."""
    return min(classes, key=lambda name: test["classes"][name]["recall"]["of"][1])


def confusion(labels: pd.Series, predicted: pd.Series, classes: list[str]) -> NDArray[np.int64]:
    """How many frames of each class (row) were taken for each class (column); those taken for none are in no column."""
    # scikit-learn has this, and takes longer to import than all the rest of an evaluation.
    return np.array([[((labels == true) & (predicted == taken)).sum() for taken in classes] for true in classes])


def paired(labels: pd.Series, one: pd.Series, other: pd.Series, names: tuple[str, str]) -> dict[str, int]:
    """On how many of the same frames two models differ, and on how many of these just one of them is right.

    `labels`, and the classes `one` and `other` that the models predicted, are (frames,) text with equal indexes. The
    keys are `differ`, `only_<name>_right` for each of `names`.
    """
    differ = one != other
    counts = {"differ": int(differ.sum())}
    for name, predicted in zip(names, (one, other), strict=True):
        counts[f"only_{name}_right"] = int((differ & (predicted == labels)).sum())
    return counts


def agreement(table: pd.DataFrame, reference: pd.DataFrame, classes: list[str]) -> Agreement:
    """How far a model says what the float one says: on unlabelled frames, or where there is none on training frames.

    `table` and `reference` are predictions of the same frames, in one order.
    """
    part = table["part"] == "unlabelled"
    where = "unlabelled frames"
    if not part.any():
        part, where = table["part"] != "test", "training frames"
    columns = [f"p_{name}" for name in classes]
    same = (table.loc[part, "predicted"] == reference.loc[part, "predicted"]).mean()
    gap = (table.loc[part, columns] - reference.loc[part, columns]).abs().to_numpy().mean()
    return {
        "on": where,
        "frames": int(part.sum()),
        "argmax": round(float(same), 6),
        "probability_gap": round(float(gap), 6),
    }


def leak(test: pd.DataFrame, near: pd.DataFrame, confidence: float) -> dict[str, Leak | None]:
    """Accuracy on test frames `near` a training frame and `far` from all, by number and by embedding.

    `test` are predictions, `near` is the table of find_near. `worth` is the accuracy on all test frames minus the
    accuracy on those unlike any training frame, as a share, with an interval. It is None where one of the two has no
    frame. All of it is None where nearness is not known.
    """
    right = (test["label"] == test["predicted"]).to_numpy()
    flags = near.set_index("sha256").loc[test["sha256"]]
    found: dict[str, Leak | None] = {}
    for by in ("by_number", "by_embedding"):
        if flags[by].isna().any():
            found[by] = None
            continue
        close = flags[by].to_numpy(dtype=bool)
        near_right = ratio(int(right[close].sum()), int(close.sum()), confidence)
        far_right = ratio(int(right[~close].sum()), int((~close).sum()), confidence)
        worth: Interval | None = None
        if close.any() and not close.all():  # all are above the far ones by the near ones' share of the difference
            apart, share = difference(near_right, far_right), float(close.mean())
            worth = {
                "value": round(share * apart["value"], 6),
                "low": round(share * apart["low"], 6),
                "high": round(share * apart["high"], 6),
            }
        found[by] = {"near": near_right, "far": far_right, "worth": worth}
    return found
