"""Whether there are frames enough, as far as that is known before anything runs.

Before the frames are indexed nobody knows which of them can be used; but those are never more than there are contents.
`select_test` asks again, with the index, before any step that costs.
"""

from linecam.errors import UserError
from linecam.frames.folder import Listing
from linecam.workflow.plan import Plan

SENSIBLE = 24  # frames, from which on fewer are worth asking for


def most_frames(plan: Plan, listing: Listing) -> int | None:
    """The most frames that can be usable; None where that is not known, as of videos. `listing` is that of a folder."""
    if plan.settings.dataset.kind == "belt":
        return plan.settings.belt.frames
    known = listing.files and not listing.videos
    places = max(1, len(plan.region.rois))  # each is a frame of its own
    return places * len({digest for _, digest in listing.files.values()}) if known else None


def check_counts(plan: Plan, most: int | None) -> None:
    """Raise `UserError` where `select` asks for more frames than the `most` that there are."""
    select = plan.settings.select
    if most is None or plan.strategies == ["given"]:
        return
    if 2 * select.test > most or select.train + select.test > most:
        raise UserError(
            f"There are too few frames: select asks for {select.train} to train on and {select.test} for the test, but "
            f"there are at most {most} different frames. {_fewer(select.train, select.test, most)}"
        )


def check_study(plan: Plan, most: int | None) -> None:
    """Raise `UserError` where `study_selection` asks for more frames than there are."""
    if most is not None and not plan.given_split:
        _check_train(plan, most, max(plan.settings.study_selection.labels), "study_selection.labels")


def check_next(plan: Plan, most: int | None) -> None:
    """Raise `UserError` where no frame is left to label next."""
    select = plan.settings.select
    if most is not None and plan.strategies != ["given"] and select.train + select.test >= most:
        raise UserError(
            f"snakemake select_next looks for frames to label, but select.train = {select.train} and select.test = "
            f"{select.test} take all of the {most} different frames that there are. Add frames."
        )


def _check_train(plan: Plan, most: int, count: int, setting: str) -> None:
    left = most - plan.settings.select.test
    if count > left:
        raise UserError(
            f"{setting} is {count}. But there are at most {most} different frames, and {plan.settings.select.test} of "
            f"them are for the test (select.test), which leaves {left}. Add frames, or lower {setting} or select.test."
        )


def _fewer(train: int, test: int, most: int) -> str:
    """What to do if frames are too few. It names both numbers: lowering one alone would bring the next message."""
    if most < SENSIBLE:
        return "Add frames."
    train, test = min(train, most // 2), min(test, most // 3)
    return (
        "Add frames, or ask for fewer. At most half of all frames may be for the test. For example, write into your "
        f"configuration:\n\n    select: {{train: {train}, test: {test}}}"
    )
