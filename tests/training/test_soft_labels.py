"""Soft labels: held-out frames are judged by who never saw them, and finetuning learns from frames without a label."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from linecam.errors import UserError
from linecam.files import sha256
from linecam.frames.index import COLUMNS
from linecam.networks.models import backbone, save_weights
from linecam.training.finetune import EPOCHS, EPOCHS_WITH_SOFT, STEPS, Recipe, epochs_of, soft_frames, soft_loss
from linecam.training.soft_labels import SoftLabels, predict_by_folds
from scripts.finetune import finetune
from scripts.soft_label import soft_label

RNG = np.random.default_rng(3)


def features(targets, apart=2.0):
    """Features (N, 6), of which the first tells the class."""
    made = RNG.normal(size=(len(targets), 6)).astype(np.float32)
    made[:, 0] += apart * (np.asarray(targets) * 2 - 1)
    return made


def test_what_can_be_told_is_told_of_held_out_and_of_other_frames():
    targets, others = np.arange(80) % 2, np.arange(40) % 2
    held, soft = predict_by_folds(
        features(targets), targets, np.ones(80), np.arange(80) // 2 % 4, features(others), classes=2
    )
    assert held.shape == (80, 2) and soft.shape == (5, 40, 2)
    np.testing.assert_allclose(held.sum(axis=1), 1, atol=1e-5)
    assert (held.argmax(axis=1) == targets).mean() > 0.9
    assert all((said.argmax(axis=1) == others).mean() > 0.9 for said in soft)


def test_a_fold_is_predicted_without_its_labels():
    """Labels that nothing tells are learned by heart; held out, they are a coin's."""
    targets = RNG.integers(0, 2, 120)
    told_nothing = RNG.normal(size=(120, 200)).astype(np.float32)
    held, soft = predict_by_folds(told_nothing, targets, np.ones(120), np.arange(120) % 5, told_nothing, classes=2)
    assert 0.3 < (held.argmax(axis=1) == targets).mean() < 0.65
    for fold in range(5):
        out = np.arange(120) % 5 == fold
        np.testing.assert_allclose(soft[fold][out], held[out], atol=1e-5)
    # That one did see them.
    seen, unseen = (said[np.arange(120), targets].mean() for said in (soft[-1], held))
    assert seen > unseen + 0.002


def test_the_weights_of_frames_count():
    targets = np.array([0, 1] * 20)
    weights = np.where(targets == 0, 9.0, 1.0)
    _, even = predict_by_folds(features(targets, 0), targets, np.ones(40), np.arange(40) % 4, np.zeros((1, 6)), 2)
    _, uneven = predict_by_folds(features(targets, 0), targets, weights, np.arange(40) % 4, np.zeros((1, 6)), 2)
    assert uneven[-1, 0, 0] > even[-1, 0, 0] + 0.2


def test_a_class_that_no_label_has_and_labels_of_one_class_alone():
    held, soft = predict_by_folds(
        features([0, 1] * 20, 4), np.array([0, 2] * 20), np.ones(40), np.full(40, -1), features([0, 1], 4), classes=3
    )
    assert not held.any() and soft.shape == (1, 2, 3)
    assert (soft[:, :, 1] == 0).all() and (soft[0].argmax(axis=1) == [0, 2]).all(), soft
    _, alone = predict_by_folds(features([1] * 5), np.array([1] * 5), np.ones(5), np.full(5, -1), features([0]), 3)
    assert alone.tolist() == [[[0, 1, 0]]]


def test_the_common_class_does_not_outvote_the_rare_one():
    """Where nothing tells them apart, the best answer to frames of which 1 in 10 is rare is one half, not a tenth."""
    logits = torch.zeros(1, 2, requires_grad=True)
    soft, weight = torch.tensor([[0.1, 0.9]]), torch.tensor([5.0, 5 / 9])
    soft_loss(logits, soft, weight).backward()
    assert logits.grad.abs().max() < 1e-6
    soft_loss(logits, soft, torch.ones(2)).backward()
    assert logits.grad[0, 0] > 0.3


