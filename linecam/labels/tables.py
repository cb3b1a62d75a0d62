"""CSV files as people, spreadsheets and other tools write them: read whole, or refused with the line to look at.

Read when Snakemake starts, so this module needs the standard library alone.
"""

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from linecam.errors import UserError

DELIMITERS = ",;\t"

# What pandas calls a first column without a name. Unless it is told not to, it writes the numbers of the rows there.
ROW_NUMBERS = "Unnamed: 0"

# What a spreadsheet computes, and such a cell that was made text before.
_COMPUTED = re.compile(r"'*[=+\-@\t\r\n]")
# A first line of Excel's. Neither a quote nor a line's end can stand between cells.
_SEP = re.compile(r"(?i)\"?sep=(?P<delimiter>[^\"\r\n])\"?(?:\r\n?|\n)")
_LINE_END = re.compile(r"\r\n?|\n")
_DIGEST = re.compile(r"\b[0-9A-Fa-f]{64}\b")

# The marks that UTF-16 begins with: Excel's "Unicode Text", and PowerShell's `>`.
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# By its first bytes, what a file is that is no text.
_NO_TEXT = {
    b"PK\x03\x04": "is a spreadsheet's own file (.xlsx, .ods) or a ZIP archive",
    b"\xd0\xcf\x11\xe0": "is a spreadsheet's own file (.xls)",
    b"\x1f\x8b": "is compressed (gzip)",
}


@dataclass(frozen=True)
class Header:
    """How a CSV file begins. `columns` are called as linecam calls them, as far as it knows them; some have no name."""

    columns: list[str]
    delimiter: str
    opening: str  # the line `sep=;`, where there is one


@dataclass(frozen=True)
class Record:
    """A row of a table: the line that it ends in, from 1 on, and its cells by column, "" where there is none."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    """A CSV file: the columns that have a name, and all rows; the rest as in `Header`."""

    columns: list[str]
    records: list[Record]
    delimiter: str = ","
    opening: str = ""


def neutral(text: str) -> str:
    """A cell that no spreadsheet computes: one that begins with =, +, -, @ or a tab gets a ' before it."""
    return f"'{text}" if _COMPUTED.match(text) else text


