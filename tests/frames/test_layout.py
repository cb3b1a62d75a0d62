"""What folders and names say of frames, and what the index makes of it: nothing dropped, nothing guessed in silence."""

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linecam.errors import UserError
from linecam.files import read_json
from linecam.frames.folder import LABELS_FILE
from linecam.frames.index import part_sequences, path_facts
from linecam.frames.layout import gives_split
from linecam.frames.near_duplicates import NEAR, number_gaps
from tests.frames.line import CLASSES, Line, encoded, frames_at, line, made, picture, put, said, some

__all__ = ["line"]


# --- what a path says


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("C-10352.jpg", ("C", 10352, "", "")),
        ("train/bad/C-10352.jpg", ("C", 10352, "train", "bad")),
        ("test/no_mask/A-00001.png", ("A", 1, "test", "no_mask")),
        ("x.jpg", ("", -1, "", "")),
        ("00012.jpg", ("", 12, "", "")),
        ("frame_7.jpg", ("frame", 7, "", "")),
        ("cam2 0040.jpg", ("cam2", 40, "", "")),
        ("cam2.5.jpg", ("cam2", 5, "", "")),
        ("shot12b.jpg", ("", -1, "", "")),
        ("good/x1.jpg", ("x", 1, "", "good")),
        ("good/bad/x.jpg", ("", -1, "", "bad")),
        ("lot3/train/bad/x.jpg", ("", -1, "", "bad")),
        ("training/bad/x.jpg", ("", -1, "train", "bad")),
        ("Training/bad.x-7.4f1c.jpg", ("x", 7, "train", "bad")),
        ("testing/good.A-00012.jpg.4f1c0.jpg", ("A", 12, "test", "good")),
        ("testing/strange.A-12.4f1c.jpg", ("", -1, "test", "")),
        ("monday/bad.x-7.4f1c.jpg", ("", -1, "", "")),
        ("TEST/Good/x-3.jpg", ("x", 3, "test", "good")),
        ("gro\u0308\u00dfe/x-3.jpg", ("x", 3, "", "größe")),
        ("GRÖSSE/x-3.jpg", ("x", 3, "", "größe")),
        ("valid/bad/x.jpg", ("", -1, "train", "bad")),
        ("val/x.jpg", ("", -1, "train", "")),
        ("train/other/x.jpg", ("", -1, "train", "")),
        ("train/x.jpg", ("", -1, "train", "")),
        ("train.jpg", ("", -1, "", "")),
        ("bad.jpg", ("", -1, "", "")),
        ("Bad/x.jpg", ("", -1, "", "bad")),
        ("train/bad/deep/er/x-3.jpg", ("deep/er/x", 3, "train", "bad")),
        ("monday/train/bad/x-3.jpg", ("monday/x", 3, "", "bad")),
        ("monday/0003.jpg", ("monday/", 3, "", "")),
        ("20261124_153012123456.jpg", ("20261124", 153012123456, "", "")),
        ("20261124153012123456.jpg", ("20", 261124153012123456, "", "")),
    ],
)
def test_said_by_path(path, expected):
    said = path_facts(path, [*CLASSES, "größe"])
    assert tuple(said[key] for key in ("sequence", "number", "part", "label")) == expected


@settings(deadline=None)
@given(st.text(min_size=1, max_size=60).filter(lambda text: "\0" not in text))
def test_any_path_says_something(path):
    said = path_facts(path, CLASSES)
    assert set(said) == {"sequence", "number", "part", "label"}
    assert said["part"] in {"", "train", "test"}
    assert said["label"] in {"", *CLASSES}
    assert said["number"] >= -1


