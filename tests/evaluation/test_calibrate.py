"""Calibration: the temperature that was put in comes out, the last layer has it, and the error is as by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from linecam.evaluation.calibration import balanced_loss, best_temperature, calibration_error
from linecam.evaluation.predictions import read_predictions
from linecam.networks.models import Classifier, load_weights, save_weights
from scripts.calibrate import calibrate

CLASSES = ["bad", "good", "no_mask"]
NETWORK = "swift7-32"


def honest(count: int, classes: int = 3, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Logits whose probabilities are right: each target is drawn by them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (count, classes))
    chances = softmax(logits, axis=1).cumsum(axis=1)
    return logits, (rng.random((count, 1)) > chances).sum(axis=1)


def ones(targets: NDArray) -> NDArray[np.float64]:
    """Weights of frames that all count alike."""
    return np.ones(len(targets))


# --- the temperature


@pytest.mark.parametrize("temperature", [0.2, 0.7, 1.0, 2.5, 10.0])
def test_the_temperature_that_was_put_in_is_found(temperature):
    logits, targets = honest(20_000)
    assert best_temperature(logits * temperature, targets, ones(targets)) == pytest.approx(temperature, rel=0.05)


def test_the_best_temperature_has_the_lowest_loss():
    """Of ten thousand frames: with few, the doubt about frames never seen counts, too."""
    logits, targets = honest(10_000, seed=3)
    found = best_temperature(logits, targets, ones(targets))

    def cost(temperature: float) -> float:
        return -float(np.log(softmax(logits / temperature, axis=1)[np.arange(10_000), targets]).mean())

    assert cost(found) <= min(cost(found * factor) for factor in (0.5, 0.9, 1.1, 2)) + 1e-9


@pytest.mark.parametrize("right", [True, False])
def test_frames_that_are_all_right_or_all_wrong_have_a_temperature_too(right):
    logits = np.array([[9.0, 0.0], [0.0, 7.0]] * 5)
    targets = np.array([0, 1] * 5) if right else np.array([1, 0] * 5)
    found = best_temperature(logits, targets, ones(targets))
    assert 0.05 < found <= 20
    if right:  # of two classes: the doubt about N frames is 1 / (N + 2)
        assert softmax(np.array([8.0, 0.0]) / found)[1] == pytest.approx(1 / 12, rel=0.05)
    else:
        assert found > 19


# --- the calibration error


def test_the_calibration_error_by_hand():
    confident = np.array([0.95, 0.95, 0.95, 0.95, 0.65, 0.65])
    probabilities = np.stack([confident, 1 - confident], axis=1)
    targets = np.array([0, 0, 1, 1, 0, 1])
    # Of 4 frames at 0.95 2 are right, of 2 at 0.65 1.
    assert calibration_error(probabilities, targets, ones(targets)) == pytest.approx(
        (4 * 0.45 + 2 * 0.15) / 6, abs=1e-6
    )


def test_too_little_and_too_much_confidence_in_one_bin_make_up_for_each_other():
    probabilities = np.array([[0.72, 0.28], [0.78, 0.22]])
    assert calibration_error(probabilities, np.array([0, 1]), np.ones(2)) == pytest.approx(0.25)
    # In two bins they don't.
    apart = np.array([[0.78, 0.22], [0.82, 0.18]])
    assert calibration_error(apart, np.array([0, 1]), np.ones(2)) == pytest.approx((0.22 + 0.82) / 2)


def test_certainty_is_in_the_last_bin():
    certain = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert calibration_error(certain, np.array([0, 1]), np.ones(2)) == 0
    assert calibration_error(certain, np.array([1, 0]), np.ones(2)) == 1


def test_right_probabilities_have_next_to_no_error():
    logits, targets = honest(20_000)
    assert calibration_error(softmax(logits, axis=1), targets, ones(targets)) < 0.01
    assert calibration_error(softmax(logits * 3, axis=1), targets, ones(targets)) > 0.1


# --- the loss


def test_every_class_weighs_the_same_in_the_loss():
    logits = np.log(np.array([[0.9, 0.1]] * 9 + [[0.8, 0.2]]))
    targets = np.array([0] * 9 + [1])
    assert balanced_loss(logits, targets, ones(targets)) == pytest.approx(-(np.log(0.9) + np.log(0.2)) / 2)
    assert balanced_loss(logits[:9], targets[:9], np.ones(9)) == pytest.approx(-np.log(0.9)), (
        "a class that isn't there doesn't count"
    )


# --- from file to file


def fold_tables(
    place: Path,
    logits: NDArray,
    targets: NDArray,
    folds: int = 3,
    classes: list[str] = CLASSES,
    weights: NDArray | None = None,
) -> list[Path]:
    """What finetune_fold writes of these frames, the first in fold 0 and so on."""
    paths = []
    digests = np.array([f"{n * 2654435761 % 2**32:08x}" * 8 for n in range(len(targets))])
    for fold in range(folds):
        rows = np.arange(len(targets)) % folds == fold
        table = pd.DataFrame(
            {
                "sha256": digests[rows],
                "path": [f"{n}.jpg" for n in np.flatnonzero(rows)],
                "label": [classes[number] for number in targets[rows]],
                "fold": fold,
                "weight": (ones(targets) if weights is None else weights)[rows],
            }
        )
        for number, name in enumerate(classes):
            table[f"z_{name}"] = [f"{value:.6f}" for value in logits[rows, number]]
        paths.append(place / f"{fold}.csv")
        table.to_csv(paths[-1], index=False)
    return paths


def some_model(place: Path, classes: int = 3) -> Path:
    torch.manual_seed(1)
    save_weights(place / "weights.safetensors", Classifier(NETWORK, classes), {"network": NETWORK, "seed": 7})
    return place / "weights.safetensors"


def calibrated(place: Path, folds: list[Path], classes: list[str] = CLASSES) -> tuple[pd.DataFrame, dict[str, Any]]:
    calibrate(
        some_model(place, len(classes)),
        folds,
        place / "model.safetensors",
        place / "held_out.csv",
        place / "score.json",
        network=NETWORK,
        classes=classes,
    )
    return read_predictions(place / "held_out.csv"), json.loads((place / "score.json").read_text())


def test_the_score_and_the_table_are_of_all_folds(tmp_path):
    logits, targets = honest(90, seed=2)
    table, score = calibrated(tmp_path, fold_tables(tmp_path, logits * 2, targets))
    temperature = best_temperature(np.round(logits * 2, 6), targets, ones(targets))
    assert list(table.columns) == [
        "sha256",
        "path",
        "label",
        "fold",
        "weight",
        "predicted",
        "p_bad",
        "p_good",
        "p_no_mask",
    ]
    assert len(table) == score["frames"] == 90
    assert list(table["sha256"]) == sorted(table["sha256"])

    order = [int(path.removesuffix(".jpg")) for path in table["path"]]
    assert list(table["label"]) == [CLASSES[number] for number in targets[order]]
    expected = softmax(logits[order] * 2 / temperature, axis=1)
    np.testing.assert_allclose(table[["p_bad", "p_good", "p_no_mask"]], expected, atol=2e-6)
    assert list(table["predicted"]) == [CLASSES[number] for number in expected.argmax(axis=1)]

    right = (table["predicted"] == table["label"]).to_numpy()
    recalls = [right[(table["label"] == name).to_numpy()].mean() for name in CLASSES]
    assert score["temperature"] == pytest.approx(temperature, abs=1e-4)
    assert score["accuracy"] == pytest.approx(right.mean(), abs=1e-6)
    assert score["balanced_accuracy"] == pytest.approx(np.mean(recalls), abs=1e-6)
    assert score["loss"] == pytest.approx(balanced_loss(logits * 2 / temperature, targets, ones(targets)), abs=1e-5)
    before = calibration_error(softmax(logits * 2, axis=1), targets, ones(targets))
    assert score["calibration_error"] == pytest.approx(
        {
            "before": before,
            "after": calibration_error(softmax(logits * 2 / temperature, axis=1), targets, ones(targets)),
        },
        abs=1e-5,
    )
    frequent = table["label"].value_counts().max() / 90
    assert score["constant"].pop("says") == table["label"].value_counts().idxmax()
    assert score["constant"] == pytest.approx({"accuracy": frequent, "balanced_accuracy": 1 / 3}, abs=1e-6)
    assert score["effective_frames"] == 90
    figures = {
        "frames",
        "effective_frames",
        "loss",
        "accuracy",
        "balanced_accuracy",
        "constant",
        "temperature",
        "calibration_error",
    }
    assert set(score) == figures


def test_the_model_says_the_calibrated_probabilities_itself(tmp_path):
    logits, targets = honest(90, seed=2)
    _, score = calibrated(tmp_path, fold_tables(tmp_path, logits * 4, targets))
    before, after = (Classifier(NETWORK, 3).eval() for _ in range(2))
    load_weights(tmp_path / "weights.safetensors", before)
    about = load_weights(tmp_path / "model.safetensors", after)
    assert about["network"] == NETWORK
    assert about["seed"] == 7
    assert about["temperature"] == pytest.approx(score["temperature"], abs=1e-4)
    assert score["temperature"] > 2
    images = torch.rand(5, 3, 32, 32)
    with torch.inference_mode():
        expected = torch.softmax(before(images) / about["temperature"], dim=1)
        np.testing.assert_allclose(torch.softmax(after(images), dim=1), expected, atol=1e-6)
        assert (before(images) - after(images)).abs().max() > 0.01


def test_a_fold_without_frames_changes_nothing(tmp_path):
    logits, targets = honest(12, seed=2)
    paths = fold_tables(tmp_path, logits, targets, folds=3)
    table, score = calibrated(tmp_path, paths)
    for number in (3, 4):
        empty = tmp_path / f"{number}.csv"
        empty.write_text(paths[0].read_text().splitlines()[0] + "\n")
        paths.append(empty)
    again, same = calibrated(tmp_path, paths)
    pd.testing.assert_frame_equal(again, table)
    assert same == score


def test_neither_the_order_of_folds_nor_another_run_changes_a_byte(tmp_path):
    logits, targets = honest(30, seed=2)
    paths = fold_tables(tmp_path, logits, targets)
    calibrated(tmp_path, paths)
    names = ("model.safetensors", "held_out.csv", "score.json")
    first = [(tmp_path / name).read_bytes() for name in names]
    calibrated(tmp_path, paths[::-1])
    assert [(tmp_path / name).read_bytes() for name in names] == first


@pytest.mark.parametrize("classes", [["0", "1"], ["01", "1"], ["true", "false"], ["None", "NA"], ["1e3", "nan"]])
def test_classes_whatever_they_are_called(tmp_path, classes):
    logits, targets = honest(30, classes=2, seed=2)
    table, score = calibrated(tmp_path, fold_tables(tmp_path, logits, targets, classes=classes), classes)
    assert set(table["label"]) == set(classes)
    assert score["accuracy"] == pytest.approx(np.mean(logits.argmax(axis=1) == targets), abs=1e-6)


def test_a_class_that_no_fold_held_out(tmp_path):
    logits, targets = honest(30, seed=2)
    kept = targets != 2
    _, score = calibrated(tmp_path, fold_tables(tmp_path, logits[kept], targets[kept]))
    assert 0 < score["balanced_accuracy"] < 1
    assert np.isfinite(score["loss"])


# --- frames that stand for more or less of the line


def test_a_weight_of_n_is_n_frames_of_weight_1():
    """But for the temperature's doubt about frames never seen, which many frames make small."""
    logits, targets = honest(4000, seed=4)
    weights = np.random.default_rng(5).integers(1, 5, 4000)
    each = np.repeat(np.arange(4000), weights)
    logits = logits * 3
    many, alike = logits[each], targets[each]
    weighed = best_temperature(logits, targets, weights.astype(float))
    assert weighed == pytest.approx(best_temperature(many, alike, ones(alike)), rel=2e-3)
    assert weighed != pytest.approx(best_temperature(logits, targets, ones(targets)), rel=2e-3)
    loss = balanced_loss(logits, targets, weights.astype(float))
    assert loss == pytest.approx(balanced_loss(many, alike, ones(alike)))
    assert loss != pytest.approx(balanced_loss(logits, targets, ones(targets)), rel=1e-3)
    p, repeated = softmax(logits, axis=1), softmax(many, axis=1)
    error = calibration_error(p, targets, weights.astype(float))
    assert error == pytest.approx(calibration_error(repeated, alike, ones(alike)), abs=2e-6)
    assert error != pytest.approx(calibration_error(p, targets, ones(targets)), abs=1e-4)


