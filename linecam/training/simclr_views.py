"""SimCLR's random views of frames, a batch at a time: drawn once, rendered by compiled loops or on a GPU.

The distribution is that of lightly's SimCLRTransform without blur and normalization: a crop of `min_crop` to all of
the area at an aspect of 3/4 to 4/3, resized; flips; in random order brightness, contrast, saturation and hue, for 4 of
5 views; gray for 1 of 5 (Chen et al., ICML 2020). Here colours stay float between the steps; PIL rounds to 8 bits.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

ORDERS = np.array(list(permutations(range(4))), dtype=np.int64)
# ITU-R 601, as PIL and torchvision weigh them.
RED, GREEN, BLUE = 0.2989, 0.587, 0.114
TRIES = 10


@dataclass(frozen=True)
class Draws:
    """What was drawn for N views: everything that is random about them."""

    box: NDArray[np.int64]  # (N, 4): top, left, height and width of the crop, in pixels
    flip: NDArray[np.bool_]  # (N, 2): upside down, left to right
    factors: NDArray[np.float32]  # (N, 4): of brightness, contrast, saturation; turn of hue, -0.5..0.5
    order: NDArray[np.int64]  # (N, 4): the order of these four
    gray: NDArray[np.bool_]  # (N,)

    def part(self, start: int, stop: int) -> "Draws":
        """The draws of some of the views."""
        return Draws(*(array[start:stop] for array in self.arrays()))

    def arrays(self) -> list[NDArray[Any]]:
        """What was drawn, in the order of the fields."""
        return [getattr(self, field.name) for field in fields(self)]


def draw(count: int, side: int, rng: np.random.Generator, *, color_jitter: float, min_crop: float) -> Draws:
    """Draw `count` views of frames of `side` x `side` pixels."""
    jittered = rng.random(count) < 0.8
    spread = color_jitter * np.array([0.8, 0.8, 0.8])
    low, high = np.maximum(1 - spread, 0), 1 + spread
    hue = min(0.2 * color_jitter, 0.5)
    factors = np.concatenate([rng.uniform(low, high, (count, 3)), rng.uniform(-hue, hue, (count, 1))], axis=1)
    return Draws(
        box=_crops(count, side, rng, min_crop),
        flip=rng.random((count, 2)) < 0.5,
        factors=np.where(jittered[:, None], factors, [1, 1, 1, 0]).astype(np.float32),
        order=ORDERS[rng.integers(0, len(ORDERS), count)],
        gray=rng.random(count) < 0.2,
    )


def _crops(count: int, side: int, rng: np.random.Generator, min_crop: float) -> NDArray[np.int64]:
    """Boxes as torchvision's RandomResizedCrop draws them: the first of ten tries that fits, or the whole frame."""
    area = side * side * rng.uniform(min_crop, 1, (count, TRIES))
    ratio = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3), (count, TRIES)))
    width, height = np.rint(np.sqrt(area * ratio)).astype(int), np.rint(np.sqrt(area / ratio)).astype(int)
    fits = (width > 0) & (width <= side) & (height > 0) & (height <= side)
    first = (np.arange(count), fits.argmax(axis=1))
    found = fits.any(axis=1)
    width, height = np.where(found, width[first], side), np.where(found, height[first], side)
    top, left = (rng.integers(0, side - extent + 1) for extent in (height, width))
    return np.stack([top, left, height, width], axis=1).astype(np.int64)


