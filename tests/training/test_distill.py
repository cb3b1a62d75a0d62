"""Distillation: the student comes to see what the teacher sees, always the same."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from linecam.errors import UserError
from linecam.networks.models import Backbone, backbone, embed, load_weights, save_weights, to_images
from scripts import distill as module
from scripts.distill import Recipe, distill, features_of

RECIPE = Recipe(
    network="swift7-32",
    teacher="wide7-32",
    epochs=8,
    batch_size=16,
    learning_rate=0.5,
    color_jitter=0.5,
    min_crop=0.5,
    precision="float32",
    seed=1,
)


@pytest.fixture
def pixels(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    colors = rng.integers(0, 255, (64, 1, 1, 3))
    frames = np.clip(colors + rng.normal(0, 25, (64, 32, 32, 3)), 0, 255).astype(np.uint8)
    np.save(tmp_path / "pixels.npy", frames)
    torch.manual_seed(2)
    save_weights(tmp_path / "teacher.safetensors", backbone("wide7-32"), {})
    return tmp_path / "pixels.npy"


def run(pixels: Path, name: str, **changes: object) -> Path:
    folder = pixels.parent / name
    folder.mkdir()
    distill(
        pixels,
        pixels.parent / "teacher.safetensors",
        folder / "backbone.safetensors",
        folder / "history.csv",
        recipe=Recipe(**(vars(RECIPE) | changes)),
        threads=1,
    )
    return folder


def test_the_student_comes_to_see_what_the_teacher_sees(pixels: Path) -> None:
    """Frames that the teacher takes for alike, and only these, lie together in the student's embedding."""
    folder = run(pixels, "a")
    losses = pd.read_csv(folder / "history.csv")["loss"]
    assert len(losses) == RECIPE.epochs
    assert losses.iloc[-1] < losses.iloc[0] - 0.1
    teacher, student, untrained = (
        backbone("wide7-32").eval(),
        backbone("swift7-32").eval(),
        backbone("swift7-32").eval(),
    )
    load_weights(pixels.parent / "teacher.safetensors", teacher)
    load_weights(folder / "backbone.safetensors", student)
    images = to_images(np.load(pixels))
    with torch.inference_mode():
        seen = torch.pdist(features_of(teacher)(images))
        close = [
            np.corrcoef(seen, torch.pdist(embed(network, images)))[0, 1] for network in (student, untrained)
        ]  # fmt: skip
    assert close[0] > 0.5
    assert close[0] > close[1]


def test_the_same_frames_and_teacher_give_the_same_bytes(pixels: Path) -> None:
    one, two, other = (run(pixels, name, epochs=2, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    first, second, third = ((folder / "backbone.safetensors").read_bytes() for folder in (one, two, other))
    assert first == second
    assert first != third


def test_what_the_teacher_sees_alike_in_all_frames_is_no_lesson(pixels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what tells frames apart: a teacher whose features are all larger by 3 teaches the same."""

    def larger(teacher: Backbone) -> Callable[[torch.Tensor], torch.Tensor]:
        see = features_of(teacher)
        return lambda images: see(images) + 3

    losses = [pd.read_csv(run(pixels, "a", epochs=2) / "history.csv")["loss"]]
    monkeypatch.setattr(module, "features_of", larger)
    losses.append(pd.read_csv(run(pixels, "b", epochs=2) / "history.csv")["loss"])
    np.testing.assert_allclose(losses[1], losses[0], atol=1e-3)


def test_the_learning_rate_falls_by_half_a_cosine(pixels: Path) -> None:
    rates: list[float] = []
    hook = register_optimizer_step_post_hook(lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"]))
    try:
        run(pixels, "a", epochs=4, batch_size=32)
    finally:
        hook.remove()
    peak = 0.5 * 32 / 128
    expected = [peak, peak * (2 + 2**0.5) / 4, peak / 2, peak * (2 - 2**0.5) / 4]
    assert rates == pytest.approx(np.repeat(expected, 2))


def test_another_networks_weights_are_no_teacher(pixels: Path) -> None:
    with pytest.raises(UserError, match="is of another network"):
        run(pixels, "a", teacher="swift9-32")
