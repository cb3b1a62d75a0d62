"""A belt played through main.py: what the tables of docs/on-the-line.md say."""

import re
from pathlib import Path
from typing import Any

import pytest

from linecam.bundle.registers import registers
from tests.board import film
from tests.board.film import CASES, COLUMNS, DRAWN, DRAWN_COLUMNS, ITEMS, SHORT, Belt, at_pace, drawn, play
from tests.conftest import ROOT, Project

PAGE = (ROOT / "docs/on-the-line.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_a_belt_of_items(name: str, tmp_path: Path) -> None:
    trigger, votes, lasting, gap = CASES[name]
    found = play(tmp_path, film.belt(lasting, gap), trigger, votes)
    assert found["once"] + found["twice or more"] + found["missed"] == ITEMS
    assert f"| {name} | {lasting}, {gap} | {' | '.join(str(found[column]) for column in COLUMNS)} |" in PAGE
    if name.startswith("pin"):
        assert found["twice or more"] == 0
        assert found["missed"] == found["of these told"]


@pytest.fixture(scope="module")
def masks() -> Belt:
    """Three masks of the built-in belt, of which the last is bad, with the scores of a model that never errs."""
    return drawn(1, 120, None)


@pytest.mark.parametrize("name", DRAWN)
def test_masks_of_the_built_in_belt(name: str, masks: Belt, tmp_path: Path) -> None:
    trigger, votes, pace = DRAWN[name]
    assert masks.kinds == [0, 0, 1]
    found = play(tmp_path, at_pace(masks, pace), trigger, votes, network=SHORT)
    assert {column: found[column] for column in DRAWN_COLUMNS} == dict.fromkeys(DRAWN_COLUMNS, 0) | {"right": 3}
    row = re.search(rf"^\| {name} \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| \d+ \|$", PAGE, re.MULTILINE)
    parts = re.search(r"(\d+) masks", PAGE)
    assert row and parts
    assert sum(map(int, row.groups())) == int(parts[1]), "each mask is in one of these columns"


def test_a_bad_mask_that_passes_as_good_is_counted(masks: Belt, tmp_path: Path) -> None:
    """By a model that sees no defect, and by one that sees them everywhere."""
    for kind, column, count in ((0, "bad passed", 1), (1, "good rejected", 2)):
        scores = [[float(n == kind) for n in range(3)] if row[2] == 0 else row for row in masks.scores]
        shown = Belt(masks.starts, masks.lasts, masks.kinds, scores, masks.film)
        found = play(tmp_path / column, shown, *DRAWN["pin, 3 votes"][:2], network=SHORT)
        assert (found[column], found["right"]) == (count, 3 - count)


def test_a_bundle_judges_the_built_in_belt(belt: Project, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr(film, "LENGTH", 120)
    film.of_bundle(belt.folder / "results/tiny/bundle/openmv-h7", 2)
    told, _, _, _, *rows = capsys.readouterr().out.splitlines()
    count = int(told.split()[0])
    assert count >= 3
    counts = [[int(cell) for cell in row.split("|")[2:-1]] for row in rows]
    assert [sum(row[:-1]) for row in counts] == [count] * len(DRAWN)


def test_the_page_has_the_register_map() -> None:
    for register in registers(["bad", "good", "no_mask"]):
        assert f"| {register.place} | {register.meaning} |" in PAGE
