"""Labels, and frames that need one, as other tools read them. Nothing that is there already is written over."""

import csv
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import pandas as pd

from linecam.errors import UserError
from linecam.files import atomic_write, sha256
from linecam.frames.index import read_index
from linecam.frames.places import place_of
from linecam.frames.video import place_in_video, read_video_frame
from linecam.labels.dataset import Dataset
from linecam.labels.importers import CONTROLS, LIGHTLY_COLUMNS
from linecam.labels.store import COLUMNS, UNSURE, Row, read_labels, read_rows
from linecam.labels.tables import neutral, parse_table, read_text

FORMATS = ["csv", "folders", "label-studio", "lightly-studio"]
TASKS = "label-studio-tasks"


def export(dataset: Dataset, target: Path, name: str, frames: Path | None, predictions: Path | None) -> str:
    """Write labels, or with the format `TASKS` tasks, to `target`; what there is to say of it.

    Raises `UserError` where `frames` or `predictions` are given with another format, and as the two below.
    """
    if name == TASKS:
        return export_tasks(dataset, target, frames, predictions)
    if frames or predictions:
        raise UserError(
            f"--frames and --predictions go with --format {TASKS} only: the other formats contain nothing but labels."
        )
    return export_labels(dataset, target, name)


def export_labels(dataset: Dataset, target: Path, name: str) -> str:
    """Write the labels of the dataset's frames to `target` in the format `name`; what there is to say of it.

    Raises `UserError` where the target is there already, there is no label, or the format has room for one label a
    frame and people disagree.
    """
    _check_free(target)
    known = dataset.frames().path
    if name == "folders" and dataset.labels.exists():
        given: Iterable[Row] = read_labels(dataset.labels, dataset.classes).values()
    else:
        given = read_rows(dataset.labels, dataset.classes)
    rows = [row | {"path": known[row["sha256"]]} for row in given if row["sha256"] in known]
    if not rows:
        raise UserError(f"There is nothing to export: {dataset.labels} has no label of a frame of {dataset.name}.")
    if name == "folders":
        test = set(_digests(dataset.test)) if dataset.test.exists() else None
        write_folders(target, rows, dataset.folder, test)
        return f"{len(rows)} frames in {target}"
    if name == "label-studio":
        by_frame: dict[str, list[Row]] = {}
        for row in rows:
            by_frame.setdefault(row["sha256"], []).append(row)
        tasks = [
            _task(digest, about[0]["path"], dataset.folder) | {"annotations": [_annotation(row) for row in about]}
            for digest, about in by_frame.items()
        ]
        interface = _write_tasks(target, tasks, dataset.classes)
        return f"{len(rows)} labels in {target}, the labelling interface in {interface}\n{_serving(dataset.folder)}"
    if name == "csv":
        _write(target, COLUMNS, rows)
    else:
        place = dataset.folder.resolve()
        _check_file(*(dataset.folder / row["path"] for row in rows))
        values = ([str(place / row["path"]), row["label"], "", row["by"]] for row in rows)
        _write(target, LIGHTLY_COLUMNS, (dict(zip(LIGHTLY_COLUMNS, row, strict=True)) for row in values))
    return f"{len(rows)} labels in {target}"


def export_tasks(dataset: Dataset, target: Path, frames: Path | None = None, predictions: Path | None = None) -> str:
    """Write tasks for Label Studio to `target`, and the labelling interface beside it; what there is to say of it.

    `frames` is a CSV file with the column sha256; None: the selected ones that have no label. Of `predictions`, and of
    the batch that was selected last, come pre-labels: never of a test frame, whose judge must not see a guess.
    Raises `UserError` where the target is there already or there is no such frame.
    """
    _check_free(target)
    index = read_index(dataset.index, ["path", "sha256", "label", "status"])
    usable = index[index["status"] == "ok"].set_index("sha256")["path"]
    if frames is not None:
        wanted = list(dict.fromkeys(_digests(frames)))
        if strange := [digest for digest in wanted if digest not in usable.index]:
            raise UserError(
                f"{frames} names {len(strange)} frames that {dataset.name} does not have or cannot use (first: "
                f"{strange[0][:12]}). Take a list of this dataset's frames."
            )
    else:
        wanted = _to_label(dataset, index, usable)
    guesses = _guesses(dataset, predictions)
    tasks = []
    for digest in wanted:
        guess = {"predictions": [_prediction(*guesses[digest])]} if digest in guesses else {}
        tasks.append(_task(digest, usable[digest], dataset.folder) | guess)
    interface = _write_tasks(target, tasks, dataset.classes)
    return (
        f"{len(tasks)} tasks in {target}, {sum('predictions' in task for task in tasks)} of them with a pre-label; the "
        f"labelling interface in {interface}\n{_serving(dataset.folder)}"
    )


