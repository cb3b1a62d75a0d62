"""Drawn defects, pasted into frames: a stand-in for the defects of any line, whose places are known.

After CutPaste (Li et al., CVPR 2021), NSA (Schlueter et al., ECCV 2022) and DRAEM (Zavrtanik et al., ICCV 2021).
Most are small and faint: what is easy to see teaches little.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Frame = NDArray[np.uint8]  # (height, width, 3)
Mask = NDArray[np.float32]  # (height, width), 0..1: how much of each pixel is the defect's

# Lengths are for a square frame of this side; in others they scale with the root of the area.
SIDE = 240
DRAWN = 4  # masks are drawn so many times larger and averaged: edges are soft, and lines may be thinner than a pixel


def pasted(frame: Frame, other: Frame, kind: int, rng: np.random.Generator) -> tuple[Frame, Mask]:
    """A copy of `frame` with one defect of `KINDS[kind]`, and where it is. Pieces may come from `other`."""
    mask = np.zeros(frame.shape[:2], np.float32)
    copy = frame.copy()
    KINDS[kind](copy, other, mask, rng)
    return copy, mask


def scratch(frame: Frame, other: Frame, mask: Mask, rng: np.random.Generator) -> None:
    """A wandering line, darker or brighter."""
    scale = side_of(frame) / SIDE
    steps = rng.integers(4, 12)
    length = rng.uniform(15, 140) * scale
    turns = rng.uniform(0, 2 * math.pi) + np.cumsum(rng.normal(0, 0.35, steps))
    points = np.cumsum(np.stack([np.cos(turns), np.sin(turns)], axis=1) * length / steps, axis=0)
    width = rng.uniform(1, 3.5) * scale
    shape = drawn(points, width, mask.shape, rng)
    if shape:
        shade(frame, mask, *shape, rng)


def blob(frame: Frame, other: Frame, mask: Mask, rng: np.random.Generator) -> None:
    """A spot or a hole with an uneven edge, often blurred, darker or brighter."""
    scale = side_of(frame) / SIDE
    angles = np.linspace(0, 2 * math.pi, 12, endpoint=False)
    radius = rng.uniform(3, 30) / 2 * scale * np.exp(rng.normal(0, 0.25, 12))
    stretch = rng.uniform(0.5, 1)
    points = np.stack([np.cos(angles) * radius, np.sin(angles) * radius * stretch], axis=1)
    blur = rng.uniform(0.5, 4) * scale if rng.random() < 0.6 else 0.0
    shape = drawn(points, None, mask.shape, rng, blur)
    if shape:
        shade(frame, mask, *shape, rng)


def swap(frame: Frame, other: Frame, mask: Mask, rng: np.random.Generator) -> None:
    """A piece from elsewhere in this frame, or in another one, sometimes turned."""
    source = patch(frame, 36, rng)
    piece = (other if rng.random() < 0.5 else frame)[source].astype(np.float32)
    if rng.random() < 0.5:
        piece = piece[::-1, ::-1]
    height, width = piece.shape[:2]
    top, left = (
        int(rng.integers(0, whole - part + 1)) for whole, part in zip(frame.shape[:2], piece.shape[:2], strict=True)
    )
    blend(frame, mask, (slice(top, top + height), slice(left, left + width)), piece, feathered(height, width))


def grain(frame: Frame, other: Frame, mask: Mask, rng: np.random.Generator) -> None:
    """A rough patch: noise in grains of some pixels."""
    place = patch(frame, 48, rng)
    piece = frame[place].astype(np.float32)
    height, width = piece.shape[:2]
    size = int(rng.integers(1, 4))
    noise = rng.normal(0, rng.uniform(8, 40), (-(-height // size), -(-width // size)))
    noise = noise.repeat(size, axis=0).repeat(size, axis=1)[:height, :width, None]
    blend(frame, mask, place, piece + noise, feathered(height, width))


def erasure(frame: Frame, other: Frame, mask: Mask, rng: np.random.Generator) -> None:
    """A patch without its texture: blurred, or its own mean."""
    place = patch(frame, 48, rng)
    before = frame[place].copy()
    if rng.random() < 0.5:
        smooth = np.broadcast_to(before.mean(axis=(0, 1)), before.shape)
    else:
        smooth = np.asarray(Image.fromarray(before).filter(ImageFilter.GaussianBlur(float(rng.uniform(2, 6)))))
    blend(frame, mask, place, smooth.astype(np.float32), feathered(*before.shape[:2]))
    # Where there was no texture, nothing is gone.
    mask[place] *= np.abs(before.astype(np.float32) - frame[place]).max(axis=2) > 4


KINDS: list[Callable[[Frame, Frame, Mask, np.random.Generator], None]] = [scratch, blob, swap, grain, erasure]


def drawn(
    points: NDArray[np.float64],
    width: float | None,
    frame: tuple[int, ...],
    rng: np.random.Generator,
    blur: float = 0.0,
) -> tuple[tuple[slice, slice], Mask] | None:
    """A line through `points`, or the area within them where `width` is None: where it is, and its mask there.

    `frame` is the height and width of the frame. None where it lies outside the frame.
    """
    margin = math.ceil(2 + 2 * blur + (width or 0))
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.ceil(high - low).astype(int) + 2 * margin
    extent = np.array(frame[::-1])
    corner = (rng.uniform(0, extent) - size / 2).astype(int)
    image = Image.new("L", (int(size[0]) * DRAWN, int(size[1]) * DRAWN))
    places = [tuple(point) for point in (points - low + margin) * DRAWN]
    if width is None:
        ImageDraw.Draw(image).polygon(places, fill=255)
    else:
        ImageDraw.Draw(image).line(places, fill=255, width=max(round(width * DRAWN), 1), joint="curve")
    small = image.reduce(DRAWN)
    if blur:
        small = small.filter(ImageFilter.GaussianBlur(blur))
    shape: Mask = np.asarray(small, dtype=np.float32) / np.float32(255)
    start, stop = corner.clip(0), (corner + size).clip(None, extent)
    if (start >= stop).any():
        return None
    inside = shape[start[1] - corner[1] : stop[1] - corner[1], start[0] - corner[0] : stop[0] - corner[0]]
    return (slice(start[1], stop[1]), slice(start[0], stop[0])), inside


def shade(frame: Frame, mask: Mask, place: tuple[slice, slice], shape: Mask, rng: np.random.Generator) -> None:
    """Make the frame darker or brighter within a shape, all colours nearly alike."""
    levels = rng.choice([-1, 1]) * np.exp(rng.uniform(math.log(8), math.log(90)))
    colour = (levels * rng.uniform(0.8, 1.2, 3)).astype(np.float32)
    blend(frame, mask, place, frame[place] + colour, shape)


def blend(frame: Frame, mask: Mask, place: tuple[slice, slice], piece: NDArray[np.floating], soft: Mask) -> None:
    """Put `piece` into the frame, as opaque as `soft` is."""
    before = frame[place].astype(np.float32)
    frame[place] = np.clip(before + (piece - before) * soft[:, :, None] + 0.5, 0, 255).astype(np.uint8)
    mask[place] = soft


def side_of(frame: Frame) -> float:
    """The side of a square with the area of `frame`."""
    return math.sqrt(frame.shape[0] * frame.shape[1])


def patch(frame: Frame, longest: int, rng: np.random.Generator) -> tuple[slice, slice]:
    """A rectangle somewhere in a frame, each of its sides from 8 to `longest` pixels of a frame of `SIDE`."""
    lengths = (rng.uniform(8, longest, 2) * side_of(frame) / SIDE).astype(int).clip(4, frame.shape[:2])
    starts = [int(rng.integers(0, whole - part + 1)) for whole, part in zip(frame.shape[:2], lengths, strict=True)]
    down, across = (slice(start, start + int(length)) for start, length in zip(starts, lengths, strict=True))
    return down, across


def feathered(height: int, width: int) -> Mask:
    """A rectangle whose edges fade within two pixels."""
    down, across = (np.minimum(np.arange(n) + 1, np.arange(n)[::-1] + 1).clip(None, 2) / 2 for n in (height, width))
    soft: Mask = np.minimum.outer(down, across).astype(np.float32)
    return soft
