"""The tutorial's frames: checked one by one, whole or not at all, from a local copy or from a server that stumbles."""

import hashlib
import logging
import re
import shutil
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from linecam.errors import UserError
from linecam.frames import download as module
from scripts.fetch_masks import fetch_masks, read_sums

ROOT = Path(__file__).resolve().parents[2]
MASKS = ROOT / "../shared/masks"

FRAMES = {
    f"{part}/{label}/A-{number:05}.jpg": f"{part} {label} {number} ".encode() * 50
    for part in ("train", "test")
    for label in ("bad", "good", "no_mask")
    for number in range(4)
}
ONE, OTHER = "train/good/A-00002.jpg", "test/bad/A-00001.jpg"


class Server(ThreadingHTTPServer):
    """Serves FRAMES below /data/. `faults` are taken first, one a request; `always` is then the answer for ever."""

    request_queue_size = 64  # more than the workers, so that none waits for a second SYN

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults: dict[str, list[str]] = {}
        self.always: dict[str, str] = {}
        self.asked: Counter[str] = Counter()
        self.times: list[float] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/data"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.removeprefix("/data/")
        self.server.asked[name] += 1
        self.server.times.append(time.monotonic())
        pending = self.server.faults.get(name, [])
        fault = pending.pop(0) if pending else self.server.always.get(name, "")
        body = FRAMES.get(name)
        if fault == "reset":  # an RST instead of an answer
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.connection.close()
            return
        if fault == "slow":
            time.sleep(1)
        if fault.isdecimal() or body is None:
            self.send_response(int(fault or 404))
            self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        sent = {"wrong": body[:-1] + b"?", "truncated": body[:100], "huge": bytes(2000)}.get(fault, body)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) if fault == "truncated" else len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(module, "PAUSE", 0.01)
    monkeypatch.setattr(module, "MAX_PAUSE", 0.02)
    monkeypatch.setattr(module, "MAX_BYTES", 1500)
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    path = tmp_path / "sums"
    path.write_text("".join(f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in FRAMES.items()))
    return path


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    return tmp_path / "data/frames"


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write(folder: Path, contents: dict[str, bytes]) -> Path:
    for name, body in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    return folder


def nothing_beside(frames: Path, *allowed: str) -> bool:
    return not frames.parent.exists() or {path.name for path in frames.parent.iterdir()} <= set(allowed)


def test_download(server, sums, frames):
    fetch_masks(sums, frames, source=None, url=server.url + "/")
    assert files(frames) == FRAMES
    assert nothing_beside(frames, "frames")
    assert set(server.asked.values()) == {1}


@pytest.mark.parametrize("fault", ["500", "503", "429", "reset", "truncated", "wrong", "huge"])
def test_what_passes_is_tried_again(server, sums, frames, fault):
    server.faults = {ONE: [fault] * 3, OTHER: [fault]}
    fetch_masks(sums, frames, source=None, url=server.url)
    assert files(frames) == FRAMES
    assert (server.asked[ONE], server.asked[OTHER]) == (4, 2)


def test_a_silent_server_times_out_and_is_asked_again(server, sums, frames, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", 0.3)
    server.faults = {ONE: ["slow"]}
    fetch_masks(sums, frames, source=None, url=server.url)
    assert files(frames) == FRAMES
    assert server.asked[ONE] == 2


def test_waits_as_long_as_the_server_asks_up_to_a_limit(server, sums, frames, monkeypatch):
    monkeypatch.setattr(module, "MAX_PAUSE", 0.4)
    server.faults = {ONE: ["429"]}
    fetch_masks(sums, frames, source=None, url=server.url, workers=1)
    gaps = [later - earlier for earlier, later in zip(server.times, server.times[1:], strict=False)]
    assert 0.4 <= max(gaps) < 2


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("404", (1, "the server answers 404")),
        ("403", (1, "the server answers 403")),
        ("503", (4, "the server answers 503")),
        ("429", (4, "the server answers 429")),
        ("wrong", (4, "its SHA-256 is")),
        ("truncated", (4, "the connection broke off")),
        ("huge", (4, "more than 1500 bytes")),
        ("reset", (4, "reset")),
    ],
)
def test_what_stays_wrong_is_named_and_leaves_no_folder(server, sums, frames, fault, expected):
    times, says = expected
    server.always = {ONE: fault}
    with pytest.raises(UserError) as error:
        fetch_masks(sums, frames, source=None, url=server.url)
    message = str(error.value)
    assert says in message
    assert f"{server.url}/{ONE}" in message
    assert "dataset.source" in message
    assert "\n" not in message
    assert server.asked[ONE] == times
    assert nothing_beside(frames, ".frames.partial")


