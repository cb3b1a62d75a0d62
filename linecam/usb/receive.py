"""Write the frames that collect.py streams from the camera as PNG files, without loss.

A frame is a line of JSON (run, number, width, height, format, SHA-256 of the pixels), then its pixels in lines of
base64, RGB565 with the low byte first. A frame that doesn't have the SHA-256 it came with is skipped. Ahead of a run's
frames a line says what the camera holds during the run; it is written as R<run>.json. Ctrl-C ends it.
"""

import binascii
import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import serial
from numpy.typing import NDArray
from PIL import Image

from linecam.camera.arithmetic import expand
from linecam.errors import UserError
from linecam.files import atomic_write, write_json
from linecam.frames.held import in_words, values_of
from linecam.usb.port import open_port, why_unusable

LARGEST = 4096  # pixels a side: what claims more is not a frame
MOST = 10**9  # no run or number is larger
LONGEST = 65536  # bytes a line

_RUN = re.compile(r"R(\d+)(?:-\d+)?\.\w+")


@dataclass(frozen=True)
class Head:
    """What the camera says of a frame ahead of its pixels."""

    run: int
    number: int
    width: int
    height: int
    sha256: str

    @property
    def size(self) -> int:
        """Bytes of the pixels."""
        return 2 * self.width * self.height


@dataclass(frozen=True)
class Frame:
    """A frame whose pixels have the SHA-256 they came with."""

    head: Head
    pixels: bytes

    def rgb(self) -> NDArray[np.uint8]:
        """The pixels, (height, width, 3), 0..255; `to_rgb565` of `linecam.camera.arithmetic` gives back the fields."""
        values = np.frombuffer(self.pixels, dtype="<u2").reshape(self.head.height, self.head.width).astype(np.int32)
        return expand(np.stack([values >> 11, values >> 5 & 63, values & 31], axis=-1))


@dataclass(frozen=True)
class Holding:
    """What the camera holds during a run: exposure, gain, white balance, by name."""

    run: int
    held: dict[str, Any]


class Stream:
    """Takes the lines of a port, and gives out the frames that came whole."""

    def __init__(self, *, quiet: bool = False) -> None:
        """`quiet`: nothing is logged."""
        self.quiet = quiet
        self.damaged = 0
        self.stopped = False  # the camera has said that it is done
        self.holding: Holding | None = None  # the exposure and gains that the camera said last
        self._head: Head | None = None
        self._pixels = bytearray()

    @property
    def expects(self) -> bool:
        """Whether more of a frame is to come."""
        return self._head is not None

    def take(self, line: bytes) -> Frame | None:
        """The frame that ends with `line`, if one does."""
        line = line.strip()
        if line.startswith(b"{"):
            self.end()
            self._open(line)
        elif self._head is not None:
            return self._more(line)
        elif b" " in line:  # a message; a line of base64 that we came too late for has no blank
            logging.info("The camera says: %s", line.decode(errors="replace"))
        return None

    def end(self) -> None:
        """Nothing more comes of the frame that is being received."""
        if self._head is not None:
            self._skip(f"it ends after {len(self._pixels):,} of {self._head.size:,} bytes")

    def _open(self, line: bytes) -> None:
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):  # also what is no UTF-8
            return self._skip("its first line can't be read")
        if "held" in told and _whole(told.get("run"), 0, MOST):
            with suppress(ValueError):
                self.holding = Holding(told["run"], values_of(told))
                return None
        if "sha256" not in told:
            self.stopped = "stopped" in told
            logging.info("The camera says: %s", ", ".join(f"{key} {value}" for key, value in told.items()))
            return None
        run, number, width, height = (told.get(key) for key in ("run", "number", "width", "height"))
        if told.get("format") != "rgb565" or not (
            _whole(run, 0, MOST)
            and _whole(number, 0, MOST)
            and _whole(width, 1, LARGEST)
            and _whole(height, 1, LARGEST)
        ):
            return self._skip(f"its first line makes no sense: {line.decode(errors='replace')[:200]}")
        self._head = Head(run, number, width, height, str(told["sha256"]))
        return None

    def _more(self, line: bytes) -> Frame | None:
        assert self._head is not None
        head = self._head
        try:
            self._pixels += binascii.a2b_base64(line, strict_mode=True)
        except binascii.Error:
            self._skip("a line of it is no base64")
            return None
        if len(self._pixels) < head.size:
            return None
        pixels = bytes(self._pixels)
        if hashlib.sha256(pixels).hexdigest() != head.sha256:
            self._skip("its pixels don't have the SHA-256 that was announced")
            return None
        self._head, self._pixels = None, bytearray()
        return Frame(head, pixels)

    def _skip(self, reason: str) -> None:
        name = "A frame" if self._head is None else f"Frame {self._head.number} of run {self._head.run}"
        if not self.quiet:
            logging.warning("%s is damaged and skipped: %s.", name, reason)
        self.damaged += 1
        self._head, self._pixels = None, bytearray()


