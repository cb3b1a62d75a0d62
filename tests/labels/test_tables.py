"""CSV files as people, spreadsheets and other tools write them: every cell in its place, or the line to look at."""

from pathlib import Path

import pytest

from linecam.errors import UserError
from linecam.labels.tables import (
    Header,
    HeaderError,
    Record,
    Table,
    meant,
    neutral,
    parse_table,
    read_header,
    read_text,
)

FILE = Path("table.csv")
FORMS = [("label", "sha256"), ("label", "path")]
KNOWN = ["by", "when"]
A, B, C = (letter * 64 for letter in "abc")


def parse(text: str, known: list[str] = KNOWN) -> Table:
    return parse_table(FILE, text, FORMS, known)


def refusal(text: str) -> str:
    with pytest.raises(UserError) as error:
        parse(text)
    assert str(error.value).startswith(str(FILE))
    return str(error.value)


# --- the file


def test_a_text_is_that_of_the_file_without_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    text = "größe\r\n\ufeff"
    marked = f"\ufeff{text}"
    for data in (text.encode(), marked.encode(), marked.encode("utf-16-le"), marked.encode("utf-16-be")):
        path.write_bytes(data)
        assert read_text(path) == "größe\r\n\ufeff"


def test_what_is_no_file_to_read_is_named(tmp_path: Path) -> None:
    for path, what in ((tmp_path, "is a folder"), (tmp_path / "none.csv", "cannot be read: No such file")):
        with pytest.raises(UserError) as error:
            read_text(path)
        assert f"{path} {what}" in str(error.value)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("a\nb\nö".encode("latin-1"), "0xf6 in line 3"),
        ("ö\nb\nc".encode("latin-1"), "0xf6 in line 1"),
        ("\nö".encode("latin-1"), "0xf6 in line 2"),
        ("a\nö\n".encode("utf-16-le"), "0xf6 in line 2"),
    ],
)
def test_another_encoding_is_named_with_its_byte_and_line(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    with pytest.raises(UserError) as error:
        read_text(path)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("\ufeffa\nb".encode("utf-16-le")[:-1], "but line 2 is not: the file is cut off"),
        (b"\xff\xfea\0\n\0\x00\xd8b\0", "but line 2 is not"),  # half of a pair of surrogates
        ("a\n".encode("utf-32"), "but line 1 is not"),
        (b"PK\x03\x04\x14\0", "a spreadsheet's own file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "a spreadsheet's own file (.xls)"),
        (b"\x1f\x8b\x08", "compressed"),
    ],
)
def test_what_begins_as_something_else_is_called_that(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    with pytest.raises(UserError) as error:
        read_text(path)
    assert told in str(error.value)
    assert "CSV UTF-8" in str(error.value)


# --- the header


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_header_by_each_delimiter_and_line_end(delimiter: str, end: str) -> None:
    text = end.join([delimiter.join(["path", "label", "note"]), delimiter.join(["x.jpg", "bad", "1"]), ""])
    assert read_header(FILE, text, FORMS) == Header(["path", "label", "note"], delimiter, "")
    assert parse(text) == Table(
        ["path", "label", "note"], [Record(2, {"path": "x.jpg", "label": "bad", "note": "1"})], delimiter
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("opening", "delimiter"), [("sep=;", ";"), ("SEP=|", "|"), ('"sep=,"', ","), ("sep=\t", "\t")])
def test_a_first_line_that_says_the_delimiter(opening: str, delimiter: str, end: str) -> None:
    text = end.join([opening, f"path{delimiter}label", f"x.jpg{delimiter}bad", ""])
    found = parse(text)
    assert (found.delimiter, found.opening) == (delimiter, opening + end)
    assert found.records == [Record(3, {"path": "x.jpg", "label": "bad"})]


@pytest.mark.parametrize("opening", ['sep="', "sep=", "sep=\r", 'sep=""', "sep=;;", "sep=\n"])
def test_a_first_line_that_says_no_delimiter_is_a_header_that_is_not_understood(opening: str) -> None:
    """csv.reader of Python 3.13 raises for a quote or a line's end as the delimiter."""
    assert "a header that linecam does not understand" in refusal(f"{opening}\npath,label\nx.jpg,bad\n")


def test_a_delimiter_that_is_said_is_the_only_one_that_is_tried() -> None:
    assert "read as the columns 'path,label'" in refusal("sep=;\npath,label\nx.jpg,bad\n")


def test_columns_are_called_as_linecam_calls_them_where_blanks_and_case_alone_differ() -> None:
    header = read_header(FILE, " SHA256 ,Label, By,Note , \n", FORMS, KNOWN)
    assert header.columns == ["sha256", "label", "by", "Note", ""]
    assert read_header(FILE, "SHA256,Label,By\n", FORMS).columns == ["sha256", "label", "By"]


def test_a_synonym_stands_for_a_column_that_is_not_there_where_it_is_the_only_one() -> None:
    synonyms = {"path": ["file", "name"], "label": ["class"]}

    def columns(header: str) -> list[str]:
        return read_header(FILE, f"{header}\n", FORMS, KNOWN, synonyms).columns

    assert columns("File;Class;note") == ["path", "label", "note"]
    assert columns("sha256,class") == ["sha256", "label"]
    assert columns("file,path,label") == ["file", "path", "label"], "nothing is missing"
    with pytest.raises(HeaderError, match="read as the columns 'file', 'name', 'label'"):
        columns("file,name,label")


def test_columns_of_any_one_form_are_enough() -> None:
    assert parse("label,path\nbad,x\n").columns == ["label", "path"]
    assert parse("sha256,label\nx,bad\n").columns == ["sha256", "label"]
    assert "label and sha256, or label and path," in refusal("sha256,path\nx,y\n")


def test_a_header_that_two_delimiters_give_is_none() -> None:
    assert "header that linecam does not understand" in refusal("label,path,x;label;path\n")
    assert read_header(FILE, "path\nx\n", [("path",)]) == Header(["path"], ",", "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the columns of an empty line. "),
        ("\npath,label\n", "the columns of an empty line. "),
        ("a|b\n", "the columns 'a|b'. "),
        ("a,b;c,d\n", "the columns 'a', 'b;c', 'd'. "),
        (",".join("abcdefghij") + "\n", f"the columns {', '.join(map(repr, 'abcdefghij'))}. "),
        (",".join("abcdefghijk") + "\n", f"the columns {', '.join(map(repr, 'abcdefghij'))}, .... "),
        ("a" * 41 + ",b\n", f"the columns '{'a' * 40}', 'b'. "),
    ],
)
def test_what_was_read_as_the_header_is_shown(text: str, told: str) -> None:
    assert f"Its first line was read as {told}" in refusal(text)


