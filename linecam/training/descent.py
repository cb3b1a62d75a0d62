"""Training without labels by steps: what learning from a teacher and finding pasted defects have in common."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

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


class Descent(Generic[Model]):
    """Steps down a loss: AdamW (Loshchilov and Hutter, ICLR 2019), one cycle of the learning rate, and an exponential
    moving average of the weights (Polyak and Juditsky, 1992)."""

    def __init__(self, model: Model, *, learning_rate: float, weight_decay: float, steps: int, forgets: float) -> None:
        """`steps` in all, of which a tenth leads up to `learning_rate`; `forgets` is the average's, a step."""
        # At least two steps up: PyTorch divides by one less.
        rise = min(max(0.1, 2 / steps), 0.9)
        self._model = model
        self._optimizer = AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
        self._schedule = OneCycleLR(self._optimizer, max_lr=learning_rate, total_steps=steps, pct_start=rise)
        self._average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(1 - forgets), use_buffers=True)

    def step(self, loss: Tensor) -> float:
        """Take a step down `loss`, a scalar; returns its value."""
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        self._schedule.step()
        self._average.update_parameters(self._model)
        return loss.item()

    def averaged(self) -> Model:
        """The model with the averaged weights, in evaluation mode."""
        model: Model = self._average.module  # type: ignore[assignment]
        return model.eval()


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

    What is returned is in evaluation mode, and its weights are the average of `Descent`. Raises `UserError` where the
    training diverges.
    """
    descent = Descent(
        model,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        steps=recipe.steps,
        forgets=recipe.forgets,
    )
    model.train()
    prepared = ahead(prepare, batches(count, recipe.batch_size, rng))
    every = max(recipe.steps // LOSSES, 1)
    losses, total = [], 0.0
    for step in progress(range(1, recipe.steps + 1), what, f"x {recipe.batch_size} views"):
        total += descent.step(loss_of(next(prepared)))
        if not np.isfinite(total):
            raise UserError(
                f"The pretraining diverged at step {step}: its error grew without bounds. Take another pretrain.seed, "
                "or a network with fewer layers."
            )
        if step % every == 0:
            losses.append(total / every)
            total = 0.0
    return descent.averaged(), losses


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
