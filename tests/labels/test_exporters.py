"""Labels and tasks for other tools: what goes out comes back, over no other file, and no test frame has a pre-label."""

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from linecam.errors import UserError
from linecam.files import sha256
from linecam.frames.places import place_digest, place_path
from linecam.frames.video import frame_digest, read_video_frame
from linecam.labels.dataset import Dataset
from linecam.labels.exchange import import_labels
from linecam.labels.exporters import TASKS, export, export_labels, export_tasks, write_folders
from linecam.labels.reading import served_path
from linecam.labels.store import COLUMNS, read_rows
from linecam.workflow.config import read_settings
from linecam.workflow.labelled import dataset_of
from tests.frames.films import film
from tests.labels.label_files import (
    CLASSES,
    PATHS,
    A,
    B,
    C,
    E,
    F,
    G,
    choice,
    digest,
    label,
    labels,
    make_project,
    write,
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def dataset(project: Path) -> Dataset:
    return dataset_of(read_settings(["config/mine.yaml"]))


ROWS = st.lists(
    st.tuples(
        st.sampled_from([path for path in PATHS if path != "copy of C-2.jpg"]),
        st.sampled_from([*CLASSES, "?"]),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"]), max_size=6).filter(
            lambda by: not by.isdecimal()  # the number of an account is not a name
        ),
        st.sampled_from(["", "2026-11-24", "2026-11-24T16:58:15+01:00"]),
    ),
    min_size=1,
    unique_by=lambda row: (row[0], row[2]),
)


@pytest.mark.parametrize("name", ["csv", "label-studio", "lightly-studio"])
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_round_trips(project, dataset, name, rows):
    shutil.rmtree(project / "data", ignore_errors=True)
    for file in ("out.json", "out.xml"):
        Path(file).unlink(missing_ok=True)
    write(str(dataset.labels), COLUMNS, *((digest(path), path, *row) for path, *row in rows))
    kept = COLUMNS if name != "lightly-studio" else COLUMNS[:-1]  # it has no time

    def rows_now() -> list[list[str]]:
        return sorted([row[column] for column in kept] for row in read_rows(dataset.labels, CLASSES))

    before = rows_now()
    export_labels(dataset, Path("out.json"), name)
    dataset.labels.unlink()
    import_labels(dataset, Path("out.json"), name)
    assert rows_now() == before


def test_round_trip_of_folders(dataset):
    given_labels = [("day1/C-1.jpg", "bad"), ("day2/C-1.jpg", "bad"), ("day1/C-2.jpg", "good"), (PATHS[4], "no_mask")]
    label(dataset, *((path, name, "Ann") for path, name in given_labels), ("D-8.png", "?", "Ann"))
    assert export_labels(dataset, Path("out"), "folders") == "4 frames in out"
    files = {file.relative_to("out").as_posix() for file in Path("out").rglob("*") if file.is_file()}
    # Two frames are called C-1.jpg: all get their folders, and the number stays at the end.
    assert files == {
        "bad/day1_C-1.jpg",
        "bad/day2_C-1.jpg",
        "good/day1_C-2.jpg",
        f"no_mask/{PATHS[4].replace('/', '_')}",
    }
    dataset.labels.unlink()
    import_labels(dataset, Path("out"), by=["Ann"])
    assert labels(dataset) == sorted((path, name, "Ann") for path, name in given_labels)


def test_a_frame_of_a_video_is_exported_as_an_image(dataset):
    path = film(dataset.folder / "C.mp4", 5)
    row = {"sha256": frame_digest(sha256(path), 3), "path": "C.mp4/000003.png", "label": "good"}
    write_folders(Path("out"), [row], dataset.folder, None)
    with Image.open("out/good/000003.png") as image:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(read_video_frame(path, 3)))
    film(path, 6)
    with pytest.raises(UserError, match="not the video that was indexed"):
        write_folders(Path("again"), [row], dataset.folder, None)


@pytest.mark.parametrize("name", ["label-studio", "lightly-studio"])
def test_tools_that_cannot_show_a_frame_of_a_video_get_none(dataset, name):
    path = film(dataset.folder / "C.mp4", 5)
    digest = frame_digest(sha256(path), 3)
    index = pd.read_csv(dataset.index, keep_default_na=False)
    added = pd.DataFrame([{"path": "C.mp4/000003.png", "sha256": digest, "status": "ok"}])
    pd.concat([index, added]).to_csv(dataset.index, index=False)
    write(str(dataset.labels), ["sha256", "path", "label", "by", "when"], (digest, "", "good", "Ann", ""))
    with pytest.raises(UserError, match=r"C\.mp4/000003\.png is a frame of a video"):
        export_labels(dataset, Path("out.json"), name)


