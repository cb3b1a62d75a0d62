"""Decoding: scripts/decode_frames.py against the stock way, and against what the cores' JPEG decoder can do at all.

`python benchmarks/decode.py [--frames N]`: on N frames of the built-in belt (320x240 JPEG), in as many processes as
there are cores for each side. Stock is Pillow's open, convert, crop and bilinear resize straight to the network's
input, an array a frame handed back to the parent, as torchvision's ImageFolder under a DataLoader does it. Bare is
Pillow decoding the same files in full, and nothing else. linecam has the decoder scale down, to no less than the
sensor's square, goes on in the firmware's arithmetic, compares each file with its hash, and ends with all frames in
one file.
"""

import argparse
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a file, from anywhere
from benchmarks.sides import in_turn, show, show_ratio
from linecam.camera.region import Region
from linecam.files import sha256
from scripts.decode_frames import decode_frames
from scripts.gather_pixels import gather_pixels
from scripts.render_belt import render_belt

SIZE, SIDE = 64, 120
RENDERED = 500  # rendering takes far longer than decoding: the rest are copies, each with another last byte


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    logging.disable(logging.INFO)
    os.chdir(Path(__file__).parent.parent)  # where the scripts' sources are read from
    with tempfile.TemporaryDirectory() as name, quiet():
        place = Path(name)
        paths = belt(place, options.frames, workers)
        index = place / "frames.csv"
        table = pd.DataFrame({"path": [path.name for path in paths], "sha256": list(map(sha256, paths))})
        table.assign(status="ok").to_csv(index, index=False)
        ours(index, paths, place, workers, clean=True)  # compiled, and in the page cache
        sides: dict[str, Callable[[], float]] = {
            "linecam": lambda: ours(index, paths, place, workers, clean=True),
            "stock": lambda: in_processes(stock, paths, workers),
            "bare JPEG decoder": lambda: in_processes(bare, paths, workers),
            "linecam, decoded before": lambda: ours(index, paths, place, workers, clean=False),
        }
        medians = in_turn(sides, options.rounds)
    show(f"Decoding {options.frames} frames of 320x240 on {workers} processes", medians, "frames/s")
    print(f"linecam runs at {medians['linecam'] / medians['bare JPEG decoder']:.0%} of the bare decoder's speed")
    show_ratio(medians["linecam"] / medians["stock"])


def belt(place: Path, frames: int, workers: int) -> list[Path]:
    """Frames of the belt, as many as asked for, no two of the same content."""
    folder = place / "frames"
    render_belt(folder, place / "truth.csv", frames=min(frames, RENDERED), seed=1, workers=workers)
    rendered = sorted(folder.iterdir())
    for number in range(frames - len(rendered)):
        source = rendered[number % len(rendered)]
        copy = folder / f"copy-{number:06d}.jpg"
        copy.write_bytes(source.read_bytes() + (number // len(rendered)).to_bytes(4))
    return sorted(folder.iterdir())


def ours(index: Path, paths: list[Path], place: Path, workers: int, *, clean: bool) -> float:
    """Frames a second of the two rules' functions, from the index to the gathered array."""
    pixels, part, certificate = place / "pixels/64.npy", place / "1-of-1.npy", place / "1-of-1.rows.npy"
    if clean:
        shutil.rmtree(pixels.parent, ignore_errors=True)
    start = time.perf_counter()
    decode_frames(
        index,
        paths[0].parent,
        part,
        size=SIZE,
        region=Region(side=SIDE),
        workers=workers,
        certificate=certificate,
        former=pixels,
    )
    gather_pixels([part], [certificate], pixels)
    speed = len(paths) / (time.perf_counter() - start)
    part.unlink()
    return speed


def in_processes(work: Callable[[Path], object], paths: list[Path], workers: int) -> float:
    """Frames a second of `work` on each path."""
    start = time.perf_counter()
    with ProcessPoolExecutor(workers) as pool:
        for _ in pool.map(work, paths, chunksize=32):
            pass
    return len(paths) / (time.perf_counter() - start)


def stock(path: Path) -> NDArray[np.uint8]:
    """A frame as torchvision's ImageFolder loads it, cut and resized to the network's input."""
    with path.open("rb") as file, Image.open(file) as image:
        rgb = image.convert("RGB")
    left, top = (rgb.width - 240) // 2, (rgb.height - 240) // 2
    square = rgb.crop((left, top, left + 240, top + 240))
    return np.asarray(square.resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def bare(path: Path) -> None:
    """The decoder alone."""
    with Image.open(path, formats=["JPEG"]) as image:
        image.load()


@contextmanager
def quiet() -> Iterator[None]:
    """Without progress bars."""
    with Path(os.devnull).open("w", encoding="utf-8") as nothing:
        kept, sys.stderr = sys.stderr, nothing
        try:
            yield
        finally:
            sys.stderr = kept


if __name__ == "__main__":
    main()
