"""Arrays with a row a frame that are made in parts, on several machines or after one another, and joined."""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from linecam.files import atomic_write

# How many rows are held in memory at once. There may be a million.
BLOCK = 1024


def rows_of(shard: str, count: int) -> range:
    """The rows of `count` that a shard, such as "2-of-4", makes: contiguous, in order, as equal as can be."""
    match = re.fullmatch(r"(\d+)-of-(\d+)", shard)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(f"{shard!r} names no shard: 1-of-4 is the first of four.")
    number, shards = int(match[1]), int(match[2])
    return range(count * (number - 1) // shards, count * number // shards)


def new_array(file: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> NDArray[Any]:
    """A new .npy of `dtype` and `shape`, memory-mapped, with room on the disk for all of it.

    Raises `OSError` where the disk is full. Without the room, writing into the array would end the process by a signal.
    """
    array = np.lib.format.open_memmap(file, mode="w+", dtype=np.dtype(dtype), shape=shape)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with file.open("r+b") as opened:
            os.posix_fallocate(opened.fileno(), 0, max(file.stat().st_size, 1))
    return array


def join(parts: Sequence[Path], array: Path) -> None:
    """Write the rows of `parts`, .npy files in this order, as one .npy; the same bytes for any number of parts."""
    with atomic_write(array) as temporary:
        if len(parts) == 1:
            link(parts[0], temporary)
            return
        arrays = [np.load(part, mmap_mode="r") for part in parts]
        count = sum(map(len, arrays))
        joined = new_array(temporary, arrays[0].dtype, (count, *arrays[0].shape[1:]))
        start = 0
        for rows in arrays:
            for low in range(0, len(rows), BLOCK):
                block = rows[low : low + BLOCK]
                joined[start : start + len(block)] = block
                start += len(block)


def link(file: Path, name: Path) -> None:
    """Give `file` a second name: for nothing where the file system has hard links, else by a copy."""
    try:
        os.link(file, name)
    except OSError:
        shutil.copyfile(file, name)
