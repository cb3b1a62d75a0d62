"""Which models are called weak: those that know no more than the constant answer, and no others."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from linecam.evaluation.weakness import (
    at_chance,
    in_words,
    loss_bounds,
    no_better_than_constant,
    not_learned,
    weaknesses,
)
from linecam.intervals import mean, ratio
from linecam.training.finetune import balanced_loss

CLASSES = ["bad", "good", "no_mask"]
TWO = ["bad", "good"]
LEARNED = [1.0, 0.2]
STUCK = [0.7, 0.69]


def judged(**counts: list[int]) -> pd.DataFrame:
    """For each label how often which class was said, in the order of the labels."""
    rows = [
        (label, said)
        for label, numbers in counts.items()
        for said, number in zip(counts, numbers, strict=True)
        for _ in range(number)
    ]
    return pd.DataFrame(rows, columns=["label", "predicted"]).assign(weight=1.0)


def found(held_out: pd.DataFrame, losses: list[float], classes: list[str] = TWO) -> list[Any]:
    return weaknesses(held_out, losses, classes=classes, batch_size=16, label_smoothing=0.05, confidence=0.95)


# --- the mean of shares


def test_the_interval_of_a_mean_by_hand():
    one, other = ratio(8, 10, 0.95), ratio(5, 10, 0.95)
    both = mean([one, other])
    assert both["value"] == 0.65
    assert both["low"] == pytest.approx(0.65 - math.hypot(0.8 - one["low"], 0.5 - other["low"]) / 2, abs=1e-6)
    assert both["high"] == pytest.approx(0.65 + math.hypot(one["high"] - 0.8, other["high"] - 0.5) / 2, abs=1e-6)
    assert mean([one]) == {"value": one["value"], "low": one["low"], "high": one["high"]}
    for shares in ([], [one, ratio(0, 0, 0.95)]):
        with pytest.raises(ValueError, match=r"nothing|no shares"):
            mean(shares)


@pytest.mark.parametrize("sizes", [(10, 90), (44, 156), (7, 19, 34)])
def test_the_interval_of_a_mean_holds_it_as_often_as_it_says(sizes):
    rng = np.random.default_rng(1)
    held = []
    for _ in range(1000):
        recalls = rng.uniform(0.3, 0.95, len(sizes))
        interval = mean([ratio(int(rng.binomial(n, p)), n, 0.95) for n, p in zip(sizes, recalls, strict=True)])
        held.append(interval["low"] <= recalls.mean() <= interval["high"])
    assert 0.93 <= np.mean(held) <= 0.99


# --- by the folds


def test_a_good_model_has_no_weakness():
    assert found(judged(bad=[40, 4], good=[6, 150]), LEARNED) == []
    assert found(judged(bad=[6, 1, 0], good=[1, 17, 1], no_mask=[0, 1, 33]), LEARNED, CLASSES) == []


def test_the_constant_answer_is_weak_for_every_reason():
    reasons = found(judged(bad=[0, 44], good=[0, 156]), STUCK)
    assert len(reasons) == 3
    assert "it finds 50.0 % of a class, on average" in reasons[0]["why"]
    assert "Always giving the same answer would find 50.0 %" in reasons[0]["why"]
    assert "camera.side" in reasons[0]["mend"] and "labels agreement" in reasons[0]["mend"]
    assert "right on 156 of 200 labelled frames" in reasons[1]["why"]
    assert "always saying good is right on 156" in reasons[1]["why"]
    assert "other classes than good" in reasons[1]["mend"] and "select_next" in reasons[1]["mend"]
    assert "training loss ended at 0.690" in reasons[2]["why"]
    assert "finetune.epochs" in reasons[2]["mend"] and "network" in reasons[2]["mend"]
    text = in_words(reasons)
    assert all(part in text for reason in reasons for part in reason.values())


@pytest.mark.parametrize(
    ("counts", "weak"),
    [
        ({"bad": [50, 50], "good": [50, 50]}, True),
        ({"bad": [56, 44], "good": [44, 56]}, True),  # 56 %, from 49 %: still a coin's
        ({"bad": [60, 40], "good": [40, 60]}, False),
        ({"bad": [1, 9], "good": [4, 186]}, True),  # 1 of 10, from 2 %: 54 % of a class on average, from 50 %
        ({"bad": [3, 7], "good": [2, 188]}, False),  # 3 of 10, from 11 %: 64 %, from 55 %
        ({"bad": [9, 1], "good": [10, 180]}, False),
    ],
)
def test_chance_is_one_over_the_classes(counts, weak):
    assert bool(at_chance(judged(**counts), TWO, 0.95)) == weak


def test_a_class_of_which_there_is_no_label_is_no_chance():
    assert at_chance(judged(bad=[55, 45], good=[45, 55]), CLASSES, 0.95), "a half of two, not a third of three"


def test_labels_drawn_by_lot_are_weak_in_nearly_every_run():
    rng = np.random.default_rng(1)
    weak = []
    for _ in range(300):
        table = pd.DataFrame({"label": rng.choice(CLASSES, 200, p=[0.1, 0.3, 0.6])})
        table["predicted"] = rng.choice(CLASSES, 200, p=[0.1, 0.3, 0.6])
        table["weight"] = 1.0
        weak.append(bool(found(table, LEARNED, CLASSES)))
    assert np.mean(weak) > 0.97


@pytest.mark.parametrize(
    ("counts", "weak"),
    [
        ({"bad": [24, 20], "good": [60, 96]}, True),  # 120 right, always good 156
        ({"bad": [30, 14], "good": [20, 136]}, True),  # alone right on 30 to 20
        ({"bad": [34, 10], "good": [10, 146]}, False),  # on 34 to 10
        ({"bad": [9, 1], "good": [12, 178]}, False),  # 187 of 200, always good 190: and yet it finds both
        ({"bad": [3, 7], "good": [2, 188]}, True),  # alone right on 3 to 2, and it misses most of bad
        ({"bad": [0, 44], "good": [0, 156]}, True),
    ],
)
def test_more_frames_have_to_be_right_than_always_the_same_answer_is(counts, weak):
    assert bool(no_better_than_constant(judged(**counts), TWO, 0.95)) == weak


# --- by chosen labels


def test_a_model_that_is_good_on_odd_frames_alone_is_weak():
    """60 of 80 labels are odd, and rightly judged; the other 20 stand for nine tenths of the line."""
    table = pd.concat([judged(bad=[30, 0], good=[0, 30]), judged(bad=[5, 5], good=[5, 5])], ignore_index=True)
    assert found(table, LEARNED) == []
    table["weight"] = np.where(np.arange(80) < 60, 0.1, 2.7)
    reasons = found(table, LEARNED)
    assert len(reasons) == 2
    assert "Of 80 labelled frames it finds" in reasons[0]["why"]
    assert "the share of the line that it stands for: all say as much as 25 at random." in reasons[0]["why"]
    assert "finds 55.0 % of a class" in reasons[0]["why"]
    assert "right on 55.0 % of 80 labelled" in reasons[1]["why"]
    assert "always saying bad is right on 50.0 %" in reasons[1]["why"]


def test_the_interval_is_that_of_the_effective_number():
    """60 of 100 of each class: no chance, unless a few frames have most of the weight, however they are judged."""
    table = judged(bad=[60, 40], good=[40, 60])
    assert at_chance(table, TWO, 0.95) is None
    numbers = table.groupby("label").cumcount()
    table["weight"] = np.where(numbers % 20 == 0, 20.0, 0.1)
    assert at_chance(table, TWO, 0.95)


def test_the_constant_answer_is_the_class_that_weighs_most():
    table = judged(bad=[100, 20], good=[20, 20])
    table["weight"] = np.where(table["label"] == "bad", 0.2, 3.0)
    weak = no_better_than_constant(table, TWO, 0.95)
    assert weak and "always saying good is right on 83.3 %" in weak["why"]


# --- by the training loss


@pytest.mark.parametrize("counts", [[96, 96], [44, 148], [10, 182], [22, 49, 121]])
@pytest.mark.parametrize("smoothing", [0.0, 0.05, 0.2])
def test_the_bounds_of_the_loss_are_those_of_the_training(counts, smoothing):
    """By torch's loss, as finetune has it, over the batches of 60 epochs, with outputs that are fitted to it."""
    classes, total = len(counts), sum(counts)
    targets = torch.repeat_interleave(torch.arange(classes), torch.tensor(counts))
    weight = total / (classes * torch.tensor(counts).float())
    rng = np.random.default_rng(3)
    batches = torch.tensor(np.concatenate([rng.permutation(total) for _ in range(60)]).reshape(-1, 16))

    of_batches = torch.vmap(balanced_loss, in_dims=(0, 0, None, None))

    def least(logits: torch.Tensor) -> float:
        """The lowest mean loss, where `logits` has a row for each class, or one for all."""
        optimizer = torch.optim.LBFGS([logits.requires_grad_()], max_iter=60, line_search_fn="strong_wolfe")

        def loss() -> torch.Tensor:
            optimizer.zero_grad()
            rows = logits.expand(classes, classes)[targets]
            mean_loss = of_batches(rows[batches], targets[batches], weight, smoothing).mean()
            mean_loss.backward()
            return mean_loss

        optimizer.step(loss)
        return float(loss().detach())

    expected = least(torch.zeros(1, classes)), least(torch.zeros(classes, classes))
    assert loss_bounds(np.array(counts), classes, 16, smoothing) == pytest.approx(expected, rel=0.03, abs=0.002)


