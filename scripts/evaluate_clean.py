"""Evaluate the chosen model through the camera's arithmetic and without it, on the same test frames."""

from pathlib import Path

from linecam.evaluation.candidates import Choice, TrainedModel
from linecam.evaluation.metrics import paired, score
from linecam.evaluation.predictions import read_predictions
from linecam.files import write_json
from linecam.workflow.job import job


def evaluate_clean(
    choice_path: Path,
    models: list[TrainedModel],
    clean_path: Path,
    metrics: Path,
    *,
    classes: list[str],
    confidence: float,
) -> None:
    """Write the figures on camera pixels (`camera`) and on cleanly resized frames (`clean`), and `paired` counts.

    `clean_path` holds the chosen model's predictions on the clean test frames. `paired` counts the test frames that are
    judged differently, and where just one of the two was right.
    """
    choice = Choice.read(choice_path)
    path = choice.among_trained(models).predictions[choice.range]
    camera, clean = read_predictions(path), read_predictions(clean_path)
    camera = camera[camera["part"] == "test"].reset_index(drop=True)
    if list(camera["sha256"]) != list(clean["sha256"]):
        raise ValueError(f"{path} and {clean_path} are of different test frames")
    write_json(
        metrics,
        {
            "model": str(choice.model),
            "range": choice.range,
            "camera": score(camera, classes, confidence),
            "clean": score(clean, classes, confidence),
            "paired": paired(camera["label"], camera["predicted"], clean["predicted"], ("camera", "clean")),
        },
    )


if __name__ == "__main__":
    with job(snakemake):
        evaluate_clean(
            Path(snakemake.input.choice),
            [TrainedModel.from_param(model) for model in snakemake.params.models],
            Path(snakemake.input.clean),
            Path(snakemake.output.metrics),
            classes=snakemake.params.classes,
            confidence=snakemake.params.confidence,
        )
