"""Labels from other tools' files: every problem is listed at once, no frame guessed at, nobody's label written over."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snakemake.utils import update_config

from linecam.errors import UserError
from linecam.labels.dataset import Dataset
from linecam.labels.exchange import describe_import, import_labels, named
from linecam.labels.importers import read_file
from linecam.labels.reading import served_path
from linecam.labels.store import COLUMNS, read_rows
from linecam.workflow.config import read_settings
from linecam.workflow.labelled import dataset_of
from linecam.yaml_file import load_yaml
from tests.labels.label_files import (
    CLASSES,
    RECORDS,
    A,
    F,
    G,
    annotation,
    as_csv,
    as_json,
    choice,
    content,
    data,
    digest,
    full_export,
    label,
    labels,
    make_project,
    minimal,
    task,
    write,
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def dataset(project: Path) -> Dataset:
    return dataset_of(read_settings(["config/mine.yaml"]))


def refused(dataset: Dataset, source: Path, *arguments: str, **more: object) -> str:
    """The message of an import that leaves labels.csv as it was."""
    before = dataset.labels.read_bytes() if dataset.labels.exists() else None
    with pytest.raises(UserError) as error:
        import_labels(dataset, source, *arguments, **more)
    assert (dataset.labels.read_bytes() if dataset.labels.exists() else None) == before
    return str(error.value)


@pytest.mark.parametrize(
    ("make", "skipped"),
    [
        (full_export, {"cancelled": 1, "without a label": 2}),
        (lambda: as_json(RECORDS), {"without a label": 1}),
        (lambda: as_csv(RECORDS), {"without a label": 1}),
    ],
    ids=["JSON", "JSON_MIN", "CSV"],
)
def test_label_studio_exports(dataset, make, skipped):
    outcome = import_labels(dataset, make())
    assert (outcome.new, outcome.same, outcome.unsure, outcome.conflicts) == (3, 0, 1, [])
    assert outcome.skipped == skipped
    expected = [("day1/C-1.jpg", "bad", "1"), ("day1/C-1.jpg", "good", "2"), ("day1/C-2.jpg", "?", "1")]
    assert labels(dataset) == [(path, name, f"label-studio-{by}") for path, name, by in expected]
    assert {row["when"] for row in read_rows(dataset.labels, CLASSES)} == {
        f"2026-11-24T16:58:15.{number:06}Z" for number in (1, 2, 3)
    }
    assert [len(about) for about in outcome.undecided] == [2]
    again = import_labels(dataset, make())
    assert (again.new, again.same) == (0, 3)


def test_accounts_with_addresses_and_names_for_accounts(dataset):
    ann = {"id": 1, "email": "ann@example.org", "first_name": "Ann", "last_name": ""}
    source = as_json([task(1, data("D-7.png"), annotation(1, ann, choice("bad")), annotation(2, 2, choice("bad")))])
    import_labels(dataset, source, by=["2=Bob"])
    assert labels(dataset) == [("D-7.png", "bad", "Bob"), ("D-7.png", "bad", "ann@example.org")]


@pytest.mark.parametrize("field", ["label", "choice", "verdict"])
def test_files_given_to_label_studio_and_a_choice_of_any_name(dataset, field):
    about = {"image": "/data/upload/3/8ecace46-D-7.png"}
    full = as_json(
        [task(1, about, annotation(1, 1, choice("good", control=field)), file_upload="8ecace46-D-7.png")], "full.json"
    )
    flat = minimal(1, about, 1, **{field: "good"})
    for source in (full, as_json([flat]), as_csv([flat])):
        dataset.labels.unlink(missing_ok=True)
        import_labels(dataset, source)
        assert labels(dataset) == [("D-7.png", "good", "label-studio-1")]


def test_a_second_choice_beside_the_label_is_passed_over(dataset):
    both = [choice("sharp", control="quality"), choice("good")]
    import_labels(dataset, as_json([task(1, data("D-7.png"), annotation(1, 1, *both))]))
    assert labels(dataset) == [("D-7.png", "good", "label-studio-1")]


@pytest.mark.parametrize(
    "source",
    [
        lambda: as_json([task(1, data("D-7.png"), annotation(1, 1, choice("good", "bad")))]),
        lambda: as_json([minimal(1, data("D-7.png"), 1, label={"choices": ["good", "bad"]})]),
        lambda: as_csv([minimal(1, data("D-7.png"), 1, label='{"choices": ["good", "bad"]}')]),
    ],
)
def test_several_labels_in_one_annotation_are_refused(dataset, source):
    assert "2 labels (good, bad)" in refused(dataset, source())


def test_choices_of_which_none_is_the_label_are_refused(dataset):
    both = annotation(1, 1, choice("good", control="a"), choice("bad", control="b"))
    assert "several choices (a, b)" in refused(dataset, as_json([task(1, data("D-7.png"), both)]))
    message = refused(dataset, as_csv([minimal(1, data("D-7.png"), 1, a="good", b="bad")]))
    assert "several of its fields" in message


def test_lightly_studio_and_who_made_the_labels(dataset):
    source = write(
        "classification_export.csv",
        ["file_path_abs", "class_name", "confidence", "annotation_source"],
        (f"{dataset.folder}/day1/C-1.jpg", "bad", "", "annotation"),  # below the very folder
        ("/home/bob/caps/day2/C-1.jpg", "good", "", "annotation"),  # another machine's
        ("C:\\caps\\D-7.png", "good", "", "annotation"),
        ("s3://caps/line%201/D-8.png", "?", "", "annotation"),
        ("/home/bob/caps/day1/C-2.jpg", "good", "0.93", "predictions"),
    )
    outcome = import_labels(dataset, source, by=["Bob"])
    assert outcome.skipped == {"predictions of a model": 1}
    assert labels(dataset) == [
        ("D-7.png", "good", "Bob"),
        ("D-8.png", "?", "Bob"),
        ("day1/C-1.jpg", "bad", "Bob"),
        ("day2/C-1.jpg", "good", "Bob"),
    ]


def test_folders_go_by_content(dataset):
    for path, target in {"day1/C-1.jpg": "train/bad/renamed.JPG", "day2/C-1.jpg": "good/x/C-9.jpg"}.items():
        Path("given", target).parent.mkdir(parents=True)
        shutil.copy(dataset.folder / path, Path("given", target))
    Path("given/good/notes.txt").write_text("not an image")
    Path("given/.thumbnails/good").mkdir(parents=True)
    Path("given/.thumbnails/good/1.jpg").write_bytes(b"?")
    import_labels(dataset, Path("given"))
    assert labels(dataset) == [("day1/C-1.jpg", "bad", "folder"), ("day2/C-1.jpg", "good", "folder")]
    import_labels(dataset, Path("given"), by=["Ann"])
    assert len(labels(dataset)) == 4


def test_what_is_no_image_in_a_folder_is_counted(dataset):
    shutil.copytree(dataset.folder / "day1", "given/good")
    for name in ("notes.txt", "1.HEIC", "2.heic", "README"):
        Path("given/good", name).write_text("")
    told = describe_import(dataset, import_labels(dataset, Path("given")))
    assert told.endswith(
        "2 new, 0 the same, 0 conflicts, 0 unsure; 2 .heic files, left out; 1 .txt files, left out; 1 files, left out"
    )


def test_boxes_and_ratings_are_no_choice(dataset):
    box = {"from_name": "label", "type": "rectanglelabels", "value": {"rectanglelabels": ["bad"], "x": 1}}
    export = as_json([task(1, data("D-7.png"), annotation(1, 1, box)), task(2, data("D-8.png"), annotation(2, 1))])
    told = describe_import(dataset, import_labels(dataset, export))
    assert told.endswith("1 with rectanglelabels instead of a choice, left out; 1 without a label, left out")
    as_json([task(1, data("D-7.png"), annotation(1, 1, box, choice("bad")))])
    import_labels(dataset, export)
    assert [row[:2] for row in labels(dataset)] == [("D-7.png", "bad")]


@pytest.mark.parametrize("make", [
    lambda about: as_json([task(1, about, annotation(1, 1, choice("bad")))]),
    lambda about: as_json([minimal(1, about, 1, label="bad")]),
    lambda about: as_csv([minimal(1, about, 1, label="bad")]),
])  # fmt: skip
def test_of_two_images_of_a_task_none_is_guessed(dataset, make):
    about = {"a": "D-7.png", "b": "D-8.png"}
    assert "several images (D-7.png, D-8.png), of which none is called image" in refused(dataset, make(about))
    import_labels(dataset, make(about | {"image": "D-8.png"}))
    assert [row[:2] for row in labels(dataset)] == [("D-8.png", "bad")]


def test_what_is_wrong_with_folders(dataset):
    for path in ("maybe/1.jpg", "good/2.jpg", "bad/C-1.jpg", "good/C-1.jpg"):
        Path("given", path).parent.mkdir(parents=True, exist_ok=True)
        Path("given", path).write_bytes(content("day1/C-1.jpg") if path.endswith("C-1.jpg") else path.encode())
    message = refused(dataset, Path("given"))
    assert "given has 3 problems:" in message
    assert "maybe/1.jpg: lies in no folder named after a class" in message
    assert f"good/2.jpg: no frame has the SHA-256 {hashlib.sha256(b'good/2.jpg').hexdigest()[:12]}" in message
    assert "day1/C-1.jpg is 'good' here and 'bad' in bad/C-1.jpg (by folder)" in message


def test_plain_csv_by_path_or_hash(dataset):
    source = write("in.csv", ["path", "label"], ("day1/C-1.jpg", "bad"), ("copy of C-2.jpg", " good "), ("D-8.png", ""))
    outcome = import_labels(dataset, source, by=["Ann"])
    assert labels(dataset) == [("day1/C-1.jpg", "bad", "Ann"), ("day1/C-2.jpg", "good", "Ann")]
    assert outcome.skipped == {"without a label": 1}
    source = write("in.csv", ["label", "by", "sha256", "path"], ("bad", "Bob", G.upper(), "a name it had once.png"))
    import_labels(dataset, source)
    assert ("D-8.png", "bad", "Bob") in labels(dataset)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("D-7.png", "D-7.png"),
        ("/elsewhere/day1/C-1.jpg", "day1/C-1.jpg"),
        ("C-2.jpg", "day1/C-2.jpg"),
        ("C-1.jpg", "could be day1/C-1.jpg or day2/C-1.jpg"),
        ("day3/C-1.jpg", "there is no frame day3/C-1.jpg"),
        ("day1/D-7.png", "D-7.png"),
        ("d-7.png", "D-7.png"),
        ("/", "there is no frame /"),
    ],
)
def test_a_path_is_never_guessed_at(dataset, path, found):
    digest_found, problem = dataset.frames().find("", path)
    assert found in problem if problem else digest_found == digest(found)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/data/local-files/?d=my%20frames/a%26b/1.jpg", "my frames/a&b/1.jpg"),
        ("http://localhost:8080/data/local-files/?d=f/1.jpg", "f/1.jpg"),
        ("/data/local-files/?d=caps%5Cday2%5CC-1.jpg", r"caps\day2\C-1.jpg"),
        ("/data/upload/12/0bfde8aa-A%20.jpg", "/data/upload/12/0bfde8aa-A .jpg"),
        ("https://host/studio/data/upload/12/0bfde8aa-A.jpg", "/studio/data/upload/12/0bfde8aa-A.jpg"),
        ("https://host/a%20b/1.jpg?token=x", "/a b/1.jpg"),
        ("/home/100%25/1.jpg", "/home/100%25/1.jpg"),
        ("http://[broken/1.jpg", "http://[broken/1.jpg"),
    ],
)
def test_what_label_studio_calls_an_image(text, path):
    assert served_path(text) == path


@pytest.mark.parametrize(
    "image",
    [
        "/data/local-files/?d=caps%5Cday2%5CC-1.jpg",
        "/data/local-files/?d=caps\\day2\\C-1.jpg",
        "/data/local-files/?d=caps/Day2/c-1.JPG",
    ],
)
def test_label_studio_on_windows(dataset, image):
    for source in (
        as_json([task(1, {"image": image}, annotation(1, 1, choice("bad")))]),
        as_json([minimal(1, {"image": image}, 1, label="bad")]),
        as_csv([minimal(1, {"image": image}, 1, label="bad")]),
    ):
        dataset.labels.unlink(missing_ok=True)
        import_labels(dataset, source)
        assert labels(dataset) == [("day2/C-1.jpg", "bad", "label-studio-1")]


@pytest.mark.parametrize(
    "text",
    [
        "path;label;by\r\nday1\\C-1.jpg;bad;Ann\r\n",
        "sep=;\r\nPath;Label;By\r\nday1\\C-1.jpg;bad;Ann\r\n",
        "Path,Label,By\nday1/C-1.jpg,bad,Ann\n",
        " path , label , by \nday1/C-1.JPG, bad, Ann\n",
        "filename,class,by\nday1/C-1.jpg,bad,Ann\n",
        "by;Image;Category\nAnn;day1/C-1.jpg;bad\n",
        "path\tlabel\tby\nC:\\caps\\day1\\C-1.jpg\tbad\tAnn\n",
        "image_id,label,by\nday1/C-1,BAD,Ann\n",
        ",fname,label,by\n0,day1/C-1.jpg,bad,Ann\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_tables_as_spreadsheets_write_them(dataset, text, encoding):
    Path("in.csv").write_text(text, encoding=encoding, newline="")
    import_labels(dataset, Path("in.csv"))
    assert labels(dataset) == [("day1/C-1.jpg", "bad", "Ann")]


@pytest.mark.parametrize(
    "text",
    [
        "filename, bad, good, no_mask\nC-2.jpg, 0, 1, 0\nD-7.png, 1, 0, 0\n",
        "filename;Good;BAD;Unlabeled\nC-2.jpg;1.0;0.0;0\nD-7.png;0.0;1.0;0\nD-8.png;0;0;1\n",
        ",image_id,good,bad,width\n0,C-2,1,0,96\n1,D-7,0,1,96\n2,D-8,,,\n",
    ],
)
def test_a_table_with_a_column_for_each_class(dataset, text):
    Path("_classes.csv").write_text(text)
    outcome = import_labels(dataset, Path("_classes.csv"))
    assert labels(dataset) == [("D-7.png", "bad", ""), ("day1/C-2.jpg", "good", "")]
    assert outcome.skipped["without a label"] == text.count("D-8")
    assert outcome.unread == ["width"] * text.count("width")


def test_a_row_of_such_a_table_has_exactly_one_class(dataset):
    Path("in.csv").write_text(
        "path,bad,good,torn\nC-2.jpg,0,0,0\nD-7.png,1,1,0\nD-8.png,0.7,0.3,0\nday1/C-1.jpg,0,1,1\nday2/C-1.jpg,0,0,1\n"
    )
    message = refused(dataset, Path("in.csv"))
    wanted = "but exactly one of the columns bad, good, torn has to have a 1"
    assert f"line 2: no 1, {wanted}" in message
    assert f"line 3: a 1 in bad and good, {wanted}" in message
    assert "line 4: '0.7' in the column bad is neither 0 nor 1" in message
    assert f"line 5: a 1 in good and torn, {wanted}" in message
    assert "line 6: 'torn' is not a class" in message


def test_columns_that_are_not_read_are_named(dataset):
    Path("in.csv").write_text("path,label,split,confidence\nD-7.png,bad,train,0.4\n")
    told = describe_import(dataset, import_labels(dataset, Path("in.csv")))
    assert told.endswith("\nColumns that were not read: split, confidence.")


def test_an_unclosed_quote_loses_no_row_in_silence(dataset):
    Path("in.csv").write_text('path,label\n"day1/C-1.jpg,bad\nday2/C-1.jpg,good\nD-7.png,good\n')
    assert "in.csv, line 2: a quote" in refused(dataset, Path("in.csv"))


def test_a_column_twice_is_refused(dataset):
    Path("in.csv").write_text("path,label,Label\nD-7.png,bad,good\n")
    assert "the column label twice" in refused(dataset, Path("in.csv"))


def test_of_many_wrong_rows_ten_are_shown_quickly(dataset):
    write("in.csv", ["path", "label"], *((f"E-{n}.jpg", "ugly") for n in range(20_000)))
    message = refused(dataset, Path("in.csv"))
    assert "in.csv has 20,000 problems:" in message
    assert message.count("\n") == 12
    assert "... and 19,990 more" in message


def test_every_problem_at_once_by_row(dataset):
    label(dataset, ("D-7.png", "bad", "Ann"))
    source = write(
        "in.csv",
        COLUMNS,
        (A, "", "bad", "Ann", ""),
        ("0" * 64, "gone.jpg", "ugly", "Ann", ""),
        ("", "C-1.jpg", "good", "Ann", ""),
        ("", "", "good", "Ann", ""),
        (A, "", "good", "Ann", ""),
        (A, "", "good", "Bob", ""),  # another person may say so
    )
    message = refused(dataset, source)
    assert "in.csv has 4 problems:" in message
    assert [line.split(":")[0] for line in message.splitlines()[1:-1]] == [
        f"  - line {number}" for number in (3, 4, 5, 6)
    ]
    for part in ("'ugly' is not a class", "no frame has the SHA-256 000000000000...", "nothing says which frame"):
        assert part in message
    assert "day1/C-1.jpg is 'good' here and 'bad' in line 2 (by Ann)" in message


def test_two_annotations_of_one_task_by_one_person(dataset):
    twice = as_json([task(8, data("D-7.png"), annotation(1, 1, choice("bad")), annotation(2, 1, choice("good")))])
    assert "task 8, annotation 2: D-7.png is 'good' here and 'bad' in task 8, annotation 1" in refused(dataset, twice)
    same = as_json([task(8, data("D-7.png"), annotation(1, 1, choice("bad")), annotation(2, 1, choice("bad")))])
    assert import_labels(dataset, same).new == 1


def test_two_people_through_one_csv(dataset):
    """Nobody's label is written over: what differs is listed, the rest is taken, a disagreement has to be decided."""
    label(dataset, ("D-7.png", "bad", "Ann"), ("D-8.png", "good", "Ann"))
    theirs = write(
        "theirs.csv",
        COLUMNS,
        (F, "D-7.png", "good", "Ann", "later"),  # Ann, on the other machine
        (G, "D-8.png", "bad", "Bob", "later"),
        (A, "day1/C-1.jpg", "bad", "Bob", "later"),
    )
    outcome = import_labels(dataset, theirs)
    assert (outcome.new, outcome.same) == (2, 0)
    assert [(mine["label"], other["label"]) for mine, other in outcome.conflicts] == [("bad", "good")]
    assert [[row["label"] for row in about] for about in outcome.undecided] == [["good", "bad"]]
    assert labels(dataset) == [
        ("D-7.png", "bad", "Ann"),
        ("D-8.png", "bad", "Bob"),
        ("D-8.png", "good", "Ann"),
        ("day1/C-1.jpg", "bad", "Bob"),
    ]


