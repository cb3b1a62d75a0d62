"""Pretraining: the loss falls, a killed run goes on to the same bytes, other settings start anew."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch.optim.optimizer import register_optimizer_step_post_hook

from linecam.errors import UserError
from linecam.files import sha256
from linecam.training.distributed import Processes
from linecam.training.simclr import Recipe, SimCLR, batches, recipe_for
from linecam.training.simclr_views import Renderer
from scripts import pretrain as module
from scripts.pretrain import hardly_moved, pretrain

ALONE = Processes(0, 1, torch.device("cpu"))
RECIPE = Recipe(
    network="resnet9-32",
    epochs=3,
    batch_size=16,
    learning_rate=0.2,
    temperature=0.5,
    color_jitter=0.5,
    min_crop=0.5,
    precision="float32",
    seed=1,
)


@pytest.fixture
def pixels(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    colors = rng.integers(0, 255, (48, 1, 1, 3))
    frames = np.clip(colors + rng.normal(0, 25, (48, 32, 32, 3)), 0, 255).astype(np.uint8)
    np.save(tmp_path / "pixels.npy", frames)
    return tmp_path / "pixels.npy"


def run(pixels: Path, name: str, *, threads: int = 1, **changes: object) -> Path:
    folder = pixels.parent / name
    folder.mkdir(exist_ok=True)
    pretrain(
        pixels,
        folder / "backbone.safetensors",
        folder / "history.csv",
        checkpoint=folder / "checkpoint.safetensors",
        recipe=Recipe(**(vars(RECIPE) | changes)),
        device=ALONE.device,
        processes=ALONE,
        threads=threads,
    )
    return folder


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_loss_falls(pixels: Path, precision: str) -> None:
    losses = pd.read_csv(run(pixels, "a", epochs=20, precision=precision) / "history.csv")["loss"]
    assert len(losses) == 20
    assert losses.iloc[-3:].mean() < losses.iloc[:3].mean() - 0.05


def test_a_loss_that_hardly_moves_is_told_with_what_to_do(pixels: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without a step nothing is learned; of one epoch nobody can tell."""
    run(pixels, "one", epochs=1, learning_rate=0)
    run(pixels, "falls", epochs=20)
    assert "hardly moved" not in caplog.text
    run(pixels, "stays", epochs=3, learning_rate=0)
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "The loss hardly moved" in told
    assert "in the last of 3" in told
    assert "raise the epochs of pretrain.cpu or pretrain.gpu" in told


@pytest.mark.parametrize(
    ("losses", "still"), [([], False), ([5.0], False), ([5.0, 4.96], True), ([5.0, 4.94], False), ([5.0, 5.1], True)]
)
def test_the_loss_has_to_fall_by_one_percent(losses: list[float], still: bool) -> None:
    assert hardly_moved(losses) == still


@pytest.mark.parametrize("temperature", [0.1, 0.7])
def test_the_loss_is_that_of_simclr_at_its_temperature(pixels: Path, temperature: float) -> None:
    """Equation 1 of Chen et al. (2020), for the views and the untrained network that the first step has."""
    recipe = Recipe(**(vars(RECIPE) | {"temperature": temperature, "epochs": 1, "batch_size": 48, "learning_rate": 0}))
    ((frames, draws),) = batches(np.load(pixels), recipe, 0, ALONE.device, ALONE)
    torch.manual_seed(recipe.seed)
    model = SimCLR(recipe.network)
    with torch.inference_mode():
        one, other = model(*(Renderer(ALONE.device, 1)(frames, drawn) for drawn in draws))
    projections = F.normalize(torch.cat([one, other]), dim=1).double()
    alike = projections @ projections.T / temperature
    alike.fill_diagonal_(-torch.inf)
    partner = torch.arange(96).roll(48)
    expected = F.cross_entropy(alike, partner).item()
    found = pd.read_csv(run(pixels, "a", **(vars(recipe))) / "history.csv")["loss"]
    assert list(found) == [pytest.approx(expected, abs=1e-3)]


def test_the_learning_rate_falls_by_half_a_cosine(pixels: Path) -> None:
    """From `learning_rate`, for 128 frames, towards 0, and the same in all steps of an epoch."""
    rates: list[float] = []
    hook = register_optimizer_step_post_hook(lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"]))
    try:
        run(pixels, "a", epochs=4, batch_size=24)
    finally:
        hook.remove()
    peak = 0.2 * 24 / 128
    expected = [peak, peak * (2 + 2**0.5) / 4, peak / 2, peak * (2 - 2**0.5) / 4]
    assert rates == pytest.approx(np.repeat(expected, 2))


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


def test_views_do_not_depend_on_the_threads(pixels: Path) -> None:
    one, two = (run(pixels, f"threads-{threads}", threads=threads) for threads in (1, 3))
    assert sha256(one / "backbone.safetensors") == sha256(two / "backbone.safetensors")


def recipe(pixels: Path, *, batch_size: int = 16, processes: int = 1, precision: str = "float32") -> Recipe:
    given = {name: getattr(RECIPE, name) for name in ("learning_rate", "temperature", "color_jitter", "min_crop")}
    budget = {"epochs": 1, "batch_size": batch_size}
    return recipe_for(
        pixels,
        network="resnet9-32",
        budgets={"cpu": budget, "gpu": budget | {"epochs": 9}},
        gpu=False,
        processes=processes,
        precision=precision,
        seed=1,
        **given,
    )


def test_too_few_frames(pixels: Path) -> None:
    np.save(pixels, np.load(pixels)[:5])
    with pytest.raises(UserError, match="only 5 usable frames"):
        recipe(pixels)


def test_a_batch_that_cannot_be_shared(pixels: Path) -> None:
    with pytest.raises(UserError, match=r"pretrain.cpu.batch_size = 16 can't be shared equally by 3 processes"):
        recipe(pixels, processes=3)


def test_a_batch_larger_than_the_dataset(pixels: Path) -> None:
    assert recipe(pixels, batch_size=128).batch_size == 48
    assert recipe(pixels, batch_size=128, processes=5).batch_size == 45


def test_the_precision_is_one_that_the_processor_has(pixels: Path) -> None:
    assert recipe(pixels, precision="auto").precision in {"float32", "bfloat16"}
