"""Compare strategies of selection: what a model learns from their frames, beside as many frames at random."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import style
from numpy.typing import NDArray

from linecam.errors import UserError
from linecam.evaluation.predictions import read_predictions
from linecam.evaluation.selection_study import Learned, Summary, by_chance, compare, probe, verdict
from linecam.evaluation.studies import StudiedSelection
from linecam.files import atomic_write, write_json
from linecam.frames.index import read_split
from linecam.report.charts import save_png
from linecam.report.selection_study import chart, markdown
from linecam.workflow.job import job


@dataclass(frozen=True)
class Results:
    """The files that the study writes."""

    table: Path  # every model's figures, CSV
    summary: Path  # the strategies' means and differences, JSON
    text: Path  # the same, Markdown
    plot: Path  # and as a chart, PNG


def study_selection(
    models: list[StudiedSelection],
    embeddings: Path,
    results: Results,
    *,
    classes: list[str],
    confidence: float,
    embedded: str,
) -> None:
    """Write what models have learned from the frames of each strategy.

    Besides each finetuned model a linear probe, logistic regression on `embeddings`, (frames, D), learns from the same
    frames; `embedded` names the backbone that these are of. Figures are of the test frames, which are the same for all.
    Raises `UserError` where a class is missing among them.
    """
    vectors = np.load(embeddings, mmap_mode="r")
    right: dict[Learned, list[NDArray[np.bool_]]] = {}
    chosen: dict[tuple[str, int], list[frozenset[int]]] = {}
    rows: list[dict[str, object]] = []
    for model in models:
        split, finetuned = read_split(model.split), read_predictions(model.predictions)
        test = finetuned[finetuned["part"] == "test"]
        truth = test["label"].to_numpy()
        check_classes(truth, classes)
        train = split[split["part"] == "train"]
        chosen.setdefault((model.strategy, model.labels), []).append(frozenset(train["row"]))
        counts = train["label"].value_counts()
        for learner, predicted in {"probe": probe(vectors, split), "finetuned": test["predicted"].to_numpy()}.items():
            hits = predicted == truth
            right.setdefault(Learned(learner, model.strategy, model.labels), []).append(hits)
            rows.append(
                {"strategy": model.strategy, "labels": model.labels, "seed": model.seed}
                | {"learner": learner, "accuracy": hits.mean()}
                | {f"recall_{name}": hits[truth == name].mean() for name in classes}
                | {f"labels_{name}": int(counts.get(name, 0)) for name in classes}
            )
    frame = pd.DataFrame(rows)
    frame["balanced_accuracy"] = frame[[f"recall_{name}" for name in classes]].mean(axis=1)
    with atomic_write(results.table) as temporary:
        frame.to_csv(temporary, index=False, float_format="%.6f")
    compared = compare({key: np.array(hits, float) for key, hits in right.items()}, truth, classes, confidence)
    found: Summary = {
        "embedded": embedded,
        "seeds": int(frame["seed"].nunique()),
        "test_frames": len(truth),
        "confidence": confidence,
        "results": compared,
        "verdict": verdict(compared),
        "by_chance": by_chance(compared, confidence, strategies_of_one_choice(chosen)),
    }
    logging.info("%s", " ".join(found["verdict"]))
    write_json(results.summary, found)
    with atomic_write(results.text) as temporary:
        temporary.write_text(markdown(found), encoding="utf-8")
    with style.context("default"):
        save_png(chart(compared), results.plot)


def check_classes(truth: NDArray[np.object_], classes: list[str]) -> None:
    """Raise `UserError` where no test frame is of one of the classes."""
    missing = sorted(set(classes) - set(truth))
    if missing:
        raise UserError(
            f"No test frame has the label {' or '.join(missing)}, so strategies cannot be compared on this class. "
            "Raise select.test, and label the frames that it adds."
        )


def strategies_of_one_choice(chosen: dict[tuple[str, int], list[frozenset[int]]]) -> list[str]:
    """The strategies that choose the same frames for every one of several seeds, at every number of labels."""
    varied = {strategy for (strategy, _), sets in chosen.items() if len(set(sets)) > 1 or len(sets) == 1}
    return sorted({strategy for strategy, _ in chosen} - varied)


if __name__ == "__main__":
    with job(snakemake):
        study_selection(
            [StudiedSelection.from_param(model) for model in snakemake.params.cells],
            Path(snakemake.input.embeddings),
            Results(*(Path(snakemake.output[name]) for name in ("cells", "summary", "text", "plot"))),
            classes=snakemake.params.classes,
            confidence=snakemake.params.confidence,
            embedded=snakemake.params.embedded,
        )
