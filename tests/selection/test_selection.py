"""Which frames are picked: the strategies against slow references, and what becomes of labels that are there."""

import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linecam.errors import UserError
from linecam.frames.index import COLUMNS
from linecam.selection.strategies import STRATEGIES, coreset, random, rank_by_hash
from scripts.read_embeddings import read_embeddings
from scripts.select_test import select_test
from scripts.select_train import pick, select_train
from tests.selection.references import digests, k_center, naive, sha, vectors

CLASSES = ["bad", "good"]
# Those whose first picks do not depend on the count. The kernel of herding is as wide as the count asks for.
NESTED = [strategy for strategy in STRATEGIES if strategy not in {"herding", "mixed"}]


# --- coreset


@st.composite
def clouds(draw: st.DrawFn) -> tuple[NDArray[np.float32], int, list[int]]:
    """Points on a small grid, so that ties and duplicates abound; sums are exact in floating point."""
    count, dimensions = draw(st.integers(1, 14)), draw(st.integers(1, 3))
    number = st.integers(-3, 3).map(float)
    points = np.array(draw(st.lists(st.lists(number, min_size=dimensions, max_size=dimensions), min_size=count,
                                    max_size=count)), np.float32)  # fmt: skip
    for row in draw(st.lists(st.integers(0, count - 1), max_size=3)):
        points[row, draw(st.integers(0, dimensions - 1))] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    initial = draw(st.lists(st.integers(0, count - 1), max_size=count, unique=True))
    return points, draw(st.integers(0, count + 3)), initial


@settings(max_examples=200, deadline=None)
@given(clouds())
def test_coreset_is_greedy_k_center_from_finite_initial_frames(cloud):
    points, count, initial = cloud
    initial = [n for n in initial if np.isfinite(points[n]).all()]
    picks = coreset(points, digests(len(points)), count, initial, seed=1)
    # The start is near the mean, where rounding may order equals: check it apart, and go on from it.
    start = initial or picks[:1]
    assert picks == k_center(points, count, start)


@settings(max_examples=200, deadline=None)
@given(clouds())
def test_coreset_begins_nearest_to_the_mean(cloud):
    points, *_ = cloud
    finite = np.isfinite(points).all(axis=1)
    first = coreset(points, digests(len(points)), 1, [], seed=1)
    assert len(first) == 1
    if finite.any():
        gaps = np.linalg.norm(points - points[finite].mean(axis=0, dtype=np.float64), axis=1)
        assert finite[first[0]]
        assert gaps[first[0]] <= gaps[finite].min() + 1e-9


@pytest.mark.parametrize("initial", [[0, 1], [1, 0], [0, 2]])
def test_a_labelled_frame_without_an_embedding_covers_no_place(initial):
    """It has none, so it must not keep the frames near the origin from being picked."""
    points = np.array([[np.nan], [10], [11], [0], [20.5]], np.float32)
    assert coreset(points, digests(5), 5, initial, seed=1) == k_center(points, 5, initial)


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


