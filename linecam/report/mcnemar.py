"""McNemar's exact test (1947): do two models differ, by the frames that only one of them has right?"""

from scipy.stats import binomtest

# A difference counts where chance alone would give one like it less often than this.
BY_CHANCE = 0.05


def p_value(one: int, other: int) -> float:
    """How often chance alone makes these two counts differ so much, two-sided, 0..1."""
    return float(binomtest(one, one + other).pvalue) if one + other else 1.0


def surely_more(one: int, other: int) -> bool:
    """Whether `one` is so much more than `other` that chance is no explanation."""
    return one > other and p_value(one, other) < BY_CHANCE
