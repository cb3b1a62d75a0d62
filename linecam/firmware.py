"""The rules by which the camera's firmware takes a model, checked on the PC.

A release board prints "Failed to allocate tensors" whatever the reason, so the reason has to be found here. The
rules were read from, and measured on, OpenMV firmware 5.0.0, which builds TensorFlow Lite Micro of 2024-07-25.
"""

from dataclasses import asdict, dataclass
from typing import Any

from linecam.tflite import Graph, Operator, Tensor

# The operators that the firmware registers and an image classifier may need.
REGISTERED = frozenset(
    {
        "ADD",
        "AVERAGE_POOL_2D",
        "CONCATENATION",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "DEQUANTIZE",
        "FULLY_CONNECTED",
        "HARD_SWISH",
        "LOGISTIC",
        "MAX_POOL_2D",
        "MEAN",
        "MUL",
        "PAD",
        "QUANTIZE",
        "RELU",
        "RELU6",
        "RESHAPE",
        "RESIZE_BILINEAR",
        "SOFTMAX",
        "TRANSPOSE_CONV",
    }
)
_SCALE = 1 / 255


@dataclass(frozen=True)
class Finding:
    """A rule that a model breaks: at which operator or tensor, why the rule is there, how to mend the model."""

    rule: str
    where: str
    why: str
    mend: str


def check(graph: Graph, arena_bytes: int, board: dict[str, Any]) -> list[Finding]:
    """Every rule that the model breaks on the board (an entry of config/boards.yaml); [] where it breaks none."""
    findings = [finding for tensor in graph.inputs for finding in _input(tensor)]
    for number, operator in enumerate(graph.operators):
        findings += _operator(f"operator {number}, {operator.name}", operator)
    for output in graph.outputs:
        if output.type != "INT8":
            findings.append(
                Finding(
                    "int8-output",
                    f"output {output.name}: {output.type}",
                    "int8 models alone are supported",
                    "set inference_output_type = tf.int8",
                )
            )
    if graph.size > board["file_bytes"]:
        findings.append(
            Finding(
                "file-size",
                f"{graph.size} bytes",
                f"{board['title']} has room for {board['file_bytes']}",
                "take a network with fewer weights",
            )
        )
    if arena_bytes > board["arena_bytes"]:
        findings.append(
            Finding(
                "arena-size",
                f"{arena_bytes} bytes",
                f"the largest block of {board['title']} is {board['arena_bytes']}",
                "take a smaller input, or a network with a stride in its first convolution",
            )
        )
    return findings


def as_json(findings: list[Finding]) -> list[dict[str, str]]:
    """Findings as JSON values."""
    return [asdict(finding) for finding in findings]


def _input(tensor: Tensor) -> list[Finding]:
    where = f"input {tensor.name}"
    if tensor.type == "FLOAT32":
        return [
            Finding(
                "integer-input",
                where,
                "firmware 4.5.6 to 4.7.0 feeds float models 0..255",
                "quantize the input: inference_input_type = tf.int8",
            )
        ]
    zero = {"INT8": -128, "UINT8": 0}.get(tensor.type)
    if zero is None:
        return [
            Finding("integer-input", f"{where}: {tensor.type}", "the firmware feeds int8 or uint8", "quantize to int8")
        ]
    findings = []
    if len(tensor.shape) != 4 or tensor.shape[0] != 1 or tensor.shape[3] not in {1, 3}:
        findings.append(
            Finding(
                "image-input",
                f"{where}: shape {tensor.shape}",
                "the firmware fills (1, height, width, 1 or 3)",
                "export with batch size 1 and channels last",
            )
        )
    if len(tensor.scales) != 1 or abs(tensor.scales[0] - _SCALE) > 1e-6 * _SCALE or tensor.zero_points != (zero,):
        findings.append(
            Finding(
                "input-scale",
                f"{where}: scale {tensor.scales}, zero point {tensor.zero_points}",
                "the firmware ignores both and feeds the pixel, which is right for scale 1/255 and zero point "
                f"{zero} alone",
                "train on [0, 1], without mean and deviation outside the model, and calibrate over all of it",
            )
        )
    return findings


def _operator(where: str, operator: Operator) -> list[Finding]:
    findings = []
    if operator.name not in REGISTERED:
        findings.append(
            Finding(
                "registered-operator",
                where,
                "the firmware does not register this operator",
                f"build the network from {', '.join(sorted(REGISTERED))}",
            )
        )
    data = [tensor for tensor in operator.inputs if not tensor.constant]
    weights = [tensor for tensor in operator.inputs if tensor.constant and tensor.type != "INT32"]
    if any(tensor.type == "UINT8" for tensor in [*data, *weights]) and operator.name != "QUANTIZE":
        findings.append(
            Finding(
                "int8",
                where,
                "models quantized to uint8, as TensorFlow 1 did, are not supported",
                "convert with inference_type = tf.int8",
            )
        )
    elif any(tensor.type == "FLOAT32" for tensor in data) and operator.name != "QUANTIZE":
        kind = "hybrid" if any(tensor.type == "INT8" for tensor in weights) else "float"
        findings.append(
            Finding(
                "int8",
                where,
                f"{kind} operators are not supported",
                "quantize activations too, with a representative dataset",
            )
        )
    if operator.name == "FULLY_CONNECTED" and any(len(tensor.scales) > 1 for tensor in weights):
        findings.append(
            Finding(
                "per-tensor-fully-connected",
                where,
                "the firmware's TFLM computes it with one scale a tensor alone",
                "set _experimental_disable_per_channel_quantization_for_dense_layers, or use a 1x1 convolution",
            )
        )
    return findings
