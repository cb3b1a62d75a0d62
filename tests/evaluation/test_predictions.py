"""Predictions on file: of which frames they are, and what main.py decides by them."""

import numpy as np
import pandas as pd
import pytest

from linecam.evaluation.predictions import decide, judged_on, read_predictions, rows_of, write_predictions
from tests.evaluation.splits import CLASSES, write_split


def test_a_quantized_model_is_judged_on_test_and_unlabelled_frames(tmp_path):
    split = write_split(tmp_path, CLASSES)
    assert judged_on(split) == {"test", "unlabelled"}
    assert list(rows_of(split, judged_on(split))) == [1, 0, 2, 4]
    labelled = pd.read_csv(split).query("part != 'unlabelled'")
    labelled.to_csv(tmp_path / "labelled.csv", index=False)
    assert judged_on(tmp_path / "labelled.csv") == {"train", "test"}, "nothing else to choose a range on"


def test_rows_of_the_split(tmp_path):
    assert list(rows_of(write_split(tmp_path, CLASSES))) == [5, 3, 1, 0, 2, 4]


@pytest.mark.parametrize(
    ("thresholds", "decided"),
    [
        ({}, ["good", "bad", "no_mask"]),
        ({"bad": 0.3}, ["bad", "bad", "no_mask"]),
        ({"bad": 0.7}, ["good", "no_mask", "no_mask"]),  # where bad misses its threshold, the best of the others
        ({"good": 0.3, "bad": 0.3}, ["bad", "bad", "good"]),  # the first class that reaches its own
        ({"bad": 0.9, "good": 0.9, "no_mask": 0.4}, ["", "", "no_mask"]),
        ({"no_mask": 0.5}, ["good", "bad", "no_mask"]),  # up to one half: the highest is taken, whatever its threshold
        ({"no_mask": 0.45, "good": 0.5}, ["good", "bad", "no_mask"]),
        ({"no_mask": 0.51}, ["good", "bad", "good"]),  # above it a threshold is demanded
        ({"no_mask": 0.51, "bad": 0.5}, ["good", "bad", "good"]),  # bad is not the highest, and can't do for no_mask
    ],
)
def test_a_threshold_decides_for_its_class(thresholds, decided):
    rows = [[0.35, 0.45, 0.2], [0.6, 0.1, 0.3], [0.25, 0.31, 0.44]]
    table = pd.DataFrame(rows, columns=[f"p_{name}" for name in CLASSES])
    assert decide(table, CLASSES, thresholds) == decided


def test_a_probability_that_equals_its_threshold_reaches_it_from_file_too(tmp_path):
    """An int8 softmax says multiples of 1/256, and thresholds are such."""
    (tmp_path / "split.csv").write_text(
        "row,sha256,path,part,label,by,fold\n" + "".join(f"{n},{n},{n}.jpg,test,bad,me,-1\n" for n in range(256))
    )
    steps = np.arange(256, dtype=np.float32) / 256
    write_predictions(tmp_path / "p.csv", tmp_path / "split.csv", np.stack([steps, 1 - steps], axis=1), CLASSES[:2])
    table = read_predictions(tmp_path / "p.csv")
    for step in range(1, 256):
        decided = decide(table, CLASSES[:2], {"bad": step / 256, "good": 0.999})
        assert decided[step] == "bad"
        assert decided[step - 1] != "bad"
