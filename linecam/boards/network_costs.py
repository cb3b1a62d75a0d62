"""What the networks of linecam/networks/architectures.py cost on a camera, before one is trained or converted."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from linecam.boards.cost import instructions
from linecam.networks.architectures import ARCHITECTURES, input_size
from linecam.networks.models import Classifier, size_of
from linecam.tflite.graph import Graph, Operator, Tensor

SIDES = (64, 96, 112, 128)
# Bytes of arena beside the activations: of each operator, and of each output channel of a convolution or dense layer,
# whose scale is kept as a multiplier and a shift. Four models in TFLM on a PC are missed by 2.3 % at most.
ARENA = (300, 8)


def cost_table() -> str:
    """What the networks cost for three classes, each at some input sizes, for a reader."""
    lines = [f"{'network':12} {'MACs':>12} {'instructions':>13} {'parameters':>11} {'about arena':>13}"]
    for architecture, side in product(ARCHITECTURES, SIDES):
        network = f"{architecture}-{side}"
        graph, size = graph_of(network, classes=3), size_of(network, classes=3)
        millions = f"{instructions(graph) / 1e6:.1f} M"
        lines.append(
            f"{network:12} {size.macs:12,} {millions:>13} {size.parameters:11,} {arena_estimate(graph):13,.0f}"
        )
    return "\n".join(lines)


def arena_estimate(graph: Graph) -> int:
    """About how many bytes of arena a network takes; `linecam.tflite.tflm` measures those of a .tflite file."""
    operator, channel = ARENA
    channels = sum(
        o.outputs[0].shape[-1] for o in graph.operators if o.name in {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
    )
    return graph.peak[0] + operator * len(graph.operators) + channel * channels


def graph_of(network: str, classes: int) -> Graph:
    """The operators that `network`, such as swift7-112, becomes in a .tflite file. The graph's `size` is 0.

    PyTorch runs it once, with random weights. Raises `UserError` where there is no network of that name, and
    `NotImplementedError` where it has a layer whose operator isn't known here.
    """
    side = input_size(network)
    model = nn.Sequential(Classifier(network, classes), nn.Softmax(dim=1)).eval()
    image = torch.zeros(1, 3, side, side)
    trace = _Trace(image)
    with torch.no_grad(), trace:
        output = model(image)
    return Graph((trace.made[id(image)],), (trace.made[id(output)],), tuple(trace.operators), 0)


class _Trace(TorchDispatchMode):
    """Writes down which TFLite operators the tensors computed from `image`, (1, C, H, W), become.

    The converter folds a norm into the convolution before it, and a ReLU into whatever is before it.
    """

    def __init__(self, image: torch.Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operators: list[Operator] = []
        self.made = {id(image): _tensor(_nhwc(image))}
        self._alive = [image]  # an id is a tensor's own while the tensor is there

    def __torch_dispatch__(
        self,
        function: Any,
        types: Sequence[type],
        arguments: Sequence[Any] = (),
        options: Mapping[str, Any] | None = None,
    ) -> Any:
        result = function(*arguments, **(options or {}))
        inputs = [self.made[id(a)] for a in arguments if isinstance(a, torch.Tensor) and id(a) in self.made]
        if not inputs:  # a computation of weights alone
            return result
        output = result[0] if isinstance(result, tuple) else result
        name = function.overloadpacket.__name__.rstrip("_").lstrip("_")
        if name not in _TRACED:
            raise NotImplementedError(f"{function}: say in linecam/boards/network_costs.py which operator it becomes.")
        self.made[id(output)] = _TRACED[name](self, inputs, output, arguments)
        self._alive.append(output)
        return result

    def add(self, name: str, inputs: Sequence[Tensor], shape: tuple[int, ...], *constants: tuple[int, ...]) -> Tensor:
        """A new operator: its output."""
        output = _tensor(shape)
        weights = [_tensor(s, constant=True) for s in constants]
        self.operators.append(Operator(name, (*inputs, *weights), (output,)))
        return output


def _convolution(trace: _Trace, inputs: list[Tensor], output: torch.Tensor, arguments: Sequence[Any]) -> Tensor:
    (source,), (_, weight, _, strides, padding, *_, groups) = inputs, arguments
    shape, (filters, channels, *kernel) = _nhwc(output), weight.shape
    for side, made, taps, stride, pixels in zip(source.shape[1:3], shape[1:3], kernel, strides, padding, strict=True):
        # Symmetric padding that isn't TensorFlow's SAME is an operator of its own.
        if pixels and (made - 1) * stride + taps - side != 2 * pixels:
            padded = tuple(n + 2 * p for n, p in zip(source.shape[1:3], padding, strict=True))
            source = trace.add("PAD", [source], (1, *padded, source.shape[3]), (4, 2))
            break
    if groups > 1:
        if (groups, channels) != (source.shape[3], 1):
            raise NotImplementedError("A convolution in groups of several channels: its operators aren't known.")
        return trace.add("DEPTHWISE_CONV_2D", [source], shape, (1, *kernel, filters), (filters,))
    return trace.add("CONV_2D", [source], shape, (filters, *kernel, channels), (filters,))


def _norm(trace: _Trace, inputs: list[Tensor], output: torch.Tensor, arguments: Sequence[Any]) -> Tensor:
    (source,), channels = inputs, (output.shape[1],)
    before = next((o.name for o in trace.operators if o.outputs[0] is source), None)
    if before in {"CONV_2D", "DEPTHWISE_CONV_2D"}:
        return source
    scaled = trace.add("MUL", [source], source.shape, channels)
    return trace.add("ADD", [scaled], source.shape, channels)


def _dense(trace: _Trace, inputs: list[Tensor], output: torch.Tensor, arguments: Sequence[Any]) -> Tensor:
    weights = tuple(arguments[-1].shape[::-1])
    return trace.add("FULLY_CONNECTED", inputs, _nhwc(output), weights, weights[:1])


def _part_of_another(_: _Trace, inputs: list[Tensor], output: torch.Tensor, arguments: Sequence[Any]) -> Tensor:
    return inputs[0]


def _operator(name: str) -> Callable[..., Tensor]:
    def traced(trace: _Trace, inputs: list[Tensor], output: torch.Tensor, arguments: Sequence[Any]) -> Tensor:
        return trace.add(name, inputs, _nhwc(output))

    return traced


_TRACED: dict[str, Callable[..., Tensor]] = {
    "convolution": _convolution,
    "native_batch_norm": _norm,
    "addmm": _dense,
    "relu": _part_of_another,
    "constant_pad_nd": _part_of_another,  # `Same` pads before its convolution, which the converter makes SAME
    "view": _part_of_another,
    "add": _operator("ADD"),
    "mean": _operator("MEAN"),
    "max_pool2d_with_indices": _operator("MAX_POOL_2D"),
    "avg_pool2d": _operator("AVERAGE_POOL_2D"),
    "softmax": _operator("SOFTMAX"),
}


def _nhwc(tensor: torch.Tensor) -> tuple[int, ...]:
    batch, *rest = tensor.shape
    return (batch, *rest[1:], *rest[:1])


def _tensor(shape: tuple[int, ...], *, constant: bool = False) -> Tensor:
    return Tensor("", "INT8", shape, (), (), constant)
