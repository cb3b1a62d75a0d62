"""The parts of the camera's program that a configuration turns on: modules of openmv/ that are copied beside main.py.

main.py imports each part and makes `Part(settings, labels, all_settings)` of it; the comment at main.py's HOOKS says
which of its methods are called when. A part that is off is not copied, and costs the camera nothing.
"""

from collections.abc import Mapping
from typing import Any

Part = tuple[str, dict[str, Any]]  # the module's name without .py, and what settings.json says to it

ONE = 65536  # main.py counts scores in whole numbers of 1/65536


def parts_of(config: Mapping[str, Any], drift: Mapping[str, Any] | None = None) -> tuple[Part, ...]:
    """The parts that a complete configuration turns on, in the order in which main.py calls them.

    `drift` is what set_drift has computed for line_drift; whoever asks for names alone has no need of it.
    """
    line = config["line"]
    parts: list[Part] = []
    if line["drift"]["enabled"]:
        parts.append(("line_drift", dict(drift or {})))
    if line["keep"]["enabled"]:  # the last: it writes to the card
        parts.append(("line_keep", keep_settings(line["keep"])))
    return tuple(parts)


def keep_settings(keep: Mapping[str, Any]) -> dict[str, Any]:
    """What line_keep reads, of the settings line.keep."""
    return {
        "margin": int(keep["margin"] * ONE + 0.5),
        "every": keep["every"],
        "frames": keep["frames"],
        "bytes": keep["megabytes"] * 1_000_000,
        "pause_ms": keep["pause_ms"],
        "mark_pin": keep["mark_pin"],
    }
