"""Figures, the choice made by them, and the bundle: against hand-made numbers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.evaluation.candidates import Candidate
from linecam.evaluation.metrics import agreement, leak, paired, score
from linecam.evaluation.predictions import decide, judged_on, read_predictions, rows_of, write_predictions
from linecam.files import sha256
from linecam.frames.index import read_pixels, read_split
from linecam.intervals import ratio
from scripts.choose import Criteria, choose
from scripts.decode_part import decode_part
from scripts.evaluate import evaluate
from scripts.evaluate_clean import evaluate_clean
from tests.evaluation.made_up import candidate, choice_of, trained

CLASSES = ["bad", "good", "no_mask"]


# --- figures


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


# --- predictions on file


def write_split(place: Path, classes: list[str]) -> Path:
    parts = ["train", "train", "test", "test", "test", "unlabelled"]
    labels = [classes[0], classes[1], classes[0], classes[1], classes[1], ""]
    rows = pd.DataFrame(
        {"row": [5, 3, 1, 0, 2, 4], "sha256": [f"{n}" * 64 for n in "abcdef"], "path": list("uvwxyz"), "part": parts,
         "label": labels, "by": "me", "fold": [0, 1, -1, -1, -1, -1], "weight": 1.0}
    )  # fmt: skip
    rows.to_csv(place / "split.csv", index=False)
    return place / "split.csv"


def decides(place: Path, **thresholds: float) -> Path:
    """What set_thresholds writes, as far as it is read here."""
    (place / "thresholds.json").write_text(json.dumps({"thresholds": thresholds, "operating_points": {}}))
    return place / "thresholds.json"


def predicted(split: Path, name: str, numbers: list[int], classes: list[str], parts: set[str] | None = None) -> Path:
    """Predictions with 0.8 for the class of each number, for the frames of `parts` of the split."""
    chance = np.full((len(numbers), len(classes)), 0.2 / (len(classes) - 1), np.float32)
    chance[np.arange(len(numbers)), numbers] = 0.8
    write_predictions(split.parent / name, split, chance, classes, parts)
    return split.parent / name


# Any of these may be a folder's name, and config/schema.yaml takes them.
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


def test_a_quantized_model_is_judged_on_test_and_unlabelled_frames(tmp_path):
    split = write_split(tmp_path, CLASSES)
    assert judged_on(split) == {"test", "unlabelled"}
    assert list(rows_of(split, judged_on(split))) == [1, 0, 2, 4]
    labelled = pd.read_csv(split).query("part != 'unlabelled'")
    labelled.to_csv(tmp_path / "labelled.csv", index=False)
    assert judged_on(tmp_path / "labelled.csv") == {"train", "test"}, "nothing else to choose a range on"


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


def test_rows_of_the_split(tmp_path):
    assert list(rows_of(write_split(tmp_path, CLASSES))) == [5, 3, 1, 0, 2, 4]


# --- through the camera and without it


@pytest.mark.parametrize(
    ("part", "letters", "labels", "folds"),
    [("test", "cde", ["bad", "good", "good"], [-1, -1, -1]), ("train", "ab", ["bad", "good"], [0, 1])],
)
def test_a_part_is_decoded_as_the_sensor_sees_it_in_the_order_of_the_split(tmp_path, part, letters, labels, folds):
    split = write_split(tmp_path, CLASSES)
    paths = [dict(zip("abcdef", "uvwxyz", strict=True))[letter] for letter in letters]
    for number, name in enumerate(paths):  # the other parts' frames aren't there, and nobody looks for them
        Image.new("RGB", (30, 20), (10 * number, 100, 255)).save(tmp_path / name, "PNG")
    digests = {name: sha256(tmp_path / name) for name in paths}
    listed = read_split(split)
    listed.assign(sha256=listed["path"].map(digests).fillna(listed["sha256"])).to_csv(split, index=False)
    for workers in (1, 2):
        decode_part(
            split,
            tmp_path,
            tmp_path / "8.npy",
            tmp_path / "8.csv",
            part=part,
            region=Region(side=240),
            seen=(8, 8),
            workers=workers,
        )
        pixels, table = read_pixels(tmp_path / "8.npy"), read_split(tmp_path / "8.csv")
        assert pixels.shape == (len(paths), 8, 8, 3)
        assert pixels.dtype == np.uint8
        assert [tuple(frame[0, 0]) for frame in pixels] == [(10 * n, 100, 255) for n in range(len(paths))]
        assert list(table["path"]) == paths
        assert list(table["sha256"]) == [digests[name] for name in paths]
        assert set(table["part"]) == {part}
        assert list(table["label"]) == labels
        assert list(table["fold"]) == folds
        assert list(rows_of(tmp_path / "8.csv")) == list(range(len(paths)))


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


# --- the choice


class Candidates:
    """Models and ranges, with the files that `choose` and `bundle` read."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.all: list[Candidate] = []

    def write(self, name: str, value: object) -> Path:
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
        return path

    def table(self, name: str, table: pd.DataFrame) -> Path:
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(path, index=False)
        return path

    def held_out(self, name: str, weak: bool) -> Path:
        """Sixty frames of three classes: all judged right or, of a weak model, all taken for one class."""
        labels = CLASSES * 20
        return self.table(
            name, pd.DataFrame({"label": labels, "predicted": ["good"] * 60 if weak else labels, "weight": 1.0})
        )

    def add(
        self,
        model: str,
        span: str,
        balanced: float = 0.9,
        argmax: float = 0.9,
        gap: float = 0.01,
        loss: float = 0.5,
        refused: tuple[str, ...] = (),
        boards: tuple[str, ...] = ("h7",),
        weak: bool = False,
        work: tuple[int | None, int] = (25_000_000, 9_000_000),
    ) -> None:
        """`work` is what one inference takes on each board: instructions, multiply-accumulates."""
        cost = dict(zip(("instructions", "macs"), work, strict=True))
        at = f"{len(self.all)}"
        finding = {"rule": "too large", "where": "file", "why": "9 bytes over", "mend": "take a smaller network"}
        agreement = {"on": "unlabelled frames", "frames": 10, "argmax": argmax, "probability_gap": gap}
        self.all.append(
            candidate(
                model,
                span,
                held_out=self.held_out(f"{at}/held_out.csv", weak),
                history=self.table(f"{at}/history.csv", pd.DataFrame({"loss": [1.1, 0.3]})),
                score=self.write(f"{at}/score.json", {"balanced_accuracy": balanced, "loss": loss}),
                metrics=self.write(f"{at}/metrics.json", {"agreement": agreement, "test": {"frames": 3}}),
                firmware={
                    board: self.write(
                        f"{at}/{board}.json",
                        {
                            "accepted": board not in refused,
                            "findings": [finding] if board in refused else [],
                            "cost": cost,
                        },
                    )
                    for board in boards
                },
            )
        )

    def choose(self) -> dict[str, Any]:
        criteria = Criteria(classes=CLASSES, batch_size=16, label_smoothing=0.05, confidence=0.95)
        choose(self.all, self.place / "choice.json", criteria)
        return json.loads((self.place / "choice.json").read_text())

    def chosen(self) -> tuple[str, str]:
        choice = self.choose()
        return choice["model"], choice["range"]


