"""Join selected frames and labels: which frame is for training, and in which fold, for the test, or unlabelled."""

import csv
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linecam.errors import Stop
from linecam.evaluation.weighing import effective_size
from linecam.files import atomic_write, write_json
from linecam.frames.index import read_index, usable
from linecam.frames.kept import is_kept
from linecam.frames.near_duplicates import NEAR, number_gaps
from linecam.labels.folds import assign_folds
from linecam.labels.known import known_labels
from linecam.labels.store import COLUMNS
from linecam.labels.tables import neutral
from linecam.selection.line_shares import line_shares
from linecam.selection.strategies import rank_by_hash
from linecam.workflow.job import job, with_options

FACTS = ["path", "sha256", "sequence", "number", "part", "label", "kept", "status"]
WRITTEN = ["row", "sha256", "path", "part", "label", "by", "fold", "weight"]


@dataclass(frozen=True)
class Sources:
    """The tables that are joined."""

    index: Path  # of all files
    train: Path  # the frames that were selected
    test: Path
    labels: Path | None  # labels.csv, where there is one
    truth: Path | None  # the belt's (frame, label)
    embeddings: Path | None = None  # of the usable frames, where training frames were chosen by them


def split(
    sources: Sources,
    table: Path,
    summary: Path,
    *,
    labels_csv: Path,
    to_label: Path,
    classes: list[str],
    folds: int,
    unlabelled: int,
    seed: int,
) -> None:
    """Write `table` (row, sha256, path, part, label, by, fold, weight), part being train, test or unlabelled.

    `row` is the frame's row in every pixel array. `known_labels` says where a label is from. `fold` is 0 to
    `folds` - 1 for a training frame, -1 for any other, and for all where `folds` is 0. `weight` is the share of the
    usable frames outside the test that a training frame stands for, relative to the mean of the training frames (see
    `line_shares`), and 1 for any other, and for all where nothing was chosen by embeddings. A frame that a camera kept
    because it is hard is none of those that stand for the line. Up to `unlabelled` frames
    that were not selected are added. `summary` counts classes, and test frames close to a training one. A frame that
    its judges are unsure of is in no part, and listed in `summary`. Raises `Stop` where another selected frame has
    no label, after writing those to `to_label`.
    """
    files = read_index(sources.index, FACTS)
    frames = usable(files)
    frames["row"] = frames.index
    chosen = selected(frames, sources)
    known = known_labels(files, sources.labels, sources.truth, classes, labels_csv)

    without = chosen[~chosen["sha256"].isin(known.labels)]
    is_unsure = without["sha256"].isin(known.unsure)
    unsure, missing = without[is_unsure], without[~is_unsure]
    if len(missing):
        list_missing(missing, to_label)
        raise Stop(
            f"{len(missing)} of {len(chosen)} selected frames have no label yet. Label them in the browser, then run "
            f"the same command again. (Or by hand: {to_label} lists them. Write one of {', '.join(classes)} into its "
            f"column `label`, and yourself into `by`. Append its rows to {labels_csv}, or copy it there if there is no "
            f"such file yet.)\n\n    {with_options('linecam label')}"
        )
    if len(unsure):
        logging.info("%d selected frames are left out: nobody is sure of them", len(unsure))
        chosen = chosen[chosen["sha256"].isin(known.labels)].reset_index(drop=True)
    chosen["label"] = [known.labels[digest].name for digest in chosen["sha256"]]
    chosen["by"] = [known.labels[digest].by for digest in chosen["sha256"]]
    chosen["fold"] = -1
    training = chosen["part"] == "train"
    if folds:
        chosen.loc[training, "fold"] = assign_folds(chosen[training], folds, seed, classes)
    chosen["weight"] = 1.0
    of_line = frames[~frames["sha256"].isin(chosen.loc[~training, "sha256"]) & ~is_kept(frames)]
    if sources.embeddings:
        line = of_line["row"]
        vectors = np.load(sources.embeddings, mmap_mode="r")
        shares = line_shares(vectors, line.to_numpy(), chosen.loc[training, "row"].to_numpy())
        chosen.loc[training, "weight"] = shares.round(6)
        logging.info(
            "%d training frames, weighed to stand for the line, say as much as %.0f drawn at random",
            training.sum(),
            effective_size(shares),
        )
    elif is_kept(chosen).any():
        shares = shares_of_kept(is_kept(chosen[training]).to_numpy(), len(of_line))
        chosen.loc[training, "weight"] = shares.round(6)

    rest = frames[~frames["sha256"].isin([*chosen["sha256"], *unsure["sha256"]]) & ~is_kept(frames)]
    rest = rest.iloc[rank_by_hash(rest["sha256"], seed, unlabelled)].sort_index()
    if len(rest) < unlabelled:
        instead = f"on these {len(rest)}" if len(rest) else "on training frames"
        logging.info("evaluate.unlabelled_frames = %d, and there are fewer: ranges are chosen %s", unlabelled, instead)
    rest = rest.assign(part="unlabelled", label="", by="", fold=-1, weight=1.0)
    with atomic_write(table) as temporary:
        pd.concat([chosen, rest])[WRITTEN].to_csv(temporary, index=False)
    left_out = {"unsure": sorted(unsure["path"]), "unsure_in_test": int((unsure["part"] == "test").sum())}
    write_json(summary, summarize(chosen, files, classes) | left_out)


