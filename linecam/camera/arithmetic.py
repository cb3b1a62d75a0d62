"""From the sensor to the network's input, in the camera firmware's own integer arithmetic.

Facts measured on OpenMV firmware 5.0.0: the frame is RGB565; a region of it is resized to the network's input while
it still is RGB565, each axis by itself, bilinear without anti-aliasing, in fixed point; then it is expanded to 8 bits a
channel. Before 5.0.0 an oblong region was cropped to a square first.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from linecam.camera.region import Region, Size

# Bits of the red, green and blue field.
_BITS = np.array([5, 6, 5], dtype=np.uint16)


def square(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """The largest centred square of `image` (RGB), as a sensor of `side` x `side` pixels would see it.

    Scaled with anti-aliasing, as optics and sensor average light over a pixel. To the sensor's side it is what the
    firmware goes on from; straight to the network's input it is the clean resize that the camera doesn't have.
    Returns (side, side, 3), 0..255.
    """
    short = min(image.size)
    left, top = (image.width - short) // 2, (image.height - short) // 2
    if image.width != image.height:
        image = image.crop((left, top, left + short, top + short))
    if short != side:
        image = image.resize((side, side), Image.Resampling.LANCZOS if short > side else Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.uint8)


def cut_out(image: Image.Image, region: Region, seen: Size | None = None) -> NDArray[np.uint8]:
    """The region of a frame (RGB), as a sensor would see it that has `seen` pixels for it; None: those it has.

    As `square`, and each axis by itself. `image` is not refused. Returns (height, width, 3) of `seen`, 0..255.
    """
    seen = seen or region.size
    if region.side is not None and seen[0] == seen[1]:
        return square(image, seen[0])
    box = left, top, right, bottom = region.box(image.size)
    if all(float(edge).is_integer() for edge in box) and (right - left, bottom - top) == seen:
        return np.asarray(image.crop((int(left), int(top), int(right), int(bottom))), dtype=np.uint8)
    shrinks = right - left > seen[0] or bottom - top > seen[1]
    resampling = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BILINEAR
    # Of what lies beyond the box, its filter sees as much as the neighbouring pixels of a sensor do.
    return np.asarray(image.resize(seen, resampling, box=box), dtype=np.uint8)


def to_input(frames: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """What the network sees of the sensor's frames: RGB565, resized to `size` x `size`, expanded to 8 bits.

    `frames` is (..., height, width, 3), uint8, 0..255; returns (..., size, size, 3), uint8, 0..255. The int8 tensor
    on the camera is this `^ 0x80`.
    """
    fields: NDArray[np.integer] = to_rgb565(frames)
    height, width = fields.shape[-3:-1]
    if height != size or width != size:  # the firmware skips the interpolation for equal sizes
        fields = _interpolate(fields, size, axis=fields.ndim - 3)  # vertical first, as the firmware does
        fields = _interpolate(fields, size, axis=fields.ndim - 2)
    return expand(fields)


def to_rgb565(frames: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Truncate (..., 3) of 8 bits a channel to fields of 5, 6 and 5 bits: red and blue 0..31, green 0..63."""
    fields: NDArray[np.uint16] = np.right_shift(_rows(frames), _along(8 - _BITS, frames), dtype=np.uint16)
    return fields.reshape(frames.shape)


def expand(fields: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Fields of 5, 6 and 5 bits (..., 3) to 8 bits a channel by repeating the high bits, so that full scale is 255."""
    rows = _rows(fields)
    bytes_ = rows << _along(8 - _BITS, fields) | rows >> _along(2 * _BITS - 8, fields)
    return bytes_.astype(np.uint8).reshape(fields.shape)


def _rows(frames: NDArray[np.integer]) -> NDArray[np.integer]:
    """(..., width, 3) as (..., width * 3): NumPy's loops run along the last axis, and 3 is no length for one."""
    return frames.reshape(*frames.shape[:-2], -1)


def _along(channels: NDArray[np.uint16], frames: NDArray[np.integer]) -> NDArray[np.uint16]:
    """A value for each channel, repeated for the pixels of such a row."""
    return np.tile(channels, math.prod(frames.shape[-2:-1]))


def _interpolate(fields: NDArray[np.integer], size: int, axis: int) -> NDArray[np.integer]:
    """Resize one axis to `size`: positions in 16.16 fixed point, blended with a fraction of 5 bits."""
    source = fields.shape[axis]
    # Both divisions are in float32 on the camera: 120 to 64 gives 122879, not 122880.
    step = int(np.float32(65536) / (np.float32(size) / np.float32(source)))
    position = np.arange(size, dtype=np.int64) * step - 0x8000
    low = np.clip(position >> 16, 0, source - 1)
    high = np.clip((position >> 16) + 1, 0, source - 1)
    below, above = fields.take(low, axis=axis), fields.take(high, axis=axis)
    # Of every value of the axes from this one on. 63 * 32 + 16 fits into 16 bits.
    fraction = np.repeat((position >> 11 & 31).astype(np.uint16), math.prod(below.shape[axis + 1 :]))
    blended = below.reshape(-1, len(fraction)) * (32 - fraction)
    blended += above.reshape(-1, len(fraction)) * fraction
    rounded: NDArray[np.integer] = (blended + 16) >> 5
    return rounded.reshape(below.shape)
