"""What a production line and its camera do to a frame: variants to train on, rendered from the sensor's frames.

One bilinear interpolation takes a pixel of the network's input from the sensor's frame, as the camera's own resize
does, but from a place that is turned, scaled and shifted at random; light and noise follow, and the steps of RGB565.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linecam.compiled import compiled

Floats = NDArray[np.float32]

# Noise is read from a table of this length, for each row of a frame from another place on.
NOISE = 1 << 18

# The place from which all of a frame is seen, upright; see `draw`.
WHOLE = ((1, 0, 0), (0, 1, 0))


@dataclass(frozen=True)
class Spread:
    """How far variants go: what parts and light of a line do, and no further, lest a tear leaves the frame."""

    degrees: float = 10  # that each axis turns, to either side: rotation, and shear where they differ
    scale: tuple[float, float] = (0.9, 1.15)
    shift: float = 0.08  # of width and height, in any direction
    brightness: float = 1.4  # the largest factor, and 1 over the smallest
    contrast: float = 1.2  # the same, about a frame's mean
    gain: float = 0.05  # of each colour, more or less
    noise: float = 0.015  # the largest standard deviation, of full scale
    flips: bool = True  # left to right and top to bottom, each in half of the variants
    turn: float = 0  # degrees that a whole frame is turned, to either side

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """The spread that the settings `finetune.augment` describe."""
        return cls(**(dict(settings) | {"scale": tuple(settings["scale"])}))


def variants(frames: NDArray[np.uint8], size: int, rng: np.random.Generator, spread: Spread = Spread()) -> Tensor:
    """A random variant of each of the sensor's frames (N, height, width, 3), uint8, as the network sees it.

    Returns (N, 3, size, size), float32 in [0, 1], channels last in memory.
    """
    count = len(frames)
    images = np.empty((count, size, size, 3), np.float32)
    start = rng.integers(0, NOISE - size * 3, (count, size))
    render(frames, *draw(count, rng, spread), start, noise_table(), images)
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def view(
    frames: NDArray[np.uint8],
    place: Floats,
    size: int,
    rng: np.random.Generator | None = None,
    spread: Spread = Spread(),
) -> Tensor:
    """The sensor's frames (N, height, width, 3), uint8, each seen from its place in `place` (N, 2, 3); see `draw`.

    With `rng`, light and noise are those of `spread`; without, they stay as they are. Returns (N, 3, size, size),
    float32 in [0, 1], channels last in memory.
    """
    images = np.empty((len(frames), size, size, 3), np.float32)
    if rng is None:
        for frame, its_place, image in zip(frames, place, images, strict=True):
            look(frame, its_place, image)
    else:
        start = rng.integers(0, NOISE - size * 3, (len(frames), size))
        _, light, noise = draw(len(frames), rng, spread)
        render(frames, place, light, noise, start, noise_table(), images)
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def draw(
    count: int, rng: np.random.Generator, spread: Spread
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Where each variant looks, (count, 2, 3), its light, (count, 3, 2) of scale and offset, and its noise, (count,).

    A place is an affine map of the unit square [-1, 1]^2 of (x, y), to which an oblong frame is stretched: so what is
    drawn stays in sight. The light of a colour is a factor, and the share of the frame's mean that is added.
    """
    x_axis, y_axis = np.radians(rng.uniform(-spread.degrees, spread.degrees, (2, count)))
    if spread.turn:
        turn = np.radians(rng.uniform(-spread.turn, spread.turn, count))
        x_axis, y_axis = x_axis + turn, y_axis + turn
    zoom = rng.uniform(1 / spread.scale[1], 1 / spread.scale[0], count)
    flip_x, flip_y = rng.choice([-1, 1] if spread.flips else [1, 1], (2, count))
    place = np.empty((count, 2, 3))
    place[:, 0, 0], place[:, 0, 1] = np.cos(x_axis) * zoom * flip_x, -np.sin(y_axis) * zoom * flip_y
    place[:, 1, 0], place[:, 1, 1] = np.sin(x_axis) * zoom * flip_x, np.cos(y_axis) * zoom * flip_y
    place[:, :, 2] = rng.uniform(-2 * spread.shift, 2 * spread.shift, (count, 2))  # the square is 2 wide
    brightness = np.exp(rng.uniform(-math.log(spread.brightness), math.log(spread.brightness), (count, 1)))
    contrast = np.exp(rng.uniform(-math.log(spread.contrast), math.log(spread.contrast), (count, 1)))
    factor = brightness * rng.uniform(1 - spread.gain, 1 + spread.gain, (count, 3))
    light = np.stack([factor * contrast, factor * (1 - contrast)], axis=2)
    noise = rng.uniform(0, spread.noise, count)
    return place.astype(np.float32), light.astype(np.float32), noise.astype(np.float32)


