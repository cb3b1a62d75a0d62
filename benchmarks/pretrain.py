"""Frames a second of SimCLR pretraining: linecam's against lightly's stock path, on the same JPEG files.

ResNet-9 of width 0.125, 64 x 64 pixels, batches of 256, on all cores; the same augmentations, loss and optimizer.
Stock is LightlyDataset, SimCLRTransform, DataLoader and NTXentLoss in float32, put together as in lightly's
documentation, with as many workers as suit it best here. linecam's side is its rule's function, with its reading of
pixels, checkpoint and weights; the decoding before it, done once, is given apart. Each runs in a process of its own,
in turn, since linecam changes how the process allocates memory. linecam runs five epochs, the default on a CPU, and
so pays once for five what it does at the start; lightly's rate is that of one, without any start.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a file, from anywhere

import numpy as np
import torch
from PIL import Image

from benchmarks.sides import in_turn, show, show_ratio
from linecam.camera.arithmetic import square, to_input
from linecam.networks.models import tutorial
from linecam.networks.torch_setup import bfloat16_is_fast, prepare_torch
from linecam.training.distributed import Processes
from linecam.training.simclr import Recipe
from scripts.pretrain import pretrain
from scripts.render_belt import render_belt

SIZE, BATCH, EPOCHS = 64, 256, 5
CORES = len(os.sched_getaffinity(0))
JITTER, CROP = 0.5, 0.5


def stock(folder: Path, workers: int) -> float:
    """Frames a second of one epoch of lightly's stock path."""
    from lightly.data import LightlyDataset  # noqa: PLC0415 (linecam's side doesn't load them)
    from lightly.loss import NTXentLoss  # noqa: PLC0415
    from lightly.models.modules import SimCLRProjectionHead  # noqa: PLC0415
    from lightly.transforms import SimCLRTransform  # noqa: PLC0415

    transform = SimCLRTransform(SIZE, cj_strength=JITTER, min_scale=CROP, vf_prob=0.5, gaussian_blur=0, normalize=None)
    dataset = LightlyDataset(str(folder / "frames"), transform=transform)
    trunk = tutorial()
    head = SimCLRProjectionHead(trunk.features, trunk.features, 128)
    model = torch.nn.ModuleDict({"backbone": trunk, "head": head})
    criterion = NTXentLoss(temperature=0.5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.12, momentum=0.9, weight_decay=5e-4)
    started = time.perf_counter()
    loader = torch.utils.data.DataLoader(dataset, BATCH, shuffle=True, drop_last=True, num_workers=workers)
    for (first, second), _, _ in loader:
        projections = [model["head"](model["backbone"](views).mean(dim=(2, 3))) for views in (first, second)]
        loss = criterion(*projections)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return len(loader) * BATCH / (time.perf_counter() - started)


def ours(folder: Path) -> float:
    """Frames a second of linecam's rule, reading and writing included."""
    device = prepare_torch(CORES)
    precision = "bfloat16" if bfloat16_is_fast(gpu=False) else "float32"
    recipe = Recipe("resnet9-64", EPOCHS, BATCH, 0.06, 0.5, JITTER, CROP, precision, 1)
    frames = len(np.load(folder / "pixels.npy", mmap_mode="r"))
    started = time.perf_counter()
    pretrain(
        folder / "pixels.npy",
        folder / "backbone.safetensors",
        folder / "history.csv",
        checkpoint=folder / "checkpoint.safetensors",
        recipe=recipe,
        device=device,
        processes=Processes(0, 1, device),
        threads=CORES,
    )
    return EPOCHS * (frames // BATCH) * BATCH / (time.perf_counter() - started)


def prepare(folder: Path, frames: int) -> float:
    """Render the frames, decode them once as `decode_frames` does; return the seconds of decoding on one core."""
    render_belt(folder / "frames", folder / "truth.csv", frames=frames, seed=1, workers=CORES)
    started = time.perf_counter()
    paths = sorted((folder / "frames").iterdir())
    squares = [square(Image.open(path).convert("RGB"), 120) for path in paths]
    np.save(folder / "pixels.npy", np.concatenate([to_input(one[None], SIZE) for one in squares]))
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=2560)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        name, folder = arguments.side
        print(ours(Path(folder)) if name == "linecam" else stock(Path(folder), int(name)))
        return

    with tempfile.TemporaryDirectory() as place:

        def measure(name: str) -> float:
            command = [sys.executable, __file__, "--side", name, place]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            return float(done.stdout.split()[-1])

        decoding = prepare(Path(place), arguments.frames)
        best = max(("0", str(CORES)), key=measure)
        measure("linecam")  # compiles the loops that the later ones find on disk
        sides = {f"lightly, {best} workers": best, "linecam": "linecam"}
        medians = in_turn({side: lambda name=name: measure(name) for side, name in sides.items()}, arguments.rounds)
    show(f"SimCLR pretraining, {arguments.frames} frames", medians, "frames/s")
    theirs, mine = medians.values()
    print(f"  linecam decodes a frame once, {decoding / arguments.frames * 1e3:.2f} ms on one core; lightly each epoch")
    show_ratio(mine / theirs)


if __name__ == "__main__":
    main()