def write_folders(target: Path, rows: Sequence[Row], folder: Path, test: set[str] | None) -> None:
    """Copy the frames of `rows`, one a frame, from `folder` to <class>/ in `target`.

    Where `test` says which frames (sha256) are for the test: to train/<class>/ and test/<class>/.
    Raises `UserError` where a frame is no longer what its row's sha256 says, or a row is of a place of a frame.
    """
    _check_whole(*(folder / row["path"] for row in rows))
    names = _names([row["path"] for row in rows])
    with atomic_write(target) as temporary:
        for row, name in zip(rows, names, strict=True):
            part = "" if test is None else "test" if row["sha256"] in test else "train"
            frame, copy = folder / row["path"], temporary / part / row["label"] / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if place := place_in_video(frame):
                read_video_frame(*place, row["sha256"]).save(copy)
                continue
            try:
                shutil.copyfile(frame, copy)
            except FileNotFoundError:
                raise UserError(f"There is no {frame} any more. Run snakemake, and export again.") from None
            if sha256(copy) != row["sha256"]:
                raise UserError(
                    f"{frame} has changed since the frames were indexed: its label belongs to another picture. Run "
                    f"snakemake, and export again."
                )


def _to_label(dataset: Dataset, index: pd.DataFrame, usable: pd.Series) -> list[str]:
    """The selected frames without a label, by sha256, the last batch first."""
    lists = [path for path in dataset.selected if path.exists()]
    if not lists:
        raise UserError(
            f"No frame of {dataset.name} is selected yet. Run snakemake, which selects some and then asks for their "
            "labels, or name a CSV file with the column sha256: --frames FILE."
        )
    done = {row["sha256"] for row in read_rows(dataset.labels, dataset.classes)}
    done |= set(index.loc[index["label"] != "", "sha256"])  # its folder says it
    selected = dict.fromkeys(digest for path in lists for digest in _digests(path))
    wanted = [digest for digest in selected if digest in usable.index and digest not in done]
    if not wanted:
        raise UserError(f"Every selected frame of {dataset.name} has a label: there is nothing to export.")
    return wanted


def _guesses(dataset: Dataset, predictions: Path | None) -> dict[str, tuple[str, float]]:
    """Class and probability by sha256, of `predictions` before the last batch's; of no test frame."""
    if not dataset.test.exists():
        if predictions is not None:
            raise UserError(
                f"--predictions: {dataset.test} is not there, so linecam does not know the test frames. These must be "
                f"labelled without a guess of the model. Run `snakemake {dataset.test}` with the same --configfile "
                f"first."
            )
        return {}
    test = set(_digests(dataset.test))
    guesses: dict[str, tuple[str, float]] = {}
    for path in [*([predictions] if predictions else []), *([dataset.batch] if dataset.batch.exists() else [])]:
        for row in _rows(path, ["sha256", "predicted"]):
            label = row["predicted"]
            if not label or row["sha256"] in test or row.get("part") == "test":
                continue
            try:
                p = float(row.get("p") or row[f"p_{label}"])
            except (KeyError, ValueError):
                p = -1.0
            if label not in dataset.classes or not 0 <= p <= 1:
                raise UserError(
                    f"{path} predicts {label!r} for {row['sha256'][:12]}. Expected is one of "
                    f"{', '.join(dataset.classes)}, and its probability in the column p or p_{dataset.classes[0]} and "
                    "so on, as the files below results/<dataset>/predict/ have them."
                )
            guesses.setdefault(row["sha256"], (label, p))
    return guesses


def _digests(path: Path) -> list[str]:
    """The column sha256 of a CSV file."""
    return [row["sha256"] for row in _rows(path, ["sha256"])]


