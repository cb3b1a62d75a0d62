"""Set the probability from which on a model should decide for a class: what each threshold finds and costs."""

import logging
from pathlib import Path

import numpy as np

from linecam.evaluation.figures import Thresholds
from linecam.evaluation.predictions import read_predictions
from linecam.evaluation.thresholds import deciding_scores, operating_point, too_few
from linecam.files import write_json
from linecam.workflow.job import job

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
    """Write `thresholds`, with one for each class of `recall` that promises to find this share of it, and every class's
    `operating_points` for a number of recalls, all on frames that the model had not seen.

    Each frame counts by its `weight`, so that they hold for the line. `thresholds` (0..1) are given by hand, and count
    where a class has both. Intervals are at `confidence`. Where the labels are too few for a promise, `too_few` and the
    log say so.
    """
    table = read_predictions(held_out)
    weights = table["weight"].to_numpy(np.float64)
    columns = {name: (deciding_scores(table, name), (table["label"] == name).to_numpy(), weights) for name in classes}
    asked = {name: wanted for name, wanted in recall.items() if name not in thresholds}
    by_recall = {name: operating_point(*columns[name], wanted, confidence) for name, wanted in asked.items()}
    for name, point in by_recall.items():
        found, alarms = (" of ".join(map(str, point[key]["of"])) for key in ("recall", "false_alarms"))
        logging.info("threshold of %s %.3f: it finds %s, at %s false alarms", name, point["threshold"], found, alarms)
    notes = [too_few(name, asked[name], point) for name, point in by_recall.items()]
    unkept = [note for note in notes if note]
    for note in unkept:
        logging.warning("%s", note)
    points = {name: [operating_point(*of, wanted, confidence) for wanted in WANTED] for name, of in columns.items()}
    set_here = {name: point["threshold"] for name, point in by_recall.items()}
    decided: Thresholds = {"thresholds": set_here | thresholds, "too_few": unkept, "operating_points": points}
    write_json(result, decided)


if __name__ == "__main__":
    with job(snakemake):
        set_thresholds(
            Path(snakemake.input.held_out),
            Path(snakemake.output.thresholds),
            classes=snakemake.params.classes,
            recall=snakemake.params.recall,
            thresholds=snakemake.params.thresholds,
            confidence=snakemake.params.confidence,
        )
