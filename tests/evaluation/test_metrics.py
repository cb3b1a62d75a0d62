"""Figures of a classifier against hand-made numbers, and against those of scikit-learn."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from linecam.evaluation.metrics import agreement, leak, paired, score
from linecam.intervals import ratio
from tests.evaluation.splits import CLASSES


def table(labels: list[str], predicted: list[str], part: str = "test") -> pd.DataFrame:
    return pd.DataFrame({"part": part, "label": labels, "predicted": predicted})


def test_score_by_hand():
    labels = ["bad"] * 4 + ["good"] * 5 + ["no_mask"]
    predicted = ["bad", "bad", "bad", "good", "good", "good", "good", "bad", "no_mask", "no_mask"]
    seen = score(table(labels, predicted), CLASSES, 0.95)
    assert seen["frames"] == 10
    assert seen["confusion"] == [[3, 1, 0], [1, 3, 1], [0, 0, 1]]
    assert seen["accuracy"] == ratio(7, 10, 0.95)
    assert seen["balanced_accuracy"] == pytest.approx((3 / 4 + 3 / 5 + 1) / 3, abs=1e-6)
    assert {name: figures["precision"] for name, figures in seen["classes"].items()} == {
        "bad": 0.75,
        "good": 0.75,
        "no_mask": 0.5,
    }
    assert {name: figures["recall"]["of"] for name, figures in seen["classes"].items()} == {
        "bad": [3, 4],
        "good": [3, 5],
        "no_mask": [1, 1],
    }


def test_a_class_that_the_test_has_not_got():
    seen = score(table(["bad", "bad", "good"], ["bad", "no_mask", "good"]), CLASSES, 0.95)
    assert seen["balanced_accuracy"] == 0.75
    assert seen["classes"]["no_mask"]["recall"] == ratio(0, 0, 0.95)
    assert seen["classes"]["no_mask"]["precision"] == 0
    assert seen["confusion"][2] == [0, 0, 0]
    json.dumps(seen, allow_nan=False)


def test_a_class_that_is_never_predicted():
    seen = score(table(["bad", "good"], ["good", "good"]), CLASSES, 0.95)
    assert seen["classes"]["bad"]["recall"]["value"] == 0
    assert seen["classes"]["good"] == {"precision": 0.5, "recall": ratio(1, 1, 0.95)}
    json.dumps(seen, allow_nan=False)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1, max_size=40))
def test_figures_fit_each_other(pairs):
    seen = score(table([a for a, _ in pairs], [b for _, b in pairs]), CLASSES, 0.95)
    matrix = np.array(seen["confusion"])
    assert matrix.sum() == len(pairs) == seen["frames"]
    assert seen["accuracy"]["of"] == [int(np.trace(matrix)), len(pairs)]
    for n, name in enumerate(CLASSES):
        assert seen["classes"][name]["recall"]["of"] == [matrix[n, n], matrix[n].sum()]


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_the_figures_are_scikit_learns(data):
    frames = data.draw(st.integers(1, 30))
    labels = data.draw(st.lists(st.sampled_from(CLASSES), min_size=frames, max_size=frames))
    predicted = data.draw(st.lists(st.sampled_from([*CLASSES, ""]), min_size=frames, max_size=frames))
    seen = score(table(labels, predicted), CLASSES, 0.95)
    matrix = confusion_matrix(labels, predicted, labels=CLASSES)
    precisions, recalls, _, _ = precision_recall_fscore_support(labels, predicted, labels=CLASSES, zero_division=0)
    assert seen["confusion"] == matrix.tolist()
    assert [seen["classes"][name]["precision"] for name in CLASSES] == pytest.approx(list(precisions), abs=1e-6)
    # A frame without a decision is in no column, and still one of its class.
    there = [name in labels for name in CLASSES]
    assert seen["balanced_accuracy"] == pytest.approx(recalls[there].mean(), abs=1e-6)
    for name, recall, present in zip(CLASSES, recalls, there, strict=True):
        assert seen["classes"][name]["recall"]["value"] == (pytest.approx(recall, abs=1e-6) if present else None)


def test_paired_by_hand():
    labels = pd.Series(["bad", "bad", "bad", "good", "good"])
    ours = pd.Series(["bad", "good", "bad", "no_mask", "good"])
    theirs = pd.Series(["bad", "bad", "good", "bad", "good"])
    assert paired(labels, ours, theirs, ("a", "b")) == {"differ": 3, "only_a_right": 1, "only_b_right": 1}
    ours[1] = "bad"
    assert paired(labels, ours, theirs, ("a", "b")) == {"differ": 2, "only_a_right": 1, "only_b_right": 0}
    assert paired(labels, ours, ours, ("a", "b")) == {"differ": 0, "only_a_right": 0, "only_b_right": 0}


def probable(rows: list[tuple[str, float]]) -> pd.DataFrame:
    """(part, probability of bad) a frame, of two classes."""
    return pd.DataFrame(
        [{"part": part, "predicted": "bad" if p > 0.5 else "good", "p_bad": p, "p_good": 1 - p} for part, p in rows]
    )


def test_agreement_is_counted_on_unlabelled_frames_alone():
    ours = probable([("unlabelled", 0.9), ("unlabelled", 0.4), ("test", 0.1), ("train", 0.1)])
    float_ = probable([("unlabelled", 0.8), ("unlabelled", 0.6), ("test", 0.9), ("train", 0.9)])
    assert agreement(ours, float_, ["bad", "good"]) == {
        "on": "unlabelled frames",
        "frames": 2,
        "argmax": 0.5,
        "probability_gap": 0.15,
    }


def test_without_unlabelled_frames_the_test_is_still_not_looked_at():
    ours = probable([("test", 0.1), ("train", 0.7), ("train", 0.2)])
    float_ = probable([("test", 0.9), ("train", 0.7), ("train", 0.1)])
    assert agreement(ours, float_, ["bad", "good"]) == {
        "on": "training frames",
        "frames": 2,
        "argmax": 1.0,
        "probability_gap": 0.05,
    }


def test_leak_by_hand():
    test = pd.DataFrame({"sha256": list("abcd"), "label": ["bad"] * 4, "predicted": ["bad", "bad", "bad", "good"]})
    near = pd.DataFrame({"sha256": list("dcba"), "by_number": [False, False, True, True], "by_embedding": [pd.NA] * 4})
    found = leak(test, near, 0.95)
    assert found["by_embedding"] is None
    assert found["by_number"]["near"]["of"] == [2, 2]
    assert found["by_number"]["far"]["of"] == [1, 2]
    # Half of the difference of 1 and 1/2; of their intervals, 0.342 to 1 and 0.095 to 0.905, Newcombe's.
    assert found["by_number"]["worth"] == {"value": 0.25, "low": -0.136287, "high": 0.452734}
    assert leak(test, near.assign(by_number=True), 0.95)["by_number"]["worth"] is None
    # Of unlike numbers of near and far frames, and where only the embeddings are known.
    one = near.assign(by_number=[pd.NA] * 4, by_embedding=[False, False, False, True])
    found = leak(test, one, 0.95)
    assert found["by_number"] is None
    assert (found["by_embedding"]["near"]["of"], found["by_embedding"]["far"]["of"]) == ([1, 1], [2, 3])
