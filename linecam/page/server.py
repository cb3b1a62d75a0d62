"""The labelling page: a web application for this machine alone, which shows listed frames and writes labels.

Everything lies below /TOKEN/, a random word that only the page's address has: other users of the machine can reach the
port, too. Requests that another site's page sends, or that reached this machine under another name, are refused.
"""

import io
import json
import logging
import os
import secrets
import socket
import sys
import threading
import webbrowser
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.frames.decode import open_frame
from linecam.frames.picture import upright
from linecam.frames.video import place_in_video
from linecam.labels.store import DECISION, UNSURE, ConflictError, Row, answer, read_rows
from linecam.stop_request import StopRequest

PAGE = Path(__file__).parent / "static"
FILES = {
    "page.html": "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
    "frames.js": "text/javascript",
    "answers.js": "text/javascript",
    "server.js": "text/javascript",
    "grid.js": "text/javascript",
    "dialogs.js": "text/javascript",
}
# Longest sides in pixels: no screen shows more, and a phone's 12-megapixel frame is quick to look at.
LARGE, SMALL = 1600, 256
# A body has at most some thousand answers of 200 bytes.
MOST_BYTES = 4_000_000
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


@dataclass(frozen=True)
class Frame:
    """A frame to label, or one beside it in time, of which the first five fields count."""

    sha256: str
    path: str  # below the frames' folder
    bytes: int  # of the file
    width: int  # pixels, as it is seen
    height: int
    part: str = ""  # train, test, next, or other: labelled, and people disagree
    group: int = 0  # similar frames that follow each other have one number
    reason: str = ""  # why it was selected, or ""
    given: str = ""  # the label that it has without labels.csv, or ""
    given_by: str = ""  # folder or truth
    suggestion: str = ""  # what the model says, or ""; never of a test frame
    p: float = 0.0  # the model's probability of it
    beside: tuple[tuple[int, str], ...] = ()  # neighbours in time: by how much their number differs, and their sha256


class Desk:
    """Frames and labels, as the page sees and changes them. Its methods may be called from several threads."""

    def __init__(
        self,
        frames: Sequence[Frame],
        beside: Sequence[Frame],
        folder: Path,
        labels: Path,
        *,
        classes: list[str],
        by: str,
        dataset: str,
        region: Region,
    ) -> None:
        """`by` is who labels, `region` what of a frame the network sees.

        Raises `UserError` where `labels` cannot be read.
        """
        if any(frame.part == "test" and frame.suggestion for frame in frames):
            raise ValueError("whoever judges a test frame must not see what the model says")
        read_rows(labels, classes)
        self.frames = list(frames)
        self.folder, self.labels, self.classes, self.by, self.dataset = folder, labels, classes, by, dataset
        self.region = region
        self.listed = {frame.sha256: frame for frame in frames}
        self._shown = {frame.sha256: frame for frame in beside} | self.listed

    def everything(self) -> dict[str, Any]:
        """What the page needs at its start."""
        return {
            "dataset": self.dataset,
            "by": self.by,
            "decision": DECISION,
            "unsure": UNSURE,
            "classes": self.classes,
            "frames": [asdict(frame) | {"seen": self._seen(frame)} for frame in self.frames],
            "paths": {digest: frame.path for digest, frame in self._shown.items()},
        }

    def _seen(self, frame: Frame) -> list[float]:
        """Left, top, width and height of what the network sees, as shares of the frame's width and height."""
        left, top, right, bottom = self.region.box((frame.width, frame.height))
        return [left / frame.width, top / frame.height, (right - left) / frame.width, (bottom - top) / frame.height]

    def standing(self) -> dict[str, list[Row]]:
        """All rows of the listed frames by sha256, as the file has them now."""
        rows: dict[str, list[Row]] = defaultdict(list)
        for row in read_rows(self.labels, self.classes):
            if row["sha256"] in self.listed:
                rows[row["sha256"]].append(row)
        return rows

    def done(self) -> int:
        """How many of the frames have a label, or somebody who isn't sure of them."""
        rows = self.standing()
        return sum(bool(frame.given or rows.get(frame.sha256)) for frame in self.frames)

    def version(self) -> str:
        """Another word whenever the file of labels has changed."""
        with suppress(OSError):
            stat = self.labels.stat()
            return f"{stat.st_ino}-{stat.st_mtime_ns}-{stat.st_size}"
        return "none"

    def write(self, answers: Sequence[dict[str, Any]], *, decision: bool) -> None:
        """Write answers, each {sha256, label, seen}, as `labels.answer` does; all are on the disk when this returns.

        Raises `ValueError` where one isn't of this form, or its frame isn't listed.
        """
        known = ["", *self.classes] if decision else ["", UNSURE, *self.classes]
        rows = []
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        for one in answers:
            if not isinstance(one, dict) or set(one) != {"sha256", "label", "seen"}:
                raise ValueError("an answer has sha256, label and seen")
            frame = self.listed.get(str(one["sha256"]))
            if frame is None:
                raise ValueError(f"{one['sha256']!r} is no frame to label here")
            if one["label"] not in known or one["seen"] not in known:
                raise ValueError(f"{one['label']!r} or {one['seen']!r} is no label")
            by = DECISION if decision else self.by
            row = {"sha256": frame.sha256, "path": frame.path, "label": one["label"], "by": by, "when": now}
            rows.append((row, one["seen"]))
        if len({row["sha256"] for row, _ in rows}) < len(rows):
            raise ValueError("a frame has two answers")
        answer(self.labels, self.classes, rows)

    def picture(self, digest: str, longest: int) -> bytes | None:
        """A frame as JPEG, upright, its longer side at most `longest` pixels; None where it isn't one of those shown,
        or its file is another than the one that was indexed."""
        frame = self._shown.get(digest)
        if frame is None:
            return None
        path = self.folder / frame.path
        try:
            # Before a file of any size is read. A frame of a video is no file.
            if place_in_video(path) is None and path.stat().st_size != frame.bytes:
                raise OSError("its size has changed")
            with open_frame(path, digest) as image:
                image.draft("RGB", (longest, longest))
                seen = upright(image)
                seen.thumbnail((longest, longest), Image.Resampling.LANCZOS)
                written = io.BytesIO()
                # As good as the frame itself, where it is to be judged.
                seen.save(written, "JPEG", quality=95 if longest > SMALL else 85, subsampling=0)
        except (OSError, UserError) as error:
            logging.warning("%s cannot be shown: %s", frame.path, error)
            return None
        return written.getvalue()


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
            return "This address is of no page, or of one that has ended: take the one that `linecam label` prints."
        return ""


