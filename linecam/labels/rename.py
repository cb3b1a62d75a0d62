"""Another name for a class, in every label that was given."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from linecam.errors import UserError
from linecam.labels.class_names import refusal
from linecam.labels.store import UNSURE, rename_label


def rename_class(labels: Path, old: str, new: str, *, classes: Sequence[str], own_folders: bool) -> str:
    """Rename the class `old` to `new` in labels.csv; what was done, and what else there is to do.

    `classes` are those of the configuration, which may have either name already. `own_folders` says whether frames get
    labels from the names of the user's folders. Raises `UserError` where it cannot be done, and then nothing changes.
    """
    if UNSURE in (old, new):
        raise UserError(f"{UNSURE!r} is not a class. It says that somebody was not sure. Name two classes.")
    if why := refusal(new):
        raise UserError(f"{new!r} cannot be a class. {why}")
    if old == new:
        raise UserError(f"Both names are {old!r}. Name the class, and then its new name.")
    renamed, before = rename_label(labels, old, new)
    lines = [f"{labels}: {_rows(renamed)} renamed from {old} to {new}."]
    if before:
        lines.append(f"{_rows(before)} had {new} already: the two classes are one now.")
    lines += [f"Still to do: {step}" for step in _still_to_do(old, new, classes, own_folders)]
    return "\n".join(lines)


def _still_to_do(old: str, new: str, classes: Sequence[str], own_folders: bool) -> Iterator[str]:
    if old in classes:
        change = f"take {old} out of" if new in classes else f"write {new} for {old} in"
        yield f"in your configuration, {change} dataset.classes, and check bundle.recall and bundle.thresholds."
    elif new not in classes:
        yield f"in your configuration, add {new} to dataset.classes."
    if own_folders:
        yield f"rename folders of frames that are called {old}: their name is a label, too."


def _rows(number: int) -> str:
    return f"{number:,} row{'s' * (number != 1)}"
