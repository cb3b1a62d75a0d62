"""Pretrain a backbone on the frames themselves, without labels: SimCLR (Chen et al., ICML 2020) with lightly."""

import hashlib
import json
import logging
import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from lightly.loss import NTXentLoss
from lightly.models.modules import SimCLRProjectionHead
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from linecam.errors import UserError, reported
from linecam.files import atomic_write, write_history
from linecam.frames.index import read_pixels
from linecam.networks.models import FEATURES, backbone, embed, save_weights
from linecam.networks.torch_setup import bfloat16_is_fast, prepare_torch
from linecam.progress import progress
from linecam.training.distributed import Processes, launch, launched, synchronize_norms
from linecam.training.simclr_views import Draws, Renderer, draw


class SimCLR(nn.Module):
    """A backbone and its projection head: two batches of views to their projections, (N, 128) float32 each."""

    def __init__(self, network: str) -> None:
        super().__init__()
        self.backbone = backbone(network)
        self.projection = SimCLRProjectionHead(FEATURES, FEATURES, 128)

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        one, other = (self.projection(embed(self.backbone, views)).float() for views in (first, second))
        return one, other


@dataclass(frozen=True)
class Recipe:
    """What the weights depend on, besides the frames."""

    network: str
    epochs: int
    batch_size: int  # of all processes together
    learning_rate: float  # for a batch of 128
    temperature: float
    color_jitter: float
    min_crop: float
    precision: str
    seed: int


