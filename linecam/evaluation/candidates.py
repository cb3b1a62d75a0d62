"""The models of a run: what the plan knows of each before it is made, and which of them was chosen.

Rules hand these to their scripts as plain values (`as_param`), in which Snakemake can tell a changed parameter, and a
path can be replaced by the place where a job has the file.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from linecam.evaluation.figures import Weakness
from linecam.files import read_json
from linecam.networks.model_name import ModelName


@dataclass(frozen=True)
class Candidate:
    """A trained model in one quantization range, which may go into the bundle, and the files that speak of it."""

    model: ModelName
    range: str
    tflite: Path
    score: Path  # on the frames that the folds held out
    held_out: Path  # the model's probabilities for these frames
    history: Path  # the loss of each epoch
    thresholds: Path
    metrics: Path
    firmware: dict[str, Path]  # by board, whether it takes the model
    files: dict[str, Path]  # by board, what the board gets: the model itself, or what Vela makes of it

    @classmethod
    def from_param(cls, value: dict[str, Any]) -> Self:
        """The candidate that `as_param` wrote."""
        return cls(
            ModelName.parse(value["model"]),
            value["range"],
            Path(value["tflite"]),
            Path(value["score"]),
            Path(value["held_out"]),
            Path(value["history"]),
            Path(value["thresholds"]),
            Path(value["metrics"]),
            _paths(value["firmware"]),
            _paths(value["files"]),
        )

    def as_param(self) -> dict[str, Any]:
        """Text and objects of text alone."""
        return _plain(self)


@dataclass(frozen=True)
class TrainedModel:
    """A trained model in all its forms (float, onnx, and one for each range), and the files that speak of it.

    One that does not compete for the bundle is evaluated in float alone, and has no predictions here.
    """

    model: ModelName
    history: Path  # the loss of each epoch
    score: Path  # on the frames that the folds held out
    metrics: dict[str, Path]  # by form
    predictions: dict[str, Path]  # by range
    float_predictions: Path | None = None  # those of the float form
    learning: dict[str, Path] = field(default_factory=dict)  # by fold, how it was judged along its training
    teacher: Path | None = None  # what the large network says of each labelled frame without the labels of its fold

    @classmethod
    def from_param(cls, value: dict[str, Any]) -> Self:
        """The model that `as_param` wrote."""
        return cls(
            ModelName.parse(value["model"]),
            Path(value["history"]),
            Path(value["score"]),
            _paths(value["metrics"]),
            _paths(value["predictions"]),
            Path(value["float_predictions"]) if "float_predictions" in value else None,
            _paths(value["learning"]),
            Path(value["teacher"]) if "teacher" in value else None,
        )

    def as_param(self) -> dict[str, Any]:
        """Text and objects of text alone."""
        return _plain(self)


@dataclass(frozen=True)
class Choice:
    """Which model goes into the bundle, in which range, and why; and why it is weak, where it is."""

    model: ModelName
    range: str
    reason: str
    weak: list[Weakness]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The choice that choice.json holds."""
        value = read_json(path)
        return cls(ModelName.parse(value["model"]), value["range"], value["reason"], value["weak"])

    def among(self, candidates: Iterable[Candidate]) -> Candidate:
        """The chosen one of `candidates`."""
        return next(one for one in candidates if (one.model, one.range) == (self.model, self.range))

    def among_trained(self, models: Iterable[TrainedModel]) -> TrainedModel:
        """The chosen one of `models`, whatever its range."""
        return next(one for one in models if one.model == self.model)


def _paths(value: dict[str, str]) -> dict[str, Path]:
    return {key: Path(path) for key, path in value.items()}


def _plain(value: Candidate | TrainedModel) -> dict[str, Any]:
    return {
        key: {name: str(path) for name, path in item.items()} if isinstance(item, dict) else str(item)
        for key, item in vars(value).items()
        if item is not None
    }
