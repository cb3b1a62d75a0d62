"""What a model costs on a board, against what the emulated board said under firmware 5.0.0.

Of seven networks as a whole, and of others operator by operator.
"""

import csv
import os
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import nnls

from linecam.boards.cost import INSTRUCTIONS, instructions, latency_ms, layers, recalibrated, work
from linecam.tflite.graph import Graph, Operator, Tensor, read_graph
from linecam.tflite.tflm import arena_bytes
from tests.conftest import ROOT

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
    assert instructions(graph) == pytest.approx(millions * 1e6, rel=0.015)


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
        # What both fits leave out: half a cycle to one for each of its instructions.
        (operator("PAD", ((1, 8, 8, 16),), (1, 10, 10, 16)), 0, 84_848 / 2, 84_848),
        (operator("RELU", ((1, 28, 28, 16),), (1, 28, 28, 16)), 0, 665_208 / 2, 665_208),
        (operator("MAX_POOL_2D", ((1, 28, 28, 16),), (1, 14, 14, 16)), 0, 137_884 / 2, 137_884),
    ],
)  # fmt: skip
def test_an_operator_costs_what_the_published_fits_say(made: Operator, macs: int, low: float, high: float) -> None:
    graph = Graph(made.inputs[:1], made.outputs, (made,), 1000)
    (layer,) = layers(graph)
    assert layer.macs == macs
    assert layer.cycles == (round(low), round(high))
    assert latency_ms(graph, 1_000_000) == pytest.approx((low / 1000, high / 1000), rel=0.005)


