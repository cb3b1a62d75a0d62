"""Predict with the float model in PyTorch. ONNX and the quantized models are compared with it."""

from pathlib import Path

from linecam.evaluation.predictions import rows_of, write_predictions
from linecam.frames.index import read_pixels
from linecam.networks.models import Classifier, load_weights, probabilities
from linecam.networks.torch_setup import prepare_torch
from linecam.workflow.job import job


def predict_float(
    model_path: Path,
    pixels_path: Path,
    split: Path,
    predictions: Path,
    *,
    network: str,
    classes: list[str],
    threads: int,
) -> None:
    """Write the float model's probabilities for every frame of the split."""
    device = prepare_torch(threads)
    model = Classifier(network, len(classes)).to(device)
    load_weights(model_path, model)
    model.eval()
    found = probabilities(model, read_pixels(pixels_path), rows_of(split), device)
    write_predictions(predictions, split, found, classes)


if __name__ == "__main__":
    with job(snakemake):
        predict_float(
            Path(snakemake.input.model),
            Path(snakemake.input.pixels),
            Path(snakemake.input.split),
            Path(snakemake.output.predictions),
            network=snakemake.wildcards.network,
            classes=snakemake.params.classes,
            threads=snakemake.threads,
        )
