"""From which probability on a model should decide for a class: what each threshold finds, and what it costs."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linecam.errors import reported
from linecam.evaluation.predictions import read_predictions
from linecam.files import write_json
from linecam.intervals import ratio

# A probability of the quantized model is a multiple of this.
STEP = 1 / 256
WANTED = (0.9, 0.95, 0.98, 0.99, 1.0)


def set_thresholds(
    held_out: Path,
    result: Path,
    *,
    classes: list[str],
    recall: dict[str, float],
    thresholds: dict[str, float],
    confidence: float,
) -> None:
    """Write `thresholds`, with one for each class of `recall` that finds this share of it, and every class's
    `operating_points` for a number of recalls, all on frames that the model had not seen.

    `thresholds` (0..1) are given by hand, and count where a class has both.
    """
    table = read_predictions(held_out)
    columns = {name: (table[f"p_{name}"].to_numpy(), (table["label"] == name).to_numpy()) for name in classes}
    by_recall = {
        name: operating_point(*columns[name], wanted, confidence)["threshold"] for name, wanted in recall.items()
    }
    if by_recall:
        logging.info("thresholds for the wanted recall: %s", by_recall)
    points = {name: [operating_point(*of, wanted, confidence) for wanted in WANTED] for name, of in columns.items()}
    write_json(result, {"thresholds": by_recall | thresholds, "operating_points": points})


def operating_point(
    probability: NDArray[np.floating], positive: NDArray[np.bool_], wanted: float, confidence: float
) -> dict[str, Any]:
    """The highest threshold that finds `wanted` (0..1) of the positive frames, and what it costs.

    `probability` and `positive` are (N,). The threshold is a multiple of 1/256, as the camera's probabilities are;
    a frame is taken for the class from it on. `false_alarms` is the share of the other frames that are.
    """
    found = np.sort(probability[positive])[::-1]
    needed = int(np.ceil(wanted * len(found) - 1e-9))
    lowest = found[needed - 1] if needed else 1.0
    # The firmware's runtime rounds to the nearest step: the lowest one that counts must reach the threshold.
    threshold = min(max(np.floor(lowest / STEP) * STEP, STEP), 1 - STEP)
    over = probability >= threshold
    return {
        "wanted": wanted,
        "threshold": float(threshold),  # unrounded: what equals it has to reach it
        "recall": ratio(int(over[positive].sum()), int(positive.sum()), confidence),
        "false_alarms": ratio(int(over[~positive].sum()), int((~positive).sum()), confidence),
    }


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        set_thresholds(
            Path(snakemake.input.held_out),
            Path(snakemake.output.thresholds),
            classes=snakemake.params.classes,
            recall=snakemake.params.recall,
            thresholds=snakemake.params.thresholds,
            confidence=snakemake.params.confidence,
        )
