"""What a camera has said since somebody listens: its lines understood, counted by class and by hour.

main.py prints JSON, a line a decision: {"label": "good", "score": 0.93, "scores": [...], "item": 1, "frames": 3, ...},
where label is null without a decision. Before the first it prints {"linecam": ..., "labels": [...], ...}; a frame that
failed is {"error": ...}, a hint {"note": ...}, the number of items that went by without a decision {"missed": ...},
a line that has changed {"drift": ...}, and its end "linecam: why.". Python's own words come in between, such as a
traceback. Of several places in a frame the line has "place", the one that decided, and "places", what was decided for
each. collect.py prints frames instead
(`linecam.usb.receive`); they are this camera's pictures.
"""

import io
import json
import re
import threading
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from PIL import Image

from linecam.frames.held import in_words, values_of
from linecam.percent import percent
from linecam.usb.receive import Stream

Kind = Literal[
    "start",
    "decision",
    "error",
    "note",
    "missed",
    "drift",
    "stop",
    "text",
    "picture",
    "unreadable",
    "gone",
    "back",
]
KINDS: tuple[Kind, ...] = ("error", "note")  # that a line of JSON has as its key
UNDECIDED = "undecided"
RECENT, HOURS = 30, 24  # how many messages and hours the page shows
LONGEST = 300  # characters of a message

_BASE64 = re.compile(rb"[A-Za-z0-9+/]+=*")
LINE_OF_PICTURE = 60  # characters and more: a word is shorter


@dataclass(frozen=True)
class Event:
    """Something that the camera said, or that befell its port."""

    when: datetime
    kind: Kind
    text: str  # for a person
    told: Mapping[str, Any] = field(default_factory=dict)  # the line as JSON, where it is

    @property
    def decision(self) -> str:
        """The class of a decision, or `UNDECIDED`."""
        return UNDECIDED if self.told["label"] is None else str(self.told["label"])

    @property
    def place(self) -> str:
        """Of a decision over several places of a frame, which of them decided, for a person; else ""."""
        place, places = self.told.get("place"), self.told.get("places")
        return f"place {place} of {len(places)}" if type(place) is int and isinstance(places, list) else ""

    def in_words(self) -> str:
        """What it says, and what kind of message it is."""
        before = {
            "drift": "The line has changed: ",
            "error": "A frame failed: ",
            "stop": "The camera's program has ended: ",
            "unreadable": "Unreadable: ",
        }
        return before.get(self.kind, "") + self.text

    def as_json(self) -> dict[str, Any]:
        """A line of a saved file: the camera's own JSON, or {kind, text}; with the time in front."""
        when = {"when": self.when.isoformat(timespec="milliseconds")}
        return when | (dict(self.told) if self.told else {"kind": self.kind, "text": self.text})


class Diary:
    """Takes lines, and keeps what they amount to. Its methods may be called from several threads."""

    def __init__(self, port: str, since: datetime) -> None:
        self.port, self.since = port, since
        self.decisions: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self._hours: dict[str, Counter[str]] = {}
        self._recent: deque[Event] = deque(maxlen=RECENT)
        self._labels: list[str] = []
        self.missed = 0  # items without a decision
        self._told_missed: int | None = None  # how many of them main.py has reported since it began; None: not known
        self._now: Event | None = None  # the last decision, while it holds
        self._drifts: dict[str, Event] = {}  # what has changed on the line, and has not ended
        self._stopped = ""  # why the program has ended, as far as it said so
        self._connected = True
        self._traceback = False
        self._frames = Stream(quiet=True)
        self._picture, self._picture_number = b"", 0
        self._lock = threading.Lock()

    def take(self, line: bytes, when: datetime, *, fresh: bool = False) -> Event | None:
        """What a line says, or None where it says nothing: it is empty, or part of a picture.

        `fresh` is the first one since the port was opened: its beginning may be missing, and then it is dropped.
        """
        with self._lock:
            line = line.rstrip(b"\0 \r\n")
            event = self._understood(line, when) if line else None
            if event is None or (fresh and event.kind in {"text", "unreadable"} and not self._traceback):
                return None
            self._note(event)
            return event

    def port_changed(self, connected: bool, when: datetime) -> Event:
        """The port has gone, or is back."""
        with self._lock:
            event = Event(
                when,
                "back" if connected else "gone",
                f"{self.port} is back." if connected else f"{self.port} has gone. Waiting for it to come back.",
            )
            self._connected, self._traceback, self._frames = connected, False, Stream(quiet=True)
            self._note(event)
            return event

    def picture(self) -> bytes:
        """The last frame that came whole, as a PNG; b"" before the first."""
        with self._lock:
            return self._picture

    def state(self) -> dict[str, Any]:
        """What the page shows, as JSON values."""
        with self._lock:
            now = self._now
            names = list(dict.fromkeys([*self._labels, *sorted(self.decisions)]))
            return {
                "port": self.port,
                "connected": self._connected,
                "stopped": self._stopped,
                "drifts": [one.text for one in self._drifts.values()],
                "since": self.since.isoformat(timespec="seconds"),
                "now": now
                and {"when": now.when.strftime("%H:%M:%S"), "label": now.decision, "place": now.place}
                | _figures(now.told),
                "names": names,
                "counts": dict(self.decisions),
                "hours": [{"hour": hour, "counts": dict(of)} for hour, of in list(self._hours.items())[-HOURS:]],
                "unreadable": self.kinds["unreadable"],
                "failed": self.kinds["error"],
                "missed": self.missed,
                "picture": self._picture_number,
                "recent": [
                    {"when": one.when.strftime("%H:%M:%S"), "kind": one.kind, "text": one.in_words()}
                    for one in reversed(self._recent)
                ],
            }

    def _note(self, event: Event) -> None:
        self.kinds[event.kind] += 1
        if event.kind == "decision":
            self.decisions[event.decision] += 1
            self._hours.setdefault(event.when.strftime("%Y-%m-%d %H"), Counter())[event.decision] += 1
            self._now, self._stopped = event, ""
            return
        if event.kind in {"error", "stop", "start", "gone"}:
            self._now = None  # not an old decision, as on the LED
        if event.kind in {"start", "stop"}:
            self._stopped = event.text if event.kind == "stop" else ""
        if event.kind == "drift":
            self._drifts.pop(event.told["drift"], None)
            if event.told["state"] == "begins":
                self._drifts[event.told["drift"]] = event
        if event.kind == "start":
            self._drifts.clear()  # the charts begin anew
            self._labels = [str(name) for name in event.told["labels"]]
            self._told_missed = 0
        if event.kind == "missed":
            told = event.told["missed"]
            # Whoever listens from the middle on knows of one, the last.
            self.missed += 1 if self._told_missed is None else max(1, told - self._told_missed)
            self._told_missed = told
        if event.kind != "picture":
            self._recent.append(event)

    def _understood(self, line: bytes, when: datetime) -> Event | None:
        if self._of_picture(line):
            return self._whole_picture(line, when)
        return _of_json(line, when) if line.startswith(b"{") else self._of_text(line, when)

    def _of_text(self, line: bytes, when: datetime) -> Event:
        text = line.decode(errors="replace")
        if not text.isprintable() or "\ufffd" in text:
            return Event(when, "unreadable", printable(text))
        if text.startswith("Traceback"):
            self._traceback = True
        elif self._traceback and not text.startswith(" "):
            self._traceback = False
            return Event(when, "stop", printable(text))
        if text.startswith("linecam: "):
            return Event(when, "stop", printable(text.removeprefix("linecam: ")))
        return Event(when, "text", printable(text))

    def _of_picture(self, line: bytes) -> bool:
        if line.startswith(b"{"):
            return b'"sha256"' in line
        long = len(line) >= LINE_OF_PICTURE or self._frames.expects
        return long and _BASE64.fullmatch(line) is not None

    def _whole_picture(self, line: bytes, when: datetime) -> Event | None:
        frame = self._frames.take(line)
        if frame is None:
            return None
        written = io.BytesIO()
        Image.fromarray(frame.rgb()).save(written, "PNG")
        self._picture, self._picture_number = written.getvalue(), self._picture_number + 1
        head = frame.head
        return Event(when, "picture", f"frame {head.number} of run {head.run}, {head.width} x {head.height}")


