"""What the tests of the camera's scripts share: a camera with a bundle, run by a real MicroPython.

The modules of each generation of OpenMV's firmware are stand-ins, in the folders beside this file.
"""

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from linecam.bundle.contents import as_copied

ROOT = Path(__file__).parents[2]
MAIN, COLLECT = ROOT / "openmv/main.py", ROOT / "openmv/collect.py"
BIN = Path(sys.executable).parent
FIRMWARE = ["4.5.6", "4.7.0", "4.8.0", "5.0.0"]
MODEL = b"a model"

GOOD, BAD, NO_MASK = [0.75, 0.25, 0.0], [0.25, 0.75, 0.0], [0.0, 0.25, 0.75]
SETTLING = 20  # snapshots of 100 ms
HOLDING = 5  # snapshots until what collect.py and line_light.py hold shows


@dataclass
class Run:
    """What a script printed and did."""

    printed: str
    seen: dict

    @property
    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.printed.splitlines()]

    @property
    def decisions(self) -> list[dict]:
        return [line for line in self.lines if "label" in line]

    @property
    def labels(self) -> list[str]:
        return [line["label"] for line in self.decisions]


@dataclass
class Camera:
    """The folder of a camera, with a bundle."""

    folder: Path
    settings: dict = field(default_factory=dict)
    labels: tuple[str, ...] = ("good", "bad", "no_mask")

    def write(self, *, to: str = "drive", model: bytes = MODEL, named: bytes = MODEL, **settings: object) -> None:
        """Write a bundle to the drive or the ROMFS; `named` is the model whose SHA-256 the settings have."""
        standard = {"frame_size": "QVGA", "side": 240, "votes": 1, "period_ms": 0, "thresholds": {}}
        self.settings = {
            "model": {"sha256": hashlib.sha256(named).hexdigest(), "name": "a name"},
            "labels": list(self.labels),
            **standard,
            **settings,
        }
        (self.folder / to).mkdir(parents=True, exist_ok=True)
        (self.folder / to / "settings.json").write_text(json.dumps(self.settings))
        (self.folder / to / "labels.txt").write_text("".join(f"{label}\n" for label in self.labels))
        (self.folder / to / "model.tflite").write_bytes(model)

    def run(
        self,
        firmware: str = "5.0.0",
        script: Path | None = None,
        output: int = subprocess.PIPE,
        limit: int = 60,
        typed: str = "",
        **plan: object,
    ) -> Run:
        """Run a script until Ctrl-C, printing to the file descriptor `output`; `plan` is that of common/board.py.

        Without `script` it is main.py as the bundle has it. It may take `limit` seconds. `typed` is what comes over
        USB at the start.
        """
        done = subprocess.run(
            self.command(firmware, script, plan),
            cwd=self.folder / "drive",
            input=typed,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=limit,
        )
        printed = done.stdout or ""
        assert done.returncode == 0, printed
        assert "Traceback" not in printed, printed
        return Run(printed, json.loads((self.folder / "seen.json").read_text()))

    def command(self, firmware: str, script: Path | None, plan: dict[str, object]) -> list[str | Path]:
        """What runs a script on this camera; its programs are written first, but for a part that is there already."""
        (self.folder / "drive").mkdir(exist_ok=True)
        if script is None:
            script = self.folder / "main.py"
            script.write_text(as_copied(MAIN.read_text()))
        for name, _ in self.settings.get("parts", []):
            part = self.folder / f"drive/{name}.py"
            if not part.exists():
                part.write_text(as_copied((MAIN.parent / part.name).read_text()))
        orders, seen = self.folder / "plan.json", self.folder / "seen.json"
        orders.write_text(json.dumps({"rom": str(self.folder / "rom")} | plan))
        # A film takes room. To ask how much of a large heap is taken takes time.
        heap = ["-X", "heapsize=32m"] if "film" in plan else []
        return [BIN / "micropython", *heap, ROOT / "tests/board/run.py", firmware, script, orders, seen]


def collect(folder: Path, **constants: object) -> Path:
    """collect.py with other constants at its top."""
    text = COLLECT.read_text()
    for name, value in constants.items():
        line = next(line for line in text.splitlines() if line.startswith(f"{name} = "))
        text = text.replace(line, f"{name} = {value!r}", 1)
    script = folder / "collect.py"
    script.write_text(text)
    return script


def pixels(number: int, width: int, height: int) -> np.ndarray:
    """What the stub's sensor saw in its snapshot `number`: fields of 5, 6 and 5 bits."""
    value, values = 12345 + number, []
    for _ in range(width * height):
        value = (value * 1103 + 12347) & 0xFFFFF
        values.append(value >> 4)
    fields = np.array(values).reshape(height, width)
    return np.stack([fields >> 11, fields >> 5 & 63, fields & 31], axis=-1)
