"""The rules by which the camera's firmware takes a model and computes the right thing with it.

They were read from, and measured on, OpenMV firmware 5.0.0, which builds TensorFlow Lite Micro (TFLM) of 2024-07-25
with CMSIS-NN. PyPI's TFLM is newer and takes more: running there is necessary, and not enough.
"""

from collections.abc import Iterator

from linecam.boards.board import FIRST_FIRMWARE, LAST_FIRMWARE, Board, version
from linecam.boards.verdict import Finding
from linecam.tflite.graph import Graph, Operator, Tensor

# The operators that the firmware registers, as TFLite spells them; its audio operators are left out.
REGISTERED = frozenset(
    """
    ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND BROADCAST_ARGS
    BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM DEPTH_TO_SPACE DEPTHWISE_CONV_2D DEQUANTIZE DIV
    ELU EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS FILL FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GATHER_ND GREATER
    GREATER_EQUAL HARD_SWISH IF L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG LOG_SOFTMAX LOGICAL_AND
    LOGICAL_NOT LOGICAL_OR LOGISTIC MAX_POOL_2D MAXIMUM MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2 PRELU
    QUANTIZE READ_VARIABLE REDUCE_MAX RELU RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR ROUND RSQRT SELECT_V2
    SHAPE SIN SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE
    STRIDED_SLICE SUB SUM SVDF TANH TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE
    ZEROS_LIKE
    """.split()  # noqa: SIM905 (as a list it fills the page)
)
NPU = "ethos-u"  # the operator that Vela puts in
# What networks are trained on: the number for a pixel p is p * the first + the second.
PIXELS = {
    "[0, 1]": (1 / 255, 0.0),
    "p / 256": (1 / 256, 0.0),
    "0..255": (1.0, 0.0),
    "[-1, 1]": (1 / 127.5, -1.0),
    "p / 128 - 1": (1 / 128, -1.0),
    "[-0.5, 0.5]": (1 / 255, -0.5),
    "p - 127.5": (1.0, -127.5),
    "p - 128": (1.0, -128.0),
}
_ARGUMENTS = {"INT32", "INT64", "BOOL"}  # types of shapes, axes and biases


def check_board(board: Board, firmware: str) -> list[Finding]:
    """Rules that no model could keep: a board or a firmware version that linecam has no way to serve."""
    if board.refused:
        return [Finding("engine", board.title, board.refused.strip().rstrip("."), "build for another board")]
    if not version(FIRST_FIRMWARE) <= version(firmware) <= version(LAST_FIRMWARE):
        return [
            Finding(
                "firmware-version",
                f"firmware {firmware}",
                f"models load through the module ml since {FIRST_FIRMWARE}, and the rules were measured up to "
                f"{LAST_FIRMWARE}",
                f"update the camera with OpenMV IDE, or name a version from {FIRST_FIRMWARE} to {LAST_FIRMWARE}",
            )
        ]
    return []


def check_graph(graph: Graph) -> list[Finding]:
    """Every rule of the firmware that the model's input and operators break; [] where they break none."""
    return list(_graph(graph))


def check_name(name: str) -> list[Finding]:
    """Whether the firmware finds the labels of a model of this file name: it looks for them up to the first dot."""
    if name.count(".") == 1:
        return []
    return [
        Finding(
            "model-name",
            name,
            f"the firmware looks for the labels of this model in {name.split('.', maxsplit=1)[0]}.txt",
            "rename the file so that its only dot is the one before tflite",
        )
    ]


def check_latency(latency_ms: tuple[float, float] | None, budget_ms: float | None) -> list[Finding]:
    """Whether the upper end of the estimate keeps the budget, both in ms; None is no estimate, or no budget."""
    if latency_ms is None or budget_ms is None or latency_ms[1] <= budget_ms:
        return []
    low, high = latency_ms
    return [
        Finding(
            "latency",
            f"estimated at {low:g} to {high:g} ms",
            f"the budget is {budget_ms:g} ms",
            "take a smaller input or a stride in the first convolution, or enter a measured time (bundle.measured)",
        )
    ]


def _graph(graph: Graph) -> Iterator[Finding]:
    if len(graph.inputs) != 1:
        yield Finding(
            "one-input",
            f"{len(graph.inputs)} inputs",
            "main.py feeds one image",
            "build the network with a single image as its input",
        )
    for tensor in graph.inputs:
        yield from _input(tensor)
    for number, operator in enumerate(graph.operators):
        yield from _operator(f"operator {number}, {operator.name}", operator)


