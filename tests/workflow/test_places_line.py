"""Several places of a frame in the workflow: index, pixels and selection of a small line, and what is planned then."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from linecam.camera.arithmetic import to_input
from linecam.camera.region import Region
from linecam.files import sha256
from linecam.frames.decode import read_region
from linecam.frames.index import read_frames
from linecam.frames.places import place_digest
from tests.conftest import TINY, Project, copy_project

ROIS = [[20, 70, 100, 100], [180, 70, 100, 100]]
TRAYS = 40
CONFIG = TINY | {
    "dataset": {"name": "trays", "kind": "folder", "source": "trays", "classes": ["bad", "good"]},
    "camera": {"rois": ROIS},
    "pretrain": {"methods": ["none"]},
    "select": {"train": 30, "test": 30, "strategies": ["random"]},
}
PIXELS = "results/trays/pixels/64.npy"
CHOSEN = ["results/trays/select/random-30.csv", "results/trays/select/test.csv"]


@pytest.fixture(scope="module")
def trays(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with trays of two parts each, decoded and selected, without a label."""
    project = copy_project(tmp_path_factory.mktemp("trays") / "project", CONFIG)
    (project.folder / "trays").mkdir()
    for number in range(TRAYS):
        draw(project.folder / f"trays/T-{number:03}.png", number)
    project.build(PIXELS, *CHOSEN)
    return project


def draw(path: Path, seed: int) -> None:
    """A tray of noise, in which each place has a colour of its own."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 60, (240, 320, 3), np.uint8)
    for x, y, width, height in ROIS:
        image[y : y + height, x : x + width] = rng.integers(0, 256, 3)
    Image.fromarray(image).save(path)


def test_each_place_is_a_picture_as_with_a_region_of_its_own(trays: Project) -> None:
    frames = read_frames(trays.folder / "results/trays/index/frames.csv")
    pixels = np.load(trays.folder / PIXELS)
    assert len(frames) == len(pixels) == 2 * TRAYS
    for number in (0, 17):
        path = trays.folder / f"trays/T-{number:03}.png"
        for place, (x, y, width, height) in enumerate(ROIS, 1):
            alone = read_region(path, Region(roi=(x, y, width, height), frame=(320, 240)))
            row = frames.index[frames["path"] == f"T-{number:03}.png/place-{place}.png"][0]
            np.testing.assert_array_equal(pixels[row], to_input(alone[None], 64)[0])


def test_no_place_is_trained_and_tested_on(trays: Project) -> None:
    train, test = (pd.read_csv(trays.folder / path) for path in CHOSEN)
    assert (len(train), len(test)) == (30, 30)
    assert not set(train["sha256"]) & set(test["sha256"])
    assert {path.rpartition("/")[2] for path in test["path"]} == {"place-1.png", "place-2.png"}


def test_with_labels_the_whole_line_is_planned(trays: Project, tmp_path: Path) -> None:
    project = trays.copy(tmp_path / "labelled")
    frames = read_frames(project.folder / "results/trays/index/frames.csv")
    labels = pd.DataFrame({"sha256": frames["sha256"], "path": frames["path"]})
    labels = labels.assign(label=["bad", "good"] * TRAYS, by="me", when="2026-01-01T00:00:00+00:00")
    (project.folder / "data/trays").mkdir(parents=True)
    labels.to_csv(project.folder / "data/trays/labels.csv", index=False)
    planned = project.planned()
    assert {rule: planned[rule] for rule in ("finetune", "quantize", "bundle", "report")} == {
        "finetune": 1,
        "quantize": 2,
        "bundle": 1,
        "report": 1,
    }
    assert "index_frames" not in planned


def test_a_frame_that_has_changed_has_its_places_cut_again_and_no_other(trays: Project, tmp_path: Path) -> None:
    project = trays.copy(tmp_path / "changed")
    before = np.load(project.folder / PIXELS)
    draw(project.folder / "trays/T-007.png", 1000)
    first = {"index_frames", "select_test", "select_train"}  # what fails early comes before what costs
    assert project.planned(PIXELS) == dict.fromkeys(first | {"decode_frames", "gather_pixels"}, 1)
    project.build(PIXELS)
    frames = read_frames(project.folder / "results/trays/index/frames.csv")
    digest = sha256(project.folder / "trays/T-007.png")
    rows = frames.index[frames["path"].str.startswith("T-007.png/")]
    assert list(frames.loc[rows, "sha256"]) == [place_digest(digest, 1), place_digest(digest, 2)]
    after = np.load(project.folder / PIXELS)
    assert list(np.flatnonzero((before != after).any(axis=(1, 2, 3)))) == list(rows)


def test_a_place_that_is_moved_keeps_its_labels(trays: Project, tmp_path: Path) -> None:
    project = trays.copy(tmp_path / "moved")
    index = project.folder / "results/trays/index/frames.csv"
    before = read_frames(index)
    project.configure(CONFIG | {"camera": {"rois": [[22, 70, 100, 100], ROIS[1]]}})
    planned = project.planned(PIXELS)
    assert (planned["index_frames"], planned["decode_frames"]) == (1, 1)
    project.build(PIXELS)
    assert list(read_frames(index)["sha256"]) == list(before["sha256"])
    summary = json.loads((index.parent / "summary.json").read_text())
    assert f"each frame is 2 pictures, one of each place (camera.rois): {2 * TRAYS} to choose from" in summary["lines"]
