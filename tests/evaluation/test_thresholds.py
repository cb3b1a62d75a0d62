"""Thresholds for a wanted recall: by hand, and as the quantized model's steps of 1/256 find it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom

from linecam.evaluation.predictions import decide
from linecam.evaluation.thresholds import STEP, SURE, deciding_scores, needed, operating_point, promised_rank, sizes
from linecam.intervals import ratio
from scripts.set_thresholds import WANTED, set_thresholds

CLASSES = ["bad", "good", "no_mask"]


def point(positive: Any, others: list[float], wanted: float, sure: float = 0.95) -> dict[str, Any]:
    scores = np.array([*positive, *others])
    return operating_point(scores, np.arange(len(scores)) < len(positive), np.ones(len(scores)), wanted, 0.95, sure)


# --- by hand


@pytest.mark.parametrize(
    ("wanted", "confidence", "labels"),
    [(0.95, 0.95, 59), (0.99, 0.95, 299), (0.9, 0.95, 29), (0.9, 0.9, 22), (0.5, 0.5, 1), (1.0, 0.95, None)],
)
def test_how_many_labels_promise_a_recall(wanted, confidence, labels):
    """The table of Wilks (1941): 59 for 95 %, 299 for 99 %."""
    assert needed(wanted, confidence) == labels
    if labels:
        assert promised_rank(np.ones(labels), wanted, confidence) == 1
        assert promised_rank(np.ones(labels - 1), wanted, confidence) == 0


@pytest.mark.parametrize(("labels", "rank"), [(59, 1), (92, 1), (93, 2), (124, 3), (153, 4), (58, 0), (0, 0)])
def test_with_more_labels_some_scores_may_lie_below(labels, rank):
    """The numbers of the table in Conover, Practical Nonparametric Statistics: 59, 93, 124, 153 for 95 and 95 %."""
    assert promised_rank(np.ones(labels), 0.95, 0.95) == rank


@pytest.mark.parametrize(
    ("wanted", "threshold", "recall", "false_alarms"),
    [
        (0.5, 26 / 256, 4, 2),  # 1 - 0.5^4 = 0.94 of 0.9: the lowest, 0.102, is 26.1 steps
        (0.3, 77 / 256, 3, 1),  # the second lowest: 1 - 0.3^4 - 4 * 0.7 * 0.3^3 = 0.916
        (0.1, 128 / 256, 2, 0),  # the fourth lowest is 0.9: one half finds what has the highest
    ],
)
def test_operating_points_by_hand(wanted, threshold, recall, false_alarms):
    found = point([0.9, 0.75, 0.302, 0.102], [0.4, 0.2, 0.05], wanted, 0.9)
    assert found["wanted"] == wanted
    assert found["threshold"] == threshold
    assert found["recall"]["of"] == [recall, 4]
    assert found["false_alarms"]["of"] == [false_alarms, 3]
    assert found["promised"]


def test_tied_probabilities_are_found_together():
    found = point([0.9, 0.4, 0.4, 0.4], [0.4, 0.4, 0.3], 0.5, 0.9)
    assert found["threshold"] == 102 / 256
    assert found["recall"]["of"] == [4, 4]
    assert found["false_alarms"]["of"] == [2, 3]


def test_too_few_labels_lower_the_threshold_by_a_margin_and_promise_nothing():
    """Scores of 0.5, 0.5 and twice 1 - 0.2: their lower half lies log(4) below the median, in logits."""
    found = point([0.8, 0.5, 0.8, 0.5], [0.1], 0.95)
    assert not found["promised"]
    assert found["needed"] == 59
    # 59 labels reach log(59 / 4) = 2.69 times that scale further down: no more than once is believed.
    assert found["threshold"] == np.floor(256 * 0.2) / 256
    nearly = point([0.8, 0.5] * 29, [0.1], 0.95)
    lower = 1 / (1 + np.exp(np.log(4) * np.log(59 / 58)))
    assert nearly["threshold"] == np.floor(256 * lower) / 256


@pytest.mark.parametrize("count", [1, 2, 3])
def test_equal_scores_have_a_margin_too(count):
    assert point([0.4] * count, [0.1], 0.95)["threshold"] < 0.36


def test_a_threshold_is_never_stricter_than_the_highest_probability():
    """On a real line one of 0.867 lost two frames of 44 that the highest probability had found."""
    for scores in ([0.99] * 60, [0.867] + [0.99] * 99, [1.0], [0.9999] * 20):
        assert point(scores, [0.5], 0.95)["threshold"] <= 0.5


@pytest.mark.parametrize("lowest", [0.0, 0.0001, 1 / 256])
def test_a_threshold_is_never_always(lowest):
    """0 would take every frame for the class."""
    assert point([1.0, lowest], [0.5], 1.0)["threshold"] == 1 / 256


def test_what_lies_below_the_first_step_is_said_to_be_missed():
    found = point([0.9, 0.0001], [0.2], 1.0)
    assert found["recall"]["of"] == [1, 2]


def test_a_class_of_which_there_is_no_frame_has_no_recall():
    found = point([], [0.2, 0.999, 0.3], 0.99)
    assert found["threshold"] == 0.5
    assert found["recall"] == {"of": [0, 0], "value": None, "low": None, "high": None}
    assert found["false_alarms"]["of"] == [1, 3]
    assert not found["promised"]


def test_where_every_frame_is_of_the_class_there_are_no_false_alarms():
    assert point([0.9, 0.4], [], 1.0)["false_alarms"]["value"] is None


def test_the_highest_counts_as_one_half_at_least():
    table = pd.DataFrame({"predicted": ["bad", "good", "bad", "good"], "p_bad": [0.4, 0.4, 0.7, 0.1]})
    assert list(deciding_scores(table, "bad")) == [0.5, 0.4, 0.7, 0.1]


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
    assert STEP <= threshold <= 0.5
    on_camera = np.minimum(np.rint(np.array(positive) * 256), 255) / 256
    share = np.mean(on_camera >= threshold)
    possible = np.mean(np.array(positive) >= STEP)
    assert share >= min(wanted, possible) - 1e-9
    assert found["recall"]["of"] == [int(np.sum(np.array(positive) >= threshold)), len(positive)]


# --- recall that delivers

# Beta distributions of the scores of a class: one that is hard to tell, one that is easy, one with two kinds of frames.
SCORES = [(2, 1), (5, 1), (1, 1), (4, 2), (0.7, 0.3), (1.5, 0.3)]


@pytest.mark.parametrize("labels", [10, 20, 37, 59, 100, 200])
@pytest.mark.parametrize("scores", SCORES)
def test_nine_of_ten_tests_do_not_refute_the_wanted_recall(scores, labels):
    """Of 300 lines: 44 frames of the class in the test, whose recall's 95 % interval reaches up to 0.95."""
    rng = np.random.default_rng(labels)
    reached = [
        ratio(
            int((rng.beta(*scores, 44) >= point(rng.beta(*scores, labels), [], 0.95, SURE)["threshold"]).sum()),
            44,
            0.95,
        )
        for _ in range(300)
    ]
    assert np.mean([recall["high"] >= 0.95 for recall in reached]) >= 0.9


