"""The labelling page: a web application for this machine alone, which shows listed frames and writes labels."""

import json
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from linecam.errors import UserError
from linecam.labels.store import ConflictError
from linecam.page.address import PORT
from linecam.page.desk import FULL, LARGE, SMALL, Desk
from linecam.page.guard import HEADERS
from linecam.page.loopback import guarded, serve_page
from linecam.report.packed import DRAWING, bokeh_files
from linecam.stop_request import StopRequest

PAGE = Path(__file__).parent / "static"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
# What the report links to. It goes on to the page that was opened in the same browser, which alone knows the token.
DOOR, DOOR_SCRIPT = "/", "/open.js"
# Bokeh puts style elements into what it draws, which a policy cannot name one by one. Only the page of the map may have
# them. Its scripts are files of this server, too.
MAP, POLICY = "map.html", "Content-Security-Policy"
MAP_HEADERS = {POLICY: HEADERS[POLICY].replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")}
# A body has at most some thousand answers of 200 bytes.
MOST_BYTES = 4_000_000


def make_app(desk: Desk, *, port: int, token: str, ticket: str, done: Callable[[], None]) -> ASGIApp:
    """The application behind http://127.0.0.1:`port`/`token`/; it calls `done` when the user says so.

    / leads there in a browser that has had the page open, so that the report can link to a frame: /#frame=<sha256>.
    """

    def file(name: str | Path) -> Callable[[Request], Response]:
        path = PAGE / name
        headers = MAP_HEADERS if path.name == MAP else None
        return lambda _: FileResponse(path, media_type=TYPES[path.suffix], headers=headers)

    def everything(_: Request) -> Response:
        return JSONResponse(desk.everything())

    def map_of_frames(_: Request) -> Response:
        try:
            return JSONResponse(desk.everything_of_map())
        except UserError as error:
            return JSONResponse({"error": str(error)}, 500)

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

    def taken(use: Callable[[bytes], Response]) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            if request.headers.get("content-type") != "application/json":
                return JSONResponse({"error": "answers are JSON"}, 415)
            body = b""
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    return JSONResponse({"error": "too many answers at once"}, 413)
            return await run_in_threadpool(use, body)

        return answered

    def asked(body: bytes) -> Response:
        try:
            said = json.loads(body)
            if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
                raise ValueError("the body is a list of SHA-256")
            desk.ask(said)
        except ValueError as problem:  # not from this page
            return JSONResponse({"error": str(problem)}, 400)
        return JSONResponse({})

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
        Route(DOOR, file("open.html")),
        Route(DOOR_SCRIPT, file("open.js")),
        Route(f"/{token}/", file("page.html")),
        *(Route(f"/{token}/{path.name}", file(path.name)) for path in PAGE.iterdir() if path.suffix in TYPES),
        *(Route(f"/{token}/{path.name}", file(path)) for path in [DRAWING, *bokeh_files()]),
        Route(f"/{token}/everything", everything),
        Route(f"/{token}/map", map_of_frames),
        Route(f"/{token}/labels", labels),
        Route(f"/{token}/full/{{digest}}", picture(FULL)),
        Route(f"/{token}/large/{{digest}}", picture(LARGE)),
        Route(f"/{token}/small/{{digest}}", picture(SMALL)),
        Route(f"/{token}/answers", taken(written), methods=["POST"]),
        Route(f"/{token}/asked", taken(asked), methods=["POST"]),
        Route(f"/{token}/done", ended, methods=["POST"]),
    ]
    return guarded(routes, port=port, token=token, ticket=ticket, doors=(DOOR, DOOR_SCRIPT))


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

    `port` None is `PORT`, which the report's links have, or one that is free where that is taken; see `serve_page`.
    """

    def told(address: str) -> str:
        return (
            f"{desk.done()} of {len(desk.frames)} frames are labelled. Label as {desk.by} here:\n"
            f"    {address}\n"
            "Every answer is saved at once. Key or button E on the page ends this, and so does Ctrl-C."
        )

    serve_page(partial(make_app, desk), stop, port=port, browser=browser, told=told, usual=PORT)
