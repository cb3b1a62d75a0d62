"""What a model costs on a board, before it is there: memory, time, and which layer they go to."""

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
# Instructions of CMSIS-NN on a Cortex-M7 for a multiply-accumulate; for an input value that a convolution copies into
# a column, and more for one of a number of channels that 8 doesn't divide; for an output element of an addition. A fit
# to seven plain residual networks on the emulated board under firmware 5.0.0, which it misses by 1 % at most.
INSTRUCTIONS = (1.12, 20.25, 1.211, 188.2)


@dataclass(frozen=True)
class Layer:
    """One operator of a model. `weights` in bytes; `cycles` on a Cortex-M7 estimated by the two fits, lower first."""

    operator: str
    output: tuple[int, ...]
    macs: int
    weights: int
    cycles: tuple[int, int]


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
        )
        for operator in graph.operators
    ]


def latency_ms(graph: Graph, clock_hz: int) -> tuple[float, float]:
    """Estimated milliseconds of one inference on a Cortex-M7 at `clock_hz`: the interval between the two fits."""
    low, high = (sum(bound) for bound in zip(*(layer.cycles for layer in layers(graph)), strict=True))
    return _rounded(1000 * low / clock_hz), _rounded(1000 * high / clock_hz)


def instructions(graph: Graph) -> int:
    """Estimated instructions (not cycles) of one inference on a Cortex-M7, for plain convolutions and additions."""
    return round(sum(map(_instructions, graph.operators)))


def _instructions(operator: Operator) -> float:
    multiply, copy, odd, add = INSTRUCTIONS
    output = operator.outputs[0]
    if operator.name == "ADD":
        return add * output.elements
    copied = 0.0
    if operator.name == "CONV_2D":
        _, height, width, channels = next(t for t in operator.inputs if t.constant and len(t.shape) == 4).shape
        if height * width > 1:  # others are multiplied where they lie
            each = copy + (odd if channels % 8 and channels != 3 else 0)
            copied = each * output.elements / output.shape[-1] * height * width * channels
    return multiply * operator.macs + copied


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


def as_json(table: list[Layer], *, cycles: bool) -> list[LayerCost]:
    """Layers as JSON values; without `cycles`, theirs are null: on another processor than the fits are for."""
    return [
        {
            "operator": layer.operator,
            "output": list(layer.output),
            "macs": layer.macs,
            "weights": layer.weights,
            "cycles": list(layer.cycles) if cycles else None,
        }
        for layer in table
    ]


def _rounded(ms: float) -> float:
    """To three digits: an estimate has no more."""
    return float(f"{ms:.3g}")


def _cycles(operator: Operator) -> tuple[int, int]:
    depthwise = operator.name == "DEPTHWISE_CONV_2D"
    written = 0
    if operator.name in _CONVOLUTIONS or operator.name == "ADD":
        written = sum(tensor.elements for tensor in operator.outputs)
    low, high = sorted(
        round(operator.macs * (fit[0] if depthwise else fit[1]) + written * fit[2]) for fit in FITS.values()
    )
    return low, high
