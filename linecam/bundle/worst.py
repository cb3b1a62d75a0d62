"""Which of several places decides for an item (`camera.rois`): the order of the classes, the worst first."""

from collections.abc import Mapping, Sequence
from typing import Any

PLACES_SINCE = "4.7.0"  # the OpenMV release from which on main.py judges several places
UNDECIDED = -1


def passing(classes: Sequence[str], passes: Sequence[str]) -> list[str]:
    """The classes that pass: `passes` (line.signals.passes), or else the class `good`; [] if there is no such class."""
    return list(passes) or [name for name in classes if name == "good"]


def first_passing(ordered: Sequence[str], good: Sequence[str]) -> int:
    """The place of the first class of `ordered` (the worst first) that is in `good`; its length if none is."""
    return next((place for place, name in enumerate(ordered) if name in good), len(ordered))


def worst_first(classes: Sequence[str], line: Mapping[str, Any]) -> list[int]:
    """The classes' numbers, the worst first, with `UNDECIDED` among them, by the section `line` of a configuration.

    A place without a decision is better than one that is known to be bad, and worse than one that passes; where
    undecided items pass, it is the best.
    """
    signals = line["signals"]
    good = passing(classes, signals["passes"])
    ordered = line["worst_first"] or sorted(classes, key=lambda name: name in good)
    numbers = [list(classes).index(name) for name in ordered]
    numbers.insert(len(numbers) if signals["undecided"] == "pass" else first_passing(ordered, good), UNDECIDED)
    return numbers
