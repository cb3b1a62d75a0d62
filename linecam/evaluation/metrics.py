"""Figures of a classifier: accuracy, recall and precision, with intervals."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linecam.intervals import ratio


def score(test: pd.DataFrame, classes: list[str], confidence: float) -> dict[str, Any]:
    """Accuracy and each class's figures; `confusion` has a row for each true class, a column for each predicted."""
    right = int((test["label"] == test["predicted"]).sum())
    matrix = confusion(test["label"], test["predicted"], classes)
    hits = matrix.diagonal()
    # All frames of a class, also those without a decision.
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


def confusion(labels: pd.Series, predicted: pd.Series, classes: list[str]) -> NDArray[np.int64]:
    """How many frames of each class (row) were taken for each class (column); those taken for none are in no column."""
    # scikit-learn has this, and takes longer to import than all the rest of an evaluation.
    return np.array([[((labels == true) & (predicted == said)).sum() for said in classes] for true in classes])


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
