"""The verdict: what is missed, of which class most, and in which words."""

from typing import Any

import pytest

from linecam.evaluation.metrics import score
from linecam.report.verdict import ENOUGH, Verdict
from tests.report.frames import judged


def verdict_of(counts: dict[str, dict[str, int]], classes: list[str], wanted: Any = None) -> Verdict:
    return Verdict.of(score(judged(counts), classes, 0.95), classes, wanted or {})


def test_a_class_is_told_in_the_words_of_the_line():
    counts = {"bad": {"bad": 46, "good": 7, "": 1}, "good": {"good": 114, "bad": 2}, "empty": {"empty": 30}}
    verdict = verdict_of(counts, ["bad", "empty", "good"])
    assert verdict.headline == "bad parts missed: 8 of 54; good parts rejected: 2 of 116; empty missed: 0 of 30"
    bad = verdict.classes[0]
    assert bad.taken_for == {"good": 7, "no decision": 1}
    assert bad.judged == (46, 48)
    assert [bad.missed["low"], bad.missed["high"]] == pytest.approx([0.0771, 0.2669], abs=1e-3), "Wilson's, of 8 of 54"


def test_where_no_class_is_good_none_is_missed_or_rejected():
    verdict = verdict_of({"glass": {"glass": 9, "paper": 1}, "paper": {"paper": 10}}, ["glass", "paper"])
    assert verdict.headline == "glass taken for another class: 1 of 10; paper taken for another class: 0 of 10"


def test_many_classes_are_headed_by_the_worst():
    counts = {name: {name: 20 - n, "a" if name != "a" else "b": n} for n, name in enumerate("abcde")}
    headline = verdict_of(counts, list("abcde")).headline
    assert headline.startswith("e taken for another class: 4 of 20; d ")
    assert headline.endswith("c taken for another class: 2 of 20; fewer of the other classes")


def test_the_worst_is_the_class_that_misses_most_whatever_its_size():
    counts = {"bad": {"bad": 9, "good": 1}, "good": {"good": 58, "bad": 58}, "none": {}}
    verdict = verdict_of(counts, ["bad", "good", "none"])
    assert verdict.worst.name == "good"
    assert verdict.headline.startswith(
        "good parts rejected: 58 of 116; bad parts missed: 1 of 10; none missed: unknown"
    )
    assert [one.grade for one in verdict.classes] == ["good", "weak", "unknown"]
    assert verdict.classes[2].sentence == "none missed: unknown, no test frame"
    assert [one.sure for one in verdict.classes] == [False, True, False]


def test_a_wanted_recall_says_what_is_enough():
    counts = {"bad": {"bad": 93, "good": 7}, "good": {"good": 100}}
    assert ENOUGH < 0.93
    assert verdict_of(counts, ["bad", "good"]).classes[0].grade == "good"
    assert verdict_of(counts, ["bad", "good"], {"bad": 0.95}).classes[0].grade == "weak"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the mean of no recall
def test_without_any_test_frame_nothing_is_known():
    verdict = verdict_of({"bad": {}, "good": {}}, ["bad", "good"])
    assert verdict.worst.grade == "unknown"