def meant(text: str) -> str:
    """The cell that `neutral` was given."""
    return text[1:] if text.startswith("'") and _COMPUTED.match(text) else text


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 where it begins with the mark of that.

    Raises `UserError` where it is a folder, can't be read or is no such text.
    """
    try:
        data = path.read_bytes()
    except IsADirectoryError:
        raise UserError(f"{path} is a folder, but should be a CSV file. Move it away, or name a file.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Name a file that you may read.") from None
    for begins, what in _NO_TEXT.items():
        if data.startswith(begins):
            raise UserError(f'{path} {what}. Unpack it, or save the table as "CSV UTF-8".')
    if data.startswith(_UTF_16):
        return _from_utf_16(path, data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path} is not in UTF-8: byte 0x{data[error.start]:02x} in line {line} belongs to another encoding. Save "
            'the file again in UTF-8. A spreadsheet calls this format "CSV UTF-8".'
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UserError(
            f"{path} is no text in UTF-8: a NUL is in line {line}. It may be in UTF-16, a spreadsheet's own file or "
            'damaged. Save it again, as "CSV UTF-8" where a spreadsheet asks.'
        )
    return text


def _from_utf_16(path: Path, data: bytes) -> str:
    try:
        text = data.decode("utf-16")
    except UnicodeDecodeError as error:
        text = data[: error.start].decode("utf-16") + "\0"
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UserError(
            f"{path} begins as text in UTF-16 does, but line {line} is not: the file is cut off, damaged or in UTF-32. "
            'Save it again, as "CSV UTF-8" where a spreadsheet asks.'
        )
    return text


class HeaderError(UserError):
    """A table begins with other columns than expected."""


def read_header(
    path: Path,
    text: str,
    forms: Sequence[Collection[str]],
    known: Collection[str] = (),
    synonyms: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> Header:
    """How the CSV `text` of the file `path` begins, with commas, semicolons or tabs between the cells.

    A header has all columns of one of `forms`; blanks around a name and its case do not matter, and neither do they
    for the columns `known`. Where no form fits, a column may have one of its `synonyms`, in small letters, instead of
    its name. Raises `HeaderError` where no delimiter, or more than one, gives such a header, and `UserError` where a
    quote of it is not closed, or a column stands there twice.
    """
    opening, choices = _opening(text)
    names = {*known, *(name for form in forms for name in form)}
    headers = {one: _header(text[len(opening) :], one, names) for one in choices}
    fitting = _fitting(headers, forms)
    if not fitting:
        renamed = {one: _renamed(header, synonyms) for one, header in headers.items()}
        if fitting := _fitting(renamed, forms):
            headers = renamed
    if len({tuple(headers[one]) for one in fitting}) != 1:  # a single column is one by any delimiter
        read = max(headers.values(), key=len)
        if not read and text[len(opening) :][:1] not in {"", "\r", "\n"}:
            raise UserError(
                f'{path}, line {2 if opening else 1}: a quote (") of the header is not closed, or stands within a '
                "cell. Close it, or remove it."
            )
        expected = ", or ".join(" and ".join(form) for form in forms)
        raise HeaderError(
            f"{path} has a header that linecam does not understand. Its first line was read as the columns "
            f"{', '.join(repr(name[:40]) for name in read[:10]) or 'of an empty line'}{', ...' * (len(read) > 10)}. "
            f"Expected are {expected}, with commas, semicolons or tabs between them."
        )
    delimiter, header = fitting[0], headers[fitting[0]]
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise UserError(f"{path} has the column {' and '.join(twice)} twice in its first line. Remove one of them.")
    return Header(header, delimiter, opening)


def parse_table(
    path: Path,
    text: str,
    forms: Sequence[Collection[str]],
    known: Collection[str] = (),
    synonyms: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> Table:
    """The table in the CSV `text` of the file `path`, by `read_header`.

    Raises `UserError` as it does, and where a quote is not closed, or a row has cells that no column is for.
    """
    header = read_header(path, text, forms, known, synonyms)
    names = {*known, *(name for form in forms for name in form)}
    return table_below(path, text, header, names, in_text=True)


def table_below(path: Path, text: str, header: Header, names: Collection[str], *, in_text: bool = False) -> Table:
    """The table in the CSV `text` of the file `path`, whose columns `header` says; `in_text` where it is the first row.

    `names` are those of the columns in which a line end is odd. Raises `UserError` as `parse_table`, but for headers.
    """
    before = 1 if header.opening else 0
    rows = list(_rows(path, text[len(header.opening) :], header, names, before))[1 if in_text else 0 :]
    columns = header.columns
    if not columns[0] and all(values[0].strip().isdecimal() for _, values in rows):
        columns = [ROW_NUMBERS, *columns[1:]]
    records = [Record(line + before, _cells(path, columns, values, line + before)) for line, values in rows]
    return Table([name for name in columns if name], records, header.delimiter, header.opening)


def first_rows(text: str) -> tuple[str, dict[str, list[str]]]:
    """The line `sep=;` that a CSV text begins with, or "", and the first row behind it, as each delimiter parts it."""
    opening, choices = _opening(text)
    return opening, {one: _header(text[len(opening) :], one, ()) for one in choices}


def _opening(text: str) -> tuple[str, str]:
    """The line `sep=;` that a CSV text begins with, or "", and the delimiters that its cells may have between them."""
    match = _SEP.match(text)
    return (match[0], match["delimiter"]) if match else ("", DELIMITERS)


def _fitting(headers: Mapping[str, list[str]], forms: Sequence[Collection[str]]) -> list[str]:
    """The delimiters whose header has all columns of a form."""
    return [one for one, header in headers.items() if any(set(form) <= set(header) for form in forms)]


def _renamed(header: list[str], synonyms: Mapping[str, Collection[str]]) -> list[str]:
    """The header with the names of columns instead of their synonyms, each where the header has only one of them."""
    renamed = list(header)
    for name, others in synonyms.items():
        places = [place for place, written in enumerate(header) if written.lower() in {name, *others}]
        if len(places) == 1:
            renamed[places[0]] = name
    return renamed


def _header(text: str, delimiter: str, names: Collection[str]) -> list[str]:
    """The columns of the first line; as they are in `names`, where they are there but for blanks and case."""
    try:
        written = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []
    stripped = [name.strip() for name in written]
    return [name.lower() if name.lower() in names else name for name in stripped]


def _rows(
    path: Path, text: str, header: Header, names: Collection[str], before: int
) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the line that it ends in."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=header.delimiter, strict=True)
    start = 1
    ours = {place for place, name in enumerate(header.columns) if name in names}
    try:
        for values in reader:
            if reader.line_num > start and any(
                _swallows(cell, n, header) if n in ours else _swallows_frames(cell) for n, cell in enumerate(values)
            ):
                raise UserError(_unclosed(path, start + before, f"only line {reader.line_num + before} closes it"))
            if values:
                yield reader.line_num, values
            start = reader.line_num + 1
    except csv.Error as error:
        if "unexpected end" in str(error) or "field larger" in str(error):
            raise UserError(_unclosed(path, start + before, "no line closes it")) from None
        raise UserError(
            f"{path} cannot be read as CSV: {error}, in line {reader.line_num + before}. Correct that line; a quote in "
            "a cell is written twice."
        ) from None


def _swallows(cell: str, column: int, header: Header) -> bool:
    """Whether a cell holds what looks like further rows: a quote that was never closed took them in.

    In the last of them another quote closed the cell, so that only the cells before `column` are in it.
    """
    *rows, last = _LINE_END.split(cell)
    whole = len(header.columns) - 1
    if not rows or not whole:
        return False
    return last.count(header.delimiter) >= max(column, 1) or any(
        row.count(header.delimiter) >= whole for row in rows[1:]
    )


def _swallows_frames(cell: str) -> bool:
    """Whether a cell of a column that is not ours holds further rows: it may have commas, but names no frames."""
    return any(_DIGEST.search(line) for line in _LINE_END.split(cell)[1:])


def _unclosed(path: Path, line: int, then: str) -> str:
    return (
        f'{path}, line {line}: a quote (") is opened in this row and {then}, so that all rows between are one cell. '
        "Close it, or remove it."
    )


def _cells(path: Path, header: Sequence[str], values: Sequence[str], line: int) -> dict[str, str]:
    """The values by column. Raises `UserError` where there is one without a column."""
    cells = {name: value for name, value in zip(header, values, strict=False) if name}
    more = [value for value in values[len(header) :] if value.strip()]
    more += [value for name, value in zip(header, values, strict=False) if not name and value.strip()]
    if more:
        raise UserError(
            f"{path}, line {line}: {', '.join(map(repr, more[:3]))} is in no column; the columns are "
            f"{', '.join(name for name in header if name)}. Put a cell with a delimiter in it in quotes."
        )
    return {name: cells.get(name, "") for name in header if name}
