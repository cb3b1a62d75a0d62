"""Small int8 models as others make them, by TensorFlow's converter, and by changing what it made."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

SIZE = 32


def network(
    head: str = "softmax", body: str = "", size: tuple[int, int] = (SIZE, SIZE), classes: int = 4, width: int = 8
) -> Callable[[Any], Any]:
    """A convolution, what `body` names, a mean over the image, a dense layer, and what `head` names."""
    import tensorflow as tf  # noqa: PLC0415 (seconds)

    random = np.random.default_rng(1)

    def weights(*shape: int) -> Any:
        return tf.constant(random.normal(0, 0.3, shape).astype(np.float32))

    def run(x: Any) -> Any:
        x = tf.nn.relu(tf.nn.conv2d(x, weights(3, 3, 3, width), 2, "SAME"))
        if body == "transposed":
            shape = [1, size[0], size[1], 8]
            x = tf.nn.relu(tf.nn.conv2d_transpose(x, weights(3, 3, 8, width), shape, 2, "SAME"))
        elif body == "resize":
            x = tf.compat.v1.image.resize_bilinear(x, size)
        elif body == "square root":
            x = tf.sqrt(x + 1.0)
        if head == "map":
            return tf.nn.softmax(tf.nn.conv2d(x, weights(1, 1, x.shape[-1], classes), 1, "SAME"))
        x = tf.matmul(tf.reduce_mean(x, [1, 2]), weights(x.shape[-1], classes))
        if head == "five dimensions":
            return tf.reshape(tf.nn.softmax(x), [1, 1, 1, 1, classes])
        if head == "softmax over nothing":
            return tf.nn.softmax(x, axis=0)
        if head == "two outputs":
            return tf.nn.softmax(x), tf.sigmoid(x)
        made = {"softmax": tf.nn.softmax, "sigmoid": tf.sigmoid, "logits": tf.identity, "log": tf.nn.log_softmax}
        return made[head](x)

    return run


def convert(
    run: Callable[[Any], Any],
    size: tuple[int, int] = (SIZE, SIZE),
    span: tuple[float, float] = (0, 1),
    kind: str = "int8",
    asked: tuple[int | None, int | None] | None = None,
) -> bytes:
    """The network as a .tflite, calibrated on frames whose values fill `span`; "float16" is not quantized otherwise.

    `asked` is the size that the network leaves open where it has None; left out, it is `size`.
    """
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    import tensorflow as tf  # noqa: PLC0415 (seconds)

    module = tf.Module()
    module.call = tf.function(run, input_signature=[tf.TensorSpec([1, *(asked or size), 3], tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.call.get_concrete_function()], module)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
        return bytes(converter.convert())
    random = np.random.default_rng(2)

    def frames() -> Iterator[list[Any]]:
        for _ in range(4):
            frame = random.uniform(*span, (1, *size, 3)).astype(np.float32)
            frame[0, 0, 0], frame[0, -1, -1] = span
            yield [frame]

    converter.representative_dataset = frames
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    border = tf.uint8 if kind == "uint8" else tf.int8
    converter.inference_input_type = converter.inference_output_type = border
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return bytes(converter.convert())


def with_input(data: bytes, scale: list[float], point: list[int]) -> bytes:
    """The same file, whose input says that it has these scales and zero points."""
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    graph = model.subgraphs[0]
    quantization = graph.tensors[graph.inputs[0]].quantization
    quantization.scale, quantization.zeroPoint = scale, point
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def written(folder: Path, data: bytes) -> Path:
    path = folder / "model.tflite"
    path.write_bytes(data)
    return path
