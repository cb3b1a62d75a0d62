"""What linecam does on an NVIDIA GPU, in 5 minutes, with the packages of requirements.lock alone.

`python benchmarks/gpu.py` says one line for each of

- SimCLR's views: those rendered on the GPU are those of the CPU, to a fortieth of a grey level;
- pretraining: frames a second, with and without torch.compile, what share of the time is waiting for input, and
  lightly's stock path beside it (see benchmarks/pretrain.py);
- a pretraining that is killed after an epoch and goes on from its checkpoint;
- finetuning, and the steps of the teacher and the student (linecam/training/taught.py).

The frames are random pixels: this is about time, and about what runs. The status is 1 where a check fails. Without a
GPU it says so in one line; `--device cpu --frames 96 --batch 16` runs the same on a CPU, to see that this file works.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # run as a file, from anywhere

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.sides import machine
from linecam.files import sha256
from linecam.networks.architectures import PACKAGED_TEACHER, input_size
from linecam.networks.models import backbone, embed, save_weights
from linecam.networks.teacher import Teacher
from linecam.networks.torch_setup import bfloat16_is_fast, prepare_torch
from linecam.training import descent, finetune, taught
from linecam.training.distributed import Processes
from linecam.training.simclr import Recipe, batches
from linecam.training.simclr_views import Renderer, draw, render_on_device
from scripts.pretrain import pretrain

CORES = len(os.sched_getaffinity(0))
EPOCHS = 3  # the first pays for what is compiled, and is not counted
# Of full scale; a grey level is 40 times as much. Random pixels, whose neighbours are as far apart as pixels can be,
# differed by 4.2e-5 at most on an H200, and by 1.2e-5 between two ways on one CPU.
TOLERANCE = 1e-4
STOCK = 4  # batches of lightly's stock path: it takes its time
SENSOR = 240  # pixels a side of the frames that finetuning renders
Pixels = NDArray[np.uint8]


class Bench:
    """Random frames, the device, and where files go."""

    def __init__(self, arguments: argparse.Namespace, device: torch.device, folder: Path) -> None:
        self.device, self.folder, self.network = device, folder, arguments.network
        self.side = input_size(self.network)
        self.batch = arguments.batch
        rng = np.random.default_rng(1)
        self.frames = rng.integers(0, 256, (arguments.frames, self.side, self.side, 3), dtype=np.uint8)
        self.sensor = rng.integers(0, 256, (min(arguments.frames, 192), SENSOR, SENSOR, 3), dtype=np.uint8)
        np.save(folder / "pixels.npy", self.frames)
        precision = "bfloat16" if bfloat16_is_fast(device.type == "cuda") else "float32"
        self.recipe = Recipe(self.network, EPOCHS, self.batch, 0.06, 0.5, 0.5, 0.5, precision, 1)

    def wait(self) -> None:
        """For all that the GPU was asked to do."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def pretrain(self, name: str, recipe: Recipe) -> Path:
        """linecam's rule; the weights."""
        weights = self.folder / f"{name}.safetensors"
        pretrain(
            self.folder / "pixels.npy",
            weights,
            self.folder / f"{name}.csv",
            checkpoint=self.folder / f"{name}-checkpoint.safetensors",
            recipe=recipe,
            device=self.device,
            processes=Processes(0, 1, self.device),
            threads=CORES,
        )
        return weights


def views(bench: Bench) -> str:
    """SimCLR's views on both sides."""
    rng = np.random.default_rng(2)
    frames = torch.from_numpy(bench.frames[: min(len(bench.frames), 512)])
    drawn = draw(len(frames), bench.side, rng, color_jitter=0.5, min_crop=0.5)
    here = Renderer(torch.device("cpu"), CORES)(frames, drawn)
    gap = (render_on_device(frames.to(bench.device), drawn).cpu() - here).abs().max().item()
    assert gap <= TOLERANCE, f"views differ by {gap:.1e}, more than {TOLERANCE:.0e}"
    return f"{len(frames)} views differ by {gap:.1e} at the most"


