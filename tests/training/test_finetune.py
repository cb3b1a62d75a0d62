"""Finetuning: it learns what can be told apart, the same bytes twice, and a fold is judged by who never saw it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from torch.optim.optimizer import register_optimizer_step_post_hook

from linecam.camera.arithmetic import to_input
from linecam.errors import UserError
from linecam.files import sha256
from linecam.networks.models import Classifier, backbone, load_weights, save_weights, to_images
from linecam.training.augment import Spread
from linecam.training.finetune import AVERAGED_EPOCHS, LOOKS, Recipe, SoftFrames, held_out_logits, looks_of, train
from scripts.finetune import finetune
from scripts.finetune_fold import finetune_fold

CLASSES, NETWORK = ["bad", "good"], "swift7-32"
RECIPE = {"epochs": 12, "batch_size": 8, "learning_rate": 0.01, "weight_decay": 0.05, "label_smoothing": 0.05}


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def parts(numbers: NDArray[np.intp], seed: int) -> NDArray[np.uint8]:
    """The sensor's frames, (N, 40, 40, 3): a disk on a noisy belt, with a hole in it where it is of class 0."""
    rng = np.random.default_rng(seed)
    frames = rng.normal(60, 10, (len(numbers), 40, 40, 3))
    y, x = np.mgrid[:40, :40]
    for frame, number in zip(frames, numbers, strict=True):
        away = np.hypot(y - rng.uniform(17, 22), x - rng.uniform(17, 22))
        frame[(away < 13) & ((away > 7) | (number != 0))] += rng.uniform(90, 140)
    return frames.clip(0, 255).astype(np.uint8)


class Task:
    """Labelled frames and a backbone, and what finetuning makes of them."""

    def __init__(self, place: Path, count: int = 48, folds: int = 4) -> None:
        self.place = place
        self.numbers = np.arange(count) % 2
        self.frames = parts(self.numbers, seed=1)
        np.save(place / "train.npy", self.frames)
        self.table = pd.DataFrame(
            {
                "row": range(count),
                "sha256": [f"{n:064x}" for n in range(count)],
                "path": [f"{n}.jpg" for n in range(count)],
                "part": "train",
                "label": [CLASSES[n] for n in self.numbers],
                "by": "me",
                "fold": np.arange(count) // 2 % folds,
                "weight": 1 + np.arange(count) / 8,
            }
        )
        self.table.to_csv(place / "train.csv", index=False)
        torch.manual_seed(0)
        save_weights(place / "backbone.safetensors", backbone(NETWORK), {})

    def inputs(self) -> tuple[Path, Path, Path]:
        return self.place / "train.npy", self.place / "train.csv", self.place / "backbone.safetensors"

    def finetune(self, name: str, *, seed: int = 1, threads: int = 1, **changes: float) -> Path:
        weights = self.place / name / "weights.safetensors"
        finetune(
            *self.inputs(),
            weights,
            self.place / name / "history.csv",
            network=NETWORK,
            classes=CLASSES,
            recipe=Recipe(seed=seed, **(RECIPE | changes)),
            threads=threads,
        )
        return weights

    def fold(self, number: int, *, seed: int = 1, **changes: float) -> pd.DataFrame:
        finetune_fold(
            *self.inputs(),
            self.place / f"{number}.csv",
            self.place / "learning" / f"{number}.csv",
            network=NETWORK,
            classes=CLASSES,
            fold=number,
            recipe=Recipe(seed=seed, **(RECIPE | changes)),
            threads=1,
        )
        return pd.read_csv(self.place / f"{number}.csv", dtype={"sha256": str})


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return Task(tmp_path)


def accuracy(weights: Path) -> float:
    """On new frames, through the camera's path."""
    model = Classifier(NETWORK, 2).eval()
    load_weights(weights, model)
    numbers = np.arange(60) % 2
    with torch.inference_mode():
        logits = model(to_images(to_input(parts(numbers, seed=9), 32)))
    return float((logits.argmax(dim=1).numpy() == numbers).mean())


def test_two_classes_that_can_be_told_are_told_and_the_loss_falls(task):
    weights = task.finetune("a", epochs=25)
    losses = pd.read_csv(task.place / "a/history.csv")
    assert list(losses["epoch"]) == list(range(1, 26))
    assert losses["loss"].iloc[-5:].mean() < losses["loss"].iloc[:3].mean() - 0.2
    assert accuracy(weights) > 0.9


