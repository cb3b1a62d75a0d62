"""A line with the methods that are the defaults: taught by a large network, frames chosen by what it sees."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import TINY, Project, copy_project

CONFIG = {key: value for key, value in TINY.items() if key not in {"select", "pretrain"}} | {
    "dataset": {"name": "tiny", "kind": "belt"},
    "belt": {"frames": 120},
    "select": {"train": 40, "test": 30},
    "pretrain": {"taught": {"side": 64, "views": 40, "steps": 12, "pasted_steps": 12}},
    "quantize": {"ranges": ["calibrated"]},
}
SCORE = "results/tiny/finetune/swift7-64-taught/mixed-40/seed-1/score.json"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the line has made up to the trained model's score; the rest is as with other methods."""
    project: Project = copy_project(tmp_path_factory.mktemp("defaults"), CONFIG)
    project.build(SCORE)
    assert project.planned(SCORE) == {}
    return project.folder / "results/tiny"


def test_the_line_trains_a_model_that_was_taught(results: Path) -> None:
    score = json.loads((results.parent.parent / SCORE).read_text())
    assert 0 <= score["accuracy"] <= 1


def test_frames_are_chosen_by_the_teachers_embeddings(results: Path) -> None:
    embeddings = np.load(results / "embed/teacher/embeddings.npy")
    assert embeddings.shape == (120, 1280)
    assert not list((results / "embed").glob("*/*.csv")), "too large as a table"
    assert [path.name for path in (results / "embed").iterdir()] == ["teacher"], "nobody asks for the backbone's"
    assert len(pd.read_csv(results / "select/mixed-40.csv")) == 40


def test_the_teacher_labels_the_samples_other_frames_for_finetuning(results: Path) -> None:
    split = pd.read_csv(results / "split/mixed-40.csv")
    sample = pd.read_csv(results / "pixels/sample-240.csv")["sha256"]
    soft = np.load(results / "soft_labels/mixed-40.npz")
    trained, tested = (list(split.loc[split["part"] == part, "sha256"]) for part in ("train", "test"))
    assert list(soft["sha256"]) == list(dict.fromkeys([*(one for one in sample if one not in tested), *trained]))
    assert soft["probabilities"].shape == (TINY["finetune"]["folds"] + 1, len(soft["sha256"]), 3)
    np.testing.assert_allclose(soft["probabilities"].sum(axis=2), 1, atol=1e-5)


def test_it_is_taught_by_a_sample_and_writes_down_all_losses(results: Path) -> None:
    assert np.load(results / "pixels/sample-240.npy", mmap_mode="r").shape == (40, 240, 240, 3)
    losses = pd.read_csv(results / "pretrain/swift7-64-taught/history.csv")["loss"]
    assert len(losses) == 24
    assert np.isfinite(losses).all()
