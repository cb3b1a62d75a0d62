"""Frames over a serial line: what comes whole is kept bit by bit, what doesn't is counted, nothing is written over."""

import base64
import hashlib
import json
import logging
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from linecam.camera.arithmetic import to_rgb565
from linecam.errors import UserError
from linecam.frames.held import read_held
from linecam.frames.index import path_facts
from linecam.usb import receive
from linecam.usb.board_repl import check_port
from linecam.usb.receive import Album, Frame, Head, Stream
from linecam.usb.watch import Port
from tests.board.camera import HOLDING, SETTLING, Camera, collect, pixels

ROOT = Path(__file__).parents[2]


def frame(number: int = 1, run: int = 1, width: int = 9, height: int = 50) -> tuple[bytes, list[bytes]]:
    """The pixels of a frame, and the lines that carry it."""
    content = np.random.default_rng(number).bytes(2 * width * height)
    head = {"run": run, "number": number, "width": width, "height": height, "format": "rgb565"}
    head["sha256"] = hashlib.sha256(content).hexdigest()
    pieces = [base64.b64encode(content[start : start + 96]) for start in range(0, len(content), 96)]
    return content, [json.dumps(head).encode(), *pieces]


def taken(lines: list[bytes]) -> tuple[list[Frame], Stream]:
    stream = Stream()
    whole = [found for line in lines if (found := stream.take(line)) is not None]
    stream.end()
    return whole, stream


# --- the lines


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_frames_come_out_as_they_went_in(end):
    one, two = frame(1), frame(2, width=3, height=1)
    whole, stream = taken([line + end for line in one[1] + two[1]])
    assert [found.pixels for found in whole] == [one[0], two[0]]
    assert [(found.head.run, found.head.number, found.head.width) for found in whole] == [(1, 1, 9), (1, 2, 3)]
    assert stream.damaged == 0


def test_every_colour_keeps_its_bits():
    values = np.arange(65536, dtype="<u2").reshape(256, 256)
    rgb = Frame(Head(1, 1, 256, 256, ""), values.tobytes()).rgb()
    fields = to_rgb565(rgb)
    np.testing.assert_array_equal(fields[..., 0] << 11 | fields[..., 1] << 5 | fields[..., 2], values)
    assert rgb[values == 0xF800].tolist() == [[255, 0, 0]]
    assert rgb[values == 0x07E0].tolist() == [[0, 255, 0]]
    assert rgb[values == 0x001F].tolist() == [[0, 0, 255]]


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda lines: lines[:-1], "ends after 864 of 900 bytes"),
        (lambda lines: lines[:1], "ends after 0 of 900 bytes"),
        (lambda lines: [lines[0], *lines[2:]], "ends after 804 of 900 bytes"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "don't have the SHA-256"),
        (lambda lines: [lines[0], lines[1], *lines[1:]], "don't have the SHA-256"),
        (lambda lines: [*lines[:3], lines[3][:-1] + b"?", *lines[4:]], "is no base64"),
        (lambda lines: [*lines[:3], lines[3][:-3], *lines[4:]], "is no base64"),
        (lambda lines: [*lines[:3], b"\xff\x00", *lines[4:]], "is no base64"),
    ],
)
def test_a_damaged_frame_is_skipped_and_the_next_one_kept(harm, reason, caplog):
    before, damaged, after = frame(1), frame(2), frame(3)
    whole, stream = taken(before[1] + harm(damaged[1]) + after[1])
    assert [found.pixels for found in whole] == [before[0], after[0]]
    assert stream.damaged == 1
    assert "Frame 2 of run 1 is damaged" in caplog.text
    assert reason in caplog.text


@pytest.mark.parametrize(
    "change",
    [
        {"format": "jpeg"},
        {"format": None},
        {"width": 0},
        {"width": 5000},
        {"height": 10**6},
        {"height": -1},
        {"number": "1"},
        {"number": True},
        {"run": 1.5},
        {"run": None},
        {"number": 10**12},
    ],
)
def test_a_first_line_that_makes_no_sense_is_skipped(change):
    _, lines = frame(1)
    after, more = frame(2)
    lines[0] = json.dumps(json.loads(lines[0]) | change).encode()
    whole, stream = taken(lines + more)
    assert [found.pixels for found in whole] == [after]
    assert stream.damaged == 1


@pytest.mark.parametrize(
    "junk", [b"{", b'{"run": 1, "num', b"{\xff\xfe}", b'{"a":' * 5000, b'{"a": ' + b"9" * 5000 + b"}"]
)
def test_junk_that_begins_like_json_is_skipped(junk):
    after, more = frame(2)
    whole, stream = taken([junk, *more])
    assert [found.pixels for found in whole] == [after]
    assert stream.damaged == 1


