"""Curves of probabilities, on a few frames that can be counted by hand."""

import numpy as np
import pandas as pd
import pytest

from linecam.evaluation.curves import precision_by_recall, reliability, trade_offs

CLASSES = ["bad", "good", "never"]


def table(rows: list[tuple[str, float]], weights: list[float] | None = None) -> pd.DataFrame:
    """Frames of a label and a probability of bad; the rest of it is good's."""
    frame = pd.DataFrame(rows, columns=["label", "p_bad"])
    frame["p_good"], frame["p_never"] = 1 - frame["p_bad"], 0.0
    frame["predicted"] = np.where(frame["p_bad"] > 0.5, "bad", "good")
    return frame.assign(weight=weights or 1.0)


FRAMES = [("bad", 0.9), ("bad", 0.6), ("bad", 0.3), ("good", 0.4), ("good", 0.2), ("good", 0.1), ("good", 0.0)]


def test_each_threshold_misses_some_and_takes_others():
    bad, good = trade_offs(table(FRAMES), CLASSES, {})
    assert (bad.name, good.name) == ("bad", "good"), "there is no frame of the third"
    points = set(zip(bad.x.round(3), bad.y.round(3), strict=True))
    assert {(0.25, 0.0), (0.25, 0.333), (0.0, 0.333)} <= points, "from 0.3 on, from 0.4 on, from 0.6 on"
    assert {(0.0, 1.0), (1.0, 0.0)} <= points, "its ends"
    assert bad.set_point == pytest.approx((0, 1 / 3))
    assert good.set_point == pytest.approx((1 / 3, 0))


def test_a_threshold_moves_its_point_and_one_above_a_half_is_demanded():
    assert trade_offs(table(FRAMES), CLASSES, {"bad": 0.3})[0].set_point == pytest.approx((1 / 4, 0))
    assert trade_offs(table(FRAMES), CLASSES, {"bad": 0.8})[0].set_point == pytest.approx((0, 2 / 3))


def test_a_frame_counts_by_its_weight():
    weighed = trade_offs(table(FRAMES, [1, 1, 8, 3, 1, 1, 1]), CLASSES, {"bad": 0.35})[0]
    assert weighed.set_point == pytest.approx((3 / 6, 8 / 10))


def test_precision_by_recall_has_the_point_that_is_decided():
    test = table(FRAMES)
    bad, good = precision_by_recall(test, ["bad", "bad", "good", "bad", "good", "", "good"], CLASSES)
    points = set(zip(bad.x.round(3), bad.y.round(3), strict=True))
    assert {(1.0, 0.75), (0.667, 1.0), (0.333, 1.0)} <= points
    assert bad.set_point == pytest.approx((2 / 3, 2 / 3))
    assert good.set_point == pytest.approx((2 / 4, 2 / 3))
    assert precision_by_recall(test, ["good"] * 7, CLASSES)[0].set_point is None


def test_reliability_is_how_often_a_score_is_right():
    frames = table([("bad", 0.95), ("good", 0.97), ("good", 0.25), ("bad", 1.0)])
    found = reliability(frames, CLASSES, np.array([1.0, 1, 1, 2]))
    assert found.frames.tolist() == [1, 3]
    assert found.said == pytest.approx([0.75, (0.95 + 0.97 + 2) / 4])
    assert found.right == pytest.approx([1, 3 / 4])
