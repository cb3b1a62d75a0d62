"""Compare strategies of selection: what a model learns from their frames, beside as many frames at random."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from linecam.errors import UserError, reported
from linecam.evaluation.predictions import read_predictions
from linecam.files import atomic_write, write_json
from linecam.frames.index import read_split

COLOURS = ("#555f6b", "#0b6e99", "#c2410c", "#6b4fa0", "#2e7d32")
LEARNERS = {"probe": "linear probe", "finetuned": "finetuned"}
DRAWS = 2000

Judged = dict[tuple[str, str, int], NDArray[np.float64]]


def study_selection(
    cells: list[dict[str, Any]],
    embeddings: Path,
    table: Path,
    summary: Path,
    text: Path,
    plot: Path,
    *,
    classes: list[str],
    confidence: float,
    embedded: str,
) -> None:
    """Write a row for each model (`table`, CSV), the strategies' means and differences (`summary`, JSON; `text`,
    Markdown) and a plot of them (PNG).

    Each of `cells` has `strategy`, `labels`, `seed`, and the paths `split` and `predictions` (of the model finetuned on
    its frames). A linear probe, logistic regression on `embeddings`, (frames, D), learns from the same frames. Figures
    are of the test frames, which are the same for all. Raises `UserError` where a class is missing among them.
    """
    vectors = np.load(embeddings, mmap_mode="r")
    judged: Judged = {}
    chosen: dict[tuple[str, int], list[frozenset[int]]] = {}
    rows = []
    for cell in cells:
        split = read_split(cell["split"])
        finetuned = read_predictions(cell["predictions"])
        test = finetuned[finetuned["part"] == "test"]
        answers = {"probe": probe(vectors, split), "finetuned": test["predicted"].to_numpy()}
        truth = test["label"].to_numpy()
        missing = sorted(set(classes) - set(truth))
        if missing:
            raise UserError(
                f"No test frame is {', '.join(missing)}: no strategy can be judged by it. Test on more frames."
            )
        train = split[split["part"] == "train"]
        chosen.setdefault((cell["strategy"], cell["labels"]), []).append(frozenset(train["row"]))
        counts = train["label"].value_counts()
        for learner, said in answers.items():
            right = said == truth
            key = (learner, cell["strategy"], cell["labels"])
            judged[key] = np.vstack([judged.get(key, np.empty((0, len(right)))), right])
            rows.append(
                {name: cell[name] for name in ("strategy", "labels", "seed")}
                | {"learner": learner, "accuracy": right.mean()}
                | {f"recall_{name}": right[truth == name].mean() for name in classes}
                | {f"labels_{name}": int(counts.get(name, 0)) for name in classes}
            )
    frame = pd.DataFrame(rows)
    frame["balanced_accuracy"] = frame[[f"recall_{name}" for name in classes]].mean(axis=1)
    with atomic_write(table) as temporary:
        frame.to_csv(temporary, index=False, float_format="%.6f")
    results = compare(judged, truth, classes, confidence)
    found: dict[str, Any] = {
        "embedded": embedded,
        "seeds": int(frame["seed"].nunique()),
        "test_frames": len(truth),
        "confidence": confidence,
        "results": results,
        "verdict": verdict(results),
    }
    varied = {strategy for (strategy, _), sets in chosen.items() if len(set(sets)) > 1 or len(sets) == 1}
    alike = sorted({strategy for strategy, _ in chosen} - varied)
    found["by_chance"] = f"{by_chance(found)} {same_frames(alike)}".strip()
    logging.info("%s", " ".join(verdict(results)))
    write_json(summary, found)
    with atomic_write(text) as temporary:
        temporary.write_text(markdown(found), encoding="utf-8")
    with atomic_write(plot) as temporary, style.context("default"):  # not the user's matplotlibrc
        draw(results).savefig(temporary, format="png", dpi=120, metadata={"Software": None})


def probe(vectors: NDArray[np.float32], split: pd.DataFrame) -> NDArray[np.object_]:
    """What logistic regression on the training frames' embeddings says of the test frames, in the split's order.

    Each class weighs the same. Where all training frames are of one class, it says that one. Of a test frame whose
    embedding is not finite it says the most frequent class; from such training frames it learns nothing.
    """
    train, test = split[split["part"] == "train"], split[split["part"] == "test"]
    said = np.full(len(test), train["label"].mode()[0], object)
    known, seen = (np.isfinite(vectors[part["row"].to_numpy()]).all(axis=1) for part in (train, test))
    train = train[known]
    if train["label"].nunique() > 1 and seen.any():
        model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000))
        model.fit(vectors[train["row"].to_numpy()], train["label"])
        said[seen] = model.predict(vectors[test.loc[seen, "row"].to_numpy()])
    return said


def compare(judged: Judged, truth: NDArray[np.object_], classes: list[str], confidence: float) -> list[dict[str, Any]]:
    """For each learner, number of labels and strategy the mean balanced accuracy over the seeds, and its difference to
    random, each with an interval; `judged` has right (1) and wrong (0), (seeds, test frames), of each.

    The intervals are percentiles of a bootstrap (Efron, 1979) over the test frames of each class and the seeds. A
    difference is drawn on the same frames for both sides.
    """
    random = np.random.default_rng(0)
    frames = [random.choice(np.flatnonzero(truth == name), (DRAWS, int((truth == name).sum()))) for name in classes]

    def drawn(right: NDArray[np.float64]) -> NDArray[np.float64]:
        seeds = random.integers(0, len(right), (DRAWS, len(right)))
        # By frame, the mean over the drawn seeds, as weights of the seeds: (DRAWS, frames) would not fit for many.
        weights = np.stack([(seeds == seed).mean(axis=1) for seed in range(len(right))])
        recalls = [
            sum(weights[seed] * right[seed][places].mean(axis=1) for seed in range(len(right))) for places in frames
        ]
        return np.mean(recalls, axis=0)

    def mean(right: NDArray[np.float64]) -> float:
        return float(np.mean([right[:, truth == name].mean() for name in classes]))

    def interval(values: NDArray[np.float64]) -> dict[str, float]:
        low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
        return {"low": round(float(low), 6), "high": round(float(high), 6)}

    results = []
    chance = {key: (mean(right), drawn(right)) for key, right in judged.items() if key[1] == "random"}
    for (learner, strategy, labels), right in judged.items():
        base, base_drawn = chance[learner, "random", labels]
        ours = base_drawn if strategy == "random" else drawn(right)
        results.append(
            {"learner": learner, "strategy": strategy, "labels": labels}
            | {"value": round(mean(right), 6), **interval(ours)}
            | {"gain": {"value": round(mean(right) - base, 6), **interval(ours - base_drawn)}}
        )
    return results


def verdict(results: list[dict[str, Any]]) -> list[str]:
    """One sentence for each learner and strategy: where it is better than random, worse, or not told apart."""
    sentences = []
    for learner, words in LEARNERS.items():
        for strategy in dict.fromkeys(row["strategy"] for row in results if row["strategy"] != "random"):
            mine = [row for row in results if (row["learner"], row["strategy"]) == (learner, strategy)]
            better = [str(row["labels"]) for row in mine if row["gain"]["low"] > 0]
            worse = [str(row["labels"]) for row in mine if row["gain"]["high"] < 0]
            parts = [
                *([f"better than random with {' and '.join(better)} labels"] if better else []),
                *([f"worse than random with {' and '.join(worse)} labels"] if worse else []),
            ]
            rest = len(mine) - len(better) - len(worse)
            if rest:
                parts.append(
                    f"as good as random, as far as these frames tell, {'otherwise' if parts else 'everywhere'}"
                )
            sentences.append(f"{strategy}, {words}: {'; '.join(parts)}.")
    return sentences


def markdown(found: dict[str, Any]) -> str:
    """The verdict and a table: a row for each learner and number of labels, a column for each strategy."""
    results = found["results"]
    strategies = list(dict.fromkeys(row["strategy"] for row in results))
    lines = [f"- {sentence}" for sentence in found["verdict"]]
    lines += ["", "| learner | labels | " + " | ".join(strategies) + " |", "| --- " * (len(strategies) + 2) + "|"]
    by_key = {(row["learner"], row["labels"], row["strategy"]): row for row in results}
    for learner, words in LEARNERS.items():
        for labels in sorted({row["labels"] for row in results}):
            line = [words, str(labels)]
            for strategy in strategies:
                row = by_key[learner, labels, strategy]
                gain = row["gain"]
                against = (
                    ""
                    if strategy == "random"
                    else f"; {points(gain['value'])} ({points(gain['low'])} to {points(gain['high'])})"
                )
                line.append(f"{row['value']:.1%} ({100 * row['low']:.1f}-{100 * row['high']:.1f}){against}")
            lines.append("| " + " | ".join(line) + " |")
    lines += [
        "",
        f"Balanced accuracy on {found['test_frames']} test frames, mean of {found['seeds']} "
        f"seed{'s' * (found['seeds'] > 1)}, with {found['confidence']:.0%} intervals; then the difference to random in "
        f"points. Frames were chosen by the embeddings of {found['embedded']}. {found['by_chance']}",
    ]
    return "\n".join(lines) + "\n"


def by_chance(found: dict[str, Any]) -> str:
    """How many verdicts to expect where no strategy is better or worse than random."""
    compared = sum(row["strategy"] != "random" for row in found["results"])
    wrong = compared * (1 - found["confidence"])
    return f"Of {compared} differences about {wrong:.1f} would be called better or worse if there were none."


def same_frames(strategies: list[str]) -> str:
    """What the intervals do not hold of `strategies`, which have chosen the same frames for every seed."""
    if not strategies:
        return ""
    return (
        f"Every seed has the same frames of {' and '.join(strategies)}: how lucky that one choice was is in no "
        "interval, and other embeddings would choose others."
    )


def points(share: float) -> str:
    """A difference of shares in points, with its sign."""
    return f"{100 * share:+.1f}"


def draw(results: list[dict[str, Any]]) -> Figure:
    """Balanced accuracy by labels, a panel for each learner, a line with intervals for each strategy."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    panels = figure.subplots(1, len(LEARNERS), sharey=True)
    strategies = list(dict.fromkeys(row["strategy"] for row in results))
    for axes, (learner, words) in zip(panels, LEARNERS.items(), strict=True):
        for number, strategy in enumerate(strategies):
            mine = [row for row in results if (row["learner"], row["strategy"]) == (learner, strategy)]
            mine.sort(key=lambda row: row["labels"])
            values = 100 * np.array([[row["value"], row["low"], row["high"]] for row in mine])
            # Side by side, lest intervals cover each other.
            places = np.array([row["labels"] for row in mine]) * 1.04 ** (number - (len(strategies) - 1) / 2)
            spread = np.maximum([values[:, 0] - values[:, 1], values[:, 2] - values[:, 0]], 0)
            colour = COLOURS[number % len(COLOURS)]
            axes.errorbar(
                places, values[:, 0], spread, color=colour, marker="o", ms=4, lw=1.4, elinewidth=0.8, label=strategy
            )
        ticks = sorted({row["labels"] for row in results})
        axes.set_xscale("log")
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
        axes.set_title(words, loc="left", fontsize=11)
        axes.set_xlabel("labels")
        axes.grid(linewidth=0.6, color="#d5dbe3")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("balanced accuracy, test frames, %")
    panels[-1].legend(frameon=False, fontsize=8, loc="lower right")
    return figure


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        study_selection(
            snakemake.params.cells,
            Path(snakemake.input.embeddings),
            Path(snakemake.output.cells),
            Path(snakemake.output.summary),
            Path(snakemake.output.text),
            Path(snakemake.output.plot),
            classes=snakemake.params.classes,
            confidence=snakemake.params.confidence,
            embedded=snakemake.params.embedded,
        )