@st.composite
def larger_clouds(draw: st.DrawFn) -> tuple[NDArray[np.float32], int, list[int]]:
    """Points for several blocks of points and of centres, of any scale; real numbers, near ties and copies."""
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    number, dimensions = draw(st.integers(1, 400)), draw(st.sampled_from([1, 2, 7, 8, 9, 16, 31, 32, 33, 40, 70]))
    kind = draw(st.sampled_from(["normal", "sphere", "clusters", "grid", "line", "curve", "alike", "scales"]))
    points = random.normal(size=(number, dimensions))
    if kind == "sphere":
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    elif kind == "clusters":
        points = points * 0.01 + 10 * random.normal(size=(5, dimensions))[random.integers(0, 5, number)]
    elif kind == "grid":
        points = points.round()
    elif kind == "line":  # ever farther, so that every point is compared with late centres
        points = np.sort(points[:, :1], axis=0) * np.ones(dimensions)
    elif kind == "curve":  # halved again and again, so that ever more points are about as far
        points = np.linspace(0, 1, number)[:, None] * points[0]
    elif kind == "alike":  # as far from 0, but for what adding in another order rounds off
        points = random.permuted(np.tile(points[0], (number, 1)), axis=1) * random.choice([-1, 1], points.shape)
        points[0] = 0
    elif kind == "scales":
        points *= 10.0 ** random.integers(-30, 30, (number, 1))
    # Far from the origin little is left of float32; squares below 1e-38 and above 1e38 are no float32.
    points += draw(st.sampled_from([0, 0, 0, 1e3, -1e6]))
    points *= draw(st.sampled_from([1, 1, 1, 1e-30, 1e-21, 1e-19, 1e-15, 1e17, 1e19, 1e30]))
    copies = random.integers(0, number, draw(st.integers(0, number)))
    points[random.integers(0, number, len(copies))] = points[copies]
    initial = random.permutation(number)[: draw(st.integers(0, min(number, 40)))].tolist()
    points = points.clip(-3e38, 3e38).astype(np.float32)
    return points, draw(st.integers(0, min(number + 5, 90))), initial


@settings(max_examples=200, deadline=None)
@given(larger_clouds())
def test_the_lazy_picks_are_the_naive_ones(cloud):
    points, count, initial = cloud
    assert coreset(points, digests(len(points)), count, initial, 1) == naive(points, count, initial)


@settings(max_examples=80, deadline=None)
@given(larger_clouds(), st.data())
def test_the_lazy_picks_among_frames_without_an_embedding(cloud, data):
    points, count, initial = cloud
    broken = sorted(data.draw(st.sets(st.integers(0, len(points) - 1), max_size=len(points))) - set(initial))
    whole = np.delete(np.arange(len(points)), broken)
    expected = naive(points[whole], count, [int(np.searchsorted(whole, n)) for n in initial]) if len(whole) else []
    points[broken, data.draw(st.integers(0, points.shape[1] - 1))] = data.draw(st.sampled_from([np.nan, np.inf]))
    picks = coreset(points, digests(len(points)), count, initial, 1)
    assert picks == ([int(whole[n]) for n in expected] + broken)[:count]


def test_the_lazy_picks_at_a_size_where_most_is_skipped():
    from linecam.selection.kcenter import pick_farthest  # noqa: PLC0415

    points = vectors(20_000, 8)
    assert coreset(points, [], 300, [], 1) == naive(points, 300, [])
    picks = np.zeros(300, np.int64)
    points.flags.writeable = False
    made, distances = pick_farthest(points, np.full(len(points), np.inf), picks, 1)
    assert made == 300
    assert distances < 0.4 * len(points) * 300


@pytest.mark.parametrize("scale", [1, 1e-19, 3e18])
def test_the_lazy_picks_where_estimates_cannot_tell_points_apart(scale):
    """Rows of the same numbers, moved and with other signs: as far from 0 as from a row of the same number, nearly."""
    random = np.random.default_rng(0)
    row = random.normal(size=512)
    points = random.permuted(np.tile(row, (1500, 1)), axis=1) * random.choice([-1, 1], (1500, 512))
    points[0], points[1] = 0, 1e-3
    points = (scale * points).astype(np.float32)
    for count, initial in ((30, [0]), (3, [0, 1])):
        assert coreset(points, [], count, initial, 1) == naive(points, count, initial)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 3, 8, 32, 100, 513, 2000]),
    st.integers(-38, 38),
    st.sampled_from([0, 1, 1e3, 1e7]),
)
def test_an_estimate_is_as_near_as_the_slack_says(seed, dimensions, exponent, offset):
    from linecam.selection.kcenter import ROWS, estimates, slack_and_tiny, squared_distance  # noqa: PLC0415

    random = np.random.default_rng(seed)
    points = random.normal(size=(ROWS + 1, dimensions)) * 10.0 ** random.integers(-6, 1, dimensions) + offset
    points = (points * 10.0**exponent).clip(-3e38, 3e38).astype(np.float32)
    points.flags.writeable = False
    slack, tiny = slack_and_tiny(dimensions)
    assert slack < 1 + 1e-6 + dimensions * 1e-7
    for n, estimate in enumerate(estimates(points[0], points[1:], 0)):
        distance = squared_distance(points[0], points[n + 1])
        if tiny < estimate < np.inf:
            assert distance / slack <= estimate <= distance * slack
        else:
            assert not 1e-20 * dimensions < distance < 1e37


