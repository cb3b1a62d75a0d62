"""The charts that the camera watches by: they keep the false alarms that are promised, and count what they should."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from linecam.evaluation.cusum import Chart, design, run_length, table, upper_bound
from linecam.evaluation.drift import DARK, LEARN, brightness, drift_settings, windows_of
from linecam.files import read_json, write_json
from linecam.networks.model_name import ModelName
from scripts.set_drift import set_drift
from tests.evaluation.made_up import candidate, choice_of, trained

CLASSES = ["bad", "good"]
MODEL = ModelName.parse("swift7-64-none/random-4/seed-1")


def first_alarm(chart: Chart, share: float, rng: np.random.Generator) -> int:
    total = number = 0
    while total < chart.limit:
        total = max(0, total + (chart.up if rng.random() < share else -chart.down))
        number += 1
    return number


@pytest.mark.parametrize(("chart", "share"), [(Chart(4, 1, 13), 0.1), (Chart(2, 3, 9), 0.5), (Chart(1, 5, 4), 0.8)])
def test_the_mean_time_to_an_alarm_is_that_of_a_simulation(chart: Chart, share: float) -> None:
    rng = np.random.default_rng(1)
    times = np.array([first_alarm(chart, share, rng) for _ in range(2000)])
    error = times.std() / np.sqrt(len(times))
    assert abs(times.mean() - run_length(chart, share)) < 4 * error


def test_the_mean_time_to_an_alarm_by_hand() -> None:
    """Two in a row: 1/p + 1/p^2 trials, and with a limit of one step 1/p."""
    assert run_length(Chart(1, 1, 1), 0.25) == pytest.approx(4)
    assert run_length(Chart(1, 2, 2), 0.25) == pytest.approx(4 + 16)


@pytest.mark.parametrize("share", [0.004, 0.03, 0.1, 0.5, 0.9, 0.97])
@pytest.mark.parametrize("length", [1e4, 1e6])
def test_a_chart_has_the_lowest_limit_that_keeps_what_was_promised(share: float, length: float) -> None:
    chart = design(share, length)
    assert chart
    assert run_length(chart, share) >= length > run_length(Chart(chart.up, chart.down, chart.limit - 1), share)
    assert run_length(chart, share / 2) > length, "and fewer false alarms where less is true"
    seen = run_length(chart, 2 * share / (1 + share))
    assert seen < length**0.5 / min(share, 1 - share), f"the change that it is made for takes {seen}"


def test_a_share_that_can_hardly_rise_has_no_chart() -> None:
    assert design(0.99, 1e4) is None


def test_the_bound_is_exact() -> None:
    for count, total in ((0, 100), (7, 100), (499, 500)):
        bound = upper_bound(count, total)
        assert binom.cdf(count, total, bound) == pytest.approx(0.01)
    assert upper_bound(500, 500) == 1


def test_every_count_has_a_row_that_keeps_what_was_promised() -> None:
    rows = table(300, 1e4)
    assert all(one[0] < other[0] for one, other in pairwise(rows))
    for count in range(rows[-1][0] + 1):
        row = next(row for row in rows if count <= row[0])
        assert run_length(Chart(*row[1:]), upper_bound(count, 300)) >= 1e4
    assert upper_bound(rows[-1][0] + 1, 300) > 0.9


# --- What the test frames say


def scores(good: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"p_bad": [1 - p for p in good], "p_good": good})


def test_what_is_usual_is_counted_as_the_camera_counts() -> None:
    """Of 100 frames 20 are bad; the ten least sure have margins of 0 to 0.09."""
    good = [0.9] * 73 + [0.1] * 17 + [0.5 + n / 200 for n in range(-2, 8)]
    light = np.arange(1000, 1100)
    made = drift_settings(
        scores(good), pd.Series(range(100)), light, CLASSES, {}, votes=1, false_alarm=10_000, every=3, learn=0
    )
    assert (made["every"], made["learn"], made["light"]) == (3, 0, [1005, 1094])
    assert [chart[:4] for chart in made["charts"]] == [
        [0, 0, "bad: more", 2000],
        [0, 1, "bad: fewer", 2000],
        [1, 0, "good: more", 8000],
        [1, 1, "good: fewer", 8000],
        [2, 0, "low margins: more", 1000],
        [3, 0, "dark frames: more", 500],
        [4, 0, "bright frames: more", 500],
    ]
    assert 0.07 * 65536 < made["low"] <= 0.8 * 65536
    for place, flips, _, share, steps in made["charts"]:
        hits = round(share / 100)
        bound = upper_bound(100 - hits if flips else hits, 100)
        assert run_length(Chart(*steps), bound) >= 10_000 * 7, (place, flips)


def test_votes_are_added_up_before_they_are_judged() -> None:
    good = [0.9, 0.9, 0.4, 0.9, 0.1, 0.3] * 50
    made = drift_settings(
        scores(good),
        pd.Series(np.arange(300) // 3),
        np.arange(100),
        CLASSES,
        {},
        votes=3,
        false_alarm=10_000,
        every=1,
        learn=0,
    )
    assert made["charts"][0][:4] == [0, 0, "bad: more", 5000]  # means 0.73 and 0.43


def test_thresholds_decide_as_on_the_camera() -> None:
    made = drift_settings(
        scores([0.6] * 100),
        pd.Series(range(100)),
        np.arange(100),
        CLASSES,
        {"bad": 0.4},
        votes=1,
        false_alarm=10_000,
        every=1,
        learn=0,
    )
    assert [chart[2:4] for chart in made["charts"]][:2] == [["bad: fewer", 10_000], ["good: more", 0]]


def test_learning_brings_a_table_for_whatever_is_found() -> None:
    made = drift_settings(
        scores([0.9] * 100),
        pd.Series(range(100)),
        np.arange(100),
        CLASSES,
        {},
        votes=1,
        false_alarm=1000,
        every=1,
        learn=200,
    )
    assert len(made["charts"]) == 7, "also of what no test frame has"
    assert made["steps"] == table(200, 7000)


def test_brightness_is_that_of_the_camera_s_points() -> None:
    pixels = np.zeros((2, 96, 96, 3), np.uint8)
    pixels[1, :, 48:] = (0, 124, 0)  # 31 of 63
    pixels[1, 0, 0] = 255  # no point of the grid
    assert brightness(pixels).tolist() == [0, 32 * 31]
    assert 0 < DARK < 1


def test_only_whole_windows_count() -> None:
    votes = pd.DataFrame(
        {"sha256": ["a"] * 3 + ["b"] * 3, "offset": [-1, 0, 1] * 2, "status": ["ok"] * 5 + ["missing"]}
    )
    assert list(windows_of(votes, 3)["sha256"]) == ["a"] * 3
    assert len(windows_of(votes, 1)) == 2


@pytest.mark.parametrize(("tested", "votes", "learns"), [(120, 1, 0), (60, 1, LEARN), (120, 3, LEARN)])
def test_too_few_test_frames_have_the_camera_learn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, tested: int, votes: int, learns: int
) -> None:
    names = [f"{n:03}" for n in range(tested)]
    split = pd.DataFrame(
        {"row": range(tested), "sha256": names, "path": names, "part": "test", "label": "good", "by": ""}
    )
    split.to_csv(tmp_path / "split.csv", index=False)
    told = pd.DataFrame({"sha256": names, "path": names, "part": "test", "label": "good", "predicted": "good"})
    told["p_bad"], told["p_good"] = 0.25, 0.75
    told.to_csv(tmp_path / "predictions.csv", index=False)
    around = [told.assign(offset=offset, status="missing" if offset else "ok", frame="") for offset in (-1, 0, 1)]
    pd.concat(around).to_csv(tmp_path / "votes.csv", index=False)
    write_json(tmp_path / "voted.json", {"votes": votes})
    write_json(tmp_path / "thresholds.json", {"thresholds": {}})
    write_json(tmp_path / "choice.json", choice_of(str(MODEL)))
    np.save(tmp_path / "64.npy", np.zeros((tested, 64, 64, 3), np.uint8))
    set_drift(
        tmp_path / "choice.json",
        [candidate(str(MODEL), "calibrated", thresholds=tmp_path / "thresholds.json")],
        [trained(str(MODEL), predictions={"calibrated": tmp_path / "predictions.csv"})],
        tmp_path / "voted.json",
        tmp_path / "votes.csv",
        tmp_path / "split.csv",
        {64: tmp_path / "64.npy"},
        tmp_path / "drift.json",
        classes=CLASSES,
        false_alarm=1000,
        every=1,
        learn=0,
    )
    made = read_json(tmp_path / "drift.json")
    assert made["learn"] == learns
    assert ("steps" in made) == ("too few" in caplog.text) == bool(learns)
