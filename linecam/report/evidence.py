"""What the page's advice and charts rest on, from the tables and figures of the chosen model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from linecam.evaluation.curves import precision_by_recall, reliability, trade_offs
from linecam.evaluation.figures import HeldOutScore, Metrics, Thresholds
from linecam.evaluation.learning_curve import LearningCurve
from linecam.networks.model_name import ModelName
from linecam.report.advice import Facts
from linecam.report.charts import Chart, loss_chart, precision_chart, reliability_chart, trade_off_chart
from linecam.report.teacher import Teacher
from linecam.report.verdict import Verdict


def facts_of(
    model: ModelName,
    config: Mapping[str, Any],
    verdict: Verdict,
    metrics: Metrics,
    decides: Thresholds,
    held_out: HeldOutScore,
    of_float: pd.DataFrame,
    *,
    teacher: Teacher | None,
    epochs: int,
    doubtful: int,
    usable: int,
    near: Mapping[str, int] | None,
    camera: dict[str, int],
    models: int,
) -> Facts:
    """What advice on `model` rests on; `config` are all settings, `metrics` the figures of its chosen form.

    `of_float` are the float form's predictions, also of the frames that it was trained on, for so many `epochs`.
    `doubtful` labels are likely wrong. `usable` frames can be used for anything. `near` says how many test frames are
    near a training frame in their sequence; it is None where frames are no sequences. `camera` compares the camera's
    path with a clean resize. `models` is how many were trained.
    """
    return Facts(
        verdict=verdict,
        decides=decides,
        recall=config["bundle"]["recall"],
        trained_on=held_out["frames"],
        fit=balanced_accuracy(of_float[of_float["part"] == "train"]),
        held_out=held_out["balanced_accuracy"],
        teacher=teacher,
        doubtful=doubtful,
        tested_on=metrics["test"]["frames"],
        usable=usable,
        near=near["test_frames"] if near else 0,
        near_within=near["within_frames"] if near else 0,
        camera=camera,
        int8=metrics["paired"],
        frame_size=config["camera"]["frame_size"],
        roi=bool(config["camera"]["roi"] or config["camera"]["rois"]),
        input_size=model.input_size,
        epochs=epochs,
        next_frames=config["next"]["frames"],
        given=model.selection == "given",
        models=models,
    )


def balanced_accuracy(table: pd.DataFrame) -> float | None:
    """The mean recall of the classes that `table`, which has `label` and `predicted`, has frames of; None of none."""
    if table.empty:
        return None
    return float((table["label"] == table["predicted"]).groupby(table["label"]).mean().mean())


def loss_charts(history: Path, held_out: LearningCurve | None, pretraining: dict[str, Path]) -> list[Chart]:
    """The loss of the training, with that on held-out frames, and of the pretraining of each backbone where there was
    one."""
    return [
        loss_chart("Training loss", pd.read_csv(history), "training", held_out),
        *(loss_chart(f"Pretraining loss, {name}", pd.read_csv(path), "loss") for name, path in pretraining.items()),
    ]


def probability_charts(
    held_out: pd.DataFrame, test: pd.DataFrame, decided: list[str], classes: list[str], thresholds: dict[str, float]
) -> list[Chart]:
    """What the probabilities are worth: missed against false alarms, precision against recall, reliability.

    `held_out` are predictions of training frames that the model had not seen, `test` those of the test frames, of which
    main.py says `decided` by `thresholds`.
    """
    charts = [trade_off_chart(trade_offs(held_out, classes, thresholds), "on training frames that it had not seen")]
    lines = {"training frames, unseen": reliability(held_out, classes, held_out["weight"].to_numpy(np.float64))}
    if len(test):
        charts.append(precision_chart(precision_by_recall(test, decided, classes), "on test frames"))
        lines["test frames"] = reliability(test, classes, np.ones(len(test)))
    return [*charts, reliability_chart(lines)]
