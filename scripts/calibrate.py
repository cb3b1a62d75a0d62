"""Calibrate a model's probabilities on the frames that each fold held out."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.special import log_softmax

from linecam.evaluation.calibration import balanced_loss, best_temperature, by_class, calibration_error
from linecam.evaluation.figures import HeldOutScore
from linecam.evaluation.predictions import read_predictions
from linecam.evaluation.weighing import effective_size
from linecam.files import atomic_write, write_json
from linecam.networks.models import Classifier, load_weights, save_weights
from linecam.workflow.job import job


def calibrate(
    weights_path: Path,
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
    best temperature becomes the model's: it is folded into the last layer. All figures are weighed by the frames'
    `weight`, so that they hold for the line.
    """
    tables = [read_predictions(path) for path in folds]
    # Of a fold without frames no column is a number.
    table = pd.concat([table for table in tables if len(table)]).sort_values("sha256", ignore_index=True)
    logits = table.pop(f"z_{classes[0]}").to_numpy()[:, None]
    logits = np.concatenate([logits, *(table.pop(f"z_{name}").to_numpy()[:, None] for name in classes[1:])], axis=1)
    targets = np.array([classes.index(label) for label in table["label"]])
    weights = table["weight"].to_numpy(np.float64)
    temperature = best_temperature(logits, targets, weights)
    probabilities = np.exp(log_softmax(logits / temperature, axis=1))
    table["predicted"] = [classes[number] for number in probabilities.argmax(axis=1)]
    for number, name in enumerate(classes):
        table[f"p_{name}"] = [f"{value:.6f}" for value in probabilities[:, number]]
    with atomic_write(held_out) as temporary:
        table.to_csv(temporary, index=False)

    model = Classifier(network, len(classes))
    about = load_weights(weights_path, model)
    with torch.no_grad():
        model.head.weight.div_(temperature)
        model.head.bias.div_(temperature)
    save_weights(model_path, model, about | {"temperature": temperature})

    hits = probabilities.argmax(axis=1) == targets
    constant = np.bincount(targets, weights, len(classes))  # how much each class weighs
    score: HeldOutScore = {
        "frames": len(table),
        "effective_frames": round(effective_size(weights), 1),
        "loss": round(balanced_loss(logits / temperature, targets, weights), 6),
        "accuracy": round(float(np.average(hits, weights=weights)), 6),
        "balanced_accuracy": round(by_class(hits.astype(np.float64), targets, weights), 6),
        "constant": {
            "says": classes[int(constant.argmax())],
            "accuracy": round(float(constant.max() / constant.sum()), 6),
            "balanced_accuracy": round(1 / int((constant > 0).sum()), 6),
        },
        "temperature": round(temperature, 4),
        "calibration_error": {
            "before": calibration_error(np.exp(log_softmax(logits, axis=1)), targets, weights),
            "after": calibration_error(probabilities, targets, weights),
        },
    }
    logging.info("temperature %.3f; held-out accuracy %.3f", temperature, score["accuracy"])
    write_json(score_path, score)


if __name__ == "__main__":
    with job(snakemake):
        calibrate(
            Path(snakemake.input.weights),
            [Path(path) for path in snakemake.input.folds],
            Path(snakemake.output.model),
            Path(snakemake.output.held_out),
            Path(snakemake.output.score),
            network=snakemake.wildcards.network,
            classes=snakemake.params.classes,
        )
