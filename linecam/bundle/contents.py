"""What goes onto the camera: which files, what main.py reads of them, and whether they fit."""

import ast
import io
import json
import tokenize
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from linecam.bundle.bill_of_materials import Model
from linecam.bundle.parts import Part, parts_of
from linecam.errors import UserError

ROMFS = ["model.tflite", "labels.txt", "settings.json"]
VERSION = 2  # of settings.json: main.py refuses a newer one than it knows
IMAGE = "linecam.romfs"
FIRMWARE = ("4.5.6", "5.0.0")  # the OpenMV releases that main.py runs on, first and last


@dataclass(frozen=True)
class Program:
    """How main.py looks at the line and decides."""

    frame_size: str
    side: int | None  # of the square in the middle of the frame that goes to the network, in pixels
    votes: int  # over how many frames it decides
    period_ms: int  # at most one decision in so many ms
    thresholds: dict[str, float]  # by class, the mean score from which on it decides for it
    roi: list[int] | None = None  # instead of `side`: x, y, width and height of what goes to the network
    parts: tuple[Part, ...] = ()  # in the order in which main.py calls them

    @classmethod
    def of(
        cls, config: dict[str, Any], votes: int, thresholds: dict[str, float], drift: dict[str, Any] | None = None
    ) -> Self:
        """What a complete configuration, and the `votes`, `thresholds` and `drift` that were made of it, say."""
        camera, bundle = config["camera"], config["bundle"]
        return cls(
            camera["frame_size"],
            camera["side"],
            votes,
            bundle["period_ms"],
            thresholds,
            camera["roi"],
            parts_of(config, drift),
        )

    @property
    def firmware(self) -> tuple[str, str]:
        """The OpenMV releases that main.py runs on with these settings: an oblong region is cropped before 5.0.0."""
        oblong = self.roi is not None and self.roi[2] != self.roi[3]
        return (FIRMWARE[1], FIRMWARE[1]) if oblong else FIRMWARE

    @property
    def view(self) -> dict[str, object]:
        """What the camera looks at, as JSON values: the frame size, and `side` or `roi`."""
        return {"frame_size": self.frame_size} | ({"roi": self.roi} if self.roi else {"side": self.side})

    @property
    def seen(self) -> str:
        """What of the frame goes to the network, in words."""
        if self.roi is None:
            return f"the {self.side} x {self.side} pixels in its middle"
        x, y, width, height = self.roi
        return f"the {width} x {height} pixels from {x}, {y} on"

    def settings(self, model: Model) -> dict[str, object]:
        """What main.py reads, in settings.json: few keys, since the camera's heap is small."""
        about = {"sha256": model.sha256, "name": f"{model.name} {model.range}"}
        decides = {"votes": self.votes, "period_ms": self.period_ms, "thresholds": self.thresholds}
        parts = {"parts": [list(part) for part in self.parts]} if self.parts else {}
        return {"version": VERSION, "model": about, "labels": model.classes} | self.view | decides | parts

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
    """A program of the camera without comments, docstrings and empty lines: the camera's drive is small.

    The code stays as it is written. `ast.unparse` would put brackets around tuples, for which MicroPython takes memory.
    """
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            first, last = node.body[0].lineno - 1, node.body[0].end_lineno or 0
            lines[first:last] = [""] * (last - first)
            if len(node.body) == 1:
                lines[first] = " " * node.body[0].col_offset + "pass"
    return "".join(f"{line}\n" for line in lines if line)


def check_room(folder: Path, drive: list[str], room: int | None, place: str | None) -> None:
    """Raise `UserError` where the files for the drive take more than `room` bytes there, in its blocks of 512.

    `room` is None where it is not known, `place` is where the model will lie.
    """
    needed = sum(-(-(folder / name).stat().st_size // 512) * 512 for name in drive)
    if room is not None and place != "sd" and needed > room:
        raise UserError(
            f"The files for the camera's drive ({', '.join(drive)}) take {needed:,} bytes in its blocks, and it holds "
            f"{room:,}. Take a network with fewer weights, shorter or fewer class names, or another bundle.place."
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
