"""Predict with the quantized model in TensorFlow Lite Micro, the camera's runtime."""

from pathlib import Path

from linecam.errors import reported
from linecam.files import write_json
from linecam.frames import read_pixels
from linecam.predictions import rows_of, write_predictions
from linecam.tflite import read_graph
from linecam.tflm import arena_bytes, predict


def predict_tflite(
    tflite: Path, pixels_path: Path, split: Path, predictions: Path, cost: Path, *, classes: list[str], workers: int
) -> None:
    """Write the int8 model's probabilities for every frame of the split, and its cost: bytes, arena in bytes, MACs."""
    pixels = read_pixels(pixels_path)[rows_of(split)]
    write_predictions(predictions, split, predict(tflite, pixels, workers, "TFLM"), classes)
    graph = read_graph(tflite)
    write_json(
        cost,
        {
            "bytes": graph.size,
            "arena_bytes": arena_bytes(tflite),
            "macs": graph.macs,
            "operators": [operator.name for operator in graph.operators],
        },
    )


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        predict_tflite(
            Path(snakemake.input.tflite),
            Path(snakemake.input.pixels),
            Path(snakemake.input.split),
            Path(snakemake.output.predictions),
            Path(snakemake.output.cost),
            classes=snakemake.params.classes,
            workers=snakemake.threads,
        )
