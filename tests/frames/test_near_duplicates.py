"""Test frames near training frames: found by number and embedding, kept apart by select.gap, and what they feign."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linecam.errors import UserError
from linecam.frames.index import path_facts
from linecam.frames.near_duplicates import near_duplicate_distance, nearest_distances, number_gaps
from scripts.find_near import find_near
from scripts.select_test import select_test
from scripts.select_train import select_train
from tests.selection.index_files import write_index
from tests.selection.references import sha

FRAMES = st.lists(st.tuples(st.sampled_from("AB"), st.integers(-1, 40)), max_size=12)


def frames(pairs: list[tuple[str, int]]) -> pd.DataFrame:
    table = pd.DataFrame(pairs, columns=["sequence", "number"])
    return table.astype({"sequence": str, "number": int}).set_index(pd.Index(range(100, 100 + len(pairs))))


@settings(deadline=None)
@given(FRAMES, FRAMES)
def test_gaps_are_those_of_every_pair(mine, theirs):
    expected = [
        min((abs(n - m) for other, m in theirs if other == name and m >= 0), default=np.inf) if n >= 0 else np.inf
        for name, n in mine
    ]
    assert number_gaps(frames(mine), frames(theirs)).tolist() == expected


def test_folders_that_number_their_frames_alike_are_not_near():
    """Each day starts at 0: the second is near no frame of the first, and successive frames are of one day."""
    rows = [
        {"path": path, "sha256": sha(path), "sequence": said["sequence"], "number": said["number"]}
        for day in ("monday", "tuesday")
        for n in range(40)
        for path in [f"{day}/{n:04d}.jpg"]
        for said in [path_facts(path, [])]
    ]
    table = pd.DataFrame(rows)
    monday = table["path"].str.startswith("monday")
    assert np.isinf(number_gaps(table[monday], table[~monday])).all()
    places = np.where(monday, 0, 1000) + table["number"]
    assert near_duplicate_distance(places.to_numpy(np.float32)[:, None], table) == 1.0


def test_alike_is_half_way_between_successive_frames():
    """Numbers 1, 2, 3 ... move by 1, 2, 1, 2 ...; a cut of more than 25 numbers doesn't count."""
    table = frames([("A", n) for n in range(41)] + [("A", 500), ("B", 1)])
    places = np.cumsum([0, *([1, 3] * 20), 1000, 1000])
    found = near_duplicate_distance(places[:, None].astype(np.float32), table.reset_index(drop=True))
    assert found == 2.0
    assert near_duplicate_distance(places[:10, None].astype(np.float32), table.head(10).reset_index(drop=True)) is None


def test_nearest_by_hand_and_without_an_embedding():
    vectors = np.array([[0, 0], [3, 4], [np.nan, 0]], np.float32)
    assert nearest_distances(vectors, np.array([[0, 1], [np.inf, 0]], np.float32)).tolist() == [
        1,
        pytest.approx(18**0.5),
        np.inf,
    ]
    assert nearest_distances(vectors[:1], np.full((1, 2), np.nan, np.float32)).tolist() == [np.inf]


@pytest.fixture
def line(tmp_path):
    """Two sequences of 200 frames."""
    rows = [
        {"path": f"{name}-{n:04d}.jpg", "sha256": sha(f"{name}{n}"), "sequence": name, "number": n}
        for name in "AB"
        for n in range(200)
    ]
    return write_index(tmp_path / "frames.csv", rows), pd.DataFrame(rows).set_index("sha256")


def chosen(line, place, gap, seed=1, test=80, train=40):
    index, table = line
    select_test(index, place / "test.csv", count=test, seed=seed, given=False, gap=gap)
    embeddings = place / "e.npy"
    np.save(embeddings, np.random.default_rng(0).standard_normal((len(table), 3)).astype(np.float32))
    settings = {"strategy": "coreset", "count": train, "gap": gap, "seed": 1, "classes": ["bad", "good"]}
    select_train(index, place / "test.csv", embeddings, None, place / "train.csv", **settings)
    return [table.loc[pd.read_csv(place / f"{part}.csv")["sha256"]] for part in ("test", "train")]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("gap", [1, 5, 10])
def test_a_gap_keeps_training_and_test_apart(line, tmp_path, gap, seed):
    test, train = chosen(line, tmp_path, gap, seed)
    assert (len(test), len(train)) == (80, 40)
    assert number_gaps(train, test).min() > gap


def test_without_a_gap_they_lie_side_by_side(line, tmp_path):
    """Otherwise the test above would show nothing."""
    test, train = chosen(line, tmp_path, 0)
    assert number_gaps(train, test).min() == 1


def test_test_stretches_stay_as_frames_are_added(line, tmp_path):
    index, table = line
    before, _ = chosen(line, tmp_path, 5)
    more = pd.read_csv(index, keep_default_na=False)
    new = more.head(40).assign(
        sequence="C", sha256=[sha(f"C{n}") for n in range(40)], path=[f"C-{n}" for n in range(40)]
    )
    pd.concat([more, new]).to_csv(index, index=False)
    table = pd.concat([table, new.set_index("sha256")])
    after, _ = chosen((index, table), tmp_path, 5)
    assert len(set(before.index) & set(after.index)) >= 50


def test_a_gap_that_leaves_too_few_names_itself(line, tmp_path):
    with pytest.raises(UserError, match=r"select\.gap = 20 .* lower select\.train, select\.gap or select\.test"):
        chosen(line, tmp_path, 20, train=319)


def test_find_near_on_files(tmp_path):
    rows = [{"path": f"A-{n}.jpg", "sha256": sha(n), "sequence": "A", "number": n} for n in range(40)]
    rows += [{"path": f"B-{n}.jpg", "sha256": sha(f"b{n}"), "sequence": "B", "number": n} for n in (0, 300)]
    index = write_index(tmp_path / "frames.csv", rows)
    vectors = np.array([[n] for n in range(40)] + [[20.5], [900]], np.float32)
    np.save(tmp_path / "e.npy", vectors)
    split = pd.DataFrame(rows)[["sha256", "path"]].assign(row=range(42), part="", label="good", by="", fold=-1)
    split = split.iloc[[5, 20, 39, 40, 41]].assign(part=["train", "test", "test", "test", "test"])
    split.to_csv(tmp_path / "split.csv", index=False)
    find_near(index, tmp_path / "split.csv", tmp_path / "e.npy", tmp_path / "near.csv")
    found = pd.read_csv(tmp_path / "near.csv", dtype={"gap": str}, keep_default_na=False)
    assert found["path"].tolist() == ["A-20.jpg", "A-39.jpg", "B-0.jpg", "B-300.jpg"]
    assert found["gap"].tolist() == ["15", "34", "", ""]
    assert found["distance"].tolist() == [15, 34, 15.5, 895]
    assert found["by_number"].tolist() == [True, False, False, False]
    assert found["by_embedding"].tolist() == [False] * 4
