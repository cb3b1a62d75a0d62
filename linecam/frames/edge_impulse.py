"""The file of labels in Edge Impulse's export of a data set: `info.labels`, JSON, beside training/ and testing/."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from linecam.errors import UserError
from linecam.frames.layout import class_of, part_of


def exported_labels(folder: Path, labels_files: Iterable[str], classes: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Label and part (train, test, or "") of frames, by their path below `folder`.

    `labels_files` are paths below it. A frame that its file calls unlabelled has the label "". Raises `UserError`
    where a file is not of this form, has labels that are no class, or several for one frame.
    """
    found: dict[str, tuple[str, str]] = {}
    strange: dict[str, str] = {}
    for file in sorted(labels_files):
        beside = PurePosixPath(file).parent
        for entry in _entries(folder / file):
            try:
                path = str(beside / entry["path"])
                kind = entry["label"]["type"]
                name = str(entry["label"]["label"]) if kind == "label" else ""
            except (KeyError, TypeError) as error:
                raise UserError(f"{folder / file}: an entry of `files` lacks {error}. {_FORM}") from None
            if kind not in {"label", "unlabeled"}:
                raise UserError(
                    f"{folder / file}: {path} has a label of the type {kind!r}, and linecam learns one class a frame. "
                    "Export the frames with one label each, or leave this frame out."
                )
            label = class_of(name, classes)
            if name and not label:
                strange.setdefault(name, path)
            found[path] = label, part_of(str(entry.get("category", "")), classes)
    if strange:
        names = ", ".join(f"{name} (of {path})" for name, path in sorted(strange.items())[:5])
        raise UserError(
            f"The labels in {folder / min(labels_files)} have {names}, which dataset.classes = {list(classes)} does "
            "not name. Name every class there, or leave such frames out of the export."
        )
    return found


_FORM = 'An entry is {"path": ..., "category": ..., "label": {"type": "label", "label": ...}}, in {"files": [...]}.'


def _entries(file: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file} can't be read: {error.strerror}.") from None
    except ValueError as error:
        raise UserError(f"{file} is not JSON in UTF-8: {error}. Export the data set again.") from None
    files = content.get("files") if isinstance(content, dict) else None
    if not isinstance(files, list) or not all(isinstance(entry, dict) for entry in files):
        raise UserError(f"{file} holds no list `files`. {_FORM}")
    return files
