"""The rerun table: what Snakemake plans after each kind of change, counted job by job."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.conftest import Project

AFTER_EVALUATION = {
    "choose": 1,
    "predict_clean": 1,
    "evaluate_clean": 1,
    "predict_votes": 1,
    "evaluate_votes": 1,
    "explain": 1,
    "compare_layers": 1,
    "bundle": 1,
    "report": 1,
}
AFTER_QUANTIZE = {"predict_tflite": 2, "check_firmware": 2, "evaluate": 2} | AFTER_EVALUATION
AFTER_FINETUNE = AFTER_QUANTIZE | {
    "calibrate": 1,
    "set_thresholds": 1,
    "export_onnx": 1,
    "convert_savedmodel": 1,
    "quantize": 2,
    "predict_float": 1,
    "predict_onnx": 1,
    "evaluate": 4,
}
AFTER_SPLIT = AFTER_FINETUNE | {"finetune": 1, "finetune_fold": 2}
NEW_SPLIT = {"split": 1, "decode_part": 2, "find_near": 1}
DECODED = {"decode_frames": 1, "gather_pixels": 1}
EMBEDDED = {"embed": 1, "gather_embeddings": 1}


@pytest.fixture
def project(folder: Project, tmp_path: Path) -> Iterator[Project]:
    """A copy of the built project, to change."""
    copy = folder.copy(tmp_path / "mine")
    yield copy
    shutil.rmtree(copy.folder)  # 25 MB, and pytest keeps three


def reconfigure(project: Project, section: str, **values: object) -> None:
    path = project.folder / "config/test.yaml"
    config = yaml.safe_load(path.read_text())
    config[section] = config.get(section, {}) | values
    project.configure(config)


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def test_unchanged(project: Project) -> None:
    assert project.planned() == {}


def test_added_range(project: Project) -> None:
    reconfigure(project, "quantize", ranges=["calibrated", [-6, 6], [-25, 25]])
    one = {"quantize": 1, "predict_tflite": 1, "check_firmware": 1, "evaluate": 1}
    assert project.planned() == one | AFTER_EVALUATION


def test_changed_range(project: Project) -> None:
    reconfigure(project, "quantize", ranges=["calibrated", [-8, 8]])
    one = {"quantize": 1, "predict_tflite": 1, "check_firmware": 1, "evaluate": 1}
    assert project.planned() == one | AFTER_EVALUATION


@pytest.mark.parametrize("change", [{"thresholds": {"bad": 0.4}}, {"recall": {"bad": 0.99}}])
def test_threshold(project: Project, change: dict[str, object]) -> None:
    reconfigure(project, "bundle", **change)
    assert project.planned() == {"set_thresholds": 1, "evaluate": 4} | AFTER_EVALUATION, (
        "nothing is trained or quantized"
    )


def test_definition_of_a_class(project: Project) -> None:
    reconfigure(project, "dataset", definitions={"bad": "A scratch."})
    assert project.planned() == {"report": 1}


def test_votes(project: Project) -> None:
    voted = {"evaluate_votes": 1, "bundle": 1, "report": 1}
    reconfigure(project, "bundle", votes=4)
    assert project.planned() == voted
    reconfigure(project, "bundle", votes=9)
    assert project.planned() == voted | {"predict_votes": 1}, "further frames than ever before"


def test_board(project: Project) -> None:
    reconfigure(project, "bundle", boards=["openmv-h7", "openmv-rt1062"])
    assert project.planned() == {"check_firmware": 2} | AFTER_EVALUATION | {"bundle": 2}


SEEN_ANEW = AFTER_SPLIT | NEW_SPLIT | DECODED | EMBEDDED | {"select_train": 1, "project_frames": 1}


def test_smaller_square(project: Project) -> None:
    reconfigure(project, "camera", side=120)
    assert project.planned() == SEEN_ANEW, "the index has the middle of each frame, whatever its side is"


def test_region(project: Project) -> None:
    reconfigure(project, "camera", roi=[40, 100, 200, 60])
    indexed = {"index_frames": 1, "select_test": 1}
    assert project.planned() == SEEN_ANEW | indexed, "which frames have the region, the index says"


def test_finetune_parameter(project: Project) -> None:
    reconfigure(project, "finetune", epochs=3)
    assert project.planned() == AFTER_SPLIT


def test_folds(project: Project) -> None:
    reconfigure(project, "finetune", folds=3)
    assert project.planned() == AFTER_SPLIT | NEW_SPLIT | {"finetune_fold": 3}


def test_comment_in_the_calibration(project: Project) -> None:
    append(project.folder / "scripts/calibrate.py", "# a comment\n")
    assert project.planned() == AFTER_FINETUNE


def test_second_seed_trains_one_more_model(project: Project) -> None:
    reconfigure(project, "finetune", seeds=[1, 2])
    planned = project.planned()
    assert (planned["finetune"], planned["finetune_fold"], planned["calibrate"]) == (1, 2, 1)
    assert planned["quantize"] == 2
    assert not planned.keys() & {"split", "pretrain", "embed", "decode_frames"}


def test_one_label(project: Project) -> None:
    labels = project.folder / "data/mine/labels.csv"
    table = pd.read_csv(labels)
    chosen = pd.read_csv(project.folder / "results/mine/select/coreset-60.csv")["sha256"][0]
    row = table.index[table["sha256"] == chosen][0]
    table.loc[row, "label"] = "good" if table.loc[row, "label"] != "good" else "bad"
    table.to_csv(labels, index=False)
    assert project.planned() == AFTER_SPLIT | NEW_SPLIT


def test_one_more_labelled_frame(project: Project) -> None:
    append(project.folder / "data/mine/labels.csv", f"{'0' * 64},elsewhere.jpg,good,me,2026-11-22\n")
    assert project.planned() == AFTER_SPLIT | NEW_SPLIT | {"select_train": 1, "project_frames": 1}


def test_one_added_frame(project: Project) -> None:
    frames = project.folder / "frames"
    first = next(iter(sorted(frames.glob("*.jpg"))))
    (frames / "Z-00001.jpg").write_bytes(first.read_bytes() + b"\0")  # other bytes, same picture
    indexed = {"index_frames": 1, "select_test": 1, "select_train": 1, "project_frames": 1} | DECODED | EMBEDDED
    assert project.planned() == AFTER_SPLIT | NEW_SPLIT | indexed, "pretraining must not start anew by itself"


def test_pretraining_on_request(project: Project) -> None:
    planned = project.planned("--forcerun", "pretrain")
    assert planned == AFTER_SPLIT | NEW_SPLIT | EMBEDDED | {"pretrain": 1, "select_train": 1, "project_frames": 1}


def test_classes_in_another_order(project: Project) -> None:
    """The outputs of the network change places; pixels, selection and backbone are the same."""
    reconfigure(project, "dataset", classes=["no_mask", "good", "bad"])
    assert project.planned() == AFTER_SPLIT


def test_more_test_frames(project: Project) -> None:
    """Decoding and pretraining wait for the selection of the test, and are not done again for another one."""
    reconfigure(project, "select", test=60)
    assert project.planned() == AFTER_SPLIT | NEW_SPLIT | {"select_test": 1, "select_train": 1, "project_frames": 1}


def test_deleted_intermediate(project: Project) -> None:
    pixels = "results/mine/pixels/64.npy"
    (project.folder / pixels).unlink()
    assert project.planned() == {}, "nothing that is wanted lacks anything"
    assert project.planned(pixels) == DECODED
    project.build(pixels)
    assert project.planned() == {}, "made again with the same bytes, it changes nothing"


def test_comment_in_a_script(project: Project) -> None:
    append(project.folder / "scripts/evaluate.py", "# a comment\n")
    assert project.planned() == {"evaluate": 4} | AFTER_EVALUATION


def test_line_in_a_shared_module(project: Project) -> None:
    append(project.folder / "linecam/tflite/tflm.py", "NEW = 1\n")
    assert project.planned() == AFTER_QUANTIZE


def test_module_of_a_module(project: Project) -> None:
    append(project.folder / "linecam/labels/store.py", "NEW = 1\n")
    assert project.planned() == AFTER_SPLIT | NEW_SPLIT | {"select_train": 1, "project_frames": 1}


def test_touched_files(project: Project) -> None:
    for name in ["config", "linecam", "scripts", "data", "frames", "results/mine/pixels", "openmv", "rules"]:
        for path in (project.folder / name).rglob("*"):
            if path.is_file():
                os.utime(path)
    assert project.planned() == {}
