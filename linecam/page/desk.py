"""Frames and labels, as the labelling page sees and changes them."""

import io
import logging
from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from PIL import Image

from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.frames.decode import open_frame
from linecam.frames.picture import upright
from linecam.frames.places import place_of, region_in
from linecam.frames.video import place_in_video
from linecam.labels.store import DECISION, UNSURE, Row, answer, read_rows
from linecam.page.frame import Frame
from linecam.page.frame_map import FrameMap

# Longest sides in pixels. No screen shows more than LARGE at once, and so a phone's 12-megapixel frame is quick to look
# at; who zooms in gets FULL.
FULL, LARGE, SMALL = 6000, 1600, 256


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
        frame_map: FrameMap | None = None,
    ) -> None:
        """`by` is who labels, `region` what of a frame the network sees, `frame_map` where more frames can be picked.

        Raises `UserError` where `labels` cannot be read.
        """
        if any(frame.part == "test" and frame.suggestion for frame in frames):
            raise ValueError("whoever judges a test frame must not see what the model says")
        read_rows(labels, classes)
        self.frames = list(frames)
        self.folder, self.labels, self.classes, self.by, self.dataset = folder, labels, classes, by, dataset
        self.region, self.advice = region, advice or Advice()
        self.listed = {frame.sha256: frame for frame in frames}
        self.map = frame_map or FrameMap()
        self._shown = {frame.sha256: frame for frame in beside} | dict(self.map.others) | self.listed
        self._asking = Lock()

    def everything(self) -> dict[str, Any]:
        """What the page needs at its start."""
        return {
            "dataset": self.dataset,
            "by": self.by,
            "decision": DECISION,
            "unsure": UNSURE,
            "classes": self.classes,
            "frames": [asdict(frame) | self._shown_of(frame) for frame in self.frames],
            "paths": {digest: self._shown[digest].path for digest in self._with_neighbours() & self._shown.keys()},
            "advice": asdict(self.advice),
            "on_map": len(self.map.places),
        }

    def _with_neighbours(self) -> set[str]:
        """The sha256 of the listed frames and of those beside them."""
        return {digest for frame in self.frames for digest in (frame.sha256, *(other for _, other in frame.beside))}

    def everything_of_map(self) -> dict[str, Any]:
        """What the map needs: of its frames what `everything` says of the listed ones, their places, and their rows."""
        frames = [
            asdict(replace(self.listed.get(digest) or self.map.others[digest], beside=())) | {"x": x, "y": y}
            for digest, (x, y) in self.map.places.items()
        ]
        about = {"frames": frames, "rows": self._rows(self.map.places), "usable": self.map.usable}
        return {"by": self.by, "decision": DECISION, "unsure": UNSURE, "classes": self.classes} | about

    def ask(self, digests: Sequence[str]) -> None:
        """Make these frames of the map, and no others, the user's list. What is listed stays, in its part.

        Raises `ValueError` as `FrameMap.asked`.
        """
        with self._asking:
            self.frames = self.map.asked(digests, self.listed)
            self.listed = {frame.sha256: frame for frame in self.frames}
            self.advice = replace(self.advice, asked="from the map")

    def _shown_of(self, frame: Frame) -> dict[str, Any]:
        """`seen`: left, top, width and height of what the network sees, as shares of the picture's width and height.

        Of one place of a frame the picture is just that; then its own `width` and `height` are there, too.
        """
        path = self.folder / frame.path
        left, top, right, bottom = region_in(path, self.region).box((frame.width, frame.height))
        width, height = right - left, bottom - top
        if place_of(path):
            return {"seen": [0, 0, 1, 1], "width": round(width), "height": round(height)}
        return {"seen": [left / frame.width, top / frame.height, width / frame.width, height / frame.height]}

    def standing(self) -> dict[str, list[Row]]:
        """All rows of the listed frames by sha256, as the file has them now."""
        return self._rows(self.listed)

    def _rows(self, digests: Container[str]) -> dict[str, list[Row]]:
        rows: dict[str, list[Row]] = defaultdict(list)
        for row in read_rows(self.labels, self.classes):
            if row["sha256"] in digests:
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
                raise ValueError(f"{one['sha256']!r} is not a frame to label here")
            if one["label"] not in known or one["seen"] not in known:
                raise ValueError(f"{one['label']!r} or {one['seen']!r} is not a label")
            by = DECISION if decision else self.by
            row = {"sha256": frame.sha256, "path": frame.path, "label": one["label"], "by": by, "when": now}
            rows.append((row, one["seen"]))
        if len({row["sha256"] for row, _ in rows}) < len(rows):
            raise ValueError("a frame has two answers")
        answer(self.labels, self.classes, rows)

    def picture(self, digest: str, longest: int) -> bytes | None:
        """A frame or a place of one as JPEG, upright, its longer side at most `longest` pixels; None where it isn't one
        of those shown, or its file is another than the one that was indexed."""
        frame = self._shown.get(digest)
        if frame is None:
            return None
        path = self.folder / frame.path
        region = region_in(path, self.region)
        place = place_of(path)
        file = place[0] if place else path
        try:
            # Before a file of any size is read. A frame of a video is not a file.
            if place_in_video(file) is None and file.stat().st_size != frame.bytes:
                raise OSError("its size has changed")
            with open_frame(path, digest) as image:
                if not place:
                    image.draft("RGB", (longest, longest))
                seen = upright(image)
                if place:
                    left, top, right, bottom = map(round, region.box(seen.size))
                    seen = seen.crop((left, top, right, bottom))
                seen.thumbnail((longest, longest), Image.Resampling.LANCZOS)
                written = io.BytesIO()
                # As good as the frame itself, where it is to be judged.
                seen.save(written, "JPEG", quality=95 if longest > SMALL else 85, subsampling=0)
        except (OSError, UserError) as error:
            logging.warning("%s cannot be shown: %s", frame.path, error)
            return None
        return written.getvalue()