def _of_json(line: bytes, when: datetime) -> Event:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):  # a line that was cut, or two that ran into each other
        told = {}
    kind, text = _meant(told)
    return Event(when, kind, printable(text or line.decode(errors="replace")), {} if kind == "unreadable" else told)


def _meant(told: Mapping[str, Any]) -> tuple[Kind, str]:
    """What a line of JSON is, and what it says in words."""
    if not told or ("label" in told and not _is_decision(told)):
        return "unreadable", ""
    if "label" in told:
        return "decision", str(told["label"] or UNDECIDED)
    if "linecam" in told and isinstance(told.get("labels"), list):
        firmware = f", firmware {told['firmware']}" if "firmware" in told else ""
        votes = f", {told['votes']} frames a decision" if told.get("votes", 1) != 1 else ""
        classes = ", ".join(map(str, told["labels"]))
        return "start", f"main.py starts: model {told['linecam']}, classes {classes}{votes}{firmware}"
    return _remark(told)


def _remark(told: Mapping[str, Any]) -> tuple[Kind, str]:
    """What a line of JSON is that says no decision and no start."""
    if type(told.get("missed")) is int:
        return "missed", f"Items without a decision so far: {told['missed']}"
    if _is_drift(told):
        return "drift", _drift(told)
    with suppress(ValueError):
        return "note", f"The camera holds {in_words(values_of(told))} while it records"
    for kind in KINDS:
        if kind in told:
            return kind, str(told[kind])
    # So collect.py ends; anything else is of another program.
    return "stop" if "stopped" in told else "text", ", ".join(f"{key} {value}" for key, value in told.items())


def _is_drift(told: Mapping[str, Any]) -> bool:
    return (
        isinstance(told.get("drift"), str)
        and told.get("state") in {"begins", "ends"}
        and all(type(told.get(key)) in {int, float} for key in ("hits", "of", "expected"))
    )


def _drift(told: Mapping[str, Any]) -> str:
    """What line_drift has noticed, with its counts since the change began, as far as it knows."""
    if told["state"] == "ends":
        return f"{told['drift']}. This has ended"
    share = told["hits"] / told["of"] if told["of"] else 0
    usual = percent(told["expected"])
    return f"{told['drift']}. {told['hits']} of {told['of']} decisions, {percent(share)}; usual are {usual}"


def _is_decision(told: Mapping[str, Any]) -> bool:
    numbers = [told.get("score"), told.get("ms"), *(told["scores"] if isinstance(told.get("scores"), list) else [None])]
    return (told["label"] is None or isinstance(told["label"], str)) and all(
        type(number) in {int, float} for number in numbers
    )


def _figures(told: Mapping[str, Any]) -> dict[str, Any]:
    return {key: told.get(key) for key in ("score", "scores", "item", "frames", "ms", "inference_ms")}


def printable(text: str) -> str:
    """Text that steers no terminal, of bounded length."""
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