def test_the_doubt_is_that_of_the_effective_number_of_frames():
    """Ten frames all right, of which one is nearly all the weight, are no more than one."""
    logits = np.array([[8.0, 0.0], [0.0, 8.0]] * 5)
    weights = np.array([1.0] + [1e-9] * 9)
    found = best_temperature(logits, np.array([0, 1] * 5), weights)
    assert softmax(np.array([8.0, 0.0]) / found)[1] == pytest.approx(1 / 3, rel=0.05)


def test_the_score_is_that_of_the_line(tmp_path):
    """Half of the labels are odd frames that are judged wrong, and they stand for a tenth of the line."""
    targets = np.array([0, 1, 2] * 20)
    odd = np.arange(60) < 30
    logits = np.where(np.eye(3)[np.where(odd, (targets + 1) % 3, targets)] > 0, 4.0, 0.0)
    weights = np.where(odd, 0.2, 1.8)
    weights[targets == 1] *= 2
    table, score = calibrated(tmp_path, fold_tables(tmp_path, logits, targets, weights=weights))
    assert sorted(table["weight"]) == pytest.approx(sorted(weights))
    assert score["accuracy"] == pytest.approx(0.9)
    assert score["balanced_accuracy"] == pytest.approx(0.9)
    assert score["constant"] == {"says": "good", "accuracy": 0.5, "balanced_accuracy": 0.333333}
    assert score["frames"] == 60
    assert score["effective_frames"] == pytest.approx(weights.sum() ** 2 / (weights**2).sum(), abs=0.05)
