"""From which probability on a model should decide for a class: what each threshold finds, and what it costs."""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linecam.evaluation.figures import OperatingPoint
from linecam.evaluation.predictions import HALF
from linecam.intervals import ratio

# A probability of the quantized model is a multiple of this.
STEP = 1 / 256
# With too few frames a threshold lies below the lowest score by this many times the tail's scale, at the most: further
# down nothing is known, and false alarms are many.
FURTHEST = 1.0
# The least scale of a tail, in logits: two or three frames may have equal scores by chance.
LEAST_SCALE = 0.25


def deciding_scores(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """By which score main.py takes each frame of `table`, (N,), for the class `name`, where its threshold is set here.

    That is its probability, but at least one half where it has the highest: thresholds that are set here end there, and
    the highest is taken whatever such a threshold is (see `decide`). `table` has `predicted` and p_<name>.
    """
    probability = table[f"p_{name}"].to_numpy(dtype=np.float64)
    scores: NDArray[np.float64] = np.where(table["predicted"] == name, np.maximum(probability, HALF), probability)
    return scores


def operating_point(
    scores: NDArray[np.floating], positive: NDArray[np.bool_], wanted: float, confidence: float
) -> OperatingPoint:
    """The highest threshold, up to one half, that promises to find `wanted` (0..1) of a class, and what it costs.

    `scores` (see `deciding_scores`) and `positive` are (N,), of frames that the model had not seen. The promise is for
    frames to come: at `confidence`, by the order statistics of the positive frames' scores (Wilks, 1941). Where these
    are too few for any promise, `promised` is false, and the threshold lies below the lowest score by a margin (see
    `margin`). It is a multiple of 1/256, as the camera's probabilities are; a frame is taken for the class from it on.
    """
    found = np.sort(scores[positive].astype(np.float64))
    rank = promised_rank(len(found), wanted, confidence)
    if rank:
        lowest = float(found[rank - 1])
    elif len(found):
        lowest = below(float(found[0]), margin(found, wanted, confidence))
    else:
        lowest = HALF
    # The firmware's runtime rounds to the nearest step: the lowest one that counts must reach the threshold.
    threshold = min(max(math.floor(lowest / STEP) * STEP, STEP), HALF)
    over = scores >= threshold
    return {
        "wanted": wanted,
        "threshold": threshold,  # unrounded: what equals it has to reach it
        "recall": ratio(int(over[positive].sum()), int(positive.sum()), confidence),
        "false_alarms": ratio(int(over[~positive].sum()), int((~positive).sum()), confidence),
        "promised": rank > 0,
        "needed": needed(wanted, confidence),
    }


def promised_rank(count: int, wanted: float, confidence: float) -> int:
    """Which of `count` scores, from the lowest, 1, on, is the highest that finds `wanted` of all frames to come.

    It does so with probability `confidence` at least, whatever the scores' distribution is: as many scores or more lie
    below what finds just `wanted`. That number is binomial. 0 where even the lowest may find less.
    """
    rank, fewer = 0, 0.0
    while rank < count:
        fewer += math.comb(count, rank) * (1 - wanted) ** rank * wanted ** (count - rank)
        if 1 - fewer < confidence:
            break
        rank += 1
    return rank


def needed(wanted: float, confidence: float) -> int | None:
    """How many frames of a class promise that `wanted` (0..1) of it are found; None where no number does."""
    return None if wanted == 1 else math.ceil(math.log(1 - confidence) / math.log(wanted) - 1e-9)


def margin(found: NDArray[np.float64], wanted: float, confidence: float) -> float:
    """How far below the lowest of the scores `found`, (k,), ascending, a threshold should lie, in logits.

    The lower half of the scores is taken for the tail of an exponential distribution in logits, which it is wherever a
    density falls by a power towards 0. Its scale times log(needed / k) is what more frames would reach, at the most
    `FURTHEST` times its scale.
    """
    logits = _logit(found)
    lower = len(found) // 2
    scale = max(float((logits[lower] - logits[:lower]).mean()) if lower else 0.0, LEAST_SCALE)
    count = needed(wanted, confidence)
    return scale * (FURTHEST if count is None else min(math.log(count / len(found)), FURTHEST))


def below(score: float, logits: float) -> float:
    """The score, 0..1, that lies so many `logits` below `score`."""
    return float(1 / (1 + np.exp(logits - _logit(np.array([score]))[0])))


def too_few(name: str, wanted: float, point: OperatingPoint, confidence: float) -> str | None:
    """What a threshold for `wanted` of the class `name` can't promise, and why; None where it does."""
    if point["promised"]:
        return None
    there, count = point["recall"]["of"][1], point["needed"]
    if count is None:
        takes = f"no number of labels promises all of {name}"
    else:
        sure = f"{wanted:g} with {confidence * 100:g} % confidence"
        takes = f"{sure} needs {count} labelled frames of {name}, there are {there}"
    return (
        f"bundle.recall, {name}: {takes}. The threshold {point['threshold']:.3f} is their lowest score less a margin, "
        "at the most 0.5, and promises nothing: label more of them, or want a lower recall."
    )


def _logit(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(scores, STEP / 2, 1 - STEP / 2)
    logits: NDArray[np.float64] = np.log(inside / (1 - inside))
    return logits
