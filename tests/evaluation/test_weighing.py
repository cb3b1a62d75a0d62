"""Shares of weighed frames: equal weights change nothing, and intervals hold the share of the line."""

import numpy as np
import pytest

from linecam.evaluation.weighing import effective_size, weighted_ratio
from linecam.intervals import ratio


@pytest.mark.parametrize("weight", [1.0, 0.3])
@pytest.mark.parametrize(("part", "total"), [(0, 7), (7, 7), (3, 10), (61, 83)])
def test_equal_weights_are_none(part, total, weight):
    hits = np.arange(total) < part
    assert weighted_ratio(hits, np.full(total, weight), 0.9) == ratio(part, total, 0.9)


def test_a_share_of_weights_by_hand():
    found = weighted_ratio(np.array([True, False, True]), np.array([3.0, 1.0, 2.0]), 0.95)
    assert found["of"] == [2, 3]
    assert found["value"] == pytest.approx(5 / 6, abs=1e-6)
    fewer = ratio(5, 6, 0.95)  # the same share of 6, where these are 36 / 14 = 2.6
    assert found["low"] < fewer["low"] and found["high"] > fewer["high"]


def test_nothing_has_no_share():
    assert weighted_ratio(np.zeros(0, bool), np.zeros(0), 0.95) == ratio(0, 0, 0.95)


@pytest.mark.parametrize(("weights", "size"), [([1] * 9, 9), ([2] * 9, 9), ([1, 0, 0], 1), ([3, 1], 1.6), ([], 0)])
def test_the_effective_size(weights, size):
    assert effective_size(np.array(weights, float)) == pytest.approx(size)


@pytest.mark.parametrize("right", [(0.9, 0.6), (0.5, 0.95)])
def test_the_interval_holds_the_lines_share_as_often_as_it_says(right):
    """Odd frames are a tenth of the line and half of the 120 labels; the unweighed interval holds it hardly ever."""
    rng = np.random.default_rng(1)
    odd = np.arange(120) < 60
    weights = np.where(odd, 0.2, 1.8)
    true = 0.1 * right[1] + 0.9 * right[0]
    held, plain = [], []
    for _ in range(1000):
        hits = rng.random(120) < np.where(odd, right[1], right[0])
        for found, one in (
            (held, weighted_ratio(hits, weights, 0.95)),
            (plain, weighted_ratio(hits, weights**0, 0.95)),
        ):
            found.append(one["low"] <= true <= one["high"])
    assert 0.93 <= np.mean(held) <= 0.99
    assert np.mean(plain) < 0.3
