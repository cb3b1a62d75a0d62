"""Select the next frames to label by what the model is unsure of, and find labels that are likely wrong."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linecam.errors import UserError
from linecam.evaluation.candidates import Choice
from linecam.evaluation.label_doubts import MOST, doubtful_labels
from linecam.evaluation.predictions import read_predictions
from linecam.evaluation.weakness import in_words
from linecam.files import atomic_write, write_json
from linecam.frames.index import read_frames, read_pixels, read_split
from linecam.frames.kept import REASONS, URGENT
from linecam.labels.store import UNSURE, read_rows
from linecam.labels.tables import neutral
from linecam.networks.model_name import ModelName
from linecam.networks.models import Classifier, load_weights, probabilities
from linecam.networks.torch_setup import prepare_torch
from linecam.selection.next_batch import UNCERTAINTY, pick_batch, reason
from linecam.selection.pool import pool_of
from linecam.workflow.job import job


@dataclass(frozen=True)
class Sources:
    """The files that the batch is selected by."""

    choice: Path
    weights: dict[ModelName, Path]
    held_out: dict[ModelName, Path]  # what models predicted that were trained without the frame
    pixels: dict[int, Path]  # by input size
    index: Path
    test: Path  # the frames selected for the test
    splits: dict[str, Path]  # by selection
    embeddings: Path
    labels: Path | None  # labels.csv, where there is one


def select_next(
    sources: Sources,
    batch: Path,
    suspects: Path,
    summary: Path,
    *,
    strategy: str,
    count: int,
    gap: int,
    classes: list[str],
    seed: int,
    threads: int,
) -> None:
    """Write the next `count` frames to label to `batch`, and labels to look at again to `suspects`.

    `batch` has (sha256, path, reason, predicted, p), first the frames that a camera kept: never a frame that somebody
    has judged, one for training, by any selection, or for the test, nor one within `gap` frames of a test frame, which
    would not be trained on. `suspects` has (sha256, path, label, predicted, p, reason) of the `MOST` most doubtful
    labels, the worst first, and none where the model is weak: its doubts say nothing of the labels. `summary` has what
    the labelling page tells of both: `train`, the select.train that takes all labels then, null where the folders say
    what is trained on; `doubtful`, how many labels look wrong; `weak`, whether the model is. Raises `UserError` where
    no frame is left to label.
    """
    choice = Choice.read(sources.choice)
    chosen = choice.model
    frames = read_frames(sources.index, ["path", "sha256", "sequence", "number", "kept", "status"])
    rows = read_rows(sources.labels, classes) if sources.labels else []
    trained = {selection: trained_on(path) for selection, path in sources.splits.items()}
    trainable = pool_of(frames, pd.read_csv(sources.test)["sha256"], gap)
    pool = trainable[~trainable["sha256"].isin({row["sha256"] for row in rows}.union(*trained.values()))]
    if pool.empty:
        near = f", or within select.gap = {gap} frames of one" if gap else ""
        raise UserError(
            f"All {len(frames)} usable frames are labelled, or are test frames{near}: there is none to label next."
        )
    device = prepare_torch(threads)
    model = Classifier(chosen.network, len(classes))
    load_weights(sources.weights[chosen], model)
    p = probabilities(model.eval(), read_pixels(sources.pixels[chosen.input_size]), pool.index.to_numpy(), device)
    vectors = np.load(sources.embeddings, mmap_mode="r")[pool.index]
    picks, stands_for = kept_first(pool["kept"].to_numpy(), vectors, UNCERTAINTY[strategy](p), count, seed)
    picked = pool.iloc[picks][["sha256", "path"]]
    picked["reason"] = [
        (f"the camera kept it, {REASONS[kept]}: " if kept else "") + reason(p[n], classes, number)
        for n, number, kept in zip(picks, stands_for, pool["kept"].iloc[picks], strict=True)
    ]
    picked["predicted"] = [classes[p[n].argmax()] for n in picks]
    picked["p"] = [f"{p[n].max():.4f}" for n in picks]
    with atomic_write(batch) as temporary:
        picked.assign(path=picked["path"].map(neutral)).to_csv(temporary, index=False)
    doubtful = doubtful_labels(read_predictions(sources.held_out[chosen]), classes)
    listed = doubtful.head(0 if choice.weak else MOST)
    with atomic_write(suspects) as temporary:
        listed.assign(path=listed["path"].map(neutral)).to_csv(temporary, index=False)
    logging.info("%d frames to label next: %s. linecam label shows them", len(picked), batch)
    train: int | None = None
    if chosen.selection == "given":
        logging.info("once they are labelled, copy them into train/, each into its class, and run snakemake again")
    else:  # whoever asks for fewer leaves labels out
        labelled = {row["sha256"] for row in rows if row["label"] != UNSURE} | trained[chosen.selection]
        train = int(trainable["sha256"].isin(labelled).sum()) + len(picked)
        logging.info("once they are labelled, set select.train to %d, and run snakemake again", train)
    write_json(summary, {"train": train, "doubtful": len(doubtful), "weak": bool(choice.weak)})
    if choice.weak:
        logging.warning(
            "The model is weak. So its doubts say nothing of the labels, and none is listed to look at again. What it "
            "is unsure of, the batch, says little too. %s",
            in_words(choice.weak),
        )
    else:
        more = f"; the {len(listed)} most doubtful are listed" if len(listed) < len(doubtful) else ""
        logging.info("%d of %d labels look wrong%s: %s", len(doubtful), len(trained[chosen.selection]), more, suspects)


def kept_first(
    kept: NDArray[np.object_], vectors: NDArray[np.float32], uncertainty: NDArray[np.floating], count: int, seed: int
) -> tuple[list[int], list[int]]:
    """As `pick_batch`, but frames that an operator marked come first, then frames that a camera kept, then all others.

    `kept` says of each frame, (N,), why it was kept, or "". Of each kind `pick_batch` chooses those that differ.
    """
    marked = np.isin(kept, URGENT)
    kinds = [marked, (kept != "") & ~marked, kept == ""]
    picks: list[int] = []
    stands_for: list[int] = []
    for kind in kinds:
        places = np.flatnonzero(kind)
        if not len(places) or len(picks) >= count:
            continue
        chosen, numbers = pick_batch(vectors[places], uncertainty[places], count - len(picks), seed)
        picks += [int(places[n]) for n in chosen]
        stands_for += numbers
    return picks, stands_for


def trained_on(split: Path) -> set[str]:
    """The sha256 of the training frames of a split."""
    table = read_split(split)
    return set(table.loc[table["part"] == "train", "sha256"])


if __name__ == "__main__":
    with job(snakemake):
        models = [ModelName.parse(name) for name in snakemake.params.models]
        labels = snakemake.input.get("labels")
        select_next(
            Sources(
                Path(snakemake.input.choice),
                dict(zip(models, map(Path, snakemake.input.weights), strict=True)),
                dict(zip(models, map(Path, snakemake.input.held_out), strict=True)),
                dict(zip(map(int, snakemake.params.sizes), map(Path, snakemake.input.pixels), strict=True)),
                Path(snakemake.input.frames),
                Path(snakemake.input.test),
                dict(zip(snakemake.params.selections, map(Path, snakemake.input.splits), strict=True)),
                Path(snakemake.input.embeddings),
                Path(labels) if labels else None,
            ),
            Path(snakemake.output.batch),
            Path(snakemake.output.suspects),
            Path(snakemake.output.summary),
            strategy=snakemake.params.strategy,
            count=snakemake.params.number,
            gap=snakemake.params.gap,
            classes=snakemake.params.classes,
            seed=snakemake.params.seed,
            threads=snakemake.threads,
        )
