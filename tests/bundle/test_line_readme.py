"""The parts for a line in a bundle: their files, what settings.json says to them, and the page for the technician."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from linecam.bundle.registers import registers
from linecam.workflow.line_settings import Line
from tests.bundle.made_up import CONFIG, make
from tests.conftest import ROOT

SIGNALS = {"pass_pin": "P0", "fail_pin": "P1", "ready_pin": "P2", "passes": ["good"]}
BY_PIN = {"source": "pin", "pin": "P3", "edge": "rising", "pull": "down"}
BY_CLASS = {"source": "class", "resting": "empty"}
MODBUS = {"uart": 1, "send_pin": "P6"}


def with_line(**line: Any) -> dict[str, Any]:
    return CONFIG | {"line": Line.model_validate(line).model_dump(mode="json")}


def read(folder: Path) -> tuple[str, dict[str, Any]]:
    text = (folder / "README.md").read_text(encoding="utf-8")
    for rest in ("{{", "}}", "{%", "None", "Undefined", "  |\n", "\n\n\n"):
        assert rest not in text, rest
    return text, dict(json.loads((folder / "settings.json").read_text(encoding="utf-8")).get("parts", []))


def test_without_a_line_nothing_of_it_is_in_the_bundle(tmp_path: Path) -> None:
    folder = make(tmp_path, "openmv-h7")
    text, parts = read(folder)
    assert parts == {}
    assert not list(folder.glob("line_*.py"))
    for word in ("On the line", "Modbus", "24 V", "missed"):
        assert word not in text


def test_a_part_is_there_only_where_it_is_on(tmp_path: Path) -> None:
    text, parts = read(make(tmp_path, "openmv-h7", with_line(trigger=BY_PIN)))
    assert parts == {"line_trigger": BY_PIN | {"debounce_ms": 5, "delay_ms": 0, "late_ms": 500}}
    assert "| P3 | in | an item is there: rising edge, held low by the camera's own resistor |" in text
    assert "0 ms later the camera takes 3 frames of it, and decides once." in text
    assert "`settings.json`, `line_trigger.py`, `main.py`" in text
    assert "Modbus" not in text
    assert "pulse" not in text


def test_the_delay_may_count_from_the_trigger(tmp_path: Path) -> None:
    signals = SIGNALS | {"delay_from": "trigger", "delay_ms": 900}
    text, parts = read(make(tmp_path, "openmv-rt1062", with_line(trigger=BY_PIN, signals=signals)))
    assert parts["line_signals"]["delay_from"] == "trigger"
    assert "| P1 | out | fail: a pulse of 50 ms, 900 ms after the edge of the item, for every other item |" in text
    assert "| a decision takes longer than 900 ms from the edge of its item |" in text


def texts(picture: str) -> list[str]:
    """What the picture of the wiring says at the camera's terminals, from above."""
    found = ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")
    return [text.text or "" for text in found if text.get("x") == "122"]


@pytest.mark.parametrize(
    ("line", "terminals"),
    [
        ({"trigger": BY_PIN}, ["3.3 V", "P3, trigger"]),
        ({"trigger": {"source": "pin", "pin": "P7"}}, ["P7, trigger", "GND"]),
        ({"trigger": BY_PIN | {"pull": "none"}}, []),
        ({"signals": SIGNALS}, ["P0, P1, P2", "GND"]),
        ({"signals": {"fail_pin": "P9", "passes": ["good"], "active": "low"}}, ["3.3 V", "P9, fail"]),
        ({"modbus": {"uart": 3}}, ["P4, TX", "P5, RX", "GND"]),
        ({"trigger": BY_CLASS}, []),
    ],
    ids=str,
)
def test_a_picture_shows_the_wiring_of_these_settings(
    tmp_path: Path, line: dict[str, Any], terminals: list[str]
) -> None:
    """A technician has only the bundle."""
    folder = make(tmp_path, "openmv-h7", with_line(**line))
    assert ("wiring.svg" in read(folder)[0]) == bool(terminals)
    picture = folder / "wiring.svg"
    assert picture.exists() == bool(terminals)
    if terminals:
        assert texts(picture.read_text(encoding="utf-8")) == terminals
        assert "wiring.svg" in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]


def test_the_picture_in_the_docs_is_that_of_a_bundle(tmp_path: Path) -> None:
    signals = {"pass_pin": "P1", "fail_pin": "P2", "ready_pin": "P3", "passes": ["good"]}
    config = with_line(trigger={"source": "pin", "pin": "P0"}, signals=signals, modbus={"uart": 1})
    picture = make(tmp_path, "openmv-rt1062", config) / "wiring.svg"
    assert (ROOT / "docs/wiring.svg").read_text(encoding="utf-8") == picture.read_text(encoding="utf-8")


def test_the_trigger_by_class_needs_no_wire(tmp_path: Path) -> None:
    text, parts = read(make(tmp_path, "openmv-h7", with_line(trigger=BY_CLASS)))
    assert parts == {"line_trigger": BY_CLASS | {"enter": 2, "leave": 2, "longest": 200}}
    assert "after 2 frames that are not `empty`" in text
    assert "24 V" not in text


def test_everything_at_once(tmp_path: Path) -> None:
    config = with_line(trigger=BY_PIN, signals=SIGNALS, modbus=MODBUS)
    folder = make(tmp_path, "openmv-rt1062", config)
    text, parts = read(folder)
    assert list(parts) == ["line_trigger", "line_signals", "line_modbus"]
    assert {path.name for path in folder.glob("line_*.py")} == {f"{name}.py" for name in parts}
    assert "| P0 | out | pass: a pulse of 50 ms, 0 ms after the decision, for `good` |" in text
    assert "| P4 | out | Modbus: UART 1 sends |" in text
    assert "| P6 | out | high while the UART sends" in text
    assert "Never connect them to 24 V" in text
    assert "An item without a decision counts as fail." in text
    assert "busy until 500 ms after the item's time" in text
    assert "| `a pulse was left out`, and P2 goes off |" in text
    for register in registers(["bad", "good", "empty"]):
        assert f"| {register.place} | {register.meaning} |" in text


@pytest.mark.parametrize(
    ("board", "uart", "pins"), [("openmv-rt1062", 1, ("P4", "P5")), ("openmv-ae3", 5, ("P2", "P3"))]
)
def test_the_pins_are_those_of_the_board(tmp_path: Path, board: str, uart: int, pins: tuple[str, str]) -> None:
    text, _ = read(make(tmp_path, board, with_line(modbus={"uart": uart})))
    assert f"| {pins[0]} | out | Modbus: UART {uart} sends |" in text
    assert f"| {pins[1]} | in | Modbus: UART {uart} receives |" in text


def test_the_map_for_the_controller() -> None:
    places = [(one.place, one.meaning) for one in registers(["good", "bad"])]
    assert places[1] == ("1", "class of the last item: 0 `good`, 1 `bad`; 65535 without a decision")
    assert places[-1] == ("14, 15", "items that were decided for `bad`")
