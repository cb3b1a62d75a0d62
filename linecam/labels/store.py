"""Labels: rows of (frame's sha256, path, label, by whom, when), keyed by the frame's content and the person.

A person has one label for a frame, and may be unsure (`UNSURE`). Where people disagree, a row by `DECISION` settles it.
Read when Snakemake starts, so this module needs the standard library alone.
"""

import csv
import fcntl
import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from linecam.errors import UserError, listed
from linecam.files import atomic_write
from linecam.labels.tables import HeaderError, Table, meant, neutral, parse_table, read_text

COLUMNS = ["sha256", "path", "label", "by", "when"]
UNSURE = "?"
DECISION = "decision"

Row = dict[str, str]

_SHA256 = re.compile(r"^[0-9a-f]{64}$")


class ConflictError(Exception):
    """The same person's labels have changed meanwhile; `rows` has what stands there by sha256, None for nothing."""

    def __init__(self, rows: dict[str, Row | None]) -> None:
        labels = (f"{digest[:12]}: {row['label'].strip() if row else 'none'}" for digest, row in rows.items())
        super().__init__(f"other labels stand there now ({', '.join(labels)})")
        self.rows = rows


def read_labels(path: str | Path, classes: list[str]) -> dict[str, Row]:
    """The labelled rows of a labels.csv by sha256. Rows with an empty label are frames still to do, and left out; so
    are frames that whoever judged them is unsure of.

    Raises `UserError` with every problem of the file at once, by row: no such column, not a hash, not a class, two
    rows that contradict each other.
    """
    rows, problems = _understood(path, classes)
    for about in disagreements(rows):
        labels = " and ".join(f"{row['label']!r} in line {row['line']}{_whose(row)}" for row in about)
        problems.append(
            f"{about[0]['path'] or about[0]['sha256'][:12]} is {labels}; `linecam label` shows it to decide"
        )
    if problems:
        raise _refused(path, problems)
    return {digest: _plain(row) for digest, row in _settled(rows).items()}


def read_unsure(path: str | Path, classes: list[str]) -> set[str]:
    """The sha256 of the frames that somebody has judged, and nobody is sure of. Raises as `read_labels`."""
    sure = read_labels(path, classes)
    rows, _ = _understood(path, classes)
    return {row["sha256"] for row in rows} - sure.keys()


def read_rows(path: str | Path, classes: list[str] | None) -> list[Row]:
    """Every row with a label, `UNSURE` among them, of everyone, also where people disagree; [] where there is no file.

    `classes` None: any label may stand there.
    Raises `UserError` with every other problem of the file at once.
    """
    if not _is_there(Path(path)):
        return []
    rows, problems = _understood(path, classes)
    if problems:
        raise _refused(path, problems)
    return [_plain(row) for row in rows]


def disagreements(rows: Iterable[Row]) -> list[list[Row]]:
    """The rows of each frame that people have different labels for and no decision settles, in the rows' order."""
    frames: dict[str, list[Row]] = {}
    for row in rows:
        if row["label"] != UNSURE:
            frames.setdefault(row["sha256"], []).append(row)
    return [
        about
        for about in frames.values()
        if len({row["label"] for row in about}) > 1 and all(row["by"] != DECISION for row in about)
    ]


def labelled(path: str | Path, classes: list[str]) -> set[str]:
    """The sha256 of the frames that somebody is sure of, also where people disagree. Raises as `read_rows`."""
    return {row["sha256"] for row in read_rows(path, classes) if row["label"] != UNSURE}


def answer(path: str | Path, classes: list[str], answers: Sequence[tuple[Row, str]]) -> None:
    """Write labels, all of them or none, and return when they are on the disk; an empty label removes the row.

    Of each answer the row has `COLUMNS`, and a person and frame that no other one of `answers` has. With it comes the
    label of the same person and frame that it replaces, "" for none. What stands there already is no conflict: an
    answer may be sent again.
    Raises `ConflictError` where another label stands there, and `UserError` where `read_rows` does.
    """
    with _changing(path, classes) as (_, rows):
        standing: dict[tuple[str, str], list[Row]] = {}
        for old in rows:
            if old["label"].strip():
                standing.setdefault(_key(old), []).append(old)
        conflicts: dict[str, Row | None] = {}
        removed = set()
        for row, seen in answers:
            mine = standing.get(_key(row), [])
            now = mine[0]["label"].strip() if mine else ""
            if now == row["label"]:
                continue
            if now != seen:
                conflicts[row["sha256"]] = mine[0] if mine else None
            elif not row["label"]:
                removed.add(_key(row))
            elif mine:
                for old in mine:
                    old.update(row)
            else:
                rows.append(dict(row))
        if conflicts:
            raise ConflictError(conflicts)
        rows[:] = [old for old in rows if _key(old) not in removed]


def merge(path: str | Path, classes: list[str], others: Iterable[Row]) -> tuple[int, list[tuple[Row, Row]]]:
    """Add labels of `others` to the file: how many were new, and what contradicts the same person's label there.

    Of each contradiction the file's row stays, and stands first of the pair. `others` have valid hashes and labels.
    """
    added, conflicts = 0, []
    with _changing(path, classes) as (_, rows):
        known = {_key(row): row for row in rows if row["label"].strip()}
        for other in others:
            row = known.get(_key(other))
            if row is None:
                known[_key(other)] = dict(other)
                rows.append(known[_key(other)])
                added += 1
            elif row["label"].strip() != other["label"]:
                conflicts.append((row, other))
    return added, conflicts


