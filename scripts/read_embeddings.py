"""Take embeddings that another tool wrote as Lightly's embeddings.csv (filenames, embedding_0.., labels)."""

import logging
import re
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linecam.errors import UserError
from linecam.files import atomic_write
from linecam.frames.index import read_index, usable
from linecam.frames.lookup import Frames
from linecam.labels.tables import meant, read_header
from linecam.workflow.job import job

_NUMBER = re.compile(r"(?i)embedding_\d+")


def read_embeddings(frames_path: Path, table_path: Path, array: Path) -> None:
    """Write the embeddings as `array`, a .npy of (frames, D) float32 in the order of the usable frames.

    Rows are matched by `filenames`, which are paths relative to the dataset's folder (see `Frames`). Raises `UserError`
    where the table isn't in Lightly's format, names a frame twice, lacks one, has no finite number for one, or the
    same numbers for all.
    """
    index = read_index(frames_path, ["path", "sha256", "status"])
    frames = usable(index)
    try:
        table = read_table(table_path)
        rows = rows_of(table["filenames"], index, frames)
        numbers = finite_numbers(table.iloc[rows])
        if len(numbers) > 1 and (numbers == numbers[0]).all():
            raise UserError(
                f"all {len(numbers)} frames have the same numbers in {table_path}, so no frame differs from another. "
                "Let the other tool write them again."
            )
    except UserError as error:
        raise UserError(f"embed.file: {error}") from None
    unused = len(table) - len(set(rows))
    if unused:
        logging.info("%d rows of %s are of no frame that is used", unused, table_path)
    with atomic_write(array) as temporary:
        np.save(temporary, numbers)
    logging.info("%d embeddings of %d numbers from %s", *numbers.shape, table_path)


def read_table(path: Path) -> pd.DataFrame:
    """The column filenames, and those of the embeddings, of a CSV file. Raises `UserError` where it is no such file."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            beginning = file.readline() + file.readline()  # the first may be sep=;
        header = read_header(path, beginning, [("filenames",)])
        numbers = [name for name in header.columns if _NUMBER.fullmatch(name)]
        if not numbers:
            raise UserError(
                f"{path} is not in Lightly's format: columns filenames, embedding_0.., labels. Its first line was read "
                f"as the columns {', '.join(map(repr, header.columns[:10]))}."
            )
        places = {int(name.rpartition("_")[2]) for name in numbers}
        if lost := sorted(set(range(min(1, *places), max(places))) - places):
            raise UserError(
                f"{path} has columns up to embedding_{max(places)}, and lacks embedding_{lost[0]}. Let the other tool "
                "write all of them."
            )
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # cells without a column
            table = pd.read_csv(
                path,
                sep=header.delimiter,
                skiprows=1 if header.opening else 0,
                dtype={place: str for place, name in enumerate(header.columns) if name == "filenames"},
                index_col=False,
            )
    except (OSError, ValueError, pd.errors.ParserWarning) as error:
        raise UserError(
            f"{path} is not a CSV that can be read: {' '.join(str(error).split())}. Export it again, in UTF-8."
        ) from None
    table.columns = pd.Index(header.columns)
    table["filenames"] = table["filenames"].fillna("").map(meant)
    return table[["filenames", *numbers]]


def rows_of(names: Iterable[str], index: pd.DataFrame, frames: pd.DataFrame) -> list[int]:
    """For each of `frames`, the usable ones of `index`, the row whose name stands for it.

    A row for a copy of a frame counts where there is none for itself. Raises `UserError` where two rows stand for one
    file, or a frame has none.
    """
    known, names = Frames(index, Path()), list(names)
    digests = dict(zip(index["path"], index["sha256"], strict=True))
    by_path: dict[str, int] = {}
    by_digest: dict[str, int] = {}
    strange = []
    for row, name in enumerate(names):
        meant_by = known.known_as(name)
        if len({digests[path] for path in meant_by}) != 1:
            could_be = f", which could be {' or '.join(meant_by[:3])}" if meant_by else ""
            strange.append(f"row {row + 1}, {name}{could_be}")
            continue
        before = by_path.setdefault(meant_by[0], row)
        if before != row:
            raise UserError(
                f"the table names a frame twice, first {meant_by[0]}: as {names[before]} in row {before + 1}, and as "
                f"{name} in row {row + 1}. Remove the one that does not count."
            )
        by_digest.setdefault(digests[meant_by[0]], row)
    rows = [
        by_path.get(path, by_digest.get(digest, -1))
        for path, digest in zip(frames["path"], frames["sha256"], strict=True)
    ]
    missing = sorted(path for path, row in zip(frames["path"], rows, strict=True) if row < 0)
    if missing:
        others = f" It has {len(strange)} rows for no frame, first {strange[0]}." if strange else ""
        raise UserError(
            f"the table has no row for {len(missing)} of {len(frames)} frames, first {missing[0]}.{others} Its "
            "`filenames` are paths relative to the folder of the dataset."
        )
    return rows


def finite_numbers(table: pd.DataFrame) -> NDArray[np.float32]:
    """All columns but the name, (rows, D). Raises `UserError` with the first row that has no finite number."""
    written = table.drop(columns="filenames")
    with np.errstate(over="ignore"):  # 1e300 is none in float32
        numbers: NDArray[np.float32] = written.apply(pd.to_numeric, errors="coerce").to_numpy(np.float32)
    places = np.argwhere(~np.isfinite(numbers))
    if len(places):
        row, column = places[0]
        raise UserError(
            f"{written.columns[column]} of {table['filenames'].iloc[row]}, in row {table.index[row] + 1}, is "
            f"{written.iat[row, column]!s}, which is not a number that can be used. Of {len(numbers)} frames "
            f"{len(set(places[:, 0]))} have such an embedding: let the other tool write them again."
        )
    return numbers


if __name__ == "__main__":
    with job(snakemake):
        read_embeddings(
            Path(snakemake.input.frames),
            Path(snakemake.input.table),
            Path(snakemake.output.array),
        )
