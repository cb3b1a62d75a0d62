"""The table and the chart of `snakemake study_selection`, and how the report shows them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from linecam.evaluation.selection_study import LEARNERS, RANDOM, Comparison, Summary
from linecam.files import read_json
from linecam.percent import percent
from linecam.report.charts import data_uri, label_ticks, open_grid
from linecam.report.text import points, table

COLOURS = ("#555f6b", "#0b6e99", "#c2410c", "#6b4fa0", "#2e7d32")


@dataclass(frozen=True)
class SelectionStudy:
    """What the report shows of the study."""

    summary: Summary
    rows: list[list[Comparison]]  # one for each learner and number of labels, of all strategies
    chart: str  # a data URI

    @classmethod
    def read(cls, summary_path: Path, chart: Path) -> "SelectionStudy":
        """The study that wrote these files."""
        summary: Summary = read_json(summary_path)
        rows: dict[tuple[str, int], list[Comparison]] = {}
        for result in sorted(summary["results"], key=lambda row: row["learner"], reverse=True):  # the probe first
            rows.setdefault((result["learner"], result["labels"]), []).append(result)
        return cls(summary, list(rows.values()), data_uri(chart.read_bytes(), "image/png"))


def markdown(summary: Summary) -> str:
    """The verdict and a table: a row for each learner and number of labels, a column for each strategy."""
    results = summary["results"]
    strategies = _strategies(results)
    by_key = {(row["learner"], row["labels"], row["strategy"]): row for row in results}
    rows = [
        [words, str(labels), *(_cell(by_key[learner, labels, strategy]) for strategy in strategies)]
        for learner, words in LEARNERS.items()
        for labels in _labels(results)
    ]
    seeds = f"{summary['seeds']} seed{'s' * (summary['seeds'] > 1)}"
    lines = [
        *(f"- {sentence}" for sentence in summary["verdict"]),
        "",
        *table(["learner", "labels", *strategies], rows),
        "",
        f"Balanced accuracy on {summary['test_frames']} test frames, mean of {seeds}, with "
        f"{percent(summary['confidence'], 0)} intervals; then the difference to random in points. "
        f"Frames were chosen by the embeddings of {summary['embedded']}. {summary['by_chance']}",
    ]
    return "\n".join(lines) + "\n"


def _cell(row: Comparison) -> str:
    gain = row["gain"]
    against = f"; {points(gain['value'])} ({points(gain['low'])} to {points(gain['high'])})"
    shares = f"{percent(row['value'])} ({100 * row['low']:.1f}-{100 * row['high']:.1f})"
    return shares if row["strategy"] == RANDOM else shares + against


def chart(results: list[Comparison]) -> Figure:
    """Balanced accuracy by labels, a panel for each learner, a line with intervals for each strategy."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    panels = figure.subplots(1, len(LEARNERS), sharey=True)
    strategies = _strategies(results)
    for axes, (learner, words) in zip(panels, LEARNERS.items(), strict=True):
        for number, strategy in enumerate(strategies):
            mine = [row for row in results if (row["learner"], row["strategy"]) == (learner, strategy)]
            mine.sort(key=lambda row: row["labels"])
            values = 100 * np.array([[row["value"], row["low"], row["high"]] for row in mine])
            # Side by side, lest intervals cover each other.
            places = np.array([row["labels"] for row in mine]) * 1.04 ** (number - (len(strategies) - 1) / 2)
            reach = np.maximum([values[:, 0] - values[:, 1], values[:, 2] - values[:, 0]], 0)
            colour = COLOURS[number % len(COLOURS)]
            axes.errorbar(
                places, values[:, 0], reach, color=colour, marker="o", ms=4, lw=1.4, elinewidth=0.8, label=strategy
            )
        label_ticks(axes, _labels(results))
        axes.set_title(words, loc="left", fontsize=11)
        open_grid(axes)
    panels[0].set_ylabel("balanced accuracy, test frames, %")
    panels[-1].legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def _strategies(results: Iterable[Comparison]) -> list[str]:
    return list(dict.fromkeys(row["strategy"] for row in results))


def _labels(results: Iterable[Comparison]) -> list[int]:
    return sorted({row["labels"] for row in results})
