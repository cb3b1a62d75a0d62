"""Does choosing pay? The study says so where it does, and says so where it doesn't."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from linecam.errors import UserError
from linecam.evaluation.selection_study import Comparison, Learned, compare, probe, verdict
from linecam.evaluation.studies import StudiedSelection
from scripts.study_selection import Results, study_selection
from tests.conftest import TINY, copy_project

CLASSES = ["bad", "good"]
TRUTH = np.array(["bad"] * 60 + ["good"] * 140, object)


def right(share: float, seeds: int = 2, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random((seeds, len(TRUTH))) < share).astype(float)


def results(ours: np.ndarray, chance: np.ndarray) -> list[Comparison]:
    judged = {Learned("probe", "random", 25): chance, Learned("probe", "coreset", 25): ours}
    return compare(judged, TRUTH, CLASSES, 0.95)


def test_a_better_strategy_is_called_better():
    found = results(right(0.95), right(0.7, seed=1))
    gain = found[1]["gain"]
    assert gain["low"] > 0.1
    assert gain["low"] < gain["value"] < gain["high"] < 0.4
    assert verdict(found)[0] == "coreset, linear probe: better than random with 25 labels."


def test_a_worse_strategy_is_called_worse():
    assert verdict(results(right(0.6), right(0.9)))[0] == "coreset, linear probe: worse than random with 25 labels."


def test_a_strategy_like_random_is_not_called_better():
    """One frame more right in 400 is no proof."""
    chance = right(0.8)
    ours = chance.copy()
    ours[0, np.flatnonzero(chance[0] == 0)[0]] = 1
    assert "as good as random, as far as these frames tell, everywhere" in verdict(results(ours, chance))[0]


def test_the_probe_does_without_frames_that_have_no_embedding():
    vectors = np.array([[0], [0.1], [9], [9.1], [np.nan], [0], [9], [np.inf]], np.float32)
    split = pd.DataFrame({"row": range(8), "part": ["train"] * 5 + ["test"] * 3, "label": [*"ggbbg", "", "", ""]})
    assert probe(vectors, split).tolist() == ["g", "b", "g"]
    vectors[2:4] = np.nan
    assert probe(vectors, split).tolist() == ["g", "g", "g"], "all it can learn from are of one class"


def test_false_alarms_are_rare_where_both_are_alike():
    """Two strategies of the same worth, 60 times over: hardly ever is one called better than the other."""
    called = sum(
        "as good as" not in verdict(results(right(0.8, seed=n), right(0.8, seed=n + 1000)))[0] for n in range(60)
    )
    assert called <= 8


def test_values_are_balanced_over_classes():
    ours = np.ones((1, len(TRUTH)))
    ours[0, :30] = 0  # half of bad
    assert results(ours, right(0.5))[1]["value"] == 0.75


def test_the_probe_learns_what_embeddings_tell():
    random = np.random.default_rng(0)
    vectors = random.normal(0, 1, (100, 4)).astype(np.float32)
    labels = np.where(vectors[:, 1] > 0, "bad", "good")
    split = pd.DataFrame({"row": range(100), "part": ["train"] * 60 + ["test"] * 40, "label": labels})
    assert (probe(vectors, split) == labels[60:]).mean() > 0.85
    one = split.assign(label=np.where(split["part"] == "train", "good", split["label"]))
    assert (probe(vectors, one) == "good").all()


def test_a_class_missing_from_the_test_is_an_error(tmp_path):
    rows = pd.DataFrame({"row": range(4), "sha256": list("abcd"), "path": list("abcd"), "by": "", "fold": -1})
    rows = rows.assign(part=["train", "train", "test", "test"], label=["bad", "good", "good", "good"])
    rows.to_csv(tmp_path / "split.csv", index=False)
    rows.assign(predicted="good").to_csv(tmp_path / "float.csv", index=False)
    np.save(tmp_path / "e.npy", np.eye(4, dtype=np.float32))
    models = [StudiedSelection("random", 2, 1, tmp_path / "split.csv", tmp_path / "float.csv")]
    outputs = Results(*(tmp_path / name for name in ("cells.csv", "summary.json", "table.md", "plot.png")))
    with pytest.raises(UserError, match="No test frame has the label bad"):
        study_selection(models, tmp_path / "e.npy", outputs, classes=CLASSES, confidence=0.95, embedded="x")
    assert not any(path.exists() for path in vars(outputs).values())


def test_what_no_interval_holds_is_said(tmp_path):
    """Of a strategy with one choice of frames the luck of that choice is not known."""
    rows = pd.DataFrame({"row": range(6), "sha256": list("abcdef"), "path": list("abcdef"), "by": "", "fold": -1})
    rows = rows.assign(label=["bad", "good", "bad", "good", "bad", "good"], predicted="good")
    models = []
    for strategy, seed, train in [("random", 1, "ab"), ("random", 2, "cd"), ("coreset", 1, "ab"), ("coreset", 2, "ab")]:
        split = rows.assign(part=["train" if name in train else "test" if name in "ef" else "" for name in "abcdef"])
        path, predictions = tmp_path / f"{strategy}-{seed}.csv", tmp_path / f"{strategy}-{seed}-float.csv"
        split[split["part"] != ""].drop(columns="predicted").to_csv(path, index=False)
        split[split["part"] != ""].to_csv(predictions, index=False)
        models.append(StudiedSelection(strategy, 2, seed, path, predictions))
    np.save(tmp_path / "e.npy", np.eye(6, dtype=np.float32))
    outputs = Results(*(tmp_path / name for name in ("cells.csv", "summary.json", "table.md", "plot.png")))
    study_selection(models, tmp_path / "e.npy", outputs, classes=CLASSES, confidence=0.95, embedded="x")
    for text in (outputs.text.read_text(), json.loads(outputs.summary.read_text())["by_chance"]):
        assert "With every seed, coreset chose the same frames." in text


@pytest.fixture(scope="module")
def studied(belt, tmp_path_factory) -> Path:
    project = belt.copy(tmp_path_factory.mktemp("studied") / "belt")
    project.configure(
        TINY
        | {"dataset": {"name": "tiny", "kind": "belt"}, "belt": {"frames": 200}}
        | {"study_selection": {"strategies": ["random", "probcover"], "labels": [16], "seeds": [1, 2]}}
    )
    project.build("study_selection")
    project.build("report")
    return project.folder / "results/tiny"


def test_snakemake_study_selection(studied):
    cells = pd.read_csv(studied / "study_selection/cells.csv")
    assert len(cells) == 2 * 2 * 2  # strategies, seeds, learners
    assert (cells[["labels_bad", "labels_good", "labels_no_mask"]].sum(axis=1) == 16).all()
    drawn = [set(pd.read_csv(studied / f"select/random-16-draw-{seed}.csv")["sha256"]) for seed in (1, 2)]
    assert drawn[0] != drawn[1]
    summary = json.loads((studied / "study_selection/summary.json").read_text())
    assert len(summary["results"]) == 4
    assert summary["test_frames"] == 50
    table = (studied / "study_selection/table.md").read_text()
    assert summary["verdict"][0] in table
    assert (studied / "study_selection/plot.png").read_bytes().startswith(b"\x89PNG")


def test_the_report_has_it_where_it_was_run(studied):
    page = (studied / "report.html").read_text()
    assert "Does choosing frames pay?" in page
    assert json.loads((studied / "study_selection/summary.json").read_text())["verdict"][0] in page


def test_frames_without_labels_cannot_be_studied(tmp_path):
    (tmp_path / "frames").mkdir()
    for number in range(30):
        Image.new("RGB", (16, 16), (8 * number, 90, 90)).save(tmp_path / f"frames/{number}.png")
    few = {"select": {"train": 10, "test": 10}, "study_selection": {"labels": [10]}}
    dataset = {"name": "m", "kind": "folder", "source": "../frames"}
    project = copy_project(tmp_path / "p", TINY | few | {"dataset": dataset})
    run = project.snakemake("-n", "study_selection")
    assert run.returncode != 0
    assert "whose labels are all known already" in run.stdout
    assert "Traceback" not in run.stdout
