"""The tables and charts of `snakemake study`.

All take a row for each model: network, method, labels, seed and its figures, as study.csv has them. Figures that a
model has none of are NaN.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from linecam.percent import percent
from linecam.report.charts import data_uri, label_ticks, open_grid
from linecam.report.text import mean, table

COLOURS = ("#0b6e99", "#c2410c", "#6b4fa0", "#2e7d32", "#8a6d00", "#555f6b")
BACKBONE = ["network", "method"]
VARIANT = [*BACKBONE, "labels"]


@dataclass(frozen=True)
class LabelStudy:
    """What the report shows of the study: a row (network, method, labels, seeds, balanced accuracy), and a chart."""

    rows: list[tuple[str, str, int, int, str]]
    chart: str  # a data URI

    @classmethod
    def read(cls, table: Path, chart: Path) -> "LabelStudy":
        """The study that wrote these files."""
        rows = pd.read_csv(table)
        return cls(
            [
                (network, method, int(labels), len(same), _mean(same["float_balanced_accuracy"]))
                for (network, method, labels), same in rows.groupby(VARIANT)
            ],
            data_uri(chart.read_bytes(), "image/png"),
        )


def markdown(rows: pd.DataFrame, rarest: str) -> str:
    """Tables of means over the seeds, each with the worst seed and with the recall of the class `rarest`.

    By labels (float), by network (int8, all labels) and, where there are thresholds, by network as main.py decides.
    """
    lines = _by_labels(rows, rarest)
    lines += ["", *_by_network(rows.dropna(subset=["int8_accuracy"]), rarest)]
    if "decided_accuracy" in rows:
        lines += ["", *_by_thresholds(rows.dropna(subset=["decided_accuracy"]), rarest)]
    return "\n".join(lines) + "\n"


def _by_labels(rows: pd.DataFrame, rarest: str) -> list[str]:
    header = ["network", "pretraining", "labels", "seeds", "accuracy, float", "worst seed", f"recall of `{rarest}`"]
    return table(
        header,
        [
            [network, method, str(labels), *_accuracy(same, "float"), _mean(same[f"float_recall_{rarest}"])]
            for (network, method, labels), same in rows.groupby(VARIANT)
        ],
    )


def _by_network(rows: pd.DataFrame, rarest: str) -> list[str]:
    header = ["network", "pretraining", "seeds", "accuracy, int8", "worst seed", f"recall of `{rarest}`", "precision"]
    header += ["MACs", "instructions", "estimated ms", "file", "arena"]
    return table(
        header,
        [
            [network, method, *_accuracy(same, "int8"), *_rare(same, "int8", rarest), *_cost(same.iloc[0])]
            for (network, method, _), same in rows.groupby(VARIANT)
        ],
    )


def _by_thresholds(rows: pd.DataFrame, rarest: str) -> list[str]:
    header = ["network", "pretraining", "seeds", "accuracy, int8, by thresholds", "worst seed"]
    header += [f"recall of `{rarest}`", "precision"]
    return table(
        header,
        [
            [network, method, *_accuracy(same, "decided"), *_rare(same, "decided", rarest)]
            for (network, method), same in rows.groupby(BACKBONE)
        ],
    )


def _accuracy(same: pd.DataFrame, form: str) -> list[str]:
    """How many seeds there are, their mean accuracy, and the worst one's."""
    accuracy = same[f"{form}_accuracy"]
    return [str(len(same)), _mean(accuracy), percent(accuracy.min())]


def _rare(same: pd.DataFrame, form: str, rarest: str) -> list[str]:
    """Recall and precision of the rarest class."""
    return [_mean(same[f"{form}_recall_{rarest}"]), _mean(same[f"{form}_precision_{rarest}"])]


def _cost(model: pd.Series) -> list[str]:
    """What the model costs on the board; it is the same for every seed."""
    low, high = model["latency_ms_low"], model["latency_ms_high"]
    return [
        f"{model['macs'] / 1e6:.1f} M",
        f"{model['instructions'] / 1e6:.1f} M",
        "" if pd.isna(low) else f"{low:g} to {high:g}",
        f"{model['bytes']:,.0f}",
        f"{model['arena_bytes']:,.0f}",
    ]


def _mean(values: pd.Series) -> str:
    return mean(values.dropna())


def labels_chart(rows: pd.DataFrame) -> Figure:
    """Balanced accuracy by the number of labels, a line for each network and pretraining; each seed is a dot."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    backbones = list(rows.groupby(BACKBONE))
    several = [(backbone, same) for backbone, same in backbones if same["labels"].nunique() > 1]
    for number, ((network, method), same) in enumerate(several or backbones):
        colour = COLOURS[number % len(COLOURS)]
        means = same.groupby("labels")["float_balanced_accuracy"].mean()
        axes.plot(means.index, 100 * means, color=colour, marker="o", label=f"{network}, {method}")
        axes.scatter(same["labels"], 100 * same["float_balanced_accuracy"], color=colour, s=12, alpha=0.45)
    label_ticks(axes, sorted(rows["labels"].unique()))
    axes.set_ylabel("balanced accuracy, test frames, %")
    open_grid(axes)
    axes.legend(frameon=False, fontsize=8)
    return figure


def cost_chart(rows: pd.DataFrame) -> Figure:
    """Int8 accuracy of each network by its estimated time and by its file's size; the front is drawn as a line."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    quantized = rows.dropna(subset=["int8_accuracy"])
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, column, name in (
        (left, "latency_ms_high", "estimated time on the board, upper end, ms"),
        (right, "bytes", "file, bytes"),
    ):
        known = quantized.dropna(subset=[column])
        points = known.groupby(BACKBONE).agg(cost=(column, "mean"), accuracy=("int8_accuracy", "mean"))
        front = points.sort_values(["cost", "accuracy"], ascending=[True, False])
        front = front[front["accuracy"] > front["accuracy"].cummax().shift(fill_value=-1)]
        axes.plot(front["cost"], 100 * front["accuracy"], color="#9aa4b0", linewidth=1, drawstyle="steps-post")
        for number, ((network, method), point) in enumerate(points.iterrows()):
            colour = COLOURS[number % len(COLOURS)]
            same = known[(known["network"] == network) & (known["method"] == method)]
            axes.scatter(same[column], 100 * same["int8_accuracy"], color=colour, s=12, alpha=0.45)
            axes.scatter([point["cost"]], [100 * point["accuracy"]], color=colour, label=f"{network}, {method}")
        axes.set_xlabel(name)
        open_grid(axes)
    left.legend(frameon=False, fontsize=8)
    left.set_ylabel("accuracy, int8, test frames, %")
    return figure
