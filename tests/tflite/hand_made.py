"""An int8 TFLite model made by hand, whose output is known to the last bit."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

# A scale and a zero point: the value is (number - zero point) * scale.
Quantization = tuple[float, int]


def passing_on(shape: tuple[int, int, int, int], image: Quantization, output: Quantization) -> bytes:
    """A model that hands on the numbers of its input, (1, height, width, channels) int8, as they are: (1, all of them).

    Its one operator is a RESHAPE. `image` and `output` are the quantization of its input and of its output.
    """
    flat = (1, int(np.prod(shape)))
    graph = schema.SubGraphT()
    graph.tensors = [_int8("image", shape, image), _int8("numbers", flat, output)]
    graph.inputs, graph.outputs = [0], [1]
    reshape = schema.OperatorT()
    reshape.inputs, reshape.outputs = [0], [1]
    reshape.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
    reshape.builtinOptions = schema.ReshapeOptionsT()
    reshape.builtinOptions.newShape = list(flat)
    graph.operators = [reshape]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RESHAPE
    code.version = 1
    model = schema.ModelT()
    model.version = 3
    model.operatorCodes, model.subgraphs, model.buffers = [code], [graph], [schema.BufferT()]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _int8(name: str, shape: tuple[int, ...], quantization: Quantization) -> schema.TensorT:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = name.encode(), list(shape), schema.TensorType.INT8
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale, tensor.quantization.zeroPoint = [quantization[0]], [quantization[1]]
    return tensor
