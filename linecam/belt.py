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
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Floats = npt.NDArray[np.floating[Any]]
Bytes = npt.NDArray[np.uint8]
Rng = np.random.Generator

WIDTH, HEIGHT = 320, 240
SQUARE = slice((WIDTH - HEIGHT) // 2, (WIDTH + HEIGHT) // 2)  # the columns that the camera's square sees
FINE = 2
HALF_ROWS, MARGIN = 160, 230  # px of strip above and below the middle, and before the first view's middle
PITCH, HOLES = 19, 26  # px from hole to hole, and holes until the belt repeats

HALF_SHARE = 0.5  # less mask than this in the square: no_mask
NOTICEABLE = 30  # px of visible defect in the square from which a person calls the mask bad
CLOTH, DEFECT = 1, 2  # bits of a strip's fourth byte

WHITE = np.array([0.78, 0.815, 0.85], np.float32)
INNER = np.array([0.50, 0.66, 0.77], np.float32)  # the blue layer under the white one
THREAD = np.array([0.30, 0.43, 0.60], np.float32)
FOLD = np.array([0.37, 0.43, 0.52], np.float32)
WELD = np.array([0.42, 0.60, 0.74], np.float32)


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


def label_of(mask_share: float, defect_px: int) -> str:
    """The class of a frame by its share of mask (0..1) and its visible defects (px)."""
    if mask_share < HALF_SHARE:
        return "no_mask"
    return "bad" if defect_px >= NOTICEABLE else "good"


# Drawing tools


def _smooth(rng: Rng, shape: tuple[int, int], cell: float) -> Floats:
    """Smooth noise (*shape), standard deviation about 0.7, that changes over `cell` texels."""
    rows, columns = (int(n / cell) + 3 for n in shape)
    coarse = Image.fromarray(rng.standard_normal((rows, columns), np.float32))
    box = (1.0, 1.0, 1 + shape[1] / cell, 1 + shape[0] / cell)
    return np.asarray(coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC, box), np.float32)


def _waves(rng: Rng, x: Floats, longest: float, size: float) -> Floats:
    """A random smooth curve over `x` (any shape): sines from wavelength `longest` down, standard deviation `size`."""
    total = np.zeros(x.shape)
    for octave in range(4):
        length = longest / 1.9**octave * rng.uniform(0.8, 1.25)
        total += 0.65**octave * np.sin(x * (2 * np.pi / length) + rng.uniform(0, 2 * np.pi))
    return (size * total).astype(np.float32)


