"""Predict with the ONNX model in onnxruntime."""

from pathlib import Path

import numpy as np
import onnxruntime

from linecam.evaluation.predictions import rows_of, write_predictions
from linecam.frames.index import read_pixels
from linecam.progress import progress
from linecam.workflow.job import job


def predict_onnx(
    onnx: Path, pixels_path: Path, split: Path, predictions: Path, *, classes: list[str], threads: int
) -> None:
    """Write the ONNX model's probabilities for every frame of the split."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(onnx.read_bytes(), options, providers=["CPUExecutionProvider"])
    pixels = read_pixels(pixels_path)
    parts = []
    for row in progress(rows_of(split), "onnxruntime", "frames"):
        image = pixels[row].transpose(2, 0, 1)[None].astype(np.float32) / 255
        parts.append(session.run(None, {"image": image})[0])
    write_predictions(predictions, split, np.concatenate(parts), classes)


if __name__ == "__main__":
    with job(snakemake):
        predict_onnx(
            Path(snakemake.input.onnx),
            Path(snakemake.input.pixels),
            Path(snakemake.input.split),
            Path(snakemake.output.predictions),
            classes=snakemake.params.classes,
            threads=snakemake.threads,
        )