def test_folders_have_test_frames_apart_and_one_label_a_frame(dataset):
    write(str(dataset.test), ["sha256", "path"], (F, "D-7.png"))
    label(dataset, ("D-7.png", "bad", "Ann"), ("D-8.png", "bad", "Ann"), ("D-8.png", "good", "Bob"))
    with pytest.raises(UserError, match=r"D-8.png is 'bad'"):
        export_labels(dataset, Path("out"), "folders")
    with dataset.labels.open("a") as file:
        file.write(f"{G},D-8.png,no_mask,decision,\n")
    export_labels(dataset, Path("out"), "folders")
    assert sorted(str(file) for file in Path("out").rglob("*.png")) == [
        "out/test/bad/D-7.png",
        "out/train/no_mask/D-8.png",
    ]


@pytest.mark.parametrize("change", [lambda file: file.write_bytes(b"another picture"), lambda file: file.unlink()])
def test_a_frame_that_is_not_what_was_labelled_is_not_exported(dataset, change):
    label(dataset, ("D-7.png", "bad", "Ann"), ("D-8.png", "bad", "Ann"))
    change(dataset.folder / "D-8.png")
    with pytest.raises(UserError, match=r"D-8\.png"):
        export_labels(dataset, Path("out"), "folders")
    assert not Path("out").exists()


@pytest.mark.parametrize("name", ["csv", "folders", "label-studio", "lightly-studio"])
def test_an_export_writes_over_nothing(dataset, name):
    with pytest.raises(UserError, match="nothing to export"):
        export_labels(dataset, Path("out.json"), name)
    label(dataset, ("D-7.png", "bad", "Ann"))
    for taken in ("taken/file.txt", "there.json", *(["beside.xml"] if name == "label-studio" else [])):
        Path(taken).parent.mkdir(exist_ok=True)
        Path(taken).write_text("mine")
        target = Path(taken).parent if taken == "taken/file.txt" else Path(taken).with_suffix(".json")
        with pytest.raises(UserError, match="is there already"):
            export_labels(dataset, target, name)
        assert Path(taken).read_text() == "mine"


def test_labels_of_other_frames_stay_at_home(dataset):
    label(dataset, ("D-7.png", "bad", "Ann"), ("removed.png", "bad", "Ann"))
    assert export_labels(dataset, Path("out.csv"), "csv") == "1 labels in out.csv"


# --- tasks


def tasks_of(dataset: Dataset, **more: Path) -> dict[str, dict]:
    """Write tasks, and return them by sha256."""
    for file in ("tasks.json", "tasks.xml"):
        Path(file).unlink(missing_ok=True)
    export_tasks(dataset, Path("tasks.json"), **more)
    return {entry["data"]["sha256"]: entry for entry in json.loads(Path("tasks.json").read_text(encoding="utf-8"))}


def selected(dataset: Dataset) -> None:
    """C and E are selected to train on, F and G to test on, A and G stand in the last batch."""
    write("results/mine/select/coreset-2.csv", ["sha256", "path"], (C, ""), (E, ""))
    write("results/mine/select/random-2.csv", ["sha256", "path"], (B, ""))  # of an earlier configuration
    write(str(dataset.test), ["sha256", "path"], (F, ""), (G, ""))
    write(
        str(dataset.batch),
        ["sha256", "path", "reason", "predicted", "p"],
        (A, "", "uncertain", "bad", "0.41"),
        (G, "", "uncertain", "bad", "0.99"),
        (E, "", "uncertain", "", ""),
    )


PREDICTIONS = ["sha256", "path", "part", "label", "predicted", "p_bad", "p_good", "p_no_mask"]


def test_tasks_are_selected_frames_without_a_label(dataset):
    selected(dataset)
    label(dataset, ("day1/C-2.jpg", "?", "Ann"))
    tasks = tasks_of(dataset)
    assert list(tasks) == [A, G, E, F]
    assert tasks[E]["data"]["path"] == PATHS[4]
    image = tasks[E]["data"]["image"]
    assert image.startswith("/data/local-files/?d=my%20frames/odd/")
    assert served_path(image) == f"my frames/{PATHS[4]}"
    assert set(tasks[F]) == {"data"}


def test_the_labelling_interface_and_the_pre_labels_belong_together(dataset):
    selected(dataset)
    guess = tasks_of(dataset)[A]["predictions"]
    assert guess == [{"model_version": "linecam", "score": 0.41, "result": [choice("bad")]}]
    view = ET.parse("tasks.xml").getroot()
    image, choices = view.find("Image"), view.find("Choices")
    assert (image.get("name"), image.get("value")) == ("image", "$image")
    assert (choices.get("name"), choices.get("toName"), choices.get("choice")) == ("label", "image", "single")
    assert [entry.get("value") for entry in choices] == [*CLASSES, "?"]
    assert len({entry.get("hotkey") for entry in choices}) == 4


