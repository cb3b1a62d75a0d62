"""Predict with the chosen model in TensorFlow Lite Micro on test frames that were resized cleanly."""

from pathlib import Path

from linecam.evaluation.candidates import Candidate, Choice
from linecam.evaluation.predictions import write_predictions
from linecam.frames.index import read_pixels
from linecam.tflite.tflm import predict
from linecam.workflow.job import job


def predict_clean(
    choice_path: Path,
    candidates: list[Candidate],
    pixels: dict[int, Path],
    frames: dict[int, Path],
    predictions: Path,
    *,
    classes: list[str],
    workers: int,
) -> None:
    """Write the chosen int8 model's probabilities for every clean test frame.

    For each input size `pixels` names the array of clean test frames, and `frames` the table of them.
    """
    chosen = Choice.read(choice_path).among(candidates)
    probabilities = predict(chosen.tflite, read_pixels(pixels[chosen.model.input_size]), workers, "TFLM, clean frames")
    write_predictions(predictions, frames[chosen.model.input_size], probabilities, classes)


if __name__ == "__main__":
    with job(snakemake):
        predict_clean(
            Path(snakemake.input.choice),
            [Candidate.from_param(candidate) for candidate in snakemake.params.candidates],
            dict(zip(snakemake.params.sizes, map(Path, snakemake.input.pixels), strict=True)),
            dict(zip(snakemake.params.sizes, map(Path, snakemake.input.frames), strict=True)),
            Path(snakemake.output.predictions),
            classes=snakemake.params.classes,
            workers=snakemake.threads,
        )