def test_a_path_of_another_frame_than_the_hash_is_told(dataset):
    """As where a spreadsheet has sorted one column alone. Where frames were renamed it is right."""
    source = write(
        "in.csv", COLUMNS, (F, "D-8.png", "good", "", ""), (G, "gone.png", "bad", "", ""), (A, "", "bad", "", "")
    )
    told = describe_import(dataset, import_labels(dataset, source))
    assert [row[:2] for row in labels(dataset)] == [("D-7.png", "good"), ("D-8.png", "bad"), ("day1/C-1.jpg", "bad")]
    assert "\n1 rows have the path of another frame than their SHA-256, by which they were taken" in told
    assert told.endswith("  - line 2: the SHA-256 is of D-7.png, and the path is D-8.png")


@pytest.mark.parametrize("text", [F[:12], f"sha256:{F}", "a" * 32])
def test_what_is_no_hash_is_called_none(dataset, text):
    assert f"line 2: {text!r} is not a SHA-256 of 64 hex digits" in refused(
        dataset, write("in.csv", ["sha256", "label"], (text, "bad"))
    )


def test_a_label_of_any_length_is_shown_in_short(dataset):
    message = refused(dataset, write("in.csv", ["path", "label"], ("D-7.png", "x" * 100_000)))
    assert len(message) < 1000
    assert "line 2: 'xxx" in message
    assert "is not a class; the classes are bad, good, no_mask" in message


