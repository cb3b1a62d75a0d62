"""The boards of a file: typed, and what is missing or unknown named."""

from pathlib import Path

import pytest
import yaml

from linecam.boards.board import Board
from linecam.boards.catalogue import load_boards
from linecam.errors import UserError
from linecam.files import ROOT

ENTRY = yaml.safe_load((ROOT / "config/boards.yaml").read_text(encoding="utf-8"))["openmv-h7"]


def written(folder: Path, **changes: object) -> Path:
    """A file with one board: the H7 with `changes`, without what is None."""
    path = folder / "boards.yaml"
    entry = {key: value for key, value in (ENTRY | changes).items() if value is not None}
    path.write_text(yaml.safe_dump({"mine": entry}), encoding="utf-8")
    return path


def test_a_board_is_its_entry_without_the_sources(tmp_path: Path) -> None:
    board = load_boards(written(tmp_path))["mine"]
    assert (board.title, board.heap_bytes, board.refused) == ("OpenMV Cam H7", [65536, 256000], None)
    assert board.as_dict() == {key: value for key, value in ENTRY.items() if key != "source"}
    assert Board(**board.as_dict()) == board


def test_linecams_own_boards_are_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_boards()["openmv-n6"].refused


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"clock_hz": None, "title": None}, "mine lacks clock_hz, title"),
        ({"clock": 5}, "mine has the unknown key clock"),
    ],
)
def test_a_fact_that_is_missing_or_unknown_is_named(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    with pytest.raises(UserError, match=told):
        load_boards(written(tmp_path, **changes))
