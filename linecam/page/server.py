"""The labelling page: a web application for this machine alone, which shows listed frames and writes labels."""

import io
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.frames.decode import open_frame
from linecam.frames.picture import upright
from linecam.frames.video import place_in_video
from linecam.labels.store import DECISION, UNSURE, ConflictError, Row, answer, read_rows
from linecam.page.loopback import guarded, serve_page
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


def make_app(desk: Desk, *, port: int, token: str, ticket: str, done: Callable[[], None]) -> ASGIApp:
    """The application behind http://127.0.0.1:`port`/`token`/; it calls `done` when the user says so.

    /open/`ticket` leads there once, see `guarded`.
    """

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
        Route(f"/{token}/", page),
        *(Route(f"/{token}/{name}", page) for name in FILES),
        Route(f"/{token}/everything", everything),
        Route(f"/{token}/labels", labels),
        Route(f"/{token}/large/{{digest}}", large),
        Route(f"/{token}/small/{{digest}}", small),
        Route(f"/{token}/answers", answers, methods=["POST"]),
        Route(f"/{token}/done", ended, methods=["POST"]),
    ]
    return guarded(routes, port=port, token=token, ticket=ticket)


def parsed(body: bytes) -> dict[str, Any]:
    """{answers: [...], decision: true or false} of a request's body. Raises `ValueError` where it is anything else."""
    said = json.loads(body)
    if not isinstance(said, dict) or not isinstance(said.get("answers"), list):
        raise ValueError("the body has answers")
    if not isinstance(said.get("decision"), bool):
        raise ValueError("the body says whether this is a decision")
    return said


def serve(desk: Desk, stop: StopRequest, *, port: int | None, browser: bool) -> None:
    """Serve the page until the user says that they are done, or `stop` is made; see `serve_page`."""

    def told(address: str) -> str:
        return (
            f"{desk.done()} of {len(desk.frames)} frames are labelled. Label as {desk.by} here:\n    {address}\n"
            "Every answer is saved at once. Key E on the page ends this, and so does Ctrl-C."
        )

    serve_page(partial(make_app, desk), stop, port=port, browser=browser, told=told)
