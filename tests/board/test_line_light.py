"""The same picture every time, under a real MicroPython: line_light.py beside main.py, and what collect.py holds."""

import ast
import json
import subprocess

import numpy as np
import pytest

from linecam.bundle.contents import as_copied
from linecam.camera.arithmetic import expand
from linecam.camera.light import brightness_and_contrast
from tests.board.camera import (
    BAD,
    BIN,
    COLLECT,
    FIRMWARE,
    GOOD,
    HOLDING,
    ROOT,
    SETTLING,
    Camera,
    collect,
    pixels,
)

LIGHT = ROOT / "openmv/line_light.py"
FIRST = SETTLING + HOLDING + 1  # the number of the first snapshot that is judged
FOUND = [["auto_gain", False, 6.02], ["auto_whitebal", False, [1.5, 0.0, 2.25]], ["auto_exposure", False, 12034]]
AUTO = {"gain_db": "auto", "white_balance": "auto", "exposure_us": "auto"}
LIMITS = {"brightness": [80.0, 180.0], "contrast": 20.0}
USUAL = [90, 150]  # grey of the left and the right half: brightness 120, contrast 30


def write(camera: Camera, limits: dict | None = None, hold: dict | None = None, **settings: object) -> None:
    """Write a bundle with line_light.py."""
    camera.write(parts=[["line_light", limits or {}]], **({"hold": hold} if hold else {}), **settings)
    (camera.folder / "drive/line_light.py").write_text(as_copied(LIGHT.read_text()))


# --- what is held


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_fixed_values_are_set_before_the_first_judged_frame_the_exposure_last(camera, firmware):
    write(camera, hold={"exposure_us": 9000, "white_balance": [1, 2.5, 3], "gain_db": 4})
    run = camera.run(firmware, scores=[GOOD])
    held = [["auto_gain", False, 4], ["auto_whitebal", False, [1, 2.5, 3]], ["auto_exposure", False, 9000]]
    assert run.seen["held"] == [["reset"], *held]
    assert run.lines[1] == {"held": {"gain_db": 4, "white_balance": [1, 2.5, 3], "exposure_us": 9000}}
    assert run.decisions[0]["ms"] == 120


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_auto_is_what_the_sensor_found_and_is_held(camera, firmware):
    write(camera, hold=AUTO)
    run = camera.run(firmware, scores=[GOOD])
    assert run.seen["held"] == [["reset"], *FOUND]


def test_what_is_not_named_stays_automatic(camera):
    write(camera, hold={"exposure_us": "auto"})
    assert camera.run(scores=[GOOD]).seen["held"] == [["reset"], FOUND[2]]


def test_without_anything_to_hold_no_frame_is_lost(camera):
    write(camera, limits=LIMITS)
    run = camera.run(scores=[GOOD], grey={"0": USUAL})
    assert run.seen["held"] == [["reset"]]
    assert run.seen["lit"] == ["", "G", ""]


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize(("lacks", "name"), [("rgb_gain_db", "white_balance"), ("gain_db", "gain_db")])
def test_a_sensor_that_lacks_one_is_told_and_holds_the_others(camera, firmware, lacks, name):
    write(camera, hold=AUTO)
    run = camera.run(firmware, scores=[GOOD], lacks=[lacks])
    assert run.seen["held"][1:] == [
        call for call in FOUND if call[0] != {"gain_db": "auto_gain"}.get(lacks, "auto_whitebal")
    ]
    assert {"note": f"this sensor cannot hold {name}: its automatic stays on"} in run.lines
    assert run.labels == ["good"]


def test_a_gain_of_a_colour_that_is_not_there_is_none(camera):
    """20 * log10(0), as sensors whose white balance the firmware computes say of a frame without blue."""
    write(camera, hold={"white_balance": "auto", "gain_db": 100})
    run = camera.run(scores=[GOOD], finds={"gain_db": 1.0, "rgb_gain_db": [1.0, 0.0, "-inf"], "exposure_us": 1})
    assert run.seen["held"][1:] == [["auto_gain", False, 100]]


@pytest.mark.parametrize("firmware", ["4.7.0", "5.0.0"])
def test_after_a_reset_of_the_sensor_the_same_is_held_again(camera, firmware):
    """Also what was found at the start: it is not looked for anew."""
    write(camera, hold={"gain_db": "auto", "exposure_us": 700})
    run = camera.run(firmware, scores=[GOOD, BAD], fail=list(range(FIRST + 1, FIRST + 11)))
    held = [["auto_gain", False, 6.02], ["auto_exposure", False, 700]]
    assert run.seen["held"] == [["reset"], *held] * 2
    assert run.labels == ["good", "bad"]


