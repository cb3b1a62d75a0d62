"""Have the large network say how likely each class is on frames without a label, by what it learns from the labels."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from linecam.files import atomic_write
from linecam.frames.index import read_frames, read_split
from linecam.training.soft_labels import SoftLabels, predict_by_folds
from linecam.workflow.job import job


def soft_label(
    index: Path,
    split: Path,
    embeddings: Path,
    sample: Path,
    soft: Path,
    held_out: Path,
    *,
    classes: list[str],
) -> None:
    """Write `SoftLabels` of the frames of `sample` and of the labelled ones, and a table of these.

    `embeddings` are the large network's, (frames of the index, D), float32. `held_out` gets (sha256, path, label, fold,
    weight, p_<class>...): what is said of each labelled frame without the labels of its fold.
    """
    frames = read_frames(index, ["sha256", "status"])
    whole = read_split(split)
    table = whole[whole["part"] == "train"].reset_index(drop=True)
    features = np.load(embeddings, mmap_mode="r")
    row_of = {digest: row for row, digest in enumerate(frames["sha256"])}
    labelled = list(table["sha256"])
    # The sample may be older than the index and the choice of test frames.
    usable = row_of.keys() - set(whole.loc[whole["part"] == "test", "sha256"])
    sampled = [one for one in pd.read_csv(sample, dtype=str)["sha256"] if one in usable]
    others = list(dict.fromkeys([*sampled, *labelled]))
    targets = np.array([classes.index(label) for label in table["label"]], np.intp)
    weights = table["weight"].to_numpy(np.float64)
    said, probabilities = predict_by_folds(
        np.asarray(features[table["row"].to_numpy()]),
        targets,
        weights / weights.mean(),
        table["fold"].to_numpy(np.intp),
        np.asarray(features[[row_of[one] for one in others]]),
        len(classes),
    )
    logging.info("%d frames have soft labels, %d of them no other", len(others), len(set(others) - set(labelled)))
    if (table["fold"] >= 0).any():
        right = (said.argmax(axis=1) == targets).mean()
        logging.info("of %d held-out labels the large network is right on %.1f %%", len(table), 100 * right)
    SoftLabels(np.array(others, dtype="U64"), probabilities.astype(np.float32)).save(soft)
    rows = table[["sha256", "path", "label", "fold", "weight"]].copy()
    for number, name in enumerate(classes):
        rows[f"p_{name}"] = said[:, number].round(6)
    with atomic_write(held_out) as temporary:
        rows.to_csv(temporary, index=False)


if __name__ == "__main__":
    with job(snakemake):
        soft_label(
            Path(snakemake.input.frames),
            Path(snakemake.input.split),
            Path(snakemake.input.embeddings),
            Path(snakemake.input.sample),
            Path(snakemake.output.soft),
            Path(snakemake.output.held_out),
            classes=snakemake.params.classes,
        )
