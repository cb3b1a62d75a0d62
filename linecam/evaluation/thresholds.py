"""From which probability on a model should decide for a class: what each threshold finds, and what it costs."""

import numpy as np
from numpy.typing import NDArray

from linecam.evaluation.figures import OperatingPoint
from linecam.intervals import ratio

# A probability of the quantized model is a multiple of this.
STEP = 1 / 256


def operating_point(
    probability: NDArray[np.floating], positive: NDArray[np.bool_], wanted: float, confidence: float
) -> OperatingPoint:
    """The highest threshold that finds `wanted` (0..1) of the positive frames, and what it costs.

    `probability` and `positive` are (N,). The threshold is a multiple of 1/256, as the camera's probabilities are;
    a frame is taken for the class from it on.
    """
    found = np.sort(probability[positive])[::-1]
    needed = int(np.ceil(wanted * len(found) - 1e-9))
    lowest = found[needed - 1] if needed else 1.0
    # The firmware's runtime rounds to the nearest step: the lowest one that counts must reach the threshold.
    threshold = min(max(np.floor(lowest / STEP) * STEP, STEP), 1 - STEP)
    over = probability >= threshold
    return {
        "wanted": wanted,
        "threshold": float(threshold),  # unrounded: what equals it has to reach it
        "recall": ratio(int(over[positive].sum()), int(positive.sum()), confidence),
        "false_alarms": ratio(int(over[~positive].sum()), int((~positive).sum()), confidence),
    }
