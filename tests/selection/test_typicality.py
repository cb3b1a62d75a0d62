"""Strategies that ask how typical a frame is: on clouds where it is plain what they have to pick."""

import numpy as np
import pytest

from linecam.selection import typicality
from linecam.selection.strategies import coreset, probcover, typiclust
from linecam.selection.typicality import halves, most_typical, near_pairs
from tests.selection.references import sha


def names(count: int) -> list[str]:
    return [sha(n) for n in range(count)]


@pytest.fixture
def heaps():
    """Four dense heaps of 50, and 10 outliers far from all and from each other, the last ten."""
    random = np.random.default_rng(0)
    middles = np.repeat([[0, 0], [10, 0], [0, 10], [10, 10]], 50, axis=0)
    outliers = np.array([[60 * np.cos(a), 60 * np.sin(a)] for a in np.arange(10)])
    return np.concatenate([middles + random.normal(0, 0.5, middles.shape), outliers]).astype(np.float32)


def test_k_center_picks_the_outliers_first(heaps):
    """What the others are for."""
    assert sum(n >= 200 for n in coreset(heaps, names(210), 8, [], 1)) >= 6


def test_probcover_picks_from_each_heap_and_no_outlier(heaps):
    picks = probcover(heaps, names(210), 20, [], 1)
    assert {n // 50 for n in picks} == {0, 1, 2, 3}  # the outliers would be 4


def test_typiclust_picks_frames_in_the_middle_of_heaps():
    random = np.random.default_rng(0)
    middles = np.repeat([[0, 0], [10, 0], [0, 14], [10, 14]], 50, axis=0)
    points = (middles + random.normal(0, 0.5, middles.shape)).astype(np.float32)
    picks = typiclust(points, names(200), 4, [], 1)
    assert sorted(n // 50 for n in picks) == [0, 1, 2, 3]
    assert (np.linalg.norm(points[picks] - middles[picks], axis=1) < 0.5).all()


@pytest.mark.parametrize("strategy", [typiclust, probcover])
def test_a_labelled_heap_is_not_asked_for_again(heaps, strategy):
    """Its neighbours are covered: the first frames that are added come from the other two."""
    picks = strategy(heaps[:200], names(200), 4, [*range(50), *range(50, 100)][:100:2], 1)
    more = strategy(heaps[:200], names(200), 52, list(range(0, 100, 2)), 1)
    assert picks == [*range(0, 100, 2)][:4]
    assert more[:50] == list(range(0, 100, 2))
    assert {n // 50 for n in more[50:]} <= {2, 3}


def test_halves_are_those_of_two_heaps(heaps):
    first, second = halves(heaps[[0, 51, 1, 52, 2]])
    assert sorted([first.tolist(), second.tolist()]) == [[0, 2, 4], [1, 3]]


@pytest.mark.parametrize("points", [np.zeros((5, 3)), np.full((2, 2), 1e30), np.array([[0.0], [5e-324]])])
def test_points_that_cannot_be_told_apart_are_halved_all_the_same(points):
    first, second = halves(points.astype(np.float32))
    assert sorted([*first, *second]) == list(range(len(points)))
    assert len(first)
    assert len(second)


def test_the_most_typical_point_lies_where_points_are_dense():
    assert most_typical(np.array([[0], [10], [10.1], [10.2], [30]], np.float32)) == 2
    assert most_typical(np.array([[7]], np.float32)) == 0


def test_near_pairs_lie_in_one_heap(heaps):
    near = near_pairs(heaps[:200])
    assert near.diagonal().all()
    assert (near == near.T).all()
    heap = np.arange(200) // 50
    assert near[heap[:, None] != heap].sum() == 0
    assert near.sum() > 200


def test_equal_frames_are_near_to_each_other():
    assert near_pairs(np.ones((30, 2), np.float32)).all()


def test_more_frames_than_fit_are_sampled(monkeypatch, heaps):
    monkeypatch.setattr(typicality, "SAMPLE", 40)
    for strategy in (typiclust, probcover):
        picks = strategy(heaps, names(210), 60, [5], 1)
        assert picks[0] == 5
        assert len(set(picks)) == 60
