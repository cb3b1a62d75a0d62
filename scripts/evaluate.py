"""Evaluate one form of one model on the test frames, paired with the float model."""

from pathlib import Path
from typing import Any

import pandas as pd

from linecam.errors import reported
from linecam.evaluation.metrics import paired, score
from linecam.evaluation.predictions import decide, read_predictions
from linecam.files import read_json, write_json
from linecam.intervals import difference, ratio


def evaluate(
    predictions: Path,
    reference: Path,
    cost: Path | None,
    thresholds_path: Path | None,
    near: Path | None,
    metrics: Path,
    *,
    classes: list[str],
    confidence: float,
) -> None:
    """Write accuracy, precision, recall, confusion matrix and the agreement with `reference`, the float predictions.

    `reference` may have more frames. All intervals are Wilson's (1927) score intervals at `confidence`. `agreement` is
    counted on frames outside the test set, so that a quantization range may be chosen by it. Where `thresholds_path`
    has thresholds, `decided` has the same figures of what main.py decides by them. Where `near` (near/<selection>.csv)
    is given, `leak` has the accuracy on test frames that show nearly what a training frame shows, and on the others.
    """
    table, float_table = read_predictions(predictions), read_predictions(reference)
    float_table = float_table[float_table["sha256"].isin(table["sha256"])].reset_index(drop=True)
    if list(table["sha256"]) != list(float_table["sha256"]):
        raise ValueError(f"{predictions} and {reference} are of different frames")
    tested = table["part"] == "test"
    test = table[tested]
    result: dict[str, Any] = {
        "test": score(test, classes, confidence),
        "paired": paired(test["label"], test["predicted"], float_table["predicted"][tested], ("this", "float")),
        "agreement": agree(table, float_table, classes),
    }
    if thresholds_path and (thresholds := read_json(thresholds_path)["thresholds"]):
        result["decided"] = score(test.assign(predicted=decide(test, classes, thresholds)), classes, confidence)
    if near:
        result["leak"] = leak(test, pd.read_csv(near), confidence)
    if cost:
        result["cost"] = read_json(cost)
    write_json(metrics, result)


def leak(test: pd.DataFrame, near: pd.DataFrame, confidence: float) -> dict[str, Any]:
    """Accuracy on test frames `near` a training frame and `far` from all, by number and by embedding.

    `worth` is the accuracy on all test frames minus the accuracy on those unlike any training frame, as a share, with
    an interval. It is None where one of the two has no frame, or nearness is not known.
    """
    right = (test["label"] == test["predicted"]).to_numpy()
    flags = near.set_index("sha256").loc[test["sha256"]]
    found: dict[str, Any] = {}
    for by in ("by_number", "by_embedding"):
        if flags[by].isna().any():
            found[by] = None
            continue
        close = flags[by].to_numpy(dtype=bool)
        near_right = ratio(int(right[close].sum()), int(close.sum()), confidence)
        far_right = ratio(int(right[~close].sum()), int((~close).sum()), confidence)
        worth = None
        if close.any() and not close.all():  # all are above the far ones by the near ones' share of the difference
            apart = difference(near_right, far_right)
            worth = {name: round(float(close.mean() * value), 6) for name, value in apart.items()}
        found[by] = {"near": near_right, "far": far_right, "worth": worth}
    return found


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
            Path(snakemake.input.near) if snakemake.input.get("near") else None,
            Path(snakemake.output.metrics),
            classes=snakemake.params.classes,
            confidence=snakemake.params.confidence,
        )
