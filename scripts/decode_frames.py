"""Decode every usable frame once, into one array of what the camera would give the network."""

import logging
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import features

from linecam.camera import arithmetic as camera
from linecam.camera.region import Region
from linecam.files import atomic_write
from linecam.frames.decode import read_region
from linecam.frames.index import read_frames
from linecam.frames.reuse import certify, key_of, reuse, sums
from linecam.frames.shards import new_array, rows_of
from linecam.progress import progress
from linecam.workflow.dependencies import modules_of
from linecam.workflow.job import job

CHUNK = 32  # frames a worker is given at a time
CACHED = 8  # of them so many at a time through the camera's arithmetic: more don't fit into a core's cache
# Whatever may change a pixel beside the lines of linecam.
DECODERS = [PIL.__version__, *map(features.version, ("libjpeg_turbo", "webp", "zlib")), version("av")]


def decode_frames(
    index: Path,
    folder: Path,
    pixels: Path,
    *,
    size: int,
    region: Region,
    workers: int,
    shard: str = "1-of-1",
    certificate: Path | None = None,
    former: Path | None = None,
) -> None:
    """Write `pixels`, a .npy of (frames, size, size, 3), uint8, 0..255, row i for the i-th usable frame of the shard.

    Frames that an earlier run decoded into `former` are copied, and `certificate` is what lets the next run do so
    (`linecam.frames.reuse`). Raises `UserError` where a frame is no longer what the index says.
    """
    if said := region.enlarged(size):
        logging.warning("%s.", said)
    frames = read_frames(index)
    rows = rows_of(shard, len(frames))
    paths, digests = ([*frames[column].iloc[rows.start : rows.stop]] for column in ("path", "sha256"))
    key = key_of(modules_of("scripts/decode_frames.py"), size=size, region=region.as_param(), decoders=DECODERS)
    certified = certify(key, map(bytes.fromhex, digests), len(paths))
    with atomic_write(pixels) as temporary:
        array = new_array(temporary, np.uint8, (len(paths), size, size, 3))
        missing = reuse(former, certified, array) if former else np.arange(len(paths))
        chunks = [missing[start : start + CHUNK] for start in range(0, len(missing), CHUNK)]
        if chunks:
            work = partial(_work, region=region)
            settings = (temporary, [str(folder / path) for path in paths], digests)
            with ProcessPoolExecutor(min(workers, len(chunks)), initializer=_start, initargs=settings) as pool:
                done = progress(pool.map(work, chunks), "decode", f"x {CHUNK} frames", len(chunks))
                for chunk, made in zip(chunks, done, strict=True):
                    certified["sum"][chunk] = made
    if certificate:
        with atomic_write(certificate) as temporary:
            np.save(temporary, certified)


# What a worker works on.
_held: list[tuple[NDArray[np.uint8], list[str], list[str]]] = []


def _start(pixels: Path, paths: list[str], digests: list[str]) -> None:
    """Have a worker write into the file itself: what goes to it and back are row numbers and sums."""
    _held.append((np.load(pixels, mmap_mode="r+"), paths, digests))


def _work(rows: NDArray[np.intp], region: Region) -> NDArray[np.uint32]:
    array, paths, digests = _held[0]
    seen = decode([paths[row] for row in rows], array.shape[1], region, [digests[row] for row in rows])
    array[rows] = seen
    return sums(seen)


def decode(
    paths: Sequence[str | Path],
    size: int,
    region: Region,
    digests: Sequence[str] | None = None,
) -> NDArray[np.uint8]:
    """The network's input for each file, (files, size, size, 3), uint8, 0..255, through the camera's own arithmetic."""
    expected = digests or [""] * len(paths)
    seen = np.empty((len(paths), size, size, 3), np.uint8)
    for start in range(0, len(paths), CACHED):
        now = slice(start, start + CACHED)
        regions = [
            read_region(path, region, digest=digest) for path, digest in zip(paths[now], expected[now], strict=True)
        ]
        seen[now] = camera.to_input(np.stack(regions), size)
    return seen


if __name__ == "__main__":
    with job(snakemake):
        decode_frames(
            Path(snakemake.input.frames),
            Path(snakemake.params.folder),
            Path(snakemake.output.pixels),
            size=int(snakemake.wildcards.size),
            region=Region.of(snakemake.params.region),
            workers=snakemake.threads,
            shard=snakemake.wildcards.scatteritem,
            certificate=Path(snakemake.output.certificate),
            former=Path(snakemake.params.former),
        )
