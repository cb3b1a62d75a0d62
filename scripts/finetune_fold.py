"""Finetune on all labelled frames but those of a fold, and predict these, which the model never saw."""

from collections.abc import Sequence
from pathlib import Path

from linecam.files import atomic_write
from linecam.networks.torch_setup import prepare_torch
from linecam.training.finetune import Recipe, held_out_logits, labelled, soft_frames
from linecam.workflow.job import job


def finetune_fold(
    pixels_path: Path,
    frames_path: Path,
    backbone: Path,
    held_out: Path,
    *,
    network: str,
    classes: list[str],
    fold: int,
    recipe: Recipe,
    threads: int,
    gpus: int = 0,
    sample: Sequence[Path] = (),
) -> None:
    """Write (sha256, path, label, fold, weight, z_<class>...) of the held-out frames: logits by the camera's path.

    Otherwise as `finetune`. A fold that holds no frame, where there are fewer than folds, gives an empty table.
    """
    device = prepare_torch(threads, gpus)
    frames, table, targets = labelled(pixels_path, frames_path, classes)
    held = (table["fold"] == fold).to_numpy()
    rows = table.loc[held, ["sha256", "path", "label", "fold", "weight"]].reset_index(drop=True)
    logits = held_out_logits(
        network,
        len(classes),
        backbone,
        frames,
        targets,
        held,
        recipe,
        device=device,
        what=f"finetune {network} without fold {fold}",
        soft=soft_frames(sample, table, fold),
    )
    for number, name in enumerate(classes):
        rows[f"z_{name}"] = [f"{value:.6f}" for value in logits[:, number]]
    with atomic_write(held_out) as temporary:
        rows.to_csv(temporary, index=False)


if __name__ == "__main__":
    with job(snakemake):
        finetune_fold(
            Path(snakemake.input.pixels),
            Path(snakemake.input.frames),
            Path(snakemake.input.backbone),
            Path(snakemake.output.held_out),
            network=snakemake.wildcards.network,
            classes=snakemake.params.classes,
            fold=int(snakemake.wildcards.fold),
            recipe=Recipe.of(snakemake.params.settings, seed=int(snakemake.wildcards.seed)),
            threads=snakemake.threads,
            gpus=snakemake.resources.get("gpu", 0),
            sample=[Path(path) for path in snakemake.input.sample],
        )
