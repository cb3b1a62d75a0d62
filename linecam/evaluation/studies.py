"""The models that the two studies compare: what the plan knows of each before it is made.

As with the candidates for the bundle, rules hand these to their scripts as plain values (`as_param`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class StudiedModel:
    """A model of `snakemake study`, and the files that speak of it.

    The files of its int8 form are there only for a model of the study's largest number of labels.
    """

    network: str  # architecture-size
    method: str  # where its weights began
    labels: int  # how many labels it learned from
    seed: int
    float_metrics: Path
    int8_metrics: Path | None = None
    int8_predictions: Path | None = None
    firmware: Path | None = None  # whether the board takes it, and what it costs there

    @classmethod
    def from_param(cls, value: dict[str, Any]) -> Self:
        """The model that `as_param` wrote."""
        return cls(
            value["network"],
            value["method"],
            value["labels"],
            value["seed"],
            Path(value["float_metrics"]),
            _optional_path(value.get("int8_metrics")),
            _optional_path(value.get("int8_predictions")),
            _optional_path(value.get("firmware")),
        )

    def as_param(self) -> dict[str, Any]:
        """Numbers and text alone; what is not there is left out."""
        return _plain(self)


@dataclass(frozen=True)
class StudiedSelection:
    """A model of `snakemake study_selection`: trained on the frames that a strategy has chosen."""

    strategy: str
    labels: int  # how many frames were chosen
    seed: int  # of the training, and of what is drawn at random
    split: Path
    predictions: Path  # of the model that was finetuned on these frames

    @classmethod
    def from_param(cls, value: dict[str, Any]) -> Self:
        """The model that `as_param` wrote."""
        return cls(value["strategy"], value["labels"], value["seed"], Path(value["split"]), Path(value["predictions"]))

    def as_param(self) -> dict[str, Any]:
        """Numbers and text alone."""
        return _plain(self)


def _optional_path(value: str | None) -> Path | None:
    return None if value is None else Path(value)


def _plain(value: StudiedModel | StudiedSelection) -> dict[str, Any]:
    items = ((name, str(item) if isinstance(item, Path) else item) for name, item in vars(value).items())
    return {name: item for name, item in items if item is not None}
