"""Labels that are likely wrong: those that models trained without them contradict, and no others."""

from linecam.evaluation.label_doubts import doubtful_labels
from tests.evaluation.made_up import held_out

CLASSES = ["bad", "good", "no_mask"]


def test_wrong_labels_are_doubted_the_surest_first():
    sound = [("bad", (0.9, 0.1, 0.0)), ("good", (0.1, 0.8, 0.1)), ("no_mask", (0.0, 0.2, 0.8))] * 5
    wrong = [("bad", (0.1, 0.85, 0.05)), ("good", (0.0, 0.01, 0.99))]
    unsure = [("bad", (0.45, 0.5, 0.05))]  # wrong, but no surer than many a right one
    found = doubtful_labels(held_out([*sound, *wrong, *unsure], CLASSES), CLASSES)
    assert found["label"].tolist() == ["good", "bad"]
    assert found["predicted"].tolist() == ["no_mask", "good"]
    assert found["reason"].tolist()[0] == "a model trained without it says no_mask 99 %, and good 1 %"


def test_right_labels_are_not_doubted():
    sound = [("bad", (0.9, 0.1, 0.0)), ("good", (0.1, 0.8, 0.1))] * 5  # a class without any frame
    assert doubtful_labels(held_out(sound, CLASSES), CLASSES).empty


def test_a_doubt_for_a_class_that_is_not_the_likeliest_says_why():
    """Most frames are no_mask: of those labelled bad the model says bad 20 % only, so 26 % is much."""
    rows = [("no_mask", (0.05, 0.05, 0.9))] * 8 + [("bad", (0.2, 0.2, 0.6)), ("good", (0.1, 0.5, 0.4))]
    found = doubtful_labels(held_out([*rows, ("good", (0.26, 0.17, 0.57))], CLASSES), CLASSES)
    assert found["reason"].tolist() == [
        "a model trained without it says bad 26 %, and good 17 %; on frames labelled bad it usually says 20 %"
    ]
