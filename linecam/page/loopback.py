"""Pages for this machine alone: who may ask for them, and how they are served.

Everything lies below /TOKEN/, a random word that only the page's address has: other users of the machine can reach the
port, too. Requests that another site's page sends, or that reached this machine under another name, are refused.
"""

import os
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from linecam.errors import UserError
from linecam.page.guard import Guard
from linecam.stop_request import StopRequest


class MakeApp(Protocol):
    """Makes the application behind http://127.0.0.1:`port`/`token`/; it calls `done` when it is to end."""

    def __call__(self, *, port: int, token: str, ticket: str, done: Callable[[], None]) -> ASGIApp: ...


def guarded(routes: Sequence[Route], *, port: int, token: str, ticket: str, doors: Collection[str] = ()) -> ASGIApp:
    """The application of `routes`, which lie below /`token`/ or are `doors`, behind the guard.

    /open/`ticket` leads there once: the address that a browser is started with can be read in the list of processes.
    """
    tickets = {ticket}

    def opened(request: Request) -> Response:
        try:
            tickets.remove(request.path_params["ticket"])
        except KeyError:
            return PlainTextResponse("This address works only once. Open the address that the terminal shows.\n", 403)
        return RedirectResponse(f"/{token}/", 303)

    return Guard(Starlette(routes=[Route("/open/{ticket}", opened), *routes]), port, token, doors)


def serve_page(
    make_app: MakeApp,
    stop: StopRequest,
    *,
    port: int | None,
    browser: bool,
    told: Callable[[str], str],
    usual: int = 0,
) -> None:
    """Serve a page until it ends itself, or `stop` is made.

    `port` None is the `usual` one, or one that is free where there is none or another program has it.

    `told` makes of the page's address what the terminal shows. What is being answered at the end is answered first.
    Raises `UserError` where the port is taken.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _listen(listener, port, usual)  # from here on a browser waits, and isn't turned away
        port = listener.getsockname()[1]
        token, ticket = secrets.token_urlsafe(16), secrets.token_urlsafe(16)

        def end() -> None:
            server.should_exit = True

        app = make_app(port=port, token=token, ticket=ticket, done=end)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                log_level="warning",
                server_header=False,
                timeout_graceful_shutdown=5,
            )
        )
        # Not through the log, which others may read: the address is the key.
        with suppress(OSError):  # the terminal may be gone
            print(told(f"http://127.0.0.1:{port}/{token}/"), file=sys.stderr, flush=True)
        if browser and has_screen():
            address = f"http://127.0.0.1:{port}/open/{ticket}"
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        # uvicorn heeds SIGINT and SIGTERM only while it runs, and raises them again afterwards: `stop` notes them.
        with stop.calls(end):
            server.run(sockets=[listener])


def _listen(listener: socket.socket, port: int | None, usual: int) -> None:
    """Listen on a port of this machine; see `serve_page`. Raises `UserError` where it is taken."""
    for number in [port] if port else [usual, 0]:
        try:
            listener.bind(("127.0.0.1", number))
            listener.listen()
            return
        except OSError as error:
            refused = error.strerror
    raise UserError(
        f"--port {port}: this port of the machine cannot be used: {refused}. Is the page open already? "
        "Take another port, or leave --port out: then the system chooses one."
    )


def has_screen() -> bool:
    """Whether a browser that is started here is seen: without a screen it would take the terminal."""
    return sys.platform in {"darwin", "win32"} or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
