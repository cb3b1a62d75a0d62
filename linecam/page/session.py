"""One session at the labelling page: from the files that say what to label to the last answer."""

import logging
import shlex
from collections.abc import Mapping, Sequence
from getpass import getuser

from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.labels.store import DECISION
from linecam.page.desk import Advice, Desk
from linecam.page.server import serve
from linecam.page.worklist import Sources, frames_to_label
from linecam.stop_request import StopRequest


def run_session(
    sources: Sources,
    stop: StopRequest,
    *,
    dataset: str,
    classes: list[str],
    definitions: Mapping[str, str],
    by: str,
    region: Region,
    port: int | None,
    browser: bool,
    go_on: Sequence[str],
    label: Sequence[str],
) -> None:
    """Serve the page until the user ends it, or `stop` is made; then say goodbye.

    `definitions` say what classes mean, `by` is who labels, `region` what of a frame the network sees. `port` as in
    `serve`. `browser` says whether to open one. `go_on` is the command that goes on with the labels, `label` the one
    that opens the page again.
    Raises `UserError` where the port is taken, or labels.csv has problems.
    """
    frames, beside, frame_map = frames_to_label(sources, classes)
    advice = Advice(
        definitions=definitions,
        go_on=shlex.join(go_on),
        label=shlex.join(label),
        next=sources.next_summary(),
        asked=sources.asked.name if sources.asked else "",
    )
    desk = Desk(
        frames,
        beside,
        sources.frames,
        sources.labels,
        classes=classes,
        by=by,
        dataset=dataset,
        region=region,
        advice=advice,
        frame_map=frame_map,
    )
    if not stop.made:
        serve(desk, stop, port=port, browser=browser)
    done, place = desk.done(), f" Your labels are in {sources.labels}." if sources.labels.exists() else ""
    logging.info("Goodbye. %d of %d frames are labelled.%s", done, len(desk.frames), place)
    if done == len(desk.frames):
        logging.info("Go on with: %s", advice.go_on)


def who_labels(name: str | None) -> str:
    """The name to write beside labels: `name`, or else the login name.

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
            f"--by {name!r} is not a name for who labels. Write your name or initials. {DECISION!r} is for what "
            f"people have decided together."
        )
    return name
