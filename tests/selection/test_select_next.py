"""What to label next: unsure, different, new, each with its reason."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from linecam.errors import UserError
from linecam.evaluation.figures import Weakness
from linecam.evaluation.label_doubts import MOST
from linecam.files import read_json, write_json
from linecam.networks.model_name import ModelName
from linecam.selection.next_batch import UNCERTAINTY, pick_batch, reason
from scripts import select_next as script
from scripts.select_next import Sources, select_next
from tests.evaluation.made_up import choice_of, held_out
from tests.selection.index_files import write_index
from tests.selection.references import sha

CLASSES = ["bad", "good", "no_mask"]
MODEL = ModelName.parse("swift7-64-none/random-4/seed-1")


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
    picks, numbers = pick_batch(vectors, uncertainty, 4, 1)
    assert sorted(n // 10 for n in picks) == [0, 1, 2, 3]
    assert numbers == [10] * 4
    assert picks[0] // 10 == 0  # the least sure first
    alone = np.argsort(-uncertainty, kind="stable")[:4]
    assert {n // 10 for n in alone} == {0}  # what uncertainty alone would have taken


def test_the_batch_is_the_same_by_any_number_of_threads():
    random = np.random.default_rng(0)
    vectors, uncertainty = random.normal(size=(2000, 64)).astype(np.float32), random.random(2000)
    found = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads):
            found.append(pick_batch(vectors, uncertainty, 100, 1))
    assert found[0] == found[1] == found[2]


def test_spread_without_enough_frames_or_embeddings():
    vectors = np.array([[0, 0], [np.nan, 0], [1, 1], [1, 1]], np.float32)
    assert pick_batch(vectors, np.array([0.1, 0.9, 0.5, 0.4]), 10, 1) == ([2, 3, 0, 1], [1] * 4)
    same, numbers = pick_batch(np.ones((30, 2), np.float32), np.linspace(0, 1, 30), 3, 1)
    assert len(set(same)) == len(numbers) == 3


def test_a_reason_in_words():
    assert reason(np.array([0.41, 0.5, 0.09]), CLASSES, 1) == "good 50 % or bad 41 %"
    assert reason(np.array([0.41, 0.5, 0.09]), CLASSES, 12) == "good 50 % or bad 41 %; stands for 12 such frames"


def test_snakemake_select_next(belt, tmp_path):
    """New frames alone, each with what the model says of it."""
    project = belt.copy(tmp_path / "belt")
    project.build("select_next")
    results = project.folder / "results/tiny"
    batch = pd.read_csv(results / "next/batch.csv")
    assert list(batch.columns) == ["sha256", "path", "reason", "predicted", "p"]
    split = pd.read_csv(results / "split/coreset-60.csv")
    assert not set(batch["sha256"]) & set(split.loc[split["part"] != "unlabelled", "sha256"])
    assert set(batch["sha256"]) <= set(pd.read_csv(results / "index/frames.csv")["sha256"])
    assert len(batch) == batch["sha256"].nunique() == 50
    assert batch["p"].between(1 / 3, 1).all()
    suspects = pd.read_csv(results / "next/suspects.csv")
    assert list(suspects.columns) == ["sha256", "path", "label", "predicted", "p", "reason"]
    assert suspects.empty, "two epochs teach it nothing, so its doubts say nothing"
    assert "The model is weak." in (results / "logs/select_next.log").read_text()
    assert project.planned("select_next") == {}


def test_nothing_left_to_label(folder, tmp_path):
    run = folder.copy(tmp_path / "mine").snakemake("select_next")
    assert run.returncode != 0
    assert "All 200 usable frames are labelled" in run.stdout
    assert "Traceback" not in run.stdout


class Line:
    """A sequence of 100 frames, of which 0 is for the test, and a model that is unsure of all alike."""

    def __init__(self, place: Path) -> None:
        self.place = place
        rows = [
            {"path": f"A-{n:03d}.jpg", "sha256": sha(n), "sequence": "A", "number": n} | {"status": "ok"}
            for n in range(100)
        ]
        self.index = write_index(place / "frames.csv", rows)
        self.table = pd.DataFrame(rows)
        self.table.iloc[[0]][["sha256", "path"]].to_csv(place / "test.csv", index=False)
        held_out([("bad", (0.8, 0.1, 0.1))], CLASSES).assign(predicted="bad").to_csv(
            place / "held_out.csv", index=False
        )
        np.save(place / "pixels.npy", np.zeros((100, 1, 1, 3), np.uint8))
        np.save(place / "embeddings.npy", np.arange(200, dtype=np.float32).reshape(100, 2))
        self.splits = {
            "coreset-4": self.split("coreset-4", range(10, 14)),
            "random-4": self.split("random-4", [20, 30]),
        }

    def split(self, name: str, train: Iterable[int]) -> Path:
        table = self.table.iloc[list(train)][["sha256", "path"]].assign(row=0, part="train", label="bad", by="", fold=0)
        table.to_csv(self.place / f"{name}.csv", index=False)
        return self.place / f"{name}.csv"

    def next(
        self,
        count: int,
        gap: int = 0,
        judged: dict[int, str] | None = None,
        model: ModelName = MODEL,
        weak: Sequence[Weakness] = (),
    ) -> list[int]:
        write_json(self.place / "choice.json", choice_of(str(model), weak=weak))
        labels = self.place / "labels.csv"
        rows = "".join(f"{sha(n)},,{label},Ann,\n" for n, label in (judged or {}).items())
        labels.write_text("sha256,path,label,by,when\n" + rows)
        select_next(
            Sources(
                self.place / "choice.json",
                {model: self.place / "unread"},
                {model: self.place / "held_out.csv"},
                {64: self.place / "pixels.npy"},
                self.index,
                self.place / "test.csv",
                self.splits,
                self.place / "embeddings.npy",
                labels,
            ),
            self.place / "batch.csv",
            self.place / "suspects.csv",
            self.place / "summary.json",
            strategy="margin",
            count=count,
            gap=gap,
            classes=CLASSES,
            seed=1,
            threads=1,
        )
        return sorted(int(path[2:5]) for path in pd.read_csv(self.place / "batch.csv")["path"])


@pytest.fixture
def line(tmp_path, monkeypatch):
    monkeypatch.setattr(script, "load_weights", lambda path, model: None)
    monkeypatch.setattr(
        script, "probabilities", lambda model, pixels, rows, device: np.full((len(rows), 3), 1 / 3, np.float32)
    )
    return Line(tmp_path)


def test_the_batch_has_nothing_of_any_selection_and_nothing_that_was_judged(line):
    rest = set(range(100)) - {0, 10, 11, 12, 13, 20, 30, 50, 51}
    assert set(line.next(200, judged={50: "good", 51: "?"})) == rest


def test_the_batch_has_nothing_that_the_gap_keeps_from_training(line, caplog):
    assert line.next(200, gap=25) == [n for n in range(26, 100) if n != 30]
    assert len(line.next(10, gap=25)) == 10
    with pytest.raises(UserError, match=r"within select.gap = 200 frames of one: there is none"):
        line.next(10, gap=200)


def test_the_batch_and_all_labels_so_far_fit_into_the_number_that_is_named(line, caplog):
    """Two of the chosen selection, two more that somebody has labelled; one unsure, and one within the gap."""
    caplog.set_level("INFO")
    line.next(10, gap=5, judged={40: "bad", 41: "good", 42: "?", 3: "good"})
    assert "set select.train to 14, and run" in caplog.text
    assert read_json(line.place / "summary.json") == {"train": 14, "doubtful": 0, "weak": False}


def test_what_is_given_is_not_raised(line, caplog):
    caplog.set_level("INFO")
    model = ModelName.parse("swift7-64-none/given/seed-1")
    line.splits = {"given": line.split("given", [20, 30])}
    line.next(5, model=model)
    assert "copy them into train/" in caplog.text
    assert "select.train" not in caplog.text
    assert read_json(line.place / "summary.json")["train"] is None


def doubts(line: Line, number: int) -> None:
    """So many frames labelled bad of which models are ever surer that they are good; and twice as many sound ones."""
    sure = [0.9 + 0.09 * n / number for n in range(number)]
    sound = [("bad", (0.9, 0.1, 0.0)), ("good", (0.1, 0.9, 0.0))] * number
    rows = [*sound, *(("bad", (0.99 - p, p, 0.01)) for p in sure)]
    held_out(rows, CLASSES).assign(predicted="").to_csv(line.place / "held_out.csv", index=False)


def test_suspects_are_few_and_the_most_doubtful_first(line, caplog):
    caplog.set_level("INFO")
    doubts(line, 3 * MOST)
    line.next(5)
    suspects = pd.read_csv(line.place / "suspects.csv")
    assert len(suspects) == MOST
    assert suspects["p"].is_monotonic_decreasing
    assert suspects["p"].iloc[0] == pytest.approx(0.989, abs=1e-3)
    assert f"labels look wrong; the {MOST} most doubtful are listed" in caplog.text


def test_a_weak_model_lists_no_suspects_and_says_so(line, caplog):
    doubts(line, 5)
    line.next(5, weak=[{"why": "It guesses.", "mend": "Label more."}])
    assert pd.read_csv(line.place / "suspects.csv").empty
    assert "The model is weak." in caplog.text
    assert "It guesses. Label more." in caplog.text
    assert read_json(line.place / "summary.json")["weak"]


def test_what_the_camera_kept_comes_first_and_says_why(line):
    """None of it that is judged already, for training or too near to the test."""
    table = pd.read_csv(line.index, keep_default_na=False)
    table.loc[[3, 11, 60, 61, 62, 63], "kept"] = ["mark", "margin", "margin", "mark", "every", "mark"]
    table.to_csv(line.index, index=False)
    line.next(6, gap=5, judged={63: "bad"})
    batch = pd.read_csv(line.place / "batch.csv")
    assert [int(path[2:5]) for path in batch["path"]][:1] == [61]
    assert {int(path[2:5]) for path in batch["path"][1:3]} == {60, 62}
    assert len(batch) == 6
    wavers = "bad 33 % or good 33 %"
    assert list(batch["reason"][:1]) == [f"the camera kept it, marked by an operator: {wavers}"]
    assert not batch["reason"][3:].str.contains("camera").any()
