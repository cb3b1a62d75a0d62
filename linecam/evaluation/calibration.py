"""The temperature of a model's probabilities, and how good they are on frames that folds held out."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from linecam.evaluation.weighing import effective_size

TEMPERATURES = (0.05, 20.0)  # the range that is searched


def by_class(values: NDArray[np.floating], targets: NDArray[np.intp], weights: NDArray[np.float64]) -> float:
    """The mean of `values`, (N,): each class of `targets`, (N,), weighs the same, and its frames by `weights`, (N,)."""
    of = [targets == number for number in np.unique(targets)]
    return float(np.mean([np.average(values[those], weights=weights[those]) for those in of]))


def balanced_loss(logits: NDArray[np.floating], targets: NDArray[np.intp], weights: NDArray[np.float64]) -> float:
    """The mean negative log-likelihood, in nats, of logits (N, classes), as `by_class` weighs it."""
    return -by_class(log_softmax(logits, axis=1)[np.arange(len(targets)), targets], targets, weights)


def best_temperature(logits: NDArray[np.floating], targets: NDArray[np.intp], weights: NDArray[np.float64]) -> float:
    """What to divide logits (N, classes) by for the lowest mean negative log-likelihood of the targets (N,), by
    `weights` (N,).

    Temperature scaling (Guo et al., ICML 2017). Of a target 1 / (N + 2) is taken for another class, as by Platt (1999):
    N frames that are all right don't prove that no frame is ever wrong. N is the effective number (`effective_size`).
    """
    count, classes = logits.shape
    doubt = 1 / (effective_size(weights) + 2)
    wanted = np.full((count, classes), doubt / (classes - 1))
    wanted[np.arange(count), targets] = 1 - doubt

    def cost(log_temperature: float) -> float:
        likelihood = (wanted * log_softmax(logits / np.exp(log_temperature), axis=1)).sum(axis=1)
        return -float(np.average(likelihood, weights=weights))

    found = minimize_scalar(cost, bounds=tuple(np.log(TEMPERATURES)), method="bounded")
    return float(np.exp(found.x))


def calibration_error(
    probabilities: NDArray[np.floating], targets: NDArray[np.intp], weights: NDArray[np.float64], bins: int = 10
) -> float:
    """The expected calibration error (Naeini et al., AAAI 2015): how far confidence and accuracy are apart, 0..1.

    `probabilities` are (N, classes), `targets` and `weights` (N,).
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    over = weights * (right - confidence)
    gaps = [abs(over[number == n].sum()) for n in range(bins)]
    return round(float(sum(gaps) / weights.sum()), 6)
