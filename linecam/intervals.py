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

    `of` has the two counts, such as [19, 20].
    """

    of: list[int]
    value: float | None
    low: float | None
    high: float | None


def ratio(part: int, total: int, confidence: float) -> Ratio:
    """`part / total` with Wilson's (1927) score interval at `confidence`, 0 to 1."""
    if total == 0:
        return {"of": [part, total], "value": None, "low": None, "high": None}
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = part / total
    centre = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    # At the ends the formula's rounding error may pass the exact bound.
    low = 0.0 if part == 0 else max(centre - half, 0.0)
    high = 1.0 if part == total else min(centre + half, 1.0)
    return {"of": [part, total], "value": round(p, 6), "low": round(low, 6), "high": round(high, 6)}


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
