"""What the tests of labels in and out share: a small dataset, and the files of Label Studio (1.23) with every field."""

import csv
import hashlib
import json
import shutil
from pathlib import Path

import pandas as pd
import yaml

from linecam.frames.index import COLUMNS as INDEX
from linecam.labels.dataset import Dataset
from linecam.labels.store import COLUMNS, read_rows

ROOT = Path(__file__).parents[2]
CLASSES = ["bad", "good", "no_mask"]
# Two names that end alike, a copy under another name, one with what URLs and CSV escape.
PATHS = ["day1/C-1.jpg", "day2/C-1.jpg", "day1/C-2.jpg", "copy of C-2.jpg", 'odd/é &"%20, 3.jpg', "D-7.png", "D-8.png"]


def digest(path: str) -> str:
    return hashlib.sha256(content(path)).hexdigest()


def content(path: str) -> bytes:
    return b"day1/C-2.jpg" if path == "copy of C-2.jpg" else path.encode()


A, B, C, _, E, F, G = map(digest, PATHS)


def make_project(folder: Path) -> None:
    """Make `folder` linecam's, with the indexed dataset `mine`, in which nothing is selected or labelled."""
    shutil.copytree(ROOT / "config", folder / "config")
    dataset = {"name": "mine", "kind": "folder", "source": str(folder / "my frames"), "classes": CLASSES}
    (folder / "config/mine.yaml").write_text(yaml.safe_dump({"dataset": dataset, "select": {"train": 2}}))
    rows = []
    for path in PATHS:
        frame = folder / "my frames" / path
        frame.parent.mkdir(parents=True, exist_ok=True)
        frame.write_bytes(content(path))
        status = "duplicate" if path == "copy of C-2.jpg" else "ok"
        rows.append(dict.fromkeys(INDEX, "") | {"path": path, "sha256": digest(path), "status": status, "number": -1})
    (folder / "results/mine/index").mkdir(parents=True)
    pd.DataFrame(rows, columns=INDEX).to_csv(folder / "results/mine/index/frames.csv", index=False)


def write(path: str, columns: list[str], *rows: tuple[object, ...]) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([columns, *rows])
    return file


def label(dataset: Dataset, *rows: tuple[str, str, str]) -> None:
    """Write labels.csv: of each (path, label, by)."""
    write(str(dataset.labels), COLUMNS, *((digest(path), path, name, by, "2026-11-24") for path, name, by in rows))


def labels(dataset: Dataset) -> list[tuple[str, str, str]]:
    """What labels.csv holds: (path, label, by), sorted."""
    rows = read_rows(dataset.labels, CLASSES)
    assert all(row["sha256"] == digest(row["path"]) for row in rows)
    return sorted((row["path"], row["label"], row["by"]) for row in rows)


def choice(*names: str, control: str = "label") -> dict:
    return {"from_name": control, "to_name": "image", "type": "choices", "value": {"choices": list(names)}}


def annotation(number: int, by: object, *results: dict, **more: object) -> dict:
    """An annotation with every field of a JSON export."""
    guess = {
        "id": 1,
        "result": [choice("no_mask")],
        "model_version": "linecam",
        "created_ago": "1\u00a0minute",
        "score": 0.9,
        "cluster": None,
        "neighbors": None,
        "mislabeling": 0.0,
        "created_at": "2026-11-24T16:57:06.497174Z",
        "updated_at": "2026-11-24T16:57:06.497226Z",
        "model": None,
        "model_run": None,
        "task": 1,
        "project": 1,
    }
    return {
        "id": number,
        "completed_by": by,
        "result": list(results),
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2026-11-24T16:58:15.504660Z",
        "updated_at": f"2026-11-24T16:58:15.{number:06}Z",
        "draft_created_at": None,
        "lead_time": 1.5,
        "prediction": guess,
        "result_count": 1,
        "unique_id": "6bd9f164-208d-4a10-8252-e68c4827b633",
        "import_id": None,
        "last_action": None,
        "bulk_created": False,
        "task": 1,
        "project": 1,
        "updated_by": 1,
        "parent_prediction": None,
        "parent_annotation": None,
        "last_created_by": None,
    } | more


def task(number: int, data: dict, *annotations: dict, **more: object) -> dict:
    """A task with every field of a JSON export."""
    return {
        "id": number,
        "annotations": list(annotations),
        "file_upload": None,
        "drafts": [],
        "predictions": [1],
        "data": data,
        "meta": {},
        "created_at": "2026-11-24T16:57:06.448585Z",
        "updated_at": "2026-11-24T16:58:15.635190Z",
        "allow_skip": True,
        "inner_id": number,
        "total_annotations": len(annotations),
        "cancelled_annotations": 0,
        "total_predictions": 1,
        "comment_count": 0,
        "unresolved_comment_count": 0,
        "last_comment_updated_at": None,
        "project": 1,
        "updated_by": 1,
        "comment_authors": [],
    } | more


def data(path: str) -> dict:
    """A task's data, as linecam wrote it."""
    return {"image": f"/data/local-files/?d=frames/{path}", "sha256": digest(path), "path": path}


def minimal(number: int, about: dict, by: object, **more: object) -> dict:
    """A record of a JSON_MIN export."""
    return (
        about
        | {"id": number}
        | more
        | {
            "annotator": by,
            "annotation_id": number,
            "created_at": "2026-11-24T16:58:15.504660Z",
            "updated_at": f"2026-11-24T16:58:15.{number:06}Z",
            "lead_time": 1.5,
        }
    )


def as_json(tasks: list[dict], name: str = "export.json") -> Path:
    Path(name).write_text(json.dumps(tasks, indent=1), encoding="utf-8")
    return Path(name)


def as_csv(records: list[dict], name: str = "export.csv") -> Path:
    """A CSV export: columns sorted, all but numbers quoted."""
    columns = sorted({column for record in records for column in record})
    with Path(name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, quoting=csv.QUOTE_NONNUMERIC)
        writer.writeheader()
        writer.writerows(records)
    return Path(name)


RECORDS = [
    minimal(1, data("day1/C-1.jpg"), 1, label="bad"),
    minimal(2, data("day1/C-1.jpg"), 2, label="good"),
    minimal(3, data("day1/C-2.jpg"), 1, label="?"),
    minimal(4, data("D-7.png"), 1),  # submitted without a choice
]


def full_export() -> Path:
    return as_json(
        [
            task(
                1,
                data("day1/C-1.jpg"),
                annotation(1, 1, choice("bad")),
                annotation(2, 2, choice("good")),
                drafts=[5, 6],
            ),
            task(2, data("day1/C-2.jpg"), annotation(3, 1, choice("?"))),
            task(3, data("D-7.png"), annotation(4, 1), annotation(5, 2, choice("bad"), was_cancelled=True)),
            task(4, data("D-8.png")),
        ]
    )
