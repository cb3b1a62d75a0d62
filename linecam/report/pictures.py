"""Frames as the report shows them."""

import io
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.frames.decode import read_region
from linecam.report.charts import data_uri
from linecam.report.verdict import UNDECIDED

# The large pictures of a page may take this many bytes together. The whole page may have five million.
LARGE_BYTES = 1_500_000
# Of JPEG and WebP: no loss is seen.
QUALITY = 90


@dataclass(frozen=True)
class Mistake:
    """A test frame that was judged wrong; `p` is the probability of the class `predicted`, or the highest there is."""

    sha256: str
    path: str
    label: str
    predicted: str
    p: float


@dataclass(frozen=True)
class Flip:
    """A test frame of which the int8 form says another class than the float form, each with its probability."""

    sha256: str
    path: str
    label: str
    float_says: str
    float_p: float
    int8_says: str
    int8_p: float


def mistakes(predictions: pd.DataFrame) -> list[Mistake]:
    """The test frames whose `predicted`, a class or "" for no decision, is wrong, the most confident mistake first."""
    test = predictions[predictions["part"] == "test"]
    highest = test[[name for name in test if name.startswith("p_")]].max(axis=1)
    found = [
        Mistake(
            row["sha256"],
            row["path"],
            row["label"],
            row["predicted"] or UNDECIDED,
            row[f"p_{row['predicted']}"] if row["predicted"] else p,
        )
        for row, p in zip(test.to_dict("records"), highest, strict=True)
        if row["label"] != row["predicted"]
    ]
    return sorted(found, key=lambda mistake: (-mistake.p, mistake.path))


def flips(of_float: pd.DataFrame, of_int8: pd.DataFrame) -> list[Flip]:
    """The test frames of which two tables of predictions say different classes, those that int8 loses first."""
    test = of_int8[of_int8["part"] == "test"]
    both = test.merge(of_float[of_float["part"] == "test"], on="sha256", suffixes=("", "_float"))
    found = [
        Flip(
            row["sha256"],
            row["path"],
            row["label"],
            row["predicted_float"],
            row[f"p_{row['predicted_float']}_float"],
            row["predicted"],
            row[f"p_{row['predicted']}"],
        )
        for row in both.to_dict("records")
        if row["predicted"] != row["predicted_float"]
    ]
    return sorted(found, key=lambda flip: (flip.float_says != flip.label, flip.path))


class Pictures:
    """The frames of a split as the network sees them."""

    def __init__(self, split: pd.DataFrame, pixels: NDArray[np.uint8]) -> None:
        """`pixels` are those of all usable frames, (frames, size, size, 3)."""
        self._row_of = dict(zip(split["sha256"], split["row"].astype(int), strict=True))
        self._pixels = pixels

    def __call__(self, sha256: str) -> str:
        """A frame as a WebP in a data URI, a fifth of a PNG. The browser scales it up, by repeating pixels."""
        pixels = np.ascontiguousarray(self._pixels[self._row_of[sha256]])
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "WEBP", quality=QUALITY)
        return data_uri(buffer.getvalue(), "image/webp")


def large_pictures(frames: Iterable[Mistake], folder: Path, region: Region) -> dict[str, str]:
    """By sha256 the region of each frame in the sensor's pixels, as a JPEG in a data URI; `folder` has the frames.

    The first ones get one, as long as they fit into `LARGE_BYTES`. A frame that is not there any more gets none.
    """
    found: dict[str, str] = {}
    missing: list[UserError] = []
    room = LARGE_BYTES
    for frame in frames:
        try:
            pixels = read_region(folder / frame.path, region, digest=frame.sha256)
        except UserError as error:
            missing.append(error)
            continue
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=QUALITY, optimize=True)
        uri = data_uri(buffer.getvalue(), "image/jpeg")
        if len(uri) > room:
            break
        room -= len(uri)
        found[frame.sha256] = uri
    if missing:
        logging.warning("%d wrong frames are not shown in the sensor's pixels: %s", len(missing), missing[0])
    return found
