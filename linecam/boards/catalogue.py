"""The boards of config/boards.yaml."""

from dataclasses import MISSING, fields
from pathlib import Path

from linecam.boards.board import Board
from linecam.errors import UserError
from linecam.files import own_file
from linecam.yaml_file import load_yaml


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
