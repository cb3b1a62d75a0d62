"""Checks of the section `line` that no single setting shows: classes, pins that are there once, cards, test frames."""

from collections.abc import Iterator, Mapping, Sequence

from linecam.boards.board import Board
from linecam.errors import UserError
from linecam.workflow.line_settings import Line, Signals, Trigger
from linecam.workflow.mistakes import check_classes
from linecam.workflow.settings import Settings


def check_line(line: Line, classes: Sequence[str], boards: Mapping[str, Board]) -> None:
    """Raise `UserError` where the settings do not fit together, or one of the bundle's `boards` lacks a pin."""
    _check_trigger(line.trigger, classes)
    _check_signals(line.signals, line.trigger, classes)
    pins = list(_pins(line))
    for board in boards.values():
        _check_pins([*pins, *_uart_pins(line, board)], board)
    _check_keep(line, boards)


def check_drift(settings: Settings, given: bool) -> None:
    """Raise `UserError` where line.drift goes by test frames that say nothing of the line.

    What is true of them holds for the line where they are drawn one by one, at random. `given`: the folders name them.
    """
    drift = settings.line.drift
    if not drift.enabled or drift.learn:
        return
    why = ""
    if given:
        why = "the test frames are those that your folders name, no random ones"
    elif settings.select.gap:
        why = f"with select.gap {settings.select.gap} the test frames come in stretches, which are few"
    if why:
        raise UserError(
            f"line.drift: {why}. So they don't say what is usual on the line. Let the camera learn there what is "
            "usual: line: {drift: {learn: 2000}}."
        )


def _check_trigger(trigger: Trigger, classes: Sequence[str]) -> None:
    if trigger.resting is not None:
        check_classes("line.trigger.resting", [trigger.resting], classes)
    if trigger.source == "class" and trigger.resting is None:
        raise UserError(
            "line.trigger.source is class, and line.trigger.resting names no class. Name the class of frames that "
            f"show no item. The classes are: {', '.join(classes)}."
        )
    if trigger.longest < trigger.enter:
        raise UserError(
            f"line.trigger.longest is {trigger.longest}, but an item only begins after {trigger.enter} frames "
            f"(line.trigger.enter). Set line.trigger.longest to {trigger.enter} or more."
        )


def _check_signals(signals: Signals, trigger: Trigger, classes: Sequence[str]) -> None:
    check_classes("line.signals.passes", signals.passes, classes)
    told = signals.pass_pin or signals.fail_pin
    if told and not signals.passes:
        raise UserError(
            f"line.signals has a pin for decisions, {told}, but line.signals.passes is empty: nothing would pass. "
            f"Name there the classes that pass. The classes are: {', '.join(classes)}."
        )
    if signals.passes and not told:
        raise UserError(
            "line.signals.passes says which classes pass, but no pin is set that would show it. Set "
            "line.signals.pass_pin or line.signals.fail_pin, or leave out passes."
        )
    if signals.delay_from == "trigger" and trigger.source != "pin":
        raise UserError(
            f"line.signals.delay_from is trigger, but line.trigger.source is {trigger.source}: without a sensor at a "
            "pin nothing says when an item came. Write delay_from: decision, or line.trigger.source: pin."
        )


def _pins(line: Line) -> Iterator[tuple[str, str]]:
    """Every setting of a part that is on and that names a pin, and the pin."""
    if line.trigger.source == "pin":
        yield "line.trigger.pin", line.trigger.pin
    for name in ("pass_pin", "fail_pin", "ready_pin"):
        if pin := getattr(line.signals, name):
            yield f"line.signals.{name}", pin
    if line.modbus.uart is not None and line.modbus.send_pin:
        yield "line.modbus.send_pin", line.modbus.send_pin
    if line.keep.enabled and line.keep.mark_pin:
        yield "line.keep.mark_pin", line.keep.mark_pin


def _uart_pins(line: Line, board: Board) -> Iterator[tuple[str, str]]:
    number = line.modbus.uart
    if number is None or board.uarts is None:
        return
    if str(number) not in board.uarts:
        there = "; ".join(f"{uart}, at {' and '.join(pins)}" for uart, pins in board.uarts.items())
        raise UserError(f"line.modbus.uart is {number}, and {board.title} has UART {there}. Name one of these.")
    for pin in board.uarts[str(number)]:
        yield f"line.modbus.uart {number}", pin


def _check_pins(pins: Sequence[tuple[str, str]], board: Board) -> None:
    taken: dict[str, str] = {}
    for key, pin in pins:
        if pin in taken:
            raise UserError(f"{key} and {taken[pin]} are both at {pin} of {board.title}. Give each a pin of its own.")
        taken[pin] = key
        if board.pins is not None and pin not in board.pins:
            raise UserError(f"{key}: {board.title} has no pin {pin} of 3.3 V. There is: {', '.join(board.pins)}.")


def _check_keep(line: Line, boards: Mapping[str, Board]) -> None:
    keep = line.keep
    if not keep.enabled:
        return
    if line.trigger.source == "class":
        raise UserError(
            "line.keep: with line.trigger.source: class an item ends when the line is empty again, so the frame that "
            "would be kept shows no item. Take source: pin or free, or set line.keep.enabled: false."
        )
    without = [name for name, board in boards.items() if "sd" not in board.places]
    if without:
        raise UserError(
            f"line.keep: frames are kept on an SD card, and {', '.join(without)} of bundle.boards has none for "
            "linecam. Build for boards with a card, or set line.keep.enabled: false."
        )
    if not (keep.margin or keep.every or keep.mark_pin):
        raise UserError(
            "line.keep: margin and every are 0 and mark_pin is null, so that no frame would be kept but by the line "
            "`mark` over USB. Set one of them, or enabled: false."
        )
