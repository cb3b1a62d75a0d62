"""`linecam watch`: what a connected camera says, in the terminal and, where it is asked for, as a page."""

import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TextIO

import serial

from linecam.errors import UserError
from linecam.percent import percent
from linecam.stop_request import StopRequest
from linecam.usb.diary import UNDECIDED, Diary, Event
from linecam.usb.port import open_port, why_unusable
from linecam.usb.receive import LONGEST

PATIENCE = 0.5  # seconds until it is looked again whether the port is back, or somebody pressed Ctrl-C


class Port:
    """A serial port that may go and come back."""

    def __init__(self, name: str) -> None:
        """Open it. Raises `UserError` where it is not there, or may not be used."""
        self.name = name
        try:
            self._open: serial.Serial | None = self._opened()
        except OSError as error:  # SerialException is one, too
            raise UserError(why_unusable(name, error)) from error

    def _opened(self) -> serial.Serial:
        return open_port(self.name, timeout=PATIENCE)

    def listen(
        self, stop: StopRequest, take: Callable[[bytes, bool], object], changed: Callable[[bool], object]
    ) -> None:
        """Hand on what comes until `stop` is made.

        `take` gets whole lines, and whether it is the first since the port was opened: its beginning may be missing.
        `changed` is told when the port goes (False), with which the half line before goes too, and when it is back.
        """
        rest, fresh = b"", True
        while not stop.made:
            try:
                if self._open is None:
                    self._open = self._opened()
                    rest, fresh = b"", True
                    changed(True)
                rest += self._open.read(self._open.in_waiting or 1)
            except OSError:
                if self._open is not None:
                    self._open.close()
                    self._open = None
                    changed(False)
                time.sleep(PATIENCE)
                continue
            *lines, rest = rest.split(b"\n")
            rest = rest[-LONGEST:]
            for line in lines:
                take(line, fresh)
                fresh = False
        if self._open is not None:
            self._open.close()


class Teller:
    """Writes events to a terminal: of decisions that are the same one line, which counts them; elsewhere one each."""

    def __init__(self, out: TextIO) -> None:
        self.out, self.live = out, out.isatty()
        self._last = ""  # the decision, or the kind of message, of the line before
        self._times = 0
        self._open = False  # whether the last line has no end yet

    def tell(self, event: Event) -> None:
        """Write an event. Of unreadable lines in a row the first is shown."""
        kind = event.decision if event.kind == "decision" else f"/{event.kind}"
        again = kind == self._last
        self._times = self._times + 1 if again else 1
        self._last = kind
        if event.kind == "picture" and not self.live:
            return
        if event.kind == "unreadable" and again:
            return
        # What counts up is written over.
        over = self.live and event.kind in {"decision", "picture"}
        self._write(f"{event.when:%H:%M:%S}  {self._text(event)}", over=over, again=again)

    def _text(self, event: Event) -> str:
        if event.kind == "decision":
            told = event.told
            times = f"   {self._times} in a row" if self.live and self._times > 1 else ""
            place = f"  {event.place}" if event.place else ""
            return f"{event.decision:<12} {told['score']:.2f}  {told['ms']:>6} ms{place}{times}"
        return event.in_words()

    def _write(self, text: str, *, over: bool, again: bool) -> None:
        if self._open:
            self.out.write("\r\x1b[K" if over and again else "\n")
        self.out.write(text if over else f"{text}\n")
        self.out.flush()
        self._open = over

    def end(self) -> None:
        """Close the last line."""
        if self._open:
            self.out.write("\n")
            self._open = False


def watch(name: str, stop: StopRequest, *, save: Path | None, page: bool, port: int | None, browser: bool) -> None:
    """Show what the camera at the serial port `name` says, until `stop` is made; then sum it up.

    Everything is appended to the file `save`, a line of JSON each, with the time. `page` also serves a page, at `port`
    of this machine, None being a free one; `browser` opens it. Raises `UserError` where the port cannot be opened at
    the start; later it may go, and is waited for.
    """
    source = Port(name)
    diary, teller = Diary(name, _now()), Teller(sys.stdout)
    with ExitStack() as stack:
        saved = stack.enter_context(_appended(save)) if save else None

        def note(event: Event | None) -> None:
            if event is None:
                return
            teller.tell(event)
            if saved:
                saved.write(json.dumps(event.as_json()) + "\n")
                saved.flush()  # whoever pulls the plug has it all

        def listen() -> None:
            source.listen(
                stop,
                lambda line, fresh: note(diary.take(line, _now(), fresh=fresh)),
                lambda connected: note(diary.port_changed(connected, _now())),
            )

        print(f"Listening at {name}. Ctrl-C ends it.", file=sys.stderr)
        try:
            if page:
                _beside(listen, diary, stop, port=port, browser=browser)
            else:
                listen()
        finally:
            teller.end()
    print(summary(diary, _now(), save))


def _beside(listen: Callable[[], None], diary: Diary, stop: StopRequest, *, port: int | None, browser: bool) -> None:
    """Serve the page while another thread listens; what is raised there is raised here."""
    from linecam.usb.watch_page import serve  # noqa: PLC0415 (a second for what most calls do without)

    failed: list[BaseException] = []

    def work() -> None:
        try:
            listen()
        except BaseException as error:  # a full disk
            failed.append(error)
            stop.request()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        serve(diary, stop, port=port, browser=browser)
    finally:
        stop.request()
        thread.join()
    if failed:
        raise failed[0]


def summary(diary: Diary, now: datetime, save: Path | None) -> str:
    """What was seen, in words."""
    minutes = (now - diary.since).total_seconds() / 60
    lasted = f"{minutes:.0f} minutes" if minutes >= 2 else f"{60 * minutes:.0f} seconds"
    total = diary.decisions.total()
    by = sorted(diary.decisions.items(), key=lambda item: (item[0] == UNDECIDED, -item[1], item[0]))
    told = ", ".join(f"{name} {count:,} ({percent(count / total, 0)})" for name, count in by)
    lines = [f"{total:,} decisions in {lasted}{': ' + told if told else ''}."]
    also = {
        "drift": "changes of the line",
        "error": "frames failed",
        "unreadable": "lines unreadable",
        "gone": "times the port went",
        "stop": "ends",
    }
    extra = [f"{what}: {diary.kinds[kind]:,}" for kind, what in also.items() if diary.kinds[kind]]
    if diary.missed:
        extra.insert(0, f"items without a decision: {diary.missed:,}")
    if extra:
        lines.append(f"{'; '.join(extra).capitalize()}.")
    if diary.kinds["picture"] and not total:
        lines.append(
            f"It runs collect.py, which sent {diary.kinds['picture']:,} frames: `linecam receive` writes them to files."
        )
    if save:
        lines.append(f"All of it: {save}")
    return "\n".join(lines)


def _appended(path: Path) -> TextIO:
    try:
        return path.open("a", encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"--save {path} can't be written to ({error.strerror}). Name a file in a folder of yours."
        ) from None


def _now() -> datetime:
    return datetime.now().astimezone()
