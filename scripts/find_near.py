"""Find the test frames that show nearly what a training frame shows: they say little of how a model will do."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from linecam.files import atomic_write
from linecam.frames.index import read_frames, read_split
from linecam.frames.near_duplicates import NEAR, near_duplicate_distance, nearest_distances, number_gaps
from linecam.workflow.job import job


def find_near(index: Path, split: Path, embeddings: Path, near: Path) -> None:
    """Write for each test frame (sha256, path, gap, distance, by_number, by_embedding).

    `gap` is the difference in number to the nearest training frame of the same sequence, `distance` that of embeddings
    to the nearest training frame. `by_number` is true where `gap` is at most `NEAR`. `by_embedding` is true where
    `distance` is at most `near_duplicate_distance`, and empty where that is not known.
    """
    frames = read_frames(index, ["path", "sha256", "sequence", "number", "status"])
    vectors = np.load(embeddings, mmap_mode="r")
    table = read_split(split)
    rows = {part: table.loc[table["part"] == part, "row"].to_numpy() for part in ("train", "test")}
    found = table.loc[table["part"] == "test", ["sha256", "path"]].reset_index(drop=True)
    gap = number_gaps(frames.iloc[rows["test"]], frames.iloc[rows["train"]])
    found["gap"] = ["" if np.isinf(value) else int(value) for value in gap]
    distance = nearest_distances(vectors[rows["test"]], vectors[rows["train"]])
    found["distance"] = [f"{value:.6g}" for value in distance]
    found["by_number"] = gap <= NEAR
    radius = near_duplicate_distance(vectors, frames)
    found["by_embedding"] = pd.NA if radius is None else distance <= radius
    logging.info(
        "%d of %d test frames are near a training frame in number, %s in embedding",
        found["by_number"].sum(),
        len(found),
        "an unknown number" if radius is None else found["by_embedding"].sum(),
    )
    with atomic_write(near) as temporary:
        found.to_csv(temporary, index=False)


if __name__ == "__main__":
    with job(snakemake):
        find_near(
            Path(snakemake.input.frames),
            Path(snakemake.input.split),
            Path(snakemake.input.embeddings),
            Path(snakemake.output.near),
        )
