"""Which frames to label: a strategy is a function here and a line in `STRATEGIES`."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray


def rank_by_hash(digests: Sequence[str], seed: int) -> NDArray[np.intp]:
    """A random order of frames that adding frames doesn't change: positions sorted by a hash of (seed, sha256)."""
    keys = [hashlib.sha256(f"{seed} {digest}".encode()).digest() for digest in digests]
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.intp)


def random(
    embeddings: NDArray[np.float32], digests: Sequence[str], count: int, initial: Sequence[int], seed: int
) -> list[int]:
    """`count` frames at random, the `initial` ones first; stable as frames are added."""
    taken = set(initial)
    drawn = [int(position) for position in rank_by_hash(digests, seed) if position not in taken]
    return [*initial, *drawn][:count]


def coreset(
    embeddings: NDArray[np.float32], digests: Sequence[str], count: int, initial: Sequence[int], seed: int
) -> list[int]:
    """Greedy k-center (Gonzalez 1985; Sener and Savarese, ICLR 2018): always the frame farthest from all picked.

    Without `initial`, the first pick is the frame nearest to the mean. Of equally far frames the first is picked;
    frames whose embedding is not finite come last. `embeddings` is (N, D).
    """
    points = np.ascontiguousarray(embeddings, dtype=np.float64)
    usable: NDArray[np.bool_] = np.asarray(np.isfinite(points).all(axis=1))
    points = np.where(usable[:, None], points, 0)
    picks = list(initial)[:count]
    centres = [pick for pick in picks if usable[pick]]
    if not centres and len(picks) < count and usable.any():
        centre = points[usable].mean(axis=0)
        gap = np.where(usable, ((points - centre) ** 2).sum(axis=1), np.inf)
        centres = [int(gap.argmin())]
        picks += centres
    # Distance of each frame to its nearest pick; below any distance for what can't be picked.
    nearest = np.where(usable, np.inf, -1.0)
    for pick in centres:
        nearest = np.minimum(nearest, ((points - points[pick]) ** 2).sum(axis=1))
    nearest[picks] = -2
    nearest[~usable & (nearest > -2)] = -1
    while len(picks) < min(count, len(points)):
        pick = int(nearest.argmax())
        picks.append(pick)
        if nearest[pick] >= 0:
            nearest = np.minimum(nearest, ((points - points[pick]) ** 2).sum(axis=1))
        nearest[pick] = -2
    return picks


Strategy = Callable[[NDArray[np.float32], Sequence[str], int, Sequence[int], int], list[int]]

STRATEGIES: dict[str, Strategy] = {"random": random, "coreset": coreset}
