"""labels.csv as people write it: every problem named by line and at once, and no spreadsheet's habit is fatal."""

import codecs
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linecam.errors import UserError
from linecam.labels import COLUMNS, labelled_digest, read_labels

CLASSES = ["bad", "good", "no_mask"]
A, B, C, D = (letter * 64 for letter in "abcd")
HEAD = "sha256,path,label,by,when\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "labels.csv"


def read(file: Path, text: str | bytes) -> dict[str, dict[str, str]]:
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_labels(file, CLASSES)


def problems(file: Path, text: str | bytes) -> str:
    with pytest.raises(UserError) as error:
        read(file, text)
    assert str(file) in str(error.value)
    return str(error.value)


def test_every_column_by_hash(file):
    rows = read(file, f"{HEAD}{A},x/1.jpg,bad,Ann,2026-11-22\n{B},x/2.jpg,good,Bob,\n")
    assert rows == {
        A: {"sha256": A, "path": "x/1.jpg", "label": "bad", "by": "Ann", "when": "2026-11-22"},
        B: {"sha256": B, "path": "x/2.jpg", "label": "good", "by": "Bob", "when": ""},
    }
    assert list(rows[A]) == COLUMNS


@pytest.mark.parametrize(
    "text",
    [
        f"sha256,label\n{A},bad\n",
        f"label,extra,sha256\nbad,!,{A}\n",
        f"{HEAD}{A},,bad\n",  # short row
        f"{HEAD}{A},,bad,,,,,\n",  # long row
        f"{HEAD}{A.upper()}, , bad ,,\n",
        f"{HEAD}{A},,bad,,",  # no line end
        f"{HEAD}\n{A},,bad,,\n\n",
        f'{HEAD}"{A}","a,b ""c""","bad","",""\n',
        f'{HEAD}{A},"two\nlines",bad,,\n',
    ],
)
def test_ways_to_write_the_same_label(file, text):
    rows = read(file, text)
    assert {digest: row["label"] for digest, row in rows.items()} == {A: "bad"}
    assert set(rows[A]) == set(COLUMNS)


TEXT = f"{HEAD}{A},größe.jpg,bad,Jürgen,\n{B},b.jpg,good,,\n"


@pytest.mark.parametrize(
    "data",
    [TEXT.encode(), codecs.BOM_UTF8 + TEXT.encode(), codecs.BOM_UTF8 + TEXT.replace("\n", "\r\n").encode()],
    ids=["plain", "BOM", "BOM and Windows line ends"],
)
def test_what_spreadsheets_save_as_utf8(file, data):
    rows = read(file, data)
    assert [row["label"] for row in rows.values()] == ["bad", "good"]
    assert (rows[A]["path"], rows[A]["by"], rows[A]["when"]) == ("größe.jpg", "Jürgen", "")


@pytest.mark.parametrize(
    "data",
    [TEXT.encode("cp1252"), TEXT.encode("utf-16"), TEXT.encode("utf-16-le"), TEXT.encode("cp437"), b"\xff\xfe\0\0"],
    ids=["cp1252", "utf-16", "utf-16-le", "cp437", "binary"],
)
def test_another_encoding_is_a_clear_error(file, data):
    """Excel's "CSV" is cp1252 in Western Europe: the user has to hear of UTF-8, not of a codec's traceback."""
    assert "UTF-8" in problems(file, data)


@pytest.mark.parametrize("text", [f"{HEAD}{A},,bad\0,,\n", f'{HEAD}{A},"{"x" * 200_000}",bad,,\n', f'{HEAD}{A},,"bad'])
def test_what_the_csv_module_refuses_is_no_traceback(file, text):
    try:
        rows = read(file, text)
    except UserError as error:
        assert str(file) in str(error)
    else:
        assert rows[A]["label"] == "bad"


def test_blank_labels_are_frames_still_to_do(file):
    rows = read(file, f"{HEAD}{A},a.jpg,,,\n{B},b.jpg,good,,\n{C},c.jpg,  ,me,\n")
    assert list(rows) == [B]


def test_a_header_alone_holds_no_label(file):
    assert read(file, HEAD) == {}


