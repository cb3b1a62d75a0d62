"""Figures of a classifier: accuracy, recall and precision, with intervals."""

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


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


def ratio(part: int, whole: int, confidence: float) -> dict[str, Any]:
    """`part / whole` with Wilson's score interval at `confidence`; null where there is nothing to count."""
    if whole == 0:
        return {"of": [part, whole], "value": None, "low": None, "high": None}
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = part / whole
    centre = (p + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z * math.sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole)) / (1 + z * z / whole)
    # At the ends the formula's rounding error may pass the exact bound.
    low = 0.0 if part == 0 else max(centre - half, 0.0)
    high = 1.0 if part == whole else min(centre + half, 1.0)
    return {"of": [part, whole], "value": round(p, 6), "low": round(low, 6), "high": round(high, 6)}


def difference(one: dict[str, Any], other: dict[str, Any]) -> dict[str, float]:
    """What one `ratio` is above another of other frames, with Newcombe's (1998) interval, made of their intervals."""
    value = one["value"] - other["value"]
    below = math.hypot(one["value"] - one["low"], other["high"] - other["value"])
    above = math.hypot(one["high"] - one["value"], other["value"] - other["low"])
    return {"value": round(value, 6), "low": round(value - below, 6), "high": round(value + above, 6)}
