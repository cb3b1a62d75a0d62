"""Frames and labels, as the labelling page sees and changes them."""

import io
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import Image

from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.frames.decode import open_frame
from linecam.frames.picture import upright
from linecam.frames.video import place_in_video
from linecam.labels.store import DECISION, UNSURE, Row, answer, read_rows

# Longest sides in pixels. No screen shows more than LARGE at once, and so a phone's 12-megapixel frame is quick to look
# at; who zooms in gets FULL.
FULL, LARGE, SMALL = 6000, 1600, 256


@dataclass(frozen=True)
class Frame:
    """A frame to label, or one beside it in time, of which the first five fields count."""

    sha256: str
    path: str  # below the frames' folder
    bytes: int  # of the file
    width: int  # pixels, as it is seen
    height: int
    part: str = ""  # train, test, next, other: labelled, and people disagree; or asked: named by the user alone
    group: int = 0  # similar frames that follow each other have one number
    reason: str = ""  # why it was selected, or why its label looks wrong, or ""
    doubt: int = 0  # 1 for the label that looks most wrong, 2 for the next one, ...; 0: it does not
    asked: int = 0  # its place, from 1 on, in the list that the user names; 0: it isn't there
    given: str = ""  # the label that it has without labels.csv, or ""
    given_by: str = ""  # folder or truth
    suggestion: str = ""  # what the model says, or ""; never of a test frame
    p: float = 0.0  # the model's probability of it
    beside: tuple[tuple[int, str], ...] = ()  # neighbours in time: by how much their number differs, and their sha256


@dataclass(frozen=True)
class Advice:
    """What the page says beside the frames: what classes mean, and how to go on."""

    definitions: Mapping[str, str] = field(default_factory=dict)  # by class, one sentence
    go_on: str = "snakemake"  # the command that goes on with the labels
    label: str = "linecam label"  # the command that opens this page again
    next: Mapping[str, Any] = field(default_factory=dict)  # next/summary.json; {}: `select_next` has not been run
    asked: str = ""  # the name of the user's list of frames


class Desk:
    """Frames and labels, as the page sees and changes them. Its methods may be called from several threads."""

    def __init__(
        self,
        frames: Sequence[Frame],
        beside: Sequence[Frame],
        folder: Path,
        labels: Path,
        *,
        classes: list[str],
        by: str,
        dataset: str,
        region: Region,
        advice: Advice | None = None,
    ) -> None:
        """`by` is who labels, `region` what of a frame the network sees.

        Raises `UserError` where `labels` cannot be read.
        """
        if any(frame.part == "test" and frame.suggestion for frame in frames):
            raise ValueError("whoever judges a test frame must not see what the model says")
        read_rows(labels, classes)
        self.frames = list(frames)
        self.folder, self.labels, self.classes, self.by, self.dataset = folder, labels, classes, by, dataset
        self.region, self.advice = region, advice or Advice()
        self.listed = {frame.sha256: frame for frame in frames}
        self._shown = {frame.sha256: frame for frame in beside} | self.listed

    def everything(self) -> dict[str, Any]:
        """What the page needs at its start."""
        return {
            "dataset": self.dataset,
            "by": self.by,
            "decision": DECISION,
            "unsure": UNSURE,
            "classes": self.classes,
            "frames": [asdict(frame) | {"seen": self._seen(frame)} for frame in self.frames],
            "paths": {digest: frame.path for digest, frame in self._shown.items()},
            "advice": asdict(self.advice),
        }

    def _seen(self, frame: Frame) -> list[float]:
        """Left, top, width and height of what the network sees, as shares of the frame's width and height."""
        left, top, right, bottom = self.region.box((frame.width, frame.height))
        return [left / frame.width, top / frame.height, (right - left) / frame.width, (bottom - top) / frame.height]

    def standing(self) -> dict[str, list[Row]]:
        """All rows of the listed frames by sha256, as the file has them now."""
        rows: dict[str, list[Row]] = defaultdict(list)
        for row in read_rows(self.labels, self.classes):
            if row["sha256"] in self.listed:
                rows[row["sha256"]].append(row)
        return rows

    def done(self) -> int:
        """How many of the frames have a label, or somebody who isn't sure of them."""
        rows = self.standing()
        return sum(bool(frame.given or rows.get(frame.sha256)) for frame in self.frames)

    def version(self) -> str:
        """Another word whenever the file of labels has changed."""
        with suppress(OSError):
            stat = self.labels.stat()
            return f"{stat.st_ino}-{stat.st_mtime_ns}-{stat.st_size}"
        return "none"

    def write(self, answers: Sequence[dict[str, Any]], *, decision: bool) -> None:
        """Write answers, each {sha256, label, seen}, as `labels.answer` does; all are on the disk when this returns.

        Raises `ValueError` where one isn't of this form, or its frame isn't listed.
        """
        known = ["", *self.classes] if decision else ["", UNSURE, *self.classes]
        rows = []
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        for one in answers:
            if not isinstance(one, dict) or set(one) != {"sha256", "label", "seen"}:
                raise ValueError("an answer has sha256, label and seen")
            frame = self.listed.get(str(one["sha256"]))
            if frame is None:
                raise ValueError(f"{one['sha256']!r} is no frame to label here")
            if one["label"] not in known or one["seen"] not in known:
                raise ValueError(f"{one['label']!r} or {one['seen']!r} is no label")
            by = DECISION if decision else self.by
            row = {"sha256": frame.sha256, "path": frame.path, "label": one["label"], "by": by, "when": now}
            rows.append((row, one["seen"]))
        if len({row["sha256"] for row, _ in rows}) < len(rows):
            raise ValueError("a frame has two answers")
        answer(self.labels, self.classes, rows)

    def picture(self, digest: str, longest: int) -> bytes | None:
        """A frame as JPEG, upright, its longer side at most `longest` pixels; None where it isn't one of those shown,
        or its file is another than the one that was indexed."""
        frame = self._shown.get(digest)
        if frame is None:
            return None
        path = self.folder / frame.path
        try:
            # Before a file of any size is read. A frame of a video is no file.
            if place_in_video(path) is None and path.stat().st_size != frame.bytes:
                raise OSError("its size has changed")
            with open_frame(path, digest) as image:
                image.draft("RGB", (longest, longest))
                seen = upright(image)
                seen.thumbnail((longest, longest), Image.Resampling.LANCZOS)
                written = io.BytesIO()
                # As good as the frame itself, where it is to be judged.
                seen.save(written, "JPEG", quality=95 if longest > SMALL else 85, subsampling=0)
        except (OSError, UserError) as error:
            logging.warning("%s cannot be shown: %s", frame.path, error)
            return None
        return written.getvalue()