def test_what_is_said_of_an_import(dataset):
    label(dataset, ("D-7.png", "bad", "Ann"))
    source = write("theirs.csv", COLUMNS, (F, "", "good", "Ann", ""), (G, "", "?", "Ann", ""))
    told = describe_import(dataset, import_labels(dataset, source))
    assert told.startswith("data/mine/labels.csv: 1 new, 0 the same, 1 conflicts, 1 unsure\n")
    assert "  - D-7.png: 'bad' in labels.csv, 'good' here (by Ann)" in told.splitlines()
    label(dataset, ("D-7.png", "bad", "Bob"))
    source = write("theirs.csv", COLUMNS, (F, "", "good", "Ann", ""))
    told = describe_import(dataset, import_labels(dataset, source))
    assert "in `linecam label` with key D" in told
    assert told.endswith("  - D-7.png: 'bad' by Bob, 'good' by Ann")


@pytest.mark.parametrize(
    ("found", "by", "people"),
    [
        ({"1", "2"}, [], {"1": "label-studio-1", "2": "label-studio-2"}),
        ({"1"}, ["Ann"], {"1": "Ann"}),
        ({"", "1"}, ["Ann"], {"": "Ann", "1": "label-studio-1"}),
        ({"1", "2"}, ["2=Bob", "1=Ann"], {"1": "Ann", "2": "Bob"}),
        ({"a=b"}, ["a=b=Ann"], {"a=b": "Ann"}),
        (set(), ["Ann"], {}),
    ],
)
def test_names_of_people(found, by, people):
    assert named(found, by, "label-studio") == people


