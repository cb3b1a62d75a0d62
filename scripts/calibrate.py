"""Calibrate a model's probabilities on the frames that each fold held out."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from linecam.errors import reported
from linecam.evaluation.predictions import read_predictions
from linecam.files import atomic_write, write_json
from linecam.networks.models import Classifier, load_weights, save_weights

TEMPERATURES = (0.05, 20.0)


def calibrate(
    weights: Path,
    folds: list[Path],
    model_path: Path,
    held_out: Path,
    score_path: Path,
    *,
    network: str,
    classes: list[str],
) -> None:
    """Write the model with calibrated probabilities, all held-out predictions, and their score.

    `folds` are the tables of finetune_fold: together each training frame's logits by a model that never saw it. Their
    temperature (Guo et al., ICML 2017), that of the lowest loss, becomes the model's: it is folded into the last layer.
    """
    tables = [read_predictions(path) for path in folds]
    # Of a fold without frames no column is a number.
    table = pd.concat([table for table in tables if len(table)]).sort_values("sha256", ignore_index=True)
    logits = table.pop(f"z_{classes[0]}").to_numpy()[:, None]
    logits = np.concatenate([logits, *(table.pop(f"z_{name}").to_numpy()[:, None] for name in classes[1:])], axis=1)
    targets = np.array([classes.index(label) for label in table["label"]])
    temperature = best_temperature(logits, targets)
    probabilities = np.exp(log_softmax(logits / temperature, axis=1))
    table["predicted"] = [classes[number] for number in probabilities.argmax(axis=1)]
    for number, name in enumerate(classes):
        table[f"p_{name}"] = [f"{value:.6f}" for value in probabilities[:, number]]
    with atomic_write(held_out) as temporary:
        table.to_csv(temporary, index=False)

    model = Classifier(network, len(classes))
    about = load_weights(weights, model)
    with torch.no_grad():
        model.head.weight.div_(temperature)
        model.head.bias.div_(temperature)
    save_weights(model_path, model, about | {"temperature": temperature})

    hits = probabilities.argmax(axis=1) == targets
    recalls = [float(hits[targets == number].mean()) for number in np.unique(targets)]
    score = {
        "frames": len(table),
        "loss": round(loss(logits / temperature, targets), 6),
        "accuracy": round(float(hits.mean()), 6),
        "balanced_accuracy": round(sum(recalls) / len(recalls), 6),
        "temperature": round(temperature, 4),
        "calibration_error": {
            "before": calibration_error(np.exp(log_softmax(logits, axis=1)), targets),
            "after": calibration_error(probabilities, targets),
        },
    }
    logging.info("temperature %.3f; held-out accuracy %.3f", temperature, score["accuracy"])
    write_json(score_path, score)


def loss(logits: NDArray[np.floating], targets: NDArray[np.intp]) -> float:
    """The mean negative log-likelihood, in nats, of logits (N, classes), each class weighing the same."""
    likelihood = log_softmax(logits, axis=1)[np.arange(len(targets)), targets]
    return -float(np.mean([likelihood[targets == number].mean() for number in np.unique(targets)]))


def best_temperature(logits: NDArray[np.floating], targets: NDArray[np.intp]) -> float:
    """What to divide logits (N, classes) by for the lowest mean negative log-likelihood of the targets (N,).

    Of a target 1 / (N + 2) is taken for another class, as by Platt (1999): N frames that are all right don't prove
    that no frame is ever wrong.
    """
    count, classes = logits.shape
    wanted = np.full((count, classes), 1 / (count + 2) / (classes - 1))
    wanted[np.arange(count), targets] = 1 - 1 / (count + 2)

    def cost(log_temperature: float) -> float:
        return -float((wanted * log_softmax(logits / np.exp(log_temperature), axis=1)).sum(axis=1).mean())

    found = minimize_scalar(cost, bounds=tuple(np.log(TEMPERATURES)), method="bounded")
    return float(np.exp(found.x))


def calibration_error(probabilities: NDArray[np.floating], targets: NDArray[np.intp], bins: int = 10) -> float:
    """The expected calibration error (Naeini et al., AAAI 2015): how far confidence and accuracy are apart, 0..1."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(right[number == n].sum() - confidence[number == n].sum()) for n in range(bins)]
    return round(float(sum(gaps)) / len(targets), 6)


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        calibrate(
            Path(snakemake.input.weights),
            [Path(path) for path in snakemake.input.folds],
            Path(snakemake.output.model),
            Path(snakemake.output.held_out),
            Path(snakemake.output.score),
            network=snakemake.wildcards.network,
            classes=snakemake.params.classes,
        )
