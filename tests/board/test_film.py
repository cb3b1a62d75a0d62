"""A belt played through main.py: what the table of docs/on-the-line.md says."""

from pathlib import Path

import pytest

from linecam.bundle.registers import registers
from tests.board.film import CASES, ITEMS, belt, play
from tests.conftest import ROOT

PAGE = (ROOT / "docs/on-the-line.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_a_belt_of_items(name: str, tmp_path: Path) -> None:
    trigger, votes, lasting, gap = CASES[name]
    found = play(tmp_path, belt(lasting, gap), trigger, votes)
    assert found["once"] + found["twice or more"] + found["missed"] == ITEMS
    assert f"| {name} | {lasting}, {gap} | {' | '.join(map(str, found.values()))} |" in PAGE
    if name.startswith("pin"):
        assert found["twice or more"] == 0
        assert found["missed"] == found["of these told"]


def test_the_page_has_the_register_map() -> None:
    for register in registers(["bad", "good", "no_mask"]):
        assert f"| {register.place} | {register.meaning} |" in PAGE
