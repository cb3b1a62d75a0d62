"""Votes over frames in a row: which frames a window has, and what main.py would say of it, against hand-made tables."""

import ast
import io
import json
import sys
from array import array
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from linecam.evaluation.votes import frames_around, offsets, vote
from linecam.frames.index import path_facts, read_frames
from scripts import predict_votes as script
from scripts.evaluate_votes import evaluate_votes
from scripts.predict_votes import predict_votes
from tests.conftest import ROOT, Project
from tests.evaluation.made_up import candidate, choice_of

CLASSES = ["bad", "good"]
MODEL = "swift7-8-none/coreset-4/seed-1"


def index(*files: str | tuple[str, str, str]) -> pd.DataFrame:
    """An index of usable files with contents of their own, or of (path, sha256, status)."""
    rows = [file if isinstance(file, tuple) else (file, f"of {file}", "ok") for file in files]
    said = [path_facts(path, CLASSES) for path, _, _ in rows]
    table = pd.DataFrame(rows, columns=["path", "sha256", "status"])
    return table.assign(sequence=[of["sequence"] for of in said], number=[of["number"] for of in said])


def split(**parts: list[str]) -> pd.DataFrame:
    """A split by the parts' paths; the label says nothing here."""
    rows = [(f"of {path}", path, part, "good") for part, paths in parts.items() for path in paths]
    return pd.DataFrame(rows, columns=["sha256", "path", "part", "label"])


def statuses(files: pd.DataFrame, test: str, reach: int = 2, **parts: list[str]) -> list[str]:
    table = frames_around(files, split(test=[test], **parts), reach)
    assert list(table["offset"]) == list(range(-reach, reach + 1))
    return list(table["status"])


# --- Which frames are around a test frame


def test_frames_numbered_in_a_row_are_a_window_with_their_rows():
    files = index("A-1.jpg", ("A-2.jpg", "of A-2.jpg", "ok"), "A-3.jpg", "A-4.jpg", "A-5.jpg")
    files = pd.concat([index(("0.jpg", "", "quarantined"), "B-3.jpg"), files], ignore_index=True)
    table = frames_around(files, split(test=["A-3.jpg"]), 1)
    assert table.to_dict("list") == {
        "sha256": ["of A-3.jpg"] * 3,
        "path": ["A-3.jpg"] * 3,
        "label": ["good"] * 3,
        "offset": [-1, 0, 1],
        "frame": ["A-2.jpg", "A-3.jpg", "A-4.jpg"],
        "row": [2, 3, 4],  # of the usable frames: B-3, A-1, A-2, ...
        "status": ["ok"] * 3,
    }


def test_a_gap_in_the_numbers_is_not_bridged():
    files = index("A-1.jpg", "A-2.jpg", "A-4.jpg", "A-5.jpg")
    assert statuses(files, "A-2.jpg") == ["missing", "ok", "ok", "missing", "ok"]


def test_a_window_ends_with_its_sequence():
    files = index("A-1.jpg", "A-2.jpg", "B-3.jpg", "B-4.jpg")
    assert statuses(files, "A-2.jpg") == ["missing", "ok", "ok", "missing", "missing"]
    assert statuses(files, "B-3.jpg") == ["missing", "missing", "ok", "ok", "missing"]


def test_a_window_ends_with_its_folder_unless_the_folder_is_a_part_or_a_class():
    days = index("monday/1.jpg", "monday/2.jpg", "tuesday/3.jpg")
    assert statuses(days, "monday/2.jpg", 1) == ["ok", "ok", "missing"]
    sorted_ = index("train/bad/A-1.jpg", "test/good/A-2.jpg", "good/A-3.jpg")
    assert statuses(sorted_, "test/good/A-2.jpg", 1) == ["ok", "ok", "ok"]


def test_training_frames_are_known_by_their_content():
    files = index("A-1.jpg", "A-2.jpg", "A-3.jpg", ("A-4.jpg", "of B-9.jpg", "duplicate"), "B-9.jpg", "A-0.jpg")
    parts = {"train": ["B-9.jpg", "A-1.jpg"], "unlabelled": ["A-3.jpg"]}
    assert statuses(files, "A-2.jpg", **parts) == ["ok", "training", "ok", "ok", "training"]
    assert statuses(files, "A-2.jpg", validation=["A-3.jpg"]) == ["ok", "ok", "ok", "training", "set_aside"]


