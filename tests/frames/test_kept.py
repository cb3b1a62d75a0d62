"""Frames that a camera has kept: known by the lines beside them, first to be labelled, in no random sample."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from linecam.errors import UserError
from linecam.files import read_json
from linecam.frames.folder import digest_of, read_folder
from linecam.frames.index import read_frames
from scripts.select_next import kept_first
from scripts.select_test import select_test
from scripts.select_train import select_train
from scripts.split import Sources, shares_of_kept, split
from tests.frames.line import CLASSES, Line, encoded, line, picture

__all__ = ["line"]

USUAL, KEPT = 40, 12


def lines_about(numbers: range, run: int = 1, **more: object) -> bytes:
    """As line_keep.py writes them: a line break in front of each."""
    told = [
        {"file": f"K{n:07d}.bmp", "run": run, "item": 10 * n, "reason": ("margin", "mark")[n % 2], "label": None} | more
        for n in numbers
    ]
    return "".join(f"\n{json.dumps(one)}" for one in told).encode()


def put_kept(line: Line, folder: str = "kept", count: int = KEPT) -> None:
    for n in range(1, count + 1):
        line.put(f"{folder}/K{n:07d}.bmp", encoded(picture(seed=1000 + n), "BMP"))
    line.put(f"{folder}/K0000000.jsonl", lines_about(range(1, count + 1)))


@pytest.fixture
def hard(line: Line) -> Line:
    """Usual frames, which are labelled, and kept ones."""
    for n in range(USUAL):
        line.put(f"A-{n:03d}.png", encoded(picture(seed=n), "PNG"))
    put_kept(line)
    return line


def labels_of(line: Line, digests: list[str]) -> Path:
    path = line.place / "labels.csv"
    rows = "".join(f"{digest},,{CLASSES[n % 3]},Ann,\n" for n, digest in enumerate(digests))
    path.write_text("sha256,path,label,by,when\n" + rows)
    return path


# --- The index


def test_the_lines_say_run_item_and_reason(hard: Line) -> None:
    row = hard.run().loc["kept/K0000003.bmp"]
    assert (row["sequence"], row["number"], row["kept"], row["status"]) == ("kept/K0000001", 30, "mark", "ok")
    usual = hard.run().loc["A-003.png"]
    assert (usual["sequence"], usual["number"], usual["kept"]) == ("A", 3, "")


def test_a_frame_without_its_line_is_a_kept_one_all_the_same(hard: Line) -> None:
    """The power failed between the two, or in the middle of the line."""
    hard.put("kept/K0000000.jsonl", lines_about(range(1, 3)) + b'\n{"file": "K0000003.b' + lines_about(range(5, 6)))
    table = hard.run()
    assert [table.loc[f"kept/K000000{n}.bmp", "kept"] for n in (1, 2, 3, 4, 5)] == [
        "mark",
        "margin",
        "unknown",
        "unknown",
        "mark",
    ]
    assert (table.loc["kept/K0000004.bmp", "sequence"], table.loc["kept/K0000004.bmp", "number"]) == ("", -1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"[]\n5\nnull\n",
        b'{"file": 5}\n{"file": "K0000001.bmp", "run": "x", "item": -4, "reason": ["a"]}\n',
        b'{"file": "K0000001.bmp", "run": true, "item": 1e99, "reason": "no such"}\n' + b"[" * 5000,
    ],
)
def test_damaged_lines_end_no_run(line: Line, content: bytes) -> None:
    put_kept(line)
    line.put("kept/K0000000.jsonl", content)
    assert set(line.run().drop("anchor.png")["kept"]) == {"unknown"}


def test_frames_of_such_a_name_without_a_file_of_lines_are_usual_ones(line: Line) -> None:
    line.put("K0000001.bmp", encoded(picture(), "BMP"))
    line.put("notes.jsonl", b"{}")
    row = line.run().loc["K0000001.bmp"]
    assert (row["sequence"], row["number"], row["kept"]) == ("K", 1, "")


def test_other_frames_beside_the_lines_are_usual_ones(hard: Line) -> None:
    hard.put("kept/B-7.png", encoded(picture(seed=7777), "PNG"))
    assert hard.run().loc["kept/B-7.png", "kept"] == ""


def test_the_summary_says_what_they_are(hard: Line) -> None:
    hard.run()
    said = read_json(hard.summary)
    assert said["kept"] == KEPT
    assert (
        "kept by the camera as hard, 12 files (6 marked by an operator, 6 with a low margin): they come first in "
        "`snakemake select_next`, and into no random sample: not into the test, nor among the frames that stand for "
        "the line"
    ) in said["lines"]


def test_kept_frames_in_the_folder_test_are_pointed_out(line: Line) -> None:
    line.put("train/bad/a.png", encoded(picture(), "PNG"))
    put_kept(line, "test/bad")
    line.run(given=True)
    assert any("12 files in test/" in one for one in read_json(line.summary)["lines"])


def test_a_changed_line_is_a_changed_folder(hard: Line) -> None:
    before = digest_of(read_folder(hard.folder, hard.place / "cache"))
    hard.put("kept/K0000000.jsonl", lines_about(range(1, KEPT + 1), run=2))
    after = digest_of(read_folder(hard.folder, hard.place / "cache"))
    assert before != after


# --- No random sample


def test_none_is_a_test_frame(hard: Line) -> None:
    table = hard.run()
    test = hard.place / "test.csv"
    for seed in range(5):
        select_test(hard.index, test, count=20, seed=seed, given=False)
        chosen = pd.read_csv(test)
        assert len(chosen) == 20
        assert set(table.loc[chosen["path"], "kept"]) == {""}
    select_test(hard.index, test, count=20, seed=1, given=False, gap=2)
    assert set(table.loc[pd.read_csv(test)["path"], "kept"]) == {""}
    with pytest.raises(
        UserError, match=r"select\.test = 21 of 41 usable frames, not counting those that the camera kept"
    ):
        select_test(hard.index, test, count=21, seed=1, given=False)


def test_the_test_is_the_same_with_and_without_them(line: Line) -> None:
    for n in range(USUAL):
        line.put(f"A-{n:03d}.png", encoded(picture(seed=n), "PNG"))
    chosen = []
    for _ in range(2):
        line.run()
        select_test(line.index, line.place / "test.csv", count=10, seed=1, given=False)
        chosen.append((line.place / "test.csv").read_text())
        put_kept(line)
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize("strategy", ["random", "mixed", "herding", "coreset"])
def test_a_strategy_takes_one_only_where_it_is_labelled(hard: Line, strategy: str) -> None:
    table = hard.run()
    select_test(hard.index, hard.place / "test.csv", count=5, seed=1, given=False)
    embeddings = hard.place / "embeddings.npy"
    np.save(embeddings, np.random.default_rng(0).normal(size=(len(table), 8)).astype(np.float32))
    train, options = hard.place / "train.csv", {"strategy": strategy, "count": 15, "seed": 1, "classes": CLASSES}

    def taken(labels: Path | None) -> list[str]:
        select_train(hard.index, hard.place / "test.csv", embeddings, labels, train, **options)
        return list(pd.read_csv(train)["path"])

    without = taken(None)
    assert set(table.loc[without, "kept"]) == {""}
    labelled = list(table.loc[[*without, "kept/K0000001.bmp", "kept/K0000002.bmp"], "sha256"])
    options["count"] = 17
    assert set(taken(labels_of(hard, labelled))) == {*without, "kept/K0000001.bmp", "kept/K0000002.bmp"}


@pytest.mark.parametrize("by_embeddings", [True, False])
def test_they_stand_for_themselves_and_not_for_the_line(hard: Line, by_embeddings: bool) -> None:
    """Folds hold them out, but they hardly count there; none is among the unlabelled frames to compare models on."""
    table = hard.run()
    frames = read_frames(hard.index)
    usual = frames[frames["kept"] == ""]
    trained = pd.concat([usual.iloc[:9], frames[frames["kept"] != ""].iloc[:9]])
    trained[["sha256", "path"]].to_csv(hard.place / "train.csv", index=False)
    usual.iloc[35:][["sha256", "path"]].to_csv(hard.place / "test.csv", index=False)
    embeddings = hard.place / "embeddings.npy"
    vectors = np.abs(np.random.default_rng(0).normal(size=(len(frames), 8))).astype(np.float32)
    vectors[frames["kept"] != "", :4] = 0  # hard frames look like no other
    vectors[frames["kept"] == "", 4:] = 0
    np.save(embeddings, vectors)
    split(
        Sources(
            hard.index,
            hard.place / "train.csv",
            hard.place / "test.csv",
            labels_of(hard, [*trained["sha256"], *usual.iloc[35:]["sha256"]]),
            None,
            embeddings if by_embeddings else None,
        ),
        hard.place / "split.csv",
        hard.place / "split.json",
        labels_csv=hard.place / "labels.csv",
        to_label=hard.place / "to_label.csv",
        classes=CLASSES,
        folds=3,
        unlabelled=100,
        seed=1,
    )
    made = pd.read_csv(hard.place / "split.csv", keep_default_na=False)
    made["kept"] = table.loc[made["path"], "kept"].to_numpy()
    training = made[made["part"] == "train"]
    assert training["weight"].mean() == pytest.approx(1, abs=1e-5)
    kept, others = (training.loc[training["kept"].ne("") == those, "weight"] for those in (True, False))
    assert kept.min() > 0
    # 35 frames of the line, of which 9 stand for all: a kept one for itself, or for a third of itself.
    assert kept.sum() / others.sum() == pytest.approx(9 / 35 if not by_embeddings else 3 / 35, rel=0.02)
    rest = made[made["part"] == "unlabelled"]
    assert (len(rest), set(rest["kept"])) == (26, {""})


def test_without_random_frames_all_kept_ones_count_alike() -> None:
    assert shares_of_kept(np.ones(3, bool), 0).tolist() == [1, 1, 1]
    assert shares_of_kept(np.array([True, False]), 100) == pytest.approx(np.array([1, 100]) / 50.5)


# --- What to label next


def test_marked_ones_come_first_then_those_that_the_camera_kept() -> None:
    kept = np.array(["", "margin", "", "mark", "every", "", "unknown", "mark"], dtype=object)
    vectors = np.eye(8, dtype=np.float32)
    uncertainty = np.linspace(0.1, 0.8, 8)
    for count in range(1, 9):
        picks, numbers = kept_first(kept, vectors, uncertainty, count, 1)
        assert len(picks) == len(set(picks)) == len(numbers) == count
        order = [0 if kept[n] == "mark" else 1 if kept[n] else 2 for n in picks]
        assert order == sorted(order)
        assert order == [0, 0, 1, 1, 1, 2, 2, 2][:count]
