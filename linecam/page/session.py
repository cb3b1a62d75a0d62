"""One session at the labelling page: from the files that say what to label to the last answer."""

import logging
from getpass import getuser

from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.labels.store import DECISION
from linecam.page.server import Desk, serve
from linecam.page.worklist import Sources, frames_to_label
from linecam.stop_request import StopRequest


def run_session(
    sources: Sources,
    stop: StopRequest,
    *,
    dataset: str,
    classes: list[str],
    by: str,
    region: Region,
    port: int | None,
    browser: bool,
) -> None:
    """Serve the page until the user ends it, or `stop` is made; then say goodbye.

    `by` is who labels, `region` what of a frame the network sees. `port` is one of this machine, None: one that is
    free. `browser` says whether to open one.
    Raises `UserError` where the port is taken, or labels.csv has problems.
    """
    frames, beside = frames_to_label(sources, classes)
    desk = Desk(frames, beside, sources.frames, sources.labels, classes=classes, by=by, dataset=dataset, region=region)
    if not stop.made:
        serve(desk, stop, port=port, browser=browser)
    place = f" Your labels are in {sources.labels}." if sources.labels.exists() else ""
    logging.info("Goodbye. %d of %d frames are labelled.%s", desk.done(), len(frames), place)


def who_labels(name: str | None) -> str:
    """The name to write beside labels: `name`, or else that of whoever is logged in.

    Raises `UserError` where `name` is none for a person, or the machine doesn't say who is logged in.
    """
    if name is None:
        try:
            return getuser()
        except (OSError, KeyError, ImportError):
            raise UserError("This machine doesn't say who you are: write --by and your name or initials.") from None
    name = name.strip()
    if not name or name == DECISION or not name.isprintable():
        raise UserError(
            f"--by {name!r} is no name for who labels. Write your name or initials; {DECISION!r} stands for what "
            "people have decided together."
        )
    return name
