"""A class under another name: every row that has it, nothing else, all or nothing."""

from pathlib import Path

import pytest

from linecam.errors import UserError
from linecam.labels.rename import rename_class
from linecam.labels.store import read_rows, rename_label

HEAD = "sha256,path,label,by,when,note\n"
A, B, C = ("abc"[n] * 64 for n in range(3))
TEXT = (
    f"{HEAD}{A},1.jpg, scratch ,Ann,2026-11-24,mine\n{A},1.jpg,scratch,decision,,\n"
    f"{B},scratch.jpg,good,scratch,,scratch\n{C},3.jpg,?,Ann,,\n{B},2.jpg,scratches,Bob,,\n{C},,,,,\n"
)


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    file = tmp_path / "labels.csv"
    file.write_text(TEXT)
    return file


def rename(labels: Path, old: str, new: str, classes: str = "scratch good", own_folders: bool = False) -> str:
    return rename_class(labels, old, new, classes=classes.split(), own_folders=own_folders)


@pytest.mark.parametrize("classes", ["scratch good", "bad good", "bad scratch good", "good dent"])
def test_every_row_with_that_label_and_nothing_else(labels: Path, classes: str) -> None:
    """Whatever the configuration has: before or after it is changed."""
    told = rename(labels, "scratch", "bad", classes)
    assert told.startswith(f"{labels}: 2 rows renamed from scratch to bad.")
    assert labels.read_text() == TEXT.replace(", scratch ,", ",bad,").replace(",scratch,dec", ",bad,dec")


@pytest.mark.parametrize(
    ("classes", "own_folders", "todo"),
    [
        ("scratch good", False, "in your configuration, write bad for scratch in dataset.classes, and check bundle.r"),
        (
            "scratch bad",
            False,
            "in your configuration, take scratch out of dataset.classes, and check bundle.recall a",
        ),
        ("good dent", False, "in your configuration, add bad to dataset.classes."),
        ("good bad", True, "rename folders of frames that are called scratch: their name is a label, too."),
    ],
)
def test_what_else_there_is_to_do(labels: Path, classes: str, own_folders: bool, todo: str) -> None:
    told = rename(labels, "scratch", "bad", classes, own_folders).splitlines()
    assert len(told) == 2
    assert told[1].startswith(f"Still to do: {todo}")


def test_nothing_else_to_do(labels: Path) -> None:
    assert rename(labels, "scratch", "bad", "good bad").count("\n") == 0


def test_two_classes_become_one(labels: Path) -> None:
    assert "1 row had scratches already: the two classes are one now." in rename(labels, "scratch", "scratches")
    assert [row["label"] for row in read_rows(labels, None)].count("scratches") == 3


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("scratch", "?", "'?' is not a class"),
        ("?", "bad", "'?' is not a class"),
        ("scratch", "", "'' cannot be a class"),
        ("scratch", "bad part", "'bad part' cannot be a class"),
        ("scratch", "kratzer ä", "cannot be a class"),
        ("scratch", "bad\n", "cannot be a class"),
        ("scratch", "x" * 65, "Take at most 64 characters"),
        ("scratch", "train", "'train' cannot be a class"),
        ("scratch", "nan", "take that for an empty cell"),
        ("scratch", "scratch", "Both names are 'scratch'"),
        ("dent", "bad", r"no row with the label 'dent'. .*: \? \(1\), good \(1\), scratch \(2\), scratches \(1\)\."),
        ("", "bad", "no row with the label ''"),
    ],
)
def test_what_cannot_be(labels: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        rename(labels, old, new)
    assert labels.read_text() == TEXT


def test_a_file_that_is_not_there_stays_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no .*labels\.csv"):
        rename(tmp_path / "data/labels.csv", "scratch", "bad")
    assert not list(tmp_path.iterdir())


def test_other_problems_are_told_and_nothing_is_written_over(labels: Path) -> None:
    broken = TEXT + f"{A},1.jpg,good,Ann,,\nnone,,scratch,,,\n"
    labels.write_text(broken)
    with pytest.raises(UserError) as caught:
        rename(labels, "scratch", "bad")
    assert "line 8: 1.jpg is 'good' here and 'scratch' in line 2 (by Ann)" in str(caught.value)
    assert "line 9: 'none' is not a SHA-256" in str(caught.value)
    assert labels.read_text() == broken


def test_a_disk_that_is_full_leaves_the_old_file(labels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        rename_label(labels, "scratch", "bad")
    assert labels.read_text() == TEXT
    assert {path.name for path in labels.parent.iterdir()} == {"labels.csv", ".labels.csv.lock"}
