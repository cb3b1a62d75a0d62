"""From which probability on a model should decide for a class: what each threshold finds, and what it costs."""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import betainc

from linecam.evaluation.figures import OperatingPoint
from linecam.evaluation.predictions import HALF
from linecam.evaluation.weighing import effective_size, weighted_ratio

# The confidence that a threshold finds the wanted share of future frames. More of it takes far lower thresholds, and
# costs several times as many false alarms (docs/measurements.md).
SURE = 0.8
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
    scores: NDArray[np.floating],
    positive: NDArray[np.bool_],
    weights: NDArray[np.float64],
    wanted: float,
    confidence: float,
    sure: float = SURE,
) -> OperatingPoint:
    """The highest threshold, up to one half, that promises to find `wanted` (0..1) of a class, and what it costs.

    `scores` (see `deciding_scores`), `positive` and `weights` are (N,), of frames that the model had not seen. The
    promise is for frames to come, and is kept with probability `sure`: by the order statistics of the positive frames'
    scores (Wilks, 1941), weighed as `promised_rank` says. Where these are too few for any promise, `promised` is false,
    and the threshold lies below the lowest score by a margin (see `margin`). It is a multiple of 1/256, as the camera's
    probabilities are; a frame is taken for the class from it on. The intervals are at `confidence`.
    """
    order = np.argsort(scores[positive], kind="stable")
    found, count = scores[positive].astype(np.float64)[order], weights[positive][order]
    rank = promised_rank(count, wanted, sure)
    if rank:
        lowest = float(found[rank - 1])
    elif len(found):
        lowest = below(float(found[0]), margin(found, count, wanted, sure))
    else:
        lowest = HALF
    # The firmware's runtime rounds to the nearest step: the lowest one that counts must reach the threshold.
    threshold = min(max(math.floor(lowest / STEP) * STEP, STEP), HALF)
    over = scores >= threshold
    return {
        "wanted": wanted,
        "threshold": threshold,  # unrounded: a score that equals the threshold has to reach it
        "recall": weighted_ratio(over[positive], weights[positive], confidence),
        "effective_frames": round(float(sizes(count)[max(rank - 1, 0)]), 1) if len(count) else 0.0,
        "false_alarms": weighted_ratio(over[~positive], weights[~positive], confidence),
        "promised": rank > 0,
        "needed": needed(wanted, sure),
    }


def promised_rank(weights: NDArray[np.float64], wanted: float, sure: float) -> int:
    """Which of the scores with these `weights`, (k,), from the lowest, 1, on, is the highest that finds `wanted` of all
    frames to come; 0 where even the lowest may find less.

    With equal weights it does so with probability `sure` at least, whatever the scores' distribution is: as many
    scores or more lie below what finds just `wanted`, and that number is binomial. Weighed frames count as fewer that
    were drawn at random (`sizes`), of which the share that weighs below a score lies below it; the binomial's tail is
    the incomplete beta function, which needs no whole numbers. That is an approximation, and a promise as far as the
    weights are right: where the frames with the lowest scores stand for ten times what others do and none was chosen,
    no weight knows of them.
    """
    if not len(weights):
        return 0
    count = sizes(weights)
    below = count * (np.cumsum(weights) - weights) / weights.sum()
    # The chance that no more than so many of the frames lie below what finds just `wanted`.
    chance = betainc(np.maximum(count - below, 1e-9), below + 1, wanted)
    fails = chance > 1 - sure + 1e-12
    return int(fails.argmax()) if fails.any() else len(weights)


def sizes(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """As how many frames drawn at random the scores with these `weights`, (k,), ascending, know what lies below each.

    That is the effective size, but where the frames up to there weigh more than others do, they are fewer: the whole
    weight in units of theirs, by the squares of theirs over theirs, as for rates in Fay and Feuer (1997).
    """
    unit = np.cumsum(weights**2) / np.cumsum(weights)
    found: NDArray[np.float64] = np.minimum(weights.sum() / unit, effective_size(weights))
    return found


def needed(wanted: float, sure: float = SURE) -> int | None:
    """How many frames of a class promise that `wanted` (0..1) of it are found; None where no number does."""
    return None if wanted == 1 else math.ceil(math.log(1 - sure) / math.log(wanted) - 1e-9)


def margin(found: NDArray[np.float64], weights: NDArray[np.float64], wanted: float, sure: float) -> float:
    """How far below the lowest of the scores `found`, (k,), ascending, a threshold should lie, in logits.

    `weights` are (k,), and k counts as the size of the lowest (`sizes`). The lower half of the scores, by weight, is
    taken for the tail of an exponential distribution in logits, which it is wherever a density falls by a power towards
    0. Its scale times log(needed / k) is what more frames would reach, at the most `FURTHEST` times its scale.
    """
    logits = _logit(found)
    lower = int((np.cumsum(weights) / weights.sum() <= 0.5 + 1e-9).sum())
    reach = float(np.average(logits[lower] - logits[:lower], weights=weights[:lower])) if lower else 0.0
    scale = max(reach, LEAST_SCALE)
    count = needed(wanted, sure)
    return scale * (FURTHEST if count is None else min(math.log(count / sizes(weights)[0]), FURTHEST))


def below(score: float, logits: float) -> float:
    """The score, 0..1, that lies `logits` logits below `score`."""
    return float(1 / (1 + np.exp(logits - _logit(np.array([score]))[0])))


def too_few(name: str, wanted: float, point: OperatingPoint) -> str | None:
    """What a threshold for `wanted` of the class `name` can't promise, and why; None where it does."""
    if point["promised"]:
        return None
    there, count = point["recall"]["of"][1], point["needed"]
    chosen = point["effective_frames"] < there
    worth = f". They were chosen, and say only as much as {point['effective_frames']:.0f} at random" if chosen else ""
    if count is None:
        takes = f"no number of labels can promise to find all of {name}"
    else:
        sure = f"{wanted:g} with {SURE * 100:g} % confidence"
        takes = f"{sure} needs {count} labelled frames of {name}, and there are {there}{worth}"
    return (
        f"bundle.recall, {name}: {takes}. So nothing is promised. The threshold is {point['threshold']:.3f}: the "
        "lowest score of these frames minus a margin, and at most 0.5. Label more frames of this class, or ask for a "
        "lower recall."
    )


def _logit(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(scores, STEP / 2, 1 - STEP / 2)
    logits: NDArray[np.float64] = np.log(inside / (1 - inside))
    return logits
