"""The parts of the camera's program that a configuration turns on: modules of openmv/ that are copied beside main.py.

main.py imports each part and makes `Part(settings, labels, all_settings)` of it; the comment at main.py's HOOKS says
which of its methods are called when. A part that is off is not copied, and costs the camera nothing.
"""

from typing import Any

PINS = ("pass_pin", "fail_pin", "ready_pin")  # of the signals
TRIGGER = {  # by its source, the settings that count
    "pin": ("pin", "edge", "pull", "debounce_ms", "delay_ms"),
    "class": ("resting", "enter", "leave", "longest"),
}

Part = tuple[str, dict[str, Any]]  # the module's name without .py, and what settings.json says to it


def parts_of(config: dict[str, Any]) -> tuple[Part, ...]:
    """The parts that a complete configuration turns on, in the order in which main.py calls them."""
    line = config["line"]
    trigger, signals, modbus = line["trigger"], line["signals"], line["modbus"]
    parts: list[Part] = []
    # The trigger first: the others look at what it counts.
    if trigger["source"] != "free":
        parts.append(("line_trigger", {key: trigger[key] for key in ("source", *TRIGGER[trigger["source"]])}))
    if any(signals[pin] for pin in PINS):
        parts.append(("line_signals", signals))
    if modbus["uart"] is not None:
        parts.append(("line_modbus", modbus))
    return tuple(parts)
