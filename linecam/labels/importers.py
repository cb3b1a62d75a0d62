"""Labels as other tools write them: the rows of a file, and whatever cannot be understood in it.

The formats are linecam's own CSV, folders named after the classes, Label Studio's exports (JSON, JSON_MIN, CSV), and
LightlyStudio's CSV of classifications. `linecam.labels.annotation_files` reads COCO's, FiftyOne's and CVAT's files, and
`linecam.labels.bare_list` lists without a header. `linecam.labels.exchange` asks which frame a label is of, and whether
it is a class.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from linecam.errors import UserError, shown
from linecam.files import sha256
from linecam.frames.folder import SUFFIXES
from linecam.frames.index import path_facts
from linecam.frames.layout import is_unlabelled_folder
from linecam.labels.annotation_files import is_coco, is_fiftyone, read_coco, read_cvat, read_fiftyone
from linecam.labels.bare_list import advice, parse_list, refuse_numbers
from linecam.labels.reading import Reading, path_in, served_path
from linecam.labels.store import COLUMNS
from linecam.labels.tables import ROW_NUMBERS, HeaderError, Record, Table, meant, parse_table, read_text

FORMATS = ["csv", "folders", "label-studio", "lightly-studio", "coco", "cvat", "fiftyone"]
LIGHTLY_COLUMNS = ["file_path_abs", "class_name", "confidence", "annotation_source"]
# The name of the choice in linecam's labelling configuration, and in the one that Label Studio suggests.
CONTROLS = ["label", "choice"]

# What Label Studio's flat exports have besides the task's data and the choices.
_FLAT = {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement", "history"}
# What the header of a CSV file has, by its format.
_HEADERS = {
    "lightly-studio": [("file_path_abs", "class_name")],
    "label-studio": [("annotation_id", "annotator")],
    "csv": [("label", "sha256"), ("label", "path")],
}
# What other tools and people call the columns of such a table, where it has one of these alone.
_SYNONYMS = {
    "path": ["file", "filename", "file_name", "file name", "fname", "filepath", "file_path", "image", "image_path",
             "image_name", "image_id", "img", "frame", "name"],
    "label": ["class", "class_name", "classname", "category", "labels", "tag", "target"],
}  # fmt: skip

_OTHER_JSON = (
    "Expected is Label Studio's JSON or JSON_MIN (a list of tasks), COCO's JSON (images, annotations, categories), or "
    "FiftyOne's JSON of a classification (classes and labels). Write the labels of other tools as a CSV file with the "
    "columns path and label."
)
_CALL_COLUMNS = (
    "Call the columns label and path, or label and sha256; or path and the names of the classes, with a 1 below one of "
    "them in each row. Exports of Label Studio, LightlyStudio, COCO, CVAT and FiftyOne are read as they are."
)
# What a column of a class may say.
_NO, _YES = {"0", "0.0"}, {"1", "1.0"}


Rows = Sequence[tuple[str, Mapping[str, str]]]  # of a CSV file, each with its place


def read_file(path: Path, name: str, classes: list[str]) -> Reading:
    """Read a file, or a folder of folders, in the format `name`; "auto" goes by the content.

    Raises `UserError` where it cannot be read at all; what is wrong in single rows stands in their place.
    """
    if not path.exists():
        raise UserError(f"There is no {path}. Name a file with labels, or a folder with a folder for each class.")
    if path.is_dir() != (name == "folders") and name != "auto":
        raise UserError(
            f"{path} is {'a folder' if path.is_dir() else 'a file'}, and --format {name} does not read that."
        )
    if path.is_dir():
        return _folders(path, classes)
    text = read_text(path)
    begins = text.lstrip()[:1]
    if begins in {"[", "{"}:
        reading = _json(path, text, classes)
    else:
        reading = read_cvat(path, text) if begins == "<" else _table(path, text, classes)
    if name not in {"auto", reading.format}:
        raise UserError(f"{path} is of the format {reading.format}, and --format says {name}. Leave --format out.")
    return reading


def _line(record: Record) -> str:
    return f"line {record.line}"


def _table(path: Path, text: str, classes: list[str]) -> Reading:
    """Take a CSV file of any format. Raises `UserError` where it is in none."""
    table, note = _parsed(path, text, classes)
    kind = _by_header(table)
    if kind == "csv" and "label" not in table.columns:
        return _one_hot(table, classes)
    rows = [(_line(record), record.cells) for record in table.records]
    if kind == "label-studio":
        return _flat(path, rows, classes)
    if kind == "lightly-studio":
        return _lightly_studio(rows)
    reading = _csv(rows, table.columns)
    reading.note = note
    refuse_numbers(path, {row.label for row in reading.rows if not row.problem}, classes)
    return reading


def _parsed(path: Path, text: str, classes: Sequence[str]) -> tuple[Table, str]:
    """A CSV file, and what is to say of it. Raises `UserError` where it is in no known format."""
    known = {*COLUMNS, *LIGHTLY_COLUMNS}
    try:
        forms = [form for forms in _HEADERS.values() for form in forms]
        return parse_table(path, text, forms, known, _SYNONYMS), ""
    except HeaderError as error:
        refused = error
    try:
        one_hot = [(frame, name) for name in classes for frame in ("path", "sha256")]
        return parse_table(path, text, one_hot, known, _SYNONYMS | {name: [name.lower()] for name in classes}), ""
    except HeaderError:
        if found := parse_list(path, text, classes):
            return found
        raise UserError(f"{refused} {advice(text, classes) or _CALL_COLUMNS}") from None


def _by_header(table: Table) -> str:
    """The format of a CSV file, by its columns."""
    kinds = (kind for kind, forms in _HEADERS.items() if any(set(form) <= set(table.columns) for form in forms))
    return next(kinds, "csv")


def _csv(rows: Rows, columns: Sequence[str]) -> Reading:
    reading = Reading("csv", unread=[name for name in columns if name not in {*COLUMNS, ROW_NUMBERS}])
    for where, written in rows:
        row = {name: meant(value) for name, value in written.items()}
        label = row["label"].strip()
        reading.take(where, [label] if label else [], *_about(row))
    return reading


def _about(row: Mapping[str, str]) -> tuple[str, str, tuple[str, str]]:
    """Of a row of a table: who labelled, when, and which frame."""
    frame = row.get("sha256", "").strip().lower(), path_in(row.get("path", "").strip())
    return row.get("by", ""), row.get("when", ""), frame


def _one_hot(table: Table, classes: Sequence[str]) -> Reading:
    """Take a table with a column for each class, of which one has a 1 in each row.

    A column of 0 and 1 alone counts, too, where no class has its name: else a frame of a class that the configuration
    lacks would be taken for one without a label.
    """
    others = [name for name in table.columns if name not in {*COLUMNS, ROW_NUMBERS}]
    columns = [
        name
        for name in others
        if name in classes or all(record.cells[name].strip() in _NO | _YES for record in table.records)
    ]
    reading = Reading("csv", unread=[name for name in others if name not in columns])
    for record in table.records:
        cells = {name: record.cells[name].strip() for name in columns}
        chosen = [name for name, cell in cells.items() if cell in _YES]
        odd = [f"{cell!r} in the column {name}" for name, cell in cells.items() if cell not in _NO | _YES]
        if not any(cells.values()) or (len(chosen) == 1 and _is_none(chosen[0], classes)):
            reading.skipped["without a label"] += 1
        elif odd:
            reading.refuse(_line(record), f"{odd[0]} is neither 0 nor 1")
        elif len(chosen) != 1:
            found = f"a 1 in {' and '.join(chosen)}" if chosen else "no 1"
            wanted = f"exactly one of the columns {', '.join(columns)} has to have a 1"
            reading.refuse(_line(record), f"{found}, but {wanted}; remove columns that are no class")
        else:
            row = {name: meant(value) for name, value in record.cells.items()}
            reading.take(_line(record), chosen, *_about(row))
    return reading


def _is_none(column: str, classes: Sequence[str]) -> bool:
    """Whether a column says that a frame has no label, as Roboflow's `Unlabeled` does."""
    return is_unlabelled_folder(column) and column not in classes


