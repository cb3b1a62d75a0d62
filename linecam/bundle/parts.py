"""The parts of the camera's program that a configuration turns on: modules of openmv/ that are copied beside main.py.

main.py imports each part and makes `Part(settings, labels, all_settings)` of it; the comment at main.py's HOOKS says
which of its methods are called when. A part that is off is not copied, and costs the camera nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from linecam.bundle.worst import worst_first

PINS = ("pass_pin", "fail_pin", "ready_pin")  # of the signals
TRIGGER = {  # by its source, the settings that count
    "pin": ("pin", "edge", "pull", "debounce_ms", "delay_ms", "late_ms"),
    "class": ("resting", "enter", "leave", "longest"),
}

Part = tuple[str, dict[str, Any]]  # the module's name without .py, and what settings.json says to it

ONE = 65536  # main.py counts scores in whole numbers of 1/65536


@dataclass(frozen=True)
class FromFrames:
    """What the frames say that parts need."""

    held: Mapping[str, Any] = field(default_factory=dict)  # of the camera while it recorded, as `linecam.frames.held`
    light: Mapping[str, Any] | None = None  # of the training frames, as `linecam.camera.light`, where it was measured
    drift: Mapping[str, Any] | None = None  # what set_drift has computed, where drift is watched


def parts_of(config: Mapping[str, Any], frames: FromFrames | None = None) -> tuple[Part, ...]:
    """The parts that a complete configuration turns on, in the order in which main.py calls them.

    `frames` is None before anything has looked at the frames: then the parts that these may turn on are among them.
    """
    line = config["line"]
    trigger, signals, modbus = line["trigger"], line["signals"], line["modbus"]
    parts: list[Part] = []
    # The trigger comes first, since the other parts read its counts.
    if trigger["source"] != "free":
        parts.append(("line_trigger", {key: trigger[key] for key in ("source", *TRIGGER[trigger["source"]])}))
    may_hold = config["dataset"]["kind"] == "folder" if frames is None else bool(hold_of(config, frames.held))
    if config["camera"]["rois"]:
        parts.append(("line_places", {"order": worst_first(config["dataset"]["classes"], line)}))
    if may_hold or hold_of(config, {}) or line["light"]["check"]:
        parts.append(("line_light", _limits(frames)))
    if any(signals[pin] for pin in PINS):
        parts.append(("line_signals", signals))
    if modbus["uart"] is not None:
        parts.append(("line_modbus", modbus))
    if line["drift"]["enabled"]:
        parts.append(("line_drift", dict(frames.drift or {}) if frames else {}))
    if line["keep"]["enabled"]:  # the last: it writes to the card
        parts.append(("line_keep", keep_settings(line["keep"])))
    return tuple(parts)


def hold_of(config: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, Any]:
    """What the camera holds on the line, by name: by the configuration, else what it `held` while it recorded."""
    values = {name: config["camera"][name] for name in ("gain_db", "white_balance", "exposure_us")}
    return {
        name: held[name] if value is None else value
        for name, value in values.items()
        if value is not None or name in held
    }


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


def _limits(frames: FromFrames | None) -> dict[str, Any]:
    """What line_light.py compares each frame with; {} where it is not to."""
    light = frames and frames.light
    return {"brightness": [light["darkest"], light["brightest"]], "contrast": light["least_contrast"]} if light else {}
