"""Finetune the whole network on the labelled frames."""

from collections.abc import Sequence
from pathlib import Path

from linecam.files import write_history
from linecam.networks.models import save_weights
from linecam.networks.torch_setup import prepare_torch
from linecam.training.finetune import Recipe, labelled, soft_frames, start, train
from linecam.workflow.job import job


def finetune(
    pixels_path: Path,
    frames_path: Path,
    backbone: Path,
    weights: Path,
    history: Path,
    *,
    network: str,
    classes: list[str],
    recipe: Recipe,
    threads: int,
    gpus: int = 0,
    sample: Sequence[Path] = (),
) -> None:
    """Write the weights of the classifier that all training frames made, and the mean loss of each epoch.

    `pixels_path` holds the sensor's frames, `frames_path` the table of them, and `sample` is what `soft_frames` reads.
    Raises `UserError` where the training diverges.
    """
    device = prepare_torch(threads, gpus)
    frames, table, targets = labelled(pixels_path, frames_path, classes)
    model = start(network, len(classes), backbone, recipe.seed)
    model, losses = train(
        model,
        frames,
        targets,
        recipe,
        network=network,
        device=device,
        what=f"finetune {network}",
        soft=soft_frames(sample, table, fold=None),
    )
    save_weights(weights, model, {"network": network, "classes": classes, "seed": recipe.seed})
    write_history(history, losses)


if __name__ == "__main__":
    with job(snakemake):
        finetune(
            Path(snakemake.input.pixels),
            Path(snakemake.input.frames),
            Path(snakemake.input.backbone),
            Path(snakemake.output.weights),
            Path(snakemake.output.history),
            network=snakemake.wildcards.network,
            classes=snakemake.params.classes,
            recipe=Recipe.of(snakemake.params.settings, seed=int(snakemake.wildcards.seed)),
            threads=snakemake.threads,
            gpus=snakemake.resources.get("gpu", 0),
            sample=[Path(path) for path in snakemake.input.sample],
        )