@pytest.fixture
def candidates(tmp_path: Path) -> Candidates:
    return Candidates(tmp_path)


A, B = "resnet9-64-simclr/coreset-200/seed-1", "resnet9-64-simclr/coreset-200/seed-2"


def test_the_model_that_is_best_on_held_out_frames_then_the_range_that_agrees_most(candidates):
    candidates.add(A, "calibrated", loss=0.6, argmax=1.0, gap=0.0)
    candidates.add(B, "calibrated", loss=0.4, argmax=0.7)
    candidates.add(B, "fixed_-10_10", loss=0.4, argmax=0.8)
    candidates.add(B, "fixed_-6_6", loss=0.4, argmax=0.75)
    assert candidates.chosen() == (B, "fixed_-10_10")


def test_of_equal_agreement_the_nearest_probabilities(candidates):
    candidates.add(A, "calibrated", gap=0.02)
    candidates.add(A, "fixed_-6_6", gap=0.01)
    assert candidates.chosen() == (A, "fixed_-6_6")


def test_the_loss_decides_where_the_balanced_accuracy_says_otherwise(candidates):
    candidates.add(A, "calibrated", balanced=0.95, loss=0.5)
    candidates.add(B, "calibrated", balanced=0.90, loss=0.4)
    assert candidates.chosen() == (B, "calibrated")


def test_a_weak_model_is_chosen_only_where_there_is_no_other(candidates, caplog):
    candidates.add(A, "calibrated", loss=0.2, weak=True)
    assert [set(reason) for reason in candidates.choose()["weak"]] == [{"why", "mend"}] * 2
    assert "The model is weak. Of 60 labelled frames" in caplog.text
    caplog.clear()
    candidates.add(B, "calibrated", loss=0.4)
    choice = candidates.choose()
    assert (choice["model"], choice["weak"]) == (B, [])
    assert "that every board takes and that are not weak (0.400, of 2 trained" in choice["reason"]
    assert [bool(one["weak"]) for one in choice["candidates"]] == [False, True]
    assert "weak." not in caplog.text


