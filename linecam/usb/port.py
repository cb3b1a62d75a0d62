"""The PC's end of the camera's serial port: one program reads it, and who that is can be told."""

import errno
import os
from contextlib import suppress
from pathlib import Path

import serial
from serial.tools import list_ports

# At other speeds (921600, 12000000) the firmware takes its end of the line for OpenMV IDE.
BAUD = 115200


def open_port(name: str, timeout: float) -> serial.Serial:
    """Open the serial port `name`, whose reads end after `timeout` seconds at the latest.

    Two programs that read one port get a part of the bytes each. So the port is locked (flock), and a program that asks
    for the lock too, as linecam and mpremote do, does not get it meanwhile. One that asks for none may still write: the
    line `mark` reaches the camera. Raises `OSError` where the port is not there, may not be used, or is locked.
    """
    return serial.Serial(name, BAUD, timeout=timeout, exclusive=True)


def why_unusable(name: str, error: OSError) -> str:
    """Why a port can't be read, and what to do."""
    ports = ", ".join(port.device for port in list_ports.comports()) or "none"
    if error.errno == errno.ENOENT:
        return f"There is no port {name}. This machine's serial ports: {ports}. Plug the camera in, or name another."
    if error.errno == errno.EACCES:
        return f"You have no permission to use {name}. On Linux, join the group dialout, log in again, and try again."
    if error.errno in {errno.EBUSY, errno.EAGAIN}:
        found = holders(name)
        who = ", ".join(found) or "perhaps OpenMV IDE, or another linecam: receive, watch or measure"
        close = "Close it (OpenMV IDE: Disconnect), and run the same command again."
        return f"Another program has {name} open ({who}). {close}"
    if error.errno == errno.EISDIR or "configure port" in str(error):  # so pyserial says it, without a number
        return f"{name} is not a serial port. This machine's serial ports: {ports}. Name the camera's."
    return (
        f"{name} can't be read any more ({error}): the camera was unplugged, or another program took the port. Plug it "
        "in and run the same command again."
    )


def holders(name: str) -> list[str]:
    """The other processes that have the port open, such as `linecam watch, process 4711`.

    Those of other users are not among them, nor are any where the system has no /proc.
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it may have ended meanwhile, or be another user's
            if int(process.name) != os.getpid() and any(_is(link, name) for link in (process / "fd").iterdir()):
                found.append(f"{_command(process)}, process {process.name}")
    return sorted(found)


def _is(link: Path, name: str) -> bool:
    """Whether a process's open file is the port. One that was just closed is not."""
    with suppress(OSError):
        return link.samefile(name)
    return False


def _command(process: Path) -> str:
    """What a process runs: its program and the first word after it, as in `linecam watch`."""
    words = [word.decode(errors="replace") for word in (process / "cmdline").read_bytes().split(b"\0") if word]
    # For a Python process, the name of its script or module says more than "python".
    if len(words) > 1 and Path(words[0]).name.startswith("python") and words[1] != "-c":
        words = words[2:] if words[1] == "-m" else words[1:]
    return " ".join(Path(word).name for word in words[:2]) or (process / "comm").read_text().strip()
