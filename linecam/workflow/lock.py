"""Reads requirements.lock, which `make lock` writes: every package in one version, for each Python that fits."""

import re
from pathlib import Path
from typing import NamedTuple

from packaging.markers import Marker

from linecam.errors import UserError

_PIN = re.compile(r"(?P<name>[a-z0-9-]+)(\[.*\])?==(?P<version>[^\s;]+)( ; (?P<marker>.*?))?( \\)?")


class Pin(NamedTuple):
    """A package in the version that is installed wherever its `marker`, such as "sys_platform == 'linux'", is true.

    The marker is "" where the package is installed everywhere.
    """

    name: str
    version: str
    marker: str

    def applies(self) -> bool:
        """Whether the package is installed on this machine, for this Python."""
        return not self.marker or Marker(self.marker).evaluate()

    def __str__(self) -> str:
        pin = f"{self.name}=={self.version}"
        return f"{pin} ; {self.marker}" if self.marker else pin


def read_lock(lock: str | Path) -> list[Pin]:
    """The packages of a lock file, in its order.

    Hashes and comments are left out, and so are extras: what they bring has a line of its own. Raises `UserError` where
    a line is none of `name==version`.
    """
    found = []
    for number, line in enumerate(Path(lock).read_text(encoding="utf-8").splitlines(), start=1):
        if not line or line[0] in " #":  # hashes are indented, below their package
            continue
        match = _PIN.fullmatch(line)
        if match is None:
            raise UserError(f"{lock}, line {number}: expected `name==version`, found {line!r}. Run `make lock`.")
        found.append(Pin(match["name"], match["version"], match["marker"] or ""))
    return found


def pins(lock: str | Path) -> dict[str, str]:
    """The version of each package that a lock file has for this machine and this Python, in the file's order."""
    return {pin.name: pin.version for pin in read_lock(lock) if pin.applies()}
