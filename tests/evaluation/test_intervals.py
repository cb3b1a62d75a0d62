"""Intervals of shares, of their means and differences: against published figures, and by what has to hold."""

import pytest

from linecam.intervals import difference, known, mean, ratio, wilson


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
