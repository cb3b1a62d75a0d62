"""The first frames of a selection: what a smaller budget of labels would have been, for the study."""

from pathlib import Path

import pandas as pd

from linecam.errors import UserError
from linecam.files import atomic_write
from linecam.selection.strategies import rank_by_hash
from linecam.workflow.job import job


def select_first(selection: Path, train: Path, *, count: int, shuffled: bool, seed: int) -> None:
    """Write the first `count` frames of `selection` to `train` (sha256, path).

    In the order of their picking; `shuffled`, where that is none, by the rank of their hash. Raises `UserError` where
    there are fewer.
    """
    frames = pd.read_csv(selection)
    if count > len(frames):
        raise UserError(
            f"study.labels asks for {count} labels, but {selection} has {len(frames)} frames. Lower it, or raise "
            "select.train."
        )
    if shuffled:
        frames = frames.iloc[rank_by_hash(list(frames["sha256"]), seed)]
    with atomic_write(train) as temporary:
        frames.head(count).to_csv(temporary, index=False)


if __name__ == "__main__":
    with job(snakemake):
        select_first(
            Path(snakemake.input.selection),
            Path(snakemake.output.train),
            count=int(snakemake.wildcards.number),
            shuffled=snakemake.params.shuffled,
            seed=snakemake.params.seed,
        )
