"""Greedy k-center by definition and in the arithmetic of kcenter.py, and frames to pick from."""

import hashlib

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray


def sha(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


def digests(count: int) -> list[str]:
    return [sha(n) for n in range(count)]


def vectors(count: int, dimensions: int = 3, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)


@st.composite
def clouds(draw: st.DrawFn) -> tuple[NDArray[np.float32], int, list[int]]:
    """Points on a small grid, so that ties and duplicates abound; sums are exact in floating point."""
    count, dimensions = draw(st.integers(1, 14)), draw(st.integers(1, 3))
    number = st.integers(-3, 3).map(float)
    points = np.array(draw(st.lists(st.lists(number, min_size=dimensions, max_size=dimensions), min_size=count,
                                    max_size=count)), np.float32)  # fmt: skip
    for row in draw(st.lists(st.integers(0, count - 1), max_size=3)):
        points[row, draw(st.integers(0, dimensions - 1))] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    initial = draw(st.lists(st.integers(0, count - 1), max_size=count, unique=True))
    return points, draw(st.integers(0, count + 3)), initial


def k_center(points: NDArray[np.float32], count: int, initial: list[int]) -> list[int]:
    """Greedy k-center by definition: every distance anew at every pick."""
    rows = [[float(x) for x in row] for row in points]
    finite = [n for n, row in enumerate(rows) if np.isfinite(row).all()]

    def gap(a: int, b: int) -> float:
        return sum((x - y) ** 2 for x, y in zip(rows[a], rows[b], strict=True))

    picks = list(initial)[:count]
    while len(picks) < min(count, len(rows)):
        free = [n for n in finite if n not in picks]
        known = [n for n in picks if n in finite]
        if not free:
            picks += [n for n in range(len(rows)) if n not in picks][:1]
        elif known:
            nearest = {n: min(gap(n, p) for p in known) for n in free}
            picks.append(min(free, key=lambda n: (-nearest[n], n)))
        else:
            mean = [sum(rows[n][d] for n in finite) / len(finite) for d in range(len(rows[0]))]
            picks.append(min(free, key=lambda n: (sum((x - m) ** 2 for x, m in zip(rows[n], mean, strict=True)), n)))
    return picks


def naive(points: NDArray[np.float32], count: int, initial: list[int]) -> list[int]:
    """`k_center` for finite points, fast enough for thousands: in the arithmetic that kcenter.py states."""

    def gaps(place: NDArray[np.floating]) -> NDArray[np.float64]:
        total = np.zeros(len(points))
        for d in range(points.shape[1]):
            total += (points[:, d].astype(np.float64) - np.float64(place[d])) ** 2
        return total

    picks = list(initial)[:count]
    if not count:
        return []
    if not picks:
        # cumsum adds one after the other; sum doesn't.
        picks = [int(gaps(np.cumsum(points, axis=0, dtype=np.float64)[-1] / len(points)).argmin())]
    nearest = np.min([gaps(points[pick]) for pick in picks], axis=0)
    nearest[picks] = -1
    while len(picks) < min(count, len(points)):
        picks.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, gaps(points[picks[-1]]))
        nearest[picks] = -1
    return picks