def throughput(bench: Bench) -> str:
    """Pretraining with and without torch.compile, with batches that are there already, and lightly's stock path."""
    compiled = bench.device.type == "cuda"  # on a CPU the rule compiles nothing
    rates = {"compiled" if compiled else "linecam": rate(bench)}
    first = next(iter(rates.values()))
    waiting = 1 - first / rate(bench, same_batch=True)
    if compiled:
        rates["not compiled"] = rate(bench, compile_network=False)
    rates["lightly's stock path"] = stock(bench)
    text = ", ".join(f"{name} {value:,.0f}" for name, value in rates.items())
    return f"frames a second: {text}; waits for input {max(waiting, 0):.0%} of the time"


def rate(bench: Bench, *, compile_network: bool = True, same_batch: bool = False) -> float:
    """Frames a second of the rule's epochs but the first; `same_batch` gives the first batch again and again."""
    starts: list[float] = []

    def timed(pixels: Pixels, recipe: Recipe, epoch: int, device: torch.device, processes: Processes) -> Iterator[Any]:
        bench.wait()
        starts.append(time.perf_counter())
        every = batches(pixels, recipe, epoch, device, processes)
        if not same_batch:
            return every
        one = next(every)
        return (one for _ in range(len(pixels) // recipe.batch_size))

    before, compiler = pretrain.__globals__["batches"], torch.compile
    pretrain.__globals__["batches"] = timed
    if not compile_network:
        torch.compile = lambda network: network  # type: ignore[assignment]
    try:
        bench.pretrain("rate", bench.recipe)
        bench.wait()
        ended = time.perf_counter()
    finally:
        pretrain.__globals__["batches"], torch.compile = before, compiler
    counted = len(bench.frames) // bench.batch * bench.batch * (EPOCHS - 1)
    return counted / (ended - starts[1])


def stock(bench: Bench) -> float:
    """Frames a second of lightly's stock path, put together as in its documentation, in float32."""
    from lightly.data import LightlyDataset  # noqa: PLC0415 (linecam's side doesn't load them)
    from lightly.loss import NTXentLoss  # noqa: PLC0415
    from lightly.models.modules import SimCLRProjectionHead  # noqa: PLC0415
    from lightly.transforms import SimCLRTransform  # noqa: PLC0415

    folder = bench.folder / "jpeg"
    folder.mkdir()
    for number, frame in enumerate(bench.frames[: STOCK * bench.batch]):
        Image.fromarray(frame).save(folder / f"{number:06d}.jpg")
    transform = SimCLRTransform(
        bench.side, cj_strength=0.5, min_scale=0.5, vf_prob=0.5, gaussian_blur=0, normalize=None
    )
    dataset = LightlyDataset(str(folder), transform=transform)
    trunk = backbone(bench.network).to(bench.device)
    head = SimCLRProjectionHead(trunk.features, trunk.features, 128).to(bench.device)
    criterion = NTXentLoss(temperature=0.5)
    optimizer = torch.optim.SGD([*trunk.parameters(), *head.parameters()], lr=0.12, momentum=0.9, weight_decay=5e-4)
    loader = torch.utils.data.DataLoader(dataset, bench.batch, shuffle=True, drop_last=True, num_workers=CORES)
    started = time.perf_counter()
    for pair, _, _ in loader:
        projections = [head(embed(trunk, one.to(bench.device))) for one in pair]
        loss = criterion(*projections)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    bench.wait()
    return len(loader) * bench.batch / (time.perf_counter() - started)


class KilledError(Exception):
    """What ends a training in the middle."""


def resumed(bench: Bench) -> str:
    """A run that is killed in its second epoch, and one that is not."""
    recipe = replace(bench.recipe, epochs=2)
    whole = bench.pretrain("whole", recipe)
    before = pretrain.__globals__["batches"]

    def killing(pixels: Pixels, recipe: Recipe, epoch: int, *rest: Any) -> Iterator[Any]:
        if epoch:
            raise KilledError
        return before(pixels, recipe, epoch, *rest)

    pretrain.__globals__["batches"] = killing
    try:
        bench.pretrain("killed", recipe)
        raise AssertionError("it was not killed")
    except KilledError:
        pass
    finally:
        pretrain.__globals__["batches"] = before
    assert (bench.folder / "killed-checkpoint.safetensors").exists(), "there is no checkpoint"
    again = bench.pretrain("killed", recipe)
    losses = [(bench.folder / f"{name}.csv").read_text().splitlines()[1:] for name in ("whole", "killed")]
    assert len(losses[1]) == 2, "it began anew"
    assert losses[0][0] == losses[1][0], f"the first epoch's loss differs: {losses}"
    same = "the same bytes as" if sha256(whole) == sha256(again) else "other bytes than"
    last = " and ".join(rows[1].split(",")[1] for rows in losses)
    return f"goes on after epoch 1, to {same} a run that was not killed; last losses {last}"


def finetuned(bench: Bench) -> str:
    """Finetuning, for two epochs, after a first training that compiles and loads what is needed."""
    torch.manual_seed(0)
    save_weights(bench.folder / "backbone.safetensors", backbone(bench.network), {})
    targets = (np.arange(len(bench.sensor)) % 2).astype(np.intp)
    seen, losses = 0.0, [0.0]
    for epochs in (1, 2):
        recipe = finetune.Recipe(epochs, 16, 0.003, 0.01, 0.05, 1)
        model = finetune.start(bench.network, 2, bench.folder / "backbone.safetensors", 1)
        started = time.perf_counter()
        _, losses = finetune.train(
            model, bench.sensor, targets, recipe, network=bench.network, device=bench.device, what="finetune"
        )
        seen = epochs * len(bench.sensor) / (time.perf_counter() - started)
    assert np.isfinite(losses).all(), f"losses {losses}"
    return f"{seen:,.0f} frames a second, losses {losses[0]:.3f} and {losses[1]:.3f}"


def taught_steps(bench: Bench) -> str:
    """The teacher looks, and the student learns for some steps; each once before it is timed."""
    frames, teacher = bench.sensor[:64], Teacher(PACKAGED_TEACHER)
    recipe = descent.Recipe(bench.network, 20, 1, batch_size=min(64, len(frames)))
    for _ in range(2):
        started = time.perf_counter()
        looked = taught.look(frames, len(frames), teacher, 1, bench.device)
        bench.wait()
        looks = len(frames) / (time.perf_counter() - started)
        started = time.perf_counter()
        _, losses = taught.learn(frames, looked, recipe, bench.device)
        bench.wait()
        learns = recipe.steps * recipe.batch_size / (time.perf_counter() - started)
    assert np.isfinite(losses).all(), f"losses {losses}"
    return f"teacher {looks:,.0f}, student {learns:,.0f} views a second; losses {losses[0]:.3f} to {losses[-1]:.3f}"


CHECKS: dict[str, Callable[[Bench], str]] = {
    "views": views,
    "pretraining": throughput,
    "checkpoint": resumed,
    "finetuning": finetuned,
    "teaching": taught_steps,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--frames", type=int, default=25_000)
    parser.add_argument("--batch", type=int, default=768)
    parser.add_argument("--network", default="slim7-96")
    parser.add_argument("--checks", default=",".join(CHECKS), help="some of them, with commas")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        sys.exit("PyTorch sees no NVIDIA GPU here, so there is nothing to measure; --device cpu tries this file alone.")
    device = prepare_torch(CORES, gpus=int(arguments.device == "cuda"))
    what = torch.cuda.get_device_name() if device.type == "cuda" else machine()
    print(
        f"{what}, torch {torch.__version__}, {arguments.network}, {arguments.frames:,} frames, batch {arguments.batch}"
    )
    failed = []
    with tempfile.TemporaryDirectory() as place:
        bench = Bench(arguments, device, Path(place))
        for name in arguments.checks.split(","):
            started = time.perf_counter()
            try:
                says = CHECKS[name](bench)
            except Exception as error:  # one that fails does not hide what the others say
                failed.append(name)
                says = f"FAILED: {type(error).__name__}: {error}"
            print(f"{name}: {says} ({time.perf_counter() - started:.0f} s)", flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