@pytest.mark.parametrize(("start", "line"), [("", 1), ("sep=,\r\n", 2)])
@pytest.mark.parametrize("header", ['"path,label', '"path"s,label'])
def test_a_quote_of_the_header_that_is_not_closed(start: str, line: int, header: str) -> None:
    assert f'line {line}: a quote (") of the header' in refusal(f"{start}{header}\nx,bad\n")


def test_a_column_twice_is_named_and_one_without_a_name_may_stand_there_often() -> None:
    assert "the column label and note twice" in refusal("label,path,note,Label,note\n")
    assert parse("label,path,,\nbad,x,,\n").records == [Record(2, {"label": "bad", "path": "x"})]


# --- the rows


def test_rows_have_the_line_that_they_end_in() -> None:
    text = 'path,label,note\n\nx,bad\n"a\nb",good,"two\r\nlines"\r\n\r\n,,\ny,bad,1'
    assert [(record.line, *record.cells.values()) for record in parse(text).records] == [
        (3, "x", "bad", ""),
        (6, "a\nb", "good", "two\r\nlines"),
        (8, "", "", ""),
        (9, "y", "bad", "1"),
    ]


def test_a_cell_beyond_the_header_is_refused_with_its_line_unless_it_is_blank() -> None:
    assert parse("path,label\nx,bad, ,\n").records == [Record(2, {"path": "x", "label": "bad"})]
    told = refusal("path,label\nx,bad\ny,bad,1,2,3,4\n")
    assert "line 3: '1', '2', '3' is in no column; the columns are path, label." in told
    assert "line 3: 'me' is in no column" in refusal("sep=;\npath;;label\nx;me;bad\n")
    assert "line 2: 'me' is in no column; the columns are path, label." in refusal("path,label,\nx,bad,me\n")