def test_coreset_reads_a_memory_mapped_array(tmp_path):
    points = vectors(300, 5)
    np.save(tmp_path / "e.npy", points)
    mapped = np.load(tmp_path / "e.npy", mmap_mode="r")
    assert coreset(mapped, digests(300), 40, [3], 1) == naive(points, 40, [3])


def test_coreset_of_a_view_and_of_another_type():
    points = vectors(300, 10)
    assert coreset(points[::2, ::2], [], 40, [], 1) == naive(points[::2, ::2], 40, [])
    assert coreset(points.astype(np.float64), [], 40, [], 1) == naive(points, 40, [])


def test_importing_selection_is_cheap():
    code = "import sys; import linecam.selection.strategies; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)


def run_coreset(folder: Path, **environment: str) -> list[str]:
    """The first picks that a process of its own makes with the copy of linecam in `folder`."""
    code = (
        "import numpy as np; from linecam.selection import kcenter; from linecam.selection.strategies import coreset;"
        "points = np.random.default_rng(0).normal(size=(90, 3)).astype(np.float32);"
        "print(kcenter.__file__, *coreset(points, [], 12, [], 1))"
    )
    run = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=folder,
        env={**os.environ, **environment, "NUMBA_OPT": "0"},  # soon compiled, and the same arithmetic
        capture_output=True,
        text=True,
        check=True,
    )
    path, *picks = run.stdout.split()
    assert Path(path).is_relative_to(folder)
    return picks


def test_compiled_code_is_kept_where_it_can_be_written_and_done_without_elsewhere(tmp_path):
    root, home = tmp_path / "installed", tmp_path / "home"
    shutil.copytree(Path(__file__).parents[2] / "linecam", root / "linecam", ignore=shutil.ignore_patterns("__py*"))
    home.mkdir()
    expected = [str(n) for n in naive(vectors(90), 12, [])]
    inside, user = root / "linecam/selection/__pycache__", home / "cache"
    # A file in a folder's place stops every user, also root, from writing there.
    inside.write_text("")
    user.write_text("")
    assert run_coreset(root, HOME=str(home), XDG_CACHE_HOME=str(user)) == expected
    user.unlink()
    assert run_coreset(root, HOME=str(home), XDG_CACHE_HOME=str(user)) == expected
    assert list(user.rglob("kcenter.*.nbi"))
    inside.unlink()
    assert run_coreset(root, HOME=str(home), XDG_CACHE_HOME=str(user)) == expected
    assert list(inside.glob("kcenter.*.nbi"))


def test_coreset_on_real_sized_data():
    points = vectors(400, 16)
    assert coreset(points, digests(400), 60, [], 1) == k_center(points, 60, coreset(points, digests(400), 1, [], 1))


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_frames_without_an_embedding_come_last(broken):
    points = vectors(10)
    points[[0, 4]] = broken
    picks = coreset(points, digests(10), 10, [], 1)
    assert picks[8:] == [0, 4]
    assert picks[:8] == [int(n) + (n >= 3) + 1 for n in coreset(np.delete(points, [0, 4], 0), digests(8), 8, [], 1)]


def test_no_embedding_at_all():
    assert coreset(np.full((4, 2), np.nan, np.float32), digests(4), 3, [], 1) == [0, 1, 2]


