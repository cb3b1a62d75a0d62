"""`linecam measure` on a pseudo-terminal, against the raw REPL of a camera that really runs what it is sent."""

import json
import logging
import os
import pty
import subprocess
import sys
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import serial
import yaml

from linecam.bundle.stored_frames import OUTPUTS, StoredFrames
from linecam.camera.arithmetic import expand
from linecam.errors import UserError
from linecam.files import read_json, sha256, write_json
from linecam.usb import board_repl
from linecam.usb.measure import check_target, measure, write_yaml
from linecam.workflow.config import load_settings
from tests.board.camera import BIN
from tests.conftest import ROOT

CLASSES = ["bad", "good", "no_mask"]
SIDE = 32  # 2,048 bytes a frame: two pieces
COST = {"arena_bytes": 62_912, "estimate_ms": [15.5, 25.0]}


def says(frame: np.ndarray) -> list[float]:
    """What `of_pixels` of tests/board/common/board.py makes of a frame: of each pixel the low byte first."""
    sums, place = [0] * len(CLASSES), 0
    for red, green, blue in frame.reshape(-1, 3).tolist():
        value = (red >> 3) * 2048 + (green >> 2) * 32 + (blue >> 3)
        for byte in (value % 256, value // 256):
            sums[place % 3] = (sums[place % 3] * 31 + byte) & 255
            place += 1
    return [value / 256 for value in sums]


def make_bundle(folder: Path, model: bytes = b"a model", **cost: Any) -> Path:
    """A bundle of three test frames."""
    folder.mkdir()
    files = {"model.tflite": model, "labels.txt": b"bad\ngood\nno_mask\n", "settings.json": b"{}", "main.py": b"pass\n"}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    fields = np.random.default_rng(1).integers(0, [32, 64, 32], (3, SIDE, SIDE, 3)).astype(np.int32)
    pixels = expand(fields)
    outputs = np.array([says(frame) for frame in pixels], np.float32)
    StoredFrames(pixels, outputs, ["a", "b", "c"], CLASSES).write(folder)
    seal(folder, list(files), COST | cost)
    return folder


def seal(folder: Path, drive: list[str] | None = None, cost: dict[str, Any] | None = None) -> None:
    """Write the manifest of what is in `folder`."""
    path = folder / "manifest.json"
    before = read_json(path) if path.exists() else {"drive": drive, "cost": cost, "board": "openmv-h7"}
    path.unlink(missing_ok=True)
    names = sorted(folder.iterdir())
    files = {one.name: {"sha256": sha256(one), "bytes": one.stat().st_size} for one in names}
    write_json(path, before | {"files": files, "config": {"dataset": {"classes": CLASSES}}})


class Cable:
    """A camera that is plugged in; its `drive` is a folder."""

    def __init__(self, folder: Path, drive: Path, firmware: str, plan: dict[str, Any]) -> None:
        (folder / "plan.json").write_text(json.dumps({"rom": str(folder / "rom"), "classes": 3} | plan))
        self.master, self.slave = pty.openpty()  # of which linecam opens the latter by its name, once more
        tty.setraw(self.slave)
        self.port = os.ttyname(self.slave)
        self.process = subprocess.Popen(
            [BIN / "micropython", ROOT / "tests/board/repl.py", firmware, folder / "plan.json"],
            cwd=drive,
            stdin=self.master,
            stdout=self.master,
            stderr=subprocess.PIPE,
        )

    def pull(self) -> None:
        """As far as the PC sees: the other end is gone."""
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
            os.close(self.slave)
            os.close(self.master)


@contextmanager
def plugged_in(folder: Path, drive: Path, firmware: str, **plan: Any) -> Iterator[Cable]:
    """A camera with this drive; `folder` is for what the test orders, and for its ROM."""
    cable = Cable(folder, drive, firmware, plan)
    try:
        yield cable
    finally:
        cable.pull()
        with cable.process.stderr as errors:
            assert not errors.read(), "the stand-in fails"


@contextmanager
def camera(tmp_path: Path, firmware: str = "5.0.0", model: bytes = b"a model", **plan: Any) -> Iterator[Cable]:
    """A camera with a model on its drive."""
    (tmp_path / "drive").mkdir()
    (tmp_path / "drive/model.tflite").write_bytes(model)
    with plugged_in(tmp_path, tmp_path / "drive", firmware, **plan) as cable:
        yield cable


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "bundle")


