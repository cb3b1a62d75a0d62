"""All models of a sweep, each by itself and as means over the seeds."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from linecam.evaluation.candidates import Choice, TrainedModel
from linecam.evaluation.figures import HeldOutScore, Metrics
from linecam.files import read_json
from linecam.networks.model_name import ModelName


@dataclass(frozen=True)
class SweepRow:
    """One model. Figures are of the float form on the test frames, which every model has.

    `quantized` is the accuracy in the chosen range, None for a model that does not compete for the bundle.
    """

    model: ModelName
    chosen: bool
    held_out: HeldOutScore
    accuracy: float | None
    quantized: float | None
    recalls: list[float | None]  # in the order of the classes


@dataclass(frozen=True)
class Variant:
    """What is the same but for the seed."""

    network: str
    method: str
    selection: str
    rows: list[SweepRow]

    @cached_property
    def recalls(self) -> list[list[float | None]]:
        """By class the recall of every seed."""
        return [list(values) for values in zip(*(row.recalls for row in self.rows), strict=True)]


@dataclass(frozen=True)
class Sweep:
    """All models."""

    rows: list[SweepRow]

    @classmethod
    def read(cls, models: Iterable[TrainedModel], choice: Choice, classes: list[str]) -> "Sweep":
        """The figures of `models`."""
        return cls([_row(model, choice, classes) for model in models])

    @property
    def variants(self) -> list[Variant]:
        """The models, those that differ only in their seed together."""
        found: dict[tuple[str, str, str], list[SweepRow]] = {}
        for row in self.rows:
            found.setdefault((row.model.network, row.model.method, row.model.selection), []).append(row)
        return [Variant(*variant, rows) for variant, rows in found.items()]


def _row(trained: TrainedModel, choice: Choice, classes: list[str]) -> SweepRow:
    metrics: Metrics = read_json(trained.metrics["float"])
    quantized: Metrics | None = read_json(trained.metrics[choice.range]) if choice.range in trained.metrics else None
    test = metrics["test"]
    return SweepRow(
        model=trained.model,
        chosen=trained.model == choice.model,
        held_out=read_json(trained.score),
        accuracy=test["accuracy"]["value"],
        quantized=quantized["test"]["accuracy"]["value"] if quantized else None,
        recalls=[test["classes"][name]["recall"]["value"] for name in classes],
    )
