"""The files of the sections on the network's inside, for tests of the page."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from linecam.report.insight import Insight

LAYERS = [
    {"number": 0, "operator": "CONV_2D", "output": [1, 8, 8, 4], "gathered_db": 34.0, "alone_db": 34.0, "clipped": 0.0},
    {"number": 1, "operator": "MAX_POOL_2D", "output": [1, 4], "gathered_db": 30.0, "alone_db": None, "clipped": 0.0},
    {
        "number": 2,
        "operator": "FULLY_CONNECTED",
        "output": [1, 3],
        "gathered_db": 26.0,
        "alone_db": 20.0,
        "clipped": 0.125,
    },
    {"number": 3, "operator": "SOFTMAX", "output": [1, 3], "gathered_db": 50.0, "alone_db": 51.0, "clipped": 0.0},
]


def layers(**values: Any) -> dict[str, Any]:
    """What scripts/compare_layers.py writes."""
    about = {"model": "m", "range": "calibrated", "part": "unlabelled", "frames": 32, "why": None}
    return about | {"layers": LAYERS} | values


def insight_files(folder: Path, frames: pd.DataFrame) -> Insight:
    """The files for `frames` (row, sha256, path, part, label, predicted, p), all of which have a place on the map."""
    folder.mkdir(parents=True, exist_ok=True)
    wrong = frames[(frames["part"] == "test") & (frames["label"] != frames["predicted"])]
    wrong = wrong.sort_values("p", ascending=False)
    wrong[["row", "sha256", "path", "label", "predicted", "p"]].to_csv(folder / "mistakes.csv", index=False)
    maps = np.zeros((len(wrong), 3, 3), np.float32)
    maps[:, 0, 2], maps[:, 2, 1] = 2, -1
    np.save(folder / "mistakes.npy", maps)
    others = frames[frames["part"] == "unlabelled"]
    others[["sha256", "predicted", "p"]].to_csv(folder / "map.csv", index=False)
    places = frames[["row", "sha256", "path"]].assign(x=np.linspace(0, 1, len(frames)), y=0.5, frames=len(frames))
    places.to_csv(folder / "places.csv", index=False)
    (folder / "layers.json").write_text(json.dumps(layers()), encoding="utf-8")
    names = ("mistakes.csv", "mistakes.npy", "map.csv", "places.csv", "layers.json")
    return Insight(*(folder / name for name in names))
