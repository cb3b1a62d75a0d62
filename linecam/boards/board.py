"""The boards that bundles are built for, as config/boards.yaml describes them.

The scripts of rules read this module, so it needs nothing but the standard library and a reader of YAML.
"""

from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from linecam.errors import UserError
from linecam.files import load_yaml, own_file


@dataclass(frozen=True)
class Board:
    """What a board holds, and how it runs a model."""

    title: str
    processor: str
    clock_hz: int
    engine: Literal["tflm", "ethos-u", "st"]  # ethos-u: TFLM too, with what Vela compiles for the NPU
    heap_bytes: list[int]  # free blocks of the garbage-collected heap
    places: dict[str, int | None]  # where a model may lie, the default first, and the largest file there in bytes
    frame_sizes: dict[str, int]  # what main.py may ask of the sensor, and the shorter side in pixels
    romfs_board: str  # the board's name in openmv-ota
    refused: str | None = None  # where linecam builds nothing for the board, the reason

    def as_dict(self) -> dict[str, Any]:
        """The facts, as JSON values; `refused` only where the board is."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def load_boards(path: str | Path | None = None) -> dict[str, Board]:
    """The boards of a file such as config/boards.yaml, which is the default, by name.

    Where a figure is from (`source`) is left out: it changes nothing that is made of it. Raises `UserError` where a
    board lacks a fact or has one that is none.
    """
    path = path or Path(own_file("config/boards.yaml"))
    known = [field.name for field in fields(Board)]
    needed = {field.name for field in fields(Board) if field.default is MISSING}
    boards = {}
    for name, entry in load_yaml(path).items():
        facts = {key: value for key, value in entry.items() if key != "source"}
        if wrong := sorted(needed - set(facts)) or sorted(set(facts) - set(known)):
            raise UserError(
                f"{path}: {name} {'lacks' if wrong[0] in needed else 'has the unknown key'} {', '.join(wrong)}. "
                f"A board has {', '.join(known)} and source."
            )
        boards[name] = Board(**facts)
    return boards
