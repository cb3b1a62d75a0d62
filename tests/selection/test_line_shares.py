"""Weights of labelled frames: by hand, and that they undo a choice."""

import numpy as np
import pytest

from linecam.selection import line_shares as module
from linecam.selection.line_shares import LARGEST, NEIGHBOURS, capped, line_shares


def directions(degrees: list[float]) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def weigh(degrees: list[float], labelled: list[int], neighbours: int = NEIGHBOURS) -> list[float]:
    """The weights by all frames."""
    vectors = directions(degrees)
    return list(line_shares(vectors, np.arange(len(vectors)), np.array(labelled), neighbours))


def test_by_hand():
    """Five frames near the first label, itself one of them, and one near the second."""
    assert weigh([0, 1, 1, 2, 2, 90], [0, 5], neighbours=1) == pytest.approx([10 / 6, 2 / 6])
    # Shared among two: of two labels both have a half of each.
    assert weigh([0, 1, 1, 2, 2, 90], [0, 5], neighbours=2) == pytest.approx([1, 1])
    # The frame at 90 counts for those at 90 and 80; the others for those at 0 and 80.
    assert weigh([0, 1, 1, 2, 2, 80, 90], [0, 5, 6], neighbours=2) == pytest.approx(
        [3 * 5 / 14, 3 * 7 / 14, 3 * 2 / 14]
    )


def test_the_line_is_the_rows_that_are_given():
    vectors = directions([0, 1, 1, 2, 2, 90])
    assert list(line_shares(vectors, np.array([0, 4, 5]), np.array([0, 5]), 1)) == pytest.approx([4 / 3, 2 / 3])


def test_only_the_direction_of_an_embedding_counts():
    vectors = directions([0, 1, 1, 2, 2, 90])
    longer = vectors * np.array([[1], [200], [0.1], [1], [3], [0.01]], np.float32)
    rows, labelled = np.arange(6), np.array([0, 5])
    assert list(line_shares(longer, rows, labelled, 1)) == list(line_shares(vectors, rows, labelled, 1))


def test_neither_the_order_of_picking_nor_the_blocks_change_a_weight(monkeypatch):
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(500, 16)).astype(np.float32)
    labelled = rng.permutation(500)[:40]
    weights = line_shares(vectors, np.arange(500), labelled)
    mixed = rng.permutation(40)
    assert list(line_shares(vectors, np.arange(500), labelled[mixed])) == list(weights[mixed])
    monkeypatch.setattr(module, "BLOCK", 7)
    np.testing.assert_allclose(line_shares(vectors, np.arange(500), labelled), weights)


def test_frames_without_an_embedding_stand_for_themselves():
    vectors = directions([0, 1, 1, 2, 90, 5, 6])
    vectors[[1, 5]] = np.nan
    # Of seven, 0 counts for itself and three others, 4 for itself, 5 for itself; 1 is like none.
    found = line_shares(vectors, np.arange(7), np.array([0, 4, 5]), 1)
    assert list(found) == pytest.approx([3 * 4 / 6, 3 / 6, 3 / 6])
    vectors[:] = np.nan
    assert list(line_shares(vectors, np.arange(7), np.array([0, 4]))) == [1, 1]


def test_no_labels_have_no_weights():
    assert line_shares(directions([0, 1]), np.arange(2), np.array([], np.intp)).shape == (0,)


def test_every_weight_is_above_0_and_their_mean_is_1():
    rng = np.random.default_rng(2)
    vectors = (rng.normal(size=(800, 8)) * rng.exponential(1, 8)).astype(np.float32)
    weights = line_shares(vectors, np.arange(800), rng.permutation(800)[:100])
    assert weights.mean() == pytest.approx(1)
    assert 0 < weights.min() < 0.5
    assert 2 < weights.max() <= LARGEST


@pytest.mark.parametrize("shares", [[1000.0] + [1.0] * 99, [1.0, 1e6, 1e6] + [1.0] * 60, [1e9] + [1.0] * 10])
def test_no_weight_is_above_the_cap(shares):
    weights = capped(np.array(shares))
    assert weights.max() == pytest.approx(LARGEST, rel=1e-3)
    assert weights.mean() == pytest.approx(1)
    rest = weights[np.array(shares) == 1]
    assert rest == pytest.approx(rest[0])


def test_weights_give_the_line_back():
    """A line of two kinds, 90 to 10, whose labels are half and half: weighed they are 90 to 10 again."""
    rng = np.random.default_rng(3)
    kind = np.arange(2000) % 10 == 0
    vectors = rng.normal(0, 0.3, (2000, 8)).astype(np.float32)
    vectors[:, 0] += np.where(kind, -1, 1)
    labelled = np.concatenate([np.flatnonzero(kind)[:50], np.flatnonzero(~kind)[:50]])
    weights = line_shares(vectors, np.arange(2000), labelled)
    assert weights[kind[labelled]].sum() / 100 == pytest.approx(0.1, abs=0.01)
