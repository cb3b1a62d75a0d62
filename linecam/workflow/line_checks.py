"""Checks of the section `line` that no single setting shows: classes, and pins that are there once."""

from collections.abc import Iterator, Mapping, Sequence

from linecam.boards.board import Board
from linecam.errors import UserError
from linecam.workflow.line_settings import Line, Signals, Trigger
from linecam.workflow.mistakes import nearest


def check_line(line: Line, classes: Sequence[str], boards: Mapping[str, Board]) -> None:
    """Raise `UserError` where the settings do not fit together, or one of the bundle's `boards` lacks a pin."""
    _check_trigger(line.trigger, classes)
    _check_signals(line.signals, classes)
    pins = list(_pins(line))
    for board in boards.values():
        _check_pins([*pins, *_uart_pins(line, board)], board)


def _check_trigger(trigger: Trigger, classes: Sequence[str]) -> None:
    if trigger.resting is not None and trigger.resting not in classes:
        raise UserError(f"line.trigger.resting: {trigger.resting!r} is no class. {nearest(trigger.resting, classes)}")
    if trigger.source == "class" and trigger.resting is None:
        raise UserError(
            "line.trigger.source is class, and line.trigger.resting names no class. Name the one of frames without an "
            f"item, among: {', '.join(classes)}."
        )
    if trigger.longest < trigger.enter:
        raise UserError(
            f"line.trigger.longest is {trigger.longest}, and an item begins after line.trigger.enter frames, which is "
            f"{trigger.enter}. Write a longest item of at least so many frames."
        )


def _check_signals(signals: Signals, classes: Sequence[str]) -> None:
    for name in signals.passes:
        if name not in classes:
            raise UserError(f"line.signals.passes: {name!r} is no class. {nearest(name, classes)}")
    told = signals.pass_pin or signals.fail_pin
    if told and not signals.passes:
        raise UserError(
            f"line.signals has a pin for decisions, {told}, and line.signals.passes is empty, so that nothing would "
            f"pass. Name the classes that pass, among: {', '.join(classes)}."
        )
    if signals.passes and not told:
        raise UserError(
            "line.signals.passes says what passes, and there is no pin to tell it. Name line.signals.pass_pin or "
            "line.signals.fail_pin, or leave out passes."
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
