"""The loops that render SimCLR's views on a core: what `render_on_device` of simclr_views does with tensors."""

import numpy as np
from numpy.typing import NDArray

from linecam.compiled import compiled

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

# ITU-R 601, as PIL and torchvision weigh them.
RED, GREEN, BLUE = np.float32(0.2989), np.float32(0.587), np.float32(0.114)
ZERO, HALF, ONE, SIX = np.float32(0), np.float32(0.5), np.float32(1), np.float32(6)

# Sums may be reordered, so that they run in the processor's vectors; infinities and NaNs stay what they are.
loops = compiled(fastmath={"reassoc", "contract", "nsz", "arcp"})


@loops
def render(
    pixels: NDArray[np.uint8],
    box: Integers,
    flip: NDArray[np.bool_],
    factors: Floats,
    order: Integers,
    gray: NDArray[np.bool_],
    views: Floats,
) -> None:
    """Render pixels (N, side, side, 3), uint8, as drawn (`Draws`), into views of their shape, float32."""
    side = pixels.shape[1]
    planes = np.empty((3, side * side), np.float32)
    for n in range(pixels.shape[0]):
        crop(pixels[n], box[n], flip[n], planes)
        for number in order[n]:
            factor = factors[n, number]
            if number == 0:
                brighten(planes, factor)
            elif number == 1:
                contrast(planes, factor)
            elif number == 2:
                saturate(planes, factor)
            elif factor != ZERO:
                turn_hue(planes, SIX * factor)
        if gray[n]:
            saturate(planes, ZERO)
        view = views[n]
        for y in range(side):
            for x in range(side):
                for c in range(3):
                    view[y, x, c] = planes[c, y * side + x]


@loops
def crop(image: NDArray[np.uint8], box: Integers, flip: NDArray[np.bool_], planes: Floats) -> None:
    """The crop, bilinear over the whole of `planes`, 0..1. Samples stay within: its resize sees nothing outside."""
    side = image.shape[0]
    low = np.empty((2, side), np.int64)
    high = np.empty((2, side), np.int64)
    share = np.empty((2, side), np.float32)
    for axis in range(2):
        start, extent = box[axis], box[axis + 2]
        scale = np.float32(extent) / np.float32(side)
        for i in range(side):
            place = side - 1 - i if flip[axis] else i
            source = (np.float32(place) + HALF) * scale - HALF
            source = min(max(source, ZERO), np.float32(extent - 1))
            first = int(source)
            low[axis, i] = start + first
            high[axis, i] = start + min(first + 1, extent - 1)
            share[axis, i] = source - np.float32(first)
    for y in range(side):
        above, below, down = low[0, y], high[0, y], share[0, y] / np.float32(255)
        up = ONE / np.float32(255) - down
        for x in range(side):
            left, right, across = low[1, x], high[1, x], share[1, x]
            for c in range(3):
                a = np.float32(image[above, left, c]) * up + np.float32(image[below, left, c]) * down
                b = np.float32(image[above, right, c]) * up + np.float32(image[below, right, c]) * down
                planes[c, y * side + x] = a + (b - a) * across


@loops
def brighten(planes: Floats, factor: np.float32) -> None:
    for c in range(3):
        for i in range(planes.shape[1]):
            planes[c, i] = min(planes[c, i] * factor, ONE)


@loops
def contrast(planes: Floats, factor: np.float32) -> None:
    total = ZERO
    for i in range(planes.shape[1]):
        total += RED * planes[0, i] + GREEN * planes[1, i] + BLUE * planes[2, i]
    middle = total / np.float32(planes.shape[1]) * (ONE - factor)
    for c in range(3):
        for i in range(planes.shape[1]):
            planes[c, i] = min(max(planes[c, i] * factor + middle, ZERO), ONE)


@loops
def saturate(planes: Floats, factor: np.float32) -> None:
    for i in range(planes.shape[1]):
        gray = (RED * planes[0, i] + GREEN * planes[1, i] + BLUE * planes[2, i]) * (ONE - factor)
        for c in range(3):
            planes[c, i] = min(max(planes[c, i] * factor + gray, ZERO), ONE)


@loops
def turn_hue(planes: Floats, sectors: np.float32) -> None:
    """Turn the hue by `sectors` sixths of a circle; value and saturation (HSV) stay."""
    for i in range(planes.shape[1]):
        red, green, blue = planes[0, i], planes[1, i], planes[2, i]
        value = max(red, green, blue)
        chroma = value - min(red, green, blue)
        divisor = chroma if chroma > ZERO else ONE
        sector = np.float32(4) + (red - green) / divisor
        sector = np.float32(2) + (blue - red) / divisor if green == value else sector
        sector = (green - blue) / divisor if red == value else sector
        for c in range(3):
            place = sector + sectors + np.float32(5 - 2 * c)
            place -= SIX * np.floor(place * np.float32(1 / 6))
            planes[c, i] = value - chroma * min(max(min(place, np.float32(4) - place), ZERO), ONE)
