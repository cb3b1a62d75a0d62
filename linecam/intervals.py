"""Shares with confidence intervals, and their differences."""

import math
from statistics import NormalDist
from typing import Any


def ratio(part: int, whole: int, confidence: float) -> dict[str, Any]:
    """`part / whole` with Wilson's score interval at `confidence`; null where there is nothing to count."""
    if whole == 0:
        return {"of": [part, whole], "value": None, "low": None, "high": None}
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = part / whole
    centre = (p + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z * math.sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole)) / (1 + z * z / whole)
    # At the ends the formula's rounding error may pass the exact bound.
    low = 0.0 if part == 0 else max(centre - half, 0.0)
    high = 1.0 if part == whole else min(centre + half, 1.0)
    return {"of": [part, whole], "value": round(p, 6), "low": round(low, 6), "high": round(high, 6)}


def difference(one: dict[str, Any], other: dict[str, Any]) -> dict[str, float]:
    """What one `ratio` is above another of other frames, with Newcombe's (1998) interval, made of their intervals."""
    value = one["value"] - other["value"]
    below = math.hypot(one["value"] - one["low"], other["high"] - other["value"])
    above = math.hypot(one["high"] - one["value"], other["value"] - other["low"])
    return {"value": round(value, 6), "low": round(value - below, 6), "high": round(value + above, 6)}