def test_duplicates_and_quarantined_frames_are_set_aside():
    files = index("A-1.jpg", ("A-2.jpg", "of A-1.jpg", "duplicate"), "A-3.jpg", ("A-4.jpg", "x", "quarantined"))
    assert statuses(files, "A-3.jpg") == ["ok", "set_aside", "ok", "set_aside", "missing"]


def test_a_number_of_one_content_is_one_frame_and_one_of_two_is_none():
    once = index(
        "A-1.jpg", ("copy/A-1.jpg", "of A-1.jpg", "duplicate"), "A-2.jpg", ("A-2.png", "of A-2.jpg", "duplicate")
    )
    assert statuses(once, "A-1.jpg", 1) == ["missing", "ok", "ok"]
    twice = index("A-1.jpg", "A-2.jpg", "A-02.jpg", "A-3.jpg")
    assert statuses(twice, "A-1.jpg", 1) == ["missing", "ok", "ambiguous"]
    assert statuses(twice, "A-2.jpg", 1) == ["ambiguous", "ok", "ambiguous"], "A-1 may stand beside A-02"
    broken = index("A-1.jpg", "A-2.jpg", ("A-2.png", "x", "quarantined"))
    assert statuses(broken, "A-1.jpg", 1) == ["missing", "ok", "ambiguous"]


def test_a_frame_without_a_number_has_no_frames_around():
    assert statuses(index("x.jpg", "y.jpg", "0.jpg"), "x.jpg", 1) == ["missing", "ok", "missing"]
    assert statuses(index("0.jpg", "x.jpg", "1.jpg"), "0.jpg", 1) == ["missing", "ok", "ok"]


def test_test_frames_may_stand_in_each_others_windows():
    files = index("A-1.jpg", "A-2.jpg")
    table = frames_around(files, split(test=["A-2.jpg", "A-1.jpg"]), 1)
    assert list(zip(table["path"], table["frame"], strict=True)) == [
        ("A-2.jpg", "A-1.jpg"),
        ("A-2.jpg", "A-2.jpg"),
        ("A-2.jpg", ""),
        ("A-1.jpg", ""),
        ("A-1.jpg", "A-1.jpg"),
        ("A-1.jpg", "A-2.jpg"),
    ]


# --- The table of probabilities


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Any]:
    """Arguments of `predict_votes`: A-1 to A-3 with A-2 tested, C-7 tested alone; pixel n of frame n has value n."""
    files = index(("0.jpg", "", "quarantined"), "A-1.jpg", "A-2.jpg", "A-3.jpg", "C-7.jpg", "C-9.jpg")
    files.to_csv(tmp_path / "frames.csv", index=False)
    split(test=["C-7.jpg", "A-2.jpg"]).assign(by="me").to_csv(tmp_path / "split.csv", index=False)
    np.save(tmp_path / "8.npy", np.stack([np.full((8, 8, 3), n, np.uint8) for n in range(5)]))
    (tmp_path / "choice.json").write_text(json.dumps(choice_of(MODEL)))
    return {
        "choice_path": tmp_path / "choice.json",
        "candidates": [
            candidate(MODEL, "fixed", tflite=Path("wrong")),
            candidate(MODEL, "calibrated", tflite=Path("right")),
        ],
        "pixels": {8: tmp_path / "8.npy", 16: tmp_path / "none.npy"},
        "index": tmp_path / "frames.csv",
        "split": tmp_path / "split.csv",
        "votes": tmp_path / "votes.csv",
        "classes": CLASSES,
        "reach": 1,
        "workers": 1,
    }


