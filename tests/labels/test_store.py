"""labels.csv as people write it: every problem named by line and at once, and no spreadsheet's habit is fatal."""

import codecs
import csv
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linecam.errors import UserError
from linecam.labels.store import (
    COLUMNS,
    DECISION,
    UNSURE,
    ConflictError,
    answer,
    disagreements,
    labelled,
    labelled_digest,
    merge,
    read_labels,
    read_rows,
    read_unsure,
)

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
    [TEXT.encode("cp1252"), TEXT.encode("utf-16-le"), TEXT.encode("cp437"), b"\xff\xfe\0\0"],
    ids=["cp1252", "utf-16-le", "cp437", "binary"],
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
    ("text", "read_as"),
    [
        (f"sha256,path\n{A},x\n", "'sha256', 'path'."),
        ("path,label\nx,bad\n", "'path', 'label'."),
        ("sha 256,label\n", "'sha 256', 'label'."),
        (f"{A},x,bad,,\n", f"'{A[:40]}', 'x', 'bad', '', ''."),
        ("", "of an empty line."),
        (f"sha256|label\n{A}|bad\n", "'sha256|label'."),
        (f"sha256;label,x\n{A};bad\n", "'sha256;label', 'x'."),
        (f"sep=;\nsha256,label\n{A},bad\n", "'sha256,label'."),
    ],
)
def test_a_missing_column_shows_what_was_read_as_the_header(file, text, read_as):
    message = problems(file, text)
    assert f"first line was read as the columns {read_as}" in message
    assert "Expected are sha256 and label" in message


@pytest.mark.parametrize(
    "text",
    [
        f"sha256;path;label;by;when\n{A};x, y;bad;;\n",
        f"sha256\tpath\tlabel\n{A}\tx\tbad\n",
        f"sep=;\r\nsha256;label\r\n{A};bad\r\n",
        f"SHA256,Label\n{A},bad\n",
        f'" sha256 ",label \n{A}, bad \n',
        f"sha256,label,,\n{A},bad,,\n",
    ],
)
def test_headers_that_can_only_mean_one_thing(file, text):
    assert read(file, text)[A]["label"] == "bad"


def test_a_file_with_semicolons_keeps_them_when_it_is_written(file):
    file.write_text(f"sep=;\nSHA256;note;Label\n{A};1,5;bad\n")
    answer(file, CLASSES, [(row(B, "good"), "")])
    assert file.read_text() == (
        f"sep=;\nsha256;note;label;path;by;when\n{A};1,5;bad;;;\n{B};;good;b.jpg;Ann;2026-11-24\n"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f'{HEAD}{A},"x,good,me\n{B},y,bad,,\n{C},z,good,,\n', 'line 2: a quote (") is opened'),
        (f'{HEAD}{C},,bad,,\n{A},"x,good,me,\n{B},y",bad,,\n', 'line 3: a quote (") is opened'),
        (f'{HEAD}{A},"x"y,good,me,\n', "line 2"),
        (f'{HEAD}{A},"{"x" * 200_000},good,me,\n', "line 2: a quote"),
        (f"{HEAD}{A},x,y,good,me,now\n", "line 2: 'now' is in no column"),
        (f"sha256,label,\n{A},good,me\n", "line 2: 'me' is in no column"),
        (f"sha256,path,label,Label\n{A},x,good,bad\n", "the column label twice"),
        (f"sha256,path,label,note,note\n{A},x,good,1,2\n", "the column note twice"),
    ],
)
def test_what_would_lose_rows_or_cells_is_refused(file, text, told):
    """csv would take an unclosed quote's rows for one cell, and the last of two equal columns."""
    assert told in problems(file, text)


def test_of_many_problems_ten_are_shown_and_the_rest_counted(file):
    message = problems(file, HEAD + "".join(f"{n:064x},x.jpg,ugly,,\n" for n in range(100_000)))
    assert "100,000 problems:" in message
    assert message.count("is not a class") == 10
    assert "... and 99,990 more" in message
    assert "`linecam labels rename OLD NEW`" in message
    assert len(message) < 2000


