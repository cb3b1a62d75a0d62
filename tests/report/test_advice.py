"""What to do next: each step only where its figures call for it."""

from dataclasses import replace
from typing import Any

import pytest

from linecam.evaluation.metrics import score
from linecam.report.advice import Advice, Facts, advise
from linecam.report.teacher import Teacher
from linecam.report.verdict import Verdict
from tests.report.frames import judged

CLASSES = ["bad", "good"]
STRONG = {"bad": {"bad": 50}, "good": {"good": 100}}
WEAK = {"bad": {"bad": 40, "good": 10}, "good": {"good": 100}}


def verdict_of(counts: dict[str, dict[str, int]]) -> Verdict:
    return Verdict.of(score(judged(counts), CLASSES, 0.95), CLASSES, {})


def point(wanted: float, **values: Any) -> dict[str, Any]:
    found = {"of": [58, 60], "value": 0.97, "low": 0.9, "high": 0.99}
    alarms = {"of": [7, 100], "value": 0.07, "low": 0.03, "high": 0.14}
    default = {"wanted": wanted, "threshold": 0.3, "recall": found, "effective_frames": 40.0, "false_alarms": alarms}
    return default | {"promised": True, "needed": 59} | values


def decides(points: list[dict[str, Any]] | None = None, **values: Any) -> dict[str, Any]:
    points = [point(0.9, promised=False)] if points is None else points
    return {"thresholds": {}, "too_few": [], "operating_points": {"bad": points, "good": points}} | values


def facts(**values: Any) -> Facts:
    """A model that has learned all there is, on a test that shows it."""
    nothing = {"differ": 0, "only_camera_right": 0, "only_clean_right": 0}
    default = {
        "verdict": verdict_of(STRONG), "decides": decides(), "recall": {}, "trained_on": 200,
        "fit": 1.0, "held_out": 0.99, "teacher": None, "epochs": 300, "doubtful": 0, "tested_on": 150,
        "usable": 2500, "near": 75, "near_within": 25, "camera": nothing,
        "int8": {"differ": 0, "only_this_right": 0, "only_float_right": 0},
        "frame_size": "QVGA", "roi": False, "input_size": 96, "next_frames": 50, "given": False, "models": 1,
    }  # fmt: skip
    return Facts(**default | values)


def only(**values: Any) -> Advice:
    """The one step that these facts call for."""
    steps = advise(facts(**values))
    assert len(steps) == 1, [step.what for step in steps]
    return steps[0]


def test_a_good_model_needs_nothing():
    assert advise(facts()) == []


def test_doubtful_labels_are_looked_at_first():
    step = only(doubtful=3)
    assert step.what == "Look again at 3 labels"
    assert "Of 200 labels, 3 look wrong" in step.why
    assert step.then == ("snakemake select_next", "linecam label", "snakemake")
    assert advise(facts(doubtful=1, verdict=verdict_of(WEAK)))[0].what == "Look again at 1 label"


def test_a_threshold_is_named_where_it_finds_more_at_bearable_false_alarms():
    weak, several = {"verdict": verdict_of(WEAK), "models": 2, "fit": None}, [point(0.9), point(0.95), point(0.99)]
    several[2]["promised"] = False
    step = only(**weak, decides=decides(several))
    assert step.settings == "bundle: {recall: {bad: 0.95}}"
    assert "Bad parts missed: 10 of 50. From a score of 0.30 on, 58 of 60 of the training frames of bad" in step.why
    assert "it would take 7 of 100 of the other frames" in step.why
    alarming = {"of": [30, 100], "value": 0.3, "low": 0.2, "high": 0.4}
    for useless in ({"promised": False}, {"threshold": 0.5}, {"false_alarms": alarming}):
        assert advise(facts(**weak, decides=decides([point(0.95, **useless)]))) == []
    assert advise(facts(**weak, decides=decides(several, thresholds={"bad": 0.4}))) == []
    assert advise(facts(**weak | {"verdict": verdict_of(STRONG)}, decides=decides(several))) == []


def test_good_parts_get_no_threshold_of_their_own():
    rejected = verdict_of({"bad": {"bad": 50}, "good": {"good": 60, "bad": 40}})
    assert advise(facts(verdict=rejected, models=2, fit=None, decides=decides([point(0.95)]))) == []


