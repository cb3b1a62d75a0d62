"""Say where the float model looks in the test frames that it judges wrong, and what it says of the map's frames."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from linecam.evaluation.candidates import Choice
from linecam.evaluation.predictions import read_predictions
from linecam.files import atomic_write
from linecam.frames.index import read_pixels, read_split
from linecam.networks.heat_maps import heat_maps
from linecam.networks.model_name import ModelName
from linecam.networks.models import Classifier, load_weights, probabilities
from linecam.networks.torch_setup import prepare_torch
from linecam.workflow.job import job

# So many mistakes have a heat map, the most confident ones: nobody looks at more, and each takes bytes of the report.
MOST = 24


@dataclass(frozen=True)
class Sources:
    """The files that the step reads."""

    choice: Path
    weights: dict[ModelName, Path]
    predictions: dict[ModelName, Path]  # of the float model
    pixels: dict[int, Path]  # by input size
    split: Path
    places: Path  # the frames of the map


def explain(sources: Sources, wrong: Path, heat: Path, judged: Path, *, classes: list[str], threads: int) -> None:
    """Write what the model looks at where it is wrong, and what it says of frames that nobody has labelled.

    `wrong` lists the mistakes on test frames, (row, sha256, path, label, predicted, p), the most confident one first.
    `heat`, a .npy of (N, h, w) float32, has the maps of the first `MOST` of them, as `heat_maps` gives them: positive
    where the frame speaks for what the model says, negative where it speaks for the label. `judged` has (sha256,
    predicted, p) of each frame of the map that is neither for training nor for the test.
    """
    name = Choice.read(sources.choice).model
    device = prepare_torch(threads)
    model = Classifier(name.network, len(classes))
    load_weights(sources.weights[name], model)
    model.eval().to(device)
    pixels = read_pixels(sources.pixels[name.input_size])
    split = read_split(sources.split)

    found = mistakes(read_predictions(sources.predictions[name]))
    found.insert(0, "row", [dict(zip(split["sha256"], split["row"], strict=True))[one] for one in found["sha256"]])
    shown = found[:MOST]
    says, label = (np.array([classes.index(one) for one in shown[key]], np.intp) for key in ("predicted", "label"))
    with atomic_write(heat) as temporary:
        np.save(temporary, heat_maps(model, pixels[shown["row"].to_numpy(dtype=np.intp)], says, label, device))
    with atomic_write(wrong) as temporary:
        found.to_csv(temporary, index=False)
    logging.info("heat maps of %d of %d mistakes", len(shown), len(found))

    places = pd.read_csv(sources.places, dtype={"sha256": str, "path": str}, keep_default_na=False)
    seen = split.loc[split["part"].isin(["train", "test"]), "sha256"]
    others = places[~places["sha256"].isin(seen)]
    rows = others["row"].to_numpy(dtype=np.intp)
    p = probabilities(model, pixels, rows, device) if len(rows) else np.zeros((0, len(classes)), np.float32)
    table = others[["sha256"]].assign(
        predicted=[classes[number] for number in p.argmax(axis=1)], p=[f"{value:.4f}" for value in p.max(axis=1)]
    )
    with atomic_write(judged) as temporary:
        table.to_csv(temporary, index=False)


def mistakes(predictions: pd.DataFrame) -> pd.DataFrame:
    """The test frames that are judged wrong, (sha256, path, label, predicted, p), the most confident mistake first."""
    wrong = predictions[(predictions["part"] == "test") & (predictions["label"] != predictions["predicted"])]
    p = pd.Series([row[f"p_{row['predicted']}"] for row in wrong.to_dict("records")], wrong.index, dtype=float)
    table = wrong[["sha256", "path", "label", "predicted"]].assign(p=p)
    return table.sort_values(["p", "path"], ascending=[False, True], ignore_index=True)


if __name__ == "__main__":
    with job(snakemake):
        models = [ModelName.parse(name) for name in snakemake.params.models]
        given = snakemake.input
        explain(
            Sources(
                choice=Path(given.choice),
                weights=dict(zip(models, map(Path, given.weights), strict=True)),
                predictions=dict(zip(models, map(Path, given.predictions), strict=True)),
                pixels=dict(zip(map(int, snakemake.params.sizes), map(Path, given.pixels), strict=True)),
                split=Path(given.split),
                places=Path(given.places),
            ),
            Path(snakemake.output.mistakes),
            Path(snakemake.output.heat),
            Path(snakemake.output.judged),
            classes=snakemake.params.classes,
            threads=snakemake.threads,
        )
