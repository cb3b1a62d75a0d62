"""A list of labels without a header: an image's name and a class in each row, read where nothing else can be meant."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

from linecam.errors import UserError, listed
from linecam.frames.folder import SUFFIXES
from linecam.frames.layout import class_of
from linecam.labels.reading import path_in
from linecam.labels.store import UNSURE
from linecam.labels.tables import Header, Table, first_rows, table_below

# A number of a class, as tables have it; pandas writes 1.0 where a column has gaps.
_NUMBER = re.compile(r"\d+(\.0)?")
_ORDERS = [("path", "label"), ("label", "path")]


def parse_list(path: Path, text: str, classes: Sequence[str]) -> tuple[Table, str] | None:
    """The table in a text without a header, and a sentence that says how it was taken; None where it is no such list.

    The first row decides: it has an image's name and, before or behind it, a class, nothing or `?`. Raises `UserError`
    with all other rows that have anything else.
    """
    opening, rows = first_rows(text)
    fitting = [
        (delimiter, order)
        for delimiter, row in rows.items()
        for order in _ORDERS
        if len(row) == 2 and not _misfit(dict(zip(order, row, strict=True)), classes)
    ]
    if len(fitting) != 1:
        return None
    delimiter, order = fitting[0]
    table = table_below(path, text, Header(list(order), delimiter, opening), order)
    problems = [
        f"line {record.line}: {misfit}" for record in table.records if (misfit := _misfit(record.cells, classes))
    ]
    if problems:
        raise UserError(
            f"{path} has no header, and its first row is {', '.join(map(repr, rows[delimiter]))}. So each row should "
            f"have {_expected(classes)}, but {len(problems):,} {'do' if len(problems) > 1 else 'does'} not:\n"
            f"{listed(problems)}Correct them, or write a header above the rows, such as {delimiter.join(order)}."
        )
    first, second = ("image", "label") if order == _ORDERS[0] else ("label", "image")
    return table, f"The file has no header: the first column was taken as the {first}, the second as the {second}."


def advice(text: str, classes: Sequence[str]) -> str:
    """What to do where a list has no header and `parse_list` does not read it; "" where no image is in its first line.

    In such lists cells are parted in any way, by blanks or by |, too.
    """
    words = re.split(r"[\s,;|]+", text.strip().partition("\n")[0].replace('"', ""))
    if not any(map(_is_image, words)):
        return ""
    return (
        f"The first line names an image, so it may be a row. Without a header each row should have "
        f"{_expected(classes)}. Write it so, or write a header above the rows, such as path,label."
    )


def refuse_numbers(path: Path, labels: Collection[str], classes: Sequence[str]) -> None:
    """Raise `UserError` where the labels of a table are numbers of classes."""
    found = sorted({label for label in labels if label != UNSURE})
    if found and all(_NUMBER.fullmatch(label) and not class_of(label, classes) for label in found):
        raise UserError(
            f"{path} has numbers as labels ({', '.join(found[:5])}{', ...' * (len(found) > 5)}), and the classes are "
            f"{', '.join(classes)}. The numbers are no names, and linecam cannot guess which class each of them stands "
            "for. Write the names of the classes in their place; whoever made the table knows the order."
        )


def _misfit(cells: dict[str, str], classes: Sequence[str]) -> str:
    """What is wrong with a row of a list, or "". A number is no class, but `refuse_numbers` says more of it."""
    path, label = cells["path"].strip(), cells["label"].strip()
    if not _is_image(path):
        return f"{path!r} is not the name of an image"
    if label in {"", UNSURE} or class_of(label, classes) or _NUMBER.fullmatch(label):
        return ""
    return f"{label!r} is not a class"


def _is_image(text: str) -> bool:
    return PurePosixPath(path_in(text)).suffix.lower() in SUFFIXES


def _expected(classes: Sequence[str]) -> str:
    return f"two cells: the name of an image, and a class ({', '.join(classes)}), nothing or {UNSURE}"
