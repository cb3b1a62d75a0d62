"""Evaluate one form of one model on the test frames, paired with the float model."""

from pathlib import Path
from typing import Any

import pandas as pd

from linecam.errors import reported
from linecam.files import read_json, write_json
from linecam.metrics import score
from linecam.predictions import decide, read_predictions


def evaluate(
    predictions: Path,
    reference: Path,
    cost: Path | None,
    thresholds_path: Path | None,
    metrics: Path,
    *,
    classes: list[str],
    confidence: float,
) -> None:
    """Write accuracy, precision, recall, confusion matrix and the agreement with `reference`, the float predictions.

    `reference` may have more frames. All intervals are Wilson's (1927) score intervals at `confidence`. `agreement` is
    counted on frames outside the test set, so that a quantization range may be chosen by it. Where `thresholds_path`
    has thresholds, `decided` has the same figures of what main.py decides by them.
    """
    table, paired = read_predictions(predictions), read_predictions(reference)
    paired = paired[paired["sha256"].isin(table["sha256"])].reset_index(drop=True)
    if list(table["sha256"]) != list(paired["sha256"]):
        raise ValueError(f"{predictions} and {reference} are of different frames")
    tested = table["part"] == "test"
    result: dict[str, Any] = {
        "test": score(table[tested], classes, confidence),
        "paired": compare(table[tested], paired[tested]),
        "agreement": agree(table, paired, classes),
    }
    if thresholds_path and (thresholds := read_json(thresholds_path)["thresholds"]):
        test = table[tested]
        result["decided"] = score(test.assign(predicted=decide(test, classes, thresholds)), classes, confidence)
    if cost:
        result["cost"] = read_json(cost)
    write_json(metrics, result)


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


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        evaluate(
            Path(snakemake.input.predictions),
            Path(snakemake.input.reference),
            Path(snakemake.input.cost) if snakemake.input.get("cost") else None,
            Path(snakemake.input.thresholds) if snakemake.input.get("thresholds") else None,
            Path(snakemake.output.metrics),
            classes=snakemake.params.classes,
            confidence=snakemake.params.confidence,
        )