def test_epochs_fill_the_time_whether_or_not_unlabelled_frames_join_in_and_few_labels_take_more():
    recipe = Recipe(None, 16, 0.01, 0, 0, 1, unlabelled_batch=32)
    assert epochs_of(recipe, 200, with_soft=True) == EPOCHS_WITH_SOFT
    assert epochs_of(recipe, 200, with_soft=False) == EPOCHS
    assert epochs_of(Recipe(None, 16, 0.01, 0, 0, 1, unlabelled_batch=0), 200, with_soft=True) == EPOCHS
    assert epochs_of(recipe, 25, with_soft=True) == STEPS * EPOCHS_WITH_SOFT
    assert epochs_of(Recipe(7, 16, 0.01, 0, 0, 1), 25, with_soft=True) == 7


class Line:
    """An index of 30 frames, of which 12 are labelled, 4 for the test, and a sample of all but those."""

    def __init__(self, place: Path) -> None:
        self.place = place
        digests = [f"{number:064x}" for number in range(30)]
        base = {name: 0 for name in COLUMNS}
        rows = [base | {"path": f"{d}.png", "sha256": d, "status": "ok"} for d in digests]
        pd.DataFrame(rows, columns=COLUMNS).to_csv(place / "frames.csv", index=False)
        self.targets = np.arange(30) % 2
        np.save(place / "embeddings.npy", (np.repeat(self.targets[:, None], 6, 1) + RNG.normal(0, 0.1, (30, 6))))
        parts = ["train"] * 12 + ["test"] * 4 + ["unlabelled"] * 3
        split = pd.DataFrame({"row": range(19), "sha256": digests[:19], "path": "x", "part": parts, "by": "me"})
        split["label"] = [
            ["bad", "good"][n] if p != "unlabelled" else "" for n, p in zip(self.targets[:19], parts, strict=True)
        ]
        split["fold"] = [number // 2 % 3 if part == "train" else -1 for number, part in enumerate(parts)]
        split["weight"] = 1.0
        split.to_csv(place / "split.csv", index=False)
        # In an order of its own, without the last labelled frame, and with one that the index no longer has.
        self.sampled = [digests[n] for n in [*range(29, 15, -1), *range(11)]] + ["f" * 64]
        pd.DataFrame({"sha256": self.sampled, "path": "x"}).to_csv(place / "sample.csv", index=False)
        pixels = np.full((len(self.sampled), 40, 40, 3), 60, np.uint8)
        for row, digest in enumerate(self.sampled[:-1]):
            pixels[row] += np.uint8(90 * (int(digest, 16) % 2))
        np.save(place / "sample.npy", pixels)

    def files(self) -> list[Path]:
        return [self.place / name for name in ("sample.npy", "sample.csv", "soft.npz")]

    def labelled(self) -> pd.DataFrame:
        return pd.read_csv(self.place / "split.csv").query("part == 'train'")

    def soften(self) -> SoftLabels:
        names = ("frames.csv", "split.csv", "embeddings.npy", "sample.csv", "soft.npz", "held_out.csv")
        soft_label(*(self.place / name for name in names), classes=["bad", "good"])
        return SoftLabels.load(self.place / "soft.npz")


@pytest.fixture
def line(tmp_path):
    return Line(tmp_path)


def test_frames_of_the_sample_and_labelled_ones_get_soft_labels_but_none_of_the_test(line):
    line.sampled[3] = f"{13:064x}"  # it was not for the test when the sample was drawn
    pd.DataFrame({"sha256": line.sampled, "path": "x"}).to_csv(line.place / "sample.csv")
    soft = line.soften()
    assert set(soft.sha256) == {f"{n:064x}" for n in [*range(12), *range(16, 30)]} - {f"{26:064x}"}
    said = soft.without(None).argmax(axis=1)
    assert said.tolist() == [int(one, 16) % 2 for one in soft.sha256]
    assert soft.probabilities.shape == (4, 25, 2)
    assert (soft.without(2) == soft.probabilities[2]).all() and (soft.without(2) != soft.without(None)).any()
    held = pd.read_csv(line.place / "held_out.csv")
    assert list(held.columns) == ["sha256", "path", "label", "fold", "weight", "p_bad", "p_good"] and len(held) == 12


def test_each_soft_label_goes_with_its_frame_and_none_is_of_the_fold(line):
    line.soften()
    table = line.labelled()
    kept = table["fold"] != 1
    labelled = np.stack([np.full((40, 40, 3), 60 + 90 * (n % 2), np.uint8) for n in np.flatnonzero(kept)])
    found = soft_frames(line.files(), table, fold=1)
    assert len(found.rows) == 14 and len(found.labels) == 14 + kept.sum() == 14 + 8
    for frame, said in zip(found.pick(np.arange(22), labelled), found.labels, strict=True):
        assert (frame.mean() > 100) == bool(said.argmax())
    assert len(soft_frames(line.files(), table, fold=None).labels) == 14 + 12
    assert soft_frames([], table, fold=None) is None


def test_where_every_frame_is_labelled_their_soft_labels_are_learned(line):
    pd.DataFrame({"sha256": [f"{n:064x}" for n in range(12)], "path": "x"}).to_csv(line.place / "sample.csv")
    assert len(line.soften().sha256) == 12
    found = soft_frames(line.files(), line.labelled(), fold=0)
    assert len(found.rows) == 0 and len(found.labels) == 8


def test_a_file_that_holds_no_soft_labels_is_named(tmp_path):
    (tmp_path / "soft.npz").write_bytes(b"nonsense")
    with pytest.raises(UserError, match=r"soft\.npz holds no soft labels"):
        SoftLabels.load(tmp_path / "soft.npz")


def test_finetuning_learns_from_them_and_gives_the_same_bytes_twice(line):
    """Labels of dark frames say nothing of bright ones: these are known from the soft labels alone."""
    line.soften()
    dark = np.full((8, 40, 40, 3), 60, np.uint8)
    dark[::2, 10:20, 10:20] = 80
    np.save(line.place / "train.npy", dark)
    table = line.labelled().iloc[:8].assign(by="me")
    table["label"], table["weight"] = ["good", "bad"] * 4, 1.0
    table.to_csv(line.place / "train.csv", index=False)
    torch.manual_seed(0)
    save_weights(line.place / "backbone.safetensors", backbone("slim7-32"), {})
    hashes = {}
    for name, sample, batch in (
        ("with", line.files(), 8),
        ("again", line.files(), 8),
        ("without", [], 8),
        ("off", line.files(), 0),
    ):
        weights = line.place / f"{name}.safetensors"
        finetune(
            line.place / "train.npy",
            line.place / "train.csv",
            line.place / "backbone.safetensors",
            weights,
            line.place / f"{name}.csv",
            network="slim7-32",
            classes=["bad", "good"],
            recipe=Recipe(3, 8, 0.01, 0.05, 0.05, 1, unlabelled_batch=batch),
            threads=1,
            sample=sample,
        )
        hashes[name] = sha256(weights)
    assert hashes["with"] == hashes["again"] != hashes["without"] == hashes["off"]


def test_the_strength_that_fits_held_out_labels_is_taken() -> None:
    """Clear classes call for little regularization: with the most of it every answer stays near a half."""
    rng = np.random.default_rng(1)
    targets = np.arange(60) % 2
    features = (rng.normal(0, 0.1, (60, 8)) + targets[:, None]).astype(np.float32)
    said, others = predict_by_folds(features, targets, np.ones(60), np.arange(60) // 2 % 5, features, 2)
    assert said.dtype == others.dtype == np.float32
    assert said[np.arange(60), targets].min() > 0.95
    assert others[:, np.arange(60), targets].min() > 0.95


def test_without_no_fold_is_what_all_labels_say() -> None:
    said = np.arange(4, dtype=np.float32).reshape(4, 1, 1)  # three folds, and all
    soft = SoftLabels(np.array(["a"]), said)
    assert soft.without(None) == 3
    assert [float(soft.without(fold)[0, 0]) for fold in range(3)] == [0, 1, 2]
