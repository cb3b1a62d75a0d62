"""Which frames to label: a strategy is a function here and a line in `STRATEGIES`.

All have one interface: embeddings, (N, D) float32, perhaps memory-mapped; the frames' sha256; how many to pick;
positions that are picked already; a seed. They return positions, each once, `initial` ones first, and all N where
`count` is more.
"""

import hashlib
import heapq
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

# `mixed` takes this many frames by herding: a linear probe learns more from those than from random ones only while
# labels are few (docs/selection-measured.md).
TYPICAL = 50


def rank_by_hash(digests: Sequence[str], seed: int, count: int | None = None) -> NDArray[np.intp]:
    """A random order of frames that adding frames doesn't change: positions sorted by a hash of (seed, sha256).

    Where `count` is given, the first so many of them; the others are never held.
    """
    keyed = ((hashlib.sha256(f"{seed} {digest}".encode()).digest(), n) for n, digest in enumerate(digests))
    ranked = sorted(keyed) if count is None else heapq.nsmallest(count, keyed)
    return np.array([n for _, n in ranked], dtype=np.intp)


def random(
    embeddings: NDArray[np.float32], digests: Sequence[str], count: int, initial: Sequence[int], seed: int
) -> list[int]:
    """`count` frames at random, the `initial` ones first; stable as frames are added."""
    taken = set(initial)
    drawn = [int(position) for position in rank_by_hash(digests, seed, count) if position not in taken]
    return [*initial, *drawn][:count]


def coreset(
    embeddings: NDArray[np.float32], digests: Sequence[str], count: int, initial: Sequence[int], seed: int
) -> list[int]:
    """Greedy k-center (Gonzalez 1985; Sener and Savarese, ICLR 2018): always the frame farthest from all picked.

    Without `initial`, the first pick is the frame nearest to the mean. Of equally far frames the first is picked;
    frames whose embedding is not finite come last, and cover no place. `embeddings` is (N, D) float32, and may be
    memory-mapped; beside it 12 bytes a frame are held. The picks are exact, and the same on every machine: see
    `linecam.selection.kcenter` for the arithmetic.
    """
    # Not at the top: it takes half a second, and most that import this module have no use for it.
    from linecam.selection.kcenter import UNUSABLE, nearest_to, pick_farthest, usable_and_mean  # noqa: PLC0415

    points = np.ascontiguousarray(embeddings, dtype=np.float32).view()
    points.flags.writeable = False  # numba compiles for read-only arrays and others apart: once is enough
    picks = list(initial)[:count]
    bounds = np.empty(len(points))
    mean = usable_and_mean(points, bounds)
    centres = [pick for pick in picks if bounds[pick] >= 0]
    if not centres and len(picks) < count and (bounds >= 0).any():
        centres = [int(nearest_to(mean, points, bounds))]
        picks += centres
    if centres and len(picks) < count:
        room = np.empty(min(len(centres) + count - len(picks), len(points)), np.int64)
        room[: len(centres)] = centres
        made, _ = pick_farthest(points, bounds, room, len(centres))
        picks += room[len(centres) : made].tolist()
    if len(picks) < min(count, len(points)):  # only those without an embedding are left
        taken = set(picks)
        picks += [n for n in np.flatnonzero(bounds == UNUSABLE).tolist() if n not in taken][: count - len(picks)]
    return picks


def typiclust(
    embeddings: NDArray[np.float32], digests: Sequence[str], count: int, initial: Sequence[int], seed: int
) -> list[int]:
    """The most typical frame of each of `count` clusters (TypiClust; Hacohen et al., ICML 2022)."""
    from linecam.selection.typicality import typical_of_clusters  # noqa: PLC0415 (scikit-learn)

    return completed(typical_of_clusters(np.asarray(embeddings), count, initial), digests, count, seed)


def herding(
    embeddings: NDArray[np.float32], digests: Sequence[str], count: int, initial: Sequence[int], seed: int
) -> list[int]:
    """The frames that together stand for all others best (MaxHerding; Bae et al., ECCV 2024)."""
    from linecam.selection.herding import best_covering  # noqa: PLC0415 (as the others)

    order = rank_by_hash(digests, seed)
    return completed(best_covering(np.asarray(embeddings), order, count, list(initial)), digests, count, seed)


def mixed(
    embeddings: NDArray[np.float32], digests: Sequence[str], count: int, initial: Sequence[int], seed: int
) -> list[int]:
    """The first `TYPICAL` frames by `herding`, and all others at random.

    Typical frames teach most while labels are few. With more labels a small network learns better from a fair sample of
    the line, which has its doubtful frames too (docs/selection-measured.md).
    """
    typical = min(count, max(TYPICAL, len(initial)))
    return completed(herding(embeddings, digests, typical, initial, seed), digests, count, seed)


def probcover(
    embeddings: NDArray[np.float32], digests: Sequence[str], count: int, initial: Sequence[int], seed: int
) -> list[int]:
    """Diverse frames in dense places: those that cover most frames (ProbCover; Yehuda et al., NeurIPS 2022)."""
    from linecam.selection.typicality import covering  # noqa: PLC0415 (scikit-learn)

    order = rank_by_hash(digests, seed)
    return completed(covering(np.asarray(embeddings), order, count, initial), digests, count, seed)


def mundig(
    embeddings: NDArray[np.float32], digests: Sequence[str], count: int, initial: Sequence[int], seed: int
) -> list[int]:
    """`coreset` by lightly's engine, the package lightly-mundig: the same frames, up to its rounding to float32."""
    from lightly_mundig import Selection  # noqa: PLC0415 (most that import this module have no use for it)

    # It takes what is not finite for a place like any other.
    usable = np.flatnonzero(np.isfinite(embeddings).all(axis=1))
    known = [int(place) for place in np.flatnonzero(np.isin(usable, initial))]
    picks = list(initial)[:count]
    if len(picks) < count and len(usable):
        engine = Selection()
        engine.add_diversifying_strategy(np.asarray(embeddings[usable]).tolist(), 1.0, None)
        wanted = min(count - len(picks), len(usable) - len(known))
        picks += [int(usable[n]) for n in engine.run_selection(known, len(usable), len(known) + wanted)[len(known) :]]
    # Where distances no longer tell frames apart it repeats itself.
    return completed(list(dict.fromkeys(picks)), digests, count, seed)


def completed(picks: list[int], digests: Sequence[str], count: int, seed: int) -> list[int]:
    """`picks`, and where they are fewer than `count` frames at random after them."""
    return picks if len(picks) == count else random(np.empty((0, 0), np.float32), digests, count, picks, seed)


Strategy = Callable[[NDArray[np.float32], Sequence[str], int, Sequence[int], int], list[int]]

STRATEGIES: dict[str, Strategy] = {
    "mixed": mixed,
    "herding": herding,
    "random": random,
    "coreset": coreset,
    "typiclust": typiclust,
    "probcover": probcover,
    "mundig": mundig,
}