@pytest.mark.parametrize("bad", [100, 20, 8, 3])
def test_how_rare_a_class_is_makes_no_loss_a_weakness(bad):
    constant, lowest = loss_bounds(np.array([bad, 200 - bad]), 2, 16, 0.05)
    labels = pd.Series(["bad"] * bad + ["good"] * (200 - bad))
    for part, weak in ((0.0, True), (0.1, True), (0.2, False), (0.9, False)):
        assert bool(not_learned([2.0, constant - part * (constant - lowest)], labels, TWO, 16, 0.05)) == weak


@pytest.mark.parametrize("bad", [100, 20, 5])
def test_the_lowest_loss_is_the_entropy_of_a_smoothed_label(bad):
    """However rare a class is: what a label is spread over must not weigh as much as a rare class does."""
    _, lowest = loss_bounds(np.array([bad, 200 - bad]), 2, 16, 0.05)
    assert lowest == pytest.approx(-0.975 * math.log(0.975) - 0.025 * math.log(0.025))


def test_the_final_loss_is_that_of_the_last_tenth():
    labels = pd.Series(["bad", "good"] * 50)
    high, low = 0.69, 0.2
    assert not_learned([low] * 18 + [high] * 2, labels, TWO, 16, 0.05)
    assert not_learned([high] * 18 + [low] * 2, labels, TWO, 16, 0.05) is None
    assert not_learned([low, low, high], labels, TWO, 16, 0.05), "of three epochs the last"


def test_a_class_without_labels_has_bounds_too():
    constant, lowest = loss_bounds(np.array([50, 50]), 3, 16, 0.05)
    assert 0 < lowest < constant < math.inf


def test_equal_classes_without_smoothing_have_the_coins_loss():
    assert loss_bounds(np.array([50, 50]), 2, 16, 0.0) == pytest.approx((math.log(2), 0), abs=1e-3)
