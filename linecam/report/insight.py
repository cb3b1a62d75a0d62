"""What the report shows of the network's inside: where it looks, how frames lie to it, where int8 loses."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from linecam.evaluation.predictions import read_predictions
from linecam.frames.index import read_pixels
from linecam.report.frame_map import FrameMap, Judged
from linecam.report.heat import read_heat_maps
from linecam.report.layers import Layers


@dataclass(frozen=True)
class Insight:
    """The files of these sections."""

    mistakes: Path  # of the float model, scripts/explain.py
    heat: Path
    judged: Path
    places: Path  # scripts/project_frames.py
    layers: Path  # scripts/compare_layers.py


def insights(
    files: Insight,
    *,
    split: Path,
    pixels: Path,
    predictions: Path,
    held_out: Path,
    classes: list[str],
    dataset: str,
) -> dict[str, Any]:
    """What the sections show, by the names that their templates have for it.

    `pixels` are those of the chosen network's input size. `predictions` are the int8 model's, and `held_out` those of
    the folds' models on training frames.
    """
    images = read_pixels(pixels)
    heat_maps, in_all = read_heat_maps(files.mistakes, files.heat, images)
    return {
        "heat_maps": heat_maps,
        "heat_in_all": in_all,
        "frame_map": FrameMap.of(
            files.places, split, judged_by(files.judged, predictions, held_out), images, classes, dataset
        ),
        "layers": Layers.read(files.layers),
    }


def judged_by(judged: Path, predictions: Path, held_out: Path) -> Mapping[str, Judged]:
    """By sha256 what was said of each frame by a model that was not trained on it: of the test by the int8 model."""
    table = pd.read_csv(judged, dtype={"sha256": str, "predicted": str}, keep_default_na=False)
    found = {row.sha256: Judged(row.predicted, row.p) for row in table.itertuples()}
    of_test = read_predictions(predictions)
    for part in (read_predictions(held_out), of_test[of_test["part"] == "test"]):
        for row in part.to_dict("records"):
            found[row["sha256"]] = Judged(row["predicted"], float(row[f"p_{row['predicted']}"]))
    return found
