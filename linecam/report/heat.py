"""Where the float model looks in the frames that it judges wrong, as the report shows it."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from linecam.report.charts import data_uri

# One colour speaks for what the model says, one against it. People who are colour-blind can tell the two apart.
FOR, AGAINST = (213, 94, 0), (0, 114, 178)
# How much of the frame the strongest place hides.
DENSEST = 0.75
# The overlay's side in pixels: a browser smooths the rest.
OVERLAY = 48
QUALITY = 85


@dataclass(frozen=True)
class HeatMap:
    """A test frame that the float model judges wrong, and what speaks for that."""

    path: str
    label: str
    predicted: str
    p: float  # of the class `predicted`
    picture: str  # the frame as the network sees it, a data URI
    overlay: str  # a transparent picture to lay over it, a data URI
    strongest: str  # where most speaks for what the model says, in words


def read_heat_maps(wrong: Path, heat: Path, pixels: NDArray[np.uint8]) -> tuple[list[HeatMap], int]:
    """The maps that scripts/explain.py wrote, and how many mistakes there are in all.

    `pixels` are those of all usable frames, (frames, size, size, 3).
    """
    text = dict.fromkeys(("sha256", "path", "label", "predicted"), str)
    table, maps = pd.read_csv(wrong, dtype=text, keep_default_na=False), np.load(heat)
    shown = [
        HeatMap(
            path=row.path,
            label=row.label,
            predicted=row.predicted,
            p=row.p,
            picture=_jpeg(pixels[row.row]),
            overlay=overlay(one),
            strongest=place(one),
        )
        for row, one in zip(table.head(len(maps)).itertuples(), maps, strict=True)
    ]
    return shown, len(table)


def overlay(heat: NDArray[np.float32]) -> str:
    """A map (h, w) as a picture in a data URI: the colour says for or against, the opacity how much, 0 is clear."""
    smooth = np.asarray(Image.fromarray(heat.astype(np.float32)).resize((OVERLAY, OVERLAY), Image.Resampling.BICUBIC))
    strength = np.abs(smooth) / (np.abs(smooth).max() or 1)
    shown = np.zeros((OVERLAY, OVERLAY, 4), np.uint8)
    shown[..., :3] = np.where(smooth[..., None] > 0, FOR, AGAINST)
    # Few steps of colour compress well, and no eye sees the steps.
    shown[..., 3] = np.round(strength * 15) / 15 * DENSEST * 255
    buffer = io.BytesIO()
    Image.fromarray(shown).save(buffer, "PNG", optimize=True)
    return data_uri(buffer.getvalue(), "image/png")


def place(heat: NDArray[np.float32]) -> str:
    """Where the maximum of a map (h, w) is, for who does not see it: a ninth of the frame in words."""
    row, column = np.unravel_index(int(np.argmax(heat)), heat.shape)
    down = ("top", "middle", "bottom")[int(3 * (row + 0.5) / heat.shape[0])]
    across = ("left", "middle", "right")[int(3 * (column + 0.5) / heat.shape[1])]
    return "middle" if down == across else f"{down} {across}"


def _jpeg(pixels: NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return data_uri(buffer.getvalue(), "image/jpeg")