@pytest.mark.parametrize(
    ("text", "line", "closes"),
    [
        ('path,label\n"x,bad\ny,bad\n', 2, "no line"),
        ('path,label\nw,bad\n"x,bad\ny,bad\n', 3, "no line"),
        ('sep=,\npath,label\nw,bad\n"x,bad\ny,bad\n', 4, "no line"),
        (f'path,label\nw,bad\n"{"x" * 200_000}",bad\n', 3, "no line"),
        # Another quote closes it, three rows on; of the last row a column before it is in the cell, or a whole row.
        ('path,label,by\n"x,bad,me\ny,bad,me\nz",bad,me\n', 2, "only line 4"),
        ('path,label,by\nw,bad,me\nx,"bad,me\nz,bad",me\n', 3, "only line 4"),
        ('sep=,\npath,label,by\nw,bad,me\nx,"bad,me\nz,bad",me\n', 4, "only line 5"),
        ('path,label,by\nx,bad,"me\nz,bad,"\n', 2, "only line 3"),
        ('path,label,by\r"x,bad,me\ry,bad,me\rz",bad,me\r', 2, "only line 4"),
        # In a column of the user's own, too, where it names frames.
        (f'sha256,label,note\n{A},bad,"see\n{B},good,\n{C},good,5"\n', 2, "only line 4"),
        (f'sha256,label,note\r\n{A},bad,"see\r\n{B.upper()},good,"\r\n', 2, "only line 3"),
        (f'note,sha256,label\n"see,{A},bad\n,{B},good\n",{C},good\n', 2, "only line 4"),
    ],
)
def test_a_quote_that_takes_in_further_rows_is_refused(text: str, line: int, closes: str) -> None:
    told = refusal(text)
    assert told.startswith(f'{FILE}, line {line}: a quote (") is opened in this row and {closes} closes it')


@pytest.mark.parametrize(
    "text",
    [
        'path,label,by\n"two\nlines",bad,me\n',
        'path,label,by\nx,bad,"me,\nyou"\n',
        'path,label,by\nx,bad,"a\nb,c"\n',
        'path,label,note\nx,bad,"long, longer,\nand, what, is, more,\nlongest, of, all"\n',
        f'path,label,note\nx,bad,"{A}\nis another"\n',
        f'path,label,note\nx,bad,"see\n{A}0\n{A[1:]}"\n',
        'path,label,note\nx,bad,5" long\n',
        'path,label,note\nx,bad,"5"" long"\n',
    ],
)
def test_a_cell_of_several_lines_may_hold_much(text: str) -> None:
    assert len(parse(text).records) == 1


def test_a_first_column_of_row_numbers_without_a_name_is_that_of_pandas() -> None:
    assert parse(",path,label\n0,x.jpg,bad\n1,y.jpg,good\n") == Table(
        ["Unnamed: 0", "path", "label"],
        [
            Record(2, {"Unnamed: 0": "0", "path": "x.jpg", "label": "bad"}),
            Record(3, {"Unnamed: 0": "1", "path": "y.jpg", "label": "good"}),
        ],
    )
    assert "line 2: '0' is in no column" in refusal(",path,label\n0,x.jpg,bad\nx,y.jpg,good\n")
    assert "line 2: '0' is in no column" in refusal("path,,label\nx.jpg,0,bad\n")


def test_a_column_alone_may_hold_any_lines() -> None:
    assert len(parse_table(FILE, 'path\n"a\nb\nc"\n', [("path",)]).records) == 1


def test_a_quote_in_a_quoted_cell_is_named_with_its_line() -> None:
    assert "in line 3. Correct that line" in refusal('path,label\nw,bad\n"x"y,bad\n')
    assert "in line 4. Correct that line" in refusal('sep=,\npath,label\nw,bad\n"x"y,bad\n')


# --- what a spreadsheet computes


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "'=", "''-"])
def test_what_a_spreadsheet_would_compute_becomes_text_and_back(first: str) -> None:
    text = f"{first}1"
    assert neutral(text) == f"'{text}"
    assert meant(f"'{text}") == text
    assert meant(text) == text.removeprefix("'")


@pytest.mark.parametrize("text", ["", "'", "a=1", "'a", " =1", "1", "''"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert neutral(text) == meant(text) == text
