"""Intervals of shares, of their means and differences: against published figures, and by what has to hold."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linecam.intervals import difference, known, mean, ratio, wilson

# --- Wilson's interval


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [  # at 95 %, z = 1.959964
        (0, 10, 0.0, 0.277533),  # z^2 / (n + z^2)
        (10, 10, 0.722467, 1.0),  # n / (n + z^2)
        (5, 10, 0.236593, 0.763407),
        (1, 1, 0.206549, 1.0),
        (81, 263, 0.255289, 0.366210),  # Newcombe (1998), table I, methods 3: 0.2553 to 0.3662
        (15, 148, 0.062386, 0.160487),  # the same: 0.0624 to 0.1605
        (0, 20, 0.0, 0.161125),  # the same: 0 to 0.1611
        (1, 29, 0.006113, 0.171756),  # the same: 0.0061 to 0.1718
    ],
)
def test_wilson_by_hand(part, whole, low, high):
    seen = ratio(part, whole, 0.95)
    assert seen["of"] == [part, whole]
    assert seen["value"] == pytest.approx(part / whole, abs=1e-6)
    assert (seen["low"], seen["high"]) == pytest.approx((low, high), abs=2e-6)


def test_nothing_to_count_has_no_ratio():
    assert ratio(0, 0, 0.95) == {"of": [0, 0], "value": None, "low": None, "high": None}


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    whole = draw(st.integers(1, 10_000))
    return draw(st.integers(0, whole)), whole


@settings(deadline=None)
@given(counts(), st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99]))
def test_wilson_holds_the_value_and_mirrors(count, confidence):
    part, whole = count
    seen, mirrored = ratio(part, whole, confidence), ratio(whole - part, whole, confidence)
    assert 0 <= seen["low"] <= seen["value"] <= seen["high"] <= 1
    assert seen["low"] < seen["high"]
    assert (seen["low"], seen["high"]) == pytest.approx((1 - mirrored["high"], 1 - mirrored["low"]), abs=2e-6)


@settings(deadline=None)
@given(counts())
def test_wilsons_bounds_solve_the_score_equation(count):
    """|p - bound| = z * sqrt(bound (1 - bound) / n): the definition, not the formula."""
    part, whole = count
    seen = ratio(part, whole, 0.95)
    for bound in (seen["low"], seen["high"]):
        if 1e-3 < bound < 1 - 1e-3:
            width = 1.959964 * math.sqrt(bound * (1 - bound) / whole)
            assert abs(part / whole - bound) == pytest.approx(width, abs=5e-5)


@settings(deadline=None)
@given(counts())
def test_wilson_narrows_with_more_frames_and_less_confidence(count):
    part, whole = count

    def width(k: int, n: int, confidence: float) -> float:
        seen = ratio(k, n, confidence)
        return float(seen["high"] - seen["low"])

    assert width(part * 4, whole * 4, 0.95) < width(part, whole, 0.95) + 2e-6
    assert width(part, whole, 0.8) < width(part, whole, 0.95) + 2e-6


def test_none_and_all_of_any_number_have_their_exact_bound():
    """The formula's rounding would leave 1e-17 for 0, so that a share of none would seem to be one of some."""
    for size in range(1, 400):
        for confidence in (0.5, 0.8, 0.95):
            assert wilson(0, size, confidence)[0] == 0
            assert wilson(1, size, confidence)[1] == 1


def test_frames_that_are_weighed_count_by_their_effective_number():
    """Half a frame more is a little more certainty, and less than one whole frame has an interval too."""
    widths = [high - low for low, high in (wilson(0.3, size, 0.9) for size in (0.4, 1, 10, 10.5, 11))]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] < 1


def test_figures_have_six_decimals():
    figures = [ratio(1, 3, 0.95), mean([ratio(1, 3, 0.95), ratio(1, 7, 0.95)])]
    figures.append(difference(ratio(1, 3, 0.95), ratio(1, 7, 0.95)))
    for figure in figures:
        for name in ("value", "low", "high"):
            assert figure[name] == round(figure[name], 6)


# --- differences and means


def test_a_difference_as_newcombe_published_it():
    """Newcombe (1998), Statistics in Medicine 17, 873-890, table II, method 10: 56/70 less 48/80."""
    apart = difference(ratio(56, 70, 0.95), ratio(48, 80, 0.95))
    assert apart["value"] == pytest.approx(0.2)
    assert (apart["low"], apart["high"]) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_a_difference_the_other_way_round_has_the_other_signs():
    one, other = ratio(9, 10, 0.95), ratio(15, 50, 0.95)
    there, back = difference(one, other), difference(other, one)
    assert (back["value"], back["low"], back["high"]) == (-there["value"], -there["high"], -there["low"])
    assert there["low"] < there["value"] < there["high"]
    assert there["value"] - there["low"] != pytest.approx(there["high"] - there["value"], abs=1e-3)


def test_a_difference_from_what_is_known_for_sure_has_the_other_share_s_interval():
    sure = {"of": [0, 1], "value": 0.0, "low": 0.0, "high": 0.0}
    share = ratio(7, 20, 0.9)
    assert difference(share, sure) == known(share)


def test_a_mean_of_one_share_is_that_share_and_of_two_lies_between():
    one, other = ratio(9, 10, 0.95), ratio(15, 50, 0.95)
    assert mean([one]) == pytest.approx(known(one), abs=2e-6)
    both = mean([one, other])
    assert both["value"] == pytest.approx(0.6)
    # MOVER: the distances from the shares to their bounds, as the sides of a right-angled triangle, by 2.
    below = ((0.9 - one["low"]) ** 2 + (0.3 - other["low"]) ** 2) ** 0.5 / 2
    above = ((one["high"] - 0.9) ** 2 + (other["high"] - 0.3) ** 2) ** 0.5 / 2
    assert (both["low"], both["high"]) == pytest.approx((0.6 - below, 0.6 + above), abs=2e-6)


def test_a_share_of_nothing_has_no_interval():
    nothing = ratio(0, 0, 0.95)
    assert nothing == {"of": [0, 0], "value": None, "low": None, "high": None}
    for compute in (lambda: known(nothing), lambda: mean([ratio(1, 2, 0.9), nothing]), lambda: mean([])):
        with pytest.raises(ValueError, match=r"no interval|no mean"):
            compute()
    with pytest.raises(ValueError, match="no interval"):
        difference(ratio(1, 2, 0.9), nothing)