def _rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV file. Raises `UserError` where it cannot be read or lacks one of `columns`."""
    return [record.cells for record in parse_table(path, read_text(path), [columns]).records]


def _check_free(target: Path) -> None:
    """Raise `UserError` where there is a file at `target`, or anything in a folder."""
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UserError(
            f"{target} is there already, and an export overwrites nothing. Name another file, or remove this one."
        )


def _check_whole(*frames: Path) -> None:
    """Raise `UserError` where a frame is one place of a frame: there is no file with just that."""
    if place := next((frame for frame in frames if place_of(frame)), None):
        raise UserError(
            f"{place} is one place of a frame (camera.rois), and no file shows just that. Label places by `linecam "
            "label`; their labels are exported with --format csv."
        )


def _check_file(*frames: Path) -> None:
    """Raise `UserError` where a frame is none of a file, which other tools could show."""
    _check_whole(*frames)
    if filmed := next((frame for frame in frames if place_in_video(frame)), None):
        raise UserError(
            f"{filmed} is a frame of a video, which other tools can't find there. Label it by `linecam label`, or make "
            "images of the video first and name their folder in dataset.source."
        )


def _write_tasks(target: Path, tasks: Sequence[Mapping[str, object]], classes: Sequence[str]) -> Path:
    """Write tasks for Label Studio, and the labelling interface beside them, whose path is returned."""
    interface = target.with_suffix(".xml")
    if interface == target:
        raise UserError(f"{target} is the name of the labelling interface's file. Name a .json file for the tasks.")
    _check_free(interface)
    with atomic_write(interface) as temporary:
        temporary.write_text(_interface(classes), encoding="utf-8")
    with atomic_write(target) as temporary:
        temporary.write_text(json.dumps(tasks, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return interface


def _task(digest: str, path: str, folder: Path) -> dict[str, object]:
    """A task of Label Studio, which serves the frame itself if its document root is the parent of `folder`."""
    _check_file(folder / path)
    image = f"/data/local-files/?d={quote(f'{folder.resolve().name}/{path}')}"
    return {"data": {"image": image, "sha256": digest, "path": path}}


def _annotation(row: Row) -> dict[str, object]:
    """A row's label as an annotation. Label Studio knows people by e-mail address; it sets the time itself."""
    about: dict[str, object] = {"completed_by": {"email": row["by"]}} if row["by"] else {}
    return about | {"updated_at": row["when"], "was_cancelled": False, "result": [_result(row["label"])]}


def _prediction(label: str, p: float) -> dict[str, object]:
    """A class with its probability, 0 to 1, as a pre-label."""
    return {"model_version": "linecam", "score": p, "result": [_result(label)]}


def _result(label: str) -> dict[str, object]:
    return {"from_name": CONTROLS[0], "to_name": "image", "type": "choices", "value": {"choices": [label]}}


def _interface(classes: Sequence[str]) -> str:
    """The labelling interface: the frame, and one choice, by click or key. The name of a class needs no escaping."""
    keys = "123456789qwertyu"
    choices = [f'    <Choice value="{name}" hotkey="{key}"/>' for name, key in zip(classes, keys, strict=False)]
    return "\n".join(
        [
            "<View>",
            '  <Image name="image" value="$image"/>',
            f'  <Choices name="{CONTROLS[0]}" toName="image" choice="single" showInline="true" required="true">',
            *choices,
            f'    <Choice value="{UNSURE}" hotkey="0" hint="unsure"/>',
            "  </Choices>",
            "</View>\n",
        ]
    )


def _serving(folder: Path) -> str:
    """How Label Studio gets to the frames."""
    place = folder.resolve()
    return (
        "Label Studio shows the frames if it was started with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true "
        f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={place.parent}, and its project has a source storage of the kind "
        f"Local files with the path {place}."
    )


def _names(paths: Sequence[str]) -> list[str]:
    """A file name for each path, in one folder: its own, or with the folders before it where some are equal."""
    names = [PurePosixPath(path).name for path in paths]
    if len(set(names)) == len(names):
        return names
    # Sequence and number, which a name carries, stay at the end.
    joined = [path.replace("/", "_") for path in paths]
    if len(set(joined)) == len(joined):
        return joined
    return [f"{number}_{name}" for number, name in enumerate(joined)]


def _write(target: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    with atomic_write(target) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([neutral(row[name]) for name in columns] for row in rows)
