"""Training by steps: which rows it takes, how its learning rate goes, and which weights it returns."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from linecam.errors import UserError
from linecam.training.descent import LOSSES, Recipe, batches, descend

STEPS = 40


class Line(nn.Module):
    """One number that is trained, and a norm, whose figures are no weights."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(()))
        self.norm = nn.BatchNorm1d(1)


@pytest.fixture
def seen() -> list[tuple[float, float, float]]:
    """The value, the learning rate and the norm's mean after each step."""
    return []


@pytest.fixture
def trained(seen: list[tuple[float, float, float]]) -> Callable[..., tuple[Line, list[float]]]:
    """A line trained towards 3, as a function."""

    def run(steps: int = STEPS, **changes: float) -> tuple[Line, list[float]]:
        model = Line()

        def loss_of(rows: NDArray[np.intp]) -> Tensor:
            model.norm(torch.from_numpy(rows).float()[:, None])
            return (model.value - 3) ** 2

        def note(optimizer: torch.optim.Optimizer, *_: object) -> None:
            rate = optimizer.param_groups[0]["lr"]
            seen.append((model.value.item(), rate, model.norm.running_mean.item()))

        recipe = Recipe("none", steps, 1, batch_size=4, learning_rate=0.1, weight_decay=0, **changes)
        hook = register_optimizer_step_post_hook(note)
        try:
            return descend(model, loss_of, 10, recipe, np.random.default_rng(1), "learn")
        finally:
            hook.remove()

    return run


@pytest.mark.parametrize("forgets", [0.02, 0.1])
def test_the_moving_average_of_the_weights_is_returned(trained, seen, forgets: float) -> None:
    model, _ = trained(forgets=forgets)
    for found, place in ((model.value, 0), (model.norm.running_mean, 2)):
        average, *others = [figures[place] for figures in seen]
        for value in others:
            average += forgets * (value - average)
        assert found.item() == pytest.approx(average, rel=1e-4)
        assert abs(found.item() - others[-1]) > 0.01, "or anything would be near"


def test_what_is_returned_is_ready_to_be_used(trained) -> None:
    assert not trained()[0].training


def test_the_learning_rate_rises_and_ends_at_0(trained, seen) -> None:
    trained()
    rates = [rate for _, rate, _ in seen]
    top = int(np.argmax(rates))
    assert rates[top] == pytest.approx(0.1)
    assert 0 < top < STEPS / 4
    assert np.diff(rates[top:]).max() <= 0
    assert rates[-1] < 1e-5


def test_losses_are_means_and_few(trained, seen) -> None:
    _, losses = trained(steps=5 * LOSSES)
    assert len(losses) == LOSSES
    before = np.array([0, *(value for value, _, _ in seen)][:-1])
    np.testing.assert_allclose(losses, ((before - 3) ** 2).reshape(LOSSES, 5).mean(axis=1), rtol=1e-3)
    assert losses[-1] < losses[0] / 100


@pytest.mark.parametrize("steps", [1, 2, 3, 10])
def test_a_few_steps_are_a_training_too(trained, steps: int) -> None:
    model, losses = trained(steps=steps)
    assert len(losses) == steps
    assert torch.isfinite(model.value)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_training_that_diverges_is_told(bad: float) -> None:
    model = Line()
    steps = iter([1.0, 1.0, bad])
    with pytest.raises(UserError, match=r"diverged at step 3.*pretrain\.seed"):
        descend(
            model, lambda _: model.value * 0 + next(steps), 8, Recipe("none", 9, 1), np.random.default_rng(1), "learn"
        )


@pytest.mark.parametrize(("count", "size", "rest"), [(12, 4, 0), (13, 4, 1), (3, 64, 0), (1, 1, 0)])
def test_each_pass_has_every_row_once(count: int, size: int, rest: int) -> None:
    rows = batches(count, size, np.random.default_rng(1))
    number = count // min(size, count)
    passes = [[next(rows) for _ in range(number)] for _ in range(6)]
    for one in passes:
        assert {len(batch) for batch in one} == {min(size, count)}
        taken = np.concatenate(one)
        assert len(set(taken.tolist())) == len(taken) == count - rest
    if count > 3:
        assert len({tuple(np.concatenate(one)) for one in passes}) == 6, "in another order each time"
        assert {row for one in passes for row in np.concatenate(one)} == set(range(count)), "no row is always the rest"


def test_equal_seeds_give_equal_rows() -> None:
    one, two, other = (batches(20, 6, np.random.default_rng(seed)) for seed in (1, 1, 2))
    first, second, third = (np.concatenate([next(rows) for _ in range(7)]) for rows in (one, two, other))
    np.testing.assert_array_equal(first, second)
    assert (first != third).any()
