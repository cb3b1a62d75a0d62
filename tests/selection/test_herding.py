"""MaxHerding: the frames that stand for most others, as greedy by definition picks them."""

import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from linecam.selection import herding as module
from linecam.selection.herding import best_covering, directions, gaussian
from linecam.selection.strategies import herding

Points = NDArray[np.float32]


def digests(count: int) -> list[str]:
    return [hashlib.sha256(str(n).encode()).hexdigest() for n in range(count)]


def heaps(sizes: list[int], spread: float = 0.02, dimensions: int = 16, seed: int = 0) -> tuple[Points, NDArray]:
    """Heaps of so many points about directions of their own, and of which heap each is."""
    rng = np.random.default_rng(seed)
    centres = np.linalg.qr(rng.normal(size=(dimensions, dimensions)))[0][: len(sizes)]
    heap = np.repeat(np.arange(len(sizes)), sizes)
    points = centres[heap] + rng.normal(0, spread, (len(heap), dimensions))
    return points.astype(np.float32), heap


def losses_of(picks: list[int], points: Points, count: int, start: int) -> list[float]:
    """By definition, every coverage anew: how much more the best frame would have added than each pick from `start`."""
    unit = directions(points)
    kernel = gaussian(unit, unit, count).astype(np.float64)
    lost = []
    for place in range(start, count):
        covered = kernel[:, picks[:place]].max(axis=1, initial=0)
        gains = np.maximum(kernel, covered[:, None]).sum(axis=0)
        lost.append(float(gains.max() - gains[picks[place]]))
    return lost


def test_first_come_the_middles_of_the_largest_heaps() -> None:
    points, heap = heaps([20, 90, 40, 60])
    picks = herding(points, digests(210), 4, [], 1)
    assert list(heap[picks]) == [1, 3, 2, 0], "the larger, the earlier"
    for pick in picks:
        own = directions(points[heap == heap[pick]])
        middle = own.mean(axis=0) / np.linalg.norm(own.mean(axis=0))
        gaps = np.linalg.norm(own - middle, axis=1)
        assert np.linalg.norm(directions(points[[pick]])[0] - middle) <= np.quantile(gaps, 0.1)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("initial", [[], [7], [30, 2, 11]], ids=len)
def test_picks_are_those_of_greedy_by_definition(seed: int, initial: list[int]) -> None:
    points = np.random.default_rng(seed).normal(size=(60, 5)).astype(np.float32)
    picks = herding(points, digests(60), 15, initial, 1)
    assert max(losses_of(picks, points, 15, len(initial))) < 1e-5
    other = [*picks[:9], picks[14], *picks[10:14], picks[9]]
    assert max(losses_of(other, points, 15, len(initial))) > 1e-3, "or any would do"


def test_many_near_copies_fool_nobody() -> None:
    """A part that stood before the camera for an hour is a few frames' worth."""
    points, heap = heaps([300, 300, 6, 6, 6, 6, 6, 6], spread=0.004)
    picks = herding(points, digests(len(points)), 16, [], 1)
    assert set(heap[picks]) == set(range(8))


def test_what_initial_frames_cover_is_covered() -> None:
    points, heap = heaps([90, 60, 40])
    known = [0, 5]  # of the largest heap
    picks = herding(points, digests(190), 4, known, 1)
    assert picks[:2] == known
    assert list(heap[picks[2:]]) == [1, 2]


def test_an_initial_frame_without_an_embedding_stays_and_covers_nothing() -> None:
    points, heap = heaps([90, 60, 40])
    points[0] = np.nan
    picks = herding(points, digests(190), 3, [0], 1)
    assert picks[0] == 0
    assert list(heap[picks[1:]]) == [0, 1]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_frames_without_an_embedding_come_after_all_others(bad: float) -> None:
    points, _ = heaps([8, 7])
    points[[3, 9], 2] = bad
    picks = herding(points, digests(15), 15, [], 1)
    assert set(picks[-2:]) == {3, 9}
    assert len(set(picks)) == 15
    assert (
        herding(points * np.float32(np.nan), digests(15), 4, [], 1)
        == herding(points * np.float32(np.nan), digests(15), 15, [], 1)[:4]
    )


@pytest.mark.parametrize("count", [0, 1, 15, 40])
def test_as_many_as_are_asked_for_or_as_there_are(count: int) -> None:
    points, _ = heaps([8, 7])
    picks = herding(points, digests(15), count, [], 1)
    assert len(picks) == len(set(picks)) == min(count, 15)
    assert herding(points, digests(15), count, [4, 1], 1)[:2] == [4, 1][:count]


@pytest.mark.parametrize("initial", [[], [4], [4, 1]], ids=len)
def test_frames_that_add_nothing_are_picked_once_each(initial: list[int]) -> None:
    """Of equal frames the first covers all, and no other one gains anything: those that are labelled don't either."""
    equal = np.ones((6, 3), np.float32)
    picks = best_covering(equal, np.arange(6), 6, initial)
    assert picks[: len(initial)] == initial
    assert sorted(picks) == list(range(6))


def test_frames_that_are_asked_for_twice_over_are_the_labelled_ones() -> None:
    points, _ = heaps([8, 7])
    for count in range(3):
        assert best_covering(points, np.arange(15), count, [4, 1]) == [4, 1][:count]


def test_only_directions_count_and_the_input_stays() -> None:
    points, _ = heaps([30, 20, 10], spread=0.1)
    before = points.copy()
    longer = points * np.random.default_rng(1).choice([0.5, 4], (60, 1)).astype(np.float32)
    assert herding(longer, digests(60), 9, [], 1) == herding(points, digests(60), 9, [], 1)
    np.testing.assert_array_equal(points, before)


def test_the_order_of_the_frames_does_not_matter() -> None:
    points, _ = heaps([60, 40, 30], spread=0.1)
    names, order = digests(130), np.random.default_rng(1).permutation(130)
    picks = herding(points, names, 20, [], 1)
    moved = herding(points[order], [names[n] for n in order], 20, [], 1)
    assert [names[n] for n in picks] == [names[order[n]] for n in moved]
    assert picks == herding(points, names, 20, [], 1)


def test_a_sample_of_very_many_says_nearly_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labelled frames are candidates, drawn or not."""
    points, heap = heaps([300, 200, 100], spread=0.05)
    monkeypatch.setattr(module, "CANDIDATES", 150)
    monkeypatch.setattr(module, "COVERED", 100)
    order = np.random.default_rng(1).permutation(600)
    last = int(next(n for n in order[::-1] if heap[n] == 0))  # beyond the sample
    picks = best_covering(points, order, 3, [last])
    assert picks[0] == last
    assert list(heap[picks[1:]]) == [1, 2]
    assert set(picks[1:]) <= set(order[:150].tolist())


def test_more_frames_asked_for_keep_those_that_are_labelled() -> None:
    """Not the first picks: the kernel is as wide as the count asks for."""
    points, _ = heaps([60, 40], spread=0.2)
    twenty = herding(points, digests(100), 20, [], 1)
    thirty = herding(points, digests(100), 30, sorted(twenty), 1)
    assert set(twenty) < set(thirty)
    for done in range(20, 31):
        assert set(herding(points, digests(100), 30, thirty[:done], 1)) == set(thirty)
