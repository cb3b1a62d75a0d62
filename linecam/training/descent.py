"""Training without labels by steps: what learning from a teacher and finding pasted defects have in common."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from linecam.errors import UserError
from linecam.progress import progress

Model = TypeVar("Model", bound=nn.Module)

# How many losses a training writes down, each the mean since the one before.
LOSSES = 20


@dataclass(frozen=True)
class Recipe:
    """What the weights depend on, besides the frames and what is to be learned of them."""

    network: str
    steps: int
    seed: int
    batch_size: int = 64
    learning_rate: float = 0.005
    weight_decay: float = 0.02
    forgets: float = 0.02  # of the average of the weights, in a step


def descend(
    model: Model,
    loss_of: Callable[[Any], Tensor],
    count: int,
    recipe: Recipe,
    rng: np.random.Generator,
    what: str,
    prepare: Callable[[NDArray[np.intp]], Any] = lambda rows: rows,
) -> tuple[Model, list[float]]:
    """Train `model` so that the loss of rows below `count` falls: the model to use, and up to `LOSSES` losses.

    `loss_of` gets what `prepare` makes of a batch of rows. A thread prepares the next batch meanwhile: it must not
    draw from `rng`, by which rows are put in order.

    AdamW and one cycle of the learning rate, as finetuning has them. What is returned, in evaluation mode, is a moving
    average of the weights. Raises `UserError` where the training diverges.
    """
    optimizer = AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    # At least two steps up: PyTorch divides by one less.
    rise = min(max(0.1, 2 / recipe.steps), 0.9)
    schedule = OneCycleLR(optimizer, max_lr=recipe.learning_rate, total_steps=recipe.steps, pct_start=rise)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(1 - recipe.forgets), use_buffers=True)
    model.train()
    prepared = ahead(prepare, batches(count, recipe.batch_size, rng))
    every = max(recipe.steps // LOSSES, 1)
    losses, total = [], 0.0
    for step in progress(range(1, recipe.steps + 1), what, f"x {recipe.batch_size} views"):
        loss = loss_of(next(prepared))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        average.update_parameters(model)
        total += loss.item()
        if not np.isfinite(total):
            raise UserError(
                f"The pretraining diverged at step {step}. Take another pretrain.seed, or a network with fewer layers."
            )
        if step % every == 0:
            losses.append(total / every)
            total = 0.0
    averaged: Model = average.module  # type: ignore[assignment]
    return averaged.eval(), losses


def ahead(prepare: Callable[[NDArray[np.intp]], Any], rows: Iterator[NDArray[np.intp]]) -> Iterator[Any]:
    """What `prepare` makes of each of `rows`, made by a thread while the one before is in use."""
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(prepare, next(rows))
        for batch in rows:
            ready = waiting.result()
            waiting = thread.submit(prepare, batch)
            yield ready


def batches(count: int, size: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Rows below `count` in batches without end; each pass has every row once, but for a rest smaller than a batch."""
    size = min(size, count)
    while True:
        order = rng.permutation(count)
        yield from (order[start : start + size] for start in range(0, count - size + 1, size))
