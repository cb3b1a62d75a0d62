"""Thresholds for a wanted recall: by hand, and as the quantized model's steps of 1/256 find it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linecam.evaluation.predictions import decide
from linecam.evaluation.thresholds import STEP, operating_point
from scripts.set_thresholds import WANTED, set_thresholds

CLASSES = ["bad", "good", "no_mask"]


def point(positive: list[float], others: list[float], wanted: float) -> dict[str, Any]:
    probability = np.array([*positive, *others])
    return operating_point(probability, np.arange(len(probability)) < len(positive), wanted, 0.95)


# --- by hand


@pytest.mark.parametrize(
    ("wanted", "threshold", "recall", "false_alarms"),
    [
        (1.0, 26 / 256, 4, 2),  # 0.102 is 26.1 steps: from 26 on
        (0.76, 26 / 256, 4, 2),
        (0.75, 128 / 256, 3, 1),
        (0.5, 192 / 256, 2, 0),
        (0.25, 230 / 256, 1, 0),
        (0.01, 230 / 256, 1, 0),
    ],
)
def test_operating_points_by_hand(wanted, threshold, recall, false_alarms):
    found = point([0.9, 0.75, 0.5, 0.102], [0.6, 0.2, 0.05], wanted)
    assert found["wanted"] == wanted
    assert found["threshold"] == threshold
    assert found["recall"]["of"] == [recall, 4]
    assert found["false_alarms"]["of"] == [false_alarms, 3]


def test_tied_probabilities_are_found_together():
    found = point([0.9, 0.5, 0.5, 0.5], [0.5, 0.5, 0.4], 0.5)
    assert found["threshold"] == 0.5
    assert found["recall"]["of"] == [4, 4]
    assert found["false_alarms"]["of"] == [2, 3]


@pytest.mark.parametrize(("lowest", "threshold"), [(1.0, 255), (0.9999, 255), (0.0, 1), (0.0001, 1), (1 / 256, 1)])
def test_a_threshold_lies_between_always_and_never(lowest, threshold):
    """0 would take every frame for the class, and the int8 softmax has no 1."""
    assert point([1.0, lowest], [0.5], 1.0)["threshold"] == threshold / 256


def test_what_lies_below_the_first_step_is_said_to_be_missed():
    found = point([0.9, 0.0001], [0.2], 1.0)
    assert found["recall"]["of"] == [1, 2]


def test_a_class_of_which_there_is_no_frame_has_no_recall():
    found = point([], [0.2, 0.999, 0.3], 0.99)
    assert found["threshold"] == 255 / 256
    assert found["recall"] == {"of": [0, 0], "value": None, "low": None, "high": None}
    assert found["false_alarms"]["of"] == [1, 3]


def test_where_every_frame_is_of_the_class_there_are_no_false_alarms():
    assert point([0.9, 0.4], [], 1.0)["false_alarms"]["value"] is None


# --- as the camera does


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=60),
    st.lists(st.floats(0, 1), max_size=60),
    st.sampled_from([*WANTED, 0.5, 0.123]),
)
def test_the_wanted_recall_is_reached_on_the_steps_of_the_quantized_model(positive, others, wanted):
    found = point(positive, others, wanted)
    threshold = found["threshold"]
    assert threshold * 256 == int(threshold * 256), "a multiple of 1/256, exactly"
    assert STEP <= threshold <= 1 - STEP
    on_camera = np.minimum(np.rint(np.array(positive) * 256), 255) / 256
    share = np.mean(on_camera >= threshold)
    possible = np.mean(np.array(positive) >= STEP)
    assert share >= min(wanted, possible) - 1e-9
    assert found["recall"]["of"] == [int(np.sum(np.array(positive) >= threshold)), len(positive)]


@given(st.lists(st.integers(1, 255), min_size=2, max_size=40), st.sampled_from(WANTED))
def test_no_higher_threshold_would_do(steps, wanted):
    positive = [step / 256 for step in steps]
    threshold = point(positive, [], wanted)["threshold"]
    higher = np.mean(np.array(positive) >= threshold + STEP)
    assert threshold == 1 - STEP or higher < wanted
    assert np.mean(np.array(positive) >= threshold) >= wanted


# --- from file to file


def held_out(place: Path, seed: int = 0, classes: list[str] = CLASSES) -> Path:
    """What calibrate writes, of 300 frames, a tenth of them of the first class."""
    rng = np.random.default_rng(seed)
    numbers = np.where(np.arange(300) % 10 == 0, 0, 1 + np.arange(300) % (len(classes) - 1))
    z = rng.normal(0, 1, (300, len(classes)))
    z[np.arange(300), numbers] += 1.5
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    table = pd.DataFrame({"sha256": [f"{n:064x}" for n in range(300)], "path": "x.jpg"})
    table["label"] = [classes[n] for n in numbers]
    table["fold"] = np.arange(300) % 5
    table["predicted"] = [classes[n] for n in p.argmax(axis=1)]
    for n, name in enumerate(classes):
        table[f"p_{name}"] = [f"{value:.6f}" for value in p[:, n]]
    table.to_csv(place / "held_out.csv", index=False)
    return place / "held_out.csv"


def written(place: Path, recall: dict[str, float], thresholds: dict[str, float], classes: list[str] = CLASSES) -> Any:
    set_thresholds(
        held_out(place, classes=classes),
        place / "thresholds.json",
        classes=classes,
        recall=recall,
        thresholds=thresholds,
        confidence=0.95,
    )
    return json.loads((place / "thresholds.json").read_text())


def test_every_class_has_its_points_and_recall_falls_as_the_threshold_rises(tmp_path):
    result = written(tmp_path, {}, {})
    assert result["thresholds"] == {}, "nothing asked for, nothing set"
    assert list(result["operating_points"]) == CLASSES
    for name, points in result["operating_points"].items():
        assert [entry["wanted"] for entry in points] == list(WANTED)
        limits = [entry["threshold"] for entry in points]
        assert limits == sorted(limits, reverse=True)
        assert len(set(limits)) > 2, name
        alarms = [entry["false_alarms"]["value"] for entry in points]
        assert alarms == sorted(alarms)
        assert all(entry["recall"]["value"] >= entry["wanted"] for entry in points)
        assert points[0]["recall"]["of"][1] + points[0]["false_alarms"]["of"][1] == 300


@pytest.mark.parametrize("wanted", [0.5, 0.97, 0.99, 1.0])
def test_a_wanted_recall_sets_the_threshold_that_main_decides_by(tmp_path, wanted):
    result = written(tmp_path, {"bad": wanted}, {})
    assert list(result["thresholds"]) == ["bad"]
    table = pd.read_csv(tmp_path / "held_out.csv")
    said = np.array(decide(table, CLASSES, result["thresholds"]))
    bad = (table["label"] == "bad").to_numpy()
    assert np.mean(said[bad] == "bad") >= wanted
    before = np.array(decide(table, CLASSES, {}))
    assert wanted < 0.97 or np.mean(before[bad] == "bad") < wanted, "the highest score alone doesn't reach it"


def test_a_threshold_by_hand_counts_before_a_wanted_recall(tmp_path):
    asked = {"bad": 0.99, "good": 0.9}
    alone = written(tmp_path, asked, {})["thresholds"]
    both = written(tmp_path, asked, {"bad": 0.35, "no_mask": 0.7})["thresholds"]
    assert both == {"bad": 0.35, "good": alone["good"], "no_mask": 0.7}
    assert alone["bad"] != 0.35


def test_classes_called_like_numbers_or_nothing(tmp_path):
    for classes in (["0", "1", "01"], ["NA", "nan", "None"]):
        result = written(tmp_path, {classes[0]: 1.0}, {}, classes)
        recall = result["operating_points"][classes[0]][-1]["recall"]
        assert recall["of"] == [30, 30]


def test_equal_input_gives_equal_bytes(tmp_path):
    written(tmp_path, {"bad": 0.99}, {"good": 0.5})
    first = (tmp_path / "thresholds.json").read_bytes()
    written(tmp_path, {"bad": 0.99}, {"good": 0.5})
    assert (tmp_path / "thresholds.json").read_bytes() == first
