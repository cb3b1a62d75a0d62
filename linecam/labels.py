"""Labels: rows of (frame's sha256, path, label, by whom, when), keyed by the frame's content.

Read when Snakemake starts, so this module needs the standard library alone.
"""

import csv
import hashlib
import re
from pathlib import Path

from linecam.errors import UserError

COLUMNS = ["sha256", "path", "label", "by", "when"]

_SHA256 = re.compile(r"^[0-9a-f]{64}$")


def read_labels(path: str | Path, classes: list[str]) -> dict[str, dict[str, str]]:
    """The labelled rows of a labels.csv by sha256. Rows with an empty label are frames still to do, and left out.

    Raises `UserError` with every problem of the file at once, by row: no such column, not a hash, not a class, two
    rows that contradict each other.
    """
    try:
        return _read(Path(path), classes)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f'{path} cannot be read as CSV in UTF-8: {error}. Save it again, as "CSV UTF-8" where a spreadsheet asks.'
        ) from None


def _read(path: Path, classes: list[str]) -> dict[str, dict[str, str]]:
    rows: dict[str, dict[str, str]] = {}
    first: dict[str, int] = {}
    problems = []
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = {"sha256", "label"} - set(reader.fieldnames or [])
        if missing:
            raise UserError(
                f"{path} has no column {' and '.join(sorted(missing))}; its first line should be {','.join(COLUMNS)}."
            )
        for row in reader:
            number = reader.line_num
            digest, label = (row["sha256"] or "").strip().lower(), (row["label"] or "").strip()
            if not label:
                continue
            if not _SHA256.match(digest):
                problems.append(f"line {number}: {digest!r} is not a SHA-256 of 64 hex digits")
            elif label not in classes:
                problems.append(f"line {number}: {label!r} is not a class; the classes are {', '.join(classes)}")
            elif digest in rows and rows[digest]["label"] != label:
                problems.append(
                    f"line {number}: {row.get('path') or digest[:12]} is {label!r} here and "
                    f"{rows[digest]['label']!r} in line {first[digest]}"
                )
            else:
                rows[digest] = {name: (row.get(name) or "").strip() for name in COLUMNS} | {
                    "sha256": digest,
                    "label": label,
                }
                first.setdefault(digest, number)
    if problems:
        raise UserError(
            f"{path} has {len(problems)} problem{'s' * (len(problems) > 1)}:\n"
            + "".join(f"  - {problem}\n" for problem in problems)
            + "Correct these lines and run the same command again; no label was changed."
        )
    return rows


def labelled_digest(path: str | Path, classes: list[str]) -> str:
    """One hash of which frames are labelled, whatever their labels are; "" where there is no such file."""
    if not Path(path).exists():
        return ""
    return hashlib.sha256("\n".join(sorted(read_labels(path, classes))).encode()).hexdigest()
