"""Strategies that ask how typical a frame is: k-center alone picks outliers, which teach little when labels are few.

Both are nested: of `count` picks the first are those of a smaller count. Frames without a finite
embedding come last.
"""

import heapq
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from sklearn.neighbors import NearestNeighbors

# What a frame's typicality is taken over, as in the paper.
NEIGHBOURS = 20
# Of more frames than this, so many are looked at: all pairs of them have to fit into memory and time.
SAMPLE = 6000
# A line has few classes, and each has several looks.
LOOKS = 20
PURITY = 0.95
BLOCK = 1024  # rows of distances that are computed at a time


def typical_of_clusters(points: NDArray[np.float32], count: int, initial: Sequence[int]) -> list[int]:
    """The most typical frame of each of about `count` clusters (TypiClust; Hacohen et al., ICML 2022).

    The clusters are those of bisecting k-means instead of k-means: always the largest is split in two, and the half
    without a pick gets one, so that a selection can grow. Typicality is 1 over the mean distance to the `NEIGHBOURS`
    nearest frames of the cluster, or of every n-th of its frames, where it has more than `SAMPLE`. `points` is (N, D);
    `initial` positions count as picks. Returns positions in 0..N-1, at most `count`, with `initial` first.
    """
    picks = list(initial)[:count]
    taken = np.zeros(len(points), bool)
    taken[picks] = True
    finite = np.flatnonzero(np.isfinite(points).all(axis=1))
    # Of equal size the cluster that was there first, by its number.
    clusters: list[tuple[int, int, NDArray[np.intp]]] = []

    def keep(members: NDArray[np.intp]) -> None:
        if len(picks) < count and not taken[members].any():
            some = members[:: -(-len(members) // SAMPLE)]
            pick = int(some[most_typical(points[some])])
            taken[pick] = True
            picks.append(pick)
        heapq.heappush(clusters, (-len(members), made, members))

    made = 0
    if len(finite):
        keep(finite)
    while len(picks) < count and clusters:
        _, _, members = heapq.heappop(clusters)
        if len(members) < 2:
            break
        for half in halves(points[members]):
            made += 1
            keep(members[half])
    return picks


def halves(points: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions of the two clusters of k-means in (N, D) points, N at least 2, neither empty.

    It starts with the points' two sides along the axis on which they are spread most.
    """
    axis = points.var(axis=0).argmax()
    side = points[:, axis] > points[:, axis].mean()
    if side.any() and not side.all():
        start = np.stack([points[~side].mean(axis=0), points[side].mean(axis=0)])
        _, labels = kmeans2(points, start, minit="matrix")
        side = labels == 1
    if side.all() or not side.any():  # points that arithmetic cannot tell apart
        side = np.arange(len(points)) % 2 == 1
    return np.flatnonzero(~side), np.flatnonzero(side)


def most_typical(points: NDArray[np.float32]) -> int:
    """The position of the point with the least mean distance to its nearest neighbours among (N, D) points."""
    near = min(NEIGHBOURS, len(points) - 1)
    if near == 0:
        return 0
    distances, _ = NearestNeighbors(n_neighbors=near + 1).fit(points).kneighbors(points)
    return int(distances.mean(axis=1).argmin())


def covering(points: NDArray[np.float32], order: NDArray[np.intp], count: int, initial: Sequence[int]) -> list[int]:
    """Frames whose surroundings hold most frames that no pick is near to (ProbCover; Yehuda et al., NeurIPS 2022).

    Near is within the largest radius at which the surroundings of `PURITY` of the frames lie in one cluster, as in the
    paper, of `LOOKS` clusters by k-means. When every frame is near a pick, each has to be covered once more. Where
    `points`, (N, D), are more than `SAMPLE`, only the first so many of `order`, a permutation of them, are picked from
    and covered. Returns positions in 0..N-1, at most `count`, with `initial` first.
    """
    picks = list(initial)[:count]
    taken = set(picks)
    finite = np.asarray(np.isfinite(points).all(axis=1))
    sample = [n for n in order[finite[order]][:SAMPLE].tolist() if n not in taken]
    known = [n for n in picks if finite[n]]
    places = np.array([*known, *sample], dtype=np.intp)
    if not sample:
        return picks
    near = near_pairs(points[places])
    free = np.arange(len(places)) >= len(known)
    missing = np.logical_not(near[:, : len(known)].any(axis=1))
    gains = near[:, missing].sum(axis=1, dtype=np.int32)
    while len(picks) < count and free.any():
        if not missing.any():
            missing[:] = True
            gains = near.sum(axis=1, dtype=np.int32)
        best = int(np.where(free, gains, -1).argmax())
        free[best] = False
        picks.append(int(places[best]))
        covered = np.flatnonzero(near[best] & missing)
        missing[covered] = False
        gains -= near[:, covered].sum(axis=1, dtype=np.int32)
    return picks


def near_pairs(points: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of (N, D) points are near to which, (N, N), each to itself; see `covering`."""
    number = len(points)
    wide = points.astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of equal frames some clusters stay empty
        _, looks = kmeans2(wide, wide[-LOOKS:], minit="matrix")
    squares = np.einsum("nd,nd->n", wide, wide)

    def distances(start: int) -> NDArray[np.float64]:
        rows = slice(start, min(start + BLOCK, number))
        found: NDArray[np.float64] = squares[rows, None] + squares - 2 * wide[rows] @ wide.T
        found[np.arange(len(found)), np.arange(number)[rows]] = 0
        return np.maximum(found, 0)

    starts = range(0, number, BLOCK)
    to_others = [
        np.where(looks[start : start + BLOCK, None] == looks, np.inf, distances(start)).min(axis=1) for start in starts
    ]
    # Of one cluster alone there are no others: only equal frames are near then.
    radius = np.quantile(np.concatenate(to_others), 1 - PURITY) if len(np.unique(looks)) > 1 else 0.0
    return np.concatenate([distances(start) <= radius for start in starts])
