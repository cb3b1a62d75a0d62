"""What is known of each frame's label, from all sources: labels.csv, the folder it lies in, the belt's truth."""

import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from linecam.errors import UserError, listed
from linecam.labels.existing import Label, existing_labels
from linecam.labels.store import read_labels, read_unsure


@dataclass(frozen=True)
class KnownLabels:
    """The labels of a dataset's frames by sha256, and the frames that somebody has judged and nobody is sure of."""

    labels: dict[str, Label]
    unsure: set[str]


def known_labels(
    index: pd.DataFrame, labels: Path | None, truth: Path | None, classes: list[str], labels_csv: Path
) -> KnownLabels:
    """The labels of the files in `index`: of `labels` (labels.csv), else of the frame's folder, else of `truth`.

    A frame that is unsure by labels.csv has none, whatever its folder says. `labels_csv` is where a user finds the
    file `labels`, and may write one. Raises `UserError` where two folders disagree and labels.csv does not settle it.
    """
    given = read_labels(labels, classes) if labels else {}
    unsure = read_unsure(labels, classes) if labels else set()
    existing, contradicted = existing_labels(index, truth, classes)
    open_questions = [paths for digest, paths in contradicted.items() if digest not in given and digest not in unsure]
    if open_questions:
        raise UserError(
            f"{len(open_questions)} frames lie in folders of two classes:\n"
            f"{listed([' and '.join(paths) for paths in open_questions])}"
            f"Remove the wrong copies, or say which is right in {labels_csv}."
        )
    indexed = set(index["sha256"])
    strangers = [row["path"] or digest[:12] for digest, row in given.items() if digest not in indexed]
    if strangers:
        logging.info(
            "%d labels of %s name no frame of this dataset (first: %s); they stay in the file, and are not used",
            len(strangers),
            labels_csv,
            strangers[0],
        )
    found = {digest: label for digest, label in existing.items() if digest not in unsure}
    found |= {digest: Label(row["label"], row["by"] or "labels.csv") for digest, row in given.items()}
    return KnownLabels(found, unsure)
