"""From which probability on a model should decide for a class: what each threshold finds, and what it costs."""

import logging
from pathlib import Path

from linecam.errors import reported
from linecam.evaluation.figures import Thresholds
from linecam.evaluation.predictions import read_predictions
from linecam.evaluation.thresholds import operating_point
from linecam.files import write_json

# The recalls that operating points are given for.
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
    decided: Thresholds = {"thresholds": by_recall | thresholds, "operating_points": points}
    write_json(result, decided)


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
