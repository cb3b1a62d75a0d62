"""How well the models of the folds did on their held-out frames along the training, and how that ended."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import log_softmax

from linecam.evaluation.calibration import by_class

COLUMNS = ["fold", "epoch", "loss", "balanced_accuracy"]
# What the last fifth of the training does to the loss is its ending. A change of the loss by less than this share of
# what the whole training changed, nobody would see it in the chart.
LAST, SEEN = 0.2, 0.03
# With fewer folds nothing says whether they agree by more than chance.
FEWEST_FOLDS = 3

Ending = Literal["falling", "rising", "level"]


def judged(
    logits: NDArray[np.float32], targets: NDArray[np.intp], weights: NDArray[np.float64], smoothing: float
) -> tuple[float, float]:
    """The loss and the balanced accuracy of logits (N, classes) on targets (N,), N at least 1.

    The loss is that of the training: cross-entropy in nats with label smoothing, each class weighing the same. Within
    its class a frame weighs by `weights`, (N,).
    """
    likelihood = log_softmax(logits.astype(np.float64), axis=1)
    own = likelihood[np.arange(len(targets)), targets]
    smoothed = (1 - smoothing) * own + smoothing * likelihood.mean(axis=1)
    right = (logits.argmax(axis=1) == targets).astype(np.float64)
    return -by_class(smoothed, targets, weights), by_class(right, targets, weights)


@dataclass(frozen=True)
class LearningCurve:
    """The folds' losses and balanced accuracies at the same points of their trainings."""

    progress: NDArray[np.float64]  # (points,): the share of the training that is done, above 0, at last 1
    loss: NDArray[np.float64]  # (folds, points)
    balanced_accuracy: NDArray[np.float64]  # (folds, points)

    @classmethod
    def read(cls, paths: Iterable[Path]) -> "LearningCurve | None":
        """The curve of the tables of all folds, of `COLUMNS`, equally many rows each; None where all are empty.

        A fold without frames has an empty table, and is left out.
        """
        folds = [table for table in map(pd.read_csv, paths) if len(table)]
        if not folds:
            return None
        progress = np.mean([table["epoch"] / table["epoch"].iloc[-1] for table in folds], axis=0)
        loss, right = (np.stack([table[name] for table in folds]) for name in ("loss", "balanced_accuracy"))
        return cls(progress, loss, right)

    @property
    def mean_loss(self) -> NDArray[np.float64]:
        """The mean loss of the folds at each point, (points,)."""
        mean: NDArray[np.float64] = self.loss.mean(axis=0)
        return mean

    @property
    def mean_right(self) -> NDArray[np.float64]:
        """The mean balanced accuracy of the folds at each point, (points,), 0..1."""
        mean: NDArray[np.float64] = self.balanced_accuracy.mean(axis=0)
        return mean

    @property
    def lowest(self) -> int:
        """The point at which the mean loss is lowest, the first of several."""
        return int(self.mean_loss.argmin())

    @property
    def before_last(self) -> int:
        """The point from which on the last fifth of the training is done, or the first one."""
        return max(int((self.progress <= 1 - LAST + 1e-9).sum()) - 1, 0)

    @property
    def ending(self) -> Ending:
        """Whether the held-out loss still falls at the end, rises again, or neither.

        It rises where it ends above its lowest point, and it falls where the last fifth of the training lowered it. In
        both cases the folds have to agree: their mean change is more than twice its standard error.
        """
        if self._moves_from(self.lowest) and self.lowest < len(self.progress) - 1:
            return "rising"
        falls = self.mean_loss[-1] < self.mean_loss[self.before_last]
        return "falling" if falls and self._moves_from(self.before_last) else "level"

    def _moves_from(self, point: int) -> bool:
        """Whether the loss at the end differs from that at a point, by more than chance and enough to be seen."""
        moves = self.loss[:, -1] - self.loss[:, point]
        if len(moves) < FEWEST_FOLDS:
            return False
        by_chance = 2 * np.std(moves, ddof=1) / np.sqrt(len(moves))
        return bool(abs(moves.mean()) > max(by_chance, SEEN * np.ptp(self.mean_loss)))