def test_the_same_seed_gives_the_same_bytes_and_another_others(task):
    files = [task.finetune("a", epochs=3), task.place / "a/history.csv"]
    again = [task.finetune("b", epochs=3), task.place / "b/history.csv"]
    assert [sha256(path) for path in again] == [sha256(path) for path in files]
    assert sha256(task.finetune("c", epochs=3, seed=2)) != sha256(files[0])


@pytest.mark.parametrize("changes", [{"learning_rate": 0.002}, {"weight_decay": 0.5}, {"label_smoothing": 0.3},
                                     {"batch_size": 16}, {"epochs": 4}, {"augment": Spread(flips=False)}])  # fmt: skip
def test_every_setting_counts(task, changes):
    assert sha256(task.finetune("a", epochs=3)) != sha256(task.finetune("b", **({"epochs": 3} | changes)))


def test_the_file_says_what_it_is(task):
    about = load_weights(task.finetune("a", epochs=1, seed=5), Classifier(NETWORK, 2))
    assert (about["network"], about["classes"], about["seed"]) == (NETWORK, CLASSES, 5)


def test_training_begins_with_the_backbone(task):
    first = sha256(task.finetune("a", epochs=1))
    torch.manual_seed(4)
    save_weights(task.place / "backbone.safetensors", backbone(NETWORK), {})
    assert sha256(task.finetune("b", epochs=1)) != first


def test_a_backbone_of_another_network_is_refused(task):
    save_weights(task.place / "backbone.safetensors", backbone("swift9-32"), {})
    with pytest.raises(UserError, match="another network"):
        task.finetune("a")
    assert not (task.place / "a/weights.safetensors").exists()


@pytest.mark.parametrize("kind", ["finetune", "fold"])
def test_a_training_that_diverges_says_what_to_lower(task, kind):
    with pytest.raises(UserError, match=r"diverged in epoch \d+: .* Lower finetune\.learning_rate, which is 1e\+30"):
        task.finetune("a", learning_rate=1e30) if kind == "finetune" else task.fold(0, learning_rate=1e30)
    assert not (task.place / "a/weights.safetensors").exists()
    assert not (task.place / "0.csv").exists()


# --- folds


def test_a_fold_is_predicted_by_a_model_that_learned_from_the_others(task):
    tables = [task.fold(number, epochs=25) for number in range(4)]
    for number, table in enumerate(tables):
        assert list(table.columns) == ["sha256", "path", "label", "fold", "weight", "z_bad", "z_good"]
        own = task.table[task.table["fold"] == number]
        for column in ("sha256", "path", "label", "fold", "weight"):
            assert list(table[column]) == list(own[column])
    together = pd.concat(tables)
    assert sorted(together["sha256"]) == sorted(task.table["sha256"]), "each frame once"
    said = np.where(together["z_bad"] > together["z_good"], "bad", "good")
    assert (said == together["label"]).mean() > 0.8


def test_what_a_fold_holds_out_is_not_learned_from(task):
    """Neither its pixels nor its labels change the model: other frames in their place, the same logits for the old."""
    first = task.fold(1, epochs=3)
    held = task.table["fold"] == 1
    frames = task.frames.copy()
    frames[held.to_numpy().nonzero()[0][1:]] = 7
    np.save(task.place / "train.npy", frames)
    table = task.table.copy()
    table.loc[held.to_numpy().nonzero()[0][1:], "label"] = "bad"
    table.to_csv(task.place / "train.csv", index=False)
    second = task.fold(1, epochs=3)
    columns = ["z_bad", "z_good"]
    np.testing.assert_allclose(second.loc[0, columns].astype(float), first.loc[0, columns].astype(float), atol=2e-5)
    assert (second.loc[1:, columns] - first.loc[1:, columns]).abs().max(axis=None) > 1e-3
    frames[(~held).to_numpy().nonzero()[0][:4]] = 7
    np.save(task.place / "train.npy", frames)
    third = task.fold(1, epochs=3)
    assert (third.loc[0, columns] - second.loc[0, columns]).abs().max() > 1e-4, "the others' do"


