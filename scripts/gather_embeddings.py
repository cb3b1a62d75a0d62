"""Join the shards' embeddings, keep them for the next run, and write them for what reads Lightly's CSV."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linecam.files import atomic_write
from linecam.frames.index import read_frames
from linecam.frames.reuse import keep
from linecam.frames.shards import join
from linecam.workflow.job import job


def gather_embeddings(
    index: Path, parts: list[Path], certificates: list[Path], array: Path, table: Path | None, *, classes: list[str]
) -> None:
    """Write `array`, the rows of `parts` in order, and to `table`, if given, Lightly's embeddings.csv.

    The CSV's `labels` are the numbers of the `classes` that the folders give, -1 where they give none. It is the same
    as `lightly.utils.io.save_embeddings` writes, which takes three seconds to import.
    """
    join(parts, array)
    if table:
        write_table(read_frames(index), np.load(array, mmap_mode="r"), table, classes)
    keep(array, certificates)


def write_table(frames: pd.DataFrame, embeddings: NDArray[np.float32], table: Path, classes: list[str]) -> None:
    """Write embeddings (N, D) of `frames` as Lightly's embeddings.csv."""
    with atomic_write(table) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["filenames", *(f"embedding_{number}" for number in range(embeddings.shape[1])), "labels"])
        for path, label, embedding in zip(frames["path"], frames["label"], embeddings, strict=True):
            writer.writerow([path, *embedding, classes.index(label) if label else -1])


if __name__ == "__main__":
    with job(snakemake):
        table = snakemake.output.get("table")
        gather_embeddings(
            Path(snakemake.input.frames),
            [Path(path) for path in snakemake.input.parts],
            [Path(path) for path in snakemake.input.certificates],
            Path(snakemake.output.array),
            Path(table) if table else None,
            classes=snakemake.params.classes,
        )
