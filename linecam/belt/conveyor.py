"""A conveyor belt with medical masks, drawn from a seed: linecam's built-in line, with its truth.

A sequence is drawn in three steps: each mask once on its own canvas, all of them onto one long strip of belt, and
then every frame as a view of that strip through a camera, with light, motion and noise. The truth is read off the
strip through the same camera.

Lengths are in px, frame pixels at the middle of a camera of zoom 1; canvases and strips have `FINE` texels per px.
Positions are (x, y), x in the direction of travel; on a mask they count from its middle. Colours are float32 RGB,
1.0 the brightest that a frame can show at a gain of 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from linecam.belt.drawing import FINE, Bytes, Floats, Rng, axes, smooth, waves
from linecam.belt.medical_mask import draw_mask

WIDTH, HEIGHT = 320, 240
# The rows and columns that the camera's square sees.
SQUARE = slice(0, HEIGHT), slice((WIDTH - HEIGHT) // 2, (WIDTH + HEIGHT) // 2)
HALF_ROWS, MARGIN = 160, 230  # px of strip above and below the middle, and before the first view's middle
PITCH, HOLES = 19, 26  # px from hole to hole, and holes until the belt repeats

HALF_SHARE = 0.5  # less mask than this in the square: no_mask
NOTICEABLE = 30  # px of visible defect in the square from which a person calls the mask bad
CLOTH, DEFECT = 1, 2  # bits of a strip's fourth byte


@dataclass(frozen=True)
class Camera:
    """How one camera looks at the belt."""

    tint: tuple[float, float, float]  # gain of red, green, blue
    offset: tuple[float, float]  # px by which the belt's middle is off the frame's
    zoom: float
    turn: float  # degrees
    barrel: float  # relative widening at half the frame's width
    vignette: float  # relative darkening there
    direction: int  # 1: the belt moves to the left, -1: to the right


CAMERAS = {
    "A": Camera((1.00, 1.00, 1.00), (0, 1), 1.00, 0.6, 0.085, 0.16, 1),
    "B": Camera((1.03, 1.00, 0.93), (5, -3), 0.96, -1.2, 0.100, 0.22, 1),
    "C": Camera((0.96, 1.00, 1.05), (-4, 4), 1.04, 1.5, 0.070, 0.12, -1),
    "D": Camera((0.98, 1.00, 1.01), (2, -5), 0.99, -0.5, 0.110, 0.26, 1),
}


@dataclass(frozen=True)
class Frame:
    """One frame and what a person who looks at its square would say."""

    image: Bytes  # (240, 320, 3)
    label: str  # "bad", "good" or "no_mask"
    mask_share: float  # share of the square that is mask, 0..1
    defect_px: int  # visible defect in the square
    defect: npt.NDArray[np.bool_]  # where that is, (rows, columns) of the square


def label_of(mask_share: float, defect_px: int) -> str:
    """The class of a frame by its share of mask (0..1) and its visible defects (px)."""
    if mask_share < HALF_SHARE:
        return "no_mask"
    return "bad" if defect_px >= NOTICEABLE else "good"


# The belt


def draw_belt(rng: Rng) -> Bytes:
    """One period of empty belt with the walls beside it, uint8 (2 * HALF_ROWS * FINE, HOLES * PITCH * FINE, 3)."""
    shape = (2 * HALF_ROWS * FINE, HOLES * PITCH * FINE)
    x, y = axes(shape)
    wall = np.maximum(np.abs(y) - 100, 0)
    top, bottom = (y < -100) & (wall > 0), (y > 100) & (wall > 0)
    # Both walls are seen from above: their rows crowd together, and the lower one leans.
    row = (y + np.where(top, -0.9, 1.5) * wall) / PITCH
    column = (x + np.where(bottom, 0.35, 0) * wall) / PITCH
    at_y, at_x = np.floor(row), np.floor(column)
    dx, dy = (column - at_x - 0.5) * PITCH, (row - at_y - 0.5) * PITCH
    half = np.where(wall > 0, 5.4, 5.2)

    def square(dx: Floats, dy: Floats, half: Floats) -> Floats:
        out = np.hypot(np.maximum(np.abs(dx) - half + 1.5, 0), np.maximum(np.abs(dy) - half + 1.5, 0)) - 1.5
        share: Floats = np.clip(0.5 - out * 0.8, 0, 1)
        return share.astype(np.float32)

    hole, rim = square(dx, dy, half), square(dx - 0.9, dy + 0.9, half + 0.9)
    each = rng.normal(1, 0.10, (64, HOLES))[at_y.astype(int) % 64, at_x.astype(int) % HOLES]
    glow = each * (0.57 + 0.014 * (dy - dx)) * np.where(top, 1.45, np.where(bottom, 0.55, 1.0))
    plate = 0.265 * np.where(top, 0.62, np.where(bottom, 0.68, 1.0)) * (1 - 0.35 * rim)
    grain = 1 + 0.05 * smooth(rng, shape, 3) + 0.05 * smooth(rng, shape, 40)
    grey = (plate * (1 - hole) + glow * hole) * grain
    colour: Floats = grey[..., None] * (
        np.array([1.0, 1.0, 0.95]) * (1 - hole[..., None]) + hole[..., None] * [1.0, 1.0, 0.92]
    )
    return (np.clip(colour, 0, 1) * 255).astype(np.uint8)


# The strip


def _bilinear(packed: npt.NDArray[np.unsignedinteger], taps: npt.NDArray[np.intp], weights: Floats) -> Floats:
    """Weighted sums (n, bytes an element) of elements of `packed` (flat) at `taps` (4, n), by `weights` (4, n, 1)."""
    total = np.zeros((taps.shape[1], packed.itemsize), np.float32)
    for tap, weight in zip(taps, weights, strict=True):
        total += packed[tap].view(np.uint8).reshape(total.shape) * weight
    return total


def _taps(x: Floats, y: Floats, columns: int) -> tuple[npt.NDArray[np.intp], Floats]:
    """Flat indices (4, n) of the four neighbours of positions (n,) in texels, and their weights (4, n, 1)."""
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    fx, fy = (x - left).astype(np.float32), (y - top).astype(np.float32)
    first = top * columns + left
    weights = np.stack([(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy])[..., None]
    return np.stack([first, first + 1, first + columns, first + columns + 1]), weights


def _lay(rng: Rng, strip: Bytes, mask: Bytes, middle: float) -> None:
    """Lay a mask, turned and crumpled, on the strip (rows, columns, 4), its middle `middle` px from the start."""
    skewed = rng.random() < 0.14
    turn = np.radians(rng.uniform(7, 22) * rng.choice([-1, 1]) if skewed else rng.normal(0, 1.6))
    scale, lift = rng.uniform(0.95, 1.06), rng.normal(0, 4)
    reach = int(mask.shape[1] * 0.53 * scale) + 20
    start, stop = (min(max(round(middle * FINE) + side, 0), strip.shape[1]) for side in (-reach, reach))
    x = (np.arange(start, stop)[None, :] / FINE - middle) / scale
    y = ((np.arange(len(strip))[:, None] + 0.5) / FINE - HALF_ROWS - lift) / scale
    along, across = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    crumple = rng.uniform(0.5, 3.0)
    bow = rng.normal(0, 3) * (2 * x / 330) ** 2
    u = (along + waves(rng, y, 260, 0.5 * crumple)) * FINE + mask.shape[1] / 2
    v = (across + waves(rng, x, 420, 0.7 * crumple) + bow) * FINE + mask.shape[0] / 2
    inside = (u >= 0) & (u < mask.shape[1] - 1) & (v >= 0) & (v < mask.shape[0] - 1)
    seen = _bilinear(mask.view(np.uint64).ravel(), *_taps(u[inside], v[inside], mask.shape[1]))
    part = strip[:, start:stop]
    under = part[inside]
    cover, shadow, cloth, defect = (seen[:, channel, None] / 255 for channel in (3, 4, 5, 6))
    under[:, :3] = np.clip(under[:, :3] * (1 - cover) * (1 - 0.55 * shadow) + seen[:, :3], 0, 255)
    under[:, 3] |= (CLOTH * (cloth > 0.5) + DEFECT * (defect > 0.5)).astype(np.uint8)[:, 0]
    part[inside] = under


def draw_strip(rng: Rng, *, travel: float, turn: int, small: bool = False) -> Bytes:
    """The belt that passes a camera while it moves by `travel` px, masks and all.

    uint8 (2 * HALF_ROWS * FINE, columns, 4): red, green, blue, and the bits `CLOTH` and `DEFECT`. Every third mask
    is bad, from the one that `turn` says: evenly spread, so that few sequences already have the shares of many.
    """
    belt = draw_belt(rng)
    columns = (int(travel) + 2 * MARGIN) * FINE
    strip = np.zeros((len(belt), columns, 4), np.uint8)
    strip[..., :3] = belt[:, np.arange(columns) % belt.shape[1]]
    middle = MARGIN + rng.uniform(-250, 550)
    number = turn
    while middle < columns / FINE + 100:
        _lay(rng, strip, draw_mask(rng, bad=number % 3 == 0, small=small), middle)
        middle += 350 + rng.uniform(130, 740)
        number += 1
    return strip


# The frames


def _view(camera: Camera, columns: int) -> tuple[npt.NDArray[np.intp], Floats, Floats]:
    """Where a camera's pixels lie on a strip: taps (4, n), weights (4, n, 1); and the camera's vignette (240, 320)."""
    x = np.arange(WIDTH, dtype=np.float64)[None, :] - (WIDTH - 1) / 2
    y = np.arange(HEIGHT, dtype=np.float64)[:, None] - (HEIGHT - 1) / 2
    distance = (x**2 + y**2) / (WIDTH / 2) ** 2
    wide = (1 + camera.barrel * distance) / camera.zoom
    angle = np.radians(camera.turn)
    along = (np.cos(angle) * x + np.sin(angle) * y) * wide - camera.offset[0]
    across = (np.cos(angle) * y - np.sin(angle) * x) * wide - camera.offset[1]
    u = (camera.direction * along + MARGIN) * FINE
    v = np.clip((across + HALF_ROWS) * FINE - 0.5, 0, 2 * HALF_ROWS * FINE - 2)
    taps, weights = _taps(u.ravel(), v.ravel(), columns)
    return taps, weights, (1 - camera.vignette * distance).astype(np.float32)


def _moved(image: Floats, px: float) -> Floats:
    """An image (rows, columns, 3) blurred along its rows by a movement of `px`, at least 1."""
    pad = int(px / 2) + 2
    padded = np.concatenate([image[:, :1]] * (pad + 1) + [image] + [image[:, -1:]] * pad, axis=1)
    total = np.cumsum(padded, axis=1)
    pixels, part = divmod(px / 2 - 0.5, 1)
    pixels, columns = int(pixels), image.shape[1]

    def until(first: int, part: float) -> Floats:
        return total[:, first : first + columns] * np.float32(1 - part) + total[
            :, first + 1 : first + 1 + columns
        ] * np.float32(part)

    right = until(pad + 1 + pixels, part)
    left = until(pad - 1 - pixels, 1 - part)
    return (right - left) / np.float32(px)


def _drift(rng: Rng, length: int, size: float) -> Floats:
    """A slow random course over a sequence (length,), standard deviation about `size`."""
    return waves(rng, np.arange(length, dtype=np.float64), 160, size)


def render_sequence(
    seed: np.random.SeedSequence,
    *,
    camera: str,
    length: int,
    turn: int,
    small: bool = False,
    seen: tuple[slice, slice] = SQUARE,
) -> Iterator[Frame]:
    """Film `length` frames in a row with one of `CAMERAS`.

    A pure function of its arguments: the frames taken from it are the same however many are taken. `turn` (0..2)
    says which mask of the first three is bad, and `small` that all defects are small and faint. The truth is that of
    the rows and columns that are `seen`.
    """
    rng = np.random.default_rng(seed)
    eye = CAMERAS[camera]
    steps = rng.uniform(12, 45) * (1 + 0.02 * rng.standard_normal(length))
    way = np.cumsum(steps)
    strip = draw_strip(rng, travel=float(way[-1]), turn=turn, small=small)
    packed = strip.view(np.uint32).ravel()
    truth = strip[..., 3].ravel()
    taps, weights, vignette = _view(eye, strip.shape[1])
    nearest = np.take_along_axis(taps, weights[..., 0].argmax(axis=0)[None], axis=0).reshape(HEIGHT, WIDTH)[seen]

    gain = np.clip(rng.normal(0.02, 0.34), -1.05, 0.40) + _drift(rng, length, 0.06)
    for _ in range(rng.choice([0, 1, 2], p=[0.5, 0.3, 0.2])):  # somebody switches a lamp
        gain[rng.integers(length) :] += rng.normal(0, 0.25)
    balance = np.stack([_drift(rng, length, 0.008) for _ in "rgb"], axis=1) + rng.normal(0, 0.016, 3) + np.log(eye.tint)
    light = np.exp(np.clip(gain, -1.25, 0.45)[:, None] + balance).astype(np.float32) / 255
    x, y = np.linspace(-1, 1, WIDTH), np.linspace(-1, 1, HEIGHT)[:, None]
    lamp = (vignette * (1 + rng.normal(0, 0.06) * x + rng.normal(0, 0.13) * y)).astype(np.float32)[..., None]
    shutter = np.exp(rng.uniform(np.log(0.02), np.log(0.25)) + _drift(rng, length, 0.15))  # of a frame's time
    grain = np.float32(rng.uniform(0.006, 0.016))

    for number in range(length):
        shift = round(float(way[number] - way[0]) * FINE)
        image = _bilinear(packed, taps + shift, weights)[:, :3].reshape(HEIGHT, WIDTH, 3)
        image *= lamp * light[number]
        blur = min(float(shutter[number] * steps[number]) * eye.zoom, 9)
        if blur > 1:
            image = _moved(image, blur)
        # Highlights saturate softly.
        knee = np.float32(0.7)
        image = np.minimum(image, knee) + (1 - knee) * (1 - np.exp(-np.maximum(image - knee, 0) / (1 - knee)))
        image += grain * rng.standard_normal((HEIGHT, WIDTH, 1), np.float32)
        colour_noise = 0.6 * grain * rng.standard_normal((HEIGHT // 2, WIDTH // 2, 3), np.float32)
        image += colour_noise.repeat(2, axis=0).repeat(2, axis=1)
        bits = truth[nearest + shift]
        share, defect = float(np.mean(bits & CLOTH != 0)), bits & DEFECT != 0
        count = int(np.count_nonzero(defect))
        shown = (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
        yield Frame(shown, label_of(share, count), share, count, defect)
