"""Agreement between people: Cohen's kappa as by hand, with an interval; unsure frames and decisions don't count."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from linecam.labels.agreement import agreement, describe, differing, kappas
from linecam.labels.store import Row

CLASSES = ["bad", "good", "no_mask"]


def rows(**people: str) -> list[Row]:
    """Rows of several people: a letter a frame, b, g, n, ? for unsure, - for none."""
    names = dict(zip("bgn?", [*CLASSES, "?"], strict=True))
    return [
        {"sha256": f"{number:064x}", "path": f"{number}.jpg", "label": names[letter], "by": by, "when": ""}
        for by, letters in people.items()
        for number, letter in enumerate(letters)
        if letter != "-"
    ]


def test_kappa_as_by_hand():
    """35 of 50 alike; chance alone gives 0.5 * 0.6 + 0.5 * 0.4 = 0.5."""
    (pair,) = agreement(rows(Ann="b" * 25 + "g" * 25, Bob="b" * 20 + "g" * 5 + "b" * 10 + "g" * 15), CLASSES)
    assert pair.people == ("Ann", "Bob")
    assert (pair.frames, pair.unsure, pair.agreed["of"]) == (50, 0, [35, 50])
    assert pair.kappa == pytest.approx(0.4)
    assert pair.confusion.tolist() == [[20, 5, 0], [10, 15, 0], [0, 0, 0]]
    low, high = pair.interval
    # The asymptotic standard error of this kappa is 0.127 (Fleiss, Cohen, Everitt 1969).
    assert low == pytest.approx(0.4 - 1.96 * 0.127, abs=0.04)
    assert high == pytest.approx(0.4 + 1.96 * 0.127, abs=0.04)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30))
def test_kappa_as_scikit_learn_has_it(pairs):
    one, other = zip(*pairs, strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = cohen_kappa_score(one, other)
    matrix = confusion_matrix(one, other, labels=[0, 1, 2])
    assert kappas(np.stack([matrix, 2 * matrix])) == pytest.approx([expected] * 2, nan_ok=True)


def test_only_frames_that_both_are_sure_of_count():
    (pair,) = agreement(rows(Ann="bbgg?-n", Bob="bggg?n-"), CLASSES)
    assert (pair.frames, pair.unsure, pair.agreed["of"]) == (4, 1, [3, 4])


def test_a_decision_is_nobodys_label():
    assert agreement(rows(Ann="bgn", decision="bgn"), CLASSES) == []
    assert agreement(rows(Ann="bg-", Bob="--n"), CLASSES) == []
    assert agreement([], CLASSES) == []


def test_every_two_of_three():
    pairs = agreement(rows(Ann="bg-", Bob="bgn", Cem="--n"), CLASSES)
    assert [(pair.people, pair.frames) for pair in pairs] == [(("Ann", "Bob"), 2), (("Bob", "Cem"), 1)]


@pytest.mark.parametrize(
    ("ann", "bob", "kappa"),
    [("bgn", "bgn", 1.0), ("bbb", "bbb", None), ("b", "g", 0.0), ("?", "b", None)],
)
def test_no_interval_where_there_is_nothing_to_draw_from(ann, bob, kappa):
    (pair,) = agreement(rows(Ann=ann, Bob=bob), CLASSES)
    assert (pair.kappa, pair.interval) == (kappa, None)
    assert describe(rows(Ann=ann, Bob=bob), CLASSES, "labels.csv").startswith("Ann and Bob:")


def test_the_interval_is_the_same_each_time():
    people = rows(Ann="bgnbgnbgnb", Bob="bgnbgnbggg")
    first, second = (agreement(people, CLASSES)[0] for _ in range(2))
    assert first.interval == second.interval
    assert np.isfinite(first.interval).all()


def test_frames_that_people_differ_on():
    found = differing(rows(Ann="bbg?", Bob="bgnb", decision="--n-"))
    assert [[row["by"] for row in about] for about in found] == [["Ann", "Bob"], ["Ann", "Bob", "decision"]]


def test_the_text_for_a_reader():
    text = describe(rows(Ann="bbggn?", Bob="bgggnb", decision="-g----"), CLASSES, "data/x/labels.csv")
    assert "Ann and Bob: 5 frames in common, and 1 that one of them is unsure of" in text
    assert "agreed on 4 of 5: 80.0 % (95 %:" in text
    assert "Cohen's kappa: 0.688 (95 %, bootstrap:" in text
    assert "Frames that people differ on: 1\n  - 1.jpg: 'bad' by Ann, 'good' by Bob, 'good' by decision" in text
    alone = describe(rows(Ann="bb", decision="bb"), CLASSES, "data/x/labels.csv")
    assert alone == "No two people have labelled the same frame in data/x/labels.csv; labels are by: Ann."
