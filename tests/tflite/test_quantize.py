"""Quantization: which frames calibrate it, what the camera asks of every file, a range that is given, and the error."""

from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pandas as pd
import pytest
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from linecam.tflite.graph import Tensor, read_graph
from linecam.tflite.layer_error import DifferentOperatorsError, decibels, layer_errors
from tests.tflite.hand_made import passing_on

SIDE = 8
PARTS = ["test", "train", "unlabelled", "train", "test", "train"]
TRAINING = [row for row, part in enumerate(PARTS) if part == "train"]


@pytest.fixture(scope="module")
def savedmodel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small classifier: the mean of each colour in each quarter, a fully connected layer, softmax."""
    import tensorflow as tf  # noqa: PLC0415 (seconds)

    random = np.random.default_rng(1)
    module = tf.Module()
    # Each class of its own size, so that its own scale would pay.
    module.weights = tf.Variable((random.normal(size=(12, 4)) * np.geomspace(0.05, 1, 4)).astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec([1, SIDE, SIDE, 3], tf.float32)])
    def classify(image: Any) -> Any:
        means = tf.reshape(tf.nn.avg_pool2d(image, SIDE // 2, SIDE // 2, "VALID"), [1, 12])
        return tf.nn.softmax(tf.matmul(means, module.weights))

    folder = tmp_path_factory.mktemp("savedmodel")
    tf.saved_model.save(module, str(folder), signatures=classify)
    return folder


class Frames:
    """Frames of one grey each, training frames among others, and what quantization makes of them."""

    def __init__(self, folder: Path, savedmodel: Path) -> None:
        self.folder, self.savedmodel = folder, savedmodel
        self.greys = np.arange(40, 40 + len(PARTS))  # of each frame
        self.before: dict[int, bytes] = {}
        split = pd.DataFrame({"row": range(len(PARTS)), "part": PARTS})
        split = split.assign(sha256=[f"{row:064x}" for row in split["row"]], path="x", label="", by="", fold=-1)
        split[::-1].to_csv(folder / "split.csv", index=False)  # in the order of the picking, not that of the array

    def quantized(self, *, frames: int = 100, span: tuple[float, float] | None = None) -> bytes:
        from scripts.quantize import quantize  # noqa: PLC0415 (TensorFlow: seconds)

        pixels = self.greys.astype(np.uint8)[:, None, None, None] * np.ones((SIDE, SIDE, 3), np.uint8)
        np.save(self.folder / "pixels.npy", pixels)
        inputs = self.savedmodel, self.folder / "pixels.npy", self.folder / "split.csv"
        quantize(*inputs, self.folder / "model.tflite", span=span, frames=frames)
        return (self.folder / "model.tflite").read_bytes()

    def matters(self, *rows: int, frames: int = 100) -> bool:
        """Whether another file comes out where the frames of these rows are brighter."""
        if frames not in self.before:
            self.before[frames] = self.quantized(frames=frames)
        self.greys[list(rows)] += 100
        after = self.quantized(frames=frames)
        self.greys[list(rows)] -= 100
        return self.before[frames] != after


@pytest.fixture
def frames(tmp_path: Path, savedmodel: Path) -> Frames:
    return Frames(tmp_path, savedmodel)


def test_training_frames_calibrate_and_no_others(frames: Frames) -> None:
    """A test frame that calibrates would be one that the model has seen."""
    assert not frames.matters(*[row for row, part in enumerate(PARTS) if part != "train"])
    assert all(frames.matters(row) for row in TRAINING)


def test_fewer_frames_are_spread_over_all_training_frames(frames: Frames) -> None:
    """Neighbouring frames are alike: of two, one is the first and one the last."""
    first, middle, last = TRAINING
    assert not frames.matters(middle, frames=2)
    assert frames.matters(first, frames=2)
    assert frames.matters(last, frames=2)


def range_of(tensor: Tensor) -> tuple[float, float]:
    """The lowest and the highest value that an int8 tensor can hold."""
    ((scale,), (zero,)) = tensor.scales, tensor.zero_points
    return (-128 - zero) * scale, (127 - zero) * scale


@pytest.mark.parametrize("span", [None, (-6.0, 6.0)], ids=["calibrated", "fixed"])
def test_a_file_has_what_the_camera_asks_for(frames: Frames, span: tuple[float, float] | None) -> None:
    """Pixels of scale 1/255, though no frame is black or white, and one scale for a fully connected layer."""
    frames.quantized(span=span)
    graph = read_graph(frames.folder / "model.tflite")
    (image,), (probabilities,) = graph.inputs, graph.outputs
    assert (image.type, probabilities.type) == ("INT8", "INT8")
    assert image.scales == (pytest.approx(1 / 255, rel=1e-6),)
    assert image.zero_points == (-128,)
    assert (probabilities.scales, probabilities.zero_points) == ((1 / 256,), (-128,))
    dense = next(operator for operator in graph.operators if operator.name == "FULLY_CONNECTED")
    assert [len(tensor.scales) for tensor in dense.inputs if tensor.type == "INT8"] == [1, 1]


@pytest.mark.parametrize("span", [(-6.0, 6.0), (-2.0, 10.0)])
def test_a_fixed_range_is_that_of_every_activation_and_needs_no_frames(
    frames: Frames, span: tuple[float, float]
) -> None:
    first = frames.quantized(span=span)
    frames.greys += 50
    assert frames.quantized(span=span) == first
    graph = read_graph(frames.folder / "model.tflite")
    dense = next(operator.outputs[0] for operator in graph.operators if operator.name == "FULLY_CONNECTED")
    assert range_of(dense) == pytest.approx(span, abs=12 / 255)


def test_the_frames_stay_as_they_are(savedmodel: Path) -> None:
    """Two pixels of black and white are put into a copy."""
    from scripts.quantize import calibrated  # noqa: PLC0415 (TensorFlow: seconds)

    pixels: NDArray[np.uint8] = np.full((2, SIDE, SIDE, 3), 90, np.uint8)
    calibrated(savedmodel, pixels)
    assert (pixels == 90).all()


# --- Where the error arises


@pytest.fixture(scope="module")
def float32(savedmodel: Path) -> bytes:
    """The same classifier, not quantized."""
    from linecam.tflite.converter import TFLiteConverterV2  # noqa: PLC0415 (TensorFlow: seconds)

    return bytes(TFLiteConverterV2.from_saved_model(str(savedmodel)).convert())


def noise(count: int = 8) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


def test_a_ratio_of_signal_to_noise() -> None:
    signal = np.array([1, -1, 1], np.float32)
    assert decibels(signal, np.array([1.1, -0.9, 1.1], np.float32)) == pytest.approx(20, abs=0.01)
    assert decibels(signal, signal) is None
    assert decibels(np.zeros(3, np.float32), signal) is None


def test_the_error_arises_where_the_weights_are_spoiled(frames: Frames, float32: bytes, tmp_path: Path) -> None:
    path = tmp_path / "int8.tflite"
    path.write_bytes(frames.quantized(span=(-4, 4)))
    before = layer_errors(path, float32, noise())
    assert [error.operator for error in before][-2:] == ["FULLY_CONNECTED", "SOFTMAX"]
    assert len(before) == len(read_graph(path).operators)
    # The first one has the same input in both.
    assert before[0].gathered_db == pytest.approx(before[0].alone_db, abs=0.1)
    assert all(error.alone_db is None or error.alone_db > 15 for error in before)

    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    graph = model.subgraphs[0]
    (dense,) = [one for one in graph.operators if len(one.inputs) == 3]
    weights = model.buffers[graph.tensors[dense.inputs[1]].buffer]
    weights.data = np.asarray(weights.data)[::-1].copy()
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    after = layer_errors(path, float32, noise())
    assert min(after, key=lambda error: error.alone_db or 99).operator == "FULLY_CONNECTED"
    assert after[-2].alone_db < 10 < before[-2].alone_db
    assert after[:-2] == before[:-2], "what comes before it is as it was"
    assert after[-1].gathered_db < before[-1].gathered_db
    assert after[-1].alone_db > 20, "the softmax does what it is given well"


def test_values_beyond_a_narrow_range_are_clipped(frames: Frames, float32: bytes, tmp_path: Path) -> None:
    path = tmp_path / "int8.tflite"
    clipped = {}
    for span in [(-0.1, 0.1), (-4, 4)]:
        path.write_bytes(frames.quantized(span=span))
        # Of the scores: pooling keeps the range of its input.
        clipped[span] = layer_errors(path, float32, noise())[-2].clipped
    assert clipped[-0.1, 0.1] > 0.5
    assert clipped[-4, 4] == 0


def test_two_models_that_do_not_belong_together_are_not_compared(float32: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.tflite"
    path.write_bytes(passing_on((1, 8, 8, 3), (1 / 255, -128), (1 / 255, -128)))
    with pytest.raises(DifferentOperatorsError, match="the int8 file has 1 operators"):
        layer_errors(path, float32, noise())
