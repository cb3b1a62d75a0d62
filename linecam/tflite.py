"""What stands in a TFLite file: operators, tensors, quantization. Read with LiteRT's own flatbuffer schema."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

_OPERATORS = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
_TYPES = {value: name for name, value in vars(schema.TensorType).items() if not name.startswith("_")}


@dataclass(frozen=True)
class Tensor:
    """A tensor of the graph. `scales` and `zero_points` are empty where not quantized, one long where per tensor."""

    name: str
    type: str
    shape: tuple[int, ...]
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    constant: bool


@dataclass(frozen=True)
class Operator:
    """An operator of the graph, `name` as TFLite spells it (CONV_2D). Absent inputs are left out."""

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        if self.name in {"CONV_2D", "TRANSPOSE_CONV"}:
            weights = next(t for t in self.inputs if t.constant and len(t.shape) == 4)
            moved = self.outputs[0] if self.name == "CONV_2D" else self.inputs[-1]
            return math.prod(moved.shape[:3]) * math.prod(weights.shape)
        if self.name == "DEPTHWISE_CONV_2D":
            return math.prod(self.outputs[0].shape) * math.prod(self.inputs[1].shape[1:3])
        if self.name == "FULLY_CONNECTED":
            return math.prod(self.inputs[1].shape) * (math.prod(self.inputs[0].shape) // self.inputs[1].shape[-1])
        return 0


@dataclass(frozen=True)
class Graph:
    """A TFLite model with one subgraph, as every model for a camera has."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    size: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference, all operators."""
        return sum(operator.macs for operator in self.operators)


def read_graph(path: str | Path) -> Graph:
    """Read a .tflite file. Raises `ValueError` where it isn't one, or has several subgraphs."""
    data = Path(path).read_bytes()
    if data[4:8] != b"TFL3":
        raise ValueError(f"{path} is not a TFLite file: it lacks the identifier TFL3")
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    if len(model.subgraphs) != 1:
        raise ValueError(f"{path} has {len(model.subgraphs)} subgraphs; a camera's model has one")
    graph = model.subgraphs[0]
    tensors = [_tensor(tensor, model) for tensor in graph.tensors]

    def at(numbers: "np.ndarray | list[int]") -> tuple[Tensor, ...]:
        return tuple(tensors[number] for number in numbers if number >= 0)

    operators = []
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        # Files from before operator 127 have the code in the first field, later ones in the second.
        name = _OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]
        if name == "CUSTOM":
            name = code.customCode.decode()
        operators.append(Operator(name, at(operator.inputs), at(operator.outputs)))
    return Graph(at(graph.inputs), at(graph.outputs), tuple(operators), len(data))


def _tensor(tensor: "schema.TensorT", model: "schema.ModelT") -> Tensor:
    quantization = tensor.quantization
    scales = () if quantization is None or quantization.scale is None else tuple(map(float, quantization.scale))
    zeros = () if quantization is None or quantization.zeroPoint is None else tuple(map(int, quantization.zeroPoint))
    buffer = model.buffers[tensor.buffer].data
    return Tensor(
        name=tensor.name.decode(),
        type=_TYPES[tensor.type],
        shape=() if tensor.shape is None else tuple(map(int, tensor.shape)),
        scales=scales,
        zero_points=zeros,
        constant=buffer is not None and len(buffer) > 0,
    )
