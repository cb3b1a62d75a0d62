"""Embed every frame with the backbone, for selection and for anything that reads Lightly's CSV."""

from pathlib import Path

import numpy as np
import torch
from lightly.utils.io import save_embeddings

from linecam.compute import prepare_torch
from linecam.errors import reported
from linecam.files import whole
from linecam.frames import read_frames, read_pixels
from linecam.networks import backbone, load_weights, to_images
from linecam.networks import embed as forward
from linecam.progress import progress

BATCH = 256


def embed(
    index: Path,
    pixels_path: Path,
    weights: Path,
    array: Path,
    table: Path,
    *,
    network: str,
    classes: list[str],
    threads: int,
) -> None:
    """Write embeddings as `array`, a .npy of (frames, 16) float32, and as `table`, Lightly's embeddings.csv.

    The CSV's `labels` are the class numbers that the folder layout gives, -1 where it gives none.
    """
    device = prepare_torch(threads)
    frames = read_frames(index)
    pixels = read_pixels(pixels_path)
    model = backbone(network).to(device)
    load_weights(weights, model)
    model.eval()
    parts = []
    with torch.inference_mode():
        for start in progress(range(0, len(pixels), BATCH), "embed", f"x {BATCH} frames"):
            parts.append(forward(model, to_images(pixels[start : start + BATCH], device)).cpu().numpy())
    embeddings = np.concatenate(parts)
    with whole(array) as temporary:
        np.save(temporary, embeddings)
    labels = [classes.index(label) if label else -1 for label in frames["label"]]
    with whole(table) as temporary:
        save_embeddings(str(temporary), embeddings, labels, list(frames["path"]))


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        embed(
            Path(snakemake.input.frames),
            Path(snakemake.input.pixels),
            Path(snakemake.input.weights),
            Path(snakemake.output.array),
            Path(snakemake.output.table),
            network=snakemake.wildcards.network,
            classes=snakemake.params.classes,
            threads=snakemake.threads,
        )
