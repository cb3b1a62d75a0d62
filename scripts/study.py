"""Sum up the study: a row a model, a table over the seeds, accuracy by labels, and accuracy by cost."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib import style

from linecam.boards.verdict import VerdictFile
from linecam.evaluation.figures import Metrics, Score
from linecam.evaluation.metrics import rarest_class, score
from linecam.evaluation.predictions import decide, read_predictions
from linecam.evaluation.studies import StudiedModel
from linecam.files import atomic_write, read_json
from linecam.networks.model_name import ModelName
from linecam.report.charts import save_png
from linecam.report.study import cost_chart, labels_chart, markdown
from linecam.workflow.job import job

Row = dict[str, str | int | float | None]


@dataclass(frozen=True)
class Decision:
    """What main.py decides by: the thresholds of the line's own model, and the temperature that they are for."""

    thresholds: dict[str, float]
    temperature: float

    @classmethod
    def read(cls, thresholds: Path, score: Path) -> "Decision":
        """What set_thresholds and calibrate wrote."""
        return cls(read_json(thresholds)["thresholds"], read_json(score)["temperature"])


@dataclass(frozen=True)
class Results:
    """The files that the study writes."""

    table: Path  # every model's figures, CSV
    text: Path  # their means over the seeds, Markdown
    labels: Path  # accuracy by labels, PNG
    costs: Path  # accuracy by cost, PNG


def study(
    models: list[StudiedModel],
    decision: Decision | None,
    results: Results,
    *,
    classes: list[str],
    confidence: float,
    ours: ModelName,
) -> None:
    """Write the figures of `models`. Accuracy, recall and precision are of the test frames.

    `decision`, where there is one, was set on what the folds of the model `ours` held out: by it all seeds of its
    network and pretraining decide as main.py would, which is `decided_...` in the table.
    """
    rows = pd.DataFrame([figures(model, classes) for model in models])
    if decision:
        decided = [
            decided_figures(model.int8_predictions, decision, classes, confidence)
            if model.int8_predictions and (model.network, model.method) == (ours.network, ours.method)
            else {}
            for model in models
        ]
        rows = rows.join(pd.DataFrame(decided))
    with atomic_write(results.table) as temporary:
        rows.to_csv(temporary, index=False)
    # All models are tested on the same frames.
    tested: Metrics = read_json(models[0].float_metrics)
    with atomic_write(results.text) as temporary:
        temporary.write_text(markdown(rows, rarest_class(tested["test"], classes)), encoding="utf-8")
    with style.context("default"):
        save_png(labels_chart(rows), results.labels)
        save_png(cost_chart(rows), results.costs)


def figures(model: StudiedModel, classes: list[str]) -> Row:
    """One model's row: what it is, its float and int8 figures, and what its file costs on the board."""
    row: Row = {"network": model.network, "method": model.method, "labels": model.labels, "seed": model.seed}
    metrics: Metrics = read_json(model.float_metrics)
    row |= scored("float", metrics["test"], classes)
    if model.int8_metrics and model.firmware:
        metrics = read_json(model.int8_metrics)
        verdict: VerdictFile = read_json(model.firmware)
        cost = verdict["cost"]
        low, high = cost["latency_ms"] or (None, None)
        row |= scored("int8", metrics["test"], classes)
        row |= {"agreement": metrics["agreement"]["argmax"], "macs": cost["macs"], "bytes": cost["file_bytes"]}
        row |= {"arena_bytes": cost["arena_bytes"], "instructions": cost["instructions"]}
        row |= {"latency_ms_low": low, "latency_ms_high": high}
    return row


def scored(form: str, test: Score, classes: list[str]) -> Row:
    """The figures of one form of a model."""
    row: Row = {
        f"{form}_accuracy": test["accuracy"]["value"],
        f"{form}_balanced_accuracy": test["balanced_accuracy"],
    }
    row |= {f"{form}_recall_{name}": test["classes"][name]["recall"]["value"] for name in classes}
    row |= {f"{form}_precision_{name}": test["classes"][name]["precision"] for name in classes}
    return row


def decided_figures(predictions: Path, decision: Decision, classes: list[str], confidence: float) -> Row:
    """What main.py would decide of the test frames by these int8 `predictions`, at the temperature of `decision`."""
    table = read_predictions(predictions)
    test = table[table["part"] == "test"]
    columns = [f"p_{name}" for name in classes]
    # The study's models are as they were trained: the temperature is not in their last layer. An int8 softmax's 0 is
    # anything below half a step of 1/256.
    scaled = test[columns].clip(lower=1 / 512) ** (1 / decision.temperature)
    test = test.assign(**scaled.div(scaled.sum(axis=1), axis=0))
    found = score(test.assign(predicted=decide(test, classes, decision.thresholds)), classes, confidence)
    row: Row = {"decided_accuracy": found["accuracy"]["value"]}
    for name in classes:
        row[f"decided_recall_{name}"] = found["classes"][name]["recall"]["value"]
        row[f"decided_precision_{name}"] = found["classes"][name]["precision"]
    return row


if __name__ == "__main__":
    with job(snakemake):
        thresholds = snakemake.input.get("thresholds")
        study(
            [StudiedModel.from_param(model) for model in snakemake.params.cells],
            Decision.read(Path(thresholds), Path(snakemake.input.score)) if thresholds else None,
            Results(*(Path(snakemake.output[name]) for name in ("table", "text", "labels", "pareto"))),
            classes=snakemake.params.classes,
            confidence=snakemake.params.confidence,
            ours=ModelName.parse(snakemake.params.ours),
        )
