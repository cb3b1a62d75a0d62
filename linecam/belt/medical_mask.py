"""A medical mask, good or bad, drawn on a canvas of its own: the things that pass on linecam's built-in belt.

Lengths and positions as in linecam/belt/drawing.py. Colours are float32 RGB, 1.0 the brightest that a frame can show.
"""

from dataclasses import dataclass

import numpy as np

from linecam.belt.drawing import FINE, Bytes, Floats, Rng, axes, blurred, paint, smooth, stamp, waves

WHITE = np.array([0.78, 0.815, 0.85], np.float32)
INNER = np.array([0.50, 0.66, 0.77], np.float32)  # the blue layer under the white one
THREAD = np.array([0.30, 0.43, 0.60], np.float32)
FOLD = np.array([0.37, 0.43, 0.52], np.float32)
WELD = np.array([0.42, 0.60, 0.74], np.float32)


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
    x, y = axes(shape)

    # The outline: a rectangle with round corners whose sides wander.
    radius = rng.uniform(1.5, 5)
    out_x = np.abs(x) - width / 2 - waves(rng, y, 250, 0.8) + radius
    out_y = np.abs(y) - height / 2 - waves(rng, x, 420, 1.0) + radius
    out = np.hypot(np.maximum(out_x, 0), np.maximum(out_y, 0)) + np.minimum(np.maximum(out_x, out_y), 0) - radius
    cloth = np.clip(0.5 - out * FINE, 0, 1).astype(np.float32)

    light = 1 + 0.035 * smooth(rng, shape, 75 * FINE) + 0.022 * smooth(rng, shape, 16 * FINE)
    light += 0.012 * smooth(rng, shape, 2.5 * FINE) + 0.010 * smooth(rng, shape, 1.0 * FINE)
    folds = height * (np.array([-0.09, 0.03, 0.15]) + rng.normal(0, 0.012, 3)) * rng.choice([-1, 1])
    deep = rng.uniform(0.3, 1.3)
    crease = np.zeros(shape, np.float32)
    for fold in folds:
        depth = deep * (0.20 + waves(rng, x, 200, 0.06))
        at = y - fold - waves(rng, x, 320, 0.5)
        crease += depth * np.exp(-((at / rng.uniform(0.7, 1.3)) ** 2))
        light -= 0.55 * depth * np.exp(-np.abs(at - 3) / 8)
        light += 0.35 * depth * np.exp(-np.abs(at + 5) / 5)
    light -= 0.06 * np.exp(np.minimum(out, 0) / 3)  # the edges bend down
    colour = light[..., None] * (WHITE * rng.normal(1, [0.012, 0.006, 0.012]).astype(np.float32))
    paint(colour, np.clip(2.2 * crease, 0, 0.85), FOLD)
    # The blue layer shimmers through, here more, there less.
    paint(colour, np.clip(0.08 + 0.07 * smooth(rng, shape, 60 * FINE), 0, 0.25), INNER * light[..., None])
    return Canvas(colour.astype(np.float32), cloth, np.zeros(shape, np.float32), width, height)


def _seams(rng: Rng, canvas: Canvas) -> None:
    """Dashed lines along the long sides, rows of welding dots along the short ones, a round weld in each corner."""
    x, y = axes(canvas.shape)
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
            paint(canvas.colour, line * near * strength, THREAD)
        for inset in (7, 14):
            inside = np.clip(half_y - 18 - np.abs(y), 0, 1)
            fade = np.clip(0.75 + waves(rng, y, 120, 0.25), 0.1, 1)
            dots = bar(x - side * (half_x - inset), 2.4) * dashes(y, period, 0.30)
            paint(canvas.colour, dots * inside * fade * strength, THREAD)
    for corner_x in (-1, 1):
        for corner_y in (-1, 1):
            dx = x - corner_x * (half_x - rng.uniform(8, 11))
            dy = y - corner_y * (half_y - rng.uniform(8, 11))
            weld = np.clip((1 - np.hypot(dx / rng.uniform(5.2, 6.6), dy / rng.uniform(4.4, 5.6))) * 6, 0, 1)
            waffle = 1 + 0.12 * np.sin(dx * 2.6) * np.sin(dy * 2.6)
            paint(canvas.colour, weld * rng.uniform(0.6, 0.95), WELD * waffle[..., None])


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
        dark = blurred(stamp(canvas.shape, path, wide), 0.35) * rng.uniform(0.08, 0.32)
        lit = blurred(stamp(canvas.shape, path + np.array([0.8, 1.6]), wide + 1.5), 0.9) * 0.06
        canvas.colour *= (1 - dark + lit)[..., None]


def _corner(rng: Rng, canvas: Canvas, size: float) -> tuple[Floats, Floats]:
    """A cut across a random corner, `size` px deep: px beyond it (rows, columns), and its direction (2,)."""
    x, y = axes(canvas.shape)
    angle = rng.uniform(0.5, 1.1)
    normal = np.array([np.cos(angle), np.sin(angle)]) * rng.choice([-1, 1], 2)
    offset = np.abs(normal) @ [canvas.width / 2, canvas.height / 2] - size
    return (x * normal[0] + y * normal[1] - offset).astype(np.float32), normal