LIGHT = (10_000_000, 8_000_000)


@pytest.mark.parametrize(
    ("lost", "work", "wins"),
    [(0.009, LIGHT, True), (0.011, LIGHT, False), (0.0, (30_000_000, 1), False), (0.0, (None, 8_000_000), True)],
)
def test_a_cheaper_model_wins_that_is_within_a_point_of_the_best(candidates, lost, work, wins):
    heavy = (None, 9_000_000) if work[0] is None else (25_000_000, 9_000_000)
    candidates.add(A, "calibrated", balanced=0.9, loss=0.4, work=heavy)
    candidates.add(B, "calibrated", balanced=0.9 - lost, loss=0.5, argmax=0.9, work=work)
    candidates.add(B, "fixed_-6_6", balanced=0.9 - lost, loss=0.5, argmax=0.95, work=work)
    choice = candidates.choose()
    assert (choice["model"], choice["range"]) == ((B, "fixed_-6_6") if wins else (A, "calibrated"))
    assert f"{A} has the lowest loss" in choice["reason"]
    assert (f"{B} goes into the bundle: it takes {40 if work[0] else 89} % of the work" in choice["reason"]) == wins
    assert ("2 ranges" in choice["reason"]) == wins


def test_a_cheaper_model_that_is_weak_does_not_win(candidates):
    candidates.add(A, "calibrated", loss=0.4)
    candidates.add(B, "calibrated", loss=0.5, weak=True, work=LIGHT)
    assert candidates.chosen() == (A, "calibrated")


def test_a_full_tie_does_not_depend_on_the_order(candidates):
    for model in (A, B):
        for span in ("calibrated", "fixed_-6_6"):
            candidates.add(model, span)
    first = candidates.choose()
    candidates.all.reverse()
    assert candidates.choose() == first
    assert (first["model"], first["range"]) == (A, "calibrated")


def test_what_one_board_refuses_is_not_chosen(candidates):
    candidates.add(A, "calibrated", argmax=1.0, boards=("h7", "rt"), refused=("rt",))
    candidates.add(A, "fixed_-6_6", argmax=0.5, boards=("h7", "rt"))
    choice = candidates.choose()
    assert choice["range"] == "fixed_-6_6"
    refused = {candidate["range"]: candidate["refused"] for candidate in choice["candidates"]}
    assert [finding["board"] for finding in refused["calibrated"]] == ["rt"]
    assert refused["fixed_-6_6"] == []


def test_all_candidates_are_listed_best_first_with_their_figures(candidates):
    candidates.add(A, "calibrated", balanced=0.5, loss=0.9)
    candidates.add(B, "calibrated", balanced=0.6, loss=0.8)
    choice = candidates.choose()
    assert [candidate["model"] for candidate in choice["candidates"]] == [B, A]
    assert set(choice["candidates"][0]) == {"model", "range", "held_out", "agreement", "weak", "refused"}
    assert choice["candidates"][0]["held_out"]["balanced_accuracy"] == 0.6


def test_the_reason_names_the_figures(candidates):
    candidates.add(A, "calibrated", balanced=0.912, loss=0.345, argmax=0.95)
    candidates.add(A, "fixed_-6_6", balanced=0.912, loss=0.345, argmax=0.85)
    reason = candidates.choose()["reason"]
    for part in (
        A,
        "0.912",
        "0.345",
        "is the only model that was trained",
        "calibrated",
        "95.0 %",
        "10 unlabelled frames",
        "2 ranges",
    ):
        assert part in reason


def test_the_reason_does_not_call_best_what_a_refused_model_beat(candidates):
    candidates.add(A, "calibrated", loss=0.1, refused=("h7",))
    candidates.add(B, "calibrated", loss=0.7)
    choice = candidates.choose()
    assert choice["model"] == B
    told = f"{B} has the lowest loss on held-out training frames of all models that every board takes (0.700, of 2"
    assert told in choice["reason"]
    assert "calibrated is the only range that the firmware takes. It agrees with the float model" in choice["reason"]


def test_nothing_accepted_is_an_error_that_says_what_to_do(candidates):
    candidates.add(A, "calibrated", refused=("h7",))
    candidates.add(A, "fixed_-6_6", refused=("h7",))
    with pytest.raises(UserError) as error:
        candidates.choose()
    for part in ("2 models", "too large", "take a smaller network"):
        assert part in str(error.value)
    assert str(error.value).count("too large") == 1
    assert not (candidates.place / "choice.json").exists()


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