@pytest.mark.parametrize(("sure", "labels"), [(SURE, 32), (SURE, 59), (SURE, 200), (0.95, 59), (0.95, 93), (0.95, 200)])
@pytest.mark.parametrize("scores", SCORES)
def test_what_is_promised_is_kept(scores, sure, labels):
    """Of 400 lines no more find less than 95 % of all frames to come than is said, but for chance."""
    rng = np.random.default_rng(labels)
    found = [point(rng.beta(*scores, labels), [], 0.95, sure) for _ in range(400)]
    assert all(one["promised"] for one in found)
    recalls = beta.sf([one["threshold"] for one in found], *scores)
    assert np.mean(recalls >= 0.95) > sure - 2.6 * np.sqrt(sure * (1 - sure) / 400)


# --- chosen labels


@pytest.mark.parametrize("labels", [1, 30, 59, 93, 153, 200])
@pytest.mark.parametrize(("wanted", "confidence"), [(0.95, 0.95), (0.9, 0.95), (0.5, 0.8)])
def test_equal_weights_promise_by_the_binomial(labels, wanted, confidence):
    found = promised_rank(np.full(labels, 0.7), wanted, confidence)
    lost = binom.cdf(np.arange(labels), labels, 1 - wanted)  # of rank k, k - 1 scores lie below
    assert found == int((lost <= 1 - confidence + 1e-12).sum())


