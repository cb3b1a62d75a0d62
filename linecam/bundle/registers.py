"""The registers of openmv/line_modbus.py, for whoever programs the controller."""

from collections.abc import Sequence
from typing import NamedTuple

COUNTS = 12  # the register from which on decisions are counted by class


class Register(NamedTuple):
    """One value: of 16 bits, or of 32 in two registers with the high half first."""

    number: int  # of the first, from 0 on
    size: int  # in registers
    meaning: str

    @property
    def place(self) -> str:
        """Its number, or both."""
        return str(self.number) if self.size == 1 else f"{self.number}, {self.number + 1}"


def registers(classes: Sequence[str]) -> list[Register]:
    """The register map for these classes, in the order of labels.txt."""
    numbers = ", ".join(f"{number} `{name}`" for number, name in enumerate(classes))
    return [
        Register(0, 1, "version of this map: 1"),
        Register(1, 1, f"class of the last item: {numbers}; 65535 without a decision"),
        Register(2, 1, "its mean score, in 1/10000; without a decision the highest"),
        Register(3, 2, "its number, from 1 on"),
        Register(5, 1, "state: 0 no item yet, 1 decided, 2 no class reached its threshold, 3 the last frame failed"),
        Register(6, 1, "heartbeat: one more a second while the program runs; 0 follows 65535"),
        Register(7, 1, "frames that failed; 0 follows 65535"),
        Register(8, 2, "items that were judged, and no class reached its threshold"),
        Register(10, 2, "items that went by without a decision, as a trigger counts them"),
        *(
            Register(COUNTS + 2 * number, 2, f"items that were decided for `{name}`")
            for number, name in enumerate(classes)
        ),
    ]