@pytest.mark.parametrize(
    ("by", "says"),
    [("Ann", "labels by 1, 2"), ("3=Ann", "no label by '3'"), ("1=", "not a name"), ("1=decision", "not a name")],
)
def test_names_of_nobody(by, says):
    with pytest.raises(UserError, match=says):
        named({"1", "2"}, [by], "label-studio")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (
            "a.jsonl",
            '{"path": "D-7.png", "label": "bad"}\n{"path": "D-8.png", "label": "bad"}\n',
            "one a line. Expected is",
        ),
        (
            "a.json",
            '{"items": [], "categories": {}}',
            "Write the labels of other tools as a CSV file with the columns",
        ),
        ("a.csv", "picture,verdict\nD-7.png,bad\n", "Call the columns label and path, or label and sha256;"),
        ("a.csv", "D-7.png,bad,1\nD-8.png,good,1\n", "read as the columns 'D-7.png', 'bad', '1'. Expected are"),
        (
            "a.csv",
            "frames/D-7.png 0\n",
            "may be a row. Without a header each row should have two cells: the name of an",
        ),
        ("a.csv", "file,image,label\nD-7.png,1,bad\n", "read as the columns 'file', 'image', 'label'. Expected are"),
        ("a.txt", "p\0a\0t\0h\0,\0", "a.txt is no text in UTF-8: a NUL is in line 1"),
        ("a.json", '[{"id": 1, "data": {', "cannot be read as JSON"),
        ("a.json", '{"detail": "Invalid token"}', "JSON that linecam does not understand. Expected is"),
        ("a.json", "[1, 2]", "JSON that linecam does not understand"),
        (
            "a.json",
            '[{"data": {"image": "D-7.png", "image": "D-8.png"}}]',
            "the key 'image' stands twice in one object",
        ),
        ("a.json", "[]", "holds no label"),
        ("a.csv", "sha256;label\n", "holds no label"),
        ("a.csv", "sha256;lable\n", "read as the columns 'sha256', 'lable'. Expected are file_path_abs"),
        ("a.csv", "", "read as the columns of an empty line"),
        ("a.csv", "path,label\n", "holds no label"),
        ("a.csv", "annotation_id,annotator,x\n1,1,y\n", "none of its fields (x)"),
    ],
)
def test_what_is_no_file_of_labels(dataset, name, text, says):
    Path(name).write_text(text, encoding="utf-8")
    assert says in refused(dataset, Path(name))


