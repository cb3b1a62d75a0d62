"""The camera's MicroPython at the end of a serial port: text goes there, is run, and what it prints comes back.

By MicroPython's raw REPL, as mpremote speaks it: the camera has it in every firmware that main.py runs on, and says of
an error what Python says. OpenMV's own package `openmv` needs firmware 5.0.0 and a window toolkit (pygame), and ends
the process with status 0 where the cable is pulled.
"""

import contextlib
import io
import json
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from linecam.errors import UserError
from linecam.usb.port import BAUD, open_port, why_unusable

PATIENCE = 60  # how many seconds to wait for the answer to a call
READS = 10  # seconds until a read that mpremote does not repeat gives up, on a PC that is busy too


def check_port(name: str) -> None:
    """Raise `UserError` where there is no serial port of this name, or another program has it open."""
    try:
        open_port(name, timeout=0).close()
    except OSError as error:  # SerialException is one, too
        raise UserError(why_unusable(name, error)) from None


class BoardRepl:
    """The REPL, from `with` on: what ran on the camera is stopped, and its memory is free.

    Every method raises `UserError` where the port is gone, nothing answers, or the camera's Python raises.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> Self:
        check_port(self.name)
        try:
            self._transport = SerialTransport(self.name, BAUD, timeout=READS)
        except (TransportError, OSError) as error:
            raise UserError(f"{self.name} can't be opened ({error}). Run the same command again.") from None
        said = io.StringIO()
        try:
            # mpremote prints what it did not understand.
            with self._explained("does not answer"), contextlib.redirect_stdout(said):
                self._transport.enter_raw_repl()  # Ctrl-C, then a soft reset, after which main.py does not start
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Leave the REPL, if it is there still, and the port."""
        with contextlib.suppress(OSError):
            self._transport.exit_raw_repl()
        with contextlib.suppress(OSError):
            self._transport.close()

    def run(self, code: str) -> str:
        """Run `code` on the camera; returns what it prints."""
        with self._explained("stopped answering"):
            printed, raised = self._transport.exec_raw(code, timeout=PATIENCE)
            if raised:
                raise TransportExecError(1, raised.decode(errors="replace"))
        return bytes(printed).decode(errors="replace")

    def ask(self, call: str) -> Any:
        """Run `call` on the camera, whose last line is JSON; returns its value."""
        printed = self.run(call).strip()
        try:
            return json.loads(printed.splitlines()[-1])
        except (ValueError, IndexError):
            raise UserError(
                f"The camera at {self.name} should answer with a line of JSON, but answered {printed[-200:]!r}. Press "
                f"reset, wait some seconds, and run the same command again."
            ) from None

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        again = "Press reset, wait some seconds, and run the same command again."
        try:
            yield
        except TransportExecError as error:
            lines = error.error_output.strip().splitlines() or ["nothing"]
            raise UserError(f"The camera at {self.name} stopped with an error: {lines[-1]}. {again}") from None
        except OSError as error:
            raise UserError(why_unusable(self.name, error)) from None
        except TransportError as error:
            raise UserError(
                f"The camera at {self.name} {what} ({error}). Expected is the REPL of MicroPython, as an OpenMV camera "
                f"has it on its USB port: is it the camera's port, and is OpenMV IDE disconnected? {again}"
            ) from None
