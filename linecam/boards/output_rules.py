"""What main.py makes of a model's output: one probability for each class, and nothing else."""

from collections.abc import Iterator

from linecam.boards.verdict import Finding
from linecam.tflite.graph import Graph, Operator, Tensor

PROBABILITIES = {"SOFTMAX", "LOGISTIC"}
_PASS_ON = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "QUANTIZE", "DEQUANTIZE"}  # the same numbers in another form
_SOFTMAX = "end the network with a softmax over its classes"


def check_outputs(graph: Graph, labels: int | None = None) -> list[Finding]:
    """What main.py would misread in the model's outputs; [] where nothing. `labels` is their number, if it is known."""
    if len(graph.outputs) != 1:
        return [
            Finding(
                "one-output",
                f"{len(graph.outputs)} outputs",
                "main.py reads one, and would take no notice of the others",
                "build the network with one output, which has a probability for each class",
            )
        ]
    return list(_output(graph, graph.outputs[0], labels))


def _output(graph: Graph, output: Tensor, labels: int | None) -> Iterator[Finding]:
    where = f"output {output.name}"
    if output.type not in {"INT8", "UINT8"}:
        yield Finding(
            "int8-output",
            f"{where}: {output.type}",
            "main.py and the evaluation go by an int8 model, or one with uint8 at its borders",
            "set inference_output_type = tf.int8",
        )
    classes = output.shape[-1] if output.shape else 1
    if output.elements != classes or len(output.shape) > 4:
        yield Finding(
            "class-scores",
            f"{where}: shape {output.shape}",
            "the firmware hands over at most four dimensions, and fails at the first frame"
            if len(output.shape) > 4
            else "main.py reads one number a class, for the whole image; this is a map of answers",
            "take a network that classifies whole images, or pool its answers, to (1, classes)",
        )
        return
    if classes == 1:
        yield Finding(
            "class-scores",
            f"{where}: one number",
            "main.py takes the class with the highest of several, so one number always wins",
            "give the network an output for each of the two classes, and a softmax",
        )
    elif labels is not None and labels != classes:
        yield Finding(
            "labels",
            f"{where}: {classes} numbers, and {labels} labels",
            "main.py ends where these differ",
            "give the file of labels that belongs to the model, one label a line in the order of the outputs",
        )
    maker = _maker(graph, output)
    if maker is None or maker.name not in PROBABILITIES:
        yield Finding(
            "probabilities",
            f"{where}: made by {maker.name if maker else 'no operator'}",
            "main.py reads probabilities, for its thresholds and votes: below 0 counts as 0, and above 1 as 1",
            _SOFTMAX,
        )
    elif maker.name == "SOFTMAX" and (over := (maker.outputs[0].shape or (1,))[-1]) != classes:
        yield Finding(
            "probabilities",
            f"{where}: made by a softmax over {over} number{'s' * (over != 1)}, not over the {classes} classes",
            "each number then says nothing of the other classes" + ", and is always 1" * (over == 1),
            _SOFTMAX,
        )


def _maker(graph: Graph, output: Tensor) -> Operator | None:
    """The operator that the numbers of an output come from, behind all that only hand them on."""
    made_by = {id(tensor): operator for operator in graph.operators for tensor in operator.outputs}
    operator = made_by.get(id(output))
    for _ in graph.operators:  # a damaged file may go round in circles
        if operator is None or operator.name not in _PASS_ON or not operator.inputs:
            break
        operator = made_by.get(id(operator.inputs[0]))
    return operator
