"""The figures of a form of a model, from file to file, against hand-made numbers."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from linecam.evaluation.predictions import judged_on, read_predictions, write_predictions
from linecam.frames.index import read_split
from scripts.evaluate import evaluate
from tests.evaluation.splits import CLASSES, predicted, write_split


def decides(place: Path, **thresholds: float) -> Path:
    """What set_thresholds writes, as far as it is read here."""
    (place / "thresholds.json").write_text(json.dumps({"thresholds": thresholds, "operating_points": {}}))
    return place / "thresholds.json"


# Any of these may be a folder's name, and config/schema.json takes them.
@pytest.mark.parametrize(
    "classes",
    [["bad", "good"], ["0", "1"], ["1", "2"], ["01", "1"], ["true", "false"], ["None", "some"], ["NA", "nan"],
     ["1e3", "1000"], ["-1", "-2"]],
)  # fmt: skip
def test_evaluate_from_file_to_file_whatever_the_classes_are_called(tmp_path, classes):
    split = write_split(tmp_path, classes)
    ours = predicted(split, "ours.csv", [0, 1, 0, 1, 0, 1], classes)
    float_ = predicted(split, "float.csv", [0, 1, 0, 1, 1, 0], classes)
    read = read_predictions(ours)
    assert list(read["predicted"]) == [classes[n] for n in (0, 1, 0, 1, 0, 1)]
    assert list(read["label"]) == [classes[0], classes[1], classes[0], classes[1], classes[1], ""]
    (tmp_path / "cost.json").write_text('{"arena": 5}')
    thresholds = decides(tmp_path)
    evaluate(
        ours,
        float_,
        tmp_path / "cost.json",
        thresholds,
        None,
        split,
        tmp_path / "m.json",
        classes=classes,
        confidence=0.95,
    )
    metrics = json.loads((tmp_path / "m.json").read_text())
    assert metrics["test"]["accuracy"]["of"] == [2, 3]
    assert metrics["test"]["confusion"] == [[1, 0], [1, 1]]
    assert metrics["paired"] == {"differ": 1, "only_this_right": 0, "only_float_right": 1}
    assert metrics["agreement"] == {"on": "unlabelled frames", "frames": 1, "argmax": 0.0, "probability_gap": 0.6}
    assert metrics["cost"] == {"arena": 5}


def test_the_float_model_agrees_with_itself(tmp_path):
    split = write_split(tmp_path, CLASSES)
    path = predicted(split, "float.csv", [0, 1, 0, 1, 1, 2], CLASSES)
    evaluate(path, path, None, decides(tmp_path), None, split, tmp_path / "m.json", classes=CLASSES, confidence=0.95)
    metrics = json.loads((tmp_path / "m.json").read_text())
    assert "cost" not in metrics
    assert metrics["agreement"]["argmax"] == 1
    assert metrics["agreement"]["probability_gap"] == 0
    assert metrics["paired"]["differ"] == 0


def test_fewer_frames_than_the_float_model_saw(tmp_path):
    split = write_split(tmp_path, CLASSES)
    float_ = predicted(split, "float.csv", [0, 1, 0, 1, 1, 0], CLASSES)
    chance = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.8, 0.1, 0.1]], np.float32)
    write_predictions(tmp_path / "some.csv", split, chance, CLASSES, judged_on(split))
    metrics = {}
    for name in ("some", "all"):
        all_ = predicted(split, "all.csv", [2, 2, 0, 1, 0, 0], CLASSES)
        path = tmp_path / f"{name}.csv"
        evaluate(
            path, float_, None, decides(tmp_path), None, split, tmp_path / "m.json", classes=CLASSES, confidence=0.95
        )
        metrics[name] = json.loads((tmp_path / "m.json").read_text())
    assert list(read_predictions(tmp_path / "some.csv")["part"]) == ["test"] * 3 + ["unlabelled"]
    assert metrics["some"] == metrics["all"] and all_.exists()
    assert metrics["some"]["paired"]["differ"] == 1


def test_predictions_of_other_frames_are_refused(tmp_path):
    split = write_split(tmp_path, CLASSES)
    one = predicted(split, "one.csv", [0] * 6, CLASSES)
    other = pd.read_csv(one).iloc[::-1]
    other.to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(ValueError, match="different frames"):
        evaluate(
            one,
            tmp_path / "other.csv",
            None,
            decides(tmp_path),
            None,
            split,
            tmp_path / "m.json",
            classes=CLASSES,
            confidence=0.95,
        )
    assert not (tmp_path / "m.json").exists()


def test_the_answer_that_never_looks_has_figures_beside_the_models(tmp_path):
    """It says what most training frames are, whatever the test frames are."""
    split = write_split(tmp_path, CLASSES)
    table = read_split(split)
    table.loc[table["part"] == "train", "label"] = ["bad", "bad"]
    table.to_csv(split, index=False)
    float_ = predicted(split, "float.csv", [1] * 6, CLASSES)
    some = predicted(split, "some.csv", [1] * 4, CLASSES, {"test", "unlabelled"})
    for path in (float_, some):  # an int8 form has no training frames in its table
        evaluate(
            path, float_, None, decides(tmp_path), None, split, tmp_path / "m.json", classes=CLASSES, confidence=0.95
        )
        constant = json.loads((tmp_path / "m.json").read_text())["constant"]
        assert (constant["says"], constant["accuracy"]["of"], constant["balanced_accuracy"]) == ("bad", [1, 3], 0.5)
        assert constant["classes"]["bad"]["recall"]["of"] == [1, 1]
        assert constant["classes"]["good"]["recall"]["of"] == [0, 2]


def test_the_constant_answer_is_the_class_that_weighs_most_on_the_line(tmp_path):
    """Of two training frames the good one stands for three times as much; and what a test frame weighs is no matter."""
    split = write_split(tmp_path, CLASSES)
    path = predicted(split, "one.csv", [0] * 6, CLASSES)
    pd.read_csv(split).assign(weight=[0.5, 1.5, 9, 1, 1, 1]).to_csv(split, index=False)
    evaluate(path, path, None, decides(tmp_path), None, split, tmp_path / "m.json", classes=CLASSES, confidence=0.95)
    assert json.loads((tmp_path / "m.json").read_text())["constant"]["says"] == "good"


def test_thresholds_have_figures_of_their_own(tmp_path):
    split = write_split(tmp_path, CLASSES)
    path = predicted(split, "one.csv", [1] * 6, CLASSES)  # good, with a little of bad in it
    evaluate(
        path,
        path,
        None,
        decides(tmp_path, bad=1e-6),
        None,
        split,
        tmp_path / "m.json",
        classes=CLASSES,
        confidence=0.95,
    )
    result = json.loads((tmp_path / "m.json").read_text())
    assert "decided" in result
    assert result["test"]["accuracy"]["of"] == [2, 3], "what the network says stays"
    assert result["decided"]["frames"] == 3
