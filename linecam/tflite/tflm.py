"""Run a TFLite file in TensorFlow Lite Micro, the runtime of the camera."""

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tflite_micro.python.tflite_micro.runtime import Interpreter

from linecam.errors import UserError
from linecam.progress import progress

CHUNK = 16
ARENA = 32 * 2**20  # more than any board's heap: linecam.boards says, with the numbers, what is too much for one

_interpreter: Interpreter | None = None


class TflmError(Exception):
    """TFLM doesn't load a model; the message is TFLM's."""


def predict(model: Path, pixels: NDArray[np.uint8], workers: int, what: str) -> NDArray[np.float32]:
    """Outputs, (N, classes) dequantized float32, of an int8 model for pixels (N, H, W, 3), uint8.

    The input tensor gets `pixel ^ 0x80`, as on the camera, whatever scale and zero point the model asks for. Raises
    `UserError` where TFLM doesn't load the model, or doesn't survive it.
    """
    chunks = [pixels[start : start + CHUNK] for start in range(0, len(pixels), CHUNK)]
    with ProcessPoolExecutor(workers, initializer=load, initargs=(model.read_bytes(),)) as pool, survived(model):
        results: Iterator[NDArray[np.float32]] = pool.map(run, chunks)
        return np.concatenate(list(progress(results, what, f"x {CHUNK} frames", len(chunks))))


@contextmanager
def survived(model: Path) -> Iterator[None]:
    """Raise `UserError` in place of the error of a pool, one of whose processes ended while it ran the model."""
    try:
        yield
    except BrokenProcessPool:
        raise UserError(
            f"TFLM does not run {model}: its process crashed, which happens with a damaged file. `linecam check "
            f"{model}` "
            "may say more. If linecam made the file, delete it, and run the same command again."
        ) from None


def load(model: bytes) -> None:
    """Load the model that `run` is to run in this process, such as one of a pool. TFLM ends the process on some."""
    global _interpreter  # noqa: PLW0603 (one a worker process)
    _interpreter = Interpreter.from_bytes(model, arena_size=ARENA)


def run(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """`predict` with the model that this process has loaded."""
    assert _interpreter is not None  # `load` comes first
    details = _interpreter.get_output_details(0)
    scale, zero = details["quantization_parameters"]["scales"][0], details["quantization_parameters"]["zero_points"][0]
    rows = []
    for frame in pixels:
        _interpreter.set_input((frame ^ 0x80).view(np.int8)[None], 0)
        _interpreter.invoke()
        rows.append((_interpreter.get_output(0)[0].astype(np.float32) - zero) * scale)
    return np.array(rows, dtype=np.float32)


def arena_bytes(model: Path) -> int:
    """Bytes of tensor arena that TFLM uses for the model on this machine, which runs it once, on an image of zeros.

    On the emulated board seven networks took 0.8 to 1.5 kB less (tests/boards/test_cost.py): this is a safe figure,
    but for operators that ask for more there (`linecam.boards.memory_rules.on_board`).

    Raises `TflmError` where TFLM doesn't load the model, or fails at the first image.
    """
    # TFLM prints its allocations to the C library's stderr, which only a process of its own can catch.
    run = subprocess.run([sys.executable, "-c", ONCE, str(model)], capture_output=True, text=True, check=False)
    printed = run.stderr + run.stdout
    found = re.search(r"Arena allocation total (\d+) bytes", printed)
    if run.returncode == 0 and found is not None:
        return int(found[1])
    # TFLM's reason comes before Python's traceback, the list of allocations before or after it.
    said = [line.strip() for line in printed.split("Traceback")[0].splitlines()]
    reason = [line for line in said if line and not line.startswith("[RecordingMicroAllocator]")]
    text = " ".join(reason[:2]) or f"its process ended with status {run.returncode}"
    raise TflmError(text if found is None else f"it loads the file, and fails at the first image: {text}")


ONCE = f"""
import sys
import numpy as np
from tflite_micro.python.tflite_micro.runtime import Interpreter

interpreter = Interpreter.from_file(sys.argv[1], arena_size={ARENA})
interpreter.print_allocations()
sys.stderr.flush()
image = interpreter.get_input_details(0)
interpreter.set_input(np.zeros(image["shape"], image["dtype"]), 0)
interpreter.invoke()
"""