def test_all_frames_alike():
    assert sorted(coreset(np.ones((5, 2), np.float32), digests(5), 5, [], 1)) == [0, 1, 2, 3, 4]


def test_duplicates_are_picked_after_all_others():
    points = np.repeat(np.arange(5, dtype=np.float32)[:, None] ** 2, 3, axis=0)
    picks = coreset(points, digests(15), 15, [], 1)
    assert {n // 3 for n in picks[:5]} == {0, 1, 2, 3, 4}


def test_huge_embeddings_do_not_overflow():
    points = np.array([[3e38, 0], [-3e38, 0], [0, 3e38], [0, 0]], np.float32)
    assert coreset(points, digests(4), 4, [3], 1) == [3, 0, 1, 2]


@pytest.mark.parametrize("strategy", NESTED)
def test_a_larger_count_begins_with_the_smaller_ones_picks(strategy):
    points = vectors(50)
    picks = [STRATEGIES[strategy](points, digests(50), count, [], 1) for count in (0, 1, 20, 30, 50)]
    for fewer, more in pairwise(picks):
        assert more[: len(fewer)] == fewer


def test_coreset_leaves_its_input_alone():
    points = vectors(8)
    points[2] = np.nan
    before = points.copy()
    coreset(points, digests(8), 8, [], 1)
    np.testing.assert_array_equal(points, before)


# --- random


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


# --- pick: what becomes of labels


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


# --- select_test and select_train, on files


def write_index(path: Path, rows: list[dict[str, object]]) -> Path:
    base: dict[str, object] = {name: "" for name in COLUMNS}
    base |= {"bytes": 1, "width": 1, "height": 1, "number": -1, "status": "ok"}
    pd.DataFrame([base | row for row in rows], columns=COLUMNS).to_csv(path, index=False)
    return path


def plain(count: int) -> list[dict[str, object]]:
    return [{"path": f"x-{n:04d}.jpg", "sha256": sha(n)} for n in range(count)]


def selected(path: Path) -> list[str]:
    table = pd.read_csv(path)
    assert list(table.columns) == ["sha256", "path"]
    return list(table["sha256"])


class Select:
    def __init__(self, place: Path, rows: list[dict[str, object]]) -> None:
        self.place = place
        self.test, self.train = place / "out" / "test.csv", place / "out" / "train.csv"
        self.rows(rows)

    def rows(self, rows: list[dict[str, object]]) -> None:
        self.index = write_index(self.place / "frames.csv", rows)
        self.names = [str(row["sha256"]) for row in rows if row.get("status", "ok") == "ok"]
        self.points = np.stack([vectors(1, seed=int(name[:8], 16))[0] for name in self.names])

    def select_test(self, count: int = 10, seed: int = 1, given: bool = False) -> list[str]:
        select_test(self.index, self.test, count=count, seed=seed, given=given)
        return selected(self.test)

    def select_train(
        self, strategy: str = "coreset", count: int = 20, labels: Path | None = None, seed: int = 1
    ) -> list[str]:
        np.save(self.place / "e.npy", self.points)
        select_train(
            self.index,
            self.test,
            self.place / "e.npy" if strategy == "coreset" else None,
            labels,
            self.train,
            strategy=strategy,
            count=count,
            seed=seed,
            classes=CLASSES,
        )
        return selected(self.train)

    def labels(self, names: list[str]) -> Path:
        path = self.place / "labels.csv"
        path.write_text("sha256,path,label,by,when\n" + "".join(f"{name},,good,me,\n" for name in names))
        return path


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("seed", range(5))
def test_test_and_training_frames_are_disjoint(tmp_path, strategy, seed):
    select = Select(tmp_path, plain(40))
    test = select.select_test(15, seed)
    train = select.select_train(strategy, 25, seed=seed)
    assert len(set(test)) == 15
    assert len(set(train)) == 25
    assert not set(test) & set(train)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_labelled_test_frame_stays_a_test_frame(tmp_path, strategy):
    select = Select(tmp_path, plain(40))
    test = select.select_test(15)
    train = select.select_train(strategy, 20, labels=select.labels([*test, sha(3), "0" * 64]))
    assert len(train) == 20
    assert not set(test) & set(train)


def test_coreset_pairs_each_frame_with_its_own_embedding(tmp_path):
    rows = plain(30)
    for n in (0, 7, 20):
        rows[n] |= {"status": "quarantined", "reason": "x"}
    select = Select(tmp_path, rows)
    test = select.select_test(8)
    pool = [n for n, name in enumerate(select.names) if name not in test]
    expected = coreset(select.points[pool], [select.names[n] for n in pool], 9, [], 1)
    assert select.select_train(count=9) == [select.names[pool[n]] for n in expected]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_labels_on_file_are_picked(tmp_path, strategy):
    select = Select(tmp_path, plain(60))
    select.select_test(10)
    twenty = select.select_train(strategy, 20)
    thirty = select.select_train(strategy, 30, labels=select.labels(twenty))
    assert thirty[:20] == twenty
    half = select.select_train(strategy, 20, labels=select.labels(twenty[::-2]))
    assert half == twenty


def test_adding_frames_replaces_few_test_frames(tmp_path):
    select = Select(tmp_path, plain(200))
    before = set(select.select_test(50))
    select.rows(plain(220))
    after = set(select.select_test(50))
    assert after - before == after - {sha(n) for n in range(200)}
    assert len(after - before) < 20


def test_the_order_of_the_files_does_not_matter_to_the_test(tmp_path):
    before = set(Select(tmp_path, plain(50)).select_test())
    renamed = [row | {"path": f"y{n}"} for n, row in enumerate(reversed(plain(50)))]
    assert set(Select(tmp_path, renamed).select_test()) == before


@pytest.mark.parametrize(("count", "fails"), [(20, False), (21, True), (1000, True)])
def test_more_test_frames_than_would_be_left(tmp_path, count, fails):
    select = Select(tmp_path, plain(40))
    if not fails:
        assert len(select.select_test(count)) == 20
        return
    with pytest.raises(UserError, match=rf"select\.test = {count} of 40"):
        select.select_test(count)
    assert not select.test.exists()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_more_training_frames_than_there_are(tmp_path, strategy):
    select = Select(tmp_path, plain(40))
    select.select_test(10)
    assert len(select.select_train(strategy, 30)) == 30
    select.train.unlink()
    with pytest.raises(UserError, match=r"select\.train = 31.*30 of 40"):
        select.select_train(strategy, 31)
    assert not select.train.exists()


def given_rows() -> list[dict[str, object]]:
    return [
        {"path": "test/bad/both.jpg", "sha256": sha("both"), "part": "test", "status": "duplicate", "reason": "x"},
        {"path": "test/bad/t1.jpg", "sha256": sha("t1"), "part": "test"},
        {"path": "test/bad/t1copy.jpg", "sha256": sha("t1"), "part": "test", "status": "duplicate", "reason": "x"},
        {"path": "test/good/broken.jpg", "sha256": sha("b"), "part": "test", "status": "quarantined", "reason": "x"},
        {"path": "test/good/t2.jpg", "sha256": sha("t2"), "part": "test"},
        {"path": "train/bad/both.jpg", "sha256": sha("both"), "part": "train"},
        {"path": "train/bad/r1.jpg", "sha256": sha("r1"), "part": "train"},
        {"path": "train/bad/broken.jpg", "sha256": sha("b2"), "part": "train", "status": "quarantined", "reason": "x"},
        {"path": "z.jpg", "sha256": sha("z")},
    ]


def test_given_frames_without_what_is_in_train_too(tmp_path, caplog):
    caplog.set_level("INFO")
    select = Select(tmp_path, given_rows())
    assert select.select_test(given=True) == [sha("t1"), sha("t2")]
    assert "test/bad/both.jpg" in caplog.text
    assert select.select_train("given") == [sha("both"), sha("r1")]


def test_no_given_frames(tmp_path):
    select = Select(tmp_path, plain(5))
    with pytest.raises(UserError, match="test/"):
        select.select_test(given=True)
    select.select_test(1)
    with pytest.raises(UserError, match="train/"):
        select.select_train("given")
    assert not select.train.exists()


# --- embeddings of another tool


def embeddings(place: Path, text: str | bytes) -> NDArray[np.float32]:
    index = write_index(place / "frames.csv", [{"path": f"{n}.jpg", "sha256": sha(n)} for n in ("a", "b,c", "d")])
    table = place / "embeddings.csv"
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    read_embeddings(index, table, place / "out" / "e.npy")
    return np.load(place / "out" / "e.npy")


GOOD = 'filenames,embedding_0,embedding_1,labels\nd.jpg,5,6,0\na.jpg,1,2,0\n"b,c.jpg",3,4,0\n'


def test_embeddings_in_the_order_of_the_frames(tmp_path):
    array = embeddings(tmp_path, GOOD + "other.jpg,7,8,0\n")
    assert array.dtype == np.float32
    assert array.tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace(",", ";").replace("b;c", "b,c"),
        "sep=;\r\n" + GOOD.replace(",", ";").replace("b;c", "b,c"),
        GOOD.replace("filenames", " Filenames "),
        GOOD.replace("d.jpg", "D.JPG").replace("a.jpg", r"C:\caps\a.jpg"),
        GOOD.replace("d.jpg", "01234567-d.jpg"),
        GOOD + "nothing.jpg,nan,nan,0\n",
    ],
)
def test_embeddings_as_other_systems_write_them(tmp_path, text):
    assert embeddings(tmp_path, text).tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "read as the columns of an empty line"),
        ("a,b\n1,2\n", "read as the columns 'a', 'b'. Expected are filenames"),
        (GOOD.replace("filenames", "names"), "read as the columns 'names', 'embedding_0'"),
        ("filenames,labels\na.jpg,0\n", "Lightly's format"),
        (GOOD + "a.jpg,1,2,0\n", "twice, first a.jpg"),
        (GOOD.replace("d.jpg", "e.jpg"), "no row for 1 of 3 frames, first d.jpg"),
        (GOOD.replace("5,6", "5,six"), "not a number"),
        (GOOD.replace("5,6", "5,nan"), "embedding_1 of d.jpg, in row 1, is nan"),
        (GOOD.replace("5,6", ",6"), "embedding_0 of d.jpg, in row 1, is nan"),
        (GOOD.replace("1,2", "1,-inf"), "embedding_1 of a.jpg, in row 2, is -inf"),
        (GOOD.replace("1,2", "1,1e300"), "embedding_1 of a.jpg, in row 2"),
        (GOOD.replace("d.jpg,5,6,0", "d.jpg,5,6,0,7"), "embed.file"),
        (GOOD.replace("a.jpg,1,2,0", "a.jpg,1,2,0,7"), "embed.file"),
        (GOOD.replace("a.jpg", "d.JPG"), "names a frame twice, first d.jpg: as d.jpg in row 1, and as d.JPG in row 2"),
        (GOOD.replace("labels", "embedding_1"), "the column embedding_1 twice"),
        (GOOD.replace("d.jpg", '"d.jpg'), "embed.file"),
        ("filenames,embedding_0\n" + "a,b,c,d\n" * 3 + '"', "embed.file"),
        (GOOD.replace("d.jpg", "größe.jpg").encode("latin-1"), "embed.file"),
    ],
)
def test_embeddings_that_cannot_be_used(tmp_path, text, message):
    with pytest.raises(UserError, match=r"embed\.file") as error:
        embeddings(tmp_path, text)
    assert message in str(error.value)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
