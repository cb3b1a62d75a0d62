"""A split and predictions on file, made up for tests."""

from pathlib import Path

import numpy as np
import pandas as pd

from linecam.evaluation.predictions import write_predictions

CLASSES = ["bad", "good", "no_mask"]


def write_split(place: Path, classes: list[str]) -> Path:
    """Two frames for training, three for the test and one without a label; their rows are in no order."""
    parts = ["train", "train", "test", "test", "test", "unlabelled"]
    labels = [classes[0], classes[1], classes[0], classes[1], classes[1], ""]
    rows = pd.DataFrame(
        {"row": [5, 3, 1, 0, 2, 4], "sha256": [f"{n}" * 64 for n in "abcdef"], "path": list("uvwxyz"), "part": parts,
         "label": labels, "by": "me", "fold": [0, 1, -1, -1, -1, -1], "weight": 1.0}
    )  # fmt: skip
    rows.to_csv(place / "split.csv", index=False)
    return place / "split.csv"


def predicted(split: Path, name: str, numbers: list[int], classes: list[str], parts: set[str] | None = None) -> Path:
    """Predictions with 0.8 for the class of each number, for the frames of `parts` of the split."""
    chance = np.full((len(numbers), len(classes)), 0.2 / (len(classes) - 1), np.float32)
    chance[np.arange(len(numbers)), numbers] = 0.8
    write_predictions(split.parent / name, split, chance, classes, parts)
    return split.parent / name