def test_each_frame_is_predicted_once_and_lone_ones_are_not(inputs, monkeypatch):
    asked = []

    def predict(model: Path, pixels: np.ndarray, workers: int, what: str) -> np.ndarray:
        asked.append((str(model), pixels[:, 0, 0, 0].tolist()))
        bad = pixels[:, 0, 0, 0] / np.float32(256)
        return np.stack([bad, 1 - bad], axis=1)

    monkeypatch.setattr(script, "predict", predict)
    predict_votes(**inputs)
    assert asked == [("right", [0, 1, 2])]
    assert inputs["votes"].read_text().splitlines() == [
        "sha256,path,label,offset,frame,status,p_bad,p_good",
        "of C-7.jpg,C-7.jpg,good,-1,,missing,,",
        "of C-7.jpg,C-7.jpg,good,0,C-7.jpg,ok,,",
        "of C-7.jpg,C-7.jpg,good,1,,missing,,",
        "of A-2.jpg,A-2.jpg,good,-1,A-1.jpg,ok,0.00000000,1.00000000",
        "of A-2.jpg,A-2.jpg,good,0,A-2.jpg,ok,0.00390625,0.99609375",
        "of A-2.jpg,A-2.jpg,good,1,A-3.jpg,ok,0.00781250,0.99218750",
    ]


def test_without_frames_around_the_model_is_not_asked(inputs, monkeypatch):
    monkeypatch.setattr(script, "predict", None)
    split(test=["C-7.jpg"]).assign(by="me").to_csv(inputs["split"], index=False)
    predict_votes(**inputs)
    assert len(inputs["votes"].read_text().splitlines()) == 4


# --- Decisions