def test_a_frame_that_fails_while_it_is_held_does_no_harm(camera):
    write(camera, hold=AUTO)
    run = camera.run(scores=[GOOD], fail=[SETTLING + 2])
    assert run.labels == ["good"]
    assert "error" not in run.printed


# --- what is not judged


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize(
    ("halves", "told"),
    [
        ([20, 90], "darker than any training frame"),
        ([170, 250], "brighter than any training frame"),
        ([110, 130], "less contrast than any training frame"),
    ],
)
def test_a_frame_in_odd_light_is_said_and_not_judged(camera, firmware, halves, told):
    write(camera, LIMITS, votes=2)
    at = SETTLING + 2
    run = camera.run(firmware, scores=[GOOD, BAD, BAD], grey={"0": USUAL, str(at): halves})
    assert [line for line in run.lines if "error" in line] == [{"error": told}]
    assert run.labels == ["bad"], "no vote spans it"


def test_no_old_decision_stays_lit(camera):
    write(camera, LIMITS)
    run = camera.run(scores=[GOOD, GOOD], grey={"0": USUAL, str(SETTLING + 2): [0, 0]})
    assert run.seen["lit"] == ["", "G", "", "G", ""]


def test_it_is_said_at_most_once_a_second(camera):
    write(camera, LIMITS)
    dark = {str(SETTLING + n): [0, 0] for n in range(1, 26)}
    run = camera.run(scores=[GOOD], grey={"0": USUAL} | dark)
    assert [line for line in run.lines if "error" in line] == [{"error": "darker than any training frame"}] * 3
    assert run.labels == ["good"]


@pytest.mark.parametrize(
    ("limits", "judged"),
    [
        ({"brightness": [118.0, 180.0]}, True),
        ({"brightness": [120.0, 180.0]}, False),
        ({"brightness": [80.0, 118.0]}, False),
        ({"contrast": 29.0}, True),
        ({"contrast": 31.0}, False),
    ],
)
def test_limits_are_in_levels(camera, limits, judged):
    """In RGB565 the halves are 89 and 149: 119 and 30."""
    write(camera, LIMITS | limits)
    run = camera.run(scores=[GOOD], grey={"0": USUAL}, snapshots=SETTLING + 3)
    assert bool(run.labels) == judged


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_the_loop_with_the_part_allocates_nothing(camera, firmware):
    """In one frame of three the light is odd: said, and not judged."""
    write(camera, LIMITS, hold=AUTO, votes=3)
    odd = {str(n): [0, 0] for n in range(FIRST, 300, 3)}
    run = camera.run(firmware, scores=[GOOD, BAD], rounds=60, lock=True, grey={"0": USUAL} | odd)
    before, after = run.seen["memory"]
    assert before == after > 0


def test_the_lock_finds_what_the_part_allocates(camera):
    """The test above can fail: a pixel as a tuple, or the whole frame as an object."""
    write(camera, LIMITS)
    part = camera.folder / "drive/line_light.py"
    part.write_text(part.read_text().replace("at[0] = ", "self.at = at = [0, 0]; at[0] = "))
    with pytest.raises(AssertionError, match="heap is locked"):
        camera.run(scores=[GOOD], rounds=5, lock=True, grey={"0": USUAL})


# --- the same numbers on the PC


@pytest.mark.parametrize(
    ("width", "height", "place"),
    [(240, 240, None), (61, 30, None), (16, 200, None), (5, 5, None), (100, 80, (30, 40, 50, 35))],
)
def test_the_pc_finds_the_same_brightness_and_contrast(camera, tmp_path, width, height, place):
    """One step beyond what the PC finds, in the camera's units, and the frame is not judged; or a place of it."""
    x, y, wide, high = place or (0, 0, width, height)
    seen = [expand(pixels(number, width, height)[y : y + high, x : x + wide]) for number in (7, 8)]
    bright, contrast = brightness_and_contrast(np.stack(seen))
    script = tmp_path / "ask.py"
    script.write_text(
        f"import sys\nsys.path[:] = [{str(ROOT / 'tests/board/common')!r}, {str(ROOT / 'openmv')!r}]\n"
        "import board, line_light\n"
        f"places = {[place] if place else []}\n"
        "part = line_light.Part({'brightness': [0, 255], 'contrast': 0}, [], {'rois': places})\n"
        "for number in (7, 8):\n"
        f"    image = board.Image(board.RGB565, {width}, {height}, number)\n"
        "    low, high, least = 0, 1 << 20, 1 << 40\n"
        "    part.high = high\n"
        "    part.least = -1\n"
        "    a, b = -40000, 40000\n"  # the largest limit that the brightness does not fall below
        "    while b - a > 1:\n"
        "        part.low = (a + b) // 2\n"
        "        if part.sees(image):\n            b = part.low\n        else:\n            a = part.low\n"
        "    part.low = -40000\n"
        "    c, d = -1, 1 << 40\n"
        "    while d - c > 1:\n"
        "        part.least = (c + d) // 2\n"
        "        if part.sees(image):\n            d = part.least\n        else:\n            c = part.least\n"
        "    print(a, c)\n"
    )
    done = subprocess.run([BIN / "micropython", script], capture_output=True, text=True, check=True)
    found = [[int(x) for x in line.split()] for line in done.stdout.splitlines() if not line.startswith("{")]
    assert found == [[round((b - 128) * 256), round(c * c * 16384)] for b, c in zip(bright, contrast, strict=True)]