def test_coming_late_is_no_damage(caplog):
    _, first = frame(1)
    second, more = frame(2)
    with caplog.at_level(logging.INFO):
        whole, stream = taken(first[4:] + more)
    assert [found.pixels for found in whole] == [second]
    assert stream.damaged == 0
    assert caplog.text == ""


def test_what_the_camera_says_is_shown(caplog):
    with caplog.at_level(logging.INFO):
        whole, stream = taken(
            [b'{"error": "Frame capture has timed out."}', b"linecam: this firmware has no frame size X."]
        )
    assert "error Frame capture has timed out." in caplog.text
    assert "linecam: this firmware has no frame size X." in caplog.text
    assert (whole, stream.damaged) == ([], 0)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_harm_on_the_line_makes_a_wrong_frame(data):
    """Bytes lost, changed and added: what comes out is some of what went in, and nothing is raised."""
    sent = [frame(number, width=5, height=40) for number in range(4)]
    wire = bytearray(b"".join(line + b"\n" for _, lines in sent for line in lines))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(wire) - 1))
        length = data.draw(st.sampled_from([0, 1, 2, 100, 300]))
        wire[at : at + length] = data.draw(st.binary(max_size=8))
    whole, _ = taken(bytes(wire).split(b"\n"))
    assert {found.pixels for found in whole} <= {content for content, _ in sent}
    assert len(whole) <= 4


# --- the folder


def add(album: Album, number: int, run: int = 1) -> str:
    (found,), _ = taken(frame(number, run)[1])
    return album.add(found).name


def test_names_carry_run_and_number(tmp_path):
    name = add(Album(tmp_path / "new/folder"), 123, run=7)
    assert name == "R0007-000123.png"
    said = path_facts(name, ["good"])
    assert (said["sequence"], said["number"]) == ("R0007", 123)


def test_a_png_has_the_cameras_fields(tmp_path):
    (found,), _ = taken(frame(3)[1])
    with Image.open(Album(tmp_path).add(found)) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (9, 50))
        fields = to_rgb565(np.asarray(image))
    values = fields[..., 0] << 11 | fields[..., 1] << 5 | fields[..., 2]
    assert values.astype("<u2").tobytes() == found.pixels


@pytest.mark.parametrize("there", ["R0001-000001.png", "R0001-000009.bmp"])
def test_a_run_that_is_there_gets_the_next_free_name(tmp_path, there):
    for name in (there, "R0005-000001.png", "other.png"):
        (tmp_path / name).write_text("kept")
    album = Album(tmp_path)
    assert [add(album, 1), add(album, 2)] == ["R0006-000001.png", "R0006-000002.png"]
    assert add(album, 1, run=3) == "R0003-000001.png"
    assert (tmp_path / there).read_text() == "kept"


def test_a_camera_that_was_reset_begins_a_new_run(tmp_path):
    album = Album(tmp_path)
    names = [add(album, number) for number in (1, 2, 1, 2, 2, 7)]
    assert names == [f"R000{run}-00000{number}.png" for run, number in ((1, 1), (1, 2), (2, 1), (2, 2), (3, 2), (3, 7))]
    assert album.written == len(list(tmp_path.iterdir())) == 6


def test_a_frame_that_cannot_be_written_is_explained(tmp_path):
    album = Album(tmp_path / "frames")
    (tmp_path / "frames").rmdir()
    (tmp_path / "frames").write_text("a file")
    with pytest.raises(UserError, match=r"can't be written .*Frames in .*: 0\..*Make room"):
        receive.receive(frame(1)[1], album, Stream())


# --- what the camera holds

HELD = {"gain_db": 4.5, "exposure_us": 900}


def holding(run: int = 1, held: object = HELD) -> bytes:
    return json.dumps({"run": run, "held": held}).encode()


def test_what_the_camera_holds_is_written_under_the_name_that_its_run_has_here(tmp_path):
    (tmp_path / "R0001.json").write_text("kept")
    receive.receive([holding(), *frame(1)[1], *frame(2)[1], holding(), *frame(1)[1]], Album(tmp_path), Stream())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("R0001.json", "R0002-000001.png", "R0002-000002.png", "R0002.json", "R0003-000001.png", "R0003.json"),
    ]
    assert (tmp_path / "R0001.json").read_text() == "kept"
    for run in (2, 3):
        assert json.loads((tmp_path / f"R000{run}.json").read_text()) == {"run": run, "held": HELD}


@pytest.mark.parametrize(
    "line",
    [
        holding(held=None),
        holding(held={"gain_db": "much"}),
        holding(held={"exposure_us": 1.5}),
        holding(held={"white_balance": [1, 2]}),
        holding(held={"../x": 1}),
        holding(run=-1),
        b'{"run": 1, "held": {"gain_db": Infinity}}',
        b'{"run": "1", "held": {}}',
    ],
)
def test_a_line_that_holds_nothing_writes_nothing(tmp_path, line):
    receive.receive([line, *frame(1)[1]], Album(tmp_path), Stream())
    assert [path.name for path in tmp_path.iterdir()] == ["R0001-000001.png"]