@cache
def noise_table() -> NDArray[np.float32]:
    """Standard normal numbers, (NOISE,), always the same."""
    return np.random.default_rng(0).standard_normal(NOISE).astype(np.float32)


ZERO, HALF, ONE, TWO = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2)
FULL = np.float32(255)

loops = compiled(fastmath={"reassoc", "contract", "nsz", "arcp"})


@loops
def render(
    frames: NDArray[np.uint8],
    place: Floats,
    light: Floats,
    noise: Floats,
    start: NDArray[np.int64],
    table: Floats,
    images: Floats,
) -> None:
    """Render frames (N, height, width, 3), uint8, as drawn, into images (N, size, size, 3), float32."""
    for n in range(len(frames)):
        look(frames[n], place[n], images[n])
        mean = images[n].mean()
        expose(images[n], light[n], mean, noise[n], start[n], table)


@loops
def look(frame: NDArray[np.uint8], place: Floats, image: Floats) -> None:
    """The image, 0..1, that `place` looks at: bilinear, mirrored at the borders."""
    height, width, size = frame.shape[0], frame.shape[1], image.shape[0]
    half_x, half_y = np.float32(width) * HALF, np.float32(height) * HALF
    last_x, last_y = np.float32(width - 1), np.float32(height - 1)
    for i in range(size):
        v = (np.float32(i) + HALF) / np.float32(size) * TWO - ONE
        for j in range(size):
            u = (np.float32(j) + HALF) / np.float32(size) * TWO - ONE
            x = abs((place[0, 0] * u + place[0, 1] * v + place[0, 2] + ONE) * half_x - HALF)
            y = abs((place[1, 0] * u + place[1, 1] * v + place[1, 2] + ONE) * half_y - HALF)
            x = max(TWO * last_x - x, ZERO) if x > last_x else x
            y = max(TWO * last_y - y, ZERO) if y > last_y else y
            left, above = int(x), int(y)
            right, below = min(left + 1, width - 1), min(above + 1, height - 1)
            across, down = x - np.float32(left), y - np.float32(above)
            for c in range(3):
                high = np.float32(frame[above, left, c])
                low = np.float32(frame[below, left, c])
                high += (np.float32(frame[above, right, c]) - high) * across
                low += (np.float32(frame[below, right, c]) - low) * across
                image[i, j, c] = (high + (low - high) * down) / FULL


@loops
def expose(
    image: Floats, light: Floats, mean: np.float32, noise: np.float32, start: NDArray[np.int64], table: Floats
) -> None:
    """Light and noise, then the levels of RGB565: 32 of red and blue, 64 of green, truncated as the camera does."""
    size = image.shape[0]
    for i in range(size):
        for j in range(size):
            for c in range(3):
                levels = np.float32(63 if c == 1 else 31)
                value = image[i, j, c] * light[c, 0] + mean * light[c, 1] + table[start[i] + 3 * j + c] * noise
                value = min(max(value, ZERO), ONE)
                image[i, j, c] = np.float32(int(min(value * (levels + ONE), levels))) / levels