def _input(tensor: Tensor) -> Iterator[Finding]:
    where = f"input {tensor.name}"
    zero = {"INT8": -128, "UINT8": 0}.get(tensor.type)
    if zero is None:
        yield Finding(
            "integer-input",
            f"{where}: {tensor.type}",
            "a float model is too slow for the board, and firmware 4.5.6 to 4.7.0 feeds it 0..255"
            if tensor.type == "FLOAT32"
            else "the firmware feeds pixels as int8 or uint8",
            "quantize the input: inference_input_type = tf.int8",
        )
        return
    if len(tensor.shape) != 4 or tensor.shape[0] != 1 or tensor.shape[3] not in {1, 3} or min(tensor.shape) < 1:
        yield Finding(
            "image-input",
            f"{where}: shape {tensor.shape}",
            "the firmware fills (1, height, width, 1 or 3)",
            "export with batch size 1 and channels last",
        )
    elif tensor.open:
        yield Finding(
            "image-input",
            f"{where}: height or width left open",
            f"the firmware takes the size in the file, which is {tensor.shape[1]} x {tensor.shape[2]} pixels",
            "export with a fixed height and width",
        )
    elif tensor.shape[1] != tensor.shape[2]:
        yield Finding(
            "square-input",
            f"{where}: {tensor.shape[1]} x {tensor.shape[2]} pixels",
            "main.py hands over the square in the middle of the frame, which firmware from 5.0.0 on would stretch, and "
            "older ones crop",
            "build the network with a square input",
        )
    if not tensor.scales:
        yield Finding(
            "input-scale",
            f"{where}: {tensor.type} without a scale and zero point",
            "such a model is not quantized: it makes floats of the pixels",
            "quantize all of it, with a representative dataset and TFLITE_BUILTINS_INT8",
        )
    elif not _fed_right(tensor, zero):
        scale, low, high = "for each channel", 0.0, 0.0
        if len(tensor.scales) == len(tensor.zero_points) == 1:
            scale = f"{tensor.scales[0]:.8g}"
            low, high = ((end + zero - tensor.zero_points[0]) * tensor.scales[0] for end in (0, 255))
        yield Finding(
            "input-scale",
            f"{where}: scale {scale}, zero point {', '.join(map(str, tensor.zero_points)) or 'none'}",
            f"the firmware ignores both and feeds the pixel, so this model would see {low:.4g} to {high:.4g} for 0 to "
            "255, which no usual preparation of pixels gives. Mean and deviation of each channel do so, and so does a "
            "calibration without black or white",
            "train on [0, 1], 0..255 or [-1, 1], without mean and deviation outside the model, and calibrate over all "
            "of it",
        )


def _fed_right(tensor: Tensor, zero: int) -> bool:
    """Whether the camera's number for each pixel is the one that the model's own quantization gives, up to rounding.

    `zero` is the camera's number for a black pixel: -128 in int8, 0 in uint8. How the network was trained does not
    stand in the file; so it is right where one of `PIXELS` fits all 256 pixels. The ends are the worst: for [-1, 1] the
    zero point is rounded by half a step, and frames that almost fill the range, up to 0.999, move it by a quarter.
    """
    if len(tensor.scales) != 1 or len(tensor.zero_points) != 1:
        return False
    (scale,), (point,) = tensor.scales, tensor.zero_points
    return any(
        all(abs((pixel * step + start) / scale + point - zero - pixel) <= 0.75 for pixel in (0, 255))
        for step, start in PIXELS.values()
        if scale > 0
    )


def _operator(where: str, operator: Operator) -> Iterator[Finding]:
    if operator.name == NPU:
        yield Finding(
            "compiled",
            where,
            "Vela has compiled this file for an Ethos-U, and what it holds can't be checked any more",
            "give the file that was compiled: linecam compiles it for the boards that have the engine",
        )
        return
    if operator.name not in REGISTERED:
        yield Finding(
            "registered-operator",
            where,
            "the firmware does not register this operator",
            "build the network from convolutions, additions, pooling, fully connected layers and softmax",
        )
    data = {tensor.type for tensor in operator.inputs if not tensor.constant} - {"INT8"} - _ARGUMENTS
    weights = {tensor.type for tensor in operator.inputs if tensor.constant} - {"INT8"} - _ARGUMENTS
    if operator.name in {"QUANTIZE", "DEQUANTIZE"}:  # the borders, whose types the rules of input and output judge
        return
    if data & {"FLOAT32", "FLOAT16"}:
        hybrid = any(tensor.constant and tensor.type == "INT8" for tensor in operator.inputs)
        yield Finding(
            "int8",
            where,
            "hybrid operators, with int8 weights and float activations, are not supported"
            if hybrid
            else "float operators are too slow for the board and take four times the memory",
            "quantize activations too, with a representative dataset and TFLITE_BUILTINS_INT8",
        )
    elif data or weights:
        found = ", ".join(sorted(data | weights))
        yield Finding(
            "int8",
            f"{where}: {found}",
            "models quantized to uint8, as TensorFlow 1 did, are not supported"
            if "UINT8" in found
            else "the firmware's kernels take int8 weights and activations",
            "convert with inference_type = tf.int8",
        )
    if operator.name == "FULLY_CONNECTED":
        for tensor in operator.inputs:
            if tensor.constant and len(tensor.shape) > 1 and len(tensor.scales) > 1:
                yield Finding(
                    "per-tensor-fully-connected",
                    f"{where}, weights {tensor.name}: {len(tensor.scales)} scales",
                    "the firmware's TFLM computes a fully connected layer with one scale a tensor alone",
                    "set _experimental_disable_per_channel_quantization_for_dense_layers, or use a 1x1 convolution",
                )
