"""The parts of the camera's program that a configuration turns on: modules of openmv/ that are copied beside main.py.

main.py imports each part and makes `Part(settings, labels, all_settings)` of it; the comment at main.py's HOOKS says
which of its methods are called when. A part that is off is not copied, and costs the camera nothing.
"""

from typing import Any

Part = tuple[str, dict[str, Any]]  # the module's name without .py, and what settings.json says to it


def parts_of(config: dict[str, Any]) -> tuple[Part, ...]:
    """The parts that a complete configuration turns on, in the order in which main.py calls them."""
    del config
    return ()
