"""A list of labels without a header: read where every row says the same of its columns, refused with the rows else."""

from pathlib import Path

import pytest

from linecam.errors import UserError
from linecam.labels.exchange import describe_import, import_labels
from linecam.labels.importers import read_file
from linecam.workflow.config import read_settings
from linecam.workflow.labelled import dataset_of
from tests.labels.label_files import CLASSES, labels, make_project

FILE = "in.csv"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(text: str) -> list[tuple[str, str, str]]:
    """The rows of a list: where, path and label."""
    Path(FILE).write_text(text, encoding="utf-8")
    reading = read_file(Path(FILE), "csv", CLASSES)
    assert "no header" in reading.note
    return [(row.where, row.path, row.label) for row in reading.rows]


def refusal(text: str) -> str:
    Path(FILE).write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_file(Path(FILE), "auto", CLASSES)
    assert str(error.value).startswith(f"{FILE} ")
    return str(error.value)


def test_a_list_is_imported_and_it_is_said_how(folder: Path) -> None:
    make_project(folder)
    dataset = dataset_of(read_settings(["config/mine.yaml"]))
    Path(FILE).write_text("D-7.png,bad\nC-2.jpg,good\n/home/bob/day1/C-1.jpg,?\nD-8.png,\n")
    told = describe_import(dataset, import_labels(dataset, Path(FILE)))
    assert labels(dataset) == [("D-7.png", "bad", ""), ("day1/C-1.jpg", "?", ""), ("day1/C-2.jpg", "good", "")]
    assert told.endswith(
        "3 new, 0 the same, 0 conflicts, 1 unsure; 1 without a label, left out\n"
        "The file has no header: the first column was taken as the image, the second as the label."
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("opening", ["", "sep={}\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_each_delimiter(delimiter: str, opening: str, end: str) -> None:
    rows = ["a.jpg{}good", '"b{}1.PNG"{} Bad ', "", "c/d.tif{}?"]
    text = opening.format(delimiter) + "".join(row.replace("{}", delimiter) + end for row in rows)
    line = 2 if opening else 1
    assert read(text) == [
        (f"line {line}", "a.jpg", "good"),
        (f"line {line + 1}", f"b{delimiter}1.PNG", "Bad"),
        (f"line {line + 3}", "c/d.tif", "?"),
    ]


def test_the_label_may_come_first() -> None:
    assert read("good;a,1.jpg\n;b.jpg\nbad;https://host/c.jpg?d=1\n") == [
        ("line 1", "a,1.jpg", "good"),
        ("line 3", "/c.jpg", "bad"),
    ]


def test_rows_that_do_not_fit_the_first_are_all_named() -> None:
    told = refusal("a.jpg,good\nb.jpg,ugly\nc,bad\nd.jpg,?\ngood,e.jpg\n")
    assert "no header, and its first row is 'a.jpg', 'good'. So each row should have two cells" in told
    assert "a class (bad, good, no_mask), nothing or ?, but 3 do not:\n" in told
    assert "  - line 2: 'ugly' is not a class\n" in told
    assert "  - line 3: 'c' is not the name of an image\n" in told
    assert "  - line 5: 'good' is not the name of an image\n" in told
    assert told.endswith("Correct them, or write a header above the rows, such as path,label.")
    assert "such as label;path." in refusal("good;a.jpg\nugly;b.jpg\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a.jpg,ugly\nb.jpg,good\n", "'a.jpg', 'ugly'"),
        ("a.jpg,good,1\n", "'a.jpg', 'good', '1'"),
        ("a.jpg\nb.jpg\n", "'a.jpg'"),
        ("a.jpg|good\n", "'a.jpg|good'"),
        ("a.jpg,b.jpg\n", "'a.jpg', 'b.jpg'"),
    ],
)
def test_another_first_row_is_shown_with_what_was_expected(text: str, shown: str) -> None:
    told = refusal(text)
    assert f"read as the columns {shown}. Expected are" in told
    assert "Without a header each row should have two cells: the name of an image, and a class (bad, good," in told
    assert "\n" not in told


def test_a_cell_more_in_a_later_row_and_a_quote_are_named_with_their_line() -> None:
    for text, line in (
        ("a.jpg,good\nb.jpg,bad,1\n", "line 2: '1' is in no column"),
        ('a.jpg,bad\n"b.jpg,bad\n', "2: a"),
    ):
        Path(FILE).write_text(text)
        with pytest.raises(UserError, match=line):
            read_file(Path(FILE), "auto", CLASSES)


def test_a_table_with_a_header_is_no_list() -> None:
    Path(FILE).write_text("image,class\na.jpg,good\n")
    assert read_file(Path(FILE), "auto", CLASSES).note == ""
    assert "Call the columns label and path" in refusal("picture,verdict\na.jpg,good\n")


@pytest.mark.parametrize(
    "text",
    ["path,label\na.jpg,0\nb.jpg,1\nc.jpg,?\nd.jpg,\n", "a.jpg,0\nb.jpg,1\n", "image;class\na.jpg;0.0\nb.jpg;1.0\n"],
)
def test_numbers_of_classes_are_no_names(text: str) -> None:
    told = refusal(text)
    assert "has numbers as labels (0" in told
    assert "the classes are bad, good, no_mask. The numbers are no names" in told
    assert "Write the names of the classes in their place" in told


def test_a_class_may_be_called_by_a_number() -> None:
    Path(FILE).write_text("path,label\na.jpg,0\nb.jpg,1\n")
    assert [row.label for row in read_file(Path(FILE), "auto", ["0", "1"]).rows] == ["0", "1"]


def test_a_number_among_names_is_a_label_like_others() -> None:
    Path(FILE).write_text("path,label\na.jpg,0\nb.jpg,good\n")
    assert [row.label for row in read_file(Path(FILE), "auto", CLASSES).rows] == ["0", "good"]
