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
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from linecam.errors import UserError
from linecam.stop_request import StopRequest

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """Lets through what the page itself asks for, and no more; see the module."""

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        self.app, self.token = app, token
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = {"Cache-Control": "no-store"} | HEADERS
                there = {name.lower() for name, _ in message["headers"]}
                message["headers"] += [
                    (name.lower().encode(), value.encode())
                    for name, value in extra.items()
                    if name.lower().encode() not in there
                ]
            await send(message)

        refusal = self.refusal(scope)
        answered: ASGIApp = PlainTextResponse(refusal + "\n", 403) if refusal else self.app
        await answered(scope, receive, with_headers)

    def refusal(self, scope: Scope) -> str:
        """Why a request is refused; "" where it isn't."""
        headers = Headers(scope=scope)
        if headers.getlist("host") not in [[host] for host in self.hosts]:
            return "This page is served to this machine alone, as 127.0.0.1."
        origins = {f"http://{host}" for host in self.hosts}
        writes = scope["method"] not in {"GET", "HEAD"}
        origin = headers.get("origin")
        # A browser names the origin of every POST.
        if (origin is not None or writes) and origin not in origins:
            return "This request comes from another page."
        if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            return "This request comes from another site."
        word = scope["path"].split("/")[1]
        if word != "open" and not secrets.compare_digest(word.encode(), self.token.encode()):
            return "This address is of no page, or of one that has ended: take the one that the terminal shows."
        return ""


class MakeApp(Protocol):
    """Makes the application behind http://127.0.0.1:`port`/`token`/; it calls `done` when it is to end."""

    def __call__(self, *, port: int, token: str, ticket: str, done: Callable[[], None]) -> ASGIApp: ...


def guarded(routes: Sequence[Route], *, port: int, token: str, ticket: str) -> ASGIApp:
    """The application of `routes`, which lie below /`token`/, behind the guard.

    /open/`ticket` leads there once: the address that a browser is started with can be read in the list of processes.
    """
    tickets = {ticket}

    def opened(request: Request) -> Response:
        try:
            tickets.remove(request.path_params["ticket"])
        except KeyError:
            return PlainTextResponse("This address is used up: take the one that the terminal shows.\n", 403)
        return RedirectResponse(f"/{token}/", 303)

    return Guard(Starlette(routes=[Route("/open/{ticket}", opened), *routes]), port, token)


def serve_page(
    make_app: MakeApp, stop: StopRequest, *, port: int | None, browser: bool, told: Callable[[str], str]
) -> None:
    """Serve a page until it ends itself, or `stop` is made; `port` None is one that is free.

    `told` makes of the page's address what the terminal shows. What is being answered at the end is answered first.
    Raises `UserError` where the port is taken.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port or 0))
        except OSError as error:
            raise UserError(
                f"--port {port}: this port of the machine cannot be used: {error.strerror}. Is the page open already? "
                "Take another port, or leave --port out: then the system chooses one."
            ) from None
        listener.listen()  # from here on a browser waits, and isn't turned away
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


def has_screen() -> bool:
    """Whether a browser that is started here is seen: without a screen it would take the terminal."""
    return sys.platform in {"darwin", "win32"} or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
