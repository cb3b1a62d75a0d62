"""Train a backbone to find drawn defects in the frames: which kind, and where."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from linecam.networks.architectures import input_size
from linecam.networks.models import Backbone, maps_of
from linecam.training import augment
from linecam.training.augment import Spread
from linecam.training.defects import KINDS, pasted
from linecam.training.descent import Recipe, descend

SPREAD = Spread(degrees=20, scale=(0.85, 1.5), shift=0.1)
CLEAN = 0.5  # the share of frames without a defect
# Of a cell's input pixels: with so much of a defect it holds one, with less than the first it holds none.
LITTLE, ENOUGH = 0.25, 1.0
# Cells with a defect are few. So each of them counts this many times.
POSITIVE = 4.0
# The weights of the two losses: where defects are, and which kind they are.
WEIGHTS = (2.0, 0.5)


class Finder(nn.Module):
    """A backbone with two heads: which kind of defect a frame has, and which cells of the last map hold it."""

    def __init__(self, start: Backbone, channels: int) -> None:
        super().__init__()
        self.backbone = start
        self.where = nn.Conv2d(channels, 1, 1)
        self.what = nn.Linear(start.features, len(KINDS) + 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        maps = maps_of(self.backbone, images)
        return self.what(self.backbone.pool(maps[-1])), self.where(maps[-2])[:, 0]


def learn(
    frames: NDArray[np.uint8], start: Backbone, recipe: Recipe, device: torch.device
) -> tuple[Backbone, list[float]]:
    """The backbone, trained on to find drawn defects in frames (N, height, width, 3), uint8, and its losses on the way.

    The loss is the cross-entropy of each cell of the last map, whether it holds a defect, and of the frame, of which
    kind its defect is; see `descend`.
    """
    torch.manual_seed(recipe.seed)
    order, drawn = np.random.default_rng([recipe.seed, 2]).spawn(2)
    side = input_size(recipe.network)
    shape = maps_of(start, torch.zeros(1, 3, side, side, device=device))[-2].shape
    finder = Finder(start, shape[1]).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def prepare(rows: NDArray[np.intp]) -> tuple[Tensor, Tensor, Tensor]:
        seen, kinds, cells = defective(frames, rows, side, shape[-1], drawn)
        return seen, torch.from_numpy(kinds), torch.from_numpy(cells)

    def loss_of(prepared: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        seen, kinds, target = (one.to(device) for one in prepared)
        what, where = finder(seen)
        known = ((target < LITTLE) | (target >= ENOUGH)).float()
        loss = F.binary_cross_entropy_with_logits(
            where, (target >= ENOUGH).float(), known, pos_weight=torch.tensor(POSITIVE, device=device)
        )
        return WEIGHTS[0] * loss + WEIGHTS[1] * F.cross_entropy(what, kinds)

    average, losses = descend(finder, loss_of, len(frames), recipe, order, "find pasted defects", prepare)
    return average.backbone, losses


def defective(
    frames: NDArray[np.uint8], rows: NDArray[np.intp], side: int, cells: int, rng: np.random.Generator
) -> tuple[Tensor, NDArray[np.int64], NDArray[np.float32]]:
    """Frames as the network sees them, half of them with a pasted defect; its kind, 0 for none, (N,); and how many of
    the input's pixels it covers in each cell, (N, cells, cells)."""
    kinds = np.where(rng.random(len(rows)) < CLEAN, 0, rng.integers(1, len(KINDS) + 1, len(rows)))
    place, _, _ = augment.draw(len(rows), rng, SPREAD)
    found = np.zeros((len(rows), cells, cells), np.float32)
    copies = frames[rows]
    for n, kind in enumerate(kinds):
        if kind:
            other = frames[rng.integers(len(frames))]
            copies[n], mask = pasted(copies[n], other, kind - 1, rng)
            found[n] = covered(mask, place[n], side, cells)
    return augment.view(copies, place, side, rng, SPREAD), kinds, found


def covered(mask: NDArray[np.float32], place: NDArray[np.float32], side: int, cells: int) -> NDArray[np.float32]:
    """How many pixels of the network's input, `side` x `side`, a mask (height, width) covers in each of its cells.

    Returns (cells, cells).
    """
    y, x = np.nonzero(mask > 0.05)
    height, width = mask.shape
    half = np.array([[width], [height]]) / 2
    u, v = np.linalg.inv(place[:, :2]) @ (np.stack([x, y]) / half - 1 + 0.5 / half - place[:, 2:])
    # Of a pixel of the mask, in the input's.
    area = (side / height) * (side / width) / abs(np.linalg.det(place[:, :2]))
    inside = (abs(u) < 1) & (abs(v) < 1)
    across, down = (((one[inside] + 1) / 2 * cells).astype(int) for one in (u, v))
    found = np.zeros((cells, cells), np.float32)
    np.add.at(found, (down, across), mask[y, x][inside] * area)
    return found
