"""The map's places: what is alike lies together, always at the same place, whatever the vectors are."""

import numpy as np
import pandas as pd
import pytest

from linecam.selection.projection import FEWEST, project
from scripts.project_frames import project_frames


def groups(count: int, of: int = 3, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """`count` vectors around each of `of` far points, and which of these each belongs to."""
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(of), count)
    return (rng.normal(size=(of, 16))[number] * 6 + rng.normal(size=(count * of, 16))).astype(np.float32), number


def test_what_is_alike_lies_together_at_the_same_place_each_time() -> None:
    vectors, number = groups(12)
    places = project(vectors, seed=3)
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (number[distances.argmin(axis=1)] == number).mean() > 0.9
    assert places.min() == 0
    assert places.max() == 1
    np.testing.assert_array_equal(project(vectors, seed=3), places)


@pytest.mark.parametrize("count", [0, 1, 2, FEWEST - 1])
def test_few_vectors_have_places_too(count: int) -> None:
    places = project(groups(5)[0][:count], seed=1)
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()
    assert len(np.unique(places, axis=0)) == count


def test_equal_vectors_and_numbers_that_are_none_have_places() -> None:
    assert (project(np.ones((20, 4), np.float32), seed=1) == 0).all()
    vectors = groups(5)[0]
    vectors[0, 0], vectors[1] = np.nan, np.inf
    assert np.isfinite(project(vectors, seed=1)).all()


@pytest.fixture
def inputs(tmp_path):
    """40 usable frames and one that is none; of these 3 and 2 are selected."""
    vectors, _ = groups(20, of=2)
    names = [f"{n:064x}" for n in range(41)]
    index = pd.DataFrame({"path": [f"{n}.jpg" for n in range(41)], "sha256": names, "status": "ok"})
    index.loc[4, "status"] = "duplicate"
    index.to_csv(tmp_path / "frames.csv", index=False)
    np.save(tmp_path / "embeddings.npy", vectors)
    for name, rows in {"test": [0, 39, 40], "train": [5, 7]}.items():
        index.iloc[rows].to_csv(tmp_path / f"{name}.csv", index=False)
    selected = [tmp_path / "test.csv", tmp_path / "train.csv"]
    return tmp_path / "frames.csv", tmp_path / "embeddings.npy", selected, tmp_path / "places.csv"


def test_the_selected_frames_always_have_a_place_and_some_others(inputs) -> None:
    project_frames(*inputs, seed=1, most=12)
    table = pd.read_csv(inputs[-1])
    assert len(table) == 12
    assert set(table["frames"]) == {40}
    assert {"0.jpg", "39.jpg", "40.jpg", "5.jpg", "7.jpg"} < set(table["path"])
    # Rows of the usable frames: the fifth file is none.
    number = table["path"].str.removesuffix(".jpg").astype(int)
    assert list(table["row"]) == [n - (n > 4) for n in number]


def test_all_frames_have_a_place_where_there_is_room_and_the_selected_ones_also_where_there_is_none(inputs) -> None:
    project_frames(*inputs, seed=1)
    assert len(pd.read_csv(inputs[-1])) == 40
    project_frames(*inputs, seed=1, most=2)
    assert len(pd.read_csv(inputs[-1])) == 5
