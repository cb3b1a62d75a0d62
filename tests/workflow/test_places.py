"""camera.rois in the configuration: what no camera can do is refused when a run is planned; and what is worst."""

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from linecam.boards.catalogue import load_boards
from linecam.bundle.parts import parts_of
from linecam.bundle.worst import UNDECIDED, worst_first
from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.frames.folder import read_folder
from linecam.workflow.config import load_settings
from linecam.workflow.counts import most_frames
from linecam.workflow.place_checks import shared
from linecam.workflow.plan import Plan

BOARDS = load_boards()
ROIS = [[10, 60, 90, 90], [110, 60, 90, 90]]
CLASSES = ["bad", "good", "empty"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of three frames, two of them the same."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, colour in enumerate(("red", "green", "green")):
        Image.new("RGB", (320, 240), colour).save(folder / f"A-{number}.png")
    return folder


def planned(source: Path, camera: dict[str, Any], **sections: Any) -> Plan:
    dataset = {"name": "x", "kind": "folder", "source": str(source), "classes": CLASSES}
    config = {"dataset": dataset, "camera": camera, "networks": ["slim7-64"]} | sections
    return Plan.of(load_settings(config), BOARDS)


def test_the_places_are_of_the_frame_of_all_boards(source: Path) -> None:
    plan = planned(source, {"rois": ROIS})
    assert plan.region == Region(rois=((10, 60, 90, 90), (110, 60, 90, 90)), frame=(320, 240))
    assert plan.config["camera"]["side"] is None
    assert plan.config["camera"]["rois"] == ROIS


def test_each_place_of_a_frame_can_be_chosen(source: Path, tmp_path: Path) -> None:
    listing = read_folder(source, tmp_path / "seen.json")
    assert most_frames(planned(source, {"rois": ROIS}), listing) == 4
    assert most_frames(planned(source, {}), listing) == 2


@pytest.mark.parametrize(
    ("camera", "told"),
    [
        (
            {"rois": [[10, 60, 90, 90], [240, 60, 90, 90]]},
            "camera.rois: [240, 60, 90, 90] reaches to 330, 150, and the",
        ),
        ({"rois": [[0, 0, 90, 90], [0, 151, 90, 90]]}, "reaches to 90, 241"),
        ({"rois": ROIS, "roi": [0, 0, 90, 90]}, "camera.roi is [0, 0, 90, 90], and camera.rois is [[10, 60, 90, 90],"),
        ({"rois": ROIS, "side": 100}, "camera.side is 100, and camera.rois is"),
        (
            {"rois": [[10, 60, 90, 90], [110, 60, 90, 80]]},
            "of one size, since one network judges them all, and there are",
        ),
        (
            {"rois": [[10, 60, 90, 90], [70, 60, 90, 90]]},
            "place 1, [10, 60, 90, 90], and place 2, [70, 60, 90, 90], have",
        ),
        ({"rois": [*ROIS, [110, 20, 90, 90]]}, "place 2, [110, 60, 90, 90], and place 3, [110, 20, 90, 90], have more"),
        ({"rois": ROIS, "frame_size": "VGA"}, "has no frame VGA"),
    ],
)
def test_what_no_camera_can_do_is_refused(source: Path, camera: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=re.escape(told)):
        planned(source, camera)


@pytest.mark.parametrize(
    ("rois", "told"),
    [
        ([[10, 60, 90, 90]], "camera.rois is [[10, 60, 90, 90]]. The list is too short: it takes 2 or more"),
        ([[n, 0, 8, 8] for n in range(17)], "The list is too long: it takes at most 16"),
        ([ROIS[0], ROIS[0]], "[10, 60, 90, 90] is in it twice"),
        ([ROIS[0], [110, 60, 90]], "camera.rois[1] is too short a list: it takes 4 values"),
        ([ROIS[0], [110, 60, 90, 90.0]], "camera.rois[1][3] is 90.0. Write a whole number"),
        ([ROIS[0], [110, -1, 90, 90]], "camera.rois[1][1] is -1. It has to be at least 0"),
        ([10, 60, 90, 90], "camera.rois[0] is 10. Write a list"),
        (2, "camera.rois is 2. Write a list"),
    ],
)
def test_places_are_lists_of_four_whole_numbers(source: Path, rois: Any, told: str) -> None:
    with pytest.raises(UserError, match=re.escape(told)):
        planned(source, {"rois": rois})


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"dataset": {"name": "x", "kind": "belt"}}, "camera.rois is for frames of yours (dataset.kind: folder), and"),
        ({"pretrain": {"methods": ["taught", "rendered"]}}, "the method rendered draws frames with one part each"),
        (
            {"study": [{"networks": ["slim7-64"], "methods": ["rendered"], "labels": [8], "seeds": [1]}]},
            "the method rendered draws",
        ),
        ({"bundle": {"firmware": "4.6.20"}}, "camera.rois needs firmware 4.7.0 or later on the cameras, and bundle"),
        ({"bundle": {"boards": ["openmv-h7", "openmv-ae3"]}}, "camera.rois is a region of one frame size, but QVGA"),
        ({"line": {"trigger": {"source": "class", "resting": "empty"}}}, "they cannot say when an item begins"),
        ({"line": {"drift": {"enabled": True, "learn": 2000}}}, "line.drift: its figures are for one decision a frame"),
        (
            {"line": {"worst_first": ["bad", "empty", "god"]}},
            "line.worst_first: 'god' is not a class. Did you mean good?",
        ),
        (
            {"line": {"worst_first": ["bad", "good"]}},
            "line.worst_first is bad, good, and the classes are bad, good, empty",
        ),
        ({"line": {"worst_first": ["bad", "empty", "bad"]}}, "Name each of them once"),
        (
            {"line": {"worst_first": ["bad", "good", "empty"]}},
            "good passes and comes before empty, which does not",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(source: Path, sections: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=re.escape(told)):
        planned(source, {"rois": ROIS}, **sections)


def test_oblong_places_need_firmware_5(source: Path) -> None:
    oblong = {"rois": [[10, 60, 90, 40], [110, 60, 90, 40]]}
    assert planned(source, oblong).region.oblong
    with pytest.raises(UserError, match=r"not a square\. Firmware before 5"):
        planned(source, oblong, bundle={"firmware": "4.8.1"})
    assert planned(source, {"rois": ROIS}, bundle={"firmware": "4.7.0"}).region.size == (90, 90)


def test_a_worst_place_without_places_is_refused(source: Path) -> None:
    with pytest.raises(UserError, match=re.escape("line.worst_first says which of several places decides")):
        planned(source, {}, line={"worst_first": ["bad", "empty", "good"]})


def test_a_split_by_folders_is_refused_unless_another_selection_is_asked_for(source: Path) -> None:
    for part in ("train", "test"):
        for name in CLASSES:
            (source / part / name).mkdir(parents=True)
            Image.new("RGB", (320, 240)).save(source / part / name / "A-1.png")
    for path in source.glob("*.png"):
        path.unlink()
    assert planned(source, {}).given_split
    with pytest.raises(UserError, match="don't say which of the places shows that"):
        planned(source, {"rois": ROIS})
    with pytest.raises(UserError, match="don't say which of the places shows that"):
        planned(source, {"rois": ROIS}, select={"strategies": ["given"]})
    assert planned(source, {"rois": ROIS}, select={"strategies": ["herding"]}).strategies == ["herding"]


@pytest.mark.parametrize(
    ("other", "share"),
    [
        ((100, 0, 100, 50), 0),
        ((50, 0, 100, 50), 0.5),
        ((-75, 25, 100, 50), 0.125),
        ((0, 0, 100, 50), 1),
        ((0, 50, 100, 50), 0),
    ],
)
def test_so_much_two_places_have_in_common(other: tuple[int, int, int, int], share: float) -> None:
    assert shared((0, 0, 100, 50), other) == share
    assert shared(other, (0, 0, 100, 50)) == share


@pytest.mark.parametrize(
    ("classes", "line", "expected"),
    [
        (CLASSES, {}, ["bad", "empty", None, "good"]),
        (["good", "empty", "bad"], {}, ["empty", "bad", None, "good"]),
        (CLASSES, {"signals": {"pass_pin": "P0", "passes": ["empty", "good"]}}, ["bad", None, "good", "empty"]),
        (CLASSES, {"signals": {"undecided": "pass"}}, ["bad", "empty", "good", None]),
        (CLASSES, {"signals": {"undecided": "nothing"}}, ["bad", "empty", None, "good"]),
        (CLASSES, {"worst_first": ["empty", "bad", "good"]}, ["empty", "bad", None, "good"]),
        (["b", "a"], {"worst_first": ["a", "b"]}, ["a", "b", None]),
        (["b", "a"], {"worst_first": ["a", "b"], "signals": {"fail_pin": "P0", "passes": ["b"]}}, ["a", None, "b"]),
    ],
)
def test_which_class_is_worst(
    source: Path, classes: list[str], line: dict[str, Any], expected: list[str | None]
) -> None:
    dataset = {"name": "x", "kind": "folder", "source": str(source), "classes": classes}
    plan = planned(source, {"rois": ROIS}, dataset=dataset, line=line)
    numbers = [UNDECIDED if name is None else classes.index(name) for name in expected]
    assert worst_first(classes, plan.config["line"]) == numbers
    assert ("line_places", {"order": numbers}) in parts_of(plan.config)


def test_somebody_has_to_say_what_is_bad(source: Path) -> None:
    dataset = {"name": "x", "kind": "folder", "source": str(source), "classes": ["b", "a"]}
    with pytest.raises(UserError, match=re.escape("Name all, the worst first: line: {worst_first: [b, a]}")):
        planned(source, {"rois": ROIS}, dataset=dataset)


def test_without_places_there_is_no_such_part(source: Path) -> None:
    assert "line_places" not in [name for name, _ in parts_of(planned(source, {}).config)]


@pytest.mark.parametrize(
    "other", [{"signals": {"fail_pin": "P4", "passes": ["good"]}}, {"trigger": {"source": "pin", "pin": "P4"}}]
)
def test_the_button_that_marks_a_frame_has_a_pin_of_its_own(source: Path, other: dict[str, Any]) -> None:
    keep = {"enabled": True, "mark_pin": "P4"}
    with pytest.raises(UserError, match=r"line\.keep\.mark_pin and line\.\S+ are both at P4 of OpenMV Cam H7"):
        planned(source, {}, line=other | {"keep": keep})
    planned(source, {}, line=other | {"keep": keep | {"enabled": False}})
    with pytest.raises(UserError, match=r"line\.keep\.mark_pin: OpenMV Cam H7 has no pin P12"):
        planned(source, {}, line={"keep": keep | {"mark_pin": "P12"}})
