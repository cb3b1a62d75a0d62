"""Sum up the study: a row a model, a table over the seeds, accuracy by labels, and accuracy by cost."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from linecam.errors import reported
from linecam.evaluation.metrics import score
from linecam.evaluation.predictions import decide, read_predictions
from linecam.files import atomic_write, read_json

COLOURS = ("#0b6e99", "#c2410c", "#6b4fa0", "#2e7d32", "#8a6d00", "#555f6b")
VARIANT = ["network", "method", "labels"]


def study(
    cells: list[dict[str, Any]],
    thresholds: Path | None,
    score_path: Path | None,
    table: Path,
    text: Path,
    labels: Path,
    pareto: Path,
    *,
    board: str,
    classes: list[str],
    confidence: float,
    ours: str,
) -> None:
    """Write every model's figures (`table`, CSV), their means over the seeds (`text`, Markdown) and two plots (PNG).

    Each of `cells` has `network`, `method`, `labels`, `seed`, `folder` with the model's float.json and, where `int8`,
    int8.json (in TFLM) and firmware/<board>.json. Accuracy, recall and precision are of the test frames.
    `thresholds` and `score_path`, where they are given, are those of the model `ours`, set on what its folds held out:
    by them all seeds of its network and pretraining decide as main.py would, which is `decided_...` in the table.
    """
    rows = pd.DataFrame([figures(cell, board, classes) for cell in cells])
    if thresholds and score_path:
        decided_by, temperature = read_json(thresholds)["thresholds"], read_json(score_path)["temperature"]
        decided = [
            by_thresholds(cell, decided_by, temperature, classes, confidence)
            if cell["int8"] and ours.startswith(f"{cell['network']}-{cell['method']}/")
            else {}
            for cell in cells
        ]
        rows = rows.join(pd.DataFrame(decided))
    with atomic_write(table) as temporary:
        rows.to_csv(temporary, index=False)
    with atomic_write(text) as temporary:
        temporary.write_text(markdown(rows, classes), encoding="utf-8")
    with style.context("default"):  # not the user's matplotlibrc
        save(plot_labels(rows), labels)
        save(plot_pareto(rows), pareto)


def figures(cell: dict[str, Any], board: str, classes: list[str]) -> dict[str, Any]:
    """One model's row: what it is, its float and int8 figures, and what its file costs on the board."""
    folder = Path(cell["folder"])
    row = {key: cell[key] for key in (*VARIANT, "seed")}
    for form in ("float", "int8"):
        if form == "int8" and not cell["int8"]:
            continue
        metrics = read_json(folder / f"{form}.json")
        test = metrics["test"]
        row |= {
            f"{form}_accuracy": test["accuracy"]["value"],
            f"{form}_balanced_accuracy": test["balanced_accuracy"],
            **{f"{form}_recall_{name}": test["classes"][name]["recall"]["value"] for name in classes},
            **{f"{form}_precision_{name}": test["classes"][name]["precision"] for name in classes},
        }
        if form == "int8":
            cost = read_json(folder / "firmware" / f"{board}.json")["cost"]
            row |= {"agreement": metrics["agreement"]["argmax"], "macs": cost["macs"], "bytes": cost["file_bytes"]}
            row |= {"arena_bytes": cost["arena_bytes"], "instructions": cost["instructions"]}
            low, high = cost["latency_ms"] or (None, None)
            row |= {"latency_ms_low": low, "latency_ms_high": high}
    return row


def by_thresholds(
    cell: dict[str, Any], thresholds: dict[str, float], temperature: float, classes: list[str], confidence: float
) -> dict[str, float]:
    """What main.py would decide of the test frames by `thresholds` on probabilities of this `temperature`, in int8."""
    table = read_predictions(Path(cell["folder"]) / "int8.csv")
    test = table[table["part"] == "test"]
    columns = [f"p_{name}" for name in classes]
    # The study's models are as they were trained: the temperature is not in their last layer. An int8 softmax's 0 is
    # anything below half a step of 1/256.
    scaled = test[columns].clip(lower=1 / 512) ** (1 / temperature)
    test = test.assign(**scaled.div(scaled.sum(axis=1), axis=0))
    found = score(test.assign(predicted=decide(test, classes, thresholds)), classes, confidence)
    row = {"decided_accuracy": found["accuracy"]["value"]}
    for name in classes:
        row |= {f"decided_recall_{name}": found["classes"][name]["recall"]["value"]}
        row |= {f"decided_precision_{name}": found["classes"][name]["precision"]}
    return row


