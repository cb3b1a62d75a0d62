"""CUSUM charts for Bernoulli trials in whole numbers, with the false alarms that they are designed for.

Each decision makes something true or not, such as "it is for bad". The chart adds `up` where it is true and takes
`down` where it is not, never below 0, and sounds an alarm at `limit`: the sequential test of Reynolds and Stoumbos (A
CUSUM chart for monitoring a proportion when inspecting continuously, Journal of Quality Technology, 1999). The steps
are those of the likelihood ratio, up to a whole common factor. So the chart's states are a Markov chain with few
states, and how many trials pass on average to the first alarm is computed exactly, not approximated.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from scipy.linalg import solve_banded
from scipy.stats import beta

ODDS = 1.5  # the factor of the odds that a chart is made to notice soonest (docs/drift.md)
FINENESS = 10, 20, 40, 100  # the largest sum of the two steps: finer steps make a longer Markov chain
NEAR = 0.03  # how far the rounded steps may be from the likelihood ratio's, as a share of them
SURE = 0.99  # the confidence, for each chart, that the bound on the usual share is not below the true share
HIGHEST = 0.98  # above this usual share a chart for a rising share is not made: the rise would say nothing


@dataclass(frozen=True)
class Chart:
    """The steps and the limit of a chart, whole numbers above 0."""

    up: int
    down: int
    limit: int

    @property
    def steps(self) -> list[int]:
        """As settings.json has them."""
        return [self.up, self.down, self.limit]


def upper_bound(count: int, total: int, sure: float = SURE) -> float:
    """The share, 0..1, that a line has at the most, by `count` of `total` trials (Clopper and Pearson, 1934)."""
    return 1.0 if count >= total else float(beta.ppf(sure, count + 1, total - count))


def run_length(chart: Chart, share: float) -> float:
    """After how many trials a chart that starts at 0 sounds its alarm, on average, where `share`, 0..1, are true.

    The mean time to absorption of the Markov chain of the chart's sums (Brook and Evans, 1972). From about 1e12 on it
    is `inf`: the equations say no more then.
    """
    up, down, limit = chart.up, chart.down, chart.limit
    # (I - Q) L = 1, in diagonals: row n of the matrix is the sum n.
    bands = np.zeros((up + down + 1, limit))
    bands[up] = 1.0
    bands[0, up:] = -share
    for place in range(limit):
        to = max(0, place - down)
        bands[up + place - to, to] -= 1 - share
    found = float(solve_banded((down, up), bands, np.ones(limit))[0])
    return found if 0 < found < 1e12 else math.inf


@lru_cache(maxsize=1024)
def design(share: float, length: float) -> Chart | None:
    """The chart that sees a rise from `share` to `ODDS` times its odds, with `length` trials to a false alarm at least.

    That many pass on average where `share`, 0..1, or fewer are true. None where `share` is above `HIGHEST`.
    """
    if share > HIGHEST:
        return None
    after = ODDS * share / (1 - share + ODDS * share)
    # Both logarithms of the likelihood ratio, of a trial that is not true and of one that is.
    down, up = math.log((1 - share) / (1 - after)), math.log(after / share)
    steps = _whole(down / (up + down))
    high = sum(steps)
    while run_length(Chart(*steps, high), share) < length:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        if run_length(Chart(*steps, middle), share) < length:
            low = middle
        else:
            high = middle
    return Chart(*steps, high)


def _whole(share: float) -> tuple[int, int]:
    """Whole numbers of which the second is about `share` of the sum, 0..1, and neither is 0."""
    for most in FINENESS:
        near = Fraction(share).limit_denominator(most)
        if abs(near - share) <= NEAR * min(share, 1 - share):
            break
    down = (
        min(max(near.numerator, 1), near.denominator - 1) if near.denominator > 1 else (1 if share < 0.5 else most - 1)
    )
    return (near.denominator if near.denominator > 1 else most) - down, down


def table(total: int, length: float) -> list[list[int]]:
    """Charts for whatever a line is found to be like: rows of [count, up, down, limit], ascending.

    A row is for a thing of which `total` trials had up to `count` true, and more than the row's before. Neighbouring
    rows are so far apart that the odds are 1.3 times as high.
    """
    rows: list[list[int]] = []
    share = upper_bound(0, total)
    count = 0
    while share <= HIGHEST:
        while count < total and upper_bound(count + 1, total) <= share:
            count += 1
        chart = design(share, length)
        if chart and upper_bound(count, total) <= share:
            rows.append([count, *chart.steps])
        odds = 1.3 * share / (1 - share)
        share = max(odds / (1 + odds), upper_bound(count + 1, total))
    return rows
