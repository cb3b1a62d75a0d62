"""Compare the chosen int8 model with float32, operator by operator: where the quantization error arises."""

import logging
from pathlib import Path

import numpy as np

from linecam.evaluation.candidates import Candidate, Choice
from linecam.files import write_json
from linecam.frames.index import read_pixels, read_split
from linecam.networks.model_name import ModelName
from linecam.tflite.layer_error import DifferentOperatorsError, layer_errors
from linecam.workflow.job import job

# So many frames give the ratios to a fraction of a decibel, in a second or two.
FRAMES = 32


def compare_layers(
    choice_path: Path,
    candidates: list[Candidate],
    savedmodels: dict[ModelName, Path],
    pixels: dict[int, Path],
    split: Path,
    errors: Path,
) -> None:
    """Write the chosen model's `layers`, as `LayerError` has them, on so many `frames`, and of which `part` these are.

    They are unlabelled ones, since a calibrated range holds all that the training frames show. Without unlabelled
    frames they are training frames. Where the operators of int8 and float32 do not belong together, `layers` is empty
    and `why` says so.
    """
    # Within the job, so that what TensorFlow says while it is imported goes into the log.
    from linecam.tflite.converter import TFLiteConverterV2  # noqa: PLC0415 (as said)

    choice = Choice.read(choice_path)
    table = read_split(split)
    part = "unlabelled" if (table["part"] == "unlabelled").any() else "train"
    rows = np.sort(table.loc[table["part"] == part, "row"].to_numpy())
    rows = rows[np.linspace(0, len(rows) - 1, min(FRAMES, len(rows))).astype(int)]
    frames = read_pixels(pixels[choice.model.input_size])[rows]
    float32 = bytes(TFLiteConverterV2.from_saved_model(str(savedmodels[choice.model])).convert())
    found = {"model": str(choice.model), "range": choice.range, "part": part, "frames": len(rows), "why": None}
    try:
        layers = layer_errors(choice.among(candidates).tflite, float32, frames)
    except DifferentOperatorsError as error:
        # The model is none the worse for it: the report says that this is not known.
        logging.warning("%s", error)
        write_json(errors, found | {"layers": [], "why": str(error)})
        return
    write_json(errors, found | {"layers": [layer.as_dict() for layer in layers]})


if __name__ == "__main__":
    for talkative in ("tensorflow", "absl"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    with job(snakemake):
        models = [ModelName.parse(name) for name in snakemake.params.models]
        compare_layers(
            Path(snakemake.input.choice),
            [Candidate.from_param(candidate) for candidate in snakemake.params.candidates],
            dict(zip(models, map(Path, snakemake.input.savedmodels), strict=True)),
            dict(zip(map(int, snakemake.params.sizes), map(Path, snakemake.input.pixels), strict=True)),
            Path(snakemake.input.split),
            Path(snakemake.output.errors),
        )