# Inputs, weights, output, and the instructions that it took.
SWIFT7_112 = [
    ("CONV_2D", (1, 112, 112, 3), (8, 3, 3, 3), (1, 56, 56, 8), 4_287_840),
    ("CONV_2D", (1, 56, 56, 8), (16, 3, 3, 8), (1, 28, 28, 16), 2_642_600),
    ("CONV_2D", (1, 28, 28, 16), (16, 3, 3, 16), (1, 28, 28, 16), 4_316_160),
    ("CONV_2D", (1, 56, 56, 8), (16, 1, 1, 8), (1, 28, 28, 16), 707_960),
    ("ADD", (1, 28, 28, 16), None, (1, 28, 28, 16), 1_038_960),
    ("CONV_2D", (1, 28, 28, 16), (32, 3, 3, 16), (1, 14, 14, 32), 1_954_800),
    ("CONV_2D", (1, 14, 14, 32), (32, 3, 3, 32), (1, 14, 14, 32), 3_530_760),
    ("CONV_2D", (1, 28, 28, 16), (32, 1, 1, 16), (1, 14, 14, 32), 436_520),
    ("ADD", (1, 14, 14, 32), None, (1, 14, 14, 32), 519_960),
    ("CONV_2D", (1, 14, 14, 32), (64, 3, 3, 32), (1, 7, 7, 64), 1_709_240),
    ("CONV_2D", (1, 7, 7, 64), (64, 3, 3, 64), (1, 7, 7, 64), 3_256_880),
    ("CONV_2D", (1, 14, 14, 32), (64, 1, 1, 32), (1, 7, 7, 64), 338_320),
    ("ADD", (1, 7, 7, 64), None, (1, 7, 7, 64), 260_440),
    ("CONV_2D", (1, 7, 7, 64), (16, 1, 1, 64), (1, 7, 7, 16), 106_600),
    ("MAX_POOL_2D", (1, 7, 7, 16), None, (1, 1, 1, 16), 7_240),
    ("FULLY_CONNECTED", (1, 1, 1, 16), (3, 16), (1, 3), 720),
    ("SOFTMAX", (1, 3), None, (1, 3), 1_880),
]  # fmt: skip
# A stem of 4x4 at stride 4, then two blocks whose second convolutions are depthwise and 1x1.
SEPARABLE = [
    ("CONV_2D", (1, 112, 112, 3), (16, 4, 4, 3), (1, 28, 28, 16), 2_321_120),
    ("CONV_2D", (1, 28, 28, 16), (32, 3, 3, 16), (1, 14, 14, 32), 1_954_800),
    ("DEPTHWISE_CONV_2D", (1, 14, 14, 32), (1, 3, 3, 32), (1, 14, 14, 32), 450_680),
    ("CONV_2D", (1, 14, 14, 32), (32, 1, 1, 32), (1, 14, 14, 32), 540_960),
    ("CONV_2D", (1, 28, 28, 16), (32, 1, 1, 16), (1, 14, 14, 32), 436_520),
    ("ADD", (1, 14, 14, 32), None, (1, 14, 14, 32), 519_920),
    ("CONV_2D", (1, 14, 14, 32), (64, 3, 3, 32), (1, 7, 7, 64), 1_709_240),
    ("DEPTHWISE_CONV_2D", (1, 7, 7, 64), (1, 3, 3, 64), (1, 7, 7, 64), 215_480),
    ("CONV_2D", (1, 7, 7, 64), (64, 1, 1, 64), (1, 7, 7, 64), 424_960),
    ("CONV_2D", (1, 14, 14, 32), (64, 1, 1, 32), (1, 7, 7, 64), 338_280),
    ("ADD", (1, 7, 7, 64), None, (1, 7, 7, 64), 260_400),
    ("CONV_2D", (1, 7, 7, 64), (16, 1, 1, 64), (1, 7, 7, 16), 106_560),
    ("MAX_POOL_2D", (1, 7, 7, 16), None, (1, 1, 1, 16), 7_240),
    ("FULLY_CONNECTED", (1, 1, 1, 16), (3, 16), (1, 3), 680),
    ("SOFTMAX", (1, 3), None, (1, 3), 1_880),
]  # fmt: skip
ALONE = [
    ("CONV_2D", (1, 56, 56, 8), (4, 3, 3, 8), (1, 56, 56, 4), 4_469_040),
    ("CONV_2D", (1, 56, 56, 8), (16, 2, 2, 8), (1, 28, 28, 16), 1_546_560),
    ("CONV_2D", (1, 28, 28, 16), (12, 3, 3, 16), (1, 28, 28, 12), 3_441_200),
    ("CONV_2D", (1, 112, 112, 3), (8, 4, 4, 3), (1, 56, 56, 8), 6_226_200),
    ("CONV_2D", (1, 1, 1, 16), (3, 1, 1, 16), (1, 1, 1, 3), 920),
    ("DEPTHWISE_CONV_2D", (1, 56, 56, 8), (1, 3, 3, 8), (1, 28, 28, 8), 489_000),
    ("MAX_POOL_2D", (1, 28, 28, 16), None, (1, 14, 14, 16), 134_240),
    ("AVERAGE_POOL_2D", (1, 8, 8, 16), None, (1, 1, 1, 16), 7_880),
    ("RELU", (1, 28, 28, 16), None, (1, 28, 28, 16), 665_120),
    ("REDUCE_MAX", (1, 28, 28, 16), None, (1, 16), 1_778_160),
    ("FULLY_CONNECTED", (1, 608), (3, 608), (1, 3), 4_320),
]
Shape = tuple[int, ...]


def measured(name: str, given: Shape, weights: Shape | None, output: Shape) -> Operator:
    """An operator as it was measured; an addition has two inputs of the shape."""
    inputs = (given, weights) if weights else (given, given) if name == "ADD" else (given,)
    return operator(name, inputs, output, 1) if weights else operator(name, inputs, output)


@pytest.mark.parametrize(("name", "given", "weights", "output", "count"), [*SWIFT7_112, *SEPARABLE, *ALONE])
def test_an_operator_takes_the_instructions_measured(
    name: str, given: Shape, weights: Shape | None, output: Shape, count: int
) -> None:
    graph = Graph((), (), (measured(name, given, weights, output),), 0)
    within = 0.15 if "POOL" in name else 0.04
    assert instructions(graph) == pytest.approx(count, rel=within)
    (layer,) = layers(graph)
    assert layer.instructions == instructions(graph)


