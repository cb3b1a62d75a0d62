"""Join selected frames and labels: which frame is for training, and in which fold, for the test, or unlabelled."""

import csv
import logging
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from linecam.errors import UserError, reported
from linecam.files import atomic_write, write_json
from linecam.frames.index import read_index, usable
from linecam.frames.near_duplicates import NEAR, gaps
from linecam.labels.existing import existing_labels
from linecam.labels.store import COLUMNS, read_labels, read_unsure
from linecam.selection.strategies import rank_by_hash


def split(
    index: Path,
    train: Path,
    test: Path,
    labels: Path | None,
    truth: Path | None,
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
    """Write `table` (row, sha256, path, part, label, by, fold), part being train, test or unlabelled.

    `row` is the frame's row in every pixel array. A label is taken from `labels` (labels.csv), else from the
    frame's folder, else from `truth` (frame, label; the belt's). `fold` is 0 to `folds` - 1 for a training frame, -1
    for any other, and for all where `folds` is 0. `summary` counts classes, and test frames close to a training one.
    A frame that its judges are unsure of is in no part, and listed in `summary`. Raises `UserError` where another
    selected frame has no label, after writing those to `to_label`.
    """
    files = read_index(index, ["path", "sha256", "sequence", "number", "part", "label", "status"])
    frames = usable(files)
    frames["row"] = frames.index
    listed = {part: list(pd.read_csv(path)["sha256"]) for part, path in (("train", train), ("test", test))}
    selected = frames.set_index("sha256").loc[listed["train"] + listed["test"]].reset_index()
    selected["part"] = ["train"] * len(listed["train"]) + ["test"] * len(listed["test"])
    told = read_labels(labels, classes) if labels else {}
    doubted = read_unsure(labels, classes) if labels else set()
    known = gather(files, told, doubted, truth, classes, labels_csv)

    unlabelled_yet = selected[~selected["sha256"].isin(known)]
    doubtful = unlabelled_yet["sha256"].isin(doubted)
    unsure, missing = unlabelled_yet[doubtful], unlabelled_yet[~doubtful]
    if len(missing):
        with atomic_write(to_label) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows((row.sha256, row.path, "", "", "") for row in missing.itertuples())
        raise UserError(
            f"{len(missing)} of {len(selected)} selected frames have no label yet. Label them in the browser with "
            f"`snakemake label`, after which the same options as here follow. Or by hand: {to_label} lists them; write "
            f"one of {', '.join(classes)} into its column `label`, and yourself into `by`, and append its rows to "
            f"{labels_csv} (or copy it there, if there is no such file yet). Then run the same command again."
        )
    if len(unsure):
        logging.info("%d selected frames are left out: nobody is sure of them", len(unsure))
        selected = selected[selected["sha256"].isin(known)].reset_index(drop=True)
    selected["label"] = [known[digest][0] for digest in selected["sha256"]]
    selected["by"] = [known[digest][1] for digest in selected["sha256"]]
    selected["fold"] = -1
    training = selected["part"] == "train"
    if folds:
        selected.loc[training, "fold"] = fold(selected[training], folds, seed, classes)

    rest = frames[~frames["sha256"].isin([*selected["sha256"], *unsure["sha256"]])]
    rest = rest.iloc[rank_by_hash(rest["sha256"], seed, unlabelled)].sort_index()
    rest = rest.assign(part="unlabelled", label="", by="", fold=-1)
    columns = ["row", "sha256", "path", "part", "label", "by", "fold"]
    with atomic_write(table) as temporary:
        pd.concat([selected, rest])[columns].to_csv(temporary, index=False)
    left_out = {"unsure": sorted(unsure["path"]), "unsure_in_test": int((unsure["part"] == "test").sum())}
    write_json(summary, summarize(selected, files, classes) | left_out)


def gather(
    index: pd.DataFrame,
    labels: dict[str, dict[str, str]],
    doubted: set[str],
    truth: Path | None,
    classes: list[str],
    labels_csv: Path,
) -> dict[str, tuple[str, str]]:
    """Label and author by sha256, as far as known; none of those `doubted` in labels.csv, whatever their folders say.

    Raises `UserError` where two folders disagree.
    """
    known, contradicted = existing_labels(index, truth, classes)
    doubtful = [paths for digest, paths in contradicted.items() if digest not in labels and digest not in doubted]
    if doubtful:
        raise UserError(
            f"{len(doubtful)} frames lie in folders of two classes:\n"
            + "".join(f"  - {' and '.join(paths)}\n" for paths in doubtful)
            + f"Remove the wrong copies, or say which is right in {labels_csv}."
        )
    there = set(index["sha256"])
    strangers = [row["path"] or digest[:12] for digest, row in labels.items() if digest not in there]
    if strangers:
        logging.info(
            "%d labels of %s name no frame of this dataset (first: %s); they are kept, and not used",
            len(strangers),
            labels_csv,
            strangers[0],
        )
    known = {digest: label for digest, label in known.items() if digest not in doubted}
    return known | {digest: (row["label"], row["by"] or "labels.csv") for digest, row in labels.items()}


def fold(training: pd.DataFrame, folds: int, seed: int, classes: list[str]) -> NDArray[np.int64]:
    """The fold of each training frame, (frames,), from 0 to `folds` - 1, each with about the same share of every class.

    A sequence is cut into stretches of `NEAR` numbers, and each stands in one fold: what is held out is not known by
    heart. Where there are fewer stretches than folds, any frame is held out by itself.
    Raises `UserError` where a class has fewer than 2 frames.
    """
    counts = training["label"].value_counts().reindex(classes, fill_value=0)
    if counts.min() < 2:
        scarce = ", ".join(f"{number} of {name}" for name, number in counts.items() if number < 2)
        raise UserError(
            f"The {len(training)} training frames hold {scarce}; each class needs at least 2, one to train "
            "on while the other is held out. Raise select.train and label the frames that it adds, or take the class "
            "out of dataset.classes."
        )
    ordered = training.sort_values("sha256")  # whatever the order of picking
    near = ordered["sequence"] + "-" + (ordered["number"] // NEAR).astype(str)
    groups = near.where(ordered["number"] >= 0, ordered["sha256"])
    if groups.nunique() < folds:  # few parts, each seen often
        groups = ordered["sha256"]
    numbers = np.zeros(len(ordered), dtype=np.int64)
    # More folds than frames of any class would only leave some empty, and scikit-learn refuses them.
    cut = StratifiedGroupKFold(min(folds, counts.max()), shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class may have fewer frames than there are folds
        for number, (_, held) in enumerate(cut.split(ordered, ordered["label"], groups)):
            numbers[held] = number
    return pd.Series(numbers, index=ordered.index).loc[training.index].to_numpy()


def summarize(selected: pd.DataFrame, index: pd.DataFrame, classes: list[str]) -> dict[str, object]:
    """Frames per part and class; test frames that stand in train too, or next to a training frame in a sequence."""
    counts = selected.groupby(["part", "label"]).size()
    tested = selected["part"] == "test"
    trained = selected[~tested]
    near = int((gaps(selected[tested], trained) <= NEAR).sum())
    both = index[(index["part"] == "test") & index["sha256"].isin(trained["sha256"])]
    return {
        "frames": {part: {name: int(counts.get((part, name), 0)) for name in classes} for part in ("train", "test")},
        "left_out_of_test": sorted(both["path"]),
        "near_training": {"within_frames": NEAR, "test_frames": near},
    }


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        split(
            Path(snakemake.input.frames),
            Path(snakemake.input.train),
            Path(snakemake.input.test),
            Path(snakemake.input.labels) if snakemake.input.get("labels") else None,
            Path(snakemake.input.truth) if snakemake.input.get("truth") else None,
            Path(snakemake.output.table),
            Path(snakemake.output.summary),
            labels_csv=Path(snakemake.params.labels_csv),
            to_label=Path(snakemake.params.to_label),
            classes=snakemake.params.classes,
            folds=snakemake.params.folds,
            unlabelled=snakemake.params.unlabelled,
            seed=snakemake.params.seed,
        )
