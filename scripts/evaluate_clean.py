"""Evaluate the chosen model through the camera's arithmetic and without it, on the same test frames."""

from pathlib import Path
from typing import Any

from linecam.errors import reported
from linecam.evaluation.metrics import score
from linecam.evaluation.predictions import read_predictions
from linecam.files import read_json, write_json


def evaluate_clean(
    choice_path: Path,
    models: list[dict[str, Any]],
    clean_path: Path,
    metrics: Path,
    *,
    classes: list[str],
    confidence: float,
) -> None:
    """Write the figures on camera pixels (`camera`) and on cleanly resized frames (`clean`), and `paired` counts.

    Each of `models` has `model` and `predictions`, a path for each range; of `clean_path` are those of the chosen
    model on the clean test frames. `paired` counts the test frames that are judged differently, and where just one
    of the two was right.
    """
    choice = read_json(choice_path)
    chosen = next(entry for entry in models if entry["model"] == choice["model"])
    path = chosen["predictions"][choice["range"]]
    camera, clean = read_predictions(path), read_predictions(clean_path)
    camera = camera[camera["part"] == "test"].reset_index(drop=True)
    if list(camera["sha256"]) != list(clean["sha256"]):
        raise ValueError(f"{path} and {clean_path} are of different test frames")
    differ = camera["predicted"] != clean["predicted"]
    write_json(
        metrics,
        {
            "model": choice["model"],
            "range": choice["range"],
            "camera": score(camera, classes, confidence),
            "clean": score(clean, classes, confidence),
            "paired": {
                "differ": int(differ.sum()),
                "only_camera_right": int((differ & (camera["predicted"] == camera["label"])).sum()),
                "only_clean_right": int((differ & (clean["predicted"] == clean["label"])).sum()),
            },
        },
    )


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        evaluate_clean(
            Path(snakemake.input.choice),
            snakemake.params.models,
            Path(snakemake.input.clean),
            Path(snakemake.output.metrics),
            classes=snakemake.params.classes,
            confidence=snakemake.params.confidence,
        )