@pytest.mark.parametrize("grey", [0, 255])
def test_no_number_leaves_what_the_camera_has_room_for_in_a_word(grey):
    """Its small whole numbers have 31 bits: larger ones go to the heap."""
    assert 31 * 79 + 63 * 76 + 31 * 30 == 255 * 32 + 7
    total, squares = 256 * (grey - 128), 256 * (grey - 128) ** 2
    assert max((total >> 1) ** 2, squares << 6) < 2**30


# --- collect.py


def kept(camera: Camera) -> list[str]:
    return sorted(path.name for path in (camera.folder / "drive/frames").iterdir())


def test_both_scripts_hold_alike():
    texts = [script.read_text() for script in (LIGHT, COLLECT)]
    for name in ("hold", "rounded"):
        one, other = (
            next(ast.unparse(node) for node in ast.parse(text).body if getattr(node, "name", "") == name)
            for text in texts
        )
        assert one == other
    lines = [[line for line in text.splitlines() if line.startswith("HELD")] for text in texts]
    assert lines[0] == lines[1] != []


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_collect_holds_what_the_sensor_found_and_writes_it_beside_the_frames(camera, tmp_path, firmware):
    run = camera.run(firmware, collect(tmp_path, LIMIT=2, FRAME_SIZE="B64X64", SIDE=64))
    assert run.seen["held"] == [["reset"], *FOUND]
    assert kept(camera) == ["R0001-000001.bmp", "R0001-000002.bmp", "R0001.json"]
    assert json.loads((tmp_path / "drive/frames/R0001.json").read_text()) == {
        "run": 1,
        "held": {"gain_db": 6.02, "white_balance": [1.5, 0.0, 2.25], "exposure_us": 12034},
    }


def test_collect_holds_what_settings_json_says(camera, tmp_path):
    """So a later run is in the same light as the frames that the bundle was trained on."""
    camera.write(frame_size="B64X64", side=64, hold={"exposure_us": 800})
    run = camera.run(script=collect(tmp_path, LIMIT=1, HOLD={"exposure_us": "auto", "gain_db": 3}))
    assert run.seen["held"] == [["reset"], ["auto_gain", False, 3], ["auto_exposure", False, 800]]


def test_a_run_of_collect_holds_the_same_after_a_reset_of_the_sensor(camera, tmp_path):
    script = collect(tmp_path, LIMIT=2, FRAME_SIZE="B64X64", SIDE=64)
    run = camera.run(script=script, fail=list(range(FIRST + 1, FIRST + 11)))
    assert run.seen["held"] == [["reset"], *FOUND] * 2
    assert kept(camera) == ["R0001-000001.bmp", "R0001-000002.bmp", "R0001.json"]


def test_a_sensor_without_any_of_it_is_recorded_as_before(camera, tmp_path):
    script = collect(tmp_path, LIMIT=1, FRAME_SIZE="B64X64", SIDE=64)
    run = camera.run(script=script, lacks=["gain_db", "rgb_gain_db", "exposure_us"])
    assert kept(camera) == ["R0001-000001.bmp"]
    assert [line for line in run.lines if "cannot hold" in line.get("note", "")] != []


def test_a_stream_says_it_in_a_line_ahead_of_the_frames(camera, tmp_path):
    run = camera.run(script=collect(tmp_path, STREAM=True, LIMIT=1, FRAME_SIZE="B64X64", SIDE=64))
    first = json.loads(next(line for line in run.printed.splitlines() if '"held"' in line))
    assert first == {"run": 1, "held": {"gain_db": 6.02, "white_balance": [1.5, 0.0, 2.25], "exposure_us": 12034}}
    assert run.printed.index('"held"') < run.printed.index('"sha256"')


def test_a_run_of_which_only_that_file_is_left_keeps_its_number(camera, tmp_path):
    (tmp_path / "drive/frames").mkdir(parents=True)
    (tmp_path / "drive/frames/R0004.json").write_text("{}")
    run = camera.run(script=collect(tmp_path, LIMIT=1, FRAME_SIZE="B64X64", SIDE=64))
    assert run.lines[-1]["run"] == 5
