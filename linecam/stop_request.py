"""Ctrl-C, SIGTERM and a closed terminal: somebody wants this process to end."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self


class StopRequest:
    """Notes that this process should end, and lets it choose the moment: nothing that runs is interrupted.

        with StopRequest() as stop:
            prepare()
            if not stop.made:
                with stop.calls(server.end):
                    server.run()

    Only the main thread may enter it.
    """

    def __init__(self) -> None:
        self.made = False
        self._action: Callable[[], object] = bool
        self._former: dict[int, signal.Handlers | Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # What `nohup` started is meant to outlive its terminal.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    @contextmanager
    def calls(self, action: Callable[[], object]) -> Iterator[None]:
        """While the block runs, a request calls `action` at once. One that was made before calls it here.

        `action` must bear to be called twice.
        """
        self._action = action
        if self.made:
            action()
        try:
            yield
        finally:
            self._action = bool

    def request(self) -> None:
        """Make the request, as a signal does."""
        self._note()

    def _note(self, *_: object) -> None:
        self.made = True
        self._action()