def test_a_second_run_downloads_only_the_rest(server, sums, frames):
    last = list(FRAMES)[-1]
    server.always = {last: "404"}
    with pytest.raises(UserError):
        fetch_masks(sums, frames, source=None, url=server.url, workers=1)
    partial = frames.parent / ".frames.partial"
    assert files(partial) == {name: body for name, body in FRAMES.items() if name != last}
    # What a kill or a full disk may have left there, and what another list had.
    (partial / ONE).write_bytes(FRAMES[ONE][:10])
    (partial / "train/good/.A-00003.99.jpg").write_bytes(b"half")
    (partial / "train/good/B-1.jpg").write_bytes(b"of another list")
    server.always = {}
    server.asked.clear()
    fetch_masks(sums, frames, source=None, url=server.url)
    assert server.asked == {ONE: 1, last: 1}
    assert files(frames) == FRAMES
    assert nothing_beside(frames, "frames")


def test_an_earlier_folder_is_replaced(server, sums, frames):
    write(frames, {"train/good/old.jpg": b"old"})
    fetch_masks(sums, frames, source=None, url=server.url)
    assert files(frames) == FRAMES


@pytest.mark.parametrize("url", ["example.org/data", "file:///etc", "ftp://example.org", "http://[x", "http://"])
def test_an_address_that_is_none(sums, frames, monkeypatch, url):
    monkeypatch.setattr(module, "PAUSE", 0.01)
    with pytest.raises(UserError, match=r"dataset\.url"):
        fetch_masks(sums, frames, source=None, url=url)
    assert nothing_beside(frames, ".frames.partial")


def test_nobody_listens(sums, frames, monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.01)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(UserError, match="refused"):
            fetch_masks(sums, frames, source=None, url=f"http://127.0.0.1:{free.getsockname()[1]}")


def test_a_connection_that_breaks_off_without_a_word_is_told_by_its_error_s_name(sums, frames, monkeypatch):
    def breaks_off(_: str) -> bytes:
        raise ConnectionResetError

    monkeypatch.setattr(module, "PAUSE", 0.01)
    monkeypatch.setattr(module, "read", breaks_off)
    with pytest.raises(UserError, match=r"could not be downloaded: ConnectionResetError\."):
        fetch_masks(sums, frames, source=None, url="http://127.0.0.1")


def test_local_copy(sums, frames, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    source = write(tmp_path / "copy", FRAMES | {"README.md": b"", "train/good/mine.jpg": b"x", "test/notes.txt": b""})
    fetch_masks(sums, frames, source=str(source), url="unused")
    assert files(frames) == FRAMES
    assert nothing_beside(frames, "frames")
    assert "24 of 24 frames copied" in caplog.text
    assert "ignored 2 files" in caplog.text


def test_partial_local_copy(sums, frames, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    some = {name: body for name, body in FRAMES.items() if name.startswith("train/")}
    fetch_masks(sums, frames, source=str(write(tmp_path / "copy", some)), url="unused")
    assert files(frames) == some
    assert "12 of 24 frames copied" in caplog.text
    assert "ignored" not in caplog.text


def test_corrupted_local_copy_names_every_wrong_file(sums, frames, tmp_path):
    source = write(tmp_path / "copy", FRAMES | {ONE: b"", OTHER: FRAMES[OTHER] + b"\0"})
    with pytest.raises(UserError, match="2 of 24") as error:
        fetch_masks(sums, frames, source=str(source), url="unused")
    assert ONE in str(error.value)
    assert OTHER in str(error.value)
    assert nothing_beside(frames)


@pytest.mark.parametrize("contents", [None, {}, {"A-00002.jpg": b"x"}, {"data/" + ONE: FRAMES[ONE]}])
def test_local_copy_that_is_none(sums, frames, tmp_path, contents):
    source = tmp_path / "copy"
    if contents is not None:
        source.mkdir()
        write(source, contents)
    with pytest.raises(UserError, match=r"train/<class>/<name>\.jpg"):
        fetch_masks(sums, frames, source=str(source), url="unused")
    assert nothing_beside(frames)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "0123  train/good/a.jpg",
        "0" * 64 + " train/good/a.jpg",
        "0" * 64 + "  train/good/../../a.jpg",
        "0" * 64 + "  /train/good/a.jpg",
        "0" * 64 + "  train/../a.jpg",
        "0" * 64 + f"  {ONE}",
    ],
)
def test_a_damaged_list_is_refused_with_its_line(sums, frames, line):
    sums.write_text(sums.read_text() + line + "\n")
    with pytest.raises(UserError, match=r"sums, line 25, "):
        fetch_masks(sums, frames, source=None, url="http://127.0.0.1:9")
    assert nothing_beside(frames)


def test_the_committed_list():
    wanted = read_sums(ROOT / "config/masks.sha256")
    assert Counter(name.split("/")[0] for name in wanted) == {"train": 200, "test": 500}
    assert {name.split("/")[1] for name in wanted} == {"bad", "good", "no_mask"}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in wanted.values())


@pytest.mark.skipif(not MASKS.is_dir(), reason="the tutorial's frames are not in ../shared/masks")
def test_the_committed_list_and_the_frames_at_hand(frames, caplog):
    caplog.set_level(logging.INFO)
    fetch_masks(ROOT / "config/masks.sha256", frames, source=str(MASKS), url="unused")
    assert len(files(frames)) == 451
    assert "451 of 700 frames copied" in caplog.text
    shutil.rmtree(frames)
