"""The picture of the wiring in a bundle, with the pins that its settings name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linecam.bundle.parts import PINS, Part
from linecam.bundle.templates import read_template

DRAWING = "wiring.svg"
_NO_UART = ("TX", "RX")  # of a board whose pins linecam does not know


def draws(parts: tuple[Part, ...]) -> bool:
    """Whether these parts of main.py have something that the picture shows."""
    return any(_rows(parts, _NO_UART).values())


def drawing(template: Path, parts: tuple[Part, ...], uarts: Mapping[str, Any] | None) -> str:
    """The picture (SVG) for these parts of main.py; `uarts` are the pins of the board's UARTs, by number."""
    number = str(dict(parts).get("line_modbus", {}).get("uart"))
    signals = dict(parts).get("line_signals", {})
    several = sum(bool(signals.get(pin)) for pin in PINS) > 1
    rows = _rows(parts, (uarts or {}).get(number, _NO_UART))
    return read_template(template, escapes=True).render(rows, several=several)


def _rows(parts: tuple[Part, ...], uart: tuple[str, str]) -> dict[str, tuple[str, str] | None]:
    """What stands at the camera's two terminals of each row, from above; None where there is no such row.

    A sensor's pin that nothing inside the camera holds has no row: what holds it is not known.
    """
    settings = dict(parts)
    trigger, signals = settings.get("line_trigger", {}), settings.get("line_signals", {})
    outputs = {pin.removesuffix("_pin"): signals[pin] for pin in PINS if signals.get(pin)}
    sensor = f"{trigger.get('pin')}, trigger"
    out = (
        ", ".join(outputs.values()) if len(outputs) > 1 else "".join(f"{pin}, {what}" for what, pin in outputs.items())
    )
    return {
        "input": {"up": (sensor, "GND"), "down": ("3.3 V", sensor)}.get(trigger.get("pull", "")),
        # The current flows from the upper terminal to the lower one while the output is on.
        "output": None if not out else (out, "GND") if signals["active"] == "high" else ("3.3 V", out),
        "uart": uart if "line_modbus" in settings else None,
    }