def test_what_a_score_may_leave_below_is_a_share_of_the_line():
    """Of 93 equal frames the second lowest promises 95 %: not even the lowest where it stands for four, and the fourth
    where the lowest three stand for a fifth each."""
    even = np.ones(93)
    heavy, light = even.copy(), even.copy()
    heavy[0], light[:3] = 4, 0.2
    assert [promised_rank(weights, 0.95, 0.95) for weights in (even, heavy, light)] == [2, 0, 4]


def test_of_heavy_frames_at_the_low_end_less_is_known():
    assert list(sizes(np.ones(5))) == [5] * 5
    assert list(sizes(np.array([2.0, 1, 1, 1, 1]))) == pytest.approx([3, 3.6, 4, 30 / 7, 4.5])
    assert list(sizes(np.array([1.0, 1, 1, 1, 2]))) == pytest.approx([4.5] * 5), "never more than all know"


def test_few_frames_that_most_of_the_weight_hangs_on_promise_nothing():
    weights = np.ones(100)
    weights[50:60] = 50
    assert promised_rank(np.ones(100), 0.95, 0.95) == 2
    assert promised_rank(weights, 0.95, 0.95) == 0, "100 say as much as 14"


def odd_labels(rng: np.random.Generator, labels: int, low: float) -> tuple[Any, Any]:
    """Scores of a class, Beta(5, 1) on the line, chosen so that those below 0.6 come `low` times as often."""
    scores = rng.beta(5, 1, 40 * labels)
    often = np.where(scores < 0.6, low, 1.0)
    picked = rng.choice(len(scores), labels, replace=False, p=often / often.sum())
    return scores[picked], (1 / often)[picked]


@pytest.mark.parametrize("low", [0.25, 0.5, 6.0])
def test_promises_by_chosen_labels_are_kept_on_the_line(low):
    """Where odd frames come too often, equal weights set far too low a threshold; too seldom, far too high a one."""
    rng = np.random.default_rng(1)
    rank = {"weighed": [], "equal": []}
    for _ in range(400):
        scores, weights = odd_labels(rng, 200, low)
        order = np.argsort(scores)
        for name, used in (("weighed", weights[order]), ("equal", np.ones(200))):
            place = promised_rank(used, 0.9, 0.95)
            assert place, name
            rank[name].append(beta.sf(scores[order][place - 1], 5, 1))
    assert np.mean(np.array(rank["weighed"]) >= 0.9) > 0.95 - 2.6 * np.sqrt(0.95 * 0.05 / 400)
    if low < 1:
        assert np.mean(np.array(rank["equal"]) >= 0.9) < 0.5
    else:
        assert np.mean(rank["equal"]) > np.mean(rank["weighed"]) + 0.03, "and it costs false alarms"


def test_the_counts_stay_and_the_shares_are_weighed():
    scores = np.array([0.9, 0.3, 0.4, 0.2])
    weights = np.array([3.0, 1.0, 1.0, 4.0])
    found = operating_point(scores, np.array([True, True, False, False]), weights, 0.1, 0.5, 0.5)
    assert found["threshold"] == 0.5
    assert found["recall"]["of"] == [1, 2]
    assert found["recall"]["value"] == 0.75
    assert found["effective_frames"] == 1.6
    assert found["false_alarms"]["of"] == [0, 2]
    lower = operating_point(scores, np.array([True, True, False, False]), weights, 0.99, 0.95, 0.95)
    assert lower["threshold"] < 0.3
    assert lower["false_alarms"]["value"] in {0.2, 1.0}


