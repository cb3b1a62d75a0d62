"""What a camera says: main.py's and collect.py's own lines, over a pseudo-terminal that goes and comes back."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from linecam.usb.diary import UNDECIDED, Diary, Event
from linecam.usb.watch import summary
from linecam.usb.watch_page import make_app
from tests.board.camera import BAD, GOOD, SETTLING, Camera, Run, collect
from tests.board.items import by_pin, pressed

WHEN = datetime(2026, 11, 22, 14, 59, 58).astimezone()
NEITHER = [0.5, 0.5, 0.0]


class Cable:
    """A serial port, as a path that stays while the camera behind it is plugged in and out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plug()

    def plug(self) -> None:
        self.camera, self._pc = pty.openpty()
        self.path.symlink_to(os.ttyname(self._pc))

    def pull(self) -> None:
        self.path.unlink()
        os.close(self.camera)
        os.close(self._pc)

    def say(self, text: str | bytes) -> None:
        os.write(self.camera, text if isinstance(text, bytes) else text.encode())


class Watching:
    """`linecam watch`, running."""

    def __init__(self, cable: Cable, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "linecam", "watch", str(cable.path), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""
        self.until("Listening at")

    def until(self, text: str, seconds: float = 20) -> None:
        """Read what it prints up to `text`."""
        assert self.process.stdout
        descriptor, end = self.process.stdout.fileno(), time.monotonic() + seconds
        while text not in self.said:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"no {text!r} in: {self.said}"
            read = os.read(descriptor, 65536).decode()
            assert read, f"it ended without {text!r}: {self.said}"
            self.said += read

    def end(self) -> str:
        """Press Ctrl-C; what it printed in all."""
        self.process.send_signal(signal.SIGINT)
        self.said += self.process.communicate(timeout=20)[0]
        assert self.process.returncode == 0, self.said
        return self.said


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    cable = Cable(tmp_path / "port")
    yield cable
    cable.pull()


@pytest.fixture(scope="module")
def main_py(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of main.py: two decisions for good, one for bad, one for neither; then the sensor fails once."""
    camera = Camera(tmp_path_factory.mktemp("camera"))
    camera.write(thresholds={"good": 0.6, "bad": 0.6, "no_mask": 0.9})
    return camera.run(scores=[GOOD, GOOD, BAD, NEITHER, GOOD], fail=[SETTLING + 5], leds="none")


def taken(text: str | bytes, diary: Diary | None = None) -> list[Event]:
    content = text if isinstance(text, bytes) else text.encode()
    diary = diary or Diary("port", WHEN)
    return [event for line in content.split(b"\n") if (event := diary.take(line, WHEN)) is not None]


DRIFT = '{"drift": "bad: more", "state": "begins", "hits":     31, "of":    100, "expected": 0.0812, "item":    4711}\n'
DRIFT_ENDS = DRIFT.replace('"begins"', '"ends"  ')

# --- the lines


def test_every_line_of_main_py_is_understood(main_py: Run) -> None:
    diary = Diary("port", WHEN)
    events = taken(main_py.printed, diary)
    kinds = ["note", "start", "decision", "decision", "decision", "decision", "error", "decision"]
    assert [event.kind for event in events] == kinds
    assert [event.told for event in events] == main_py.lines, "nothing of the camera's own words is lost"
    assert diary.decisions == {"good": 3, "bad": 1, UNDECIDED: 1}
    assert events[1].text.endswith("classes good, bad, no_mask, firmware v0.0.0; MicroPython v1.25.0")


@pytest.mark.parametrize("end", ["\r\n", "\n", "\0\r\n"])
def test_lines_end_as_the_port_ends_them(main_py: Run, end: str) -> None:
    assert len(taken(main_py.printed.replace("\n", end))) == len(main_py.lines)


def test_what_was_decided_before_a_failure_does_not_stand(main_py: Run) -> None:
    """As on the LED, which goes out."""
    diary = Diary("port", WHEN)
    *before, decision = main_py.printed.splitlines()
    taken("\n".join(before), diary)
    assert diary.state()["now"] is None
    taken(decision, diary)
    assert diary.state()["now"]["label"] == "good"
    diary.port_changed(False, WHEN)
    assert diary.state()["now"] is None


def test_a_line_that_was_cut_is_counted_where_it_matters() -> None:
    line = b'{"label": "good", "score": 0.75, "scores": [0.75, 0.25], "frames": 1, "ms": 9, "inference_ms": 2}'
    diary = Diary("port", WHEN)
    for place in range(1, len(line)):
        assert diary.take(line[place:], WHEN, fresh=True) is None, "the port was opened in the middle of it"
    assert diary.take(line, WHEN, fresh=True) is not None
    for place in range(1, len(line)):
        event = diary.take(line[:place], WHEN)
        assert event and event.kind == "unreadable", line[:place]
    assert diary.decisions == {"good": 1}


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\x00\x91\x13garbage",
        b"\x1b[2J\x1b]0;title\x07",
        b"{" * 5000,
        b'{"label": 5, "score": 1, "scores": [], "ms": 1}',
        b'{"label": "good"}',
        b'{"label": "good", "score": "1", "scores": [1], "ms": 1}',
        b'{"label": "good", "score": 1, "scores": null, "ms": 1}',
        b'{"label": "go{"label": "good", "score": 1, "scores": [1], "ms": 1}',
    ],
)
def test_garbage_is_no_decision_and_steers_no_terminal(line: bytes) -> None:
    (event,) = taken(line)
    assert event.kind == "unreadable"
    assert event.text.isprintable()
    assert len(event.text) <= 300


def test_a_camera_that_ends_says_why(tmp_path: Path) -> None:
    camera = Camera(tmp_path)
    camera.write(model=b"unsupported", named=b"unsupported")
    diary = Diary("port", WHEN)
    assert [event.kind for event in taken(camera.run(scores=[GOOD]).printed, diary)] == ["stop"]
    assert "does not load" in diary.state()["stopped"]


def test_an_exception_of_the_camera_is_shown_whole_and_ends_it() -> None:
    text = 'Traceback (most recent call last):\n  File "main.py", line 281, in <module>\nOSError: [Errno 5] EIO\n>>> '
    diary = Diary("port", WHEN)
    events = taken(text, diary)
    assert [event.text for event in events] == [line.rstrip() for line in text.splitlines()]
    assert [event.kind for event in events] == ["text", "text", "stop", "text"]
    assert diary.state()["stopped"] == "OSError: [Errno 5] EIO"


def test_decisions_are_counted_by_the_hour(main_py: Run) -> None:
    decision = main_py.printed.splitlines()[-1].encode()
    diary = Diary("port", WHEN)
    for seconds in (0, 1, 3, 3605):
        diary.take(decision, WHEN + timedelta(seconds=seconds))
    assert diary.state()["hours"] == [
        {"hour": "2026-11-22 14", "counts": {"good": 2}},
        {"hour": "2026-11-22 15", "counts": {"good": 1}},
        {"hour": "2026-11-22 16", "counts": {"good": 1}},
    ]


def test_a_camera_that_collects_shows_its_picture(tmp_path: Path) -> None:
    script = collect(tmp_path, STREAM=True, LIMIT=2, FRAME_SIZE="B64X64", SIDE=50)
    diary = Diary("port", WHEN)
    events = taken(Camera(tmp_path).run(script=script).printed, diary)
    assert [event.kind for event in events] == ["note", "picture", "picture", "stop"]
    assert events[0].text.startswith("The camera holds gain ")
    assert diary.state()["picture"] == 2
    assert diary.picture().startswith(b"\x89PNG")


# --- the page


def test_the_page_shows_it_to_this_machine_alone(main_py: Run) -> None:
    diary = Diary("port", WHEN)
    taken(main_py.printed, diary)
    app = make_app(diary, port=8000, token="word", ticket="once", done=bool)
    client = TestClient(app, base_url="http://127.0.0.1:8000")
    for name, kind in (("", "text/html"), ("watch.css", "text/css"), ("watch.js", "text/javascript")):
        assert client.get(f"/word/{name}").headers["content-type"].startswith(kind)
    state = client.get("/word/state").json()
    assert state["names"] == ["good", "bad", "no_mask", UNDECIDED]
    assert state["counts"] == {"good": 3, "bad": 1, UNDECIDED: 1}
    assert state["now"] == {"when": "14:59:58", "label": "good", "place": ""} | {
        key: main_py.lines[-1][key] for key in ("score", "scores", "item", "frames", "ms", "inference_ms")
    }
    assert client.get("/word/picture").status_code == 404
    assert client.get("/other/state").status_code == 403
    assert client.get("/word/state", headers={"host": "evil.example:8000"}).status_code == 403
    assert client.get("/word/state", headers={"origin": "http://evil.example"}).status_code == 403


# --- the command


def test_a_cable_that_is_pulled_and_plugged_in_again(cable: Cable, tmp_path: Path, main_py: Run) -> None:
    """In the middle of a line, which is lost, and nothing else is. Everything is in the file, with its time."""
    lines = main_py.printed.splitlines(keepends=True)
    watching = Watching(cable, "--save", str(tmp_path / "all.jsonl"))
    cable.say("".join(lines[:3]) + lines[3][:40])
    watching.until("good         0.75")
    time.sleep(0.3)  # the half line has come, too
    cable.pull()
    watching.until("has gone")
    cable.plug()
    watching.until("is back")
    cable.say((lines[3][40:] + "".join(lines[4:])).encode() + b"\xff\xfe\n")
    watching.until("Unreadable")
    said = watching.end()
    assert "4 decisions in " in said
    assert "good 2 (50 %), bad 1 (25 %), undecided 1 (25 %)." in said
    assert "Frames failed: 1; lines unreadable: 1; times the port went: 1." in said
    saved = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert all(datetime.fromisoformat(line.pop("when")).tzinfo for line in saved)
    told = main_py.lines
    kinds = {"kind": "gone"}, {"kind": "back"}, {"kind": "unreadable"}
    gone, back, garbage = ({"kind": kind["kind"]} for kind in kinds)
    for line in saved:
        if "kind" in line:
            del line["text"]
    assert saved == [*told[:3], gone, back, *told[4:], garbage]


def test_the_page_runs_beside_the_terminal(cable: Cable, main_py: Run) -> None:
    import httpx2  # noqa: PLC0415

    watching = Watching(cable, "--page", "--no-browser")
    watching.until("/\n")
    found = re.search(r"http://\S+", watching.said)
    assert found
    cable.say(main_py.printed)

    def counted() -> Any:
        return httpx2.get(f"{found[0]}state").json()["counts"]

    wait_for(lambda: counted() == {"good": 3, "bad": 1, UNDECIDED: 1})
    assert "5 decisions" in watching.end()


def wait_for(met: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_what_cannot_be_watched_is_one_sentence(cable: Cable, tmp_path: Path) -> None:
    def refused(*arguments: str) -> str:
        command = [sys.executable, "-m", "linecam", "watch", *arguments]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 1
        assert run.stdout == ""
        (line,) = run.stderr.splitlines()
        return line

    assert refused("/dev/no-such-port").startswith("There is no port /dev/no-such-port.")
    assert refused(str(cable.path), "--save", str(tmp_path / "no/such.jsonl")).startswith("--save ")


# --- items without a decision


def test_items_without_a_decision_are_counted(tmp_path: Path) -> None:
    """As main.py's own part prints them: three items while the first is judged, then one more."""
    camera = Camera(tmp_path)
    camera.write(votes=3, parts=[by_pin()])
    run = camera.run(scores=[GOOD] * 6, edges=pressed(2500, 2600, 2700, 3200, 3300))
    diary = Diary("port", WHEN)
    events = taken(run.printed, diary)
    assert [event.kind for event in events] == ["start", "decision", "missed", "decision", "missed"]
    assert events[2].in_words() == "Items without a decision so far: 2"
    assert diary.missed == diary.state()["missed"] == 3
    assert "Items without a decision: 3." in summary(diary, WHEN, None)
    taken(run.printed, diary)  # it starts anew
    assert diary.missed == 6


def test_who_listens_from_the_middle_on_knows_of_the_last_item_only() -> None:
    diary = Diary("port", WHEN)
    taken('{"missed":        40}\n{"missed":        43}\n{"missed": "x"}\n', diary)
    assert diary.missed == 4


# --- a line that has changed


def test_a_change_of_the_line_stands_until_it_ends() -> None:
    diary = Diary("port", WHEN)
    (event,) = taken(DRIFT, diary)
    assert (event.kind, event.in_words()) == (
        "drift",
        "The line has changed: bad: more. 31 of 100 decisions, 31.0 %; usual are 8.1 %",
    )
    assert event.as_json()["item"] == 4711
    other = taken(DRIFT.replace("bad: more", "dark frames: more"), diary)
    assert diary.state()["drifts"] == [event.text, other[0].text]
    (ended,) = taken(DRIFT_ENDS, diary)
    assert ended.in_words() == "The line has changed: bad: more. This has ended"
    assert diary.state()["drifts"] == [other[0].text]
    taken('{"linecam": "0123", "labels": ["good"], "votes": 1}', diary)
    assert diary.state()["drifts"] == [], "the camera's charts begin anew"
    assert [one["kind"] for one in diary.state()["recent"]] == ["start", "drift", "drift", "drift"]


@pytest.mark.parametrize(
    "line",
    ['{"drift": 5}', '{"drift": "x", "state": "y"}', DRIFT.replace("0.0812", '"a"'), DRIFT.replace("100", "null")],
)
def test_what_only_looks_like_a_change_is_no_change(line: str) -> None:
    diary = Diary("port", WHEN)
    (event,) = taken(line, diary)
    assert event.kind == "text"
    assert diary.state()["drifts"] == []


def test_a_change_of_the_line_is_told_in_the_terminal(cable: Cable) -> None:
    watching = Watching(cable)
    cable.say("\n" + DRIFT)
    watching.until("The line has changed: bad: more. 31 of 100 decisions, 31.0 %; usual are 8.1 %")
    assert "Changes of the line: 1." in watching.end()
