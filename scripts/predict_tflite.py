"""Predict with the quantized model in TensorFlow Lite Micro, the camera's runtime."""

from pathlib import Path

from linecam.evaluation.figures import FileCost
from linecam.evaluation.predictions import judged_on, rows_of, write_predictions
from linecam.files import write_json
from linecam.frames.index import read_pixels
from linecam.tflite.graph import read_graph
from linecam.tflite.tflm import arena_bytes, predict
from linecam.workflow.job import job


def predict_tflite(
    tflite: Path, pixels_path: Path, split: Path, predictions: Path, cost: Path, *, classes: list[str], workers: int
) -> None:
    """Write the int8 model's probabilities for the frames it is judged on, and its cost: bytes, arena in bytes, MACs.

    TFLM takes milliseconds a frame on a PC: it is most of what a range of a sweep costs.
    """
    parts = judged_on(split)
    pixels = read_pixels(pixels_path)[rows_of(split, parts)]
    write_predictions(predictions, split, predict(tflite, pixels, workers, "TFLM"), classes, parts)
    graph = read_graph(tflite)
    found: FileCost = {
        "bytes": graph.size,
        "arena_bytes": arena_bytes(tflite),
        "macs": graph.macs,
        "operators": [operator.name for operator in graph.operators],
    }
    write_json(cost, found)


if __name__ == "__main__":
    with job(snakemake):
        predict_tflite(
            Path(snakemake.input.tflite),
            Path(snakemake.input.pixels),
            Path(snakemake.input.split),
            Path(snakemake.output.predictions),
            Path(snakemake.output.cost),
            classes=snakemake.params.classes,
            workers=snakemake.threads,
        )