def make_app(desk: Desk, *, port: int, token: str, ticket: str, done: Callable[[], None]) -> ASGIApp:
    """The application behind http://127.0.0.1:`port`/`token`/; it calls `done` when the user says so.

    /open/`ticket` leads there once: the address that a browser is started with can be read in the list of processes.
    """
    tickets = {ticket}

    def opened(request: Request) -> Response:
        try:
            tickets.remove(request.path_params["ticket"])
        except KeyError:
            return PlainTextResponse("This address is used up: take the one that `linecam label` prints.\n", 403)
        return RedirectResponse(f"/{token}/", 303)

    def page(request: Request) -> Response:
        name = request.url.path.rpartition("/")[2] or "page.html"
        return FileResponse(PAGE / name, media_type=FILES[name])

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

    def large(request: Request) -> Response:
        return picture(request.path_params["digest"], LARGE)

    def small(request: Request) -> Response:
        return picture(request.path_params["digest"], SMALL)

    def picture(digest: str, longest: int) -> Response:
        data = desk.picture(digest, longest)
        if data is None:
            return PlainTextResponse("There is no such frame to show.\n", 404)
        # A frame is named by its content.
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400, immutable"})

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
        Route(f"/{token}/", page),
        *(Route(f"/{token}/{name}", page) for name in FILES),
        Route(f"/{token}/everything", everything),
        Route(f"/{token}/labels", labels),
        Route(f"/{token}/large/{{digest}}", large),
        Route(f"/{token}/small/{{digest}}", small),
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
    """Serve the page until the user says that they are done, or `stop` is made; `port` None is one that is free.

    What is being answered then is answered first. Raises `UserError` where the port is taken.
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
                "Every answer is saved at once. Key E on the page ends this, and so does Ctrl-C.",
                file=sys.stderr,
                flush=True,
            )
        if browser and has_screen():
            address = f"http://127.0.0.1:{port}/open/{ticket}"
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        # uvicorn heeds SIGINT and SIGTERM only while it runs, and raises them again afterwards: `stop` notes them.
        with stop.calls(end):
            server.run(sockets=[listener])


def has_screen() -> bool:
    """Whether a browser that is started here is seen: without a screen it would take the terminal."""
    return sys.platform in {"darwin", "win32"} or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
