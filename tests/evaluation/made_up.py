"""Candidates and trained models for tests, of which only the files that matter are there."""

from pathlib import Path

from linecam.evaluation.candidates import Candidate, TrainedModel
from linecam.networks.model_name import ModelName

MISSING = Path("no/such/file")


def candidate(
    model: str,
    span: str,
    *,
    tflite: Path = MISSING,
    score: Path = MISSING,
    thresholds: Path = MISSING,
    metrics: Path = MISSING,
    firmware: dict[str, Path] | None = None,
    files: dict[str, Path] | None = None,
) -> Candidate:
    """A candidate of a model's name and a range."""
    return Candidate(ModelName.parse(model), span, tflite, score, thresholds, metrics, firmware or {}, files or {})


def trained(
    model: str,
    *,
    history: Path = MISSING,
    score: Path = MISSING,
    metrics: dict[str, Path] | None = None,
    predictions: dict[str, Path] | None = None,
) -> TrainedModel:
    """A trained model of this name."""
    return TrainedModel(ModelName.parse(model), history, score, metrics or {}, predictions or {})