def _fold_corner(rng: Rng, canvas: Canvas) -> None:
    """Fold a corner over: unusual, and still good."""
    beyond, normal = _corner(rng, canvas, rng.uniform(10, 30))
    x, y = axes(canvas.shape)
    inside_x = canvas.width / 2 - np.abs(x - 2 * beyond * normal[0])
    inside_y = canvas.height / 2 - np.abs(y - 2 * beyond * normal[1])
    flap = np.clip(np.minimum(inside_x, inside_y) * FINE, 0, 1) * (beyond < 0)
    canvas.colour *= (1 - 0.3 * blurred(flap, 2.0))[..., None]
    shade = 0.93 + 0.07 * np.exp(beyond / 4) * (beyond < 0)
    paint(canvas.colour, flap, (0.75 * WHITE + 0.25 * INNER) * shade[..., None])
    canvas.cloth *= np.clip(0.5 - beyond * FINE, 0, 1)


def _loops(rng: Rng, canvas: Canvas) -> Floats:
    """Coverage (rows, columns), 0..1, of the two ear loops."""
    total = np.zeros(canvas.shape, np.float32)
    along = np.linspace(0, 1, 50)[:, None]

    def curve(points: list[tuple[float, float]]) -> Floats:
        a, b, c, d = (np.array(point) for point in points)
        way = a * (1 - along) ** 3 + 3 * b * along * (1 - along) ** 2 + 3 * c * along**2 * (1 - along) + d * along**3
        way = way + np.sin(along * np.pi) * np.stack([waves(rng, along[:, 0], 0.9, 1.6) for _ in "xy"], axis=1)
        return np.asarray(way)

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
            np.maximum(total, stamp(canvas.shape, path, thick), out=total)
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
    x, y = axes(canvas.shape)
    beyond += waves(rng, x * normal[1] - y * normal[0], 22, 1.5)
    np.maximum(canvas.defect, canvas.cloth * (beyond > -1.2), out=canvas.defect)
    paint(canvas.colour, np.clip((beyond + rng.uniform(1.5, 3.5)) * FINE, 0, 0.85), INNER)
    canvas.cloth *= np.clip(0.5 - beyond * FINE, 0, 1)


def _defect(rng: Rng, canvas: Canvas, *, small: bool) -> None:
    """One defect: a tear, a hole, a mark or a torn-off corner; most are large, or all are `small` and faint."""
    large, kind = rng.random() < (0 if small else 0.85), rng.random()
    strength = 0.6 if small else 1
    if kind < 0.12:
        _tear_corner(rng, canvas, large)
        return
    middle = rng.uniform(-0.45, 0.45, 2) * [canvas.width, canvas.height]
    if rng.random() < 0.25:  # at a long side
        middle[1] = rng.choice([-0.46, 0.46]) * canvas.height
    if kind < 0.72:  # a tear or a hole
        if kind < 0.54:
            size = (rng.uniform(35, 90), rng.uniform(7, 15)) if large else (rng.uniform(9, 17), rng.uniform(1.6, 3.4))
            slit, layer = (stamp(canvas.shape, outline) for outline in _gash(rng, middle, *size))
        else:
            radius = rng.uniform(8, 15) if large else rng.uniform(2.4, 3.8)
            slit, layer = (stamp(canvas.shape, _blot(rng, middle, radius + more)) for more in (0, rng.uniform(0.8, 3)))
        layer = np.maximum(layer, slit)
        paint(canvas.colour, layer * (strength * rng.uniform(0.6, 1)), INNER * rng.uniform(0.7, 1.05))
        # Some go through the white layer alone.
        canvas.cloth *= 1 - slit * (1 if rng.random() < 0.8 else 0.15)
        np.maximum(canvas.defect, layer, out=canvas.defect)
    else:  # a mark or a stain
        mark = np.zeros(canvas.shape, np.float32)
        for _ in range(rng.integers(1, 4) if large else 1):
            radius = rng.uniform(8, 14) if large else rng.uniform(3.0, 4.2)
            near = middle + rng.normal(0, 6, 2)
            np.maximum(mark, stamp(canvas.shape, _blot(rng, near, radius)), out=mark)
        mark = blurred(mark, rng.uniform(0.2, 1.2))
        ink = [(0.10, 0.10, 0.12), (0.12, 0.24, 0.50), (0.24, 0.19, 0.15)][rng.integers(3)]
        paint(canvas.colour, mark * (strength * rng.uniform(0.7, 0.95)), ink)
        np.maximum(canvas.defect, mark, out=canvas.defect)


def draw_mask(rng: Rng, *, bad: bool, small: bool = False) -> Bytes:
    """A mask on its canvas, uint8 (rows, columns, 8); the defects of a bad one may all be `small`.

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
            _defect(rng, canvas, small=small)
    loops = _loops(rng, canvas)
    above = rng.random() < 0.2
    cloth = canvas.cloth * (1 - loops) if above else canvas.cloth
    visible = loops if above else loops * (1 - canvas.cloth)
    soft = blurred(loops, 0.8)
    layers = np.zeros((*canvas.shape, 8), np.float32)
    layers[..., :3] = np.clip(canvas.colour, 0, 1) * cloth[..., None]
    layers[..., :3] += (WHITE * rng.uniform(0.85, 1.02)) * (visible * (0.62 + 0.42 * soft))[..., None]
    layers[..., 3] = cloth + visible
    layers[..., 4] = blurred(np.maximum(outline, loops), 2.5)
    layers[..., 5] = cloth
    layers[..., 6] = canvas.defect * outline * (1 - visible)
    return (np.clip(layers, 0, 1) * 255 + 0.5).astype(np.uint8)
