"""Shares with confidence intervals, and their differences."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TypedDict


class Interval(TypedDict):
    """A figure between the bounds of its confidence interval."""

    value: float
    low: float
    high: float


class Ratio(TypedDict):
    """A share, 0 to 1, with its confidence interval, all null where there is nothing to count.

    `of` has the two counts, such as [19, 20]. Where what is counted is weighed, they are counts all the same, and
    `value` is not their quotient.
    """

    of: list[int]
    value: float | None
    low: float | None
    high: float | None


def ratio(part: int, total: int, confidence: float) -> Ratio:
    """`part / total` with Wilson's (1927) score interval at `confidence`, 0 to 1."""
    if total == 0:
        return {"of": [part, total], "value": None, "low": None, "high": None}
    low, high = wilson(part / total, total, confidence)
    return {"of": [part, total], "value": round(part / total, 6), "low": round(low, 6), "high": round(high, 6)}


def wilson(share: float, size: float, confidence: float) -> tuple[float, float]:
    """Wilson's (1927) score interval of a share, 0..1, of `size` frames, which need be no whole number."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre = (share + z * z / (2 * size)) / (1 + z * z / size)
    half = z * math.sqrt(share * (1 - share) / size + z * z / (4 * size * size)) / (1 + z * z / size)
    # At the ends the formula's rounding error may pass the exact bound.
    low = 0.0 if share <= 0 else max(centre - half, 0.0)
    high = 1.0 if share >= 1 else min(centre + half, 1.0)
    return low, high


def known(share: Ratio) -> Interval:
    """The interval of a share. Raises `ValueError` where it counts nothing."""
    value, low, high = share["value"], share["low"], share["high"]
    if value is None or low is None or high is None:
        raise ValueError("a share of nothing has no interval")
    return {"value": value, "low": low, "high": high}


def mean(shares: Sequence[Ratio]) -> Interval:
    """The mean of shares of different frames, with an interval made of theirs (MOVER; Zou and Donner, 2008).

    Raises `ValueError` where one of them counts nothing, and where there is none.
    """
    intervals = [known(share) for share in shares]
    if not intervals:
        raise ValueError("no shares have no mean")
    value = sum(of["value"] for of in intervals) / len(intervals)
    below = math.hypot(*(of["value"] - of["low"] for of in intervals)) / len(intervals)
    above = math.hypot(*(of["high"] - of["value"] for of in intervals)) / len(intervals)
    return {"value": round(value, 6), "low": round(value - below, 6), "high": round(value + above, 6)}


def difference(one: Ratio, other: Ratio) -> Interval:
    """What one share is above another of other frames, with Newcombe's (1998) interval, made of their intervals.

    Raises `ValueError` where one of them counts nothing.
    """
    first, second = known(one), known(other)
    value = first["value"] - second["value"]
    below = math.hypot(first["value"] - first["low"], second["high"] - second["value"])
    above = math.hypot(first["high"] - first["value"], second["value"] - second["low"])
    return {"value": round(value, 6), "low": round(value - below, 6), "high": round(value + above, 6)}
