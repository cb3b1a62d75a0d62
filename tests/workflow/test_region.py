"""camera.roi in the configuration: what no camera can do is refused when a run is planned."""

import re
from typing import Any

import pytest

from linecam.boards.catalogue import load_boards
from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.workflow.config import load_settings
from linecam.workflow.plan import Plan

BOARDS = load_boards()


def planned(camera: dict[str, Any], networks: list[str] | None = None, **bundle: Any) -> Plan:
    config = {"dataset": {"name": "x", "kind": "belt"}, "camera": camera, "networks": networks or ["swift7-112"]}
    return Plan.of(load_settings(config | {"bundle": bundle}), BOARDS)


@pytest.mark.parametrize(
    ("camera", "boards", "frame"),
    [
        ({"roi": [40, 100, 200, 60]}, ["openmv-h7"], (320, 240)),
        ({"roi": [0, 0, 320, 240]}, ["openmv-h7", "openmv-rt1062"], (320, 240)),
        ({"roi": [0, 0, 320, 200]}, ["openmv-ae3"], (320, 200)),
        ({"roi": [1, 2, 8, 9], "frame_size": "VGA"}, ["openmv-rt1062"], (640, 480)),
    ],
)
def test_a_region_is_of_the_frame_of_all_boards(camera, boards, frame):
    region = planned(camera, boards=boards).region
    assert region == Region(roi=tuple(camera["roi"]), frame=frame)


def test_without_a_region_it_is_the_square():
    assert planned({}).region == Region(side=240)
    assert planned({"roi": None, "side": 96}, ["swift7-64"]).region == Region(side=96)


def test_a_bundle_is_made_from_the_region():
    camera = planned({"roi": [40, 100, 200, 60]}).config["camera"]
    assert {name: camera[name] for name in ("frame_size", "side", "roi")} == {
        "frame_size": "QVGA",
        "side": None,
        "roi": [40, 100, 200, 60],
    }


@pytest.mark.parametrize(
    ("camera", "bundle", "told"),
    [
        (
            {"roi": [0, 0, 320, 241]},
            {},
            "reaches to 320, 241, and the frame QVGA of bundle.boards has 320 x 240",
        ),
        ({"roi": [1, 0, 320, 240]}, {}, "reaches to 321, 240"),
        ({"roi": [0, 0, 64, 64], "frame_size": "VGA"}, {}, "has no frame VGA"),
        ({"roi": [0, 0, 64, 64], "side": 100}, {}, "camera.side is 100, and camera.roi is [0, 0, 64, 64]"),
        (
            {"roi": [0, 0, 64, 64]},
            {"boards": ["openmv-h7", "openmv-ae3"]},
            "320 x 240 on OpenMV Cam H7, 320 x 200 on OpenMV AE3",
        ),
        ({"roi": [0, 0, 65, 64]}, {"firmware": "4.8.1"}, "Firmware before 5.0.0 would crop"),
        ({"roi": [0, 0, 65, 64]}, {"firmware": "4.5.9"}, "bundle.firmware is 4.5.9"),
    ],
)
def test_what_no_camera_can_do_is_refused(camera, bundle, told):
    with pytest.raises(UserError, match=re.escape(told)):
        planned(camera, **bundle)


@pytest.mark.parametrize(
    ("roi", "told"),
    [
        ([0, 0, 64], "camera.roi is too short a list: it takes 4 values"),
        ([0, 0, 64, 64, 1], "camera.roi is [0, 0, 64, 64, 1]. The list is too long"),
        ([0, 0, 64.0, 64], "camera.roi[2] is 64.0. Write a whole number"),
        ([0, -1, 64, 64], "camera.roi[1] is -1. It has to be at least 0"),
        ([0, 0, 64, 7], "camera.roi[3] is 7. It has to be at least 8"),
        (64, "camera.roi is 64. Write a list"),
    ],
)
def test_a_region_is_four_whole_numbers(roi, told):
    with pytest.raises(UserError, match=re.escape(told)):
        planned({"roi": roi})


def test_a_square_region_is_for_every_firmware_and_a_small_one_for_every_network():
    """Small parts are worth a look, too: that it is enlarged is said when it is decoded."""
    assert planned({"roi": [0, 0, 64, 64]}, ["swift7-112"], firmware="4.5.6").region.size == (64, 64)
    assert planned({"roi": [0, 0, 200, 40]}, ["swift7-112"]).region.size == (200, 40)