def test_files_that_are_not_what_the_command_says(dataset):
    Path("a.csv").write_bytes("path,label\ngröße.jpg,bad\n".encode("cp1252"))
    assert "UTF-8" in refused(dataset, Path("a.csv"))
    assert "There is no b.csv" in refused(dataset, Path("b.csv"))
    assert "is a folder" in refused(dataset, Path("config"), "csv")
    assert "holds no label" in refused(dataset, Path("config"))
    assert "is of the format label-studio" in refused(dataset, full_export(), "lightly-studio")


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.binary(max_size=200), st.recursive(st.none() | st.text(max_size=5) | st.integers(), st.lists)))
def test_no_content_ends_in_another_exception(tmp_path_factory, value):
    file = tmp_path_factory.getbasetemp() / "any"
    nested = [
        {"data": value, "annotations": [value, {"result": value}, {"result": [{"type": "choices", "value": value}]}]}
    ]
    for written in (
        value if isinstance(value, bytes) else json.dumps(nested).encode(),
        b"path,label\n" + (value if isinstance(value, bytes) else b""),
        json.dumps([{"annotation_id": 1, "label": None if isinstance(value, bytes) else value}]).encode(),
    ):
        file.write_bytes(written)
        try:
            read_file(file, "auto", CLASSES)
        except UserError:
            continue