def test_the_same_label_twice_is_no_contradiction(file):
    assert read(file, f"{HEAD}{A},a.jpg,bad,,\n{A},copy.jpg,bad,,\n{A},,,,\n")[A]["label"] == "bad"


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        (f"sha256,path\n{A},x\n", ["label"]),
        ("path,label\nx,bad\n", ["sha256"]),
        (f"{A},x,bad,,\n", ["label", "sha256"]),
        ("", ["label", "sha256"]),
        (f"sha256;path;label;by;when\n{A};x;bad;;\n", ["label", "sha256"]),
        (f"SHA256,Label\n{A},bad\n", ["label", "sha256"]),
    ],
)
def test_a_missing_column(file, text, missing):
    message = problems(file, text)
    assert f"has no column {' and '.join(missing)}" in message
    assert "sha256,path,label,by,when" in message


@pytest.mark.parametrize("digest", ["", "abc", A[:-1], A + "a", "g" * 64, A[:-1] + "é", f"{A} {A}", "1.2e+63"])
def test_not_a_hash(file, digest):
    message = problems(file, f"{HEAD}{B},b.jpg,good,,\n{digest},a.jpg,bad,,\n")
    assert "1 problem:" in message
    assert f"line 3: {digest!r}" in message


@pytest.mark.parametrize("label", ["Bad", "badd", "good.", "no mask", "0", "bad good"])
def test_not_a_class(file, label):
    message = problems(file, f"{HEAD}{A},a.jpg,{label},,\n")
    assert f"line 2: {label!r}" in message
    assert "bad, good, no_mask" in message


def test_a_contradiction_names_both_lines(file):
    message = problems(file, f"{HEAD}{A},a.jpg,bad,,\n{B},b.jpg,bad,,\n{A.upper()},a2.jpg,good,,\n")
    assert "1 problem:" in message
    for part in ("line 4", "a2.jpg", "'good'", "'bad'", "line 2"):
        assert part in message


def test_every_problem_at_once_by_line(file):
    message = problems(
        file,
        f"{HEAD}{A},a.jpg,bad,,\n"  # 2: fine
        f"xyz,b.jpg,bad,,\n"  # 3: no hash
        f"{B},c.jpg,ugly,,\n"  # 4: no class
        f"{C},d.jpg,,,\n"  # 5: fine, still to do
        f"{A},e.jpg,good,,\n"  # 6: contradicts 2
        f"{A},f.jpg,no_mask,,\n",  # 7: contradicts 2
    )
    assert "4 problems:" in message
    lines = [line.split(":")[0].removeprefix("  - ") for line in message.splitlines() if line.startswith("  - ")]
    assert lines == ["line 3", "line 4", "line 6", "line 7"]


def test_lines_are_counted_as_an_editor_counts_them(file):
    """A quoted line break and an empty line count, and Windows line ends don't count twice."""
    message = problems(file, f'{HEAD}{A},"two\nlines",bad,,\n\n{B},b.jpg,ugly,,\n'.replace("\n", "\r\n"))
    assert "line 5" in message


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_end_in_another_exception(tmp_path_factory, data):
    file = tmp_path_factory.getbasetemp() / "any.csv"
    for start in (b"", HEAD.encode()):
        file.write_bytes(start + data)
        try:
            rows = read_labels(file, CLASSES)
        except UserError:
            continue
        assert all(row["label"] in CLASSES and len(digest) == 64 for digest, row in rows.items())


# --- which frames are labelled


def test_labelled_digest_counts_who_is_labelled_not_as_what(file):
    def digest(text: str) -> str:
        file.write_text(text, encoding="utf-8")
        return labelled_digest(file, CLASSES)

    one = digest(f"{HEAD}{A},a.jpg,bad,,\n{B},b.jpg,good,,\n")
    assert digest(f"{HEAD}{B},b.jpg,bad,me,now\n{C},,,,\n{A},renamed.jpg,good,,\n") == one
    assert digest(f"{HEAD}{A},a.jpg,bad,,\n") != one
    assert digest(f"{HEAD}{A},a.jpg,bad,,\n{C},b.jpg,good,,\n") != one


def test_labelled_digest_of_no_file_and_of_a_wrong_one(tmp_path, file):
    assert labelled_digest(tmp_path / "nothing.csv", CLASSES) == ""
    file.write_text("nonsense\n")
    with pytest.raises(UserError):
        labelled_digest(file, CLASSES)
