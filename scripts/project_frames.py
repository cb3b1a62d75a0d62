"""Lay the frames out on a map by their embeddings, similar ones together, for the report."""

from pathlib import Path

import numpy as np
import pandas as pd

from linecam.files import atomic_write
from linecam.frames.index import read_frames
from linecam.selection.projection import project
from linecam.workflow.job import job

# So many frames have a place: t-SNE takes 15 s for 5,000, and the report has a thumbnail of each.
MOST = 5000


def project_frames(
    index: Path, embeddings: Path, selected: list[Path], places: Path, *, seed: int, most: int = MOST
) -> None:
    """Write (row, sha256, path, x, y, frames) of at most `most` usable frames; `row` is that of the pixel arrays.

    `selected` are tables of selected frames, which always have a place. Of the others as many as there is room for are
    drawn at random. `frames` is how many usable ones there are in all.
    """
    frames = read_frames(index, ["path", "sha256", "status"])
    chosen = {digest for table in selected for digest in pd.read_csv(table, dtype=str)["sha256"]}
    is_chosen = frames["sha256"].isin(chosen).to_numpy()
    others = np.random.default_rng(seed).permutation(np.flatnonzero(~is_chosen))
    rows = np.sort(np.concatenate([np.flatnonzero(is_chosen), others[: max(most - int(is_chosen.sum()), 0)]]))
    xy = project(np.load(embeddings, mmap_mode="r")[rows], seed)
    table = frames.iloc[rows][["sha256", "path"]]
    table.insert(0, "row", rows)
    for name, values in zip("xy", xy.T, strict=True):
        table[name] = [f"{value:.4f}" for value in values]
    with atomic_write(places) as temporary:
        table.assign(frames=len(frames)).to_csv(temporary, index=False)


if __name__ == "__main__":
    with job(snakemake):
        project_frames(
            Path(snakemake.input.frames),
            Path(snakemake.input.embeddings),
            [Path(snakemake.input.test), Path(snakemake.input.train)],
            Path(snakemake.output.places),
            seed=snakemake.params.seed,
        )
