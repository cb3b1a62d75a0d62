"""The index of the frames, and the tables and arrays with a row a frame that every later step reads."""

import re
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linecam.camera.region import Region
from linecam.frames.layout import class_of, exported_name, part_of
from linecam.frames.places import frame_of, place_digest, place_path, place_sequence

COLUMNS = ["path", "sha256", "bytes", "width", "height", "sequence", "number", "part", "label", "kept"]
COLUMNS += ["status", "reason"]

# Of more digits, a time to the microsecond, the last ones: they have to fit into 64 bits.
_NUMBERED = re.compile(r"^(?P<sequence>.*?)[-_. ]?(?P<number>\d{1,18})$")


def path_facts(path: str, classes: list[str]) -> dict[str, object]:
    """What a frame's path relative to the dataset says: `sequence`, `number`, `part` (train, test) and `label`.

    `C-10352.jpg` is number 10352 of the sequence C, and `monday/C-10352.jpg` of another, monday/C: folders belong to
    it, but for those that name a part or a class. `train/bad/x.jpg` is a training frame labelled bad, as is
    `training/bad.x.4f1c.jpg`; see `linecam.frames.layout`. What the path doesn't say is an empty string, or -1 for the
    number.
    """
    folders = PurePosixPath(path).parts[:-1]
    labels = [class_of(name, classes) for name in folders]
    parts = [part_of(name, classes) for name in folders]
    in_name, name = exported_name(path, classes)
    match = _NUMBERED.match(name)
    around = [name for name, label, part in zip(folders, labels, parts, strict=True) if not (label or part)]
    return {
        "sequence": "/".join([*around, match["sequence"]]) if match else "",
        "number": int(match["number"]) if match else -1,
        "part": parts[0] if parts else "",
        "label": next((label for label in reversed(labels) if label), in_name),
    }


def part_sequences(table: pd.DataFrame) -> list[str]:
    """Have folders that each count from the start be sequences of their own, in place; the names of such sequences.

    `table` is an index. Sorting a recording into folders of classes leaves its numbers distinct. So a sequence is
    parted by folder where, of one folder, half of the numbers and at least two stand for other frames in another one.
    """
    frames = table[(table["status"] == "ok") & (table["number"] >= 0)]
    frames = frames.assign(folder=frames["path"].map(_folder_of)).drop_duplicates(["sequence", "number", "folder"])
    shared = frames.duplicated(["sequence", "number"], keep=False)
    of = shared.groupby([frames["sequence"], frames["folder"]]).agg(["sum", "size"])
    counting = of[(of["sum"] >= 2) & (2 * of["sum"] >= of["size"])]
    names = sorted(set(counting.index.get_level_values(0)))
    parted = table["sequence"].isin(names) & (table["number"] >= 0)
    stems = table.loc[parted, "sequence"].map(lambda name: name.rsplit("/")[-1])
    table.loc[parted, "sequence"] = table.loc[parted, "path"].map(_folder_of) + "/" + stems
    return names


def _folder_of(path: str) -> str:
    return str(PurePosixPath(frame_of(path)).parent)


def cut_into_places(table: pd.DataFrame, region: Region) -> pd.DataFrame:
    """An index of frames as one of the places of `region`, a row a place, sorted by path.

    What cannot be used stays a row, and so does a picture that has the size of a place: it shows just one. Of a frame
    the folder's label says nothing: it is not known which place it is about.
    """
    whole = (table["status"] != "quarantined") & ~shows_just(region, table)
    frames, parts = table[whole], [table[~whole]]
    for number in range(1, len(region.rois) + 1):
        parts.append(
            frames.assign(
                path=[place_path(path, number) for path in frames["path"]],
                sha256=[place_digest(digest, number) for digest in frames["sha256"]],
                sequence=[place_sequence(name, number) for name in frames["sequence"]],
                label="",
            )
        )
    return pd.concat(parts).sort_values("path", kind="stable", ignore_index=True)


def shows_just(region: Region, table: pd.DataFrame) -> pd.Series:
    """Which rows of an index are pictures of the region alone, or of one of its places, by their size."""
    sizes = table[["width", "height"]].itertuples(index=False, name=None)
    return pd.Series([region.recorded(size) for size in sizes], index=table.index, dtype=bool)


def read_index(path: str | Path, columns: list[str] | None = None) -> pd.DataFrame:
    """The whole index, one row a file, with the columns `COLUMNS`, or some of them: half the memory."""
    return pd.read_csv(
        path,
        usecols=columns,
        dtype={name: str for name in COLUMNS if name not in {"bytes", "width", "height", "number"}},
        keep_default_na=False,
    )


def read_frames(path: str | Path, columns: list[str] | None = None) -> pd.DataFrame:
    """The usable frames of an index, one row a content; row i belongs to row i of every pixel and embedding array.

    Of `columns`, where it is given, `status` has to be one.
    """
    return usable(read_index(path, columns))


def usable(index: pd.DataFrame) -> pd.DataFrame:
    """The usable frames of an index that is read already; see `read_frames`."""
    return index[index["status"] == "ok"].reset_index(drop=True)


def read_split(path: str | Path) -> pd.DataFrame:
    """A split: row, sha256, path, part, label and by, text as it is written whatever the classes are called."""
    text = dict.fromkeys(("sha256", "path", "part", "label", "by"), str)
    return pd.read_csv(path, dtype=text, keep_default_na=False)


def read_pixels(path: str | Path) -> NDArray[np.uint8]:
    """The pixels of the usable frames, (frames, size, size, 3), uint8, 0..255, memory-mapped."""
    pixels: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    return pixels