@pytest.mark.parametrize(("firmware", "plan"), [("4.5.6", {"tuple": True}), ("4.8.0", {}), ("5.0.0", {"uname": False})])
def test_what_is_found_goes_into_the_configuration(
    firmware: str, plan: dict[str, Any], bundle: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with camera(tmp_path, firmware, **plan) as cable:
        found = measure(bundle, cable.port, inferences=25)
    assert found.micros == [20_000] * 25
    assert (found.path, found.arena_bytes) == ("model.tflite", 62_480)
    assert found.heap_bytes > 0
    for line in (
        "model.tflite loads. It takes ",
        "arena: 62,480 bytes (linecam: 62,912).",
        "Outputs for 3 test frames: as linecam computed them, byte for byte.",
        "One inference: 20.0 ms, the median of 25, of which the fastest took 20.00 and the slowest 20.00",
        "main.py is stopped now. Press reset",
        "no version told" if plan.get("uname") is False else "OPENMV4 with STM32H743, v0.0.0; MicroPython v1.25.0",
    ):
        assert line in caplog.text
    write_yaml(found, tmp_path / "measured.yaml")
    written = yaml.safe_load((tmp_path / "measured.yaml").read_text())
    settings = load_settings({"dataset": {"name": "caps", "kind": "belt"}} | written)
    measured = settings.bundle.measured["openmv-h7"]
    assert (measured.ms, measured.estimate_ms) == (20.0, (15.5, 25.0))


@pytest.mark.parametrize("beside", [b"an older one", b"a model"], ids=["an older one", "the same"])
def test_a_model_in_romfs_is_measured_there(bundle: Path, tmp_path: Path, beside: bytes) -> None:
    """As main.py takes it from there, where the drive has it, too."""
    (tmp_path / "rom").mkdir()
    (tmp_path / "rom/model.tflite").write_bytes(b"a model")
    with camera(tmp_path, model=beside) as cable:
        assert measure(bundle, cable.port, inferences=1).path == "/rom/model.tflite"


def test_by_hand_the_lines_are_printed_and_nothing_else(bundle: Path, tmp_path: Path) -> None:
    with camera(tmp_path) as cable:
        command = [sys.executable, "-m", "linecam", "measure", cable.port, str(bundle), "--inferences", "3"]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "bundle:\n  measured:\n    openmv-h7: {ms: 20.0, estimate_ms: [15.5, 25.0]}\n"


def test_without_an_estimate_there_is_nothing_to_correct(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bundle = make_bundle(tmp_path / "none", estimate_ms=None, arena_bytes=None)
    with camera(tmp_path) as cable:
        write_yaml(measure(bundle, cable.port, inferences=1), None)
    assert capsys.readouterr().out == ""
    assert "linecam: not told" in caplog.text
    assert "There is nothing to write into the configuration" in caplog.text


# --- what goes wrong: one paragraph each


def test_outputs_that_differ_are_named_with_their_frame_and_how_far(bundle: Path, tmp_path: Path) -> None:
    stored = read_json(bundle / OUTPUTS)
    right = stored["frames"][1]["outputs"][2]
    stored["frames"][1]["outputs"][2] = right + (3 if right < 0.5 else -3) / 256
    write_json(bundle / OUTPUTS, stored)
    seal(bundle)
    with camera(tmp_path) as cable, pytest.raises(UserError) as error:
        measure(bundle, cable.port)
    told = str(error.value)
    assert "differ from linecam's on 1 of 3 test frames" in told
    assert f"- frame 2 from above in test-frames.png (good): no_mask {right:.4f} on the camera" in told
    assert told.endswith(", 3 steps of 1/256")


@pytest.mark.parametrize(
    ("firmware", "model", "plan", "told"),
    [
        ("5.0.0", b"a model", {"heap": 2047}, r"no memory is left for a test frame \(MemoryError.*put it into ROMFS"),
        ("4.5.5", b"a model", {}, r"firmware is too old \(OPENMV4 with STM32H743, v0.0.0.*4.5.6 or later.*Install the"),
        (
            "5.0.0",
            b"another",
            {},
            r"has model.tflite with SHA-256 \w{12}, but the bundle's model has SHA-256 \w{12}",
        ),
        ("5.0.0", b"a model", {"raises": "ValueError"}, r"loads on the camera and fails at test frame 1 \(ValueError"),
    ],
)
def test_what_the_camera_cannot_do_is_told(
    firmware: str, model: bytes, plan: dict[str, Any], told: str, bundle: Path, tmp_path: Path
) -> None:
    with camera(tmp_path, firmware, model, **plan) as cable, pytest.raises(UserError, match=told):
        measure(bundle, cable.port)


@pytest.mark.parametrize(("model", "said"), [(b"large", "MemoryError"), (b"unsupported", "ValueError")])
def test_a_model_that_does_not_fit_is_told(model: bytes, said: str, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle", model)
    told = rf"model.tflite does not load on the camera \({said}.*than openmv-h7. Put the model into ROMFS"
    with camera(tmp_path, model=model) as cable, pytest.raises(UserError, match=told):
        measure(bundle, cable.port)


@pytest.mark.parametrize("calls", [3, 6])
def test_a_cable_that_is_pulled_is_told(
    calls: int, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the camera loads its model, and in the middle of a frame."""
    run, count = board_repl.BoardRepl.run, iter(range(1, 100))
    with camera(tmp_path) as cable:

        def pulled(self: board_repl.BoardRepl, code: str) -> str:
            if next(count) == calls:
                threading.Timer(0.05, cable.pull).start()
                code += "\nwhile True:\n pass"
            return run(self, code)

        monkeypatch.setattr(board_repl.BoardRepl, "run", pulled)
        with pytest.raises(UserError, match=r"can't be read any more .*the camera was unplugged"):
            measure(bundle, cable.port)


def test_a_port_that_another_program_has_is_told(bundle: Path, tmp_path: Path) -> None:
    with (
        camera(tmp_path) as cable,
        serial.Serial(cable.port, exclusive=True),
        pytest.raises(UserError, match=rf"Another program has {cable.port} open \("),
    ):
        measure(bundle, cable.port)


def test_a_port_that_is_none_is_told(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no port .*nowhere. This machine's serial ports: "):
        measure(bundle, str(tmp_path / "nowhere"))


def test_what_is_no_camera_is_told(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing answers; the wait for it is shortened."""
    monkeypatch.setattr(board_repl, "READS", 0.1)
    enter = board_repl.SerialTransport.enter_raw_repl
    monkeypatch.setattr(board_repl.SerialTransport, "enter_raw_repl", lambda self: enter(self, timeout_overall=0.1))
    master, slave = pty.openpty()
    tty.setraw(slave)
    with pytest.raises(UserError, match=r"does not answer \(could not enter raw repl\). Expected is the REPL"):
        measure(bundle, os.ttyname(slave))
    os.close(master)
    os.close(slave)


def test_an_error_of_the_cameras_python_is_told(bundle: Path, tmp_path: Path) -> None:
    with camera(tmp_path) as cable, board_repl.BoardRepl(cable.port) as repl:
        with pytest.raises(UserError, match="stopped with an error: ZeroDivisionError"):
            repl.run("1 / 0")
        with pytest.raises(UserError, match="should answer with a line of JSON, but answered 'x'"):
            repl.ask("print('x')")
        assert repl.ask("print(2)") == 2, "it goes on after an error"


def test_a_bundle_without_test_frames_is_told(bundle: Path) -> None:
    (bundle / OUTPUTS).unlink()
    seal(bundle)
    with pytest.raises(UserError, match="has no test frames to run on the camera: it is of an older linecam"):
        measure(bundle, "nowhere")


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    check_target(mine)
    mine.write_text("dataset: {}\n")
    with pytest.raises(UserError, match=r"mine\.yaml is there already"):
        check_target(mine)
