"""Where the quantization error of an int8 TFLite model arises: each operator against the same one in float32.

Errors are signal to quantization noise ratios (SQNR) in decibels, 10 log10(sum of float² / sum of (float - int8)²): at
20 dB the noise has a tenth of the signal's amplitude, at 40 dB a hundredth. Each operator has two. One is of all the
error that has gathered up to its output. The other is of what the operator adds: int8 against float32 on the same
input, namely the one that the int8 model gave it. TensorFlow's QuantizationDebugger compares operators the same way,
but takes no model with fixed ranges.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from linecam.tflite.graph import read_graph

# These stand at the ends of a quantized model alone, and compute nothing.
_ENDS = {"QUANTIZE", "DEQUANTIZE"}


class DifferentOperatorsError(Exception):
    """The two models do not have the same operators in the same order."""


@dataclass(frozen=True)
class LayerError:
    """One operator of an int8 model. A ratio is None where there is no noise, or no signal."""

    number: int  # in the int8 file, from 0
    operator: str  # as TFLite spells it, such as CONV_2D
    output: list[int]  # shape
    gathered_db: float | None  # SQNR of its output in the int8 model, against the float model's
    alone_db: float | None  # SQNR of what this operator adds
    clipped: float  # share of the float model's values that lie beyond the range of the int8 output, 0 to 1

    def as_dict(self) -> dict[str, object]:
        """JSON values."""
        return asdict(self)


def layer_errors(int8: Path, float32: bytes, pixels: NDArray[np.uint8]) -> list[LayerError]:
    """The error of each operator on pixels (N, H, W, 3), uint8, N at least 1.

    `float32` is the same TFLite model, converted without quantization. Raises `DifferentOperatorsError` where the two
    do not belong together.
    """
    quantized = [operator for operator in read_graph(int8).operators if operator.name not in _ENDS]
    ours, theirs = _Model(int8.read_bytes()), _Model(float32)
    if ours.shapes != theirs.shapes:
        raise DifferentOperatorsError(
            f"the int8 file has {len(ours.shapes)} operators, its float32 counterpart {len(theirs.shapes)}, and which "
            "of them belong together is not known."
        )
    # As on the camera.
    got = ours.run((pixels ^ 0x80).view(np.int8))
    expected = theirs.run(pixels.astype(np.float32) / 255)
    found = []
    for number, (name, operator) in enumerate(ours.operators):
        _, same = theirs.operators[number]
        output = quantized[number].outputs[0]
        at = operator.outputs[0]
        says, should = got[at], expected[same.outputs[0]]
        places = theirs.activations(same)
        alone = theirs.alone(same, [(same.inputs[place], got[operator.inputs[place]]) for place in places])
        scale, zero = output.scales[0], output.zero_points[0]
        # By half a step more, a value is still rounded into the range.
        low, high = (-128.5 - zero) * scale, (127.5 - zero) * scale
        found.append(
            LayerError(
                number=ours.numbers[number],
                operator=name,
                output=list(output.shape),
                gathered_db=decibels(should, says),
                alone_db=decibels(alone, says),
                clipped=float(np.mean((should < low) | (should > high))),
            )
        )
    return found


def decibels(signal: NDArray[np.float32], noisy: NDArray[np.float32]) -> float | None:
    """The ratio of signal to noise where `noisy` should be `signal`, in dB; None where either is zero throughout."""
    power = float(np.sum(np.square(signal, dtype=np.float64)))
    noise = float(np.sum(np.square(signal.astype(np.float64) - noisy)))
    return 10 * float(np.log10(power / noise)) if power and noise else None


class _Model:
    """A TFLite model with one subgraph, whose tensors can all be looked at."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._model = schema.ModelT.InitFromPackedBuf(content, 0)
        self._graph = self._model.subgraphs[0]
        names = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
        named = [(names[self._code(operator)], operator) for operator in self._graph.operators]
        self.numbers = [number for number, (name, _) in enumerate(named) if name not in _ENDS]
        self.operators = [named[number] for number in self.numbers]

    def _code(self, operator: "schema.OperatorT") -> int:
        code = self._model.operatorCodes[operator.opcodeIndex]
        return int(max(code.builtinCode, code.deprecatedBuiltinCode))

    @property
    def shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """Of each operator its name and the shape of its output."""
        tensors = self._graph.tensors
        return [(name, tuple(map(int, tensors[operator.outputs[0]].shape))) for name, operator in self.operators]

    def activations(self, operator: "schema.OperatorT") -> list[int]:
        """The places among an operator's inputs that hold no constant, and are not left out (-1)."""

        def constant(number: int) -> bool:
            data = self._model.buffers[self._graph.tensors[number].buffer].data
            return data is not None and len(data) > 0

        return [place for place, number in enumerate(operator.inputs) if number >= 0 and not constant(number)]

    def run(self, images: NDArray[Any]) -> dict[int, NDArray[np.float32]]:
        """What each operator makes of images (N, ...), by the number of its tensor; dequantized, (N, ...)."""
        outputs = [operator.outputs[0] for operator in self._graph.operators]
        return _run(self._content, [(int(self._graph.inputs[0]), images)], [*self._graph.inputs, *outputs])

    def alone(self, operator: "schema.OperatorT", inputs: list[tuple[int, NDArray[np.float32]]]) -> NDArray[np.float32]:
        """What one operator makes of its inputs (N, ...), each given with the number of its tensor."""
        whole = self._graph.operators, self._graph.inputs, self._graph.outputs
        self._graph.operators = [operator]
        self._graph.inputs, self._graph.outputs = [number for number, _ in inputs], operator.outputs
        # They name tensors that are none of this operator's.
        signatures, self._model.signatureDefs = self._model.signatureDefs, None
        builder = flatbuffers.Builder(len(self._content))
        builder.Finish(self._model.Pack(builder), b"TFL3")
        self._graph.operators, self._graph.inputs, self._graph.outputs = whole
        self._model.signatureDefs = signatures
        return _run(bytes(builder.Output()), inputs, list(operator.outputs))[int(operator.outputs[0])]


def _run(
    content: bytes, inputs: Sequence[tuple[int, NDArray[Any]]], wanted: Sequence[int]
) -> dict[int, NDArray[np.float32]]:
    """The tensors that are `wanted`, dequantized, (N, ...), where each input gets N values one after the other."""
    interpreter = Interpreter(
        model_content=content,
        # The reference kernels, which compute as TFLM does, and keep all tensors as XNNPACK does not.
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
        num_threads=1,
    )
    interpreter.allocate_tensors()
    details = {detail["index"]: detail["quantization"] for detail in interpreter.get_tensor_details()}
    found: dict[int, list[NDArray[np.float32]]] = {int(number): [] for number in wanted}
    for n in range(len(inputs[0][1])):
        for number, values in inputs:
            interpreter.set_tensor(number, values[n][None])
        interpreter.invoke()
        for number, rows in found.items():
            scale, zero = details[number]
            tensor = interpreter.get_tensor(number)[0].astype(np.float32)
            rows.append((tensor - zero) * np.float32(scale) if scale else tensor)
    return {number: np.stack(rows) for number, rows in found.items()}
