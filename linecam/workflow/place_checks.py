"""Checks of several places in one frame (`camera.rois`): what does not go together with them, and which is worst."""

from itertools import combinations

from linecam.boards.board import version
from linecam.bundle.worst import PLACES_SINCE, first_passing, passing
from linecam.camera.region import Roi
from linecam.errors import UserError
from linecam.workflow.mistakes import check_classes
from linecam.workflow.settings import Settings

MOST_SHARED = 0.25  # of the area of a place


def check_places(settings: Settings) -> None:
    """Raise `UserError` where settings do not fit to several places, or say nothing without them."""
    rois, line = settings.camera.rois, settings.line
    if rois is None:
        if line.worst_first is not None:
            raise UserError(
                "line.worst_first says which of several places decides, and camera.rois names none. Leave it out, or "
                "name the places."
            )
        return
    _check_dataset(settings)
    _check_rois(rois)
    _check_worst(settings)
    firmware = settings.bundle.firmware
    if version(firmware) < version(PLACES_SINCE):  # how an older one cuts out a place is not known
        raise UserError(
            f"camera.rois needs firmware {PLACES_SINCE} or later on the cameras, and bundle.firmware is {firmware}. "
            "Update them and say so here, or take one camera.roi."
        )
    if line.trigger.source == "class":
        raise UserError(
            "line.trigger.source is class, and camera.rois names several places. They may show different classes at "
            "the same time, so they cannot say when an item begins. Write source: pin or source: free."
        )
    if line.drift.enabled:
        raise UserError(
            "line.drift: its figures are for one decision a frame, and camera.rois brings several that share their "
            "light. Set line.drift.enabled: false."
        )


def check_no_given_split(settings: Settings, given: bool) -> None:
    """Raise `UserError` where a frame has several places, and the folders say which are for the test (`given`)."""
    if settings.camera.rois and given:
        raise UserError(
            "camera.rois: the folders train/<class>/ and test/<class>/ label whole frames, and don't say which of the "
            "places shows that. Put the frames into folders with other names and label the places, or set "
            "select.strategies: [mixed]."
        )


def _check_dataset(settings: Settings) -> None:
    kind = settings.dataset.kind
    if kind != "folder":
        raise UserError(
            f"camera.rois is for frames of yours (dataset.kind: folder), and dataset.kind is {kind}, whose labels are "
            "about whole frames. Take camera.roi."
        )
    methods = [*settings.pretrain.methods, *(method for part in settings.study for method in part.methods)]
    if "rendered" in methods:
        raise UserError(
            "camera.rois: the method rendered draws frames with one part each. Take another one in pretrain.methods "
            "and study."
        )


def _check_rois(rois: tuple[Roi, ...]) -> None:
    sizes = {(width, height) for _, _, width, height in rois}
    if len(sizes) > 1:
        told = ", ".join(f"{width} x {height}" for width, height in sorted(sizes))
        raise UserError(
            f"camera.rois: the places have to be of one size, since one network judges them all, and there are {told}. "
            "Give each the same width and height."
        )
    for (one, first), (other, second) in combinations(enumerate(rois, 1), 2):
        if shared(first, second) > MOST_SHARED:
            raise UserError(
                f"camera.rois: place {one}, {list(first)}, and place {other}, {list(second)}, have more than a quarter "
                "of their area in common, so that one part would be judged twice, and stand in training and test. Move "
                "them apart, or make them smaller."
            )


def shared(one: Roi, other: Roi) -> float:
    """Which share of its area a place has in common with another one of its size, 0 to 1."""
    (x, y, width, height), (left, top, _, _) = one, other
    return max(0, width - abs(x - left)) * max(0, height - abs(y - top)) / (width * height)


def _check_worst(settings: Settings) -> None:
    classes, line = settings.dataset.classes, settings.line
    order, good = line.worst_first, passing(classes, line.signals.passes)
    if order is None:
        if not good:
            raise UserError(
                "camera.rois: the worst place decides for an item, and nothing says which class is bad. Name all, the "
                f"worst first: line: {{worst_first: [{', '.join(classes)}]}}."
            )
        return
    check_classes("line.worst_first", order, classes)
    if sorted(order) != sorted(classes):
        raise UserError(
            f"line.worst_first is {', '.join(order)}, and the classes are {', '.join(classes)}. Name each of them once."
        )
    rest = order[first_passing(order, good) :]
    if better := [name for name in rest if name not in good]:
        raise UserError(
            f"line.worst_first: {rest[0]} passes and comes before {better[0]}, which does not pass. So an item with a "
            f"place of {better[0]} could pass. Write the classes that pass at the end of the list."
        )