def _axes(shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Positions in px from the middle of a canvas: x (1, columns) and y (rows, 1)."""
    y, x = ((np.arange(n, dtype=np.float32) + 0.5 - n / 2) / FINE for n in shape)
    return x[None, :], y[:, None]


def _stamp(shape: tuple[int, int], points: Floats, line: float = 0) -> Floats:
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


def _blurred(layer: Floats, px: float) -> Floats:
    """A layer (rows, columns), 0..1, under a Gaussian blur."""
    image = Image.fromarray((layer * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(px * FINE)), np.float32) / 255


def _paint(colour: Floats, cover: Floats, paint: npt.ArrayLike) -> None:
    """Lay `paint` over `colour` (rows, columns, 3), in place, where `cover` (rows, columns), 0..1, says."""
    colour += cover[..., None] * (np.asarray(paint, np.float32) - colour)


# The belt


def draw_belt(rng: Rng) -> Bytes:
    """One period of empty belt with the walls beside it, uint8 (2 * HALF_ROWS * FINE, HOLES * PITCH * FINE, 3)."""
    shape = (2 * HALF_ROWS * FINE, HOLES * PITCH * FINE)
    x, y = _axes(shape)
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
        return np.clip(0.5 - out * 0.8, 0, 1).astype(np.float32)

    hole, rim = square(dx, dy, half), square(dx - 0.9, dy + 0.9, half + 0.9)
    each = rng.normal(1, 0.10, (64, HOLES))[at_y.astype(int) % 64, at_x.astype(int) % HOLES]
    glow = each * (0.57 + 0.014 * (dy - dx)) * np.where(top, 1.45, np.where(bottom, 0.55, 1.0))
    plate = 0.265 * np.where(top, 0.62, np.where(bottom, 0.68, 1.0)) * (1 - 0.35 * rim)
    grain = 1 + 0.05 * _smooth(rng, shape, 3) + 0.05 * _smooth(rng, shape, 40)
    grey = (plate * (1 - hole) + glow * hole) * grain
    colour = grey[..., None] * (np.array([1.0, 1.0, 0.95]) * (1 - hole[..., None]) + hole[..., None] * [1.0, 1.0, 0.92])
    return (np.clip(colour, 0, 1) * 255).astype(np.uint8)


# A mask


@dataclass
class Canvas:
    """A mask while it is drawn; all arrays float32 with the canvas's rows and columns."""

    colour: Floats  # (rows, columns, 3)
    cloth: Floats  # 0..1
    defect: Floats  # 0..1
    width: float  # px of the cloth
    height: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, texels."""
        return self.cloth.shape[0], self.cloth.shape[1]


def _cloth(rng: Rng) -> Canvas:
    """The cloth with its pleats, shading and outline."""
    height = rng.uniform(188, 212)
    width = height * rng.uniform(1.66, 1.84)
    shape = (int(height + 16) * FINE, int(width + 210) * FINE)  # room for the ear loops on both sides
    x, y = _axes(shape)

    # The outline: a rectangle with round corners whose sides wander.
    radius = rng.uniform(1.5, 5)
    out_x = np.abs(x) - width / 2 - _waves(rng, y, 250, 0.8) + radius
    out_y = np.abs(y) - height / 2 - _waves(rng, x, 420, 1.0) + radius
    out = np.hypot(np.maximum(out_x, 0), np.maximum(out_y, 0)) + np.minimum(np.maximum(out_x, out_y), 0) - radius
    cloth = np.clip(0.5 - out * FINE, 0, 1).astype(np.float32)

    light = 1 + 0.035 * _smooth(rng, shape, 75 * FINE) + 0.022 * _smooth(rng, shape, 16 * FINE)
    light += 0.012 * _smooth(rng, shape, 2.5 * FINE) + 0.010 * _smooth(rng, shape, 1.0 * FINE)
    folds = height * (np.array([-0.09, 0.03, 0.15]) + rng.normal(0, 0.012, 3)) * rng.choice([-1, 1])
    deep = rng.uniform(0.3, 1.3)
    crease = np.zeros(shape, np.float32)
    for fold in folds:
        depth = deep * (0.20 + _waves(rng, x, 200, 0.06))
        at = y - fold - _waves(rng, x, 320, 0.5)
        crease += depth * np.exp(-((at / rng.uniform(0.7, 1.3)) ** 2))
        light -= 0.55 * depth * np.exp(-np.abs(at - 3) / 8)
        light += 0.35 * depth * np.exp(-np.abs(at + 5) / 5)
    light -= 0.06 * np.exp(np.minimum(out, 0) / 3)  # the edges bend down
    colour = light[..., None] * (WHITE * rng.normal(1, [0.012, 0.006, 0.012]).astype(np.float32))
    _paint(colour, np.clip(2.2 * crease, 0, 0.85), FOLD)
    # The blue layer shimmers through, here more, there less.
    _paint(colour, np.clip(0.08 + 0.07 * _smooth(rng, shape, 60 * FINE), 0, 0.25), INNER * light[..., None])
    return Canvas(colour.astype(np.float32), cloth, np.zeros(shape, np.float32), width, height)


def _seams(rng: Rng, canvas: Canvas) -> None:
    """Dashed lines along the long sides, rows of welding dots along the short ones, a round weld in each corner."""
    x, y = _axes(canvas.shape)
    half_x, half_y = canvas.width / 2, canvas.height / 2

    def bar(at: Floats, half: float) -> Floats:
        return np.clip((half - np.abs(at)) * FINE + 0.5, 0, 1)

    def dashes(at: Floats, period: float, share: float) -> Floats:
        phase = at + rng.uniform(0, period)
        return bar(phase - period * np.round(phase / period), period * share / 2)

    strength, period = rng.uniform(0.45, 0.9), rng.uniform(4.2, 5.4)
    for side in (-1, 1):
        for inset in np.array([6, 11, 17]) + rng.uniform(-1, 1, 3):
            # The innermost row is short on some masks: only near the corners.
            length = half_x - 4 if inset < 14 or rng.random() < 0.5 else -1
            line = bar(y - side * (half_y - inset), 0.55) * dashes(x, period, 0.68)
            near = np.abs(x) < length if length > 0 else (np.abs(x) > half_x - 60) & (np.abs(x) < half_x - 4)
            _paint(canvas.colour, line * near * strength, THREAD)
        for inset in (7, 14):
            inside = np.clip(half_y - 18 - np.abs(y), 0, 1)
            fade = np.clip(0.75 + _waves(rng, y, 120, 0.25), 0.1, 1)
            dots = bar(x - side * (half_x - inset), 2.4) * dashes(y, period, 0.30)
            _paint(canvas.colour, dots * inside * fade * strength, THREAD)
    for corner_x in (-1, 1):
        for corner_y in (-1, 1):
            dx = x - corner_x * (half_x - rng.uniform(8, 11))
            dy = y - corner_y * (half_y - rng.uniform(8, 11))
            weld = np.clip((1 - np.hypot(dx / rng.uniform(5.2, 6.6), dy / rng.uniform(4.4, 5.6))) * 6, 0, 1)
            waffle = 1 + 0.12 * np.sin(dx * 2.6) * np.sin(dy * 2.6)
            _paint(canvas.colour, weld * rng.uniform(0.6, 0.95), WELD * waffle[..., None])


def _path(rng: Rng, start: Floats, angle: float, length: float, bend: float) -> Floats:
    """A crooked line (9, 2) px from `start`: `angle` and `bend` (the spread of its turns) in radians."""
    steps = angle + np.cumsum(rng.normal(0, bend, 8))
    way = np.cumsum(np.stack([np.cos(steps), np.sin(steps)], axis=1), axis=0) * length / 8
    return np.concatenate([[start], start + way])


def _creases(rng: Rng, canvas: Canvas) -> None:
    """Harmless grey lines: what a weak model takes for a tear."""
    for _ in range(rng.choice([0, 1, 2, 3, 5, 8], p=[0.2, 0.2, 0.2, 0.2, 0.12, 0.08])):
        start = rng.uniform(-0.45, 0.45, 2) * [canvas.width, canvas.height]
        path = _path(rng, start, rng.uniform(0, np.pi), rng.uniform(8, 70), 0.12)
        wide = rng.uniform(0.6, 1.5)
        dark = _blurred(_stamp(canvas.shape, path, wide), 0.35) * rng.uniform(0.08, 0.32)
        lit = _blurred(_stamp(canvas.shape, path + np.array([0.8, 1.6]), wide + 1.5), 0.9) * 0.06
        canvas.colour *= (1 - dark + lit)[..., None]


def _corner(rng: Rng, canvas: Canvas, size: float) -> tuple[Floats, Floats]:
    """A cut across a random corner, `size` px deep: px beyond it (rows, columns), and its direction (2,)."""
    x, y = _axes(canvas.shape)
    angle = rng.uniform(0.5, 1.1)
    normal = np.array([np.cos(angle), np.sin(angle)]) * rng.choice([-1, 1], 2)
    offset = np.abs(normal) @ [canvas.width / 2, canvas.height / 2] - size
    return (x * normal[0] + y * normal[1] - offset).astype(np.float32), normal


def _fold_corner(rng: Rng, canvas: Canvas) -> None:
    """Fold a corner over: unusual, and still good."""
    beyond, normal = _corner(rng, canvas, rng.uniform(10, 30))
    x, y = _axes(canvas.shape)
    inside_x = canvas.width / 2 - np.abs(x - 2 * beyond * normal[0])
    inside_y = canvas.height / 2 - np.abs(y - 2 * beyond * normal[1])
    flap = np.clip(np.minimum(inside_x, inside_y) * FINE, 0, 1) * (beyond < 0)
    canvas.colour *= (1 - 0.3 * _blurred(flap, 2.0))[..., None]
    shade = 0.93 + 0.07 * np.exp(beyond / 4) * (beyond < 0)
    _paint(canvas.colour, flap, (0.75 * WHITE + 0.25 * INNER) * shade[..., None])
    canvas.cloth *= np.clip(0.5 - beyond * FINE, 0, 1)


def _loops(rng: Rng, canvas: Canvas) -> Floats:
    """Coverage (rows, columns), 0..1, of the two ear loops."""
    total = np.zeros(canvas.shape, np.float32)
    along = np.linspace(0, 1, 50)[:, None]

    def curve(points: list[tuple[float, float]]) -> Floats:
        a, b, c, d = (np.array(point) for point in points)
        way = a * (1 - along) ** 3 + 3 * b * along * (1 - along) ** 2 + 3 * c * along**2 * (1 - along) + d * along**3
        return way + np.sin(along * np.pi) * np.stack([_waves(rng, along[:, 0], 0.9, 1.6) for _ in "xy"], axis=1)

    for side in (-1, 1):
        edge, low = side * (canvas.width / 2 - 4), canvas.height / 2 - rng.uniform(7, 13)
        kind, thick = rng.random(), rng.uniform(3.0, 5.0)
        if kind < 0.6:  # a wide bow
            reach = side * np.exp(rng.uniform(np.log(12), np.log(125)))
            away = [(edge + reach * rng.uniform(0.75, 1.2), dy * rng.uniform(0.5, 1.25)) for dy in (-low, low)]
            paths = [curve([(edge, -low), away[0], away[1], (edge, low)])]
        elif kind < 0.85:  # tucked under the mask, a hook left at one or both ends
            paths = []
            for end in (-low, low) if rng.random() < 0.6 else (low,):
                reach, back = side * rng.uniform(15, 55), end * rng.uniform(0.2, 0.8)
                paths.append(curve([(edge, end), (edge + reach, end * 1.1), (edge + reach, back), (edge - 4, back)]))
        else:  # slack, swinging over
            reach = side * rng.uniform(20, 80)
            paths = [
                curve([(edge, -low), (edge + 1.6 * reach, low * 0.6), (edge - 0.3 * reach, -low * 0.4), (edge, low)])
            ]
        for path in paths:
            np.maximum(total, _stamp(canvas.shape, path, thick), out=total)
    return total


def _gash(rng: Rng, middle: Floats, length: float, wide: float) -> list[Floats]:
    """The outlines (n, 2) px of a crooked slit and of the wider torn layer around it."""
    path = _path(rng, middle, rng.uniform(0, 2 * np.pi), length, 0.25)
    path += middle - path.mean(axis=0)
    way = np.gradient(path, axis=0)
    across = np.stack([-way[:, 1], way[:, 0]], axis=1) / np.hypot(way[:, 0], way[:, 1])[:, None]
    half = (
        wide / 2 * np.sin(np.linspace(0.12, np.pi - 0.12, len(path))) ** 0.6 * rng.uniform(0.55, 1.25, (2, len(path)))
    )
    frayed = rng.uniform(0.2, 1) * rng.uniform(0.8, 4.5, (2, len(path)))
    return [
        np.concatenate([path + across * one[:, None], (path - across * other[:, None])[::-1]])
        for one, other in (half, half + frayed)
    ]


def _blot(rng: Rng, middle: Floats, radius: float) -> Floats:
    """An irregular outline (24, 2) px around `middle`."""
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    away = radius * np.clip(1 + 0.22 * np.sin(2 * angle + rng.uniform(0, 6.3)) + rng.normal(0, 0.12, 24), 0.4, 1.6)
    return middle + np.stack([np.cos(angle) * away * rng.uniform(0.9, 1.4), np.sin(angle) * away], axis=1)


def _tear_corner(rng: Rng, canvas: Canvas, large: bool) -> None:
    """Tear a corner off, with a ragged blue edge."""
    beyond, normal = _corner(rng, canvas, rng.uniform(20, 46) if large else rng.uniform(9, 14))
    x, y = _axes(canvas.shape)
    beyond += _waves(rng, x * normal[1] - y * normal[0], 22, 1.5)
    np.maximum(canvas.defect, canvas.cloth * (beyond > -1.2), out=canvas.defect)
    _paint(canvas.colour, np.clip((beyond + rng.uniform(1.5, 3.5)) * FINE, 0, 0.85), INNER)
    canvas.cloth *= np.clip(0.5 - beyond * FINE, 0, 1)


def _defect(rng: Rng, canvas: Canvas) -> None:
    """One defect: a tear, a hole, a mark or a torn-off corner, most of them large."""
    large, kind = rng.random() < 0.85, rng.random()
    if kind < 0.12:
        _tear_corner(rng, canvas, large)
        return
    middle = rng.uniform(-0.45, 0.45, 2) * [canvas.width, canvas.height]
    if rng.random() < 0.25:  # at a long side
        middle[1] = rng.choice([-0.46, 0.46]) * canvas.height
    if kind < 0.72:  # a tear or a hole
        if kind < 0.54:
            size = (rng.uniform(35, 90), rng.uniform(7, 15)) if large else (rng.uniform(9, 17), rng.uniform(1.6, 3.4))
            slit, layer = (_stamp(canvas.shape, outline) for outline in _gash(rng, middle, *size))
        else:
            radius = rng.uniform(8, 15) if large else rng.uniform(2.4, 3.8)
            slit, layer = (_stamp(canvas.shape, _blot(rng, middle, radius + more)) for more in (0, rng.uniform(0.8, 3)))
        layer = np.maximum(layer, slit)
        _paint(canvas.colour, layer * rng.uniform(0.6, 1), INNER * rng.uniform(0.7, 1.05))
        # Some go through the white layer alone.
        canvas.cloth *= 1 - slit * (1 if rng.random() < 0.8 else 0.15)
        np.maximum(canvas.defect, layer, out=canvas.defect)
    else:  # a mark or a stain
        mark = np.zeros(canvas.shape, np.float32)
        for _ in range(rng.integers(1, 4) if large else 1):
            radius = rng.uniform(8, 14) if large else rng.uniform(3.0, 4.2)
            near = middle + rng.normal(0, 6, 2)
            np.maximum(mark, _stamp(canvas.shape, _blot(rng, near, radius)), out=mark)
        mark = _blurred(mark, rng.uniform(0.2, 1.2))
        ink = [(0.10, 0.10, 0.12), (0.12, 0.24, 0.50), (0.24, 0.19, 0.15)][rng.integers(3)]
        _paint(canvas.colour, mark * rng.uniform(0.7, 0.95), ink)
        np.maximum(canvas.defect, mark, out=canvas.defect)


def draw_mask(rng: Rng, *, bad: bool) -> Bytes:
    """A mask on its canvas, uint8 (rows, columns, 8).

    The channels: red, green, blue times coverage; coverage; shadow; cloth; defect; nothing. All 0..255.
    """
    canvas = _cloth(rng)
    _seams(rng, canvas)
    _creases(rng, canvas)
    outline = canvas.cloth.copy()
    if rng.random() < 0.12:
        _fold_corner(rng, canvas)
    if bad:
        for _ in range(rng.choice([1, 2, 3, 4], p=[0.15, 0.25, 0.3, 0.3])):
            _defect(rng, canvas)
    loops = _loops(rng, canvas)
    above = rng.random() < 0.2
    cloth = canvas.cloth * (1 - loops) if above else canvas.cloth
    visible = loops if above else loops * (1 - canvas.cloth)
    soft = _blurred(loops, 0.8)
    layers = np.zeros((*canvas.shape, 8), np.float32)
    layers[..., :3] = np.clip(canvas.colour, 0, 1) * cloth[..., None]
    layers[..., :3] += (WHITE * rng.uniform(0.85, 1.02)) * (visible * (0.62 + 0.42 * soft))[..., None]
    layers[..., 3] = cloth + visible
    layers[..., 4] = _blurred(np.maximum(outline, loops), 2.5)
    layers[..., 5] = cloth
    layers[..., 6] = canvas.defect * outline * (1 - visible)
    return (np.clip(layers, 0, 1) * 255 + 0.5).astype(np.uint8)


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
    u = (along + _waves(rng, y, 260, 0.5 * crumple)) * FINE + mask.shape[1] / 2
    v = (across + _waves(rng, x, 420, 0.7 * crumple) + bow) * FINE + mask.shape[0] / 2
    here = (u >= 0) & (u < mask.shape[1] - 1) & (v >= 0) & (v < mask.shape[0] - 1)
    seen = _bilinear(mask.view(np.uint64).ravel(), *_taps(u[here], v[here], mask.shape[1]))
    part = strip[:, start:stop]
    under = part[here]
    cover, shadow, cloth, defect = (seen[:, channel, None] / 255 for channel in (3, 4, 5, 6))
    under[:, :3] = np.clip(under[:, :3] * (1 - cover) * (1 - 0.55 * shadow) + seen[:, :3], 0, 255)
    under[:, 3] |= (CLOTH * (cloth > 0.5) + DEFECT * (defect > 0.5)).astype(np.uint8)[:, 0]
    part[here] = under


def draw_strip(rng: Rng, *, travel: float, turn: int) -> Bytes:
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
        _lay(rng, strip, draw_mask(rng, bad=number % 3 == 0), middle)
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
    whole, part = divmod(px / 2 - 0.5, 1)
    whole, columns = int(whole), image.shape[1]

    def until(first: int, part: float) -> Floats:
        return total[:, first : first + columns] * np.float32(1 - part) + total[
            :, first + 1 : first + 1 + columns
        ] * np.float32(part)

    right = until(pad + 1 + whole, part)
    left = until(pad - 1 - whole, 1 - part)
    return (right - left) / np.float32(px)


def _drift(rng: Rng, length: int, size: float) -> Floats:
    """A slow random course over a sequence (length,), standard deviation about `size`."""
    return _waves(rng, np.arange(length, dtype=np.float64), 160, size)


def render_sequence(seed: np.random.SeedSequence, *, camera: str, length: int, turn: int) -> Iterator[Frame]:
    """Film `length` frames in a row with one of `CAMERAS`.

    A pure function of its arguments: the frames taken from it are the same however many are taken. `turn` (0..2)
    says which mask of the first three is bad.
    """
    rng = np.random.default_rng(seed)
    eye = CAMERAS[camera]
    steps = rng.uniform(12, 45) * (1 + 0.02 * rng.standard_normal(length))
    way = np.cumsum(steps)
    strip = draw_strip(rng, travel=float(way[-1]), turn=turn)
    packed = strip.view(np.uint32).ravel()
    truth = strip[..., 3].ravel()
    taps, weights, vignette = _view(eye, strip.shape[1])
    nearest = np.take_along_axis(taps, weights[..., 0].argmax(axis=0)[None], axis=0).reshape(HEIGHT, WIDTH)[:, SQUARE]

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
        share, defect = float(np.mean(bits & CLOTH != 0)), int(np.count_nonzero(bits & DEFECT))
        yield Frame((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8), label_of(share, defect), share, defect)