def test_what_a_frame_weighs_changes_no_training(task):
    first = task.fold(1, epochs=2)
    task.table.assign(weight=1.0).to_csv(task.place / "train.csv", index=False)
    pd.testing.assert_frame_equal(task.fold(1, epochs=2).drop(columns="weight"), first.drop(columns="weight"))


def test_a_fold_twice_is_the_same_bytes(task):
    task.fold(0, epochs=2)
    first = sha256(task.place / "0.csv")
    task.fold(0, epochs=2)
    assert sha256(task.place / "0.csv") == first


def test_a_fold_without_frames_has_an_empty_table_and_trains_nothing(task, monkeypatch):
    monkeypatch.setattr("linecam.training.finetune.train", None)
    table = task.fold(9)
    assert len(table) == 0
    assert (task.place / "learning/9.csv").read_text() == "fold,epoch,loss,balanced_accuracy\n"
    assert list(table.columns) == ["sha256", "path", "label", "fold", "weight", "z_bad", "z_good"]


def test_a_fold_may_hold_all_frames_of_a_class(task):
    task.table["fold"] = np.where(task.table["label"] == "bad", 0, 1)
    task.table.to_csv(task.place / "train.csv", index=False)
    table = task.fold(0)
    assert set(table["label"]) == {"bad"}
    assert np.isfinite(table[["z_bad", "z_good"]].to_numpy()).all()
    assert (table["z_good"] > table["z_bad"]).mean() > 0.5, "it never saw the other"


# --- how a fold is judged along the training


def test_a_fold_is_judged_along_its_training_and_the_last_time_at_its_end(task):
    table = task.fold(1, epochs=40)
    learning = pd.read_csv(task.place / "learning/1.csv")
    assert list(learning["epoch"]) == list(range(2, 41, 2))
    assert set(learning["fold"]) == {1}
    logits, smoothing = table[["z_bad", "z_good"]].to_numpy(), RECIPE["label_smoothing"]
    likelihood = torch.from_numpy(logits).log_softmax(dim=1).numpy()
    truth = (table["label"] == "good").to_numpy().astype(int)
    wanted = np.where(np.eye(2)[truth] > 0, 1 - smoothing / 2, smoothing / 2)
    losses, right = -(wanted * likelihood).sum(axis=1), logits.argmax(axis=1) == truth
    means = [np.average(values[truth == number], weights=table["weight"][truth == number])
             for values in (losses, right) for number in (0, 1)]  # fmt: skip
    assert learning["loss"].iloc[-1] == pytest.approx(np.mean(means[:2]), abs=2e-6)
    assert learning["balanced_accuracy"].iloc[-1] == pytest.approx(np.mean(means[2:]), abs=2e-6)
    assert learning["loss"].iloc[-1] < learning["loss"].iloc[0] - 0.1, "it learned"