def shares_of_kept(kept: NDArray[np.bool_], line: int) -> NDArray[np.float64]:
    """The weights, (training frames,), of random frames that stand for `line` frames, and of `kept` ones among them.

    A kept frame stands for itself alone. The mean is 1.
    """
    each = max(line, 1) / max(int((~kept).sum()), 1)
    shares = np.where(kept, 1.0, max(each, 1.0))
    return np.asarray(shares / shares.mean())


def selected(frames: pd.DataFrame, sources: Sources) -> pd.DataFrame:
    """The selected ones of the usable `frames`, training frames first, each part in the order of picking."""
    listed = {
        part: list(pd.read_csv(path)["sha256"]) for part, path in (("train", sources.train), ("test", sources.test))
    }
    chosen = frames.set_index("sha256").loc[listed["train"] + listed["test"]].reset_index()
    chosen["part"] = ["train"] * len(listed["train"]) + ["test"] * len(listed["test"])
    return chosen


def list_missing(missing: pd.DataFrame, to_label: Path) -> None:
    """Write the frames that lack a label to `to_label`, as rows of labels.csv with an empty label."""
    with atomic_write(to_label) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows((row.sha256, neutral(row.path), "", "", "") for row in missing.itertuples())


def summarize(chosen: pd.DataFrame, index: pd.DataFrame, classes: list[str]) -> dict[str, object]:
    """Frames per part and class; test frames that stand in train too, or next to a training frame in a sequence."""
    counts = chosen.groupby(["part", "label"]).size()
    tested = chosen["part"] == "test"
    trained = chosen[~tested]
    near = int((number_gaps(chosen[tested], trained) <= NEAR).sum())
    both = index[(index["part"] == "test") & index["sha256"].isin(trained["sha256"])]
    return {
        "frames": {part: {name: int(counts.get((part, name), 0)) for name in classes} for part in ("train", "test")},
        "left_out_of_test": sorted(both["path"]),
        "near_training": {"within_frames": NEAR, "test_frames": near},
    }


if __name__ == "__main__":
    with job(snakemake):
        labels, truth = snakemake.input.get("labels"), snakemake.input.get("truth")
        split(
            Sources(
                Path(snakemake.input.frames),
                Path(snakemake.input.train),
                Path(snakemake.input.test),
                Path(labels) if labels else None,
                Path(truth) if truth else None,
                Path(snakemake.input.embeddings) if snakemake.input.get("embeddings") else None,
            ),
            Path(snakemake.output.table),
            Path(snakemake.output.summary),
            labels_csv=Path(snakemake.params.labels_csv),
            to_label=Path(snakemake.params.to_label),
            classes=snakemake.params.classes,
            folds=snakemake.params.folds,
            unlabelled=snakemake.params.unlabelled,
            seed=snakemake.params.seed,
        )
