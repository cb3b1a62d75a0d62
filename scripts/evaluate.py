"""Evaluate one form of one model on the test frames, paired with the float model."""

import math
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from linecam.errors import reported
from linecam.files import read_json, write_json
from linecam.predictions import read_predictions


def evaluate(
    predictions: Path, reference: Path, cost: Path | None, metrics: Path, *, classes: list[str], confidence: float
) -> None:
    """Write accuracy, precision, recall, confusion matrix and the agreement with `reference`, the float predictions.

    All intervals are Wilson's (1927) score intervals at `confidence`. `agreement` is counted on frames outside the
    test set, so that a quantization range may be chosen by it.
    """
    table, paired = read_predictions(predictions), read_predictions(reference)
    if list(table["sha256"]) != list(paired["sha256"]):
        raise ValueError(f"{predictions} and {reference} are of different frames")
    tested = table["part"] == "test"
    result: dict[str, Any] = {
        "test": score(table[tested], classes, confidence),
        "paired": compare(table[tested], paired[tested]),
        "agreement": agree(table, paired, classes),
    }
    if cost:
        result["cost"] = read_json(cost)
    write_json(metrics, result)


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


def compare(test: pd.DataFrame, reference: pd.DataFrame) -> dict[str, int]:
    """Test frames that this model and the float one judge differently, and which of the two was right."""
    differ = test["predicted"] != reference["predicted"]
    return {
        "differ": int(differ.sum()),
        "only_this_right": int((differ & (test["predicted"] == test["label"])).sum()),
        "only_float_right": int((differ & (reference["predicted"] == test["label"])).sum()),
    }


def agree(table: pd.DataFrame, reference: pd.DataFrame, classes: list[str]) -> dict[str, Any]:
    """How far this model says what the float one says: on unlabelled frames, or where there is none on labelled ones.

    `probability_gap` is the mean absolute difference of a probability.
    """
    part = table["part"] == "unlabelled"
    where = "unlabelled frames"
    if not part.any():
        part, where = table["part"] != "test", "training and validation frames"
    columns = [f"p_{name}" for name in classes]
    same = (table.loc[part, "predicted"] == reference.loc[part, "predicted"]).mean()
    gap = (table.loc[part, columns] - reference.loc[part, columns]).abs().to_numpy().mean()
    return {
        "on": where,
        "frames": int(part.sum()),
        "argmax": round(float(same), 6),
        "probability_gap": round(float(gap), 6),
    }


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        evaluate(
            Path(snakemake.input.predictions),
            Path(snakemake.input.reference),
            Path(snakemake.input.cost) if snakemake.input.get("cost") else None,
            Path(snakemake.output.metrics),
            classes=snakemake.params.classes,
            confidence=snakemake.params.confidence,
        )
