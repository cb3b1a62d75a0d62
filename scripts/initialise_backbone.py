"""The backbone for `pretrain: none`: random weights, as PyTorch draws them for a seed."""

from pathlib import Path

import torch

from linecam.networks.models import backbone, save_weights
from linecam.workflow.job import job


def initialise_backbone(weights: Path, *, network: str, seed: int) -> None:
    """Write an untrained backbone of `network`."""
    torch.manual_seed(seed)
    save_weights(weights, backbone(network), {"network": network, "method": "none"})


if __name__ == "__main__":
    with job(snakemake):
        initialise_backbone(
            Path(snakemake.output.weights), network=snakemake.wildcards.network, seed=snakemake.params.seed
        )
