"""Pretrain a backbone on rendered frames of a belt with medical masks, whose labels cost nobody anything.

For a line that looks like it: what a tear is can be learned from drawings, how it looks through the line's own camera
from few real labels (as Tremblay et al., CVPR Workshops 2018, do for detection).
"""

from pathlib import Path

import numpy as np
import pandas as pd

from linecam.camera.region import Region
from linecam.files import write_history
from linecam.frames.decode import read_region
from linecam.networks.models import save_weights
from linecam.networks.torch_setup import prepare_torch
from linecam.progress import progress
from linecam.training.finetune import Recipe, start, train
from linecam.workflow.job import job

# Twice the batch of finetuning: here labels are not what there is too little of, but time.
BATCH = 32


def pretrain_on_rendered(
    folder: Path,
    truth: Path,
    backbone: Path,
    weights: Path,
    history: Path,
    *,
    network: str,
    region: Region,
    epochs: int,
    seed: int,
    gpus: int = 0,
) -> None:
    """Write the backbone of a classifier that all frames of `folder` made, and the mean loss of each epoch.

    `truth` has (frame, label), as `render_belt` writes it; training starts with `backbone`, and is that of
    `linecam.training`, from the sensor's pixels of the region of each frame.
    """
    device = prepare_torch(1, gpus)
    table = pd.read_csv(truth, dtype=str)
    classes = sorted(set(table["label"]))
    targets = np.array([classes.index(label) for label in table["label"]], dtype=np.intp)
    width, height = region.size
    frames = np.empty((len(table), height, width, 3), np.uint8)
    for number, name in enumerate(progress(table["frame"], "decode rendered", "frames")):
        frames[number] = read_region(folder / name, region)
    model = start(network, len(classes), backbone, seed)
    recipe = Recipe(epochs, BATCH, learning_rate=0.005, weight_decay=0.05, label_smoothing=0.05, seed=seed)
    model, losses = train(model, frames, targets, recipe, network=network, device=device, what=f"pretrain {network}")
    save_weights(weights, model.backbone, {"network": network, "method": "rendered"})
    write_history(history, losses)


if __name__ == "__main__":
    with job(snakemake):
        pretrain_on_rendered(
            Path(snakemake.input.frames),
            Path(snakemake.input.truth),
            Path(snakemake.input.backbone),
            Path(snakemake.output.weights),
            Path(snakemake.output.history),
            network=snakemake.wildcards.network,
            region=Region.of(snakemake.params.region),
            epochs=snakemake.params.epochs,
            seed=snakemake.params.seed,
            gpus=snakemake.resources.get("gpu", 0),
        )
