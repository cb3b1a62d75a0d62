"""What a board holds, and how it runs a model."""

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal

# The releases of OpenMV's firmware that linecam knows: models load through the module ml since the first, and the rules
# were measured up to the last.
FIRST_FIRMWARE, LAST_FIRMWARE = "4.5.6", "5.0.0"


@dataclass(frozen=True)
class Board:
    """A board that bundles are built for: an entry of config/boards.yaml, without the sources of its figures."""

    title: str
    processor: str
    clock_hz: int
    engine: Literal["tflm", "ethos-u", "st"]  # ethos-u: TFLM too, with what Vela compiles for the NPU
    heap_bytes: list[int]  # free blocks of the garbage-collected heap
    places: dict[str, int | None]  # where a model may lie, the default first, and the largest file there in bytes
    frame_sizes: dict[str, list[int]]  # what main.py may ask of the sensor, and its width and height in pixels
    romfs_board: str  # the board's name in openmv-ota
    pool_bytes: int | None = None  # the largest file seen to run from the frame buffer's memory; null: not measured
    pins: list[str] | None = None  # of 3.3 V on its headers, for machine.Pin; null: not known
    uarts: dict[str, list[str]] | None = None  # by number, the pins that send and receive; null: not known
    refused: str | None = None  # where linecam builds nothing for the board, the reason

    def as_dict(self) -> dict[str, Any]:
        """The facts, as JSON values; without those that are null."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def version(text: str) -> tuple[int, ...]:
    """'4.5.6', or 'v4.5.6', as (4, 5, 6). Raises `ValueError` where it is no such version."""
    numbers = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)", text, re.ASCII)
    if numbers is None:
        raise ValueError(f"{text!r} is not a version such as 5.0.0")
    return tuple(map(int, numbers.groups()))
