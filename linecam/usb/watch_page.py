"""The page of `linecam watch`: the last decision, counts by class and hour, the camera's picture, its messages."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from linecam.page.loopback import guarded, serve_page
from linecam.stop_request import StopRequest
from linecam.usb.diary import Diary

STATIC = Path(__file__).with_name("static")
FILES = {"watch.html": "text/html", "watch.css": "text/css", "watch.js": "text/javascript"}


def make_app(diary: Diary, *, port: int, token: str, ticket: str, done: Callable[[], None]) -> ASGIApp:
    """The application behind http://127.0.0.1:`port`/`token`/. It only shows, so that it never calls `done`."""

    def page(request: Request) -> Response:
        name = request.url.path.rpartition("/")[2] or "watch.html"
        return FileResponse(STATIC / name, media_type=FILES[name])

    def state(_: Request) -> Response:
        return JSONResponse(diary.state())

    def picture(_: Request) -> Response:
        content = diary.picture()
        if not content:
            return PlainTextResponse("The camera has sent no picture.\n", 404)
        return Response(content, media_type="image/png")

    routes = [
        Route(f"/{token}/", page),
        *(Route(f"/{token}/{name}", page) for name in FILES),
        Route(f"/{token}/state", state),
        Route(f"/{token}/picture", picture),
    ]
    return guarded(routes, port=port, token=token, ticket=ticket)


def serve(diary: Diary, stop: StopRequest, *, port: int | None, browser: bool) -> None:
    """Serve the page until `stop` is made; see `serve_page`."""
    serve_page(partial(make_app, diary), stop, port=port, browser=browser, told=lambda address: f"The page: {address}")