def test_a_folder_in_the_place_of_the_file(tmp_path):
    with pytest.raises(UserError, match="is a folder, but should be a CSV file"):
        labelled_digest(tmp_path, CLASSES)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1.jpg", "@home", "\t=1", "'=1", "''-1", "'plain", "plain"])
def test_no_spreadsheet_computes_a_cell_and_linecam_reads_it_as_it_was(file, text):
    one = row(A, "bad", by=text.strip()) | {"path": text}
    answer(file, CLASSES, [(one, "")])
    with file.open(newline="") as lines:
        cells = [cell for line in csv.reader(lines) for cell in line]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in cells)
    assert read_rows(file, CLASSES) == [one]
    answer(file, CLASSES, [(row(B, "good"), "")])
    assert read_rows(file, CLASSES)[0] == one


def test_a_column_of_your_own_keeps_its_numbers(file):
    file.write_text(f"sha256,label,offset\n{A},bad,-5\n")
    answer(file, CLASSES, [(row(B, "good"), "")])
    assert f"{A},bad,-5,,,\n" in file.read_text()


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


# --- several people: unsure, disagreement, decision


def row(digest: str, label: str, by: str = "Ann", when: str = "2026-11-24") -> dict[str, str]:
    return {"sha256": digest, "path": f"{digest[0]}.jpg", "label": label, "by": by, "when": when}


def write(file: Path, *rows: dict[str, str]) -> None:
    lines = [",".join(one[name] for name in COLUMNS) for one in rows]
    file.write_text(HEAD + "".join(f"{line}\n" for line in lines), encoding="utf-8")


def said(file: Path) -> list[tuple[str, str, str]]:
    return [(one["sha256"][0], one["by"], one["label"]) for one in read_rows(file, CLASSES)]


def test_unsure_frames_are_no_labels_and_known_as_such(file):
    write(file, row(A, UNSURE), row(B, UNSURE), row(B, "bad", "Bob"), row(C, "good"))
    assert {digest: one["label"] for digest, one in read_labels(file, CLASSES).items()} == {B: "bad", C: "good"}
    assert read_unsure(file, CLASSES) == {A}
    assert labelled(file, CLASSES) == {B, C}


def test_people_who_disagree_are_named_and_a_decision_settles_it(file):
    rows = [row(A, "bad"), row(B, "good"), row(A, "good", "Bob"), row(B, "good", "Bob"), row(B, UNSURE, "Cy")]
    write(file, *rows)
    with pytest.raises(UserError, match=r"a\.jpg is 'bad' in line 2 \(by Ann\) and 'good' in line 4 \(by Bob\)"):
        read_labels(file, CLASSES)
    assert [[one["by"] for one in about] for about in disagreements(read_rows(file, CLASSES))] == [["Ann", "Bob"]]
    write(file, *rows, row(A, "no_mask", DECISION))
    assert disagreements(read_rows(file, CLASSES)) == []
    assert {digest: one["label"] for digest, one in read_labels(file, CLASSES).items()} == {A: "no_mask", B: "good"}


def test_a_decision_that_is_unsure_settles_nothing(file):
    write(file, row(A, "bad"), row(A, "good", "Bob"), row(A, UNSURE, DECISION))
    assert len(disagreements(read_rows(file, CLASSES))) == 1


def test_where_people_disagree_snakemake_still_starts(file):
    """Else the page on which they decide could not open."""
    write(file, row(A, "bad"), row(B, UNSURE))
    before = labelled_digest(file, CLASSES)
    write(file, row(A, "bad"), row(A, "good", "Bob"), row(B, UNSURE))
    assert labelled_digest(file, CLASSES) == before
    assert labelled(file, CLASSES) == {A}


# --- answers