def recipe_for(
    pixels_path: Path,
    *,
    network: str,
    budgets: dict[str, dict[str, int]],
    gpu: bool,
    processes: int,
    precision: str,
    **rest: float,
) -> Recipe:
    """The recipe for these frames, of `budgets` (epochs and batch_size for `cpu` and `gpu`) the one that fits.

    Raises `UserError` where there are too few frames for one batch, or the batch can't be shared by the processes.
    """
    name = "gpu" if gpu else "cpu"
    frames = len(read_pixels(pixels_path))
    batch_size = min(budgets[name]["batch_size"], frames // processes * processes)
    if batch_size < 8:
        raise UserError(
            f"SimCLR tells the frames of a batch apart, and there are only {frames} usable frames. "
            "Add frames, or set pretrain.methods to [none]."
        )
    if batch_size % processes:
        raise UserError(
            f"pretrain.{name}.batch_size = {batch_size} can't be shared equally by {processes} processes "
            "(pretrain.devices times pretrain.num_nodes). Set it to a multiple of that."
        )
    if precision == "auto":
        precision = "bfloat16" if bfloat16_is_fast(gpu) else "float32"
    return Recipe(network, budgets[name]["epochs"], batch_size, precision=precision, **rest)  # type: ignore[arg-type]


def pretrain(
    pixels_path: Path,
    weights: Path,
    history: Path,
    *,
    checkpoint: Path,
    recipe: Recipe,
    device: torch.device,
    processes: Processes,
    threads: int,
) -> None:
    """Write the trained backbone to `weights` and the mean loss of each epoch to `history`.

    After each epoch the state goes to `checkpoint` (safetensors): a run that was killed goes on from there, to the
    same bytes, as long as frames and recipe are the same; another recipe starts anew. Each of `processes` renders and
    trains on its part of every batch; the loss contrasts the whole batch, as one process would.
    """
    pixels = read_pixels(pixels_path)
    state = json.dumps(asdict(recipe) | {"frames": _fingerprint(pixels)}, sort_keys=True)
    torch.manual_seed(recipe.seed)
    model = SimCLR(recipe.network).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if processes.count > 1:
        synchronize_norms(model)
    elif device.type == "cpu" and recipe.precision == "bfloat16":
        from linecam.networks.fast_batch_norm import quicken_norms  # noqa: PLC0415 (numba, of no use on a GPU)

        quicken_norms(model)
    loss_of = NTXentLoss(temperature=recipe.temperature, gather_distributed=processes.count > 1)
    peak = recipe.learning_rate * recipe.batch_size / 128
    optimizer = torch.optim.SGD(model.parameters(), lr=peak, momentum=0.9, weight_decay=5e-4)
    losses = resume(checkpoint, state, model, optimizer)
    if losses:
        logging.info("going on after epoch %d of %d from %s", len(losses), recipe.epochs, checkpoint)
    network = processes.share(model)
    if device.type == "cuda":
        network = torch.compile(network)  # type: ignore[assignment]
    render = Renderer(device, threads)
    narrow = torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16")

    for epoch in range(len(losses), recipe.epochs):
        for group in optimizer.param_groups:
            group["lr"] = peak * (1 + math.cos(math.pi * epoch / recipe.epochs)) / 2
        steps = len(pixels) // recipe.batch_size
        total = torch.zeros((), device=device)
        what = f"pretrain {epoch + 1}/{recipe.epochs}"
        for frames, draws in progress(
            batches(pixels, recipe, epoch, device, processes), what, f"x {recipe.batch_size} frames", steps
        ):
            views = [render(frames, drawn) for drawn in draws]
            with narrow:
                projections = network(*views)
            loss = loss_of(*projections)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()  # read once an epoch: a GPU need not wait for the host at every step
        losses.append(processes.mean(total / steps))
        logging.info("epoch %d of %d: loss %.4f", epoch + 1, recipe.epochs, losses[-1])
        if processes.first:
            save_checkpoint(checkpoint, state, model, optimizer, losses)

    if not processes.first:
        return
    write_history(history, losses)
    save_weights(weights, model.backbone, {"network": recipe.network, "method": "simclr"})
    checkpoint.unlink(missing_ok=True)


def batches(
    pixels: NDArray[np.uint8], recipe: Recipe, epoch: int, device: torch.device, processes: Processes
) -> Iterator[tuple[Tensor, tuple[Draws, Draws]]]:
    """This process's part of each of an epoch's batches: pixels (n, H, W, 3), uint8, on `device`, and two draws.

    Order and views depend on (seed, epoch, batch) alone: not on threads, and not on how many processes share them.
    The next part is read, and on its way to a GPU, while the network works on this one.
    """
    order = np.random.default_rng([recipe.seed, epoch]).permutation(len(pixels))
    size, side = recipe.batch_size, pixels.shape[1]
    mine = slice(*(size * number // processes.count for number in (processes.rank, processes.rank + 1)))

    def batch(number: int) -> tuple[Tensor, tuple[Draws, Draws]]:
        rng = np.random.default_rng([recipe.seed, epoch, number])
        first, second = (
            draw(size, side, rng, color_jitter=recipe.color_jitter, min_crop=recipe.min_crop) for _ in range(2)
        )
        rows = order[number * size : (number + 1) * size][mine]
        frames = torch.from_numpy(pixels[rows])
        if device.type == "cuda":
            frames = frames.pin_memory().to(device, non_blocking=True)
        return frames, (first.part(mine.start, mine.stop), second.part(mine.start, mine.stop))

    with ThreadPoolExecutor(1) as reader:
        pending = [reader.submit(batch, 0)]
        for number in range(1, len(pixels) // size + 1):
            ready = pending.pop().result()
            if number < len(pixels) // size:
                pending.append(reader.submit(batch, number))
            yield ready


def save_checkpoint(
    path: Path, settings: str, model: nn.Module, optimizer: torch.optim.Optimizer, losses: list[float]
) -> None:
    """Write weights, momenta and the losses so far, whole or not at all."""
    tensors = {f"model.{name}": tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors[f"momentum.{number}"] = state["momentum_buffer"].detach().cpu().contiguous()
    with atomic_write(path) as temporary:
        save_file(tensors, temporary, metadata={"settings": settings, "losses": json.dumps(losses)})


def resume(path: Path, settings: str, model: nn.Module, optimizer: torch.optim.Optimizer) -> list[float]:
    """Load the state that `save_checkpoint` wrote under the same settings; return the losses so far, [] without one."""
    if not path.exists():
        return []
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    if metadata["settings"] != settings:
        logging.info("%s belongs to other frames or settings: starting anew", path)
        return []
    model.load_state_dict({name[6:]: tensor for name, tensor in tensors.items() if name.startswith("model.")})
    state = optimizer.state_dict()
    state["state"] = {
        int(name[9:]): {"momentum_buffer": tensor} for name, tensor in tensors.items() if name.startswith("momentum.")
    }
    optimizer.load_state_dict(state)
    losses: list[float] = json.loads(metadata["losses"])
    return losses


def _fingerprint(pixels: NDArray[np.uint8]) -> str:
    """SHA-256 of the pixels, a chunk at a time: they may be more than fits into memory."""
    digest = hashlib.sha256()
    for start in range(0, len(pixels), 4096):
        digest.update(np.ascontiguousarray(pixels[start : start + 4096]).data)
    return digest.hexdigest()


if __name__ == "__main__":
    resources = snakemake.resources
    count = resources.devices * resources.num_nodes
    with reported(snakemake.log[0] if os.environ.get("RANK", "0") == "0" else None):
        threads = max(snakemake.threads // resources.devices, 1)
        device = prepare_torch(threads, resources.get("gpu", 0))
        recipe = recipe_for(
            Path(snakemake.input.pixels),
            network=snakemake.wildcards.network,
            gpu=device.type == "cuda",
            processes=count,
            **snakemake.params.settings,
        )
        if count > 1 and not launched():
            launch(resources.devices, resources.num_nodes, snakemake.threads)
        with Processes.join(device, resources.strategy) as processes:
            pretrain(
                Path(snakemake.input.pixels),
                Path(snakemake.output.weights),
                Path(snakemake.output.history),
                # Not an output: Snakemake deletes those of a killed run.
                checkpoint=Path(snakemake.output.weights).with_name("checkpoint.safetensors"),
                recipe=recipe,
                device=processes.device,
                processes=processes,
                threads=threads,
            )
