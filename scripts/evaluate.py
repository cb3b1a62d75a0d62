"""Evaluate one form of one model on the test frames, paired with the float model."""

from pathlib import Path

import pandas as pd

from linecam.evaluation.figures import Metrics
from linecam.evaluation.metrics import agreement, constant_score, leak, most_frequent, paired, score
from linecam.evaluation.predictions import decide, read_predictions
from linecam.files import read_json, write_json
from linecam.frames.index import read_split
from linecam.workflow.job import job


def evaluate(
    predictions: Path,
    reference: Path,
    cost: Path | None,
    thresholds_path: Path | None,
    near: Path | None,
    split: Path,
    metrics: Path,
    *,
    classes: list[str],
    confidence: float,
) -> None:
    """Write accuracy, precision, recall, confusion matrix and the agreement with `reference`, the float predictions.

    `reference` may have more frames. All intervals are Wilson's (1927) score intervals at `confidence`. `agreement` is
    counted on frames outside the test set, so that a quantization range may be chosen by it. `constant` has the figures
    of always saying the class that weighs most among the training frames of `split`. Where `thresholds_path`
    has thresholds, `decided` has the same figures of what main.py decides by them. Where `near` (near/<selection>.csv)
    is given, `leak` has the accuracy on test frames that show nearly what a training frame shows, and on the others.
    """
    table, float_table = read_predictions(predictions), read_predictions(reference)
    training = read_split(split).query("part == 'train'")
    says = most_frequent(training["label"], training["weight"], classes)
    float_table = float_table[float_table["sha256"].isin(table["sha256"])].reset_index(drop=True)
    if list(table["sha256"]) != list(float_table["sha256"]):
        raise ValueError(f"{predictions} and {reference} are of different frames")
    tested = table["part"] == "test"
    test = table[tested]
    result: Metrics = {
        "test": score(test, classes, confidence),
        "constant": constant_score(test, says, classes, confidence),
        "paired": paired(test["label"], test["predicted"], float_table["predicted"][tested], ("this", "float")),
        "agreement": agreement(table, float_table, classes),
    }
    if thresholds_path and (thresholds := read_json(thresholds_path)["thresholds"]):
        result["decided"] = score(test.assign(predicted=decide(test, classes, thresholds)), classes, confidence)
    if near:
        result["leak"] = leak(test, pd.read_csv(near), confidence)
    if cost:
        result["cost"] = read_json(cost)
    write_json(metrics, result)


if __name__ == "__main__":
    with job(snakemake):
        evaluate(
            Path(snakemake.input.predictions),
            Path(snakemake.input.reference),
            Path(snakemake.input.cost) if snakemake.input.get("cost") else None,
            Path(snakemake.input.thresholds) if snakemake.input.get("thresholds") else None,
            Path(snakemake.input.near) if snakemake.input.get("near") else None,
            Path(snakemake.input.split),
            Path(snakemake.output.metrics),
            classes=snakemake.params.classes,
            confidence=snakemake.params.confidence,
        )
