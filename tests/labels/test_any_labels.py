"""Whatever a table of labels holds: it is read or refused with its file named, and no row is lost by a change."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linecam.errors import UserError
from linecam.labels.importers import read_file
from linecam.labels.store import (
    COLUMNS,
    UNSURE,
    ConflictError,
    answer,
    disagreements,
    labelled,
    labelled_digest,
    read_labels,
    read_rows,
    read_unsure,
    rename_label,
)

CLASSES = ["bad", "good", "no_mask"]
QUICK = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Each change of the file waits for the disk.
CHANGES = settings(QUICK, max_examples=50)
HASHES = [letter * 64 for letter in "abc"]

NAMES = [*COLUMNS, "Path", " label ", "SHA256", "", "file", "image", "file_path_abs", "class_name", "filenames", "x"]
CELLS = [
    *HASHES,
    "A" * 64,
    "a" * 63,
    "bad",
    "good",
    " bad ",
    "Bad",
    UNSURE,
    "ugly",
    "",
    " ",
    "1.jpg",
    "x\\y.jpg",
    "..",
    "/",
]
CELLS += [
    "=1+1",
    "'=1",
    '"',
    '""',
    '"a',
    'a"b',
    '"a\nb"',
    '"a;b"',
    "\0",
    "é",
    "e\u0301",
    "\u2028",
    "a,b",
    "a;b",
    "\r",
    "1e9",
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "labels.csv"


@QUICK
@given(
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["", "sep=;\n", "\ufeff", "\n"]),
    st.lists(st.sampled_from(NAMES), max_size=6) | st.permutations(COLUMNS),
    st.lists(st.lists(st.sampled_from(CELLS), max_size=7), max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_table_is_read_or_refused_with_its_name(file, delimiter, opening, header, rows, end):
    text = opening + end.join(delimiter.join(row) for row in [header, *rows]) + end
    file.write_bytes(text.encode())
    try:
        found = read_labels(file, CLASSES)
        assert {row["label"] for row in found.values()} <= set(CLASSES)
        assert found.keys() <= labelled(file, CLASSES)
        assert found.keys().isdisjoint(read_unsure(file, CLASSES))
    except UserError as error:
        assert file.name in str(error)
    for read in (read_unsure, labelled, labelled_digest, read_rows):
        try:
            read(file, CLASSES)
        except UserError as error:
            assert file.name in str(error)
    try:
        read_file(file, "auto", CLASSES)
    except UserError as error:
        assert file.name in str(error)


ROWS = st.lists(
    st.tuples(st.sampled_from(HASHES), st.sampled_from(["a.jpg", 'b,"c.jpg']), st.sampled_from([*CLASSES, UNSURE, ""]),
              st.sampled_from(["", "Ann", "=Bob"]), st.just("")),
    max_size=8, unique_by=lambda row: (row[0], row[3]),
)  # fmt: skip


def write(file: Path, rows: Sequence[Sequence[str]]) -> None:
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in [[*COLUMNS, "own"], *rows]]
    file.write_text("\n".join(quoted) + "\n", encoding="utf-8")


def standing(file: Path) -> list[tuple[str, ...]]:
    return sorted((row["sha256"], row["path"], row["label"], row["by"]) for row in read_rows(file, CLASSES))


@CHANGES
@given(ROWS, st.data())
def test_an_answer_changes_its_own_row_alone(file, rows, data):
    write(file, [(*row, "mine") for row in rows])
    before = standing(file)
    digest, by = data.draw(st.sampled_from(HASHES)), data.draw(st.sampled_from(["", "Ann"]))
    now = next((row[2] for row in before if (row[0], row[3]) == (digest, by)), "")
    seen, label = data.draw(st.sampled_from([now, *CLASSES])), data.draw(st.sampled_from(["", UNSURE, *CLASSES]))
    row = dict(zip(COLUMNS, (digest, "new.jpg", label, by, "today"), strict=True))
    written = file.read_bytes()
    try:
        answer(file, CLASSES, [(row, seen)])
    except ConflictError:
        assert now not in {seen, label}
        assert file.read_bytes() == written
        return
    assert now in {seen, label}
    others = [one for one in before if (one[0], one[3]) != (digest, by)]
    mine = (
        [one for one in before if one not in others] if now == label else [(digest, "new.jpg", label, by)] * bool(label)
    )
    assert standing(file) == sorted([*others, *mine])


def test_an_empty_label_removes_the_person_s_row_and_no_other(file):
    a, b, _ = HASHES
    write(
        file,
        [(a, "a.jpg", "bad", "Ann", "", "1"), (a, "a.jpg", "good", "", "", "2"), (b, "b.jpg", "bad", "Ann", "", "3")],
    )
    assert len(disagreements(read_rows(file, CLASSES))) == 1
    answer(file, CLASSES, [(dict(zip(COLUMNS, (a, "a.jpg", "", "Ann", ""), strict=True)), "bad")])
    assert standing(file) == [(a, "a.jpg", "good", ""), (b, "b.jpg", "bad", "Ann")]
    assert [line.rsplit(",", 1)[1].strip('"') for line in file.read_text().splitlines()] == ["own", "2", "3"]


@CHANGES
@given(ROWS, st.sampled_from(CLASSES))
def test_a_renamed_class_keeps_all_rows(file, rows, old):
    write(file, [(*row, "mine") for row in rows])
    before = standing(file)
    count = sum(row[2] == old for row in before)
    try:
        assert rename_label(file, old, "other") == (count, 0)
    except UserError as error:
        assert count == 0
        assert file.name in str(error)
    renamed = [(a, b, "other" if label == old else label, by) for a, b, label, by in before]
    found = [(row["sha256"], row["path"], row["label"], row["by"]) for row in read_rows(file, [*CLASSES, "other"])]
    assert sorted(found) == sorted(renamed)