# --- the configuration


def test_the_configuration_is_what_snakemake_makes_of_the_files(project):
    Path("config/more.yaml").write_text("select: {test: 7}\nnetworks: [swift9-96]\n")
    expected = load_yaml("config/config.yaml")
    for file in ("config/mine.yaml", "config/more.yaml"):
        update_config(expected, load_yaml(file))
    config = read_settings(["config/mine.yaml", "config/more.yaml"]).as_dict()
    for key, value in expected.items():
        for name, sub in value.items() if isinstance(value, dict) else ():
            assert config[key][name] == sub
    assert (config["select"]["train"], config["select"]["test"], config["networks"]) == (2, 7, ["swift9-96"])


def test_mistakes_with_the_configuration(project, monkeypatch):
    with pytest.raises(UserError, match=r"The dataset belt has no index.*Datasets with an index: mine\."):
        dataset_of(read_settings([]))
    with pytest.raises(UserError, match=r"config/none\.yaml is not a file"):
        read_settings(["config/none.yaml"])
    Path("config/wrong.yaml").write_text("dataset: {nam: x}\n")
    with pytest.raises(UserError, match=r"dataset\.nam is not a key \(config/wrong\.yaml, line 1\)"):
        read_settings(["config/wrong.yaml"])
    Path("config/wrong.yaml").write_text("- 1\n")
    with pytest.raises(UserError, match="holds no keys"):
        read_settings(["config/wrong.yaml"])
    monkeypatch.chdir(project / "results")
    with pytest.raises(UserError, match="in linecam's folder"):
        dataset_of(read_settings([]))