def _lightly_studio(rows: Rows) -> Reading:
    reading = Reading("lightly-studio")
    for where, written in rows:
        row = {name: meant(value) for name, value in written.items()}
        if row.get("confidence", "").strip():  # a person has none
            reading.skipped["predictions of a model"] += 1
            continue
        label = [row["class_name"]] if row["class_name"].strip() else []
        reading.take(where, label, row.get("annotation_source", ""), "", ("", path_in(row["file_path_abs"])))
    return reading


def _folders(path: Path, classes: list[str]) -> Reading:
    reading = Reading("folders")
    for file in sorted(path.rglob("*")):
        inside = file.relative_to(path).as_posix()
        if f"/{inside}".count("/.") or not file.is_file():
            continue
        if file.suffix.lower() not in SUFFIXES:
            reading.skipped[f"{file.suffix.lower()} files".lstrip()] += 1
            continue
        label = str(path_facts(inside, classes)["label"])
        if label:
            reading.take(inside, [label], "folder", "", (sha256(file), inside))
        else:
            reading.refuse(inside, f"lies in no folder named after a class ({', '.join(classes)})")
    if not reading.rows:
        reading.skipped.clear()  # a folder of anything else
    return reading


def _json(path: Path, text: str, classes: list[str]) -> Reading:
    try:
        data = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        if "Extra data" in str(error):
            raise UserError(f"{path} holds several JSON values, such as one a line. {_OTHER_JSON}") from None
        raise UserError(f"{path} cannot be read as JSON: {error}. Export it again; it may be damaged.") from None
    if is_coco(data):
        return read_coco(path, data)
    if is_fiftyone(data):
        return read_fiftyone(path, data)
    tasks = data if isinstance(data, list) else [data]
    if not all(isinstance(task, dict) and task.keys() & {"data", "annotation_id"} for task in tasks):
        raise UserError(f"{path} is JSON that linecam does not understand. {_OTHER_JSON}")
    return _label_studio(path, tasks, classes)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object of JSON. Of a key that stands there twice Python would keep the last value alone."""
    found = dict(pairs)
    if len(found) < len(pairs):
        key = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {key[:100]!r} stands twice in one object")
    return found


def _label_studio(path: Path, tasks: Sequence[Mapping[str, object]], classes: list[str]) -> Reading:
    named = [(f"task {task.get('id', number)}", task) for number, task in enumerate(tasks, 1)]
    if any("annotation_id" in task for task in tasks):
        return _flat(path, named, classes)
    reading = Reading("label-studio")
    for where, task in named:
        data = task.get("data")
        frame, images = _frame(data if isinstance(data, dict) else {})
        annotations = task.get("annotations")
        if not isinstance(annotations, list) or not annotations:
            reading.skipped["without a label"] += 1
            continue
        for annotation in annotations:
            if not isinstance(annotation, dict):
                reading.refuse(where, f"an annotation that is none: {str(annotation)[:50]!r}")
            elif annotation.get("was_cancelled"):
                reading.skipped["cancelled"] += 1
            elif len(images) > 1:
                reading.refuse(where, _several(images))
            else:
                _annotation(reading, where, annotation, frame)
    return reading


def _annotation(reading: Reading, where: str, annotation: Mapping[str, object], frame: tuple[str, str]) -> None:
    """Take one annotation of a full export."""
    where += f", annotation {annotation['id']}" if annotation.get("id") is not None else ""
    chosen: dict[str, list[str]] = {}
    others = set()  # boxes, ratings and the like
    results = annotation.get("result")
    for result in results if isinstance(results, list) else []:
        if isinstance(result, dict) and result.get("type") == "choices":
            chosen.setdefault(str(result.get("from_name")), []).extend(_choices(result.get("value")))
        elif isinstance(result, dict):
            others.add(str(result.get("type")))
    if others and not chosen:
        reading.skipped[f"with {' and '.join(sorted(others))} instead of a choice"] += 1
        return
    control = next((name for name in CONTROLS if name in chosen), next(iter(chosen), ""))
    if len(chosen) > 1 and control not in CONTROLS:
        names = ", ".join(chosen)
        reading.refuse(where, f"several choices ({names}), of which none is called label or choice")
        return
    when = annotation.get("updated_at") or annotation.get("created_at")
    reading.take(where, chosen.get(control, []), _person(annotation.get("completed_by")), str(when or ""), frame)


def _flat(path: Path, records: Sequence[tuple[str, Mapping[str, object]]], classes: list[str]) -> Reading:
    """Take a JSON_MIN or CSV export, which has an annotation a record: none that was cancelled is among them."""
    reading = Reading("label-studio")
    columns = list(dict.fromkeys(name for _, record in records for name in record if name not in _FLAT))
    known = [
        name
        for name in columns
        if name in CONTROLS or any(set(_choices(record.get(name))) & set(classes) for _, record in records)
    ]
    control = next((name for name in CONTROLS if name in known), known[0] if len(known) == 1 else None)
    if control is None:
        raise UserError(
            f"{path} looks like an export of Label Studio, and {'several' if known else 'none'} of its fields "
            f"({', '.join(columns) or 'there are none'}) could be the label. Call the choice `label` in the project's "
            "labelling interface, or export as JSON."
        )
    for where, record in records:
        when = record.get("updated_at") or record.get("created_at")
        by = _person(record.get("annotator"))
        frame, images = _frame(record)
        if len(images) > 1:
            reading.refuse(where, _several(images))
        else:
            reading.take(where, _choices(record.get(control)), by, str(when or ""), frame)
    return reading


def _choices(value: object) -> list[str]:
    """The labels in a value: text, {"choices": [...]}, a list of these, or one of them as JSON."""
    if isinstance(value, str):
        if value[:1] in {"[", "{"}:
            try:
                return _choices(json.loads(value))
            except (ValueError, RecursionError):
                return [value]
        return [value] if value.strip() else []
    if isinstance(value, dict):
        return _choices(value.get("choices"))
    if isinstance(value, list):
        return [choice for one in value for choice in _choices(one)]
    return [] if value is None else [str(value)]


def _person(completed_by: object) -> str:
    """Who an annotation is by: the e-mail address, or the number of the account."""
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("email") or completed_by.get("id")
    return "" if completed_by is None else str(completed_by)


def _frame(data: Mapping[str, object]) -> tuple[tuple[str, str], list[str]]:
    """SHA-256 and path of a task's frame, as far as the task says them, and all images that it might be."""
    digest, path = (str(data.get(name) or "").strip() for name in ("sha256", "path"))
    if digest or path:
        return (digest.lower(), path), []
    images = list(dict.fromkeys(_images([data.get("image")]))) or list(dict.fromkeys(_images(data.values())))
    return ("", next(iter(images), "")), images


def _several(images: Sequence[str]) -> str:
    return f"several images ({', '.join(map(shown, images[:3]))}), of which none is called image"


def _images(values: Iterable[object]) -> Iterator[str]:
    """The paths among some values that an image's name ends."""
    for value in values:
        if isinstance(value, str) and PurePosixPath(path := served_path(value)).suffix.lower() in SUFFIXES:
            yield path
