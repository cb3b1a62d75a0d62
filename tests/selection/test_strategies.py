"""The strategies' common interface, on few frames: what each takes, and what it fills up with."""

import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from linecam.selection.herding import best_covering
from linecam.selection.strategies import (
    STRATEGIES,
    TYPICAL,
    completed,
    coreset,
    herding,
    mixed,
    mundig,
    probcover,
    random,
    rank_by_hash,
    typiclust,
)
from linecam.selection.typicality import covering, typical_of_clusters
from tests.selection.references import digests, k_center, vectors

NOTHING = np.empty((0, 0), np.float32)


def without(points: NDArray[np.float32], *places: int) -> NDArray[np.float32]:
    """The points, some of them without an embedding."""
    points = points.copy()
    points[list(places), 0] = np.nan
    return points


def test_the_random_order_is_that_of_a_hash_of_seed_and_frame() -> None:
    """Written down: with another order every selection that was made would change."""
    names = digests(9)
    for seed in (1, 2):
        by_hand = sorted(range(9), key=lambda n: hashlib.sha256(f"{seed} {names[n]}".encode()).hexdigest())
        assert rank_by_hash(names, seed).tolist() == by_hand
        assert [rank_by_hash(names, seed, count).tolist() for count in (0, 1, 4, 20)] == [
            by_hand[:count] for count in (0, 1, 4, 20)
        ]
    assert rank_by_hash(names, 1).dtype == rank_by_hash([], 1).dtype == np.intp


def test_frames_of_one_content_are_in_the_order_in_which_they_stand() -> None:
    assert rank_by_hash(["a", "a", "a"], 1).tolist() == rank_by_hash(["a", "a", "a"], 1, 3).tolist() == [0, 1, 2]


def test_random_takes_initial_frames_first_and_then_its_order() -> None:
    names = digests(12)
    order = rank_by_hash(names, 3).tolist()
    assert random(NOTHING, names, 5, [], 3) == order[:5]
    last, second = order[11], order[1]
    assert random(NOTHING, names, 4, [last, second], 3) == [last, second, order[0], order[2]]
    assert random(NOTHING, names, 1, [last, second], 3) == [last]
    assert sorted(random(NOTHING, names, 99, [last], 3)) == list(range(12))


def test_what_is_missing_is_filled_up_at_random() -> None:
    names = digests(12)
    assert completed([7, 3], names, 2, 3) == [7, 3]
    assert completed([7, 3], names, 6, 3) == random(NOTHING, names, 6, [7, 3], 3)


@pytest.mark.parametrize("count", range(10))
@pytest.mark.parametrize("initial", [[], [3], [2, 6]], ids=len)
def test_coreset_with_and_without_labelled_frames(count: int, initial: list[int]) -> None:
    """Frames 2 and 5 have no embedding: they come last, or stay first and cover no place."""
    points = without(vectors(8), 2, 5)
    picks = coreset(points, digests(8), count, initial, 1)
    assert picks == k_center(points, count, initial)
    assert all(type(pick) is int for pick in picks)


def test_coreset_where_labelled_frames_alone_have_an_embedding_or_none_has() -> None:
    points = without(vectors(5), 0, 1, 3)
    assert coreset(points, digests(5), 4, [4, 2], 1) == [4, 2, 0, 1]
    assert coreset(points, digests(5), 2, [0], 1)[0] == 0
    nothing = without(vectors(5), 0, 1, 2, 3, 4)
    assert coreset(nothing, digests(5), 4, [3], 1) == [3, 0, 1, 2]
    assert coreset(nothing, digests(5), 1, [3, 2], 1) == [3]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("count", [0, 3, 9, 11, 12, 15])
@pytest.mark.parametrize("initial", [[], [4, 1]], ids=len)
def test_strategies_fill_up_with_frames_that_have_no_embedding(seed: int, count: int, initial: list[int]) -> None:
    points, names = without(vectors(12), 0, 7), digests(12)
    order = rank_by_hash(names, seed)
    own = {
        typiclust: typical_of_clusters(points, count, initial),
        herding: best_covering(points, order, count, list(initial)),
        probcover: covering(points, order, count, initial),
    }
    for strategy, picks in own.items():
        assert len(picks) == min(count, max(10, len(initial)))
        rest = [n for n in order.tolist() if n not in picks]
        assert strategy(points, names, count, initial, seed) == [*picks, *rest][:count]


@pytest.mark.parametrize("initial", [[], [4], [4, 0], [0, 7]])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 9, 12, 15])
def test_lightly_s_engine_picks_from_the_frames_that_have_an_embedding(count: int, initial: list[int]) -> None:
    points, names = without(vectors(12), 0, 7), digests(12)
    picks = mundig(points, names, count, initial, 2)
    assert len(picks) == len(set(picks)) == min(count, 12)
    assert picks[: len(initial)] == initial[:count]
    added = picks[len(initial) :]
    finite, others = [n for n in added if n not in {0, 7}], [n for n in added if n in {0, 7}]
    assert added == finite + others, "those without an embedding come last"
    assert others == [n for n in rank_by_hash(names, 2).tolist() if n in {0, 7} - set(initial)][: len(others)]
    if known := [n for n in initial if n not in {0, 7}]:  # without any it starts elsewhere
        assert finite == coreset(points, names, len(known) + len(finite), known, 2)[len(known) :]


def test_lightly_s_engine_where_no_frame_or_no_further_one_has_an_embedding() -> None:
    names = digests(4)
    nothing = without(vectors(4), 0, 1, 2, 3)
    assert mundig(nothing, names, 3, [2], 1) == random(NOTHING, names, 3, [2], 1)
    one = without(vectors(4), 0, 1, 3)
    assert mundig(one, names, 4, [2], 1) == random(NOTHING, names, 4, [2], 1)
    assert len(set(mundig(np.ones((4, 2), np.float32), names, 4, [], 1))) == 4


@pytest.mark.parametrize("initial", [[], [3, 70], list(range(60))], ids=len)
def test_mixed_takes_typical_frames_first_and_then_random_ones(initial: list[int]) -> None:
    points, names = vectors(100), digests(100)
    few = max(TYPICAL, len(initial))
    typical = herding(points, names, few, initial, 1)
    assert mixed(points, names, 20, initial, 1) == herding(points, names, 20, initial, 1)
    assert mixed(points, names, few, initial, 1) == typical
    assert mixed(points, names, few + 30, initial, 1) == random(NOTHING, names, few + 30, typical, 1)


def test_every_strategy_has_its_name() -> None:
    assert list(STRATEGIES) == ["mixed", "herding", "random", "coreset", "typiclust", "probcover", "mundig"]
    assert all(strategy.__name__ == name for name, strategy in STRATEGIES.items())
