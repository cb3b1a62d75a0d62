"""What to label next: unsure, different, new, each with its reason; and labels that look wrong."""

import numpy as np
import pandas as pd
import pytest

from scripts.next import UNCERTAINTY, doubt, spread, why

CLASSES = ["bad", "good", "no_mask"]


@pytest.mark.parametrize("measure", UNCERTAINTY)
def test_uncertainty_runs_from_sure_to_even(measure):
    p = np.array([[1, 0, 0], [0.8, 0.1, 0.1], [0.5, 0.4, 0.1], [1 / 3, 1 / 3, 1 / 3]])
    found = UNCERTAINTY[measure](p)
    assert found[0] == pytest.approx(0)
    assert found[-1] == pytest.approx(1)
    assert (np.diff(found) > 0).all()


def test_margin_and_entropy_by_hand():
    p = np.array([[0.5, 0.3, 0.2]])
    assert UNCERTAINTY["margin"](p) == pytest.approx([0.8])
    entropy = -(0.5 * np.log(0.5) + 0.3 * np.log(0.3) + 0.2 * np.log(0.2)) / np.log(3)
    assert UNCERTAINTY["entropy"](p) == pytest.approx([entropy])


def test_the_batch_is_spread_over_the_unsure_frames():
    """Four heaps of unsure frames and one of sure ones: of each unsure heap one, though one heap is the most unsure."""
    random = np.random.default_rng(0)
    heaps = np.repeat([[0, 0], [10, 0], [0, 10], [10, 10], [50, 50]], 10, axis=0)
    vectors = (heaps + random.normal(0, 0.1, heaps.shape)).astype(np.float32)
    uncertainty = np.repeat([0.99, 0.8, 0.8, 0.8, 0.01], 10)
    picks, numbers = spread(vectors, uncertainty, 4, 1)
    assert sorted(n // 10 for n in picks) == [0, 1, 2, 3]
    assert numbers == [10] * 4
    assert picks[0] // 10 == 0  # the least sure first
    alone = np.argsort(-uncertainty, kind="stable")[:4]
    assert {n // 10 for n in alone} == {0}  # what uncertainty alone would have taken


def test_spread_without_enough_frames_or_embeddings():
    vectors = np.array([[0, 0], [np.nan, 0], [1, 1], [1, 1]], np.float32)
    assert spread(vectors, np.array([0.1, 0.9, 0.5, 0.4]), 10, 1) == ([2, 3, 0, 1], [1] * 4)
    same, numbers = spread(np.ones((30, 2), np.float32), np.linspace(0, 1, 30), 3, 1)
    assert len(set(same)) == len(numbers) == 3


def test_a_reason_in_words():
    assert why(np.array([0.41, 0.5, 0.09]), CLASSES, 1) == "good 50% or bad 41%"
    assert why(np.array([0.41, 0.5, 0.09]), CLASSES, 12) == "good 50% or bad 41%; stands for 12 such frames"


def held_out(rows: list[tuple[str, tuple[float, float, float]]]) -> pd.DataFrame:
    table = pd.DataFrame({"sha256": [str(n) for n in range(len(rows))], "label": [label for label, _ in rows]})
    table["path"] = table["sha256"] + ".jpg"
    for n, name in enumerate(CLASSES):
        table[f"p_{name}"] = [p[n] for _, p in rows]
    return table


def test_wrong_labels_are_doubted_the_surest_first():
    sound = [("bad", (0.9, 0.1, 0.0)), ("good", (0.1, 0.8, 0.1)), ("no_mask", (0.0, 0.2, 0.8))] * 5
    wrong = [("bad", (0.1, 0.85, 0.05)), ("good", (0.0, 0.01, 0.99))]
    unsure = [("bad", (0.45, 0.5, 0.05))]  # wrong, but no surer than many a right one
    found = doubt(held_out([*sound, *wrong, *unsure]), CLASSES)
    assert found["label"].tolist() == ["good", "bad"]
    assert found["predicted"].tolist() == ["no_mask", "good"]
    assert found["reason"].tolist()[0] == "a model trained without it says no_mask 99%, and good 1%"


def test_right_labels_are_not_doubted():
    sound = [("bad", (0.9, 0.1, 0.0)), ("good", (0.1, 0.8, 0.1))] * 5  # a class without any frame
    assert doubt(held_out(sound), CLASSES).empty


def test_snakemake_next(belt):
    """New frames alone, each with what the model says of it."""
    belt.build("next")
    results = belt.folder / "results/tiny"
    batch = pd.read_csv(results / "next/batch.csv")
    assert list(batch.columns) == ["sha256", "path", "reason", "predicted", "p"]
    split = pd.read_csv(results / "split/coreset-60.csv")
    assert not set(batch["sha256"]) & set(split.loc[split["part"] != "unlabelled", "sha256"])
    assert set(batch["sha256"]) <= set(pd.read_csv(results / "index/frames.csv")["sha256"])
    assert len(batch) == batch["sha256"].nunique() == 50
    assert batch["p"].between(1 / 3, 1).all()
    suspects = pd.read_csv(results / "next/suspects.csv")
    assert list(suspects.columns) == ["sha256", "path", "label", "predicted", "p", "reason"]
    assert set(suspects["sha256"]) <= set(split.loc[split["part"] == "train", "sha256"])
    assert belt.planned("next") == {}


def test_nothing_left_to_label(folder):
    run = folder.snakemake("next")
    assert run.returncode != 0
    assert "All 200 usable frames are labelled" in run.stdout
    assert "Traceback" not in run.stdout
