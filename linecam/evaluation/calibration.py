"""The temperature of a model's probabilities, and how good they are on frames that folds held out."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

TEMPERATURES = (0.05, 20.0)  # the range that is searched


def balanced_loss(logits: NDArray[np.floating], targets: NDArray[np.intp]) -> float:
    """The mean negative log-likelihood, in nats, of logits (N, classes), each class weighing the same."""
    likelihood = log_softmax(logits, axis=1)[np.arange(len(targets)), targets]
    return -float(np.mean([likelihood[targets == number].mean() for number in np.unique(targets)]))


def best_temperature(logits: NDArray[np.floating], targets: NDArray[np.intp]) -> float:
    """What to divide logits (N, classes) by for the lowest mean negative log-likelihood of the targets (N,).

    Temperature scaling (Guo et al., ICML 2017). Of a target 1 / (N + 2) is taken for another class, as by Platt (1999):
    N frames that are all right don't prove that no frame is ever wrong.
    """
    count, classes = logits.shape
    wanted = np.full((count, classes), 1 / (count + 2) / (classes - 1))
    wanted[np.arange(count), targets] = 1 - 1 / (count + 2)

    def cost(log_temperature: float) -> float:
        return -float((wanted * log_softmax(logits / np.exp(log_temperature), axis=1)).sum(axis=1).mean())

    found = minimize_scalar(cost, bounds=tuple(np.log(TEMPERATURES)), method="bounded")
    return float(np.exp(found.x))


def calibration_error(probabilities: NDArray[np.floating], targets: NDArray[np.intp], bins: int = 10) -> float:
    """The expected calibration error (Naeini et al., AAAI 2015): how far confidence and accuracy are apart, 0..1.

    `probabilities` are (N, classes), `targets` (N,).
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(right[number == n].sum() - confidence[number == n].sum()) for n in range(bins)]
    return round(float(sum(gaps)) / len(targets), 6)