class Renderer:
    """Renders views where the network is: on the cores by compiled loops, on a GPU by tensor operations."""

    def __init__(self, device: torch.device, threads: int) -> None:
        self.device, self.threads = device, threads
        self._pool = ThreadPoolExecutor(threads)

    def __call__(self, pixels: Tensor, draws: Draws) -> Tensor:
        """Views (N, 3, H, W), float32 in [0, 1], channels last, of pixels (N, H, W, 3), uint8, on `device`."""
        if self.device.type != "cpu":
            return render_on_device(pixels, draws)
        from linecam.training.simclr_render import render  # noqa: PLC0415 (numba, of no use on a GPU)

        views = torch.empty(pixels.shape, dtype=torch.float32)
        source, target = pixels.numpy(), views.numpy()
        edges = [len(views) * number // self.threads for number in range(self.threads + 1)]
        jobs = []
        for start, stop in pairwise(edges):
            part = draws.part(start, stop)
            drawn = part.box, part.flip, part.factors, part.order, part.gray
            jobs.append(self._pool.submit(render, source[start:stop], *drawn, target[start:stop]))
        for job in jobs:
            job.result()
        return views.permute(0, 3, 1, 2)


def render_on_device(pixels: Tensor, draws: Draws) -> Tensor:
    """The same views as tensor operations, wherever `pixels` (N, H, W, 3), uint8, are: (N, 3, H, W) in [0, 1]."""
    device, side = pixels.device, pixels.shape[1]
    box, flip, factors, order, gray = (
        torch.from_numpy(array).to(device, non_blocking=True) for array in draws.arrays()
    )
    images = pixels.permute(0, 3, 1, 2).float().div_(255)
    weights = []
    for axis in range(2):
        start, extent = box[:, axis, None], box[:, axis + 2, None]
        places = torch.arange(side, device=device)[None]
        places = torch.where(flip[:, axis, None], side - 1 - places, places)
        # Samples stay within the crop, as its resize sees nothing outside of it.
        source = ((places + 0.5) * (extent / side) - 0.5).clamp(min=0).minimum((extent - 1).float())
        low = source.floor()
        share = source - low
        low = low.long()
        high = (low + 1).minimum(extent - 1)
        # One matrix an image and axis: rows of it hold the two weights of a bilinear sample.
        weights.append(
            F.one_hot(start + low, side).float() * (1 - share)[..., None]
            + F.one_hot(start + high, side).float() * share[..., None]
        )
    images = weights[0][:, None] @ images @ weights[1][:, None].transpose(2, 3)
    for step in range(4):
        for number, change in enumerate((_brighten, _contrast, _saturate, _turn)):
            factor = torch.where(order[:, step] == number, factors[:, number], 0.0 if number == 3 else 1.0)
            images = change(images, factor.view(-1, 1, 1, 1))
    return torch.where(gray.view(-1, 1, 1, 1), _luma(images), images).contiguous(memory_format=torch.channels_last)


def _luma(images: Tensor) -> Tensor:
    red, green, blue = images.unbind(1)
    return (RED * red + GREEN * green + BLUE * blue)[:, None]


def _brighten(images: Tensor, factor: Tensor) -> Tensor:
    return (images * factor).clamp(0, 1)


def _contrast(images: Tensor, factor: Tensor) -> Tensor:
    return (images * factor + _luma(images).mean(dim=(2, 3), keepdim=True) * (1 - factor)).clamp(0, 1)


def _saturate(images: Tensor, factor: Tensor) -> Tensor:
    return (images * factor + _luma(images) * (1 - factor)).clamp(0, 1)


def _turn(images: Tensor, factor: Tensor) -> Tensor:
    """Turn the hue by `factor` of a full circle; value and saturation (HSV) stay."""
    red, green, blue = images.unbind(1)
    value, low = images.amax(1), images.amin(1)
    chroma = value - low
    divisor = torch.where(chroma > 0, chroma, 1.0)
    sector = torch.where(
        red == value,
        (green - blue) / divisor,
        torch.where(green == value, 2 + (blue - red) / divisor, 4 + (red - green) / divisor),
    )
    sector = sector + 6 * factor[:, 0]
    turned = []
    for offset in (5, 3, 1):
        place = torch.remainder(sector + offset, 6)
        turned.append(value - chroma * torch.minimum(place, 4 - place).clamp(0, 1))
    return torch.stack(turned, dim=1)
