"""Frames as the report shows them."""

import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from linecam.report.charts import data_uri


@dataclass(frozen=True)
class Mistake:
    """A test frame that was judged wrong; `p` is the probability of the class `predicted`."""

    sha256: str
    path: str
    label: str
    predicted: str
    p: float


def mistakes(predictions: pd.DataFrame) -> list[Mistake]:
    """The test frames that were judged wrong, the most confident mistake first."""
    test = predictions[predictions["part"] == "test"].to_dict("records")
    found = [
        Mistake(row["sha256"], row["path"], row["label"], row["predicted"], row[f"p_{row['predicted']}"])
        for row in test
        if row["label"] != row["predicted"]
    ]
    return sorted(found, key=lambda mistake: (-mistake.p, mistake.path))


class Pictures:
    """The frames of a split as the network sees them."""

    def __init__(self, split: pd.DataFrame, pixels: NDArray[np.uint8]) -> None:
        """`pixels` are those of all usable frames, (frames, size, size, 3)."""
        self._row_of = dict(zip(split["sha256"], split["row"].astype(int), strict=True))
        self._pixels = pixels

    def __call__(self, sha256: str) -> str:
        """A frame as a PNG in a data URI. The browser scales it up, by repeating pixels."""
        pixels = np.ascontiguousarray(self._pixels[self._row_of[sha256]])
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
        return data_uri(buffer.getvalue(), "image/png")
