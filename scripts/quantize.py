"""Quantize the SavedModel to an int8 TFLite file, calibrated or with one fixed range for all activations."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linecam.files import atomic_write
from linecam.frames.index import read_pixels, read_split
from linecam.workflow.job import job


def quantize(
    savedmodel: Path, pixels_path: Path, split: Path, tflite: Path, *, span: tuple[float, float] | None, frames: int
) -> None:
    """Write the int8 model: uint8 pixels `^ 0x80` in (scale 1/255, zero point -128), int8 probabilities out.

    `span` None calibrates every activation on at most `frames` training frames, with one scale a channel for the
    weights; otherwise every activation gets the fixed range (low, high), "default ranges" in TensorFlow's words. The
    camera's firmware computes fully connected layers with one scale a tensor alone, so they get that in both.
    """
    if span is None:
        table = read_split(split)
        rows = np.sort(table.loc[table["part"] == "train", "row"].to_numpy())
        pixels = read_pixels(pixels_path)[rows[np.linspace(0, len(rows) - 1, min(frames, len(rows))).astype(int)]]
        model = calibrated(savedmodel, pixels)
    else:
        model = fixed(savedmodel, span)
    with atomic_write(tflite) as temporary:
        temporary.write_bytes(model)
    logging.info("%s: %d bytes", tflite, len(model))


def calibrated(savedmodel: Path, pixels: NDArray[np.uint8]) -> bytes:
    """Post-training quantization calibrated on pixels (N, H, W, 3), uint8."""
    # TensorFlow talks while it loads: in the job that goes into its log.
    from linecam.tflite.converter import OpsSet, Optimize, TFLiteConverterV2, int8  # noqa: PLC0415 (as said)

    pixels = pixels.copy()
    # The firmware feeds pixel ^ 0x80 whatever the model says, which is right for a scale of exactly 1/255: the
    # calibration has to see both ends of [0, 1]. Two corner pixels of one frame show them.
    pixels[0, 0, 0], pixels[0, -1, -1] = 0, 255

    def representative() -> Iterator[list[NDArray[np.float32]]]:
        for frame in pixels:
            yield [frame[None].astype(np.float32) / 255]

    converter = TFLiteConverterV2.from_saved_model(str(savedmodel))
    converter.optimizations = [Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = int8
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return bytes(converter.convert())


def fixed(savedmodel: Path, span: tuple[float, float]) -> bytes:
    """Quantization without data: every activation in `span`, (low, high)."""
    from linecam.tflite.converter import TFLiteConverter, int8  # noqa: PLC0415 (as in `calibrated`)

    converter = TFLiteConverter.from_saved_model(str(savedmodel))
    converter.inference_type = int8
    converter.quantized_input_stats = {name: (-128.0, 255.0) for name in converter.get_input_arrays()}
    converter.default_ranges_stats = span
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return bytes(converter.convert())


if __name__ == "__main__":
    for talkative in ("tensorflow", "absl"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    with job(snakemake):
        quantize(
            Path(snakemake.input.savedmodel),
            Path(snakemake.input.pixels),
            Path(snakemake.input.split),
            Path(snakemake.output.tflite),
            span=snakemake.params.span,
            frames=snakemake.params.frames,
        )
