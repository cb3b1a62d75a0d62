"""Take embeddings that another tool wrote as Lightly's embeddings.csv (filenames, embedding_0.., labels)."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from linecam.errors import UserError
from linecam.files import atomic_write
from linecam.frames.index import read_frames
from linecam.workflow.job import job


def read_embeddings(frames_path: Path, table_path: Path, array: Path) -> None:
    """Write the embeddings as `array`, a .npy of (frames, D) float32 in the order of the usable frames.

    Rows are matched by `filenames`, which are paths relative to the dataset's folder. Raises `UserError` where the
    table isn't in Lightly's format, or names a frame twice, or lacks one.
    """
    frames = read_frames(frames_path)
    try:
        table = pd.read_csv(table_path, dtype={"filenames": str})
    except (ValueError, pd.errors.ParserError) as error:
        raise UserError(f"embed.file: {table_path} is not a CSV that can be read: {error}") from None
    columns = [name for name in table.columns if name.startswith("embedding_")]
    if "filenames" not in table.columns or not columns:
        raise UserError(
            f"embed.file: {table_path} is not in Lightly's format: columns filenames, embedding_0.., labels."
        )
    twice = table["filenames"][table["filenames"].duplicated()]
    if len(twice):
        raise UserError(f"embed.file: {table_path} names {len(twice)} frames twice, first {twice.iloc[0]}.")
    missing = sorted(set(frames["path"]) - set(table["filenames"]))
    if missing:
        raise UserError(
            f"embed.file: {table_path} has no row for {len(missing)} of {len(frames)} frames, first {missing[0]}. "
            "Its `filenames` are paths relative to the folder of the dataset."
        )
    try:
        embeddings = table.set_index("filenames").loc[frames["path"], columns].to_numpy(np.float32)
    except ValueError as error:
        raise UserError(f"embed.file: {table_path} holds an embedding that is not a number: {error}") from None
    with atomic_write(array) as temporary:
        np.save(temporary, embeddings)
    logging.info("%d embeddings of %d numbers from %s", *embeddings.shape, table_path)


if __name__ == "__main__":
    with job(snakemake):
        read_embeddings(
            Path(snakemake.input.frames),
            Path(snakemake.input.table),
            Path(snakemake.output.array),
        )
