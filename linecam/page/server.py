"""The labelling page: a web application for this machine alone, which shows listed frames and writes labels.

Everything lies below /TOKEN/, a random word that only the page's address has: other users of the machine can reach the
port, too. Requests that another site's page sends, or that reached this machine under another name, are refused.
"""

import json
import logging
import os
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from linecam.errors import UserError
from linecam.labels.store import ConflictError
from linecam.page.address import PORT
from linecam.page.desk import FULL, LARGE, SMALL, Desk
from linecam.page.guard import DOOR, DOOR_SCRIPT, Guard
from linecam.stop_request import StopRequest

PAGE = Path(__file__).parent / "static"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
# A body has at most some thousand answers of 200 bytes.
MOST_BYTES = 4_000_000


def make_app(desk: Desk, *, port: int, token: str, ticket: str, done: Callable[[], None]) -> ASGIApp:
    """The application behind http://127.0.0.1:`port`/`token`/; it calls `done` when the user says so.

    /open/`ticket` leads there once: the address that a browser is started with can be read in the list of processes.
    / leads there in a browser that has had the page open, so that the report can link to a frame: /#frame=<sha256>.
    """
    tickets = {ticket}

    def opened(request: Request) -> Response:
        try:
            tickets.remove(request.path_params["ticket"])
        except KeyError:
            return PlainTextResponse("This address is used up: take the one that `linecam label` prints.\n", 403)
        return RedirectResponse(f"/{token}/", 303)

    def file(name: str) -> Callable[[Request], Response]:
        return lambda _: FileResponse(PAGE / name, media_type=TYPES[Path(name).suffix])

    def everything(_: Request) -> Response:
        return JSONResponse(desk.everything())

    def labels(request: Request) -> Response:
        version = desk.version()  # before the rows, which may be newer: the page asks again then
        if version == request.query_params.get("after"):
            return JSONResponse({"version": version})
        try:
            return JSONResponse({"version": version, "rows": desk.standing()})
        except UserError as error:
            return JSONResponse({"error": str(error)}, 500)

    def picture(longest: int) -> Callable[[Request], Response]:
        def shown(request: Request) -> Response:
            data = desk.picture(request.path_params["digest"], longest)
            if data is None:
                return PlainTextResponse("There is no such frame to show.\n", 404)
            # A frame is named by its content.
            cached = {"Cache-Control": "private, max-age=86400, immutable"}
            return Response(data, media_type="image/jpeg", headers=cached)

        return shown

    async def answers(request: Request) -> Response:
        if request.headers.get("content-type") != "application/json":
            return JSONResponse({"error": "answers are JSON"}, 415)
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                return JSONResponse({"error": "too many answers at once"}, 413)
        return await run_in_threadpool(written, body)

    def written(body: bytes) -> Response:
        status, error = 200, ""
        try:
            said = parsed(body)
            desk.write(said["answers"], decision=said["decision"])
        except ValueError as problem:  # not from this page
            return JSONResponse({"error": str(problem)}, 400)
        except ConflictError as problem:
            status, error = 409, str(problem)
        except (UserError, OSError) as problem:  # a disk that is full, a file that was broken by hand meanwhile
            logging.error("%s", problem)
            return JSONResponse({"error": str(problem)}, 500)
        try:
            rows = desk.standing()
        except UserError as problem:
            return JSONResponse({"error": str(problem)}, 500)
        about = {one["sha256"]: rows.get(one["sha256"], []) for one in said["answers"]}
        return JSONResponse({"rows": about} | ({"error": error} if error else {}), status)

    def ended(_: Request) -> Response:
        return JSONResponse({}, background=BackgroundTask(done))

    routes = [
        Route("/open/{ticket}", opened),
        Route(DOOR, file("open.html")),
        Route(DOOR_SCRIPT, file("open.js")),
        Route(f"/{token}/", file("page.html")),
        *(Route(f"/{token}/{path.name}", file(path.name)) for path in PAGE.iterdir() if path.suffix in TYPES),
        Route(f"/{token}/everything", everything),
        Route(f"/{token}/labels", labels),
        Route(f"/{token}/full/{{digest}}", picture(FULL)),
        Route(f"/{token}/large/{{digest}}", picture(LARGE)),
        Route(f"/{token}/small/{{digest}}", picture(SMALL)),
        Route(f"/{token}/answers", answers, methods=["POST"]),
        Route(f"/{token}/done", ended, methods=["POST"]),
    ]
    return Guard(Starlette(routes=routes), port, token)


def parsed(body: bytes) -> dict[str, Any]:
    """{answers: [...], decision: true or false} of a request's body. Raises `ValueError` where it is anything else."""
    said = json.loads(body)
    if not isinstance(said, dict) or not isinstance(said.get("answers"), list):
        raise ValueError("the body has answers")
    if not isinstance(said.get("decision"), bool):
        raise ValueError("the body says whether this is a decision")
    return said


def serve(desk: Desk, stop: StopRequest, *, port: int | None, browser: bool) -> None:
    """Serve the page until the user says that they are done, or `stop` is made.

    `port` None is `PORT`, which the report's links have, or one that is free where that is taken.
    What is being answered then is answered first. Raises `UserError` where the port is taken.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _listen(listener, port)  # from here on a browser waits, and isn't turned away
        port = listener.getsockname()[1]
        token, ticket = secrets.token_urlsafe(16), secrets.token_urlsafe(16)

        def end() -> None:
            server.should_exit = True

        app = make_app(desk, port=port, token=token, ticket=ticket, done=end)
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
            print(
                f"{desk.done()} of {len(desk.frames)} frames are labelled. Label as {desk.by} here:\n"
                f"    http://127.0.0.1:{port}/{token}/\n"
                "Every answer is saved at once. Key or button E on the page ends this, and so does Ctrl-C.",
                file=sys.stderr,
                flush=True,
            )
        if browser and has_screen():
            address = f"http://127.0.0.1:{port}/open/{ticket}"
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        # uvicorn heeds SIGINT and SIGTERM only while it runs, and raises them again afterwards: `stop` notes them.
        with stop.calls(end):
            server.run(sockets=[listener])


def _listen(listener: socket.socket, port: int | None) -> None:
    """Listen on a port of this machine; see `serve`. Raises `UserError` where it is taken."""
    for number in [port] if port else [PORT, 0]:
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
