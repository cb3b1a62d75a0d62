"""Finetune on all labelled frames except one fold's, and judge this fold's frames, which the model never saw."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linecam.evaluation.learning_curve import COLUMNS, judged
from linecam.files import atomic_write
from linecam.networks.torch_setup import prepare_torch
from linecam.training.finetune import Recipe, held_out_logits, labelled, soft_frames
from linecam.workflow.job import job


def finetune_fold(
    pixels_path: Path,
    frames_path: Path,
    backbone: Path,
    held_out: Path,
    learning: Path,
    *,
    network: str,
    classes: list[str],
    fold: int,
    recipe: Recipe,
    threads: int,
    gpus: int = 0,
    sample: Sequence[Path] = (),
) -> None:
    """Write (sha256, path, label, fold, weight, z_<class>...) of the held-out frames: logits by the camera's path; and
    how well they were judged on the way, `learning_curve.COLUMNS`.

    Otherwise as `finetune`. A fold that holds no frame, where there are fewer than folds, gives empty tables.
    """
    device = prepare_torch(threads, gpus)
    frames, table, targets = labelled(pixels_path, frames_path, classes)
    held = (table["fold"] == fold).to_numpy()
    rows = table.loc[held, ["sha256", "path", "label", "fold", "weight"]].reset_index(drop=True)
    weights = rows["weight"].to_numpy(np.float64)
    points: list[tuple[float, ...]] = []

    def judge(epoch: int, said: NDArray[np.float32]) -> None:
        points.append((fold, epoch, *judged(said, targets[held], weights, recipe.label_smoothing)))

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
        on_the_way=judge,
    )
    for number, name in enumerate(classes):
        rows[f"z_{name}"] = [f"{value:.6f}" for value in logits[:, number]]
    with atomic_write(held_out) as temporary:
        rows.to_csv(temporary, index=False)
    with atomic_write(learning) as temporary:
        pd.DataFrame(points, columns=COLUMNS).to_csv(temporary, index=False, float_format="%.6f")


if __name__ == "__main__":
    with job(snakemake):
        finetune_fold(
            Path(snakemake.input.pixels),
            Path(snakemake.input.frames),
            Path(snakemake.input.backbone),
            Path(snakemake.output.held_out),
            Path(snakemake.output.learning),
            network=snakemake.wildcards.network,
            classes=snakemake.params.classes,
            fold=int(snakemake.wildcards.fold),
            recipe=Recipe.of(snakemake.params.settings, seed=int(snakemake.wildcards.seed)),
            threads=snakemake.threads,
            gpus=snakemake.resources.get("gpu", 0),
            sample=[Path(path) for path in snakemake.input.sample],
        )
