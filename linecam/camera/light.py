"""How bright frames are and how much contrast they have, in the arithmetic of openmv/line_light.py."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from linecam.camera.arithmetic import to_rgb565
from linecam.errors import UserError

GRID = 16  # pixels along each side of a frame that are looked at
# Of brightness and contrast, the share by which a frame may lie beyond those of the training. Where 200 frames are for
# the training, the camera does not judge 0.001 % of the others on the tutorial's photos, and 0.12 % on the belt, which
# has four lights; with half the margin 0.11 and 0.33 %. A training makes frames 1.4 times brighter and darker itself.
MARGIN = 0.2
_WEIGHTS = np.array([79, 76, 30])  # of red, green and blue in RGB565: white is 255, shares as in ITU-R BT.601


def brightness_and_contrast(frames: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of the grey of each frame, in levels of 0..255, as the camera finds them.

    `frames` is (frames, height, width, 3), uint8, as the sensor sees them. The camera looks at 16 x 16 pixels in rows
    and columns that are evenly apart, in whole numbers.
    """
    height, width = frames.shape[1:3]
    rows, columns = ((2 * np.arange(GRID) + 1) * side // (2 * GRID) for side in (height, width))
    fields = to_rgb565(np.ascontiguousarray(frames[:, rows[:, None], columns])).astype(np.int64)
    grey = (fields @ _WEIGHTS >> 5).reshape(len(frames), -1) - 128
    total, squares = grey.sum(axis=1), (grey * grey).sum(axis=1)
    spread = (squares << 6) - (total >> 1) ** 2  # 128 * 128 variances
    return total / GRID**2 + 128, np.sqrt(spread) / 128


@dataclass(frozen=True)
class Light:
    """What brightness and contrast a frame has to have for the camera to judge it, in levels of 0..255."""

    darkest: float
    brightest: float
    least_contrast: float  # standard deviation
    frames: int  # of the training, which it was measured on

    @classmethod
    def of(cls, frames: NDArray[np.uint8]) -> Self:
        """What training frames (frames, height, width, 3), uint8, have, and `MARGIN` beyond.

        Raises `UserError` where there is no frame.
        """
        if not len(frames):
            raise UserError(
                "line.light.check needs training frames, and there are none. Label some frames, or set "
                "line.light.check: false."
            )
        bright, contrast = brightness_and_contrast(frames)
        return cls(
            round(float(bright.min()) * (1 - MARGIN), 2),
            round(float(bright.max()) * (1 + MARGIN), 2),
            round(float(contrast.min()) * (1 - MARGIN), 2),
            len(frames),
        )

    def refuses(self, frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which of the frames (frames, height, width, 3) the camera would not judge."""
        bright, contrast = brightness_and_contrast(frames)
        odd: NDArray[np.bool_] = (bright < self.darkest) | (bright > self.brightest) | (contrast < self.least_contrast)
        return odd

    def as_dict(self) -> dict[str, Any]:
        """The figures, and the margin that is in them, as JSON values."""
        return asdict(self) | {"margin": MARGIN}
