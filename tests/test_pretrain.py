"""Pretraining: the loss falls, a killed run goes on to the same bytes, other settings start anew."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open

from linecam.errors import UserError
from linecam.files import sha256
from scripts import pretrain as module
from scripts.pretrain import pretrain


@pytest.fixture
def pixels(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    colors = rng.integers(0, 255, (48, 1, 1, 3))
    frames = np.clip(colors + rng.normal(0, 25, (48, 32, 32, 3)), 0, 255).astype(np.uint8)
    np.save(tmp_path / "pixels.npy", frames)
    return tmp_path / "pixels.npy"


def run(pixels: Path, name: str, *, epochs: int = 3, seed: int = 1) -> Path:
    folder = pixels.parent / name
    folder.mkdir(exist_ok=True)
    budget = {"epochs": epochs, "batch_size": 16}
    pretrain(
        pixels,
        folder / "backbone.safetensors",
        folder / "history.csv",
        checkpoint=folder / "checkpoint.safetensors",
        network="resnet9-32",
        budgets={"cpu": budget, "gpu": budget},
        learning_rate=0.2,
        temperature=0.5,
        color_jitter=0.5,
        min_crop=0.5,
        seed=seed,
        threads=1,
    )
    return folder


def test_the_loss_falls(pixels: Path) -> None:
    losses = pd.read_csv(run(pixels, "a", epochs=20) / "history.csv")["loss"]
    assert len(losses) == 20
    assert losses.iloc[-3:].mean() < losses.iloc[:3].mean() - 0.05


def test_a_killed_run_goes_on_to_the_same_bytes(pixels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(pixels, "whole")
    save = module.save_checkpoint

    def save_and_die(*arguments: object) -> None:
        save(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "save_checkpoint", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        run(pixels, "killed")
    monkeypatch.undo()
    checkpoint = pixels.parent / "killed/checkpoint.safetensors"
    with safe_open(checkpoint, framework="np") as file:
        assert file.metadata()["losses"].count(",") == 0, "one epoch is done"
    killed = run(pixels, "killed")
    assert sha256(killed / "backbone.safetensors") == sha256(whole / "backbone.safetensors")
    assert (killed / "history.csv").read_text() == (whole / "history.csv").read_text()
    assert not checkpoint.exists()


def test_a_checkpoint_of_other_settings_does_not_count(pixels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = run(pixels, "fresh", seed=2)
    monkeypatch.setattr(module, "save_weights", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(pixels, "other", seed=1)
    monkeypatch.undo()
    assert (pixels.parent / "other/checkpoint.safetensors").exists()
    other = run(pixels, "other", seed=2)
    assert sha256(other / "backbone.safetensors") == sha256(fresh / "backbone.safetensors")


def test_too_few_frames(pixels: Path) -> None:
    np.save(pixels, np.load(pixels)[:5])
    with pytest.raises(UserError, match="only 5 usable frames"):
        run(pixels, "few")
