"""What strategies have in common: how many they pick, at random or not, and what becomes of labels that are there."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linecam.selection.strategies import STRATEGIES, random, rank_by_hash
from scripts.select_train import pick
from tests.selection.references import clouds, digests, sha, vectors

# Those whose first picks do not depend on the count. The kernel of herding is as wide as the count asks for.
NESTED = [strategy for strategy in STRATEGIES if strategy not in {"herding", "mixed"}]


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=80, deadline=None)
@given(cloud=clouds())
def test_every_strategy_gives_as_many_as_there_are_each_once(strategy, cloud):
    points, count, initial = cloud
    picks = STRATEGIES[strategy](points, digests(len(points)), count, initial, 1)
    assert len(picks) == len(set(picks)) == min(count, len(points))
    assert set(picks) <= set(range(len(points)))
    assert picks[: len(initial)] == initial[:count]
    assert all(type(n) is int for n in picks)


@pytest.mark.parametrize("strategy", NESTED)
def test_a_larger_count_begins_with_the_smaller_ones_picks(strategy):
    points = vectors(50)
    picks = [STRATEGIES[strategy](points, digests(50), count, [], 1) for count in (0, 1, 20, 30, 50)]
    for fewer, more in pairwise(picks):
        assert more[: len(fewer)] == fewer


def test_rank_by_hash_is_a_permutation_that_its_seed_moves():
    orders = [list(rank_by_hash(digests(40), seed)) for seed in range(5)]
    assert all(sorted(order) == list(range(40)) for order in orders)
    assert len({tuple(order) for order in orders}) == 5
    assert list(rank_by_hash([], 1)) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(), unique=True, max_size=30), st.lists(st.integers(), unique=True, max_size=30))
def test_added_frames_do_not_reorder_those_that_were_there(old, new):
    before = [sha(n) for n in old]
    after = [sha(n) for n in sorted(set(old) | set(new))]
    order = [after[n] for n in rank_by_hash(after, 7) if after[n] in before]
    assert order == [before[n] for n in rank_by_hash(before, 7)]


def test_random_changes_by_no_more_than_what_comes_in():
    few, many = digests(100), digests(110)
    one = {few[n] for n in random(vectors(100), few, 40, [], 1)}
    other = {many[n] for n in random(vectors(110), many, 40, [], 1)}
    assert one - other == {d for d in one if d not in other}
    assert len(other - one) == len(other - set(few)) <= 10


def test_random_is_about_even():
    hits = np.zeros(50)
    for seed in range(200):
        hits[random(vectors(50), digests(50), 10, [], seed)] += 1
    assert hits.min() > 15
    assert hits.max() < 70


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=80, deadline=None)
@given(st.data())
def test_labelled_frames_are_used_before_any_other(strategy, data):
    size = data.draw(st.integers(1, 40))
    count = data.draw(st.integers(1, size))
    labelled = data.draw(st.lists(st.integers(0, size - 1), unique=True).map(sorted))
    picks = pick(strategy, vectors(size), digests(size), count, labelled, 1)
    assert len(picks) == len(set(picks)) == count
    if len(labelled) <= count:
        assert set(labelled) <= set(picks)
    else:
        assert set(picks) <= set(labelled)


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_labelling_what_was_asked_for_in_any_order_changes_nothing(strategy, data):
    points, names = vectors(30), digests(30)
    asked = pick(strategy, points, names, 12, [], 1)
    done = data.draw(st.lists(st.sampled_from(asked), unique=True).map(sorted))
    assert pick(strategy, points, names, 12, done, 1) == asked


@pytest.mark.parametrize("strategy", NESTED)
def test_growth_from_20_to_30_adds_10(strategy):
    points, names = vectors(100), digests(100)
    twenty = pick(strategy, points, names, 20, [], 1)
    thirty = pick(strategy, points, names, 30, sorted(twenty), 1)
    assert thirty[:20] == twenty
    for done in range(11):
        assert pick(strategy, points, names, 30, sorted(thirty[: 20 + done]), 1) == thirty


@pytest.mark.parametrize("strategy", NESTED)
def test_a_smaller_count_chooses_among_the_labelled(strategy, caplog):
    caplog.set_level("INFO")
    points, names = vectors(100), digests(100)
    thirty = pick(strategy, points, names, 30, [], 1)
    assert pick(strategy, points, names, 20, sorted(thirty), 1) == thirty[:20]
    mine = list(range(40, 75))
    assert not caplog.messages, "all are the strategy's own"
    own = set(pick(strategy, points, names, 20, [], 1)) & set(mine)
    assert set(pick(strategy, points, names, 20, mine, 1)) <= set(mine)
    assert f"of its 20 picks {len(own)} are labelled, of others {35 - len(own)} are" in caplog.messages[-1]


def grown(strategy: str, seed: int) -> tuple[NDArray[np.float32], list[str], list[int], list[int]]:
    """60 frames, 20 of them labelled, then 60 more: embeddings, hashes, labelled, and the 40 asked for."""
    points, names = vectors(120, 2, seed=seed), digests(120)
    labelled = sorted(pick(strategy, points[:60], names[:60], 20, [], 1))
    return points, names, labelled, pick(strategy, points, names, 40, labelled, 1)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("seed", range(5))
def test_frames_added_and_then_all_asked_for_labelled(strategy, seed):
    points, names, labelled, asked = grown(strategy, seed)
    assert set(labelled) < set(asked)
    assert sorted(pick(strategy, points, names, 40, sorted(asked), 1)) == sorted(asked)
    # Still as many frames added: the same count asks for no further label.
    assert set(pick(strategy, points, names, 20, labelled, 1)) == set(labelled)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_frames_added_and_some_of_those_asked_for_labelled(strategy):
    """In any order: no label is lost, and the rest of the list stays, or nearly so."""
    moved = []
    for seed in range(20):
        points, names, labelled, asked = grown(strategy, seed)
        new = [n for n in asked if n not in labelled]
        done = [int(n) for n in np.random.default_rng(seed).choice(new, 5, replace=False)]
        again = pick(strategy, points, names, 40, sorted([*labelled, *done]), 1)
        assert {*labelled, *done} <= set(again)
        if set(again) != set(asked):
            moved.append(seed)
    # Where frames are chosen around what is labelled, some of the unlabelled rest may move (see `pick`).
    assert not moved or strategy != "random"