class Album:
    """A folder of R<run>-<number>.png, in which no file is written over."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.written = 0
        self._runs = {int(match[1]) for path in folder.iterdir() if (match := _RUN.fullmatch(path.name))}
        self._now: tuple[int, int, int] | None = None  # the camera's run and its last number, the run's name here

    def add(self, frame: Frame) -> Path:
        """Write a frame whole, and return its path.

        A run that the folder already has, or that begins anew because the camera was reset, gets the next free name.
        """
        head = frame.head
        path = self.folder / f"R{self._run(head.run, head.number):04d}-{head.number:06d}.png"
        with atomic_write(path) as temporary:
            Image.fromarray(frame.rgb()).save(temporary)
        self.written += 1
        return path

    def add_holding(self, holding: Holding) -> Path:
        """Write what the camera holds during the run that begins, and return the path: R<run>.json."""
        run = self._run(holding.run, 0)
        path = self.folder / f"R{run:04d}.json"
        write_json(path, {"run": run, "held": holding.held})
        logging.info("The camera holds %s during this run: %s", in_words(holding.held), path)
        return path

    def _run(self, run: int, number: int) -> int:
        """The name here of the camera's run, in which `number` comes next: a frame, or 0 for what is ahead of all."""
        if self._now is not None and self._now[0] == run and self._now[1] < number:
            name = self._now[2]
        else:
            name = run if run not in self._runs else max(self._runs) + 1
            logging.info("The camera's run %d goes to %s/R%04d-*.png", run, self.folder, name)
            self._runs.add(name)
        self._now = run, number, name
        return name


def lines(port: serial.Serial) -> Iterator[bytes]:
    """The lines that come in on a port, for ever."""
    rest = b""
    while True:
        rest += port.read(port.in_waiting or 1)
        *complete, rest = rest.split(b"\n")
        yield from complete
        rest = rest[-LONGEST:]


def receive(incoming: Iterable[bytes], album: Album, stream: Stream) -> None:
    """Write the frames among the incoming lines, until there are no more or the camera says it is done."""
    for line in incoming:
        frame = stream.take(line)
        try:
            if stream.holding is not None:
                album.add_holding(stream.holding)
                stream.holding = None
            if frame is not None:
                path = album.add(frame)
                if album.written % 50 == 1:
                    logging.info("%s, frame %d", path, album.written)
        except OSError as error:
            raise UserError(f"A frame can't be written ({error}). {_summary(album, stream)} Make room.") from error
        if stream.stopped:
            break
    stream.end()


def run(name: str, folder: Path) -> None:
    """Receive frames from the port `name` into `folder` until Ctrl-C, or the camera's end.

    Raises `UserError` where the port cannot be opened, is unplugged, or the folder cannot be written to.
    """
    stream = Stream()
    try:
        album = Album(folder)
    except OSError as error:
        raise UserError(
            f"{folder} can't be used as the folder for frames ({error.strerror}). Name a folder that you may write "
            f"to, or a new folder inside one."
        ) from error
    try:
        with open_port(name, timeout=1) as port:
            logging.info("Waiting for frames on %s. Ctrl-C ends it.", name)
            receive(lines(port), album, stream)
    except KeyboardInterrupt:
        stream.end()
    except OSError as error:  # SerialException is one, too
        stream.end()
        raise UserError(f"{why_unusable(name, error)} {_summary(album, stream)}") from error
    logging.info("%s", _summary(album, stream))


def _whole(value: Any, lowest: int, highest: int) -> bool:
    return type(value) is int and lowest <= value <= highest


def _summary(album: Album, stream: Stream) -> str:
    return f"Frames in {album.folder}: {album.written}. Damaged and skipped: {stream.damaged}."
