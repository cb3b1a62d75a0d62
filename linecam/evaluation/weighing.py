"""Shares of frames that count for more or less than one: each stands for its share of the line."""

import numpy as np
from numpy.typing import NDArray

from linecam.intervals import Ratio, wilson


def weighted_ratio(hits: NDArray[np.bool_], weights: NDArray[np.float64], confidence: float) -> Ratio:
    """The share of `weights`, (N,), that `hits`, (N,), have; with equal weights that is `ratio`.

    The interval is Wilson's for as many frames of equal weight as tell as much (see `effective_size`).
    """
    of = [int(hits.sum()), len(hits)]
    if not len(hits):
        return {"of": of, "value": None, "low": None, "high": None}
    share = of[0] / of[1] if (weights == weights[0]).all() else float(weights[hits].sum() / weights.sum())
    low, high = wilson(share, effective_size(weights), confidence)
    return {"of": of, "value": round(share, 6), "low": round(low, 6), "high": round(high, 6)}


def effective_size(weights: NDArray[np.float64]) -> float:
    """How many frames of equal weight know a share as well as these, by (N,) weights (Kish, 1965): N at the most."""
    return float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else 0.0
