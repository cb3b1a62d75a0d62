"""collect.py under a real MicroPython: the frames it records, and what ends a recording."""

import json

import numpy as np
import pytest
from PIL import Image

from linecam.camera.arithmetic import to_rgb565
from linecam.camera.region import Region
from linecam.frames.index import path_facts
from tests.board.camera import FIRMWARE, HOLDING, SETTLING, Camera, collect, pixels


def frames(camera: Camera) -> list[str]:
    """The files on the card but R0001.json and so on."""
    return sorted(path.name for path in (camera.folder / "drive/frames").iterdir() if not path.match("R*.json"))


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_frames_are_recorded_without_loss(camera, tmp_path, firmware):
    (tmp_path / "drive").mkdir()
    (tmp_path / "drive/settings.json").write_text('{"frame_size": "B64X64", "side": 61}')
    run = camera.run(firmware, collect(tmp_path, LIMIT=2))
    assert frames(camera) == ["R0001-000001.bmp", "R0001-000002.bmp"]
    assert run.lines[-1] == {"stopped": "done", "run": 1, "frames": 2}
    assert run.seen["synced"] == [SETTLING + HOLDING + 1, SETTLING + HOLDING + 2], "each is on the card at once"
    for number, name in enumerate(frames(camera), start=1):
        with Image.open(tmp_path / "drive/frames" / name) as image:
            seen = np.asarray(image.convert("RGB"))
        np.testing.assert_array_equal(to_rgb565(seen), pixels(SETTLING + HOLDING + number, 61, 61))


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize("roi", [[3, 20, 61, 30], [0, 0, 64, 64]])
def test_a_region_is_recorded_by_every_firmware(camera, tmp_path, firmware, roi):
    """It is ml that crops an oblong frame, and not the sensor. The PC takes frames of this size whole."""
    (tmp_path / "drive").mkdir()
    (tmp_path / "drive/settings.json").write_text(json.dumps({"frame_size": "B64X64", "roi": roi}))
    run = camera.run(firmware, collect(tmp_path, LIMIT=1))
    assert run.seen["calls"][3:] == [["window", roi]]
    with Image.open(tmp_path / "drive/frames/R0001-000001.bmp") as image:
        assert Region(roi=tuple(roi), frame=(64, 64)).recorded(image.size)
        seen = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(to_rgb565(seen), pixels(SETTLING + HOLDING + 1, roi[2], roi[3]))


def test_a_region_can_be_written_into_collect(camera, tmp_path):
    run = camera.run(script=collect(tmp_path, LIMIT=1, FRAME_SIZE="B64X64", ROI=(2, 4, 40, 20)))
    assert run.seen["calls"][3:] == [["window", [2, 4, 40, 20]]]


def test_the_index_finds_run_and_number_in_the_names(camera, tmp_path):
    camera.run(script=collect(tmp_path, LIMIT=1, FRAME_SIZE="B64X64", SIDE=64))
    (name,) = frames(camera)
    said = path_facts(name, ["good"])
    assert (said["sequence"], said["number"]) == ("R0001", 1)


def test_a_new_run_writes_over_nothing(camera, tmp_path):
    script = collect(tmp_path, LIMIT=2, FRAME_SIZE="B64X64", SIDE=64)
    old = tmp_path / "drive/frames"
    old.mkdir(parents=True)
    for name in ("R0007-000123.bmp", "R0003-000001.bmp", "RX-1.bmp", "notes.txt", ".unfinished.bmp"):
        (old / name).write_text("kept")
    assert camera.run(script=script).lines[-1]["run"] == 8
    assert camera.run(script=script).lines[-1]["run"] == 9
    assert frames(camera) == [
        "R0003-000001.bmp",
        "R0007-000123.bmp",
        *(f"R000{run}-00000{number}.bmp" for run in (8, 9) for number in (1, 2)),
        "RX-1.bmp",
        "notes.txt",
    ]
    assert (old / "R0007-000123.bmp").read_text() == "kept"


@pytest.mark.parametrize(
    ("free_told", "reason"), [(None, "no space left"), (1 << 30, "28")], ids=["statvfs says so", "writing fails"]
)
def test_a_full_card_ends_the_recording_cleanly(camera, tmp_path, free_told, reason):
    size = 66 + 64 * 64 * 2
    script = collect(tmp_path, FRAME_SIZE="B64X64", SIDE=64)
    run = camera.run(script=script, card=3 * size + 1500, free_told=free_told, snapshots=200)
    assert frames(camera) == [f"R0001-00000{number}.bmp" for number in (1, 2, 3)]
    assert all((tmp_path / "drive/frames" / name).stat().st_size == size for name in frames(camera))
    assert "card full" in run.lines[-1]["stopped"]
    assert reason in run.lines[-1]["stopped"]
    assert run.lines[-1]["frames"] == 3
    assert run.seen["lit"][-1] == "R"


def test_ctrl_c_ends_the_recording_cleanly(camera, tmp_path):
    run = camera.run(script=collect(tmp_path, FRAME_SIZE="B64X64", SIDE=64), snapshots=SETTLING + HOLDING + 2)
    assert run.lines[-1] == {"stopped": "done", "run": 1, "frames": 2}
    assert run.seen["lit"][-1] == ""


def test_frames_come_at_the_given_pace(camera, tmp_path):
    run = camera.run(script=collect(tmp_path, LIMIT=3, EVERY_MS=750, FRAME_SIZE="B64X64", SIDE=64))
    assert run.seen["sleeps"] == [650, 650]  # the first frame came after the settling


def test_a_failed_frame_is_left_out_of_the_recording(camera, tmp_path):
    script = collect(tmp_path, LIMIT=3, FRAME_SIZE="B64X64", SIDE=64)
    run = camera.run(script=script, fail=[SETTLING + HOLDING + 2])
    assert {"error": "Frame capture has timed out."} in run.lines
    assert frames(camera) == [f"R0001-00000{number}.bmp" for number in (1, 2, 3)]


def test_failures_that_are_not_in_a_row_reset_nothing(camera, tmp_path):
    script = collect(tmp_path, LIMIT=12, EVERY_MS=0, FRAME_SIZE="B64X64", SIDE=64)
    run = camera.run(script=script, fail=[SETTLING + HOLDING + 2 * n for n in range(1, 12)])
    assert run.seen["calls"].count(["reset"]) == 1
    assert len(frames(camera)) == 12


@pytest.mark.parametrize(("cwd", "noted"), [("/sdcard", False), ("/flash", True)])
def test_a_board_without_a_card_is_told_of_streaming(camera, tmp_path, cwd, noted):
    run = camera.run(script=collect(tmp_path, LIMIT=1, FRAME_SIZE="B64X64", SIDE=64), cwd=cwd)
    assert any("STREAM" in line.get("note", "") for line in run.lines) == noted
    assert len(frames(camera)) == 1


def test_a_stream_needs_no_card_and_writes_nothing(camera, tmp_path):
    run = camera.run(script=collect(tmp_path, STREAM=True, LIMIT=2, FRAME_SIZE="B64X64", SIDE=64), cwd="/flash")
    assert not (tmp_path / "drive/frames").exists()
    assert max(len(line) for line in run.printed.splitlines()) <= 1024
