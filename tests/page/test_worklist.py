"""Which frames the labelling page gets, in which order, and what it is told of each."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from linecam.errors import UserError
from linecam.page.frame import Frame
from linecam.page.worklist import Sources, frames_to_label, neighbours_in_time, suggestions_of
from linecam.selection.similarity_order import in_similar_order
from scripts.index_frames import index_frames
from tests.evaluation.made_up import choice_of

CLASSES = ["bad", "good"]


class Line:
    """Frames A-00001.png ... of a folder, indexed, and what the steps before labelling write."""

    def __init__(self, place: Path) -> None:
        self.place, self.folder = place, place / "frames"
        self.folder.mkdir(parents=True)
        for n in range(60):
            grey = Image.new("RGB", (32, 24), (4 * n, 4 * n, 4 * n))
            grey.save(self.folder / f"A-{n:05d}.png")
        (self.folder / "A-00060.png").write_bytes(b"broken")
        index_frames(self.folder, place / "index.csv", place / "q.csv", place / "s.json", cache=place / ".seen.json",
                     classes=CLASSES, max_pixels=10**6, workers=1)  # fmt: skip
        self.index = pd.read_csv(place / "index.csv").query("status == 'ok'").reset_index(drop=True)
        self.pick("train", range(0, 40))
        self.pick("test", range(40, 50))
        self.labels = place / "labels.csv"
        self.asked: Path | None = None

    def ask(self, text: str) -> None:
        self.asked = self.place / "list.txt"
        self.asked.write_text(text)

    def pick(self, name: str, numbers: Any, **columns: Any) -> None:
        table = self.index.iloc[list(numbers)][["sha256", "path"]].assign(**columns)
        (self.place / "next").mkdir(exist_ok=True)
        table.to_csv(self.place / f"{name}.csv", index=False)

    def frames(self, vectors: Any = None, suggestions: Any = None, truth: Path | None = None) -> list[Frame]:
        embeddings = None
        if vectors is not None:
            embeddings = self.place / "embeddings.npy"
            np.save(embeddings, np.asarray(vectors, np.float32))
        sources = Sources(
            index=self.place / "index.csv",
            train=(self.place / "train.csv",),
            test=self.place / "test.csv",
            truth=truth,
            embeddings=embeddings,
            frames=self.folder,
            results=self.place,
            labels=self.labels,
            asked=self.asked,
        )
        listed, self.beside, self.map = frames_to_label(sources, CLASSES, suggestions)
        return listed

    def digest(self, number: int) -> str:
        return str(self.index["sha256"][number])


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


def numbers(frames: list[Frame]) -> list[int]:
    return [int(frame.path[2:7]) for frame in frames]


def test_training_frames_then_test_frames_by_time_without_embeddings(line):
    frames = line.frames()
    assert numbers(frames) == list(range(50))
    assert [frame.part for frame in frames] == ["train"] * 40 + ["test"] * 10
    assert len({frame.group for frame in frames[:25]}) == 1
    assert not {frame.group for frame in frames if frame.part == "train"} & {
        frame.group for frame in frames if frame.part == "test"
    }, "a key for a group never labels training and test frames together"


def test_similar_frames_follow_each_other(line):
    """Frames of two kinds that take turns in time: each kind stands together, in groups of one kind."""
    kind = np.arange(60) % 2
    vectors = np.random.default_rng(1).normal(size=(60, 8)) + 50 * kind[:, None]
    frames = line.frames(vectors)
    assert sorted(numbers(frames[:40])) == list(range(40))
    kinds = [kind[n] for n in numbers(frames[:40])]
    assert np.count_nonzero(np.diff(kinds)) == 1
    groups: dict[int, set[int]] = {}
    for frame, of in zip(frames, kinds, strict=False):
        groups.setdefault(frame.group, set()).add(of)
    assert all(len(of) == 1 for of in groups.values())
    assert 2 <= len(groups) <= 10
    assert frames == line.frames(vectors), "the same each time"


def test_embeddings_of_another_index_are_not_used(line):
    assert numbers(line.frames(np.zeros((7, 8)))) == list(range(50))


def test_neighbours_in_time(line):
    frames = line.frames()
    offsets = [[offset for offset, _ in frame.beside] for frame in (frames[0], frames[20])]
    assert offsets == [[1, 2, 3], [-3, -2, -1, 1, 2, 3]]
    assert frames[20].beside[0][1] == frames[17].sha256
    assert numbers(line.beside) == [50, 51, 52], "beside the last one, and not listed; nothing from quarantine"


def test_neighbours_are_near_in_number(line):
    """Numbers 0 to 59, of which those above 40 are now a hundred later: another moment of the line."""
    line.index.loc[line.index["number"] > 40, "number"] += 100
    found = neighbours_in_time(line.index)
    assert [offset for offset, _ in found[line.digest(40)]] == [-3, -2, -1]
    assert [offset for offset, _ in found[line.digest(41)]] == [1, 2, 3]


def test_test_frames_get_no_suggestion(line):
    line.pick("next/batch", [40, 55], reason="unsure", predicted="bad", p=0.7)
    frames = line.frames(suggestions={line.digest(n): ("good", 0.9) for n in range(60)})
    assert {frame.part: frame.suggestion for frame in frames} == {"train": "good", "test": "", "next": "good"}


def test_the_next_batch_stays_as_it_was_picked_and_says_why(line):
    line.pick("next/batch", [57, 3, 51, 55], reason=["a", "b", "c", "d"], predicted="bad", p=0.7)
    frames = [frame for frame in line.frames() if frame.part == "next"]
    assert numbers(frames) == [57, 51, 55]
    assert [frame.reason for frame in frames] == ["a", "c", "d"]
    batch = pd.read_csv(line.place / "next/batch.csv")
    batch.loc[0, "sha256"] = "0" * 64  # of a frame that has gone
    batch.to_csv(line.place / "next/batch.csv", index=False)
    assert numbers([frame for frame in line.frames() if frame.part == "next"]) == [51, 55]


def test_a_doubtful_label_says_so(line):
    line.pick("next/suspects", [7], label="bad", predicted="good", p=0.9, reason="a model says good")
    line.labels.write_text(f"sha256,path,label,by,when\n{line.digest(7)},,bad,Ann,\n")
    assert [(frame.part, frame.reason) for frame in line.frames() if frame.reason] == [("train", "a model says good")]
    line.labels.write_text(f"sha256,path,label,by,when\n{line.digest(7)},,good,Ann,\n")
    assert not any(frame.reason for frame in line.frames()), "it has been corrected"


def test_doubtful_labels_are_ranked(line):
    line.pick("next/suspects", [9, 7, 8], label="bad", predicted="good", p=0.9, reason="a model says good")
    rows = "".join(f"{line.digest(n)},,{label},Ann,\n" for n, label in [(7, "bad"), (8, "bad"), (9, "good")])
    line.labels.write_text(f"sha256,path,label,by,when\n{rows}")
    ranks = {int(frame.path[2:7]): frame.doubt for frame in line.frames() if frame.doubt}
    assert ranks == {7: 1, 8: 2}, "9 has been corrected"


# --- the map


def test_the_map_has_frames_that_are_not_listed_and_test_frames_get_no_suggestion_there(line):
    assert not line.frames() or not line.map.places, "there is none yet"
    (line.place / "map").mkdir()
    places = line.index.iloc[[3, 45, 57, 58]][["sha256"]].assign(x=[0.1, 0.2, 0.3, 0.4], y=0.5)
    gone = pd.DataFrame([{"sha256": "0" * 64, "x": 0.9, "y": 0.9}])
    pd.concat([places, gone]).to_csv(line.place / "map/places.csv", index=False)
    suggestions = {line.digest(n): ("good", 0.9) for n in range(60)}
    frames = line.frames(suggestions=suggestions)
    assert list(line.map.places) == [line.digest(n) for n in (3, 45, 57, 58)]
    assert line.map.places[line.digest(57)] == (0.3, 0.5)
    assert line.map.usable == 60
    assert sorted(numbers(list(line.map.others.values()))) == [57, 58]
    assert {frame.part for frame in line.map.others.values()} == {"asked"}
    assert 59 in numbers(line.beside), "beside one of the map"

    listed = line.map.asked([line.digest(n) for n in (58, 45, 57, 3)], {frame.sha256: frame for frame in frames})
    asked = {int(frame.path[2:7]): frame for frame in listed if frame.asked}
    assert sorted(frame.asked for frame in asked.values()) == [1, 2, 3, 4]
    assert {n: (frame.part, frame.suggestion) for n, frame in asked.items()} == {
        3: ("train", "good"), 45: ("test", ""), 57: ("asked", "good"), 58: ("asked", "good")
    }  # fmt: skip
    assert numbers(listed[:50]) == numbers(frames), "nothing is lost"
    assert [frame.group for frame in listed[:50]] == [frame.group for frame in frames]
    assert not {frame.group for frame in listed[:50]} & {frame.group for frame in listed[50:]}, "a key for a group"


# --- a list of the user's own


def test_frames_of_a_list_are_shown_in_its_order(line):
    digest = line.digest(55)
    line.ask(f"# from the map\n\nA-00057.png\n{line.folder / 'A-00003.png'}\n{digest.upper()}\nA-00057.png\n")
    frames = line.frames(suggestions={line.digest(n): ("good", 0.9) for n in range(60)})
    asked = sorted((frame for frame in frames if frame.asked), key=lambda frame: frame.asked)
    assert numbers(asked) == [57, 3, 55], "each once"
    assert [frame.part for frame in asked] == ["asked", "train", "asked"]
    assert [frame.suggestion for frame in asked] == ["good"] * 3
    assert len(frames) == 52, "the others are there as well"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("A-00057.png\nA-99999.png\n", r"1 frame that cannot be shown:\n  - line 2: there is no frame A-99999.png"),
        (f"{'0' * 64}\n", "line 1: no frame has the SHA-256 000000000000"),
        ("A-00060.png\n", "line 1: A-00060.png was set aside"),
        ("# nothing\n", "names no frame"),
    ],
)
def test_a_list_with_other_lines_is_refused(line, text, told):
    line.ask(text)
    with pytest.raises(UserError, match=told):
        line.frames()


def test_a_list_that_cannot_be_read_is_named(line):
    line.asked = line.place / "nowhere.txt"
    with pytest.raises(UserError, match=r"--frames: .*nowhere.txt cannot be read"):
        line.frames()
    line.asked.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"is not text in UTF-8"):
        line.frames()


def test_a_frame_of_the_batch_that_is_trained_on_now_needs_no_look(line):
    line.pick("next/batch", [7, 45, 55], reason="good 51 % or bad 49 %", predicted="good", p=0.51)
    assert [(frame.part, frame.reason) for frame in line.frames() if frame.reason] == [
        ("next", "good 51 % or bad 49 %")
    ]


def test_a_test_frame_has_no_reason(line):
    """It was trained on once, and select.test has been raised since: what the model said of it is a suggestion."""
    line.pick("next/suspects", [45], label="bad", predicted="good", p=0.9, reason="a model says good")
    line.labels.write_text(f"sha256,path,label,by,when\n{line.digest(45)},,bad,Ann,\n")
    assert not any(frame.reason for frame in line.frames())


def test_frames_that_people_disagree_about_are_listed_wherever_they_are(line):
    rows = [
        f"{line.digest(n)},,{label},{by},"
        for n, label, by in [(58, "bad", "Ann"), (58, "good", "Bob"), (59, "bad", "Ann")]
    ]
    line.labels.write_text("sha256,path,label,by,when\n" + "\n".join(rows) + "\n")
    assert numbers([frame for frame in line.frames() if frame.part == "other"]) == [58]


def test_labels_of_folders_and_of_the_belt_are_known(tmp_path):
    line = Line(tmp_path / "line")
    (line.folder / "bad").mkdir()
    (line.folder / "A-00003.png").rename(line.folder / "bad/A-00003.png")
    index_frames(line.folder, line.place / "index.csv", line.place / "q.csv", line.place / "s.json",
                 cache=line.place / ".seen.json",
                 classes=CLASSES, max_pixels=10**6, workers=1)  # fmt: skip
    line.index = pd.read_csv(line.place / "index.csv").query("status == 'ok'").sort_values("number", ignore_index=True)
    line.pick("train", range(10))
    line.pick("test", range(10, 12))
    truth = line.place / "truth.csv"
    truth.write_text("frame,label\nA-00004.png,good\nbad/A-00003.png,good\n")
    given = {frame.path: (frame.given, frame.given_by) for frame in line.frames(truth=truth) if frame.given}
    assert given == {"bad/A-00003.png": ("bad", "folder"), "A-00004.png": ("good", "truth")}


def test_suggestions_come_from_models_that_have_not_seen_the_frame(tmp_path):
    assert suggestions_of(tmp_path, CLASSES) == {}, "nothing is there yet"
    model = "swift7-64-none/coreset-60/seed-1"
    (tmp_path / "predict" / model).mkdir(parents=True)
    (tmp_path / "finetune" / model).mkdir(parents=True)
    (tmp_path / "next").mkdir()
    (tmp_path / "choice.json").write_text(json.dumps(choice_of(model)))
    head = "sha256,path,part,label,predicted,p_bad,p_good\n"
    (tmp_path / "predict" / model / "float.csv").write_text(
        head + "a,a,train,good,good,0.1,0.9\nb,b,unlabelled,,bad,0.8,0.2\nc,c,test,bad,bad,0.7,0.3\n"
    )
    (tmp_path / "finetune" / model / "held_out.csv").write_text(head + "a,a,train,good,bad,0.6,0.4\n")
    (tmp_path / "next/batch.csv").write_text(
        "sha256,path,reason,predicted,p\nd,d,unsure,good,0.55\ne,e,unsure,gone,0.5\n"
    )
    assert suggestions_of(tmp_path, CLASSES) == {"a": ("bad", 0.6), "b": ("bad", 0.8), "d": ("good", 0.55)}


def test_an_order_for_every_kind_of_vectors():
    rng = np.random.default_rng(1)
    for number in (0, 1, 2, 9, 300):
        for vectors in (rng.normal(size=(number, 4)), np.zeros((number, 4))):
            groups = in_similar_order(vectors.astype(np.float32), 8)
            assert sorted(n for group in groups for n in group) == list(range(number))
    vectors = rng.normal(size=(20, 4)).astype(np.float32)
    vectors[[3, 7], 1] = np.nan
    assert in_similar_order(vectors, 8)[-2:] == [[3], [7]], "without an embedding: alone, last"
