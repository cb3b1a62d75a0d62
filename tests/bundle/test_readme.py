"""README.md of a bundle, for the technician: whole, and true of the board and of the program."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from linecam.bundle.readme import decision_line
from linecam.files import sha256
from tests.bundle.made_up import BOARDS, make
from tests.conftest import ROOT

PROGRAM = (ROOT / "openmv/main.py").read_text(encoding="utf-8")


def test_the_readme_is_whole_for_every_board(made: Path) -> None:
    text = (made / "README.md").read_text(encoding="utf-8")
    for rest in ("{{", "}}", "{%", "None", "Undefined", "  |\n"):
        assert rest not in text, rest
    assert f"# {BOARDS[made.name].title}: bad, good, empty" in text
    assert "| all frames (accuracy) | 90 of 100 | 90.0 % | 85.0 % to 92.0 % |" in text
    assert "| `bad` found (recall) | 8 of 10 | 80.0 % | 75.0 % to 82.0 % |" in text
    assert "| blue | `empty` |" in text
    assert all(line.count("|") in (0, 3, 4, 5) for line in text.splitlines()), "rows of a table stay on a line"
    assert not re.search(r"\n\n\n", text)
    assert sha256(made / "model.tflite") in text


def test_the_readme_says_what_is_true_of_the_board(made: Path) -> None:
    text = (made / "README.md").read_text(encoding="utf-8")
    facts = BOARDS[made.name]
    assert ("SD card" in text) == ("sd" in facts.places)
    assert ("an estimated 41.5 to 62.3 ms (between two fits)" in text) == (facts.engine == "tflm")
    assert ("Time: not estimated" in text) == (facts.engine != "tflm")
    assert ("dfu-util -w -d ,37c5:" in text) == (made.name != "openmv-rt1062")
    assert ("ROMFS (needed on this board)" in text) == (next(iter(facts.places)) == "romfs")
    assert ("from which Vela compiled" in text) == (facts.engine == "ethos-u")


@pytest.mark.parametrize(
    ("thresholds", "told", "undecided"),
    [
        (dict.fromkeys(["bad", "good", "empty"], 0.6), "`empty` with a score from 0.600 on.\n", True),
        (dict.fromkeys(["bad", "good", "empty"], 0.5), "`empty` with a score from 0.500 on, and else the class", False),
        ({"bad": 0.6}, "from 0.600 on, and else the class with the highest score, other than `bad`.\n", False),
        ({"bad": 0.5}, "from 0.500 on, and else the class with the highest score.\n", False),
    ],
)
def test_the_readme_says_how_thresholds_decide(
    tmp_path: Path, thresholds: dict[str, float], told: str, undecided: bool
) -> None:
    """Up to one half the highest score is taken, whatever the threshold; above it the threshold is demanded."""
    readme = (make(tmp_path, "openmv-h7", thresholds=thresholds) / "README.md").read_text(encoding="utf-8")
    assert told in readme
    assert ("no class reached its threshold" in readme) == undecided


def test_the_readme_has_the_answer_that_never_looks_beside_the_model(h7: Path) -> None:
    text = (h7 / "README.md").read_text(encoding="utf-8")
    assert "| for comparison: always `good` | 75 of 100 | 75.0 % | 70.0 % to 77.0 % |" in text


@pytest.mark.parametrize(
    "cost", [{}, {"latency_ms": [40.0, 40.0]}, {"arena_bytes": None}, {"place": "sd"}, {"place": "romfs"}]
)
def test_what_is_not_known_is_left_out_of_the_readme(cost: dict[str, Any], tmp_path: Path) -> None:
    text = (make(tmp_path, "openmv-h7", cost=cost) / "README.md").read_text(encoding="utf-8")
    assert "None" not in text
    assert ("an estimated 40.0 ms," in text) == ("latency_ms" in cost)


def test_the_lines_of_the_readme_are_those_of_the_program() -> None:
    line = decision_line(["bad", "good", "no_mask"], 3, 62.3)
    assert line == (
        '{"label": "good"   , "score": 0.9000, "scores": [0.0500, 0.9000, 0.0500], "item":         1, '
        '"frames":     3, "ms":       286, "inference_ms":    62}'
    )
    assert json.loads(line)["label"] == "good"
    assert json.loads(decision_line(["a", "b"], 1, 50.0))["label"] == "a"
    # The form as it stands in the program; its figures are put in later, in as many characters.
    form = "".join(re.findall(r"^ +line \+?= '(.+)'$", PROGRAM, re.MULTILINE)).removesuffix("\\n")
    assert len(form % ('"no_mask"', "0.0500, 0.9000, 0.0500")) == len(line)
    assert re.findall(r'"(\w+)":', form) == list(json.loads(line))


@pytest.mark.parametrize(
    "message",
    [
        "not the one that settings.json names",
        "is missing or damaged",
        "does not load",
        "needs firmware 4.5.6 or later",
        "this firmware has no frame size ",
        "does not hold the region",
        "this sensor sees no colour",
        "the model fails",
    ],
)
def test_the_messages_of_the_readme_are_those_of_the_program(h7: Path, message: str) -> None:
    assert message in PROGRAM
    assert message in (h7 / "README.md").read_text(encoding="utf-8")
