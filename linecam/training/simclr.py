"""SimCLR (Chen et al., ICML 2020): the network, what its weights depend on, and the batches that it sees."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightly.models.modules import SimCLRProjectionHead
from numpy.typing import NDArray
from torch import Tensor, nn

from linecam.errors import UserError
from linecam.frames.index import read_pixels
from linecam.networks.models import backbone, embed
from linecam.networks.torch_setup import bfloat16_is_fast
from linecam.training.distributed import Processes
from linecam.training.simclr_views import Draws, draw


class SimCLR(nn.Module):
    """A backbone and its projection head: two batches of views to their projections, (N, 128) float32 each."""

    def __init__(self, network: str) -> None:
        super().__init__()
        self.backbone = backbone(network)
        self.projection = SimCLRProjectionHead(self.backbone.features, self.backbone.features, 128)

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
    learning_rate: float,
    temperature: float,
    color_jitter: float,
    min_crop: float,
    seed: int,
) -> Recipe:
    """The recipe for these frames: of `budgets`, epochs and batch_size for `cpu` and `gpu`, the one that fits.

    `precision` may be auto: bfloat16 where the processor multiplies it, else float32.

    Raises `UserError` where there are too few frames for one batch, or the batch can't be shared by the processes.
    """
    name = "gpu" if gpu else "cpu"
    frames = len(read_pixels(pixels_path))
    batch_size = min(budgets[name]["batch_size"], frames // processes * processes)
    if batch_size < 8:
        raise UserError(
            f"SimCLR tells the frames of a batch apart, and there are only {frames} usable frames. "
            "Add frames, or set pretrain.methods to another method, such as [taught]."
        )
    if batch_size % processes:
        raise UserError(
            f"pretrain.{name}.batch_size = {batch_size} can't be shared equally by {processes} processes "
            "(pretrain.devices times pretrain.num_nodes). Set it to a multiple of that."
        )
    if precision == "auto":
        precision = "bfloat16" if bfloat16_is_fast(gpu) else "float32"
    return Recipe(
        network,
        budgets[name]["epochs"],
        batch_size,
        learning_rate,
        temperature,
        color_jitter,
        min_crop,
        precision,
        seed,
    )


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
