"""What a model costs on a board, before it is there: memory, time, and which layer they go to."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

from linecam.boards.verdict import LayerCost
from linecam.tflite.graph import Graph, Operator

# Cycles on a Cortex-M7 for a multiply-accumulate (of a depthwise convolution, of any other) and for an output element
# of a convolution or an addition. Both are fits to published figures of six or seven networks on an STM32H743: ST's
# engine, and TFLM with CMSIS-NN (leave-one-out error 4.3 %, worst 12 %; separable networks may be much faster, since
# the kernels have improved). The firmware's TFLM lies between them or near the second.
FITS = {"st": (1.82, 1.08, 34.0), "tflm": (6.73, 1.54, 41.0)}
_CONVOLUTIONS = {"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"}
_FITTED = {*_CONVOLUTIONS, "FULLY_CONNECTED", "ADD"}
# What both fits leave out takes from half a cycle to one for each of its instructions: a Cortex-M7 begins up to two
# in a cycle, and the networks that were measured take 0.55 to 0.75 by the fits.
CYCLES_PER_INSTRUCTION = (0.5, 1.0)
# Instructions (not cycles) of TFLM with CMSIS-NN on a Cortex-M7: what each thing costs that an operator of a kind does;
# `work` says how often. Each kind is a non-negative least-squares fit of relative errors to operators that were
# measured one by one on the emulated board under firmware 5.0.0: 227 of them, 137 different ones, in seven networks and
# three sets of single operators. The sum of a network that is left out of the fit is missed by 0.2 % on average and
# 0.5 % at worst (0.6 % where operators equal to its own are left out of the others too). An operator that is left out
# with its equals is missed by 0.6 % on average and 3.7 % at worst (convolution), 1.4 and 3.6 % (1x1), 1.7 and 3.5 %
# (depthwise), 0.2 and 0.9 % (addition), 1.6 and 2.2 % (dense), 7 and 17 % (pooling, next to nothing in a network).
# Not measured: input channels that 4 doesn't divide, but for RGB; depthwise kernels other than 3x3; dilation, groups.
INSTRUCTIONS: dict[str, dict[str, float]] = {
    # CMSIS-NN copies the inputs of each output pixel into a column, tap by tap, and multiplies the column in fours.
    # What is left over (3 of the 27 inputs of a 3x3 stem on RGB) is multiplied one by one.
    "convolution": {"mac": 1.616, "left over": 3.297, "output": 47.80, "tap": 49.00, "copied": 4.287},
    # 1x1: the inputs are multiplied where they lie. Each call of the kernel sums the weights first; with a stride there
    # is a call for each row.
    "pointwise": {"mac": 1.322, "output": 43.56, "summed": 4.494, "operator": 510.2},
    "depthwise": {"mac": 7.662, "tap": 8.584},
    "dense": {"mac": 2.043, "output": 200.5},
    "addition": {"output": 82.95},
    "pooling": {"input": 8.653, "pixel": 149.7},
    "reduction": {"input": 141.8},  # it computes anew where each input lies
    "softmax": {"output": 630.4},
    "visit": {"output": 53.03},  # measured: a ReLU that isn't part of the operator before
    "copy": {},  # of memory: 2,040 was the most
}
# The operators that were measured. Any other operator gets the price of the most similar one, and is named.
MEASURED = frozenset(
    """
    CONV_2D DEPTHWISE_CONV_2D FULLY_CONNECTED ADD MAX_POOL_2D AVERAGE_POOL_2D REDUCE_MAX SOFTMAX RELU CONCATENATION
    RESHAPE
    """.split()  # noqa: SIM905 (as a list it fills the page)
)
_KINDS = {
    **dict.fromkeys(("ADD", "SUB", "MUL"), "addition"),
    **dict.fromkeys(("MAX_POOL_2D", "AVERAGE_POOL_2D"), "pooling"),
    **dict.fromkeys(("REDUCE_MAX", "REDUCE_MIN", "MEAN", "SUM"), "reduction"),
    **dict.fromkeys(("RESHAPE", "CONCATENATION"), "copy"),
    "DEPTHWISE_CONV_2D": "depthwise",
    "FULLY_CONNECTED": "dense",
    "SOFTMAX": "softmax",
}


@dataclass(frozen=True)
class Layer:
    """One operator of a model. `weights` in bytes; `cycles` on a Cortex-M7 estimated by the two fits, lower first, and
    `instructions` there by `INSTRUCTIONS`."""

    operator: str
    output: tuple[int, ...]
    macs: int
    weights: int
    cycles: tuple[int, int]
    instructions: int


class Measured(TypedDict):
    """A time on the board, and the interval that was estimated for the same model."""

    ms: float
    estimate_ms: list[float]


def layers(graph: Graph) -> list[Layer]:
    """Each operator's cost, in the order of execution."""
    return [
        Layer(
            operator=operator.name,
            output=operator.outputs[0].shape,
            macs=operator.macs,
            weights=sum(tensor.bytes for tensor in operator.inputs if tensor.constant),
            cycles=_cycles(operator),
            instructions=_instructions(operator),
        )
        for operator in graph.operators
    ]


