"""Greedy k-center, exact and lazy, compiled. Importing this imports numba: `strategies` does so when it must.

The greedy order is Gonzalez's (1985). Laziness is Minoux's (1978) for greedy algorithms: each point keeps an upper
bound of its distance to the nearest centre, and is compared with newer centres only while that bound says that it
could be the farthest. The picks are those of comparing every point with every centre.

Arithmetic: coordinates are float32; a squared distance is the sum of the squared differences in the order of the
dimensions, each step rounded to float64 (IEEE 754, no fused multiply-add), and so is a mean.

Most distances are only estimated, in float32, which is several times as fast. Of D dimensions, a term of the sum goes
through at most D + 2 roundings, each by a factor within 1 +- 2^-24, in whatever order the terms are added, and whether
or not multiply and add are fused: so the estimate is off by a known factor at most, `slack`. Where float32's range may
not have sufficed, the distance itself is computed. An estimate times `slack` is a safe upper bound. A loose bound
only costs time: before a point is picked, its distance is computed.
"""

import numpy as np
from numpy.typing import NDArray

from linecam.compiled import compiled

# Centres that a point is compared with at once.
ROWS = 4
# Points whose highest bound is remembered, so that a scan may pass over all of them.
BLOCK = 32
# Bounds of what cannot be picked: without an embedding, and picked already.
UNUSABLE = -1.0
PICKED = -2.0


@compiled
def usable_and_mean(points: NDArray[np.float32], bounds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Set `bounds` (N) to infinity, or `UNUSABLE` for a point that is not finite; return the mean (D) of the finite."""
    mean = np.zeros(points.shape[1])
    number = 0
    for i in range(points.shape[0]):
        finite = True
        for d in range(points.shape[1]):
            finite &= np.isfinite(points[i, d])
        bounds[i] = np.inf if finite else UNUSABLE
        if finite:
            number += 1
            for d in range(points.shape[1]):
                mean[d] += np.float64(points[i, d])
    return mean / number


@compiled
def squared_distance(point: NDArray[np.float32], place: NDArray[np.floating]) -> float:
    """The squared distance of `point` (D) to `place` (D), in the arithmetic above."""
    total = 0.0
    for d in range(len(point)):
        difference = np.float64(point[d]) - np.float64(place[d])
        total += difference * difference
    return total


@compiled
def nearest_to(place: NDArray[np.float64], points: NDArray[np.float32], bounds: NDArray[np.float64]) -> int:
    """The first of the usable points that are nearest to `place` (D), -1 where none is usable."""
    least, nearest = np.inf, -1
    for i in range(points.shape[0]):
        if bounds[i] >= 0:
            distance = squared_distance(points[i], place)
            if distance < least:
                least, nearest = distance, i
    return nearest


# Apart from the sums, so that of an estimate nothing but the order of the terms is left to the compiler.
@compiled(fastmath={"contract"})
def squared_difference(a: np.float32, b: np.float32) -> np.float32:
    """(a - b)^2 in float32."""
    difference = a - b
    return difference * difference


@compiled(fastmath={"contract", "reassoc"})
def estimates(
    point: NDArray[np.float32], centres: NDArray[np.float32], first: int
) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Estimates of the squared distances of `point` (D) to `ROWS` of the centres (K, D), from `first` on."""
    a = b = c = e = np.float32(0)
    for d in range(len(point)):
        a += squared_difference(point[d], centres[first, d])
        b += squared_difference(point[d], centres[first + 1, d])
        c += squared_difference(point[d], centres[first + 2, d])
        e += squared_difference(point[d], centres[first + 3, d])
    return a, b, c, e


@compiled
def slack_and_tiny(dimensions: int) -> tuple[float, float]:
    """By what factor an estimate and a distance can differ at most, where the estimate is above the second number."""
    # Six roundings more than there are: for those of the distances and bounds themselves, in float64, and for what is
    # lost below float32's range of an estimate that is not tiny, also where a processor takes such numbers for 0.
    return (1 - 2.0**-24) ** -(dimensions + 8), dimensions * 2.0**-100


@compiled
def catch_up(
    point: NDArray[np.float32],
    centres: NDArray[np.float32],
    following: int,
    known: int,
    bound: float,
    most: float,
    slack: float,
    tiny: float,
) -> tuple[float, int]:
    """Compare `point` with the centres from `following` on to before `known`, as long as its bound is not below `most`.

    Returns its bound, and the centre to go on from.
    """
    while bound >= most and following < known:
        a, b, c, e = estimates(point, centres, following)
        least = np.float64(min(a, b, c, e))
        if tiny < least < np.inf:
            bound = min(bound, least * slack)
        else:
            for n in range(following, following + ROWS):
                bound = min(bound, squared_distance(point, centres[n]))
        following += ROWS
    return bound, min(following, known)


@compiled
def least_distance(
    point: NDArray[np.float32], centres: NDArray[np.float32], known: int, bound: float, slack: float, tiny: float
) -> float:
    """The squared distance of `point` to the nearest of the `known` centres, of which `bound` is a bound."""
    least = np.inf
    for first in range(0, known, ROWS):
        rough = estimates(point, centres, first)
        for j in range(ROWS):
            if rough[j] <= max(min(least, bound) * slack, tiny) or rough[j] == np.inf:
                least = min(least, squared_distance(point, centres[first + j]))
    return least


@compiled
def pick_farthest(
    points: NDArray[np.float32], bounds: NDArray[np.float64], picks: NDArray[np.int64], known: int
) -> tuple[int, int]:
    """Fill `picks` after its first `known` (at least 1) with the points farthest from all before, of equals the first.

    `points` is (N, D), finite where `bounds` (N) is infinity; where that is negative a point is never picked. Returns
    how many picks there are, fewer than `picks` has room for where the points run out, and how many distances were
    estimated.
    """
    number, dimensions = points.shape
    # Where `ROWS` centres reach beyond those that are known, they meet the first one again, which changes nothing.
    centres = np.empty((len(picks) + ROWS - 1, dimensions), np.float32)
    centres[:] = points[picks[0]]
    # The centre to compare a point with next; it has been compared with all before.
    following = np.zeros(number, np.int32)
    tops = np.full((number + BLOCK - 1) // BLOCK, np.inf)
    slack, tiny = slack_and_tiny(dimensions)
    estimated = 0
    for n in range(known):
        centres[n] = points[picks[n]]
        bounds[picks[n]] = PICKED

    while known < len(picks):
        farthest, most = -1, -1.0
        # Where the highest bound is, a far point is likely to be, which spares most others from being looked at.
        likely = 0
        for block in range(len(tops)):
            if tops[block] > tops[likely]:
                likely = block
        for turn in range(-1, len(tops)):
            block = likely if turn < 0 else turn
            start = block * BLOCK
            if turn == likely or tops[block] < most or (tops[block] == most and start > farthest):
                continue
            top = PICKED
            for i in range(start, min(start + BLOCK, number)):
                bound = bounds[i]
                if bound > most or (bound == most and i < farthest):
                    bound, now = catch_up(points[i], centres, following[i], known, bound, most, slack, tiny)
                    estimated += now - following[i]
                    following[i] = now
                    if bound > most or (bound == most and i < farthest):
                        bound = least_distance(points[i], centres, known, bound, slack, tiny)
                        estimated += known
                        if bound > most or (bound == most and i < farthest):
                            farthest, most = i, bound
                    bounds[i] = bound
                top = max(top, bound)
            tops[block] = top
        if farthest < 0:
            break
        picks[known] = farthest
        centres[known] = points[farthest]
        bounds[farthest] = PICKED
        known += 1
    return known, estimated
