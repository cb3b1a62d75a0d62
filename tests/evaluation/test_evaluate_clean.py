"""What the camera's path costs: the chosen model on its frames, and on cleanly resized ones."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from linecam.frames.index import read_split
from scripts.evaluate_clean import evaluate_clean
from tests.evaluation.made_up import choice_of, trained
from tests.evaluation.splits import CLASSES, predicted, write_split

A, B = "resnet9-64-simclr/coreset-200/seed-1", "resnet9-64-simclr/coreset-200/seed-2"


def chosen_and_clean(place: Path, classes: list[str], camera: list[int], clean: list[int]) -> dict[str, Any]:
    """Arguments of `evaluate_clean`: what the chosen model says of the test frames; a rival is always wrong."""
    split = write_split(place, classes)
    test = read_split(split)
    test = test[test["part"] == "test"]
    (place / "clean").mkdir()
    test.to_csv(place / "clean/split.csv", index=False)
    (place / "choice.json").write_text(json.dumps(choice_of(B)))
    rival = predicted(split, "rival.csv", [0, 1, 1, 0, 0, 1], classes)
    chosen = predicted(split, "chosen.csv", [0, 1, *camera, 1], classes)
    return {
        "choice_path": place / "choice.json",
        "models": [
            trained(A, predictions={"calibrated": rival}),
            trained(B, predictions={"fixed_-6_6": rival, "calibrated": chosen}),
            trained("swift7-64-none/coreset-200/seed-1"),
        ],
        "clean_path": predicted(place / "clean/split.csv", "clean.csv", clean, classes),
        "metrics": place / "metrics.json",
        "classes": classes,
        "confidence": 0.95,
    }


# The test frames are of class 0, 1 and 1.
@pytest.mark.parametrize(
    ("camera", "clean", "right", "paired"),
    [
        ([0, 1, 1], [0, 1, 1], (3, 3), (0, 0, 0)),
        ([0, 1, 0], [0, 1, 1], (2, 3), (1, 0, 1)),
        ([0, 1, 1], [1, 0, 1], (3, 1), (2, 2, 0)),
        ([1, 1, 0], [0, 0, 2], (1, 1), (3, 1, 1)),  # of the last frame both say something else, and both are wrong
    ],
)
def test_what_the_cameras_path_costs_by_hand(tmp_path, camera, clean, right, paired):
    inputs = chosen_and_clean(tmp_path, CLASSES, camera, clean)
    evaluate_clean(**inputs)
    metrics = json.loads(inputs["metrics"].read_text())
    assert (metrics["model"], metrics["range"]) == (B, "calibrated")
    assert (metrics["camera"]["accuracy"]["of"], metrics["clean"]["accuracy"]["of"]) == ([right[0], 3], [right[1], 3])
    assert tuple(metrics["paired"].values()) == paired
    assert list(metrics["paired"]) == ["differ", "only_camera_right", "only_clean_right"]
    gap = paired[1] - paired[2]
    assert gap == right[0] - right[1], "what one gains alone is the difference of the two"


def test_classes_called_like_numbers_are_paired_as_text(tmp_path):
    inputs = chosen_and_clean(tmp_path, ["01", "1"], [0, 1, 1], [0, 1, 0])
    evaluate_clean(**inputs)
    assert json.loads(inputs["metrics"].read_text())["clean"]["confusion"] == [[1, 0], [1, 1]]


def test_clean_predictions_of_other_frames_are_refused(tmp_path):
    inputs = chosen_and_clean(tmp_path, CLASSES, [0, 1, 1], [0, 1, 1])
    pd.read_csv(inputs["clean_path"]).iloc[::-1].to_csv(inputs["clean_path"], index=False)
    with pytest.raises(ValueError, match="different test frames"):
        evaluate_clean(**inputs)
    assert not inputs["metrics"].exists()
