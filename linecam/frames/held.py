"""What the camera held while collect.py recorded: exposure, gain and white balance, by the files beside the frames."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# As the files, the configuration and settings.json call them, and what people do.
NAMES = {"gain_db": "gain", "white_balance": "white balance", "exposure_us": "exposure"}
# Values that differ by no more give the same picture: a tenth of the brightness, which is 1 dB.
SAME_EXPOSURE, SAME_DB = 0.1, 1.0
NOTHING = "the values that the camera held while it recorded are not used"


@dataclass(frozen=True)
class Held:
    """What to hold on the line, by name (`NAMES`); empty where the files say nothing, or not the same."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)  # what is to be said of the files


def read_held(folder: Path, paths: Sequence[str]) -> Held:
    """What the files of runs say, `paths` below `folder`: the values of the last one, if all others are near to it.

    They are near where they name the same, no exposure is more than a tenth longer or shorter, and no gain differs by
    more than 1 dB.
    """
    runs, damaged = {}, []
    for path in paths:
        try:
            runs[path] = values_of(json.loads((folder / path).read_text(encoding="utf-8")))
        except (OSError, ValueError, RecursionError):
            damaged.append(f"{path} is none that collect.py wrote, or damaged: copy it again, or remove it")
    if damaged or not runs:
        return Held({}, [*damaged, NOTHING] if damaged else [])
    *others, last = runs
    for path in others:
        if not _near(runs[path], runs[last]):
            said = (
                f"{path} and {last} disagree ({in_words(runs[path])}; {in_words(runs[last])}): {NOTHING}. Set "
                "camera.exposure_us, gain_db and white_balance, or record all runs in the same light"
            )
            return Held({}, [said])
    more = f" and {len(others)} more" if others else ""
    return Held(runs[last], [f"the camera held {in_words(runs[last])} while it recorded ({last}{more})"])


def in_words(values: dict[str, Any]) -> str:
    """Such values for people: "gain 6.02 dB, exposure 12034 us"; "nothing" for none."""
    said = []
    for name, what in NAMES.items():
        if name in values:
            value = values[name]
            number = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
            said.append(f"{what} {number} {'us' if name == 'exposure_us' else 'dB'}")
    return ", ".join(said) or "nothing"


def values_of(content: Any) -> dict[str, Any]:
    """What is held by the content of such a file, or of the line that collect.py streams. Raises ValueError if none."""
    held = content.get("held") if isinstance(content, dict) else None
    if not isinstance(held, dict):
        raise ValueError("nothing is held")
    for name, value in held.items():
        numbers = value if isinstance(value, list) else [value]
        if (
            name not in NAMES
            or isinstance(value, list) != (name == "white_balance")
            or len(numbers) != (3 if name == "white_balance" else 1)
            or any(type(number) not in {int, float} or not math.isfinite(number) for number in numbers)
            or (name == "exposure_us" and (type(value) is not int or value < 1))
        ):
            raise ValueError(f"{name} is no {NAMES.get(name, 'value')}")
    return dict(held)


def _near(one: dict[str, Any], other: dict[str, Any]) -> bool:
    if one.keys() != other.keys():
        return False
    exposures = [values.get("exposure_us", 1) for values in (one, other)]
    gains = [[values.get("gain_db", 0.0), *values.get("white_balance", ())] for values in (one, other)]
    return max(exposures) <= min(exposures) * (1 + SAME_EXPOSURE) and all(
        abs(a - b) <= SAME_DB for a, b in zip(*gains, strict=True)
    )
