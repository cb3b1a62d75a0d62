"""Compile a TFLite file for a board's Ethos-U engine, with Arm's Vela and the settings that OpenMV uses."""

import csv
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from openmv_ota.build.data import read_firmware_file
from openmv_ota.romfs.boards import get_board


class VelaError(Exception):
    """Vela doesn't compile a model; the message is the last line that it prints."""


@dataclass(frozen=True)
class Compiled:
    """What Vela made: the file, and its own estimates. Operators left to the processor are in the file's graph."""

    model: bytes
    arena_bytes: int
    latency_ms: float


def compile_model(tflite: Path, romfs_board: str) -> Compiled:
    """Compile an int8 TFLite file for the board that openmv-ota calls `romfs_board`.

    Raises `VelaError` where Vela can't.
    """
    npu = get_board(romfs_board).partition().npu
    assert npu is not None  # boards.yaml has `engine: ethos-u` for boards with an NPU alone
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "vela.ini"
        settings.write_bytes(read_firmware_file(npu["iniFilePath"]))
        arguments = [word for argument in npu["args"] for word in argument.split()]
        command = [sys.executable, "-m", "ethosu.vela", str(tflite), "--config", str(settings), *arguments]
        run = subprocess.run([*command, "--output-dir", folder], capture_output=True, text=True, check=False)
        found = list(Path(folder).glob("*_vela.tflite"))
        if run.returncode != 0 or not found:
            raise VelaError(_last(run.stderr + run.stdout))
        with next(Path(folder).glob("*_summary_*.csv")).open(encoding="utf-8") as file:
            summary = next(csv.DictReader(file))
        return Compiled(
            model=found[0].read_bytes(),
            arena_bytes=round(float(summary["sram_memory_used"]) * 1024),
            latency_ms=round(float(summary["inference_time"]) * 1000, 2),
        )


def _last(printed: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing"
