"""Decode every usable frame once, into one array of what the camera would give the network."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from linecam.camera import square, to_input
from linecam.errors import reported
from linecam.files import whole
from linecam.frames import FORMATS, read_frames, upright
from linecam.progress import progress

CHUNK = 32


def decode_frames(index: Path, folder: Path, pixels: Path, *, size: int, side: int, workers: int) -> None:
    """Write `pixels`, a .npy of (frames, size, size, 3), uint8, 0..255, row i for row i of the usable frames."""
    paths = [folder / path for path in read_frames(index)["path"]]
    chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
    with whole(pixels) as temporary, ProcessPoolExecutor(workers) as pool:
        array = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=(len(paths), size, size, 3))
        decoded: Iterator[NDArray[np.uint8]] = pool.map(partial(decode, size=size, side=side), chunks)
        for start, chunk in zip(
            range(0, len(paths), CHUNK), progress(decoded, "decode", f"x {CHUNK} frames", len(chunks)), strict=True
        ):
            array[start : start + CHUNK] = chunk
        array.flush()


def decode(paths: list[Path], size: int, side: int) -> NDArray[np.uint8]:
    """The network's input for each file, (files, size, size, 3), uint8, 0..255, through the camera's own arithmetic."""
    Image.MAX_IMAGE_PIXELS = None  # the index has already refused what is too large
    squares = []
    for path in paths:
        with Image.open(path, formats=FORMATS) as image:
            squares.append(square(upright(image), side))
    return to_input(np.stack(squares), size)


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        decode_frames(
            Path(snakemake.input.frames),
            Path(snakemake.params.folder),
            Path(snakemake.output.pixels),
            size=int(snakemake.wildcards.size),
            side=snakemake.params.side,
            workers=snakemake.threads,
        )
