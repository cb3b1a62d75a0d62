"""Votes over sequences, against main.py itself, and how sure a decision is."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linecam.bundle.shipped import Shipped
from linecam.camera.region import Region
from linecam.evaluation.predictions import decide, margins
from linecam.predict.table import add_votes
from tests.board.camera import SETTLING, Camera

CLASSES = ["good", "bad", "no_mask"]


def shipped(votes: int, thresholds: dict[str, float]) -> Shipped:
    return Shipped(
        Path("model.tflite"), "", "", "openmv-h7", "", CLASSES, thresholds, votes, Region(side=8), 1, 1000, False
    )


def frames(scores: Any, numbers: list[int], sequence: str = "A", step: int = 1) -> pd.DataFrame:
    table = pd.DataFrame(scores, columns=[f"p_{name}" for name in CLASSES])
    return table.assign(sequence=sequence, number=numbers, step=step, file=[f"{number}.png" for number in numbers])


def int8_scores(count: int, seed: int) -> np.ndarray:
    """Multiples of 1/256 that add up to 1 or nearly so, as those of an int8 softmax; many are close to each other."""
    drawn = np.random.default_rng(seed).dirichlet([1, 1, 1], count)
    return np.floor(drawn * 256) / 256


@pytest.mark.parametrize("thresholds", [{}, {"bad": 0.30078125}, {"good": 0.55, "bad": 0.55, "no_mask": 0.55}])
def test_votes_are_those_of_main_py(tmp_path: Path, thresholds: dict[str, float]) -> None:
    """Also where a frame is missing, as one that failed on the camera: the vote starts anew."""
    scores, votes, missing = int8_scores(64, 3), 3, 20
    camera = Camera(tmp_path)
    camera.write(votes=votes, thresholds=thresholds)
    run = camera.run(scores=scores.tolist(), fail=[SETTLING + missing])
    numbers = [number for number in range(1, 66) if number != missing]
    table = frames(scores, numbers).sample(frac=1, random_state=1)  # in whatever order the files come
    add_votes(table, shipped(votes, thresholds))
    table = table[table["window"] > 0].sort_values("number")
    by_window = table.groupby("window")
    assert (by_window.size() == votes).all()
    assert (by_window["vote"].nunique() == 1).all()
    assert [vote or None for vote in by_window["vote"].first()] == run.labels
    assert len(run.labels) == 19 // 3 + 45 // 3
    assert len(set(run.labels)) >= 2


def test_no_vote_spans_two_sequences_or_counts_a_number_twice() -> None:
    one, other = int8_scores(3, 1), int8_scores(3, 2)
    table = pd.concat([frames(one, [1, 2, 3], "A"), frames(other, [4, 5, 6], "B")], ignore_index=True)
    add_votes(table, shipped(2, {}))
    assert list(table["window"]) == [1, 1, 0, 1, 1, 0]
    table = frames(np.vstack([one, other]), [1, 2, 2, 3, 4, -1])
    add_votes(table, shipped(2, {}))
    assert list(table["window"]) == [0, 0, 0, 1, 1, 0]


def test_a_vote_over_one_frame_is_its_decision() -> None:
    table = frames(int8_scores(4, 5), [1, 7, -1, -1])
    add_votes(table, shipped(1, {"bad": 0.3}))
    assert list(table["vote"]) == decide(table, CLASSES, {"bad": 0.3})
    assert (table["window"] > 0).all()


THRESHOLDS = st.dictionaries(st.sampled_from(CLASSES), st.integers(1, 255).map(lambda n: n / 256))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), THRESHOLDS)
def test_a_probability_that_changes_by_less_than_the_margin_changes_no_decision(
    seed: int, thresholds: dict[str, float]
) -> None:
    table = frames(int8_scores(20, seed), list(range(20)))
    decided = decide(table, CLASSES, thresholds)
    margin = margins(table, CLASSES, thresholds, decided)
    assert (margin >= 0).all()
    assert (margin <= 1).all()
    for name in CLASSES:
        for sign in (-1, 1):
            moved = table.assign(**{f"p_{name}": table[f"p_{name}"] + sign * 0.999 * margin})
            assert decide(moved, CLASSES, thresholds) == decided


def test_without_thresholds_the_margin_is_that_to_the_second() -> None:
    table = frames([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0], [0.375, 0.5, 0.125]], [1, 2, 3])
    assert list(margins(table, CLASSES, {}, decide(table, CLASSES, {}))) == [0.25, 1, 0.125]


def test_the_margin_of_a_threshold_that_was_just_reached_is_small() -> None:
    """By as much less, the highest probability would decide."""
    table = frames([[0.625, 0.375, 0.0], [0.75, 0.25, 0.0]], [1, 2])
    decided = decide(table, CLASSES, {"bad": 0.3125})
    assert decided == ["bad", "good"]
    assert list(margins(table, CLASSES, {"bad": 0.3125}, decided)) == [0.0625, 0.0625]