def test_no_test_frame_ever_has_a_pre_label(dataset):
    selected(dataset)
    rows = [(d, "", "unlabelled", "", "good", "0.1", "0.8", "0.1") for d in (A, C, F, G)]
    file = write("predictions.csv", PREDICTIONS, *rows, (E, "", "test", "", "good", "0.1", "0.8", "0.1"))
    tasks = tasks_of(dataset, predictions=file)
    assert set(tasks) == {A, C, E, F, G}
    assert {d for d, entry in tasks.items() if "predictions" in entry} == {A, C}
    assert tasks[A]["predictions"][0]["score"] == 0.8  # the file that was named comes first
    assert "predictions" not in tasks_of(dataset, frames=dataset.test, predictions=file)[F]
    dataset.test.unlink()
    with pytest.raises(UserError, match="linecam does not know the test frames"):
        tasks_of(dataset, predictions=file)
    assert not any("predictions" in entry for entry in tasks_of(dataset).values())


@pytest.mark.parametrize(
    "row",
    [
        (C, "", "", "", "ugly", "0.1", "0.8", "0.1"),
        (C, "", "", "", "good", "0.1", "", "0.1"),
        (C, "", "", "", "good", "0.1", "80", "0.1"),
    ],
)
def test_predictions_that_are_none(dataset, row):
    selected(dataset)
    with pytest.raises(UserError, match=r"predictions\.csv predicts"):
        tasks_of(dataset, predictions=write("predictions.csv", PREDICTIONS, row))


def test_what_there_are_no_tasks_for(dataset):
    with pytest.raises(UserError, match="No frame of mine is selected yet"):
        tasks_of(dataset)
    with pytest.raises(UserError, match="names 1 frames that mine does not have"):
        tasks_of(dataset, frames=write("list.csv", ["sha256"], ("0" * 64,), (A,)))
    with pytest.raises(UserError, match=r"read as the columns 'path'\. Expected are sha256"):
        tasks_of(dataset, frames=write("list.csv", ["path"], ("D-7.png",)))
    with pytest.raises(UserError, match=r"list2\.csv cannot be read"):
        tasks_of(dataset, frames=Path("list2.csv"))
    with pytest.raises(UserError, match=r"\.json file"):
        export_tasks(dataset, Path("tasks.xml"), frames=write("list.csv", ["sha256"], (A,)))
    write(str(dataset.test), ["sha256", "path"], (F, ""))
    label(dataset, ("D-7.png", "bad", "Ann"))
    with pytest.raises(UserError, match="Every selected frame of mine has a label"):
        tasks_of(dataset)
    assert list(tasks_of(dataset, frames=write("list.csv", ["sha256"], (F,), (A,), (F,)))) == [F, A]


def test_tasks_that_nobody_has_answered_are_no_labels(dataset):
    tasks = tasks_of(dataset, frames=write("list.csv", ["sha256"], (F,)))
    outcome = import_labels(dataset, Path("tasks.json"))
    assert outcome.skipped == {"without a label": len(tasks)}
    assert not dataset.labels.exists()


def test_what_is_said_of_an_export(dataset):
    selected(dataset)
    told = export(dataset, Path("out/tasks.json"), TASKS, None, None)
    assert "5 tasks in out/tasks.json, 1 of them with a pre-label" in told
    assert f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={dataset.folder.parent}, " in told
    label(dataset, ("D-7.png", "bad", "Ann"))
    assert export(dataset, Path("out/a.csv"), "csv", None, None) == "1 labels in out/a.csv"
    for about in [(Path("a.csv"), None), (None, Path("a.csv"))]:
        with pytest.raises(UserError, match="go with --format label-studio-tasks"):
            export(dataset, Path("out/b.csv"), "csv", *about)


@pytest.mark.parametrize("name", ["folders", "label-studio", "lightly-studio"])
def test_tools_that_cannot_show_one_place_of_a_frame_get_none(dataset, name):
    path = place_path("D-7.png", 2)
    digest = place_digest(F, 2)
    index = pd.read_csv(dataset.index, keep_default_na=False)
    added = pd.DataFrame([{"path": path, "sha256": digest, "status": "ok"}])
    pd.concat([index, added]).to_csv(dataset.index, index=False)
    write(str(dataset.labels), ["sha256", "path", "label", "by", "when"], (digest, "", "good", "Ann", ""))
    with pytest.raises(UserError, match=r"D-7\.png/place-2\.png is one place of a frame"):
        export_labels(dataset, Path("out.json"), name)
    export_labels(dataset, Path("out.csv"), "csv")
    assert "D-7.png/place-2.png" in Path("out.csv").read_text()