@pytest.mark.parametrize(("network", "millions"), [(SWIFT7_112, 25.1), (SEPARABLE, 9.3)])
def test_a_network_takes_the_instructions_measured(
    network: list[tuple[str, Shape, Shape | None, Shape, int]], millions: float
) -> None:
    assert round(sum(row[-1] for row in network) / 1e6, 1) == millions
    graph = Graph((), (), tuple(measured(*row[:-1]) for row in network), 0)
    assert instructions(graph) == pytest.approx(sum(row[-1] for row in network), rel=0.01)


@pytest.mark.parametrize(
    ("made", "count"),
    [
        (operator("PAD", ((1, 8, 8, 16),), (1, 10, 10, 16)), 53.03 * 1600),
        (operator("MEAN", ((1, 8, 8, 16), (2,)), (1, 16), 1), 141.8 * 1024),
        (operator("MUL", ((1, 8, 8, 3), (3,)), (1, 8, 8, 3), 1), 82.95 * 192),
        (operator("RESHAPE", ((1, 1, 1, 3), (2,)), (1, 3), 1), 0),
        # Eight pixels, each to 3x3 of eight channels.
        (operator("TRANSPOSE_CONV", ((4,), (8, 3, 3, 16), (1, 2, 4, 16)), (1, 4, 8, 8), 0, 1),
         8 * (1.616 * 1152 + 47.8 * 8 + 49 * 9 + 4.287 * 144)),
    ],
)  # fmt: skip
def test_what_was_not_measured_counts_as_what_is_nearest(made: Operator, count: float) -> None:
    assert instructions(Graph((), (), (made,), 0)) == round(count)


Prices = dict[str, dict[str, float]]


def fitted(rows: list[tuple[Operator, int]]) -> Prices:
    """`INSTRUCTIONS` as these operators have them: least squares of relative errors, none below zero."""
    prices: Prices = {kind: {} for kind in INSTRUCTIONS}
    for kind, things in INSTRUCTIONS.items():
        relative = [[amounts[t] / count for t in things] for (k, amounts), count in counted(rows) if k == kind]
        if things and relative:
            prices[kind] = dict(zip(things, nnls(np.array(relative), np.ones(len(relative)))[0], strict=True))
    return prices


def counted(rows: list[tuple[Operator, int]]) -> Iterator[tuple[tuple[str, dict[str, int]], int]]:
    return ((work(made), count) for made, count in rows)


def error(rows: list[tuple[Operator, int]], prices: Prices) -> float:
    """How far the sum is from the one measured, as a share of that."""
    total = sum(prices[kind][thing] * n for (kind, amounts), _ in counted(rows) for thing, n in amounts.items())
    return abs(total / sum(count for _, count in rows) - 1)


def test_a_network_that_no_price_was_fitted_to_is_not_missed() -> None:
    """Each network of all those measured is left out of a fit in turn."""
    table = ROOT.parent / "shared" / "operators.csv"
    if not table.is_file():
        pytest.skip("the table of measured operators, which isn't part of the project, is not here")
    networks: dict[str, list[tuple[Operator, int]]] = defaultdict(list)
    with table.open(newline="") as lines:
        for row in csv.DictReader(lines):
            given, weights, output = (
                tuple(map(int, row[column].split("x"))) if row[column] else None
                for column in ("input", "weights", "output")
            )
            assert given and output
            made = measured(row["operator"], given, weights, output)
            assert made.macs == int(row["macs"])
            networks[row["network"]].append((made, int(row["instructions"])))
    for name, rows in networks.items():
        assert error(rows, INSTRUCTIONS) < 0.005, name
        others = [row for other, rows in networks.items() if other != name for row in rows]
        assert error(rows, fitted(others)) < 0.01, name
    everything = fitted([row for rows in networks.values() for row in rows])
    for kind, prices in INSTRUCTIONS.items():
        assert prices == pytest.approx(everything[kind], rel=0.001), kind


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