def test_an_answer_is_added_replaced_and_removed(tmp_path):
    file = tmp_path / "not/there/yet.csv"
    answer(file, CLASSES, [(row(A, "bad"), "")])
    answer(file, CLASSES, [(row(B, "good"), ""), (row(A, "good", "Bob"), "")])
    assert said(file) == [("a", "Ann", "bad"), ("b", "Ann", "good"), ("a", "Bob", "good")]
    answer(file, CLASSES, [(row(A, UNSURE), "bad")])
    assert said(file) == [("a", "Ann", "?"), ("b", "Ann", "good"), ("a", "Bob", "good")]
    answer(file, CLASSES, [(row(A, ""), "?"), (row(B, "bad"), "good")])
    assert said(file) == [("b", "Ann", "bad"), ("a", "Bob", "good")]


@pytest.mark.parametrize(
    ("label", "seen", "stands"), [("good", "", "bad"), ("good", "no_mask", "bad"), ("", "good", "bad"), ("", "", "bad")]
)
def test_an_answer_on_another_label_than_stands_there_changes_nothing(file, label, seen, stands):
    write(file, row(A, stands))
    before = file.read_bytes()
    with pytest.raises(ConflictError) as error:
        answer(file, CLASSES, [(row(B, "good"), ""), (row(A, label), seen)])
    assert error.value.rows == {A: row(A, stands)}
    assert file.read_bytes() == before, "all or none"


def test_an_answer_on_a_label_that_has_been_removed(file):
    write(file, row(B, "bad"))
    with pytest.raises(ConflictError) as error:
        answer(file, CLASSES, [(row(A, "good"), "bad")])
    assert error.value.rows == {A: None}


def test_an_answer_may_be_sent_again(file):
    """The first one was written, and the word of it was lost on the way."""
    for _ in range(2):
        answer(file, CLASSES, [(row(A, "bad"), ""), (row(B, "good"), "")])
    assert said(file) == [("a", "Ann", "bad"), ("b", "Ann", "good")]
    for _ in range(2):
        answer(file, CLASSES, [(row(A, ""), "bad")])
    assert said(file) == [("b", "Ann", "good")]


def test_what_linecam_does_not_know_stays(file):
    file.write_text(f"note,sha256,label\nlook,{A.upper()}, bad \n,{B},\nx,{C},good\n", encoding="utf-8")
    answer(file, CLASSES, [(row(A, "good", by=""), "bad"), (row(D, "bad"), "")])
    assert file.read_text(encoding="utf-8").splitlines() == [
        "note,sha256,label,path,by,when",
        f"look,{A},good,a.jpg,,2026-11-24",
        f",{B},,,,",
        f"x,{C},good,,,",
        f",{D},bad,d.jpg,Ann,2026-11-24",
    ]


def test_a_file_that_cannot_be_read_is_not_written_over(file):
    file.write_text(f"{HEAD}{A},a.jpg,ugly,,\n", encoding="utf-8")
    for write_to in (
        lambda: answer(file, CLASSES, [(row(B, "bad"), "")]),
        lambda: merge(file, CLASSES, [row(B, "bad")]),
    ):
        with pytest.raises(UserError, match="'ugly' is not a class"):
            write_to()
    assert file.read_text(encoding="utf-8") == f"{HEAD}{A},a.jpg,ugly,,\n"


def test_a_link_to_labels_elsewhere_stays_one(tmp_path, file):
    (tmp_path / "shared").mkdir()
    file.symlink_to(tmp_path / "shared/labels.csv")
    answer(file, CLASSES, [(row(A, "bad"), "")])
    assert file.is_symlink()
    assert said(tmp_path / "shared/labels.csv") == [("a", "Ann", "bad")]


# --- merging


