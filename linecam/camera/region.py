"""What of a frame the network sees: the square in its middle, a region of the sensor's frame (`camera.roi`), or several
places of it, one after the other (`camera.rois`).

Where it lies; `linecam.camera.arithmetic` cuts it out.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

Size = tuple[int, int]  # width and height, in pixels
Roi = tuple[int, int, int, int]  # x, y, width and height, in pixels of the sensor's frame

# A frame has the shape of the sensor's where width over height differs by no more than this share.
SAME_SHAPE = 0.01
# The firmware that stretches an oblong region to the network's square input; before it, it is cropped to a square.
STRETCHES_SINCE = "5.0.0"


@dataclass(frozen=True)
class Region:
    """The middle square of a frame, `side` pixels wide on the sensor, or `roi` or `rois` of the sensor's `frame`.

    One of the three is set. A `roi` lies within the sensor's frame. `rois` are several of one size: each is a picture
    of its own, and `place` has its region.
    """

    side: int | None = None
    roi: Roi | None = None
    frame: Size | None = None
    rois: tuple[Roi, ...] = ()

    @classmethod
    def of(cls, param: Mapping[str, Any]) -> Self:
        """The region that a rule's parameter describes; see `as_param`."""
        roi, frame = param.get("roi"), param.get("frame")
        rois = tuple((x, y, width, height) for x, y, width, height in param.get("rois", ()))
        return cls(param.get("side"), tuple(roi) if roi else None, tuple(frame) if frame else None, rois)

    def as_param(self) -> dict[str, Any]:
        """The region as plain values, which a rule hands to its script: {side}, {roi, frame}, or {frame, rois}."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return {key: value for key, value in plain.items() if value}

    @property
    def size(self) -> Size:
        """Its width and height in pixels of the sensor; if there are several places, the size of each."""
        for roi in (self.roi, *self.rois):
            if roi:
                return roi[2], roi[3]
        assert self.side is not None
        return self.side, self.side

    @property
    def name(self) -> str:
        """Its size as part of a file's name, such as 240, or 200x80 of a `roi`; `size_of` reads it."""
        return "{}x{}".format(*self.size) if self.side is None else str(self.side)

    @property
    def setting(self) -> str:
        """The setting that says where it lies, for a message."""
        return "camera.rois" if self.rois else "camera.roi"

    @property
    def oblong(self) -> bool:
        """Whether it is not a square, which firmware before 5.0.0 crops instead of stretching it."""
        return self.size[0] != self.size[1]

    def place(self, number: int) -> "Region":
        """The region of one of several places, from 1 on."""
        return Region(roi=self.rois[number - 1], frame=self.frame)

    def recorded(self, size: Size) -> bool:
        """Whether a frame of this size has just the region in it: collect.py recorded it with this `roi`, or it is a
        picture of one of several places."""
        return self.side is None and size == self.size

    def refusal(self, size: Size) -> str:
        """Why a frame of this size has no such region, or ""."""
        if self.frame is None or self.recorded(size):
            return ""
        (width, height), (sensor_width, sensor_height) = size, self.frame
        if abs(width * sensor_height / (height * sensor_width) - 1) <= SAME_SHAPE:
            return ""
        return (
            f"{width} x {height} has neither the shape of the sensor's frame, {sensor_width} x {sensor_height}, nor "
            f"the size of {self.setting}, {self.size[0]} x {self.size[1]}"
        )

    def box(self, size: Size) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the region in a frame of this size that is not refused, in its pixels.

        Of several places `place` says where one lies. Raises `ValueError` for all of them in one frame.
        """
        width, height = size
        if self.side is not None or self.frame is None:
            short = min(size)
            left, top = (width - short) // 2, (height - short) // 2
            return left, top, left + short, top + short
        if self.recorded(size):
            return 0, 0, width, height
        if self.roi is None:
            raise ValueError("several places have no common box")
        x, y, across, down = self.roi
        right, below = width / self.frame[0], height / self.frame[1]
        return x * right, y * below, min((x + across) * right, width), min((y + down) * below, height)

    def enlarged(self, size: int) -> str:
        """What to say where a network's input of `size` x `size` pixels is more than `roi` has, or ""."""
        width, height = self.size
        if self.side is not None or min(self.size) >= size:
            return ""
        what = "each of camera.rois" if self.rois else "camera.roi"
        return (
            f"{what} has {width} x {height} pixels, which are enlarged to {size} x {size}. That adds no detail. Take "
            f"a network with a smaller input, or a larger camera.frame_size"
        )

    def share(self, size: Size) -> float:
        """Which share of the area of a frame of this size the region is, above 0 and up to 1."""
        left, top, right, bottom = self.box(size)
        return (right - left) * (bottom - top) / (size[0] * size[1])

    def enough(self, seen: Size) -> Size:
        """How large a whole frame has to be for the region to have `seen` pixels in it."""
        if self.roi is None or self.frame is None:
            return seen
        (width, height), (sensor_width, sensor_height) = self.size, self.frame
        return math.ceil(sensor_width * seen[0] / width), math.ceil(sensor_height * seen[1] / height)


def size_of(name: str) -> Size:
    """The width and height that `Region.name`, or the side of a network's input, says in the name of a file."""
    width, _, height = name.partition("x")
    return int(width), int(height or width)