def markdown(rows: pd.DataFrame, classes: list[str]) -> str:
    """Two tables of means over seeds, with the worst seed: by labels (float), and by network (int8, all labels)."""
    rarest = classes[0]
    lines = [f"| network | pretraining | labels | seeds | accuracy, float | worst seed | recall of `{rarest}` |"]
    lines.append("| --- | --- | --- | --- | --- | --- | --- |")
    for (network, method, count), same in rows.groupby(VARIANT):
        accuracy, recall = same["float_accuracy"], same[f"float_recall_{rarest}"]
        lines.append(
            f"| {network} | {method} | {count} | {len(same)} | {spread(accuracy)} | {accuracy.min():.1%} "
            f"| {spread(recall)} |"
        )
    lines += ["", f"| network | pretraining | seeds | accuracy, int8 | worst seed | recall of `{rarest}` | precision | "
              "MACs | instructions | estimated ms | file | arena |"]  # fmt: skip
    lines.append("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for (network, method, _), same in rows.dropna(subset=["int8_accuracy"]).groupby(VARIANT):
        first = same.iloc[0]
        ms = "" if pd.isna(first["latency_ms_low"]) else f"{first['latency_ms_low']:g} to {first['latency_ms_high']:g}"
        accuracy = same["int8_accuracy"]
        lines.append(
            f"| {network} | {method} | {len(same)} | {spread(accuracy)} | {accuracy.min():.1%} "
            f"| {spread(same[f'int8_recall_{rarest}'])} | {spread(same[f'int8_precision_{rarest}'])} "
            f"| {first['macs'] / 1e6:.1f} M | {first['instructions'] / 1e6:.1f} M | {ms} | {first['bytes']:,.0f} "
            f"| {first['arena_bytes']:,.0f} |"
        )
    if "decided_accuracy" in rows:
        lines += ["", "| network | pretraining | seeds | accuracy, int8, by thresholds | worst seed "
                  f"| recall of `{rarest}` | precision |", "| --- " * 7 + "|"]  # fmt: skip
        for (network, method), same in rows.dropna(subset=["decided_accuracy"]).groupby(VARIANT[:2]):
            accuracy = same["decided_accuracy"]
            lines.append(
                f"| {network} | {method} | {len(same)} | {spread(accuracy)} | {accuracy.min():.1%} "
                f"| {spread(same[f'decided_recall_{rarest}'])} | {spread(same[f'decided_precision_{rarest}'])} |"
            )
    return "\n".join(lines) + "\n"


def spread(values: pd.Series) -> str:
    """Mean and, of several, the sample standard deviation of shares."""
    return f"{values.mean():.1%}" + (f" ± {100 * values.std():.1f}" if len(values) > 1 else "")


def plot_labels(rows: pd.DataFrame) -> Figure:
    """Balanced accuracy by the number of labels, a line for each network and pretraining; each seed is a dot."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    several = [(variant, same) for variant, same in rows.groupby(VARIANT[:2]) if same["labels"].nunique() > 1] or list(
        rows.groupby(VARIANT[:2])
    )
    for number, ((network, method), same) in enumerate(several):
        colour = COLOURS[number % len(COLOURS)]
        means = same.groupby("labels")["float_balanced_accuracy"].mean()
        axes.plot(means.index, 100 * means, color=colour, marker="o", label=f"{network}, {method}")
        axes.scatter(same["labels"], 100 * same["float_balanced_accuracy"], color=colour, s=12, alpha=0.45)
    axes.set_xscale("log")
    ticks = sorted(rows["labels"].unique())
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("labels")
    axes.set_ylabel("balanced accuracy, test frames, %")
    finish(axes)
    return figure


def plot_pareto(rows: pd.DataFrame) -> Figure:
    """Int8 accuracy of each network by its estimated time and by its file's size; the front is drawn as a line."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    quantized = rows.dropna(subset=["int8_accuracy"])
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, column, name in (
        (left, "latency_ms_high", "estimated time on the board, upper end, ms"),
        (right, "bytes", "file, bytes"),
    ):
        known = quantized.dropna(subset=[column])
        points = known.groupby(VARIANT[:2]).agg(cost=(column, "mean"), accuracy=("int8_accuracy", "mean"))
        front = points.sort_values(["cost", "accuracy"], ascending=[True, False])
        front = front[front["accuracy"] > front["accuracy"].cummax().shift(fill_value=-1)]
        axes.plot(front["cost"], 100 * front["accuracy"], color="#9aa4b0", linewidth=1, drawstyle="steps-post")
        for number, ((network, method), point) in enumerate(points.iterrows()):
            colour = COLOURS[number % len(COLOURS)]
            same = known[(known["network"] == network) & (known["method"] == method)]
            axes.scatter(same[column], 100 * same["int8_accuracy"], color=colour, s=12, alpha=0.45)
            axes.scatter([point["cost"]], [100 * point["accuracy"]], color=colour, label=f"{network}, {method}")
        axes.set_xlabel(name)
        finish(axes)
    left.set_ylabel("accuracy, int8, test frames, %")
    right.get_legend().remove()
    return figure


def finish(axes: Axes) -> None:
    """What the plots have in common."""
    axes.grid(linewidth=0.6, color="#d5dbe3")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)


def save(figure: Figure, path: Path) -> None:
    """Write a PNG; equal figures give equal bytes."""
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        study(
            snakemake.params.cells,
            Path(snakemake.input.thresholds) if snakemake.input.get("thresholds") else None,
            Path(snakemake.input.score) if snakemake.input.get("score") else None,
            Path(snakemake.output.table),
            Path(snakemake.output.text),
            Path(snakemake.output.labels),
            Path(snakemake.output.pareto),
            board=snakemake.params.board,
            classes=snakemake.params.classes,
            confidence=snakemake.params.confidence,
            ours=snakemake.params.ours,
        )
