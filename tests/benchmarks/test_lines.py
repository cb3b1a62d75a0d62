"""The yardstick's own arithmetic and files, without a run of the workflow."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from benchmarks import lines, sets
from benchmarks.lines import FEATURES, Run, interval, kept, table
from benchmarks.sets import Line, hidden, lay_out
from linecam.workflow.config import load_settings


@pytest.fixture
def caps(tmp_path: Path) -> Path:
    """A set of 8 frames, two of them with the same bytes, in a folder of sets."""
    folder = tmp_path / "sets/caps"
    (folder / "images").mkdir(parents=True)
    for number in range(8):
        Image.new("RGB", (8, 8), (30 * min(number, 6), 80, 120)).save(folder / f"images/bad-{number}.png")
    rows = [(f"images/bad-{number}.png", "bad" if number % 2 else "good") for number in range(8)]
    pd.DataFrame(rows, columns=["file", "class"]).to_csv(folder / "labels.csv", index=False)
    return folder.parent


def found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    monkeypatch.setattr(sets, "solar_cells", lambda: iter(()))
    (line,) = sets.found([folder])
    return line


def test_a_set_is_laid_out_under_names_that_tell_nothing(
    caps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = found(caps, monkeypatch)
    assert (line.name, line.classes) == ("caps", ["bad", "good"])
    config = lay_out(line, tmp_path / "out")
    frames = sorted((tmp_path / "out/frames/caps").iterdir())
    assert len(frames) == 7, "equal bytes are one frame"
    assert not any("bad" in path.name for path in frames)
    labels = pd.read_csv(tmp_path / "out/data/line-caps/labels.csv")
    for row in labels.itertuples():
        content = (tmp_path / "out/frames/caps" / row.path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row.sha256
    assert labels["sha256"].is_unique
    settings = load_settings(yaml.safe_load(config.read_text()))
    assert settings.dataset.name == "line-caps"
    assert list(settings.dataset.classes) == ["bad", "good"]
    assert settings.select.test == 4


def test_frames_of_a_sequence_say_their_number_and_keep_a_gap(
    caps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pd.read_csv(caps / "caps/labels.csv")
    rows.assign(location="x", index_in_sequence=range(8)).to_csv(caps / "caps/labels.csv", index=False)
    line = found(caps, monkeypatch)
    assert line.names[3] == "x-00003.png"
    settings = yaml.safe_load(lay_out(line, tmp_path / "out").read_text())
    assert settings["select"] == {"test": 4, "gap": 10}
    labels = pd.read_csv(tmp_path / "out/data/line-caps/labels.csv")
    assert len(labels) == labels["sha256"].nunique() == 7, "two frames of equal bytes, one label"


def test_a_hidden_name_is_of_the_content(caps: Path) -> None:
    one, other, same = (caps / f"caps/images/bad-{number}.png" for number in (6, 5, 7))
    assert hidden(one) == hidden(same) != hidden(other)


def test_a_run_knows_the_files_of_the_workflow() -> None:
    run = Run("caps", "swift7-64", "taught", "herding", 50, 3)
    assert run.split.as_posix() == "results/line-caps/split/herding-50-draw-3.csv"
    model = "swift7-64-taught/herding-50-draw-3/seed-3-as_trained"
    assert run.metrics.as_posix() == f"results/line-caps/evaluate/{model}/calibrated.json"
    assert run.targets == [run.metrics]
    run = Run("caps", "swift7-64", "taught", "mixed", 200, 3, folds=True)
    assert run.split.as_posix() == "results/line-caps/split/mixed-200.csv"
    model = "swift7-64-taught/mixed-200/seed-3"
    assert run.predictions.as_posix() == f"results/line-caps/predict/{model}/calibrated.csv"
    assert run.thresholds.as_posix() == f"results/line-caps/finetune/{model}/thresholds.json"
    assert run.targets == [run.metrics, run.thresholds]


def test_a_promise_is_broken_where_the_test_finds_less_beyond_chance(tmp_path: Path) -> None:
    """`bad`: 20 of 40 at the threshold of 0.25. `good`: all, most of them since theirs is the highest probability."""
    run = Run("caps", "slim7-96", "taught", "mixed", 50, 1, folds=True)
    tested = pd.DataFrame({"p_bad": [0.25] * 20 + [0.1] * 20 + [0.2] * 20, "label": ["bad"] * 40 + ["good"] * 20})
    tested["predicted"], tested["part"], tested["path"], tested["p_good"] = "good", "test", "", 1 - tested["p_bad"]
    tested["sha256"] = [f"{number:064x}" for number in range(60)]
    elsewhere = tested[:30].assign(part="unlabelled", label="")
    points = {name: [{"wanted": 0.9, "threshold": 0.01, "promised": True}] for name in ("bad", "good")}
    points["bad"].append({"wanted": 0.95, "threshold": 0.25, "promised": True})
    points["good"].append({"wanted": 0.95, "threshold": 0.5, "promised": False})
    for path in (run.predictions, run.thresholds):
        (tmp_path / path).parent.mkdir(parents=True)
    pd.concat([tested, elsewhere]).to_csv(tmp_path / run.predictions, index=False)
    (tmp_path / run.thresholds).write_text(json.dumps({"operating_points": points}))
    line = Line("caps", [], ["bad", "good"], [], {})
    found = list(lines.promises(run, tmp_path, line))
    assert found == [
        {"class": "bad", "promised": True, "found": 0.5, "broken": True},
        {"class": "good", "promised": False, "found": 1.0, "broken": False},
    ]
    rows = kept(pd.DataFrame({"recalls": [found, found]})).splitlines()
    assert rows[2:] == [
        "| the labels promise it | 2 | 50.0 % | 2 |",
        "| the labels are too few to promise it | 2 | 100.0 % | 0 |",
    ]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0.5], "50.0"),
        ([0.5, 0.52], "51.0 ± 12.7"),  # t(0.975, 1) 12.71, error 0.01
        ([0.8, 0.9, 1.0], "90.0 ± 24.8"),  # 4.303 * 0.1 / sqrt(3)
        ([0.9, 0.9, 0.9, 0.9], "90.0 ± 0.0"),
    ],
)
def test_an_interval_is_students(values: list[float], text: str) -> None:
    assert interval(values) == text


def test_the_table_has_means_over_seeds_and_then_over_sets() -> None:
    """A set with more seeds counts no more than another."""
    keys = {"selection": "herding", "labels": 50, "method": "taught"}
    rows = [keys | {"set": "a", "seed": seed, "linecam": value} for seed, value in ((1, 0.7), (2, 0.9), (3, 0.8))]
    rows.append(keys | {"set": "b", "seed": 1, "linecam": 0.4})
    data = pd.DataFrame(rows)
    for number, name in enumerate(FEATURES):
        data[name] = data["linecam"] + 0.01 * (number + 1)
    header, rule, one, two, mean = table(data).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in (header, one, two, mean)]
    assert cells[0] == ["set", "selection", "labels", "method", "seeds", "linecam", *FEATURES]
    assert rule.count("---") == len(cells[0])
    assert cells[1][:6] == ["a", "herding", "50", "taught", "3", "80.0 ± 24.8"]
    assert cells[2] == ["b", "herding", "50", "taught", "1", "40.0", "41.0", "42.0"]
    assert cells[3] == ["mean of sets", "herding", "50", "taught", "", "**60.0**", "**61.0**", "**62.0**"]


def test_the_classifier_is_chosen_on_the_labelled_frames() -> None:
    rng = np.random.default_rng(1)
    labels = np.array(["bad", "good"] * 12)
    features = rng.normal(0, 1, (24, 5)).astype(np.float32)
    features[:, 2] += 6 * (labels == "bad")
    for name in FEATURES:
        assert (lines.fitted(features, labels, name).predict(features) == labels).mean() > 0.9
