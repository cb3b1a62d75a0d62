"""The section `line`: what does not fit together is refused when the run is planned."""

from pathlib import Path
from typing import Any

import pytest

from linecam.boards.catalogue import load_boards
from linecam.errors import UserError
from linecam.workflow.config import check, load_settings
from linecam.workflow.line_checks import check_drift
from tests.workflow.configurations import SMALL, Mine, checked

BOARDS = load_boards()
PINS = {"pass_pin": "P0", "fail_pin": "P1", "ready_pin": "P2"}
SIGNALS = PINS | {"passes": ["good"]}


def refusal(line: dict[str, Any], *boards: str) -> str:
    bundle = {"boards": list(boards or ("openmv-h7",))}
    with pytest.raises(UserError) as error:
        check(load_settings(SMALL | {"line": line, "bundle": bundle}), BOARDS)
    return str(error.value)


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"trigger": {"source": "pin", "pin": "P7"}, "signals": SIGNALS, "modbus": {"uart": 3, "send_pin": "P6"}},
        {"trigger": {"source": "class", "resting": "no_mask"}},
        {"signals": {"ready_pin": "P9"}},
        {"trigger": {"source": "class", "resting": "no_mask", "pin": "P0"}, "signals": SIGNALS},  # its pin is not used
        {"modbus": {"send_pin": "P4"}},  # nor is this
    ],
)
def test_what_fits_is_taken(line: dict[str, Any]) -> None:
    check(load_settings(SMALL | {"line": line}), BOARDS)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            {"trigger": {"source": "class"}},
            "line.trigger.source is class, and line.trigger.resting names no class. Name the class of frames that "
            "show no item. The classes are: bad, good, no_mask.",
        ),
        (
            {"trigger": {"source": "class", "resting": "nomask"}},
            "line.trigger.resting: 'nomask' is not a class. Did you mean no_mask? There is: bad, good, no_mask.",
        ),
        ({"trigger": {"enter": 5, "longest": 4}}, "line.trigger.longest is 4, but an item only begins after 5 frames"),
        ({"signals": PINS | {"passes": ["god"]}}, "line.signals.passes: 'god' is not a class. Did you mean good?"),
        ({"signals": PINS}, "line.signals has a pin for decisions, P0, but line.signals.passes is empty"),
        ({"signals": {"passes": ["good"]}}, "no pin is set that would show it"),
        ({"signals": SIGNALS | {"ready_pin": "P0"}}, "line.signals.ready_pin and line.signals.pass_pin are both at P0"),
        (
            {"signals": SIGNALS, "trigger": {"source": "pin", "pin": "P1"}},
            "line.signals.fail_pin and line.trigger.pin are both at P1 of OpenMV Cam H7. Give each a pin of its own.",
        ),
        ({"signals": SIGNALS, "modbus": {"uart": 1}}, "line.modbus.uart 1 and line.signals.fail_pin are both at P1"),
        ({"modbus": {"uart": 3, "send_pin": "P4"}}, "line.modbus.uart 3 and line.modbus.send_pin are both at P4"),
        (
            {"modbus": {"uart": 2}},
            "line.modbus.uart is 2, and OpenMV Cam H7 has UART 1, at P1 and P0; 3, at P4 and P5. Name one of these.",
        ),
        (
            {"signals": SIGNALS | {"delay_from": "trigger"}},
            "line.signals.delay_from is trigger, but line.trigger.source is free: without a sensor at a pin",
        ),
        ({"signals": SIGNALS | {"ready_pin": "P12"}}, "line.signals.ready_pin: OpenMV Cam H7 has no pin P12 of 3.3 V"),
    ],
)
def test_what_does_not_fit_is_refused(line: dict[str, Any], told: str) -> None:
    assert told in refusal(line)


def test_every_board_has_to_have_the_pins() -> None:
    assert "OpenMV AE3 has no pin P7 of 3.3 V" in refusal({"signals": {"ready_pin": "P7"}}, "openmv-h7", "openmv-ae3")
    assert "OpenMV Cam RT1062 has UART 1, at P4 and P5" in refusal(
        {"modbus": {"uart": 3}}, "openmv-h7", "openmv-rt1062"
    )


def test_a_pin_is_a_name_of_the_header(tmp_path: Path) -> None:
    told = Mine(tmp_path).mistake("line: {signals: {pass_pin: PB10}}")
    assert "line.signals.pass_pin" in told
    assert "as in P7" in told


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "keep: {enabled: true}\nbundle: {boards: [openmv-ae3]}\ncamera: {side: 200}",
            r"openmv-ae3 of bundle\.boards has none",
        ),
        ("keep: {enabled: true}\n  trigger: {source: class, resting: no_mask}", r"an item ends when the line is empty"),
        ("keep: {enabled: true, margin: 0}", r"margin and every are 0 and mark_pin is null"),
    ],
)
def test_a_card_that_would_stay_empty_is_refused(mine, line, told):
    with pytest.raises(UserError, match=f"line.keep: .*{told}"):
        checked(mine, f"line:\n  {line}")


def test_drift_needs_test_frames_that_are_drawn_at_random(mine):
    settings = checked(mine, "line: {drift: {enabled: true}}\nselect: {gap: 10}")
    with pytest.raises(UserError, match=r"with select.gap 10 the test frames come in stretches.*learn: 2000"):
        check_drift(settings, given=False)
    with pytest.raises(UserError, match=r"those that your folders name.*learn: 2000"):
        check_drift(checked(mine, "line: {drift: {enabled: true}}"), given=True)
    check_drift(checked(mine, "line: {drift: {enabled: true}}"), given=False)
    check_drift(checked(mine, "line: {drift: {enabled: true, learn: 500}}\nselect: {gap: 10}"), given=True)
    check_drift(checked(mine, "select: {gap: 10}"), given=True)


@pytest.mark.parametrize(
    "value", ["margin: 1.5", "mark_pin: 4", "mark_pin: A1", "frames: 0", "pause_ms: -1", "what: 1"]
)
def test_a_mistake_in_line_keep_is_named(mine, value):
    assert f"line.keep.{value.split(':')[0]}" in mine.mistake(f"line: {{keep: {{{value}}}}}")
