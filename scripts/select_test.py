"""Select the frames to test on: at random, or those that the folders give."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linecam.errors import UserError
from linecam.files import atomic_write
from linecam.frames.index import read_index, usable
from linecam.frames.kept import is_kept
from linecam.selection.pool import check_enough, check_given, pool_of
from linecam.selection.strategies import rank_by_hash
from linecam.workflow.job import job

# So many times `gap` frames in a row are for the test: the longer, the fewer frames at their ends are lost to training.
STRETCH = 4


def select_test(
    index: Path, test: Path, *, count: int, seed: int, given: bool, gap: int = 0, train: int | None = None
) -> None:
    """Write the test frames to `test` (sha256, path): `count` random usable frames, or all of test/ where `given`.

    The random ones are the first `count` in an order by hash, so that adding frames replaces few of them. Where `gap`
    is more than 0, stretches of sequences are drawn by their hash, so that frames beyond the gap are left to train on.
    Frames whose content stands in train/ too are left out and logged. One that a camera kept because it is hard is
    never a random one.

    `train` is how many frames are to be trained on, None where nobody asks. Raises `UserError` where there are not so
    many left, or where `given` none in train/: this is asked here, before anything that costs.
    """
    table = read_index(index, ["path", "sha256", "sequence", "number", "part", "kept", "status"])
    if given:
        there = table["sha256"].isin(usable(table)["sha256"])
        frames = table[(table["part"] == "test") & there].drop_duplicates("sha256")
        both = frames["sha256"].isin(table.loc[table["part"] == "train", "sha256"])
        for path in frames.loc[both, "path"]:
            logging.info("left out of the test: %s has the same bytes as a training frame", path)
        picked = frames[~both]
    else:
        frames = usable(table)
        frames = frames[~is_kept(frames)]
        if count * 2 > len(frames):
            but = ", not counting those that the camera kept," if is_kept(usable(table)).any() else ""
            raise UserError(
                f"select.test = {count} of {len(frames)} usable frames{but} leaves fewer to train on than to test on. "
                "Add frames, or lower select.test."
            )
        drawn = stretches(frames, gap, seed) if gap else rank_by_hash(frames["sha256"], seed, count)
        picked = frames.iloc[drawn[:count]].sort_values("path")
    if picked.empty:
        raise UserError(
            "There is no usable frame in test/. Put labelled test frames there, with one folder for each class."
        )
    everything = usable(table)
    if given:
        check_given(everything, picked["sha256"])
    elif train is not None:
        left = pool_of(everything, picked["sha256"], gap)
        check_enough(train, len(left), len(everything), gap=gap, setting="select.train")
    logging.info("%d test frames", len(picked))
    with atomic_write(test) as temporary:
        picked[["sha256", "path"]].to_csv(temporary, index=False)


def stretches(frames: pd.DataFrame, gap: int, seed: int) -> NDArray[np.intp]:
    """Positions of all frames, stretch by stretch in an order by hash, within one by number; see `select_test`."""
    numbered = frames["number"] >= 0
    names = frames["sequence"] + " " + (frames["number"] // (STRETCH * gap)).astype(str)
    stretch, first = pd.factorize(names.where(numbered, frames["sha256"]))
    rank = np.empty(len(first), np.intp)
    rank[rank_by_hash(list(first), seed)] = np.arange(len(first))
    return np.lexsort([frames["number"].to_numpy(), rank[stretch]])


if __name__ == "__main__":
    with job(snakemake):
        select_test(
            Path(snakemake.input.frames),
            Path(snakemake.output.test),
            count=snakemake.params.number,
            seed=snakemake.params.seed,
            given=snakemake.params.given,
            gap=snakemake.params.gap,
            train=snakemake.params.train,
        )