def test_merging_adds_what_is_new_and_names_what_contradicts(file):
    write(file, row(A, "bad"), row(B, "good"))
    others = [row(A, "good"), row(A, "good", "Bob"), row(B, "good"), row(C, UNSURE), row(C, "bad"), row(D, "bad")]
    added, conflicts = merge(file, CLASSES, others)
    assert added == 3, "Bob's of a, the first of c, that of d"
    assert [(mine["label"], theirs["label"]) for mine, theirs in conflicts] == [("bad", "good"), ("?", "bad")]
    assert said(file) == [("a", "Ann", "bad"), ("b", "Ann", "good"), ("a", "Bob", "good"), ("c", "Ann", "?"),
                          ("d", "Ann", "bad")]  # fmt: skip
    assert merge(file, CLASSES, others) == (0, conflicts), "twice is as good as once"


# --- several processes

WRITER = """
import sys
from linecam.labels.store import ConflictError, answer
file, by, label, *digests = sys.argv[1:]
sys.stdin.readline()
for digest in digests:
    row = {"sha256": digest, "path": "", "label": label, "by": by, "when": ""}
    try:
        answer(file, ["bad", "good", "no_mask"], [(row, "")])
        print(digest, flush=True)
    except ConflictError:
        pass
"""


def writer(file: Path, by: str, label: str, digests: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, file, by, label, *digests],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def digests_of(number: int) -> list[str]:
    return [f"{n:064x}" for n in range(number)]


def at_once(processes: list[subprocess.Popen[str]]) -> list[list[str]]:
    """Start all of them, and wait: what each has written, as it says."""
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    written = [process.communicate(timeout=60)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return written


def test_people_who_write_at_the_same_time_lose_nothing(file):
    digests = digests_of(25)
    at_once([writer(file, by, "bad", digests) for by in ("Ann", "Bob", "Cy", "Di")])
    rows = read_rows(file, CLASSES)
    assert len(rows) == 100
    assert {(one["sha256"], one["by"]) for one in rows} == {
        (d, by) for d in digests for by in ("Ann", "Bob", "Cy", "Di")
    }


def test_of_one_person_s_two_windows_the_first_answer_counts_and_the_other_hears_of_it(file):
    digests = digests_of(25)
    bad, good = at_once([writer(file, "Ann", "bad", digests), writer(file, "Ann", "good", digests)])
    assert sorted(bad + good) == digests, "each frame by exactly one of them"
    labels = {one["sha256"]: one["label"] for one in read_rows(file, CLASSES)}
    assert labels == dict.fromkeys(bad, "bad") | dict.fromkeys(good, "good")


def test_what_was_answered_is_there_after_a_kill(file):
    digests = digests_of(5000)
    process = writer(file, "Ann", "bad", digests)
    process.stdin.write("\n")
    process.stdin.flush()
    answered = [process.stdout.readline().strip() for _ in range(20)]
    os.kill(process.pid, signal.SIGKILL)
    answered += process.communicate()[0].split()
    assert process.returncode == -signal.SIGKILL
    rows = read_rows(file, CLASSES)
    assert set(answered) <= {one["sha256"] for one in rows}
    assert len(rows) <= len(answered) + 1, "the one that was being written"
    answer(file, CLASSES, [(row(A, "bad"), "")])  # the lock went with the process


@pytest.mark.parametrize("target", ["gone/labels.csv", "labels.csv"])
def test_a_link_that_leads_nowhere_is_not_taken_for_no_labels(tmp_path, target):
    """As where a network drive is not mounted."""
    path = tmp_path / "labels.csv"
    path.symlink_to(target)
    for read in (read_rows, labelled, labelled_digest):
        with pytest.raises(UserError, match=rf"labels\.csv is a link to {target}, which is not there"):
            read(path, CLASSES)


def test_a_table_of_paths_in_its_place_is_told_the_way_in(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("path,label\na.jpg,good\n")
    with pytest.raises(UserError, match=r"Expected are sha256 and label.*`linecam labels import FILE` takes them in"):
        read_rows(path, CLASSES)