def latency_ms(graph: Graph, clock_hz: int) -> tuple[float, float]:
    """Estimated milliseconds of one inference on a Cortex-M7 at `clock_hz`: the interval between the two fits."""
    low, high = (sum(bound) for bound in zip(*(layer.cycles for layer in layers(graph)), strict=True))
    return _rounded(1000 * low / clock_hz), _rounded(1000 * high / clock_hz)


def instructions(graph: Graph) -> int:
    """Estimated instructions (not cycles) of one inference on a Cortex-M7, all operators."""
    return sum(map(_instructions, graph.operators))


def unmeasured(graph: Graph) -> list[str]:
    """The names of the graph's operators that were not measured, each once, sorted."""
    return sorted({operator.name for operator in graph.operators} - MEASURED)


def work(operator: Operator) -> tuple[str, dict[str, int]]:
    """The kind of an operator in `INSTRUCTIONS`, and how often it does each thing that has a price there.

    What was not measured counts as what is nearest to it: a transposed convolution as one over its input, and PAD,
    QUANTIZE and any operator that isn't known as a visit to each output. So the tutorial's network, of which PAD, MUL
    and ADD of constants are a tenth, gets 57.9 million; as converted from Keras it took 57.6.
    """
    if operator.name in {"CONV_2D", "TRANSPOSE_CONV"}:
        return _convolution(operator)
    kind = _KINDS.get(operator.name, "visit")
    return kind, _COUNTS[kind](operator)


def _instructions(operator: Operator) -> int:
    kind, amounts = work(operator)
    return round(sum(INSTRUCTIONS[kind][thing] * amount for thing, amount in amounts.items()))


def _convolution(operator: Operator) -> tuple[str, dict[str, int]]:
    kernel = operator.inputs[1].shape
    filters, height, width, channels = kernel
    pixels = operator.macs // max(math.prod(kernel), 1)
    if height * width == 1:
        strided = operator.inputs[0].shape[1:3] != operator.outputs[0].shape[1:3]
        calls = math.prod(operator.outputs[0].shape[:2]) if strided else 1
        summed = calls * filters * channels
        return "pointwise", {"mac": operator.macs, "output": pixels * filters, "summed": summed, "operator": 1}
    column = height * width * channels
    return "convolution", {
        "mac": operator.macs,
        "left over": pixels * filters * (column % 4),
        "output": pixels * filters,
        "tap": pixels * height * width,
        "copied": pixels * column,
    }


def _depthwise(operator: Operator) -> dict[str, int]:
    pixels = math.prod(operator.outputs[0].shape[:-1])
    return {"mac": operator.macs, "tap": pixels * math.prod(operator.inputs[1].shape[1:3])}


def _dense(operator: Operator) -> dict[str, int]:
    return {"mac": operator.macs, "output": operator.outputs[0].elements}


def _pooling(operator: Operator) -> dict[str, int]:
    return _reduction(operator) | {"pixel": math.prod(operator.outputs[0].shape[:-1])}


def _reduction(operator: Operator) -> dict[str, int]:
    return {"input": sum(tensor.elements for tensor in operator.inputs if not tensor.constant)}


def _each_output(operator: Operator) -> dict[str, int]:
    return {"output": operator.outputs[0].elements}


_COUNTS: dict[str, Callable[[Operator], dict[str, int]]] = {
    "depthwise": _depthwise,
    "dense": _dense,
    "addition": _each_output,
    "pooling": _pooling,
    "reduction": _reduction,
    "softmax": _each_output,
    "visit": _each_output,
    "copy": lambda _: {},
}


def recalibrated(estimate: tuple[float, float], measured: Measured) -> tuple[float, float]:
    """An estimated interval in ms, corrected by one measured time.

    Each fit is scaled so that it gives the measured time for the model measured: for the same model the interval
    shrinks to that time, for another one it is as wide as the fits disagree about the difference.
    """
    scaled = [
        value * measured["ms"] / before
        for value, before in zip(estimate, measured["estimate_ms"], strict=True)
        if before
    ]
    return _rounded(min(scaled)), _rounded(max(scaled))


def as_json(table: list[Layer], *, cortex_m7: bool) -> list[LayerCost]:
    """Layers as JSON values; cycles and instructions are null on another processor than the fits are for."""
    return [
        {
            "operator": layer.operator,
            "output": list(layer.output),
            "macs": layer.macs,
            "weights": layer.weights,
            "cycles": list(layer.cycles) if cortex_m7 else None,
            "instructions": layer.instructions if cortex_m7 else None,
        }
        for layer in table
    ]


def _rounded(ms: float) -> float:
    """To three digits: an estimate has no more."""
    return float(f"{ms:.3g}")


def _cycles(operator: Operator) -> tuple[int, int]:
    if operator.name not in _FITTED:
        low, high = (round(_instructions(operator) * each) for each in CYCLES_PER_INSTRUCTION)
        return low, high
    depthwise = operator.name == "DEPTHWISE_CONV_2D"
    written = 0 if operator.name == "FULLY_CONNECTED" else sum(tensor.elements for tensor in operator.outputs)
    low, high = sorted(
        round(operator.macs * (fit[0] if depthwise else fit[1]) + written * fit[2]) for fit in FITS.values()
    )
    return low, high
