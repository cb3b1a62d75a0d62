"""Intervals of shares, of their means and differences: against published figures, and by what has to hold."""

import pytest

from linecam.intervals import difference, known, mean, ratio


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
