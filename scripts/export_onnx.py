"""Export the network as ONNX, check the file, and run it in onnxruntime against PyTorch."""

import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from linecam.files import atomic_write, write_json
from linecam.frames.index import read_pixels, read_split
from linecam.networks.models import Classifier, load_weights, to_images
from linecam.networks.torch_setup import prepare_torch
from linecam.workflow.job import job

COMPARED = 50  # frames
TOLERANCE = 1e-4  # of a probability; two runtimes sum float32 in different orders


def export_onnx(
    model_path: Path, pixels_path: Path, split: Path, onnx_path: Path, check: Path, *, network: str, classes: list[str]
) -> None:
    """Write the ONNX model, (1, 3, H, W) float32 in [0, 1] to (1, classes) probabilities, and the largest difference.

    Compared on training frames. Raises `RuntimeError` where a probability differs by more than `TOLERANCE`.
    """
    prepare_torch(threads=1)
    classifier = Classifier(network, len(classes))
    load_weights(model_path, classifier)
    model = nn.Sequential(classifier, nn.Softmax(dim=1)).eval()
    table = read_split(split)
    rows = table.loc[table["part"] == "train", "row"].to_numpy()[:COMPARED]
    images = to_images(read_pixels(pixels_path)[rows])

    with atomic_write(onnx_path) as temporary:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            # The newer exporter writes paths of this machine into the file, so no two machines get the same bytes.
            torch.onnx.export(
                model, (images[:1],), temporary, input_names=["image"], output_names=["probabilities"], dynamo=False
            )
        onnx.checker.check_model(str(temporary), full_check=True)
        session = onnxruntime.InferenceSession(temporary.read_bytes(), providers=["CPUExecutionProvider"])
        with torch.inference_mode():
            expected = model(images).numpy()
        got = np.concatenate([session.run(None, {"image": image[None]})[0] for image in images.numpy()])
        difference = float(np.abs(got - expected).max())
        if difference > TOLERANCE:
            raise RuntimeError(f"onnxruntime and PyTorch differ by {difference:.6f} in a probability")
    logging.info("onnxruntime and PyTorch differ by at most %.1e on %d frames", difference, len(rows))
    write_json(check, {"frames": len(rows), "largest_difference": difference})


if __name__ == "__main__":
    with job(snakemake):
        export_onnx(
            Path(snakemake.input.model),
            Path(snakemake.input.pixels),
            Path(snakemake.input.split),
            Path(snakemake.output.onnx),
            Path(snakemake.output.check),
            network=snakemake.wildcards.network,
            classes=snakemake.params.classes,
        )