def test_the_margin_is_that_of_the_weighed_tail():
    """By weight the lower half are the two of 0.2, which lie log(4) below the median; by number there are four."""
    scores = np.array([0.2, 0.2, 0.5, 0.5])
    weights = np.array([1.0, 1.0, 1.0, 1.0])
    alike = operating_point(scores, np.ones(4, bool), weights, 0.95, 0.95, 0.95)["threshold"]
    weighed = operating_point(scores, np.ones(4, bool), np.array([0.1, 0.1, 0.1, 3.7]), 0.95, 0.95, 0.95)["threshold"]
    # Of equal weights the scale is log(4); where the last has nearly all, its lower half are all others.
    assert alike == np.floor(256 / (1 + np.exp(2 * np.log(4)))) / 256
    assert weighed == np.floor(256 / (1 + np.exp(np.log(4) + np.log(4) * 2 / 3))) / 256


def test_a_promise_that_chosen_labels_are_too_few_for_says_what_they_are_worth(tmp_path):
    weight = np.where(np.arange(300) % 12 == 2, 6.0, 0.2)
    (note,) = written(tmp_path, {"good": 0.95, "bad": 0.5}, {}, weight=weight)["too_few"]
    assert "needs 32 labelled frames of good, and there are 120. They were chosen, and say only as much as " in note
    assert not written(tmp_path, {"good": 0.95}, {})["too_few"]


# --- from file to file


def held_out(place: Path, seed: int = 0, classes: list[str] = CLASSES, weight: Any = 1.0) -> Path:
    """What calibrate writes, of 300 frames, a tenth of them of the first class."""
    rng = np.random.default_rng(seed)
    numbers = np.where(np.arange(300) % 10 == 0, 0, 1 + np.arange(300) % (len(classes) - 1))
    z = rng.normal(0, 1, (300, len(classes)))
    z[np.arange(300), numbers] += 1.5
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    table = pd.DataFrame({"sha256": [f"{n:064x}" for n in range(300)], "path": "x.jpg"})
    table["label"] = [classes[n] for n in numbers]
    table["fold"] = np.arange(300) % 5
    table["weight"] = weight
    table["predicted"] = [classes[n] for n in p.argmax(axis=1)]
    for n, name in enumerate(classes):
        table[f"p_{name}"] = [f"{value:.6f}" for value in p[:, n]]
    table.to_csv(place / "held_out.csv", index=False)
    return place / "held_out.csv"


def written(
    place: Path, recall: dict[str, float], thresholds: dict[str, float], classes: list[str] = CLASSES, weight: Any = 1.0
) -> Any:
    set_thresholds(
        held_out(place, classes=classes, weight=weight),
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
        assert len(set(limits)) > 1, name
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
    result = written(tmp_path, asked, {"bad": 0.35, "no_mask": 0.7})
    both = result["thresholds"]
    assert result["too_few"] == [note for note in result["too_few"] if "good" in note], "bad's is nobody's promise"
    assert both == {"bad": 0.35, "good": alone["good"], "no_mask": 0.7}
    assert alone["bad"] != 0.35


def test_what_the_labels_are_too_few_to_promise_is_said(tmp_path, caplog):
    with caplog.at_level("INFO"):
        result = written(tmp_path, {"bad": 0.95, "good": 0.95, "no_mask": 1.0}, {})
    few, none = result["too_few"]
    assert "0.95 with 80 % confidence needs 32 labelled frames of bad, and there are 30" in few
    assert "Label more frames of this class, or ask for a lower recall" in few
    assert "no number of labels can promise to find all of no_mask" in none
    told = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert told == [few, none]
    promised = {entry["wanted"]: entry["promised"] for entry in result["operating_points"]["good"]}
    assert promised == {0.9: True, 0.95: True, 0.98: True, 0.99: False, 1.0: False}, "of 120 frames"


@pytest.mark.parametrize("wanted", [0.5, 0.8, 0.9])
def test_a_wanted_recall_never_loses_a_frame_that_the_highest_probability_finds(tmp_path, wanted):
    thresholds = written(tmp_path, {"bad": wanted, "good": wanted}, {})["thresholds"]
    table = pd.read_csv(tmp_path / "held_out.csv")
    highest = (table["predicted"] == "bad").to_numpy()
    assert highest.sum() > 20
    assert set(np.array(decide(table, CLASSES, thresholds))[highest]) == {"bad"}


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