# --- the tutorial's layout


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["train/bad", "test/good"], True),
        (["train/bad", "train/good", "test/bad", "test/good"], True),
        (["Train/Bad", "TEST/good"], True),
        (["train/lot3/monday/bad", "test/good"], True),
        (["train/good", "test/good", "test/bad", "ground_truth/bad"], True),
        (["train/good", "valid/good", "test/good"], True),
        (["train/good", "valid", "test/good", "extra"], True),
        (["training/good.x.1a.jpg", "testing/bad.y.2b.jpg"], True),
        (["training/x.jpg", "testing/y.jpg", LABELS_FILE], True),
        (["train/bad"], False),
        (["test/bad"], False),
        (["bad", "good"], False),
        (["monday/bad", "tuesday/good"], False),
        (["train/bad", "masks/bad"], False),
        (["good/trains", "bad/test"], False),
        (["monday/test1", "monday/test2"], False),
        (["valves/good", "testers"], False),
        (["masks/train/bad", "masks/test/bad"], False),
        (["__MACOSX/train/bad", "__MACOSX/test/bad"], False),
        (["train/bad", "notes"], False),
        ([], False),
    ],
)
def test_gives_split(tmp_path, folders, expected):
    assert gives_split(made(tmp_path / "f", folders), CLASSES) is expected


@pytest.mark.parametrize(
    ("folders", "named"),
    [
        (["train/bad", "val/bad"], ["train/", "val/", "rename it to test"]),
        (["train/bad", "tests/bad"], ["tests/", "rename it to test"]),
        (["training/bad", "holdout/x/good"], ["holdout/"]),
        (["trian/bad", "test/bad"], ["trian/"]),
        (["val/bad", "test/bad"], ["val/"]),
        (["train", "test"], ["nothing in train/, test/ is labelled"]),
        (["train/other", "test/other"], ["train/other/", "test/other/"]),
        (["train/good", "test/Goood"], ["nothing in test/", "test/Goood/"]),
        (["train/good", "test/masks/good"], ["nothing in test/"]),
        (["lot/train/bad", "lot/test/bad"], ["source:", "lot"]),
        (["caps/Training/good.x.1a.jpg", "caps/Testing/good.y.1a.jpg"], ["caps"]),
        (["caps/v2/train/good", "caps/v2/test/bad"], ["source: ", "caps/v2"]),
        (["images/train", "images/val", "images/test"], ["images has test/, train/, val/", "source: "]),
        (["fold1/train/good", "fold1/test/bad", "fold2/train/bad"], ["fold1 has", "source: "]),
        (
            ["fold1/train/good", "fold1/test/bad", "fold2/train/bad", "fold2/test/bad"],
            ["fold2 has such", "train/fold1/"],
        ),
        (["good/train", "good/test", "bad/train", "bad/test"], ["bad has test/, train/", "such as train/bad/"]),
        (["train_set/good", "test_set/good"], ["test_set/, train_set/", "name the folders like that"]),
        (["Trainingsdaten/good", "Testdaten/good"], ["Testdaten/", "Trainingsdaten/"]),
        (["lot/train2017", "lot/val2017"], ["train2017/, val2017/"]),
        (["训练集/good", "测试集/bad"], ["训练集/"]),
        (["train/good", "Testbilder/a.jpg"], ["Testbilder/"]),
    ],
)
def test_what_is_nearly_a_split_is_named(tmp_path, folders, named):
    """Taken for none, its test frames would be trained on without a word."""
    place = made(tmp_path / "f", folders)
    with pytest.raises(UserError) as error:
        gives_split(place, CLASSES)
    assert all(text in str(error.value) for text in [*named, "strategies: ["])
    assert not gives_split(place, CLASSES, strict=False)


def test_a_part_with_the_name_of_a_class_is_a_class(tmp_path):
    place = made(tmp_path / "f", ["train/valid", "valid/x.jpg", "test/invalid"])
    assert gives_split(place, ["valid", "invalid"])
    assert path_facts("valid/x.jpg", ["valid", "invalid"])["part"] == ""


def test_two_classes_that_differ_in_case_keep_their_case():
    assert path_facts("Good/x.jpg", ["good", "Good"])["label"] == "Good"
    assert path_facts("GOOD/x.jpg", ["good", "Good"])["label"] == ""


def test_files_named_like_classes_are_no_split(tmp_path):
    put(tmp_path / "train" / "bad", b"")
    put(tmp_path / "test" / "bad", b"")
    assert not gives_split(tmp_path, CLASSES, strict=False)


def test_no_folder_is_no_split(tmp_path):
    assert not gives_split(tmp_path / "nowhere", CLASSES)


