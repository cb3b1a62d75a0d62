"""What stands in a TFLite file: operators, tensors, quantization. Read with LiteRT's own flatbuffer schema."""

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from linecam.errors import UserError

_OPERATORS = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
_TYPES = {value: name for name, value in vars(schema.TensorType).items() if not name.startswith("_")}
_BYTES = {"FLOAT64": 8, "INT64": 8, "UINT64": 8, "FLOAT32": 4, "INT32": 4, "UINT32": 4, "FLOAT16": 2, "INT16": 2}


@dataclass(frozen=True)
class Tensor:
    """A tensor of the graph. `scales` and `zero_points` are empty where not quantized, one long where per tensor."""

    name: str
    type: str
    shape: tuple[int, ...]
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    constant: bool
    open: bool = False  # its size, beside the number of images, is not fixed: `shape` has 1 there

    @property
    def elements(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes of its values."""
        return self.elements * _BYTES.get(self.type, 1)


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
            # TRANSPOSE_CONV: shape, weights, data. Weights of float16 aren't constants, but come from a DEQUANTIZE.
            moved = self.outputs[0] if self.name == "CONV_2D" else self.inputs[2]
            return math.prod(moved.shape[:3]) * math.prod(self.inputs[1].shape)
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

    @property
    def live(self) -> list[int]:
        """The bytes of activations that live at once while each operator runs.

        A tensor lives from the operator that makes it to the last one that reads it, inputs from the start, outputs
        to the end. TFLM's arena adds buffers of its own to this, and gaps between tensors.
        """
        last = len(self.operators) - 1
        lives = {id(tensor): [0, 0, tensor.bytes] for tensor in self.inputs}
        for number, operator in enumerate(self.operators):
            for tensor in operator.inputs:
                if not tensor.constant and id(tensor) in lives:
                    lives[id(tensor)][1] = number
            for tensor in operator.outputs:
                lives.setdefault(id(tensor), [number, number, tensor.bytes])
        for tensor in self.outputs:
            if id(tensor) in lives:
                lives[id(tensor)][1] = last
        return [
            sum(size for start, end, size in lives.values() if start <= number <= end) for number in range(last + 1)
        ]

    @property
    def peak(self) -> tuple[int, int]:
        """The most of `live`, and the number of the operator that runs then; (0, 0) without operators."""
        live = self.live
        return (max(live), live.index(max(live))) if live else (0, 0)


def read_graph(path: str | Path) -> Graph:
    """Read a .tflite file. Raises `UserError` where it isn't one, is damaged, or has several subgraphs."""
    data = Path(path).read_bytes()
    if data[4:8] != b"TFL3":
        raise UserError(
            f"{path} is not a TFLite file: the identifier TFL3 is not at byte 4. Give the .tflite file itself, not an "
            "archive, a SavedModel or an ONNX file."
        )
    try:
        return _parse(schema.ModelT.InitFromPackedBuf(data, 0), path, len(data))
    except (struct.error, LookupError, ValueError, TypeError, AttributeError, StopIteration, OverflowError) as error:
        # Whatever a flatbuffer with wrong offsets or numbers leads to.
        raise UserError(
            f"{path} starts like a TFLite file but can't be read to its end ({error}): it is cut off or damaged. "
            "Copy or convert it again."
        ) from None


def _parse(model: "schema.ModelT", path: str | Path, size: int) -> Graph:
    if len(model.subgraphs) != 1:
        raise UserError(
            f"{path} has {len(model.subgraphs)} subgraphs; a classifier for the camera has only one. Convert it "
            f"without control flow and without separate signatures."
        )
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
            name = code.customCode.decode(errors="replace")
        operators.append(Operator(name, at(operator.inputs), at(operator.outputs)))
        _ = operators[-1].macs, operators[-1].outputs[0]  # what is asked for later, of shapes that don't fit together
    return Graph(at(graph.inputs), at(graph.outputs), tuple(operators), size)


def _tensor(tensor: "schema.TensorT", model: "schema.ModelT") -> Tensor:
    quantization = tensor.quantization
    scales = () if quantization is None or quantization.scale is None else tuple(map(float, quantization.scale))
    zeros = () if quantization is None or quantization.zeroPoint is None else tuple(map(int, quantization.zeroPoint))
    buffer = model.buffers[tensor.buffer].data
    return Tensor(
        name=tensor.name.decode(errors="replace"),
        type=_TYPES[tensor.type],
        shape=() if tensor.shape is None else tuple(map(int, tensor.shape)),
        scales=scales,
        zero_points=zeros,
        constant=buffer is not None and len(buffer) > 0,
        open=tensor.shapeSignature is not None and any(size < 0 for size in tensor.shapeSignature[1:]),
    )
