"""Candidates, trained models and predictions for tests; of files only those that matter are there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from linecam.evaluation.candidates import Candidate, TrainedModel
from linecam.evaluation.figures import Weakness
from linecam.networks.model_name import ModelName

MISSING = Path("no/such/file")


def candidate(
    model: str,
    span: str,
    *,
    tflite: Path = MISSING,
    score: Path = MISSING,
    held_out: Path = MISSING,
    history: Path = MISSING,
    thresholds: Path = MISSING,
    metrics: Path = MISSING,
    firmware: dict[str, Path] | None = None,
    files: dict[str, Path] | None = None,
) -> Candidate:
    """A candidate of a model's name and a range."""
    name = ModelName.parse(model)
    return Candidate(name, span, tflite, score, held_out, history, thresholds, metrics, firmware or {}, files or {})


def choice_of(model: str, span: str = "calibrated", reason: str = "", weak: Sequence[Weakness] = ()) -> dict[str, Any]:
    """What choice.json says of the chosen model."""
    return {"model": model, "range": span, "reason": reason, "weak": list(weak)}


def trained(
    model: str,
    *,
    history: Path = MISSING,
    score: Path = MISSING,
    metrics: dict[str, Path] | None = None,
    predictions: dict[str, Path] | None = None,
    float_predictions: Path | None = None,
    learning: dict[str, Path] | None = None,
) -> TrainedModel:
    """A trained model of this name."""
    return TrainedModel(
        ModelName.parse(model), history, score, metrics or {}, predictions or {}, float_predictions, learning or {}
    )


def held_out(rows: Sequence[tuple[str, Sequence[float]]], classes: Sequence[str]) -> pd.DataFrame:
    """Predictions for frames that folds held out: their label, and a probability for each class."""
    table = pd.DataFrame({"sha256": [str(n) for n in range(len(rows))], "label": [label for label, _ in rows]})
    table["path"] = table["sha256"] + ".jpg"
    for n, name in enumerate(classes):
        table[f"p_{name}"] = [p[n] for _, p in rows]
    return table
