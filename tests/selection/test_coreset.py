"""Greedy k-center against slow references: the same picks, whatever the embeddings are."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linecam.selection.strategies import coreset
from tests.selection.references import clouds, digests, k_center, naive, vectors


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


def test_coreset_leaves_its_input_alone():
    points = vectors(8)
    points[2] = np.nan
    before = points.copy()
    coreset(points, digests(8), 8, [], 1)
    np.testing.assert_array_equal(points, before)