def table(**tests: tuple[str, list[float | str]]) -> pd.DataFrame:
    """What predict_votes writes: for each test frame its label and, by offset, p_bad, or why there is none."""
    rows = []
    for name, (label, around) in tests.items():
        for offset, of in enumerate(around, start=-(len(around) // 2)):
            status, bad = ("ok", of) if isinstance(of, float) else (of, float("nan"))
            rows.append((name, f"{name}.jpg", label, offset, "", status, bad, 1 - bad))
    columns = ["sha256", "path", "label", "offset", "frame", "status", "p_bad", "p_good"]
    return pd.DataFrame(rows, columns=columns)


def evaluated(
    folder: Path,
    votes: pd.DataFrame,
    sizes: list[int],
    thresholds: dict[str, float] | None = None,
    asked: int | None = 3,
    files: tuple[str, ...] = ("A-1.jpg",),
    levels: Any = (0,),
) -> dict[str, Any]:
    votes.to_csv(folder / "votes.csv", index=False, float_format="%.8f")
    index(*files).to_csv(folder / "frames.csv", index=False)
    np.save(folder / "8.npy", np.stack([np.full((8, 8, 3), level, np.uint8) for level in levels]))
    (folder / "metrics of one form.json").write_text(json.dumps({"constant": {"says": "good"}}))
    (folder / "choice.json").write_text(json.dumps(choice_of(MODEL)))
    for name, value in (("wrong", {"bad": 0.001}), ("right", thresholds or {})):
        (folder / f"{name}.json").write_text(json.dumps({"thresholds": value}))
    evaluate_votes(
        folder / "choice.json",
        [
            candidate(MODEL.replace("seed-1", "seed-2"), "calibrated", thresholds=folder / "wrong.json"),
            candidate(
                MODEL,
                "calibrated",
                thresholds=folder / "right.json",
                metrics=folder / "metrics of one form.json",
            ),
        ],
        folder / "votes.csv",
        folder / "frames.csv",
        folder / "8.npy",
        folder / "metrics.json",
        classes=CLASSES,
        sizes=sizes,
        votes=asked,
        confidence=0.95,
    )
    return json.loads((folder / "metrics.json").read_text())


def test_the_test_frame_is_in_the_middle_and_of_an_even_window_the_one_after():
    assert [offsets(size) for size in (1, 2, 3, 4, 5)] == [
        [0],
        [-1, 0],
        [-1, 0, 1],
        [-2, -1, 0, 1],
        [-2, -1, 0, 1, 2],
    ]
    for size in range(1, 30):
        assert set(offsets(size)) < set(offsets(size + 1)), "who has a large window has the smaller ones"


def test_votes_by_hand(tmp_path):
    votes = table(
        # By itself good; 3: mean of bad 0.5 + 0.75 + 0.25 = 0.5, a tie, the first class; 5: (1.5 + 0) / 5, good.
        a=("bad", [0.0, 0.75, 0.25, 0.5, 0.0]),
        # By itself bad; 3: 0.25 + 0.75 + 0.25, good; 5: 1.25 + 1.75, bad.
        b=("good", [1.0, 0.25, 0.75, 0.25, 0.75]),
        # Good whatever the window.
        c=("good", [0.25, 0.0, 0.0, 0.0, 0.25]),
        # Complete for 3, not for 5: in no figure.
        d=("bad", ["missing", 0.0, 0.0, 0.0, 0.0]),
    )
    result = evaluated(tmp_path, votes, [1, 3, 5])
    assert (result["frames"], result["test_frames"], result["why"], result["votes"]) == (3, 4, None, 3)
    one, three, five = result["sizes"]
    assert [size["votes"] for size in result["sizes"]] == [1, 3, 5]
    assert [size["windows"] for size in result["sizes"]] == [4, 4, 3]
    assert one["test"]["confusion"] == [[0, 1], [1, 1]]
    assert three["test"]["confusion"] == [[1, 0], [0, 2]]
    assert five["test"]["confusion"] == [[0, 1], [1, 1]]
    assert three["test"]["accuracy"]["of"] == [3, 3]
    assert one["test"]["classes"]["good"]["recall"]["of"] == [1, 2]
    assert one["test"]["classes"]["good"]["precision"] == 0.5
    assert one["paired"] == {"differ": 0, "only_vote_right": 0, "only_single_right": 0}
    assert three["paired"] == {"differ": 2, "only_vote_right": 2, "only_single_right": 0}
    assert five["paired"] == {"differ": 0, "only_vote_right": 0, "only_single_right": 0}


def test_an_even_window_by_hand(tmp_path):
    votes = table(
        a=("bad", [0.0, 0.75, 0.5, 0.0, "missing"]),  # the one before and itself: 1.25 of 2, bad
        b=("bad", ["missing", 0.25, 0.75, 1.0, 1.0]),  # 1.0 of 2, a tie: bad; 4 frames: incomplete
        c=("good", [0.0, 0.0, 0.75, 1.0, 0.0]),  # 0.75 of 2, good, by itself bad; 4: 1.75 of 4, good
    )
    result = evaluated(tmp_path, votes, [1, 2], asked=2)
    assert result["frames"] == 3
    assert result["sizes"][1]["test"]["confusion"] == [[2, 0], [0, 1]]
    assert result["sizes"][1]["paired"] == {"differ": 1, "only_vote_right": 1, "only_single_right": 0}
    four = evaluated(tmp_path, votes, [1, 2, 4], asked=4)
    assert four["frames"] == 2
    assert four["sizes"][2]["windows"] == 2
    assert four["sizes"][2]["left_out"] == {"training": 0, "set_aside": 0, "ambiguous": 0, "missing": 1}
    assert four["sizes"][2]["test"]["confusion"] == [[0, 1], [0, 1]]


def test_thresholds_are_of_the_mean(tmp_path):
    votes = table(
        a=("bad", [0.25, 0.5, 0.0]),  # mean 0.25: reached; by itself, too
        b=("good", [0.25, 0.25, 0.24609375]),  # one 256th of a vote below it; by itself reached
        c=("bad", [0.75, 0.0, 0.0]),  # mean 0.25; by itself not reached
    )
    result = evaluated(tmp_path, votes, [1, 3], {"bad": 0.25})
    assert result["thresholds"] == {"bad": 0.25}
    one, three = result["sizes"]
    assert one["test"]["confusion"] == [[1, 1], [1, 0]]
    assert three["test"]["confusion"] == [[2, 0], [0, 1]]
    assert three["paired"] == {"differ": 2, "only_vote_right": 2, "only_single_right": 0}


def test_a_vote_without_a_decision_is_right_on_nothing(tmp_path):
    votes = table(a=("bad", [0.5, 0.75, 0.5]), b=("good", [0.0, 0.0, 0.0]))
    one, three = evaluated(tmp_path, votes, [1, 3], {"bad": 0.7, "good": 0.7})["sizes"]
    assert (one["test"]["accuracy"]["of"], three["test"]["accuracy"]["of"]) == ([2, 2], [1, 2])
    assert three["test"]["confusion"] == [[0, 0], [0, 1]]
    assert three["paired"] == {"differ": 1, "only_vote_right": 0, "only_single_right": 1}


def test_what_is_left_out_is_counted_once_by_the_first_reason(tmp_path):
    votes = table(
        a=("bad", ["missing", 0.5, 0.5, 0.5, "training"]),
        b=("bad", ["set_aside", "training", 0.5, 0.5, 0.5]),
        c=("bad", ["missing", "ambiguous", 0.5, "set_aside", 0.5]),
        d=("bad", ["missing", 0.5, 0.5, 0.5, 0.5]),
        e=("bad", ["ambiguous", 0.5, 0.5, 0.5, "missing"]),
        f=("bad", [0.5, 0.5, 0.5, 0.5, 0.5]),
    )
    one, three, five = evaluated(tmp_path, votes, [1, 3, 5])["sizes"]
    assert one["left_out"] == {"training": 0, "set_aside": 0, "ambiguous": 0, "missing": 0}
    assert three["left_out"] == {"training": 1, "set_aside": 1, "ambiguous": 0, "missing": 0}
    assert five["left_out"] == {"training": 2, "set_aside": 1, "ambiguous": 1, "missing": 1}
    assert [one["windows"], three["windows"], five["windows"]] == [6, 4, 1]


def test_a_size_without_a_complete_window_has_no_figures_and_the_others_keep_theirs(tmp_path):
    votes = table(a=("bad", ["missing", 0.75, 0.25, 0.75, 0.0]), b=("bad", ["training", 0.0, 0.0, 0.0, 0.0]))
    result = evaluated(tmp_path, votes, [1, 3, 5], asked=5)
    assert (result["frames"], result["why"]) == (2, None)
    assert [size["windows"] for size in result["sizes"]] == [2, 2, 0]
    assert result["sizes"][1]["test"]["accuracy"]["of"] == [1, 2]
    assert result["sizes"][2]["test"] is result["sizes"][2]["paired"] is None


def test_no_complete_window_says_why(tmp_path):
    votes = table(
        a=("bad", ["missing", "missing", float("nan"), "missing", 0.5]),
        b=("bad", [0.5, "training", 0.5, "missing", 0.5]),
        c=("good", ["missing", 0.5, 0.5, "missing", 0.5]),
    )
    result = evaluated(tmp_path, votes, [1, 3, 5])
    assert result["frames"] == 0
    assert result["why"] == (
        "No test frame has a complete window of 3 frames; frames count as consecutive only if their numbers are. Of 3 "
        "windows left out: 1 for a training frame, 2 for a frame that isn't there."
    )
    assert [size["test"] for size in result["sizes"]] == [None] * 3
    assert [size["windows"] for size in result["sizes"]] == [3, 0, 0]


@pytest.mark.parametrize(("alike", "expected"), [(True, 3), (False, 1)])
def test_where_no_votes_are_asked_for_frames_say_whether_they_are_sequences(tmp_path, alike, expected):
    votes = table(a=("bad", [0.25, 0.5, 0.0]))
    files = tuple(f"A-{n}.jpg" for n in range(60))
    levels = np.arange(60) if alike else np.random.default_rng(1).permutation(60)
    result = evaluated(tmp_path, votes, [1, 3], asked=None, files=files, levels=levels)
    assert (result["votes"], result["sequences"]) == (expected, alike)
    result = evaluated(tmp_path, votes, [1, 2, 3], asked=2, files=files, levels=levels)
    assert (result["votes"], result["sequences"]) == (2, alike), "2 are asked for"


def test_the_answer_that_never_looks_is_judged_on_the_same_frames(tmp_path):
    votes = table(a=("bad", [0.0, 0.75, 0.25]), b=("good", [1.0, 0.25, 0.75]), c=("good", ["missing", 0.0, 0.0]))
    constant = evaluated(tmp_path, votes, [1, 3])["constant"]
    assert (constant["says"], constant["accuracy"]["of"], constant["balanced_accuracy"]) == ("good", [1, 2], 0.5)
    assert constant["classes"]["bad"]["recall"]["of"] == [0, 1]
    alone = table(a=("bad", ["missing", 0.75, "missing"]))
    assert evaluated(tmp_path, alone, [1, 3])["constant"] is None


def poll_of_main() -> Any:
    """The class Poll of openmv/main.py, as it stands there; only `io` differs from MicroPython's."""
    text = (ROOT / "openmv/main.py").read_text(encoding="utf-8")
    found = next(node for node in ast.parse(text).body if isinstance(node, ast.ClassDef) and node.name == "Poll")
    names = {
        "array": array,
        "io": SimpleNamespace(BytesIO=lambda size: io.BytesIO(bytes(size))),
        "json": json,
        "sys": sys,
        "NONE": -1,
    }
    exec(ast.unparse(found), names)
    return names["Poll"]


@pytest.mark.parametrize(
    "thresholds",
    [
        {},
        {"good": 0.5},
        {"no_mask": 0.4, "bad": 0.45},  # up to one half: the highest is taken too
        {"no_mask": 0.45, "bad": 0.6},  # above it a threshold is demanded
        {"bad": 0.6, "good": 0.55, "no_mask": 0.65},  # each has one: there may be no decision
        {"bad": 0.5, "good": 0.45, "no_mask": 0.5},
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_main_py_says_the_same(size, thresholds):
    classes = ["bad", "good", "no_mask"]
    rng = np.random.default_rng(size)
    reach = size // 2
    drawn = rng.integers(0, 5, (400, 2 * reach + 1, 3)) * 32  # few values: many ties
    drawn[::4] = rng.integers(0, 257, drawn[::4].shape)
    poll = poll_of_main()(classes, thresholds)
    said = []
    for window in drawn:
        for scores in window[[offset + reach for offset in offsets(size)]]:
            poll.add(array("f", scores / 256))
        decided = poll.decide()
        said.append("" if decided < 0 else classes[decided])
        poll.clear()
    rows = [
        (f"{frame:03}", offset - reach, *(float(f"{value / 256:.8f}") for value in scores))
        for frame, window in enumerate(drawn)
        for offset, scores in enumerate(window)
    ]
    votes = pd.DataFrame(rows, columns=["sha256", "offset", *(f"p_{name}" for name in classes)])
    frames = pd.Index([f"{frame:03}" for frame in range(len(drawn))])
    assert vote(votes, frames, size, classes, thresholds) == said
    assert len(set(said)) >= 3


# --- The workflow


def test_the_built_belt_is_voted_on(belt: Project) -> None:
    results = belt.folder / "results/tiny"
    metrics = json.loads((results / "evaluate/votes.json").read_text())
    choice = json.loads((results / "choice.json").read_text())
    frames, split_ = read_frames(results / "index/frames.csv"), pd.read_csv(results / "split/coreset-60.csv")
    trained = set(split_.loc[~split_["part"].isin(["test", "unlabelled"]), "sha256"])
    known = {(row.sequence, row.number): row.sha256 for row in frames.itertuples()}
    at = {digest: place for place, digest in known.items()}
    tested = [at[digest] for digest in split_.loc[split_["part"] == "test", "sha256"]]
    for size in metrics["sizes"]:
        around = [{known.get((line, number + offset)) for offset in offsets(size["votes"])} for line, number in tested]
        assert size["windows"] == sum(None not in window and not window & trained for window in around)
        assert size["windows"] + sum(size["left_out"].values()) == metrics["test_frames"] == 50
        assert size["test"]["frames"] == metrics["frames"] == metrics["sizes"][-1]["windows"] > 0
    assert [size["votes"] for size in metrics["sizes"]] == [1, 3, 5]
    alone = pd.read_csv(results / f"predict/{choice['model']}/{choice['range']}.csv").set_index("sha256")
    votes = pd.read_csv(results / "predict/votes.csv")
    centre = votes[(votes["offset"] == 0) & votes["p_bad"].notna()].set_index("sha256")
    assert len(centre) >= metrics["frames"]
    for column in ("p_bad", "p_good", "p_no_mask"):
        assert (alone.loc[centre.index, column] - centre[column]).abs().max() < 1e-6
