"""The learning curve of the folds: how the held-out loss ended is said only where the folds agree on it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from linecam.evaluation.learning_curve import COLUMNS, LearningCurve
from linecam.report.charts import loss_chart

POINTS = 20
DONE = np.linspace(1 / POINTS, 1, POINTS)
STILL_FALLING = 1 - 0.5 * DONE
LEVEL = 0.3 + np.exp(-12 * DONE)
RISING = LEVEL + 0.3 * np.maximum(DONE - 0.5, 0)


def curve(mean: NDArray[np.float64], *, folds: int = 5, apart: float = 0.1, unsure: float = 0.0) -> LearningCurve:
    """Folds whose losses lie `apart`. In the last fifth they part by `unsure`: some go up and others down."""
    offsets = np.linspace(-1, 1, folds)[:, None]
    loss = mean + apart * offsets + unsure * offsets * np.maximum(DONE - 0.8, 0) / 0.2
    return LearningCurve(DONE, loss, np.full_like(loss, 0.9))


@pytest.mark.parametrize(
    ("mean", "ending"),
    [(STILL_FALLING, "falling"), (LEVEL, "level"), (RISING, "rising")],
    ids=["fall", "level", "rise"],
)
def test_how_the_loss_ends(mean, ending):
    assert curve(mean).ending == ending


@pytest.mark.parametrize("mean", [STILL_FALLING, RISING], ids=["fall", "rise"])
def test_folds_that_disagree_say_nothing(mean):
    assert curve(mean, unsure=0.1).ending != "level"
    assert curve(mean, unsure=1.0).ending == "level"
    assert curve(mean, folds=2).ending == "level", "two folds agree by chance"


def test_folds_that_lie_far_apart_may_still_agree_on_the_end():
    assert curve(RISING, apart=5.0).ending == "rising"


@pytest.mark.parametrize("points", [1, 2, 3])
def test_a_training_of_few_epochs_has_an_ending(points):
    done = np.arange(1, points + 1) / points
    assert LearningCurve(done, np.ones((5, points)), np.ones((5, points))).ending == "level"


def test_points_of_folds_with_other_numbers_of_epochs_are_set_side_by_side(tmp_path: Path):
    """A fold without frames has an empty table."""
    tables = [pd.DataFrame([(0, 10, 0.9, 0.5), (0, 20, 0.7, 0.8)], columns=COLUMNS),
              pd.DataFrame([], columns=COLUMNS),
              pd.DataFrame([(2, 15, 0.7, 0.7), (2, 30, 0.3, 1.0)], columns=COLUMNS)]  # fmt: skip
    paths = [tmp_path / f"{number}.csv" for number in range(3)]
    for table, path in zip(tables, paths, strict=True):
        table.to_csv(path, index=False)
    read = LearningCurve.read(paths)
    assert read is not None
    assert list(read.progress) == [0.5, 1.0]
    np.testing.assert_allclose(read.mean_loss, [0.8, 0.5])
    np.testing.assert_allclose(read.mean_right, [0.6, 0.9])
    assert LearningCurve.read(paths[1:2]) is None
    assert LearningCurve.read([]) is None


def test_the_chart_has_a_line_and_a_band_of_the_folds():
    history = pd.DataFrame({"epoch": [1, 2], "loss": [0.9, 0.2]})
    alone, with_folds, wider = (
        loss_chart("Loss", history, "training", *folds) for folds in ([], [curve(RISING)], [curve(RISING, apart=0.3)])
    )
    assert "unseen" not in alone.alt
    assert "On unseen frames, mean of 5 folds: from 0.849 to 0.450, 0.302 at the lowest." in with_folds.alt
    assert with_folds.alt == wider.alt
    assert len({alone.light, with_folds.light, wider.light, with_folds.dark}) == 4, "the band is drawn"
    assert loss_chart("Loss", history, "training", curve(RISING)) == with_folds, "the same bytes"
