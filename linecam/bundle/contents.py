"""What goes onto the camera: which files, what main.py reads of them, and whether they fit."""

import ast
import io
import json
import tokenize
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from linecam.boards.board import FIRST_FIRMWARE, LAST_FIRMWARE, Board
from linecam.bundle.bill_of_materials import Model
from linecam.bundle.camera_settings import CameraSettings, Hold, ModelFile
from linecam.bundle.parts import FromFrames, Part, hold_of, parts_of
from linecam.bundle.worst import PLACES_SINCE
from linecam.camera.region import STRETCHES_SINCE
from linecam.errors import UserError

ROMFS = ["model.tflite", "labels.txt", "settings.json"]
IMAGE = "linecam.romfs"


@dataclass(frozen=True)
class Program:
    """How main.py looks at the line and decides."""

    frame_size: str
    side: int | None  # of the square in the middle of the frame that goes to the network, in pixels
    votes: int  # over how many frames it decides
    period_ms: int  # at most one decision in so many ms
    thresholds: dict[str, float]  # by class, the mean score from which on main.py decides for it
    roi: list[int] | None = None  # instead of `side`: x, y, width and height of the region that goes to the network
    rois: list[list[int]] | None = None  # instead of both: places, which go to the network in turn
    frame: list[int] | None = None  # width and height of the sensor's frame, where there are several places
    hold: dict[str, Any] = field(default_factory=dict)  # gain, white balance and exposure, by name
    parts: tuple[Part, ...] = ()  # in the order in which main.py calls them

    @classmethod
    def of(
        cls, config: dict[str, Any], votes: int, thresholds: dict[str, float], frames: FromFrames, board: Board
    ) -> Self:
        """What a complete configuration, and the `votes` and `thresholds` that were made of it, and the frames say.

        The sensor's frame is that of `board`.
        """
        camera, bundle = config["camera"], config["bundle"]
        return cls(
            camera["frame_size"],
            camera["side"],
            votes,
            bundle["period_ms"],
            thresholds,
            camera["roi"],
            camera["rois"],
            board.frame_sizes[camera["frame_size"]] if camera["rois"] else None,
            hold_of(config, frames.held),
            parts_of(config, frames),
        )

    @property
    def firmware(self) -> tuple[str, str]:
        """The OpenMV releases that main.py runs on with these settings, first and last."""
        oblong = any(roi[2] != roi[3] for roi in [self.roi, *(self.rois or [])] if roi)
        first = STRETCHES_SINCE if oblong else PLACES_SINCE if self.rois else FIRST_FIRMWARE
        return first, LAST_FIRMWARE

    @property
    def view(self) -> dict[str, object]:
        """What the camera looks at, as JSON values: the frame size, and `side`, `roi` or `rois`."""
        seen = {"side": self.side, "roi": self.roi, "rois": self.rois}
        return {"frame_size": self.frame_size} | {key: value for key, value in seen.items() if value}

    @property
    def seen(self) -> str:
        """What of the frame goes to the network, in words."""
        if self.rois:
            width, height = self.rois[0][2:]
            told = ", ".join(f"{number} from {x}, {y} on" for number, (x, y, _, _) in enumerate(self.rois, 1))
            return f"{len(self.rois)} places of {width} x {height} pixels, one after the other: {told}"
        if self.roi is None:
            return f"the {self.side} x {self.side} pixels in its middle"
        x, y, width, height = self.roi
        return f"the {width} x {height} pixels from {x}, {y} on"

    def settings(self, model: Model) -> dict[str, Any]:
        """What main.py and its parts read, in settings.json, as JSON values."""
        roi = [0, 0, *self.frame] if self.frame else self.roi
        return CameraSettings(
            model=ModelFile(sha256=model.sha256, name=f"{model.name} {model.range}"),
            labels=tuple(model.classes),
            frame_size=self.frame_size,
            side=None if roi else self.side,
            roi=(roi[0], roi[1], roi[2], roi[3]) if roi else None,
            rois=tuple((x, y, width, height) for x, y, width, height in self.rois) if self.rois else None,
            votes=self.votes,
            period_ms=self.period_ms,
            thresholds=self.thresholds,
            hold=Hold(**self.hold) if self.hold else None,
            parts=self.parts or None,
        ).as_dict()

    @property
    def modules(self) -> list[str]:
        """The files of the parts."""
        return [f"{name}.py" for name, _ in self.parts]

    def drive_files(self, place: str | None) -> list[str]:
        """What is copied to the drive, in this order: the program comes last.

        A model in ROMFS (`place`) may be larger than the drive.
        """
        model = [] if place == "romfs" else ["model.tflite"]
        return [*model, "labels.txt", "settings.json", *self.modules, "main.py"]


def as_copied(source: str) -> str:
    """A program of the camera without comments, docstrings and empty lines, and with a tab for four blanks at the left.

    The camera's drive is small. The code itself stays as it is written: `ast.unparse` would put brackets around tuples,
    for which MicroPython takes memory.
    """
    lines = source.splitlines()
    within = set()  # numbers of lines that begin inside a string, whose blanks count
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
        elif token.type == tokenize.STRING:
            within |= set(range(token.start[0], token.end[0]))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            first, last = node.body[0].lineno - 1, node.body[0].end_lineno or 0
            lines[first:last] = [""] * (last - first)
            if len(node.body) == 1:
                lines[first] = " " * node.body[0].col_offset + "pass"
    return "".join(f"{line if row in within else _with_tabs(line)}\n" for row, line in enumerate(lines) if line)


def _with_tabs(line: str) -> str:
    code = line.lstrip(" ")
    return "\t" * ((len(line) - len(code)) // 4) + code


def check_room(folder: Path, drive: list[str], room: int | None, place: str | None) -> None:
    """Raise `UserError` where the files for the drive take more than `room` bytes there, in its blocks of 512.

    `room` is None where it is not known, `place` is where the model will lie.
    """
    needed = sum(-(-(folder / name).stat().st_size // 512) * 512 for name in drive)
    if room is not None and place != "sd" and needed > room:
        raise UserError(
            f"The files for the camera's drive ({', '.join(drive)}) take {needed:,} bytes in its blocks, and it holds "
            f"{room:,}. Take a network with fewer weights, shorter or fewer class names, less of `line`, or another "
            "bundle.place."
        )


def compact(value: object) -> str:
    """JSON in as few bytes as it takes; equal values give equal text."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def zip_folder(folder: Path, archive: Path) -> None:
    """Zip the files of `folder`; equal files give equal bytes, whenever and wherever they were written."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.iterdir()):
            entry = zipfile.ZipInfo(path.name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            file.writestr(entry, path.read_bytes())
