"""Pretrain a backbone, without labels, on what a network of ImageNet sees in the frames, then on drawn defects."""

import logging
from pathlib import Path

from linecam.files import write_history
from linecam.frames.index import read_pixels
from linecam.networks.models import save_weights
from linecam.networks.teacher import Teacher
from linecam.networks.torch_setup import prepare_torch
from linecam.training import pasted, taught
from linecam.training.descent import Recipe
from linecam.workflow.job import job


def teach(
    pixels: Path,
    weights: Path,
    history: Path,
    *,
    network: str,
    teacher: str,
    teacher_weights: Path | None,
    views: int,
    steps: int,
    pasted_steps: int,
    seed: int,
    threads: int,
    gpus: int = 0,
) -> None:
    """Write the backbone to `weights` and its losses to `history`.

    It learns from the sensor's frames in `pixels`, (N, height, width, 3), uint8: first from the teacher's maps of
    `views` views for `steps` steps, then from pasted defects for `pasted_steps`. Raises `UserError` where there is no
    such teacher.
    """
    device = prepare_torch(threads, gpus)
    frames = read_pixels(pixels)
    looked = taught.look(frames, views, Teacher(teacher, teacher_weights), seed, device)
    backbone, losses = taught.learn(frames, looked, Recipe(network, steps, seed), device)
    logging.info("the teacher's maps: loss %.4f at first, %.4f at last", losses[0], losses[-1])
    if pasted_steps:
        del looked
        backbone, found = pasted.learn(frames, backbone, Recipe(network, pasted_steps, seed), device)
        logging.info("pasted defects: loss %.4f at first, %.4f at last", found[0], found[-1])
        losses += found
    write_history(history, losses)
    save_weights(weights, backbone, {"network": network, "method": "taught", "teacher": teacher})


if __name__ == "__main__":
    with job(snakemake):
        settings = dict(snakemake.params.settings)
        given = snakemake.input.get("teacher_weights")
        teach(
            Path(snakemake.input.pixels),
            Path(snakemake.output.weights),
            Path(snakemake.output.history),
            network=snakemake.wildcards.network,
            teacher_weights=Path(given) if given else None,
            threads=snakemake.threads,
            gpus=snakemake.resources.get("gpu", 0),
            **settings,
        )