def test_links_in_a_loop_are_no_split(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train/up").symlink_to(tmp_path)
    (tmp_path / "train/self").symlink_to(tmp_path / "train/self")
    assert not gives_split(tmp_path, CLASSES)


# --- what the index makes of it


def test_what_lies_outside_a_given_split_is_set_aside_and_named(line):
    frames_at(line, "train/good/1.png", "test/good/1.png", "extra/good/1.png", "unlabelled/1.png")
    assert line.run(given=True)["status"].to_dict() == {
        "anchor.png": "quarantined",
        "extra/good/1.png": "quarantined",
        "test/good/1.png": "ok",
        "train/good/1.png": "ok",
        "unlabelled/1.png": "ok",
    }
    assert some(line, "2 files: outside train/ and test/")
    assert (line.run(given=False)["status"] == "ok").all()


def test_a_third_part_joins_training_and_says_so(line):
    frames_at(line, "train/good/1.png", "valid/good/2.png", "test/good/3.png")
    assert line.run(given=True).loc["valid/good/2.png", ["part", "label", "status"]].to_list() == [
        "train",
        "good",
        "ok",
    ]
    assert some(line, "valid/good/: 1 .png, labelled good, joins training")


def test_folders_say_what_they_label(line):
    frames_at(line, "Good/a.png", "good/lot/b.png", "no-mask/c.png", "d.png", "bad/e.png")
    line.run()
    lines = said(line)
    for expected in (
        "6 files: 6 used, 0 duplicates, 0 set aside",
        "the folder itself: 2 .png, no label",
        "Good/: 1 .png, labelled good",
        "good/lot/: 1 .png, labelled good",
        "no-mask/: 1 .png, no label",
    ):
        assert expected in lines
    assert some(line, "no-mask/ labels nothing. There is a class no_mask")
    assert some(line, "no frame is labelled no_mask by its folder")


def test_what_is_passed_over_and_refused_is_said(line, caplog):
    frames_at(line, "good/a.png")
    (line.folder / "gone.png").symlink_to("nowhere")
    put(line.place / "frames/notes.txt", b"")
    put(line.place / "frames/.DS_Store", b"")
    line.index.parent.mkdir()
    with caplog.at_level("INFO"):
        line.index_alone()
    assert "gone.png" in line.quarantine.read_text()
    table = pd.read_csv(line.index, keep_default_na=False)
    assert table.loc[table["path"] == "gone.png", ["sha256", "status"]].to_numpy().tolist() == [["", "quarantined"]]
    assert some(line, "skipped, since linecam reads no files with such names: 1 .txt, 1 hidden")
    assert some(line, "set aside, 1 file: a link that leads nowhere")
    logged = [record.message for record in caplog.records]
    assert logged == said(line)
    assert len(set(logged)) == len(logged)


def test_what_may_hold_frames_but_is_not_read_is_told_what_to_do_with(line):
    frames_at(line, "good/a.png")
    for name in ("a.HEIC", "b.dng", "c.zip", "d.txt"):
        line.put(name, b"x")
    line.index_alone()
    assert some(line, "If frames are in .dng, .heic, save them as PNG or JPEG")
    assert some(line, "If frames are in .zip, unpack them")
    assert not some(line, "in .txt")


def test_several_reasons_of_one_kind_are_not_told_as_the_first_one(line):
    data = encoded(picture(), "PNG")
    line.put("a.bmp", encoded(picture(), "BMP")[:-9])
    line.put("b.png", data[:-30])
    line.run()
    assert some(line, "set aside, 2 files: cannot be decoded, for several reasons, such as: image file is truncated")
    line.put("b.png", data)
    line.run()
    assert some(line, "set aside, 1 file: cannot be decoded: image file is truncated")


def test_many_folders_are_not_all_told(line):
    frames_at(line, *(f"lot{number:02d}/{number}.png" for number in range(30)))
    line.run()
    assert len(read_json(line.summary)["folders"]) == 31
    assert len([one for one in said(line) if one.startswith("lot")]) < 21
    assert "and 11 more folders" in said(line)


# --- sequences


def test_class_folders_that_each_count_from_0_are_no_sequence(line):
    names = [f"{name}/{number:03d}.png" for name in ("bad", "good") for number in range(6)]
    frames_at(line, *names)
    table = line.run()
    assert set(table.loc[names, "sequence"]) == {"bad/", "good/"}
    bad, good = table[table["label"] == "bad"], table[table["label"] == "good"]
    assert (number_gaps(bad, good) > NEAR).all()
    assert some(line, "begin anew in each folder")


def test_a_recording_that_was_sorted_into_folders_stays_one_sequence(line):
    names = [f"{'bad' if number % 3 else 'good'}/C-{number:03d}.png" for number in range(12)]
    frames_at(line, *names)
    line.put("good/C-001.png", encoded(picture(seed=77), "PNG"))  # one frame was written twice
    line.put("no_mask/C-003.png", encoded(picture(seed=78), "PNG"))  # and a folder of one frame says little
    assert set(line.run().loc[names, "sequence"]) == {"C"}


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c/d"]), st.integers(0, 5)), unique=True), st.randoms())
def test_parting_sequences_keeps_the_rest(frames, random):
    """Numbers stay; frames of one folder stay together; and parted once, nothing is parted again."""
    rows = [
        {"path": f"{folder}/x-{number}.png", "status": "ok", "sequence": "x", "number": number}
        for folder, number in frames
    ]
    random.shuffle(rows)
    table = pd.DataFrame(rows, columns=["path", "status", "sequence", "number"])
    before = table.copy()
    parted = part_sequences(table)
    pd.testing.assert_frame_equal(table[["path", "number"]], before[["path", "number"]])
    folders = table["path"].map(lambda path: str(Path(path).parent))
    assert (table["sequence"] == (folders + "/x" if parted else "x")).all()
    assert part_sequences(table) == []
    clashes = table.duplicated(["sequence", "number"], keep=False)
    assert not parted or not clashes.any()


# --- Edge Impulse's export


def export(line: Line, entries: dict[str, tuple[str, str]], **more: object) -> None:
    files = [
        {
            "path": path,
            "category": category,
            "label": {"type": "label", "label": label} if label else {"type": "unlabeled"},
        }
        for path, (category, label) in entries.items()
    ]
    put(line.folder / LABELS_FILE, json.dumps({"version": 1, "files": files, **more}).encode())


def test_labels_of_an_export(line):
    entries = {
        "training/x-1.png": ("training", "good"),
        "testing/x-2.png": ("testing", "Bad"),
        "training/x-3.png": ("training", ""),
        "flat-4.png": ("testing", "no_mask"),
        "gone.png": ("training", "good"),
    }
    frames_at(line, *list(entries)[:-1])
    export(line, entries)
    table = line.run()
    assert table[["part", "label"]].T.to_dict("list") == {
        "anchor.png": ["", ""],
        "training/x-1.png": ["train", "good"],
        "testing/x-2.png": ["test", "bad"],
        "training/x-3.png": ["train", ""],
        "flat-4.png": ["test", "no_mask"],
    }
    assert some(line, "info.labels labels 3 files")


def test_labels_in_the_names_of_an_export(line):
    frames_at(line, "training/good.A-12.3f.png", "testing/bad.A-13.4f.png")
    assert line.run()[["part", "label", "sequence", "number"]].T.to_dict("list") == {
        "anchor.png": ["", "", "", -1],
        "testing/bad.A-13.4f.png": ["test", "bad", "A", 13],
        "training/good.A-12.3f.png": ["train", "good", "A", 12],
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("[]", "no list `files`"),
        ('{"files": 3}', "no list `files`"),
        ('{"files": [{"path": "anchor.png"}]}', "lacks 'label'"),
        ('{"files": [{"path": "anchor.png", "label": {"type": "multi-label"}}]}', "one class a frame"),
        ('{"files": [{"path": "anchor.png", "label": {"type": "label", "label": "odd"}}]}', "odd (of anchor.png)"),
    ],
)
def test_a_file_of_labels_that_cannot_be_meant_so_is_named(line, content, said):
    put(line.folder / LABELS_FILE, content.encode())
    with pytest.raises(UserError) as error:
        line.index_alone()
    assert said in str(error.value)
    assert LABELS_FILE in str(error.value)


def test_folder_and_file_that_disagree(line):
    frames_at(line, "good/x.png")
    export(line, {"good/x.png": ("training", "bad")})
    with pytest.raises(UserError, match="labelled good by its folder or name, and bad by"):
        line.index_alone()
