"""Convert the ONNX model to a TensorFlow SavedModel, once for all quantization ranges."""

import contextlib
import logging
import os
import sys
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np
import onnx

from linecam.files import atomic_write
from linecam.workflow.job import job


def convert_savedmodel(onnx_path: Path, folder: Path) -> None:
    """Write the SavedModel, (1, H, W, 3) float32 in [0, 1] to (1, classes), into `folder`."""
    from onnx2tf import onnx2tf  # noqa: PLC0415 (TensorFlow talks while it loads: in the job that goes into its log)

    shape = [axis.dim_value for axis in onnx.load(str(onnx_path)).graph.input[0].type.tensor_type.shape.dim]
    # onnx2tf downloads photographs to try a 3-channel model on, whether it needs them or not: give it noise instead.
    sample = np.random.default_rng(0).random((20, shape[2], shape[3], 3), dtype=np.float32)
    onnx2tf.download_test_image_data = lambda: sample
    with atomic_write(folder) as temporary, TemporaryDirectory() as scratch:
        # onnx2tf writes its simplified graph over the file that it is given.
        copy = copyfile(onnx_path, Path(scratch) / "model.onnx")
        with contextlib.redirect_stdout(sys.stderr):
            onnx2tf.convert(
                input_onnx_file_path=str(copy),
                output_folder_path=str(temporary),
                copy_onnx_input_output_names_to_tflite=True,
                non_verbose=True,
            )
        # The fingerprint is a random number; without it equal models give equal folders, and nothing reads it.
        for by_product in (*temporary.glob("*.tflite"), *temporary.glob("fingerprint.pb")):
            by_product.unlink()
    logging.info("SavedModel in %s", folder)


if __name__ == "__main__":
    for talkative in ("tensorflow", "absl"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    with job(snakemake):
        convert_savedmodel(Path(snakemake.input.onnx), Path(snakemake.output.savedmodel))
