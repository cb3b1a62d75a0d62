"""Whether a model is any good: by labelled training frames alone, for the test frames decide nothing.

The measure is the constant answer, which says the same class of every frame.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linecam.evaluation.figures import Weakness
from linecam.evaluation.weighing import effective_size, weighted_ratio
from linecam.intervals import Ratio, mean
from linecam.percent import percent

# The share of the way from the constant answer's training loss to the lowest loss that a model has to have made. Of two
# classes a model that has made just so much is right on some three of four of the very frames that it learned from.
LEAST_WAY = 0.15
# The final loss is the mean over this share of the epochs, the last ones. One epoch's loss depends on its batches.
LAST = 0.1
DRAWS = 4000  # batches, for the expectation of a loss


def weaknesses(
    held_out: pd.DataFrame,
    losses: Sequence[float],
    *,
    classes: list[str],
    batch_size: int,
    label_smoothing: float,
    confidence: float,
) -> list[Weakness]:
    """Every reason to call a model weak; [] where there is none.

    `held_out` has `label` and `predicted` of the training frames, each by a fold's model that never saw it, and their
    `weight`: with unequal ones, intervals are those of the effective number of frames (`effective_size`). `losses`
    are the mean loss of each epoch of the training on all of them, in nats, in batches of `batch_size`, with
    `label_smoothing` (0..1). Intervals are at `confidence`.
    """
    found = [
        at_chance(held_out, classes, confidence),
        no_better_than_constant(held_out, classes, confidence),
        not_learned(losses, held_out["label"], classes, batch_size, label_smoothing),
    ]
    return [weakness for weakness in found if weakness]


def recalls_of(held_out: pd.DataFrame, classes: list[str], confidence: float) -> list[Ratio]:
    """The weighted recall of each of `classes` that there are frames of."""
    right = (held_out["predicted"] == held_out["label"]).to_numpy()
    weights = held_out["weight"].to_numpy(np.float64)
    of = [(held_out["label"] == name).to_numpy() for name in classes]
    return [weighted_ratio(right[those], weights[those], confidence) for those in of if those.any()]


def is_weighed(held_out: pd.DataFrame) -> bool:
    """Whether some frames count for more than others."""
    return bool(held_out["weight"].nunique() > 1)


def how_judged(held_out: pd.DataFrame) -> str:
    """How the labelled frames were judged and, where they are weighed, how many at random would say as much."""
    judged = "Each was judged by a model that had not seen it."
    if not is_weighed(held_out):
        return judged
    size = effective_size(held_out["weight"].to_numpy(np.float64))
    return f"{judged} Each counts by the share of the line that it stands for: all say as much as {size:.0f} at random."


def at_chance(held_out: pd.DataFrame, classes: list[str], confidence: float) -> Weakness | None:
    """Where the balanced accuracy's interval holds that of the constant answer, 1 / classes.

    The interval is made of the recalls' Wilson intervals (`linecam.intervals.mean`): classes are different frames.
    """
    recalls = recalls_of(held_out, classes, confidence)
    balanced, chance = mean(recalls), 1 / len(recalls)
    if balanced["low"] > chance:
        return None
    return {
        "why": f"Of {len(held_out)} labelled frames it finds {percent(balanced['value'])} of a class, on average "
        f"({percent(balanced['low'])} to {percent(balanced['high'])}). {how_judged(held_out)} Always giving the same "
        f"answer would find {percent(chance)}.",
        "mend": "In the report, look at the frames as the network sees them. If you cannot tell the classes apart "
        "yourself, look closer: set a smaller camera.side, a camera.roi, or a network with a larger input. If you can, "
        "look for wrong labels: `linecam labels agreement` compares people, and key G of `linecam label` shows frames "
        "side by side. Then label more frames (select.train).",
    }


def no_better_than_constant(held_out: pd.DataFrame, classes: list[str], confidence: float) -> Weakness | None:
    """Where the model is not surely right on more frames than the constant answer that is right most often.

    Of the frames on which just one of the two is right, the share of the model's has to be above one half, by Wilson's
    interval: the paired comparison of McNemar (1947). It counts only where the balanced accuracy is not surely past
    half the way from chance to 1: on a line where one class is rare, a model that finds all classes well may still be
    right less often than one that always says the other.
    """
    recalls = recalls_of(held_out, classes, confidence)
    if mean(recalls)["low"] > (1 + 1 / len(recalls)) / 2:
        return None
    weights = held_out["weight"].to_numpy(np.float64)
    constant = max(classes, key=lambda name: float(weights[held_out["label"] == name].sum()))
    right = (held_out["predicted"] == held_out["label"]).to_numpy()
    often = (held_out["label"] == constant).to_numpy()
    either = right != often
    share = weighted_ratio(right[either], weights[either], confidence)
    if (share["low"] or 0.0) > 0.5:
        return None

    def much(hits: NDArray[np.bool_]) -> str:
        return f"{percent(weights[hits].sum() / weights.sum())}" if is_weighed(held_out) else str(int(hits.sum()))

    return {
        "why": f"It is right on {much(right)} of {len(held_out)} labelled frames; always saying {constant} is right on "
        f"{much(often)}. {how_judged(held_out)} Only the model is right on {much(right & ~often)}, only {constant} on "
        f"{much(often & ~right)}: the model is not surely better.",
        "mend": f"Label more frames of the other classes than {constant}. `snakemake select_next` names frames to "
        f"label next. In the report, look at the frames that it gets wrong.",
    }


def not_learned(
    losses: Sequence[float], labels: pd.Series, classes: list[str], batch_size: int, label_smoothing: float
) -> Weakness | None:
    """Where the final training loss stayed near the constant answer's: even the frames it saw were not learned."""
    counts = np.array([(labels == name).sum() for name in classes])
    constant, lowest = loss_bounds(counts[counts > 0], len(classes), batch_size, label_smoothing)
    final = float(np.mean(losses[-max(round(LAST * len(losses)), 1) :]))
    if final < constant - LEAST_WAY * (constant - lowest):
        return None
    return {
        "why": f"Its training loss ended at {final:.3f}. Always giving the same answer would have {constant:.3f}, and "
        f"the lowest possible loss is {lowest:.3f}. So it has hardly learned the frames that it was trained on.",
        "mend": "Train longer (finetune.epochs) or at another finetune.learning_rate, begin with a pretrained backbone "
        "(pretrain.methods), or take another network (`linecam networks`).",
    }


