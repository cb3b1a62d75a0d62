"""Predict with the chosen model in TensorFlow Lite Micro on test frames that were resized cleanly."""

from pathlib import Path
from typing import Any

from linecam.errors import reported
from linecam.evaluation.predictions import chosen_file, write_predictions
from linecam.files import read_json
from linecam.frames.index import read_pixels
from linecam.tflite.tflm import predict


def predict_clean(
    choice_path: Path,
    candidates: list[dict[str, Any]],
    pixels: dict[str, Path],
    frames: dict[str, Path],
    predictions: Path,
    *,
    classes: list[str],
    workers: int,
) -> None:
    """Write the chosen int8 model's probabilities for every clean test frame.

    Each of `candidates` has `model`, `range` and the path `tflite`. For each input size (as text) `pixels` names the
    array of clean test frames, `frames` the table of them.
    """
    tflite, size = chosen_file(read_json(choice_path), candidates)
    probabilities = predict(tflite, read_pixels(pixels[size]), workers, "TFLM, clean frames")
    write_predictions(predictions, frames[size], probabilities, classes)


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        predict_clean(
            Path(snakemake.input.choice),
            snakemake.params.candidates,
            dict(zip(snakemake.params.sizes, map(Path, snakemake.input.pixels), strict=True)),
            dict(zip(snakemake.params.sizes, map(Path, snakemake.input.frames), strict=True)),
            Path(snakemake.output.predictions),
            classes=snakemake.params.classes,
            workers=snakemake.threads,
        )
