"""Tools to draw with: smooth noise, wandering curves, stamped shapes, in float32 layers.

Lengths are in px of a frame; a canvas has `FINE` texels a px. Positions are (x, y) from a canvas's middle.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Floats = npt.NDArray[np.floating[Any]]
Bytes = npt.NDArray[np.uint8]
Rng = np.random.Generator

FINE = 2


def smooth(rng: Rng, shape: tuple[int, int], cell: float) -> Floats:
    """Smooth noise (*shape), standard deviation about 0.7, that changes over `cell` texels."""
    rows, columns = (int(n / cell) + 3 for n in shape)
    coarse = Image.fromarray(rng.standard_normal((rows, columns), np.float32))
    box = (1.0, 1.0, 1 + shape[1] / cell, 1 + shape[0] / cell)
    return np.asarray(coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC, box), np.float32)


def waves(rng: Rng, x: Floats, longest: float, size: float) -> Floats:
    """A random smooth curve over `x` (any shape): sines from wavelength `longest` down, standard deviation `size`."""
    total = np.zeros(x.shape)
    for octave in range(4):
        length = longest / 1.9**octave * rng.uniform(0.8, 1.25)
        total += 0.65**octave * np.sin(x * (2 * np.pi / length) + rng.uniform(0, 2 * np.pi))
    return (size * total).astype(np.float32)


def axes(shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Positions in px from the middle of a canvas: x (1, columns) and y (rows, 1)."""
    y, x = ((np.arange(n, dtype=np.float32) + 0.5 - n / 2) / FINE for n in shape)
    return x[None, :], y[:, None]


def stamp(shape: tuple[int, int], points: Floats, line: float = 0) -> Floats:
    """Coverage (*shape), 0..1, of the polygon `points` (n, 2) px, or of a line of that width in px along them."""
    over = 4  # ImageDraw does not smooth edges
    texels = points * FINE + np.array([shape[1], shape[0]]) / 2
    pad = line * FINE + 2
    left, top = np.maximum(np.floor(texels.min(axis=0) - pad).astype(int), 0)
    right, bottom = np.minimum(np.ceil(texels.max(axis=0) + pad).astype(int), [shape[1], shape[0]])
    stamp = np.zeros(shape, np.float32)
    if right <= left or bottom <= top:
        return stamp
    image = Image.new("L", ((right - left) * over, (bottom - top) * over))
    path = [(float(x), float(y)) for x, y in (texels - [left, top]) * over]
    if line:
        ImageDraw.Draw(image).line(path, fill=255, width=max(round(line * FINE * over), 1), joint="curve")
    else:
        ImageDraw.Draw(image).polygon(path, fill=255)
    stamp[top:bottom, left:right] = np.asarray(image.reduce(over), np.float32) / 255
    return stamp


def blurred(layer: Floats, px: float) -> Floats:
    """A layer (rows, columns), 0..1, under a Gaussian blur."""
    image = Image.fromarray((layer * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(px * FINE)), np.float32) / 255


def paint(colour: Floats, cover: Floats, paint: npt.ArrayLike) -> None:
    """Lay `paint` over `colour` (rows, columns, 3), in place, where `cover` (rows, columns), 0..1, says."""
    colour += cover[..., None] * (np.asarray(paint, np.float32) - colour)