def test_a_threshold_that_costs_too_much_is_to_be_eased():
    eager = verdict_of({"bad": {"bad": 50}, "good": {"good": 70, "bad": 30}})
    step = only(verdict=eager, models=2, fit=None, decides=decides(thresholds={"bad": 0.14}))
    assert step.what == "Ask for less of bad"
    assert "By its threshold of 0.14, main.py takes 30 of 100 other test frames for bad." in step.why
    assert advise(facts(verdict=eager, models=2, fit=None)) == [], "no threshold is set"
    calm = verdict_of({"bad": {"bad": 50}, "good": {"good": 80, "bad": 20}})
    assert advise(facts(verdict=calm, models=2, fit=None, decides=decides(thresholds={"bad": 0.14}))) == []


@pytest.mark.parametrize(("only_clean", "only_camera", "said"), [(10, 1, True), (5, 3, False), (1, 10, False)])
def test_another_frame_size_is_named_where_the_cameras_resize_surely_costs(only_clean, only_camera, said):
    camera = {"differ": 12, "only_camera_right": only_camera, "only_clean_right": only_clean}
    steps = advise(facts(camera=camera))
    assert [step.settings for step in steps] == (["camera: {frame_size: QQVGA}"] if said else [])
    assert advise(facts(camera=camera, roi=True)) == []
    assert advise(facts(camera=camera, frame_size="QQVGA")) == []


def test_frames_that_are_not_learned_call_for_longer_training():
    assert only(fit=0.9).settings == "finetune: {epochs: 600}"


def test_a_gap_to_new_frames_calls_for_more_labels():
    weak = facts(verdict=verdict_of(WEAK), models=2, held_out=0.8)
    (step,) = advise(weak)
    assert step.what == "Label 50 more frames, above all bad"
    assert "100.0 % of a class on the frames that it was trained on, and 80.0 % on frames" in step.why
    assert (step.first, step.settings) == (("snakemake select_next", "linecam label"), "select: {train: 250}")
    assert advise(replace(weak, given=True))[0].settings == ""
    assert advise(replace(weak, held_out=1.0)) == []
    assert advise(replace(weak, verdict=verdict_of(STRONG))) == []


def test_a_promise_that_lacks_labels_says_how_many():
    note = "bundle.recall, bad: 0.99 with 80 % confidence needs 161 labelled frames of bad, and there are 40."
    step = only(recall={"bad": 0.99}, decides=decides(thresholds={"bad": 0.2}, too_few=[note]))
    assert step.what == "Label 121 more frames, above all bad"
    assert step.settings == "select: {train: 321}"
    assert advise(facts(recall={"bad": 0.99}, decides=decides(thresholds={"bad": 0.2}))) == []


def test_a_weak_class_of_the_only_network_calls_for_a_tournament():
    step = only(verdict=verdict_of(WEAK), fit=None)
    assert step.then == ("snakemake tune",)
    assert "large network" not in step.why
    assert only(verdict=verdict_of(WEAK), fit=None, teacher=Teacher(0.9, better=False)) == step
    better = only(verdict=verdict_of(WEAK), fit=None, held_out=0.8, teacher=Teacher(0.9, better=True))
    assert "the large network, which does not fit the camera, finds 90.0 %" in better.why
    assert "and the model 80.0 %. A tournament" in better.why


def test_int8_that_surely_costs_calls_for_other_ranges():
    paired = {"differ": 9, "only_this_right": 0, "only_float_right": 9}
    assert only(int8=paired).settings.startswith("quantize: {ranges: [calibrated, ")
    assert advise(facts(int8=paired | {"only_float_right": 4})) == []


def test_few_test_frames_of_a_class_call_for_more():
    few = verdict_of({"bad": {"bad": 10}, "good": {"good": 140}})
    step = only(verdict=few)
    assert step.what == "Label more test frames, until there are 30 of bad"
    assert "Of bad there are 10 test frames: between 0.0 % and 27.8 % of them may be missed." in step.why
    assert step.settings == "select: {test: 450}"
    assert only(verdict=few, given=True).what == "Put more frames of bad into test/"
    fewer = only(verdict=few, usable=620)
    assert fewer.settings == "select: {test: 310}", "at most half of all frames may be for the test"
    assert "You have 620 usable frames, too few to test on more" in fewer.why
    none = only(verdict=few, usable=340)
    assert (none.what, none.settings, none.then) == ("Record more frames of bad", "", ())
    assert "Of bad there is no test frame." in only(verdict=verdict_of({"good": {"good": 150}})).why


def test_most_test_frames_near_training_frames_call_for_another_day():
    assert only(near=76).settings == "select: {gap: 25}"
    assert only(near=76, usable=450).settings == "select: {gap: 25}", "two stretches, and 50 frames lost to each"
    for without in (only(near=76, given=True), only(near=76, usable=449)):
        assert (without.settings, without.then) == ("", ())
        assert "select.gap" not in without.why
