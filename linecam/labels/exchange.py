"""Labels of other tools and people, merged into labels.csv. docs/labels.md has the formats, and what is refused."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from linecam.errors import UserError, listed
from linecam.frames.layout import class_of
from linecam.labels.dataset import Dataset
from linecam.labels.importers import read_file
from linecam.labels.store import COLUMNS, DECISION, UNSURE, Row, disagreements, merge, read_rows


@dataclass
class Outcome:
    """What an import came to."""

    new: int
    same: int
    unsure: int
    skipped: Counter[str]  # what was no label, by the reason
    conflicts: list[tuple[Row, Row]]  # labels.csv's row, which stays, and the other one
    undecided: list[list[Row]]  # of each imported frame that people have different labels for, all rows
    moved: list[str]  # rows whose SHA-256 is one frame's, and whose path is another's
    unread: list[str]  # columns of a table that linecam does not know
    note: str  # how the source was taken, where that is not plain


def import_labels(dataset: Dataset, source: Path, name: str = "auto", by: Sequence[str] = ()) -> Outcome:
    """Merge the labels that `source` holds in the format `name` into the dataset's labels.csv.

    `by` are the names of people, see `named`. Raises `UserError` with everything that is wrong with the source at
    once, by row, and then nothing is written. A label that contradicts the same person's in labels.csv is not taken.
    """
    reading = read_file(source, name, dataset.classes)
    if not (reading.rows or reading.skipped):
        raise UserError(f"{source} holds no label. Name a file with labels, or a folder with a folder for each class.")
    people = named({row.by for row in reading.rows if not row.problem}, by, reading.format)
    frames = dataset.frames()
    problems = []
    rows: dict[tuple[str, str], Row] = {}
    where: dict[tuple[str, str], str] = {}
    moved = []
    for row in reading.rows:
        digest, problem = ("", row.problem) if row.problem else frames.find(row.sha256, row.path)
        if row.sha256 and frames.has_at(row.path, another=row.sha256):
            moved.append(f"{row.where}: the SHA-256 is of {frames.path.get(digest, '')}, and the path is {row.path}")
        label = row.label if row.label == UNSURE else class_of(row.label, dataset.classes)
        if not row.problem and not label:
            problem = f"{row.label!r} is not a class; the classes are {', '.join(dataset.classes)}" + (
                f"; and {problem}" if problem else ""
            )
        if problem:
            problems.append(f"{row.where}: {problem}")
            continue
        key = digest, people[row.by]
        values = (digest, frames.path[digest], label, key[1], row.when)
        before = rows.setdefault(key, dict(zip(COLUMNS, values, strict=True)))
        where.setdefault(key, row.where)
        if before["label"] != label:
            whose = f" (by {key[1]})" if key[1] else ""
            problems.append(
                f"{row.where}: {before['path']} is {label!r} here and {before['label']!r} in {where[key]}{whose}"
            )
    if problems:
        raise UserError(
            f"{source} has {len(problems):,} problem{'s' * (len(problems) > 1)}:\n{listed(problems)}"
            "Correct them, there or in a copy, and run the same command again; no label was changed."
        )
    new, conflicts = merge(dataset.labels, dataset.classes, rows.values()) if rows else (0, [])
    imported = {digest for digest, _ in rows}
    standing = disagreements(read_rows(dataset.labels, dataset.classes))
    return Outcome(
        new,
        len(rows) - new - len(conflicts),
        sum(row["label"] == UNSURE for row in rows.values()),
        reading.skipped,
        conflicts,
        [about for about in standing if about[0]["sha256"] in imported],
        moved,
        reading.unread,
        reading.note,
    )


def named(found: set[str], by: Sequence[str], source: str) -> dict[str, str]:
    """What each name in a file of the format `source` is in labels.csv.

    `by` has NAME, for whom the file leaves without a name or else for the only one in it, and ID=NAME for anybody. An
    account of Label Studio that has a number alone and is in none of these is label-studio-NUMBER.
    Raises `UserError` where a name is for nobody, for several people, or none.
    """
    people = {one: f"{source}-{one}" if source == "label-studio" and one.isdecimal() else one for one in found}
    known = ", ".join(sorted(found - {""})) or "nobody with a name"
    for text in by if found else ():
        identity, equals, name = text.rpartition("=")
        if not equals and "" not in found:
            if len(found) > 1:
                raise UserError(
                    f"--by {text}: the file has labels by {known}. For each person who should get another name, write "
                    f"--by ID={text}, with one of these as ID."
                )
            identity = next(iter(found))
        if identity not in found:
            raise UserError(f"--by {text}: the file has no label by {identity!r}, only by {known}. Name one of these.")
        if not name.strip() or name.strip() == DECISION:
            raise UserError(f"--by {text}: {name!r} is not a name for a person. Write a name or initials.")
        people[identity] = name.strip()
    return people


def describe_import(dataset: Dataset, outcome: Outcome) -> str:
    """What an import came to, for a reader."""
    counts = f"{outcome.new} new, {outcome.same} the same, {len(outcome.conflicts)} conflicts, {outcome.unsure} unsure"
    skipped = "".join(f"; {number} {reason}, left out" for reason, number in sorted(outcome.skipped.items()))
    lines = [f"{dataset.labels}: {counts}{skipped}"]
    if outcome.note:
        lines.append(outcome.note)
    if outcome.unread:
        lines.append(f"Columns that were not read: {', '.join(outcome.unread)}.")
    if outcome.moved:
        lines.append(
            f"{len(outcome.moved):,} rows have the path of another frame than their SHA-256, by which they were taken: "
            "right where frames were renamed, and wrong where a column was sorted alone.\n"
            f"{listed(outcome.moved).rstrip()}"
        )
    if outcome.conflicts:
        lines.append(
            "Conflicts: the same person has another label in labels.csv, and that one stays. If the new label is "
            "right, remove the row in labels.csv and import again."
        )
        for row, other in outcome.conflicts:
            whose = f" (by {other['by']})" if other["by"] else ""
            lines.append(f"  - {other['path']}: {row['label']!r} in labels.csv, {other['label']!r} here{whose}")
    if outcome.undecided:
        lines.append(
            "People disagree on these frames. Before anything is built, decide about each of them: in `linecam label` "
            f"with key D, or with a row that has the right label and {DECISION!r} in the column by."
        )
        for about in outcome.undecided:
            labels = ", ".join(f"{row['label']!r} by {row['by'] or 'nobody named'}" for row in about)
            lines.append(f"  - {about[0]['path'] or about[0]['sha256'][:12]}: {labels}")
    return "\n".join(lines)
