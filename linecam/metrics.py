"""Figures of a classifier: accuracy, recall and precision, with intervals."""

import math
from statistics import NormalDist
from typing import Any

import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support


def score(test: pd.DataFrame, classes: list[str], confidence: float) -> dict[str, Any]:
    """Accuracy and each class's figures; `confusion` has a row for each true class, a column for each predicted."""
    right = int((test["label"] == test["predicted"]).sum())
    matrix = confusion_matrix(test["label"], test["predicted"], labels=classes)
    precisions, recalls, _, _ = precision_recall_fscore_support(
        test["label"], test["predicted"], labels=classes, zero_division=0
    )
    present = matrix.sum(axis=1) > 0
    return {
        "frames": len(test),
        "accuracy": ratio(right, len(test), confidence),
        "balanced_accuracy": round(float(recalls[present].mean()), 6),
        "confusion": matrix.tolist(),
        "classes": {
            name: {
                "precision": round(float(precisions[n]), 6),
                "recall": ratio(int(matrix[n, n]), int(matrix[n].sum()), confidence),
            }
            for n, name in enumerate(classes)
        },
    }


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