def loss_bounds(
    counts: NDArray[np.integer], classes: int, batch_size: int, label_smoothing: float
) -> tuple[float, float]:
    """The expected training loss, in nats, of the best constant answer, and the lowest that any model can have.

    `counts` are the frames of each class that there are any of; the network has `classes` outputs. The loss is that of
    finetuning: cross-entropy with label smoothing, each class weighing the same, as a mean over the weights of a batch.
    Without smoothing that is log(classes) and 0, where each batch has all classes.
    """
    total, present = int(counts.sum()), len(counts)
    weights = total / (classes * counts)  # as in linecam/training/finetune.py
    batch = min(max(total // max(total // batch_size, 1), 1), total)
    drawn = np.random.default_rng(0).multivariate_hypergeometric(counts, batch, DRAWS)
    shares = (drawn * weights / (drawn @ weights)[:, None]).mean(axis=0)
    # How much -log p of an output, a column, counts for the frames of a class, a row.
    matrix = np.repeat(label_smoothing / classes * shares[:, None], classes, axis=1)
    matrix[:, :present] += (1 - label_smoothing) * np.diag(shares)
    return _entropy(matrix.sum(axis=0)), sum(map(_entropy, matrix))


def _entropy(counted: NDArray[np.floating]) -> float:
    """The least that the sum of these times -log p can be, over all p that add up to 1."""
    some = counted[counted > 0]
    return float(-(some * np.log(some / some.sum())).sum())


def in_words(weak: Sequence[Weakness]) -> str:
    """All reasons, then all next steps, as one paragraph."""
    return " ".join([*(of["why"] for of in weak), *(of["mend"] for of in weak)])