# --- the command


@contextmanager
def command(port: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The command, waiting for frames."""
    # A shell that runs the tests in the background has them ignore Ctrl-C, and so would the command.
    program = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program += "runpy.run_module('linecam', run_name='__main__', alter_sys=True)"
    arguments = [sys.executable, "-c", program, "receive", port, folder]
    with subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def until_a_frame_is_written(folder: Path) -> None:
    deadline = time.monotonic() + 20
    while not list(folder.glob("R*.png")) and time.monotonic() < deadline:
        time.sleep(0.05)


def waits(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    assert "Waiting for frames" in process.stderr.readline()


@pytest.mark.parametrize("firmware", ["4.5.6", "5.0.0"])
def test_what_collect_streams_arrives_bit_by_bit(tmp_path, firmware):
    ours, theirs = pty.openpty()
    script = collect(tmp_path, STREAM=True, LIMIT=3, FRAME_SIZE="B128X128", SIDE=100)
    with command(os.ttyname(theirs), tmp_path / "out") as process:
        waits(process)
        run = Camera(tmp_path).run(firmware, script, output=ours)
        log = process.communicate(timeout=30)[1]
    assert run.seen["calls"][-1] == ["window", [100, 100]]
    assert process.returncode == 0, log
    assert f"Frames in {tmp_path}/out: 3. Damaged and skipped: 0." in log
    *names, run_file = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [f"R0001-00000{number}.png" for number in (1, 2, 3)]
    assert run_file == "R0001.json"
    assert "The camera holds gain 6.02 dB, white balance 1.5, 0.0, 2.25 dB, exposure 12034 us during this run" in log
    held = {"gain_db": 6.02, "white_balance": [1.5, 0.0, 2.25], "exposure_us": 12034}
    assert read_held(tmp_path / "out", [run_file]).values == held
    for number, name in enumerate(names, start=1):
        with Image.open(tmp_path / "out" / name) as image:
            np.testing.assert_array_equal(to_rgb565(np.asarray(image)), pixels(SETTLING + HOLDING + number, 100, 100))
    os.close(ours)
    os.close(theirs)


def test_ctrl_c_ends_with_a_summary(tmp_path):
    ours, theirs = pty.openpty()
    with command(os.ttyname(theirs), tmp_path / "out") as process:
        waits(process)
        os.write(ours, b"\n".join([*frame(1)[1], *frame(2)[1][:4], b""]))
        until_a_frame_is_written(tmp_path / "out")
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        log = process.communicate(timeout=20)[1]
    assert process.returncode == 0, log
    assert f"Frames in {tmp_path}/out: 1. Damaged and skipped: 1." in log
    os.close(ours)
    os.close(theirs)


def test_an_unplugged_camera_is_one_paragraph(tmp_path):
    ours, theirs = pty.openpty()
    with command(os.ttyname(theirs), tmp_path / "out") as process:
        waits(process)
        os.write(ours, b"\n".join([*frame(1)[1], b""]))
        until_a_frame_is_written(tmp_path / "out")
        os.close(ours)
        os.close(theirs)
        log = process.communicate(timeout=20)[1]
    assert process.returncode == 1
    assert "Traceback" not in log
    assert "unplugged" in log.splitlines()[-1]
    assert f"Frames in {tmp_path}/out: 1." in log.splitlines()[-1]


def test_a_port_has_one_reader_and_the_second_is_told_who_that_is(tmp_path):
    """Each would get a part of the bytes. What only writes, as `mark` is sent, still may."""
    ours, theirs = pty.openpty()
    port = os.ttyname(theirs)
    linecam = [sys.executable, "-m", "linecam", "receive", port, str(tmp_path / "out")]
    process = subprocess.Popen(linecam, stderr=subprocess.PIPE, text=True)
    try:
        waits(process)
        told = re.escape(f"Another program has {port} open (linecam receive, process {process.pid}")
        for opens in (Port, check_port, lambda name: receive.run(name, tmp_path / "other")):
            with pytest.raises(UserError, match=told):
                opens(port)
        Path(port).write_bytes(b"mark\n")
    finally:
        process.kill()
        process.communicate(timeout=20)
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(
    ("port", "told"),
    [
        ("/dev/no-such-port", "There is no port /dev/no-such-port. This machine's serial ports"),
        ("/dev/null", "/dev/null is not a serial port"),
        ("/", "/ is not a serial port"),
    ],
)
def test_a_port_that_is_none_is_explained(tmp_path, port, told):
    with pytest.raises(UserError, match=re.escape(told)):
        receive.run(port, tmp_path)


def test_a_folder_that_is_a_file_is_explained(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="can't be used as the folder for frames"):
        receive.run("/dev/null", tmp_path / "file")
