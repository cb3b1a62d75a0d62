"""The forms of the chosen model, from PyTorch to each quantization."""

from collections.abc import Iterable
from dataclasses import dataclass

from linecam.boards.verdict import VerdictFile
from linecam.evaluation.candidates import Candidate, TrainedModel
from linecam.evaluation.figures import Metrics
from linecam.files import read_json


@dataclass(frozen=True)
class Form:
    """One form of a model, its figures, and what each board says of it: of float forms none says anything."""

    name: str
    words: str
    metrics: Metrics
    firmware: dict[str, VerdictFile]


def forms_of(model: TrainedModel, candidates: Iterable[Candidate]) -> list[Form]:
    """Every form of `model`, float first; `candidates` are those of all models."""
    firmware = {one.range: one.firmware for one in candidates if one.model == model.model}
    return [
        Form(
            name,
            in_words(name),
            read_json(path),
            {board: read_json(verdict) for board, verdict in firmware.get(name, {}).items()},
        )
        for name, path in model.metrics.items()
    ]


def in_words(form: str) -> str:
    """What a form is."""
    if form == "float":
        return "float32, in PyTorch"
    if form == "onnx":
        return "float32, in onnxruntime"
    if form == "calibrated":
        return "int8, activations calibrated on training frames"
    low, high = form.removeprefix("fixed_").split("_")
    return f"int8, every activation from {low} to {high}"
