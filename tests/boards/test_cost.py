"""What a model costs on a board, against what the emulated board said of seven networks under firmware 5.0.0."""

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from linecam.boards.cost import instructions, latency_ms, layers, recalibrated
from linecam.tflite.graph import Graph, Operator, Tensor, read_graph
from linecam.tflite.tflm import arena_bytes

# Widths of the stem and four residual blocks, input size, stride of the stem; arena on the board and file, in bytes,
# and instructions of an inference, in millions.
MEASURED = [
    ((8, 8, 16, 32, 64), 64, 1, 105_488, 95_864, 52.4),
    ((8, 8, 16, 32, 64), 96, 2, 62_480, 95_928, 29.5),
    ((8, 8, 16, 32, 64), 64, 2, 31_760, 95_928, 13.2),
    ((16, 16, 24, 32, 48), 80, 2, 84_272, 86_104, 37.7),
    ((16, 8, 16, 32, 64), 96, 2, 81_200, 97_664, 35.1),
    ((12, 12, 24, 48, 64), 96, 2, 90_944, 132_320, 48.8),
    ((8, 12, 16, 24, 40), 96, 2, 107_824, 57_168, 33.6),
]


def residual_network(widths: tuple[int, ...], size: int, stride: int) -> bytes:
    """Random weights, int8: a stem, four blocks, 1x1 to 16, pooling, 1x1 to 3, softmax."""
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    import tensorflow as tf  # noqa: PLC0415 (seconds)

    random = np.random.default_rng(0)
    module = tf.Module()
    module.weights = []

    def conv(x: Any, step: int, weights: Iterator[Any]) -> Any:
        return tf.nn.bias_add(tf.nn.conv2d(x, next(weights), step, "SAME"), next(weights))

    def run(x: Any) -> Any:
        weights = iter(module.weights)
        x = tf.nn.relu(conv(x, stride, weights))
        for number, width in enumerate(widths[1:]):
            step = 2 if number else 1
            y = conv(tf.nn.relu(conv(x, step, weights)), 1, weights)
            x = tf.nn.relu(y + (conv(x, step, weights) if x.shape[-1] != width or step > 1 else x))
        x = conv(x, 1, weights)
        x = conv(tf.nn.avg_pool2d(x, x.shape[1], 1, "VALID"), 1, weights)
        return tf.nn.softmax(tf.reshape(x, [1, 3]))

    shapes = [(3, 3, 3, widths[0])]
    for number, (before, width) in enumerate(pairwise(widths)):
        shapes += [(3, 3, before, width), (3, 3, width, width)]
        if before != width or number:
            shapes.append((1, 1, before, width))
    for shape in [*shapes, (1, 1, widths[-1], 16), (1, 1, 16, 3)]:
        module.weights += [
            tf.Variable(random.normal(0, 0.2, shape).astype(np.float32)),
            tf.Variable(tf.zeros(shape[3])),
        ]
    call = tf.function(run, input_signature=[tf.TensorSpec([1, size, size, 3], tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([call.get_concrete_function()], module)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: iter(
        [[random.uniform(0, 1, (1, size, size, 3)).astype(np.float32)] for _ in range(2)]
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


@pytest.mark.parametrize(("widths", "size", "stride", "board", "file", "millions"), MEASURED)
def test_arena_and_instructions_are_those_of_the_board(
    tmp_path: Path, widths: tuple[int, ...], size: int, stride: int, board: int, file: int, millions: float
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(residual_network(widths, size, stride))
    assert abs(path.stat().st_size - file) < 0.03 * file, "the network that was measured, but for its names"
    assert board <= arena_bytes(path) <= board + 1536
    graph = read_graph(path)
    assert graph.peak[0] < board
    assert instructions(graph) == pytest.approx(millions * 1e6, rel=0.02)


def operator(name: str, inputs: tuple[tuple[int, ...], ...], output: tuple[int, ...], *constant: int) -> Operator:
    tensors = [Tensor("t", "INT8", shape, (0.1,), (0,), n in constant) for n, shape in enumerate(inputs)]
    return Operator(name, tuple(tensors), (Tensor("o", "INT8", output, (0.1,), (0,), False),))


@pytest.mark.parametrize(
    ("made", "macs", "low", "high"),
    [
        (operator("CONV_2D", ((1, 8, 8, 3), (16, 3, 3, 3)), (1, 8, 8, 16), 1), 27_648, 1.08 * 27_648 + 34 * 1024,
         1.54 * 27_648 + 41 * 1024),
        (operator("DEPTHWISE_CONV_2D", ((1, 8, 8, 16), (1, 3, 3, 16)), (1, 8, 8, 16), 1), 9_216,
         1.82 * 9_216 + 34 * 1024, 6.73 * 9_216 + 41 * 1024),
        (operator("FULLY_CONNECTED", ((1, 16), (3, 16)), (1, 3), 1), 48, 1.08 * 48, 1.54 * 48),
        (operator("ADD", ((1, 8, 8, 16), (1, 8, 8, 16)), (1, 8, 8, 16)), 0, 34 * 1024, 41 * 1024),
        (operator("TRANSPOSE_CONV", ((4,), (8, 3, 3, 16), (1, 8, 8, 16), (8,)), (1, 16, 16, 8), 0, 1, 3), 73_728,
         1.08 * 73_728 + 34 * 2048, 1.54 * 73_728 + 41 * 2048),
        (operator("PAD", ((1, 8, 8, 16),), (1, 10, 10, 16)), 0, 0, 0),
    ],
)  # fmt: skip
def test_an_operator_costs_what_the_published_fits_say(made: Operator, macs: int, low: float, high: float) -> None:
    graph = Graph(made.inputs[:1], made.outputs, (made,), 1000)
    (layer,) = layers(graph)
    assert layer.macs == macs
    assert layer.cycles == (round(low), round(high))
    assert latency_ms(graph, 1_000_000) == pytest.approx((low / 1000, high / 1000), rel=0.005)


def test_a_tensor_lives_from_its_maker_to_its_last_reader() -> None:
    """A shortcut: its tensor waits for the addition while the branch is computed."""
    image, first, branch, total = (
        Tensor(n, "INT8", (size,), (), (), False) for n, size in zip("ifbt", (5, 30, 20, 7), strict=True)
    )
    operators = (
        Operator("CONV_2D", (image,), (first,)),
        Operator("CONV_2D", (first,), (branch,)),
        Operator("ADD", (first, branch), (total,)),
    )
    assert Graph((image,), (total,), operators, 0).peak == (57, 2)


def test_a_measured_time_moves_the_estimate_of_another_model_with_it() -> None:
    measured = {"ms": 100.0, "estimate_ms": [50.0, 80.0]}
    assert recalibrated((50.0, 80.0), measured) == (100.0, 100.0)
    assert recalibrated((25.0, 40.0), measured) == (50.0, 50.0)
    assert recalibrated((25.0, 48.0), measured) == (50.0, 60.0)
