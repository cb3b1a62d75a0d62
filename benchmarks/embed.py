"""Embedding: scripts/embed.py's function against a bare forward loop of the same network over tensors that are ready.

`python benchmarks/embed.py [--frames N] [--threads N]`: 25,000 frames of 64x64, ResNet-9 of width 0.125. linecam's side
reads pixels and weights from disk, hashes every frame, and writes array, certificate and Lightly's CSV; bare is nothing
but the network on the same batches, in the same memory format, a batch a thread as linecam does it, since threads that
share a batch are never quicker here. Both in one process, in turn. The goal is 0.85.
"""

import argparse
import logging
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a file, from anywhere
from benchmarks.sides import in_turn, show, show_ratio
from linecam.frames.index import COLUMNS
from linecam.networks.embedding import BATCH, images
from linecam.networks.models import backbone, load_weights, save_weights
from linecam.networks.models import embed as forward
from linecam.networks.torch_setup import prepare_torch
from scripts.embed import embed
from scripts.gather_embeddings import gather_embeddings

NETWORK, SIZE = "resnet9-64", 64
DIFFERENT = 1000  # frames; the rest are the same again, rolled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser.add_argument("--frames", type=int, default=25_000)
    parser.add_argument("--threads", type=int, default=cores)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    logging.disable(logging.INFO)
    os.chdir(Path(__file__).parent.parent)  # where the script's sources are read from
    device = prepare_torch(options.threads)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        pixels = frames(options.frames)
        np.save(place / "pixels.npy", pixels)
        table = pd.DataFrame({"path": [f"A-{number:05d}.jpg" for number in range(len(pixels))]}, columns=COLUMNS)
        table.assign(status="ok", number=0).to_csv(place / "frames.csv", index=False)
        save_weights(place / "weights.safetensors", backbone(NETWORK), {})
        model = backbone(NETWORK).to(device).eval()
        load_weights(place / "weights.safetensors", model)
        size = BATCH[device.type]
        batches = [
            images(pixels[start : start + size], device) for start in range(0, min(len(pixels), 20 * size), size)
        ]
        sides = {
            "linecam": lambda: ours(place, options.frames, options.threads, clean=True),
            "bare": lambda: bare(model, batches, options.frames, options.threads),
        }
        bare(model, batches, 10 * size, options.threads)
        medians = in_turn(sides, options.rounds)
        medians["linecam, embedded before"] = ours(place, options.frames, options.threads, clean=False)
    show(f"Embedding {options.frames} frames on {options.threads} threads ({device.type})", medians, "frames/s")
    show_ratio(medians["linecam"] / medians["bare"])


def frames(count: int) -> np.ndarray:
    """(count, 64, 64, 3) uint8, no two the same."""
    some = np.random.default_rng(0).integers(0, 256, (DIFFERENT, SIZE, SIZE, 3), dtype=np.uint8)
    return np.concatenate([np.roll(some, turn, axis=2) for turn in range(-(-count // DIFFERENT))])[:count]


def ours(place: Path, count: int, threads: int, *, clean: bool) -> float:
    """Frames a second of the two rules' functions, from files to files."""
    array, part, certificate = place / "out/embeddings.npy", place / "1-of-1.npy", place / "1-of-1.rows.npy"
    if clean:
        shutil.rmtree(array.parent, ignore_errors=True)
    start = time.perf_counter()
    embed(
        place / "pixels.npy",
        place / "weights.safetensors",
        part,
        network=NETWORK,
        threads=threads,
        certificate=certificate,
        former=array,
    )
    index, table = place / "frames.csv", array.with_suffix(".csv")
    gather_embeddings(index, [part], [certificate], array, table, classes=["bad", "good"])
    speed = count / (time.perf_counter() - start)
    part.unlink()
    return speed


def bare(model: nn.Module, batches: list[torch.Tensor], count: int, threads: int) -> float:
    """Frames a second of the network alone."""

    @torch.inference_mode()
    def work(number: int) -> None:
        forward(model, batches[number % len(batches)]).cpu()

    size = len(batches[0])
    start = time.perf_counter()
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for _ in pool.map(work, range(-(-count // size))):
            pass
    return count / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
