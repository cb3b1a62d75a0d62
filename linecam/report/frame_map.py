"""The map of all frames in the report: similar frames lie together, and a lasso lists those that it takes."""

import base64
import functools
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from linecam.frames.index import read_split
from linecam.report.charts import data_uri
from linecam.report.packed import DRAWING, bokeh_scripts, packed, policy_hash

SCRIPTS = (DRAWING, Path(__file__).with_name("static") / "frame_map.js")
# Sides of a thumbnail, in pixels: smaller ones where there are more frames than that.
LARGE, SMALL = 32, 24
FEW = 2500
# What all thumbnails together may take in the page, in bytes, and the qualities that are tried for it.
SHEET_BYTES = 900_000
QUALITIES = (70, 50, 30, 15, 5)
PARTS = ["train", "test", ""]
QUARTERS = 4


@dataclass(frozen=True)
class Judged:
    """What a model said of a frame, and with which probability."""

    predicted: str
    p: float


@dataclass(frozen=True)
class FrameMap:
    """What the page holds of the map."""

    places: int  # frames that have a place on it
    frames: int  # usable frames
    data: str  # a JSON object of columns, packed
    sheet: str  # all thumbnails as one JPEG in a data URI, row by row
    libraries: list[str]  # packed
    script: str

    @classmethod
    def of(
        cls,
        places: Path,
        split: Path,
        judged: Mapping[str, Judged],
        pixels: NDArray[np.uint8],
        classes: Sequence[str],
        dataset: str,
    ) -> "FrameMap":
        """The map of the frames in `places` (scripts/project_frames.py).

        `judged` has by sha256 what was said of a frame by a model that was not trained on it. `pixels` are those of all
        usable frames, (frames, size, size, 3).
        """
        table = pd.read_csv(places, dtype={"sha256": str, "path": str}, keep_default_na=False)
        known = {row.sha256: row for row in read_split(split).itertuples() if row.part in PARTS}
        picked = quarters([digest for digest, row in known.items() if row.part == "train"])
        numbers = {name: number for number, name in enumerate(classes)}
        columns: dict[str, list[object]] = {
            name: [] for name in ("x", "y", "part", "label", "said", "p", "picked", "path")
        }
        for row in table.itertuples():
            mine = known.get(row.sha256)
            said = judged.get(row.sha256)
            columns["x"].append(row.x)
            columns["y"].append(row.y)
            columns["part"].append(PARTS.index(mine.part) if mine else PARTS.index(""))
            columns["label"].append(numbers[mine.label] if mine else -1)
            columns["said"].append(numbers[said.predicted] if said and said.predicted in numbers else -1)
            columns["p"].append(round(said.p, 3) if said else None)
            columns["picked"].append(picked.get(row.sha256, -1))
            columns["path"].append(row.path)
        side = LARGE if len(table) <= FEW else SMALL
        across = max(1, math.isqrt(max(len(table) - 1, 0)) + 1)
        about = {"classes": list(classes), "dataset": dataset, "side": side, "across": across}
        return cls(
            places=len(table),
            frames=int(table["frames"].iloc[0]) if len(table) else 0,
            data=packed(json.dumps(about | columns, separators=(",", ":"), ensure_ascii=False)),
            sheet=sheet(pixels, table["row"].to_numpy(dtype=np.intp), side, across),
            libraries=list(_libraries()),
            script="".join(path.read_text(encoding="utf-8") for path in SCRIPTS),
        )

    @cached_property
    def policy(self) -> str:
        """The scripts that may run, for the page's policy."""
        return " ".join(map(policy_hash, [self.script, *bokeh_scripts()]))


@functools.cache
def _libraries() -> tuple[str, ...]:
    return tuple(map(packed, bokeh_scripts()))


def quarters(picks: Sequence[str]) -> dict[str, int]:
    """In which quarter of the order of picking each frame was picked, from 0."""
    return {digest: QUARTERS * number // len(picks) for number, digest in enumerate(picks)}


def sheet(pixels: NDArray[np.uint8], rows: NDArray[np.intp], side: int, across: int) -> str:
    """Thumbnails of `rows` of the pixels, `side` x `side`, `across` of them in a row, as one JPEG in a data URI.

    Of the best quality with which it takes at most `SHEET_BYTES`, or of the worst that is tried.
    """
    picture = Image.new("RGB", (across * side, max(1, -(-len(rows) // across)) * side))
    for number, row in enumerate(rows):
        down, right = divmod(number, across)
        thumbnail = Image.fromarray(np.ascontiguousarray(pixels[row])).resize((side, side), Image.Resampling.BOX)
        picture.paste(thumbnail, (right * side, down * side))
    for quality in QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True)
        if len(base64.b64encode(buffer.getvalue())) <= SHEET_BYTES:
            break
    return data_uri(buffer.getvalue(), "image/jpeg")
