"""The parts of lazy k-center one by one: bounds that hold, distances that are exact, and frames that are passed over.

Small, so that they also run where numba compiles nothing, as mutants do. What is picked by them: test_coreset.py.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from linecam.selection.kcenter import (
    BLOCK,
    PICKED,
    ROWS,
    UNUSABLE,
    catch_up,
    estimates,
    least_distance,
    nearest_to,
    pick_farthest,
    slack_and_tiny,
    squared_distance,
    usable_and_mean,
)
from tests.selection.references import naive

Points = NDArray[np.float32]


def frozen(points: object) -> Points:
    """Points as `coreset` hands them over, for which the loops are compiled already."""
    array = np.array(points, np.float32)
    array.flags.writeable = False
    return array


def exact(point: Points, centres: Points) -> NDArray[np.float64]:
    """The squared distances of a point (D) to centres (K, D), in the order of the dimensions."""
    return np.cumsum((centres.astype(np.float64) - point.astype(np.float64)) ** 2, axis=1)[:, -1]


def padded(centres: Points) -> Points:
    """Centres with the first one again behind them, as `pick_farthest` holds them."""
    return np.concatenate([centres, np.repeat(centres[:1], ROWS - 1, axis=0)])


# --- the start


def test_what_is_finite_can_be_picked_and_has_the_mean() -> None:
    points = frozen([[1, 2], [np.nan, 5], [3, 8], [7, np.inf], [-np.inf, 0], [5, 2]])
    bounds = np.zeros(6)
    assert usable_and_mean(points, bounds).tolist() == [3, 4]
    assert bounds.tolist() == [np.inf, UNUSABLE, np.inf, UNUSABLE, UNUSABLE, np.inf]


def test_a_mean_is_computed_in_more_than_float32() -> None:
    points = frozen([[1e8], [1], [1], [1], [1]])
    assert usable_and_mean(points, np.zeros(5))[0] == (1e8 + 4) / 5


def test_a_distance_is_computed_in_more_than_float32() -> None:
    point, place = frozen([1e4, 3, 1]), frozen([0, 0, -1])
    assert squared_distance(point, place) == 1e8 + 9 + 4
    assert squared_distance(frozen([3e38]), frozen([-3e38])) == 4 * float(np.float32(3e38)) ** 2


def test_the_start_is_the_first_of_the_nearest_that_can_be_picked() -> None:
    points, bounds = frozen([[0], [3], [1], [5], [1]]), np.array([UNUSABLE, np.inf, np.inf, 0.0, np.inf])
    assert nearest_to(np.array([0.0]), points, bounds) == 2
    assert nearest_to(np.array([5.0]), points, bounds) == 3
    assert nearest_to(np.array([0.0]), points, np.full(5, UNUSABLE)) == -1


# --- estimates and bounds


def test_estimates_are_of_so_many_centres_from_one_on() -> None:
    centres = frozen([[n, 0] for n in range(9)])
    for first in (0, 1, 5):
        assert list(estimates(frozen([0, 1]), centres, first)) == [n * n + 1 for n in range(first, first + ROWS)]


def test_the_slack_covers_every_rounding_and_little_more() -> None:
    for dimensions in (1, 32, 2048):
        slack, tiny = slack_and_tiny(dimensions)
        assert (1 + 2.0**-24) ** (dimensions + 2) < slack < (1 + 2.0**-24) ** (dimensions + 12)
        # A product of float32 loses what is below 2^-149: of so many, less than the least rounding.
        assert dimensions * 2.0**-149 < tiny * 2.0**-24
        assert tiny < 1e-25


@pytest.mark.parametrize("scale", [1.0, 1e-25, 1e25], ids=["normal", "below float32", "above float32"])
@pytest.mark.parametrize("known", [1, 4, 5, 7, 8])
def test_a_point_that_catches_up_has_a_bound_of_its_distance(known: int, scale: float) -> None:
    points = frozen(scale * np.random.default_rng(known).normal(size=(9, 6)))
    centres, slack, tiny = padded(points[1 : 1 + known]), *slack_and_tiny(6)
    least = exact(points[0], centres).min()
    bound, following = catch_up(points[0], centres, 0, known, np.inf, 0.0, slack, tiny)
    assert least <= bound <= least * slack * slack
    assert following == known
    # What it has been compared with already counts no more.
    bound, following = catch_up(points[0], centres, known - 1, known, np.inf, 0.0, slack, tiny)
    assert exact(points[0], centres[known - 1 : known + ROWS - 1]).min() <= bound
    assert following == known
    # A bound that is lower stays.
    assert catch_up(points[0], centres, 0, known, least / 2, 0.0, slack, tiny) == (least / 2, known)


def test_a_point_that_cannot_be_the_farthest_catches_up_no_further() -> None:
    centres = frozen([[9], [8], [7], [3], [6], [2], [6], [6], [1], [1], [1], [1]])
    slack, tiny = slack_and_tiny(1)
    point = frozen([0])
    assert catch_up(point, centres, 0, 12, 50.0, 51.0, slack, tiny) == (50.0, 0)
    assert catch_up(point, centres, 0, 12, 50.0, 50.0, slack, tiny) == (9 * slack, 4), "as far as the farthest"
    assert catch_up(point, centres, 0, 12, 50.0, 5.0, slack, tiny) == (4 * slack, 8)
    assert catch_up(point, centres, 12, 12, 50.0, 5.0, slack, tiny) == (50.0, 12)


@pytest.mark.parametrize("scale", [1.0, 1e-25, 1e25], ids=["normal", "below float32", "above float32"])
@pytest.mark.parametrize("known", [1, 3, 4, 6, 8])
def test_the_least_distance_is_exact_whatever_bound_is_known(known: int, scale: float) -> None:
    for seed in range(10):
        points = frozen(scale * np.random.default_rng(seed).normal(size=(9, 5)))
        centres, slack, tiny = padded(points[1 : 1 + known]), *slack_and_tiny(5)
        least = exact(points[0], centres).min()
        for bound in (np.inf, least * slack, least):
            assert least_distance(points[0], centres, known, bound, slack, tiny) == least


def test_the_least_distance_is_exact_where_estimates_are_the_same() -> None:
    """2^-13 more in a coordinate is 2^-12 more in the distance: less than float32 can say of 4,097 and so."""
    centres = frozen([[64, 1 + n * 2.0**-20] for n in (3, 1, 0, 2)])
    slack, tiny = slack_and_tiny(2)
    assert len(set(estimates(frozen([0, 0]), centres, 0))) == 1
    assert least_distance(frozen([0, 0]), centres, 4, np.inf, slack, tiny) == 4097


# --- the picks


def picked(points: Points, count: int, initial: list[int], bounds: NDArray[np.float64] | None = None) -> list[int]:
    """Up to `count` picks after the `initial` ones."""
    room = np.zeros(count, np.int64)
    room[: len(initial)] = initial
    made, _ = pick_farthest(points, np.full(len(points), np.inf) if bounds is None else bounds, room, len(initial))
    return [int(pick) for pick in room[:made]]


@pytest.mark.parametrize("initial", [[0], [5, 70], [3, 99, 41, 7, 64, 12]], ids=len)
@pytest.mark.parametrize("kind", ["normal", "line", "grid", "tiny", "huge"])
def test_the_picks_are_the_naive_ones(kind: str, initial: list[int]) -> None:
    points = np.random.default_rng(0).normal(size=(100, 2))
    if kind == "line":  # ever farther, so that every point is compared with late centres
        points = np.sort(points[:, :1], axis=0) * np.ones(2)
    elif kind == "grid":  # ties and copies
        points = points.round()
    frames = frozen(points * {"tiny": 1e-25, "huge": 1e25}.get(kind, 1))
    assert picked(frames, 30, initial) == naive(frames, 30, initial)


def test_of_equally_far_points_the_first_is_picked_in_whatever_block_it_is() -> None:
    """Points on a circle are as far from its middle; each is picked before its copies, in any order of blocks."""
    number = 3 * BLOCK + 5
    points = np.zeros((number, 2))
    points[1:] = [3, 4]
    points[BLOCK + 7] = [4, 3]
    points[2 * BLOCK + 9] = [-3, -4]
    frames = frozen(points)
    assert picked(frames, 4, [0]) == [0, 1, 2 * BLOCK + 9, BLOCK + 7] == naive(frames, 4, [0])
    assert picked(frames, 7, [0]) == naive(frames, 7, [0])


def test_what_cannot_be_picked_never_is_and_picks_run_out() -> None:
    points = frozen(np.random.default_rng(0).normal(size=(BLOCK + 8, 2)))
    bounds = np.full(len(points), np.inf)
    bounds[[2, BLOCK + 3]] = UNUSABLE
    picks = picked(points, len(points), [4, 9], bounds)
    assert picks[:2] == [4, 9]
    assert sorted(picks) == [n for n in range(len(points)) if n not in {2, BLOCK + 3}]
    assert bounds[[2, BLOCK + 3]].tolist() == [UNUSABLE, UNUSABLE]
    assert (np.delete(bounds, [2, BLOCK + 3]) == PICKED).all()


def test_no_room_is_no_pick() -> None:
    points = frozen([[0], [1], [2]])
    assert picked(points, 2, [1, 2]) == [1, 2]
    assert picked(frozen([[1]]), 1, [0]) == [0]


def test_many_distances_are_never_computed() -> None:
    """The more frames and picks, the larger their share: see the same at a larger size in test_coreset.py."""
    points = frozen(np.random.default_rng(0).normal(size=(600, 2)))
    room = np.zeros(40, np.int64)
    made, estimated = pick_farthest(points, np.full(600, np.inf), room, 1)
    assert made == 40
    assert 600 < estimated < 0.75 * 600 * 40