@pytest.mark.parametrize("epochs", [1, 7, 19, 20, 21, 133, 300])
def test_a_training_is_looked_at_so_often_or_after_each_of_few_epochs(epochs):
    looks = sorted(looks_of(epochs))
    assert len(looks) == min(epochs, LOOKS)
    assert looks[-1] == epochs and looks[0] >= 1
    assert max(np.diff([0, *looks])) <= -(-epochs // LOOKS)


@pytest.mark.parametrize("soft", [False, True])
def test_a_look_changes_no_byte_of_what_is_trained(task, soft):
    """Neither what the fold's model says in the end nor any random number after it."""
    others = SoftFrames(task.frames, np.arange(8), np.full((8 + 36, 2), 0.5, np.float32)) if soft else None
    recipe = Recipe(seed=1, **RECIPE, unlabelled_batch=4)
    seen: list[int] = []

    def logits(**how: object) -> tuple[bytes, torch.Tensor]:
        held = (task.table["fold"] == 1).to_numpy()
        inputs = (task.place / "backbone.safetensors", task.frames, task.numbers, held, recipe)
        said = held_out_logits(NETWORK, 2, *inputs, device=torch.device("cpu"), what="test", soft=others, **how)
        return said.tobytes(), torch.rand(3)

    (said, drawn), (without, drawn_without) = logits(on_the_way=lambda epoch, _: seen.append(epoch)), logits()
    assert seen == list(range(1, 13))
    assert said == without
    assert torch.equal(drawn, drawn_without)


# --- training itself


def untrained() -> Classifier:
    torch.manual_seed(0)
    return Classifier(NETWORK, 2)


def trained(
    frames: NDArray[np.uint8], targets: NDArray[np.intp], *, model: Classifier | None = None, **changes: float
) -> tuple[Classifier, list[float]]:
    recipe = Recipe(seed=1, **(RECIPE | changes))
    device = torch.device("cpu")
    return train(model or untrained(), frames, targets, recipe, network=NETWORK, device=device, what="test")


def test_a_rare_class_weighs_as_much_as_a_frequent_one():
    """Nobody tells the frames apart: half and half is then the answer with the lowest loss, whatever their numbers."""
    frames = np.repeat(parts(np.array([1]), seed=1), 40, axis=0)
    targets = (np.arange(40) % 10 != 0).astype(np.intp)
    model, _ = trained(frames, targets, epochs=25, label_smoothing=0.0)
    with torch.inference_mode():
        probability = torch.softmax(model(to_images(to_input(frames[:1], 32))), dim=1)[0, 0].item()
    assert probability == pytest.approx(0.5, abs=0.2), "0.1 of them"


def test_what_is_returned_is_an_average_in_evaluation_mode_that_predicts_without_change():
    numbers = np.arange(16) % 2
    model, losses = trained(parts(numbers, 1), numbers, epochs=2)
    assert isinstance(model, Classifier)
    assert not any(module.training for module in model.modules())
    assert len(losses) == 2
    images = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(model(images), model(images))


def numbers_of(model: Classifier) -> dict[str, torch.Tensor]:
    """A copy of a model's weights and of what its norms know, by name."""
    return {name: tensor.clone() for name, tensor in model.state_dict().items() if tensor.is_floating_point()}


def test_what_is_returned_is_the_exponential_moving_average_of_every_step():
    """By its definition, from the first step on: a step counts 1 / (epochs * batches), what was before it the rest."""
    model = untrained()
    steps: list[dict[str, torch.Tensor]] = []
    hook = register_optimizer_step_post_hook(lambda *_: steps.append(numbers_of(model)))
    try:
        numbers = np.arange(24) % 2
        returned, _ = trained(parts(numbers, 1), numbers, model=model, epochs=3, batch_size=8)
    finally:
        hook.remove()
    assert len(steps) == 3 * 3
    expected = steps[0]
    for step in steps[1:]:
        expected = {name: torch.lerp(old, step[name], 1 / (AVERAGED_EPOCHS * 3)) for name, old in expected.items()}
    found = numbers_of(returned)
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-4, atol=1e-6)
    assert any((found[name] - steps[-1][name]).abs().max() > 1e-3 for name in found), "not the last ones"


def test_the_network_never_sees_the_same_picture_twice():
    """Of one frame, eight times in each of three epochs: 24 variants, and none of them is the frame itself."""
    frame = parts(np.array([0]), seed=1)
    model = untrained()
    seen: list[torch.Tensor] = []
    model.register_forward_pre_hook(lambda _, images: seen.append(images[0].clone()))
    trained(np.repeat(frame, 8, axis=0), np.arange(8) % 2, model=model, epochs=3, batch_size=4)
    images = torch.cat([to_images(to_input(frame, 32)), *seen]).flatten(1)
    assert len(images) == 1 + 3 * 8
    assert torch.pdist(images, p=1).min() / images.shape[1] > 0.01, "a mean difference of less than 0.01 is no other"


@pytest.mark.parametrize("count", [2, 3, 8, 9, 17])
def test_any_number_of_frames_makes_batches(count):
    numbers = np.arange(count) % 2
    _, losses = trained(parts(numbers, 1), numbers, epochs=2)
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("batches", [1, 2, 10, 11])
def test_an_epoch_of_few_batches_is_a_training(batches: int) -> None:
    """PyTorch's schedule divides by the steps that lead up, less one: of ten steps that was nothing."""
    numbers = np.arange(8 * batches) % 2
    recipe = Recipe(seed=1, **(RECIPE | {"epochs": 1}))
    model = Classifier(NETWORK, 2)
    _, losses = train(
        model, parts(numbers, seed=1), numbers, recipe, network=NETWORK, device=torch.device("cpu"), what="few"
    )
    assert np.isfinite(losses).all()
