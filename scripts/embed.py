"""Embed every frame with the backbone."""

from functools import partial
from pathlib import Path

from linecam.files import sha256
from linecam.networks.embedding import embed_frames
from linecam.networks.models import backbone, load_weights
from linecam.networks.models import embed as forward
from linecam.networks.torch_setup import prepare_torch
from linecam.workflow.dependencies import modules_of
from linecam.workflow.job import job


def embed(
    pixels_path: Path,
    weights: Path,
    array: Path,
    *,
    network: str,
    threads: int,
    gpus: int = 0,
    shard: str = "1-of-1",
    certificate: Path | None = None,
    former: Path | None = None,
) -> None:
    """Write `array`, a .npy of (frames, features) float32: the embeddings of the shard's frames; see `embed_frames`."""
    device = prepare_torch(threads, gpus)
    model = backbone(network)
    load_weights(weights, model)
    embed_frames(
        pixels_path,
        partial(forward, model.to(device).eval()),
        array,
        features=model.features,
        made_with={"network": network, "weights": sha256(weights)},
        code=modules_of("scripts/embed.py"),
        device=device,
        threads=threads,
        shard=shard,
        certificate=certificate,
        former=former,
    )


if __name__ == "__main__":
    with job(snakemake):
        embed(
            Path(snakemake.input.pixels),
            Path(snakemake.input.weights),
            Path(snakemake.output.array),
            network=snakemake.wildcards.network,
            threads=snakemake.threads,
            gpus=snakemake.resources.get("gpu", 0),
            shard=snakemake.wildcards.scatteritem,
            certificate=Path(snakemake.output.certificate),
            former=Path(snakemake.params.former),
        )
