"""Embed every frame with the large network that teaches the small one."""

from pathlib import Path

import torch

from linecam.files import sha256
from linecam.networks.embedding import embed_frames
from linecam.networks.teacher import Teacher
from linecam.networks.torch_setup import prepare_torch
from linecam.workflow.dependencies import modules_of
from linecam.workflow.job import job

BATCH = 8  # on a CPU: the maps of more do not fit into its cache


def embed_by_teacher(
    pixels_path: Path,
    array: Path,
    *,
    teacher: str,
    weights: Path | None,
    threads: int,
    gpus: int = 0,
    shard: str = "1-of-1",
    certificate: Path | None = None,
    former: Path | None = None,
) -> None:
    """Write `array`, a .npy of (frames, D) float32: the pooled features of the shard's frames; see `embed_frames`.

    Raises `UserError` where there is no such teacher.
    """
    device = prepare_torch(threads, gpus)
    model = Teacher(teacher, weights).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    embed_frames(
        pixels_path,
        lambda images: model(images)[1],
        array,
        features=model.features,
        made_with={"teacher": teacher, "weights": sha256(weights) if weights else ""},
        code=modules_of("scripts/embed_by_teacher.py"),
        device=device,
        threads=threads,
        shard=shard,
        batch=BATCH if device.type == "cpu" else None,
        certificate=certificate,
        former=former,
    )


if __name__ == "__main__":
    with job(snakemake):
        given = snakemake.input.get("weights")
        embed_by_teacher(
            Path(snakemake.input.pixels),
            Path(snakemake.output.array),
            teacher=snakemake.params.teacher,
            weights=Path(given) if given else None,
            threads=snakemake.threads,
            gpus=snakemake.resources.get("gpu", 0),
            shard=snakemake.wildcards.scatteritem,
            certificate=Path(snakemake.output.certificate),
            former=Path(snakemake.params.former),
        )
