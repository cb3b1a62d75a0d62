"""What of a frame the network sees: the square in its middle, or a region of the sensor's frame (`camera.roi`).

Where it lies; `linecam.camera.arithmetic` cuts it out.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

Size = tuple[int, int]  # width and height, in pixels

# A frame has the shape of the sensor's where width over height differs by no more than this share.
SAME_SHAPE = 0.01
# The firmware that stretches an oblong region to the network's square input; before it, it is cropped to a square.
STRETCHES_SINCE = (5, 0, 0)


@dataclass(frozen=True)
class Region:
    """The middle square of a frame, `side` pixels wide on the sensor, or `roi` of the sensor's `frame`: one of the two.

    `roi` is (x, y, width, height) in pixels of the sensor's frame, and lies within it.
    """

    side: int | None = None
    roi: tuple[int, int, int, int] | None = None
    frame: Size | None = None

    @classmethod
    def of(cls, param: Mapping[str, Any]) -> Self:
        """The region that a rule's parameter describes; see `as_param`."""
        roi, frame = param.get("roi"), param.get("frame")
        return cls(param.get("side"), tuple(roi) if roi else None, tuple(frame) if frame else None)

    def as_param(self) -> dict[str, Any]:
        """The region as plain values, which a rule hands to its script: {side}, or {roi, frame}."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
            if value is not None
        }

    @property
    def size(self) -> Size:
        """How many pixels of the sensor it has."""
        if self.roi:
            return self.roi[2], self.roi[3]
        assert self.side is not None
        return self.side, self.side

    @property
    def name(self) -> str:
        """Its size as part of a file's name, such as 240, or 200x80 of a `roi`; `size_of` reads it."""
        return "{}x{}".format(*self.size) if self.roi else str(self.side)

    @property
    def oblong(self) -> bool:
        """Whether it is no square, which firmware before 5.0.0 crops instead of stretching it."""
        return self.size[0] != self.size[1]

    def recorded(self, size: Size) -> bool:
        """Whether a frame of this size was recorded by collect.py with this `roi`: then all of it is the region."""
        return self.roi is not None and size == self.size

    def refusal(self, size: Size) -> str:
        """Why a frame of this size has no such region, or ""."""
        if self.frame is None or self.recorded(size):
            return ""
        (width, height), (sensor_width, sensor_height) = size, self.frame
        if abs(width * sensor_height / (height * sensor_width) - 1) <= SAME_SHAPE:
            return ""
        return (
            f"{width} x {height} has neither the shape of the sensor's frame, {sensor_width} x {sensor_height}, nor "
            f"the size of camera.roi, {self.size[0]} x {self.size[1]}"
        )

    def box(self, size: Size) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the region in a frame of this size that is not refused, in its pixels."""
        width, height = size
        if self.roi is None or self.frame is None:
            short = min(size)
            left, top = (width - short) // 2, (height - short) // 2
            return left, top, left + short, top + short
        if self.recorded(size):
            return 0, 0, width, height
        x, y, across, down = self.roi
        right, below = width / self.frame[0], height / self.frame[1]
        return x * right, y * below, min((x + across) * right, width), min((y + down) * below, height)

    def enlarged(self, size: int) -> str:
        """What to say where a network's input of `size` x `size` pixels is more than `roi` has, or ""."""
        width, height = self.size
        if self.roi is None or min(self.size) >= size:
            return ""
        return (
            f"camera.roi has {width} x {height} pixels, which are enlarged to {size} x {size}: that shows no more. "
            "Take a network with a smaller input, or a larger camera.frame_size"
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