def rename_label(path: str | Path, old: str, new: str) -> tuple[int, int]:
    """Write `new` for `old` in every row, all of them or none: how many rows that are, and how many had `new` before.

    Raises `UserError` where there is no such file or row, or the file has a problem other than labels of no class.
    """
    if not Path(path).exists():
        raise UserError(f"There is no {path}, so there is no label to rename. Name the --configfile of your dataset.")
    with _changing(path, None) as (_, rows):
        counts = Counter(label for row in rows if (label := row["label"].strip()))
        if not counts[old]:
            known = ", ".join(f"{label} ({number})" for label, number in sorted(counts.items())) or "none"
            raise UserError(f"{path} has no row with the label {old!r}. Labels there, and their rows: {known}.")
        for row in rows:
            if row["label"].strip() == old:
                row["label"] = new
    return counts[old], counts[new]


def labelled_digest(path: str | Path, classes: list[str]) -> str:
    """One hash of which frames are labelled, whatever their labels are; "" where there is no such file.

    Raises as `read_rows`: where people disagree, the page to settle that must be able to open.
    """
    if not _is_there(Path(path)):
        return ""
    return hashlib.sha256("\n".join(sorted(labelled(path, classes))).encode()).hexdigest()


@contextmanager
def _changing(path: str | Path, classes: list[str] | None) -> Iterator[tuple[list[str], list[Row]]]:
    """The file's columns and rows, all as they are written, to change in place: one process at a time, and on the disk
    when the block has ended well. Rows and columns that linecam doesn't know stay.

    `classes` None: any label may stand there.
    """
    path = Path(path).resolve()  # a link stays one
    path.parent.mkdir(parents=True, exist_ok=True)
    # A file of its own: the other one is replaced.
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        read_rows(path, classes)  # what cannot be read is not written over
        table = _table(path) if path.exists() else Table(list(COLUMNS), [])
        columns, rows = table.columns, [record.cells for record in table.records]
        before = [dict(row) for row in rows]
        yield columns, rows
        if rows == before:
            return
        columns += [name for name in COLUMNS if name not in columns]
        with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            file.write(table.opening)
            writer = csv.writer(file, delimiter=table.delimiter, lineterminator="\n")
            writer.writerow(columns)
            for row in rows:
                cells = {name: neutral(value) if name in COLUMNS else value for name, value in row.items()}
                writer.writerow([cells.get(name, "") for name in columns])
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _is_there(path: Path) -> bool:
    """Whether there is such a file. Raises `UserError` where a link leads nowhere: labels are missing, not none."""
    if path.is_symlink() and not path.exists():
        raise UserError(
            f"{path} is a link to {path.readlink()}, which is not there. Bring back what it leads to, or remove the "
            "link."
        )
    return path.exists()


def _table(path: Path) -> Table:
    """The file as a table, whose cells in `COLUMNS` are as they were meant. Raises `UserError` where it is none."""
    try:
        table = parse_table(path, read_text(path), [("sha256", "label")], COLUMNS)
    except HeaderError as error:
        raise UserError(
            f"{error} A table with paths instead of hashes, and those of other tools, belong in another file: "
            "`linecam labels import FILE` takes them in."
        ) from None
    for record in table.records:
        record.cells.update({name: meant(value) for name, value in record.cells.items() if name in COLUMNS})
    return table


def _understood(path: str | Path, classes: list[str] | None) -> tuple[list[Row], list[str]]:
    """The rows with a label, each with its `line`, one a person and frame; and what is wrong with the others."""
    rows: dict[tuple[str, str], Row] = {}
    problems = []
    for record in _table(Path(path)).records:
        line, cells = record.line, record.cells
        row = {name: cells.get(name, "").strip() for name in COLUMNS} | {"line": str(line)}
        row["path"] = cells.get("path", "") if row["path"] else ""  # a file's name may begin with a blank
        digest, label = row["sha256"], row["label"]
        row["sha256"] = digest = digest.lower()
        if not label:
            continue
        if not _SHA256.match(digest):
            problems.append(f"line {line}: {digest!r} is not a SHA-256 of 64 hex digits")
        elif classes is not None and label not in classes and label != UNSURE:
            problems.append(f"line {line}: {label!r} is not a class; the classes are {', '.join(classes)}")
        elif (before := rows.setdefault(_key(row), row))["label"] != label:
            problems.append(
                f"line {line}: {row['path'] or digest[:12]} is {label!r} here and "
                f"{before['label']!r} in line {before['line']}{_whose(row)}"
            )
    return list(rows.values()), problems


def _refused(path: str | Path, problems: list[str]) -> UserError:
    renamed = any("is not a class" in problem for problem in problems)
    return UserError(
        f"{path} has {len(problems):,} problem{'s' * (len(problems) > 1)}:\n{listed(problems)}"
        "Correct these lines and run the same command again; no label was changed."
        + " If you renamed a class, `linecam labels rename OLD NEW` writes the new name into every row."
        * renamed
    )


def _settled(rows: list[Row]) -> dict[str, Row]:
    """By sha256 the row that counts: that by `DECISION`, else the first of those who are sure."""
    settled: dict[str, Row] = {}
    for row in rows:
        if row["label"] != UNSURE and (row["sha256"] not in settled or row["by"] == DECISION):
            settled[row["sha256"]] = row
    return settled


def _key(row: Row) -> tuple[str, str]:
    """Whose label of which frame a row is."""
    return row["sha256"].strip().lower(), row.get("by", "").strip()


def _whose(row: Row) -> str:
    return f" (by {row['by']})" if row["by"] else ""


def _plain(row: Row) -> Row:
    return {name: row[name] for name in COLUMNS}
