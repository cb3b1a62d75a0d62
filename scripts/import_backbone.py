"""Take the backbone of a given file: linecam's own, a plain state dict, or the 2020 tutorial's checkpoints."""

import logging
from pathlib import Path

import torch

from linecam.errors import UserError
from linecam.files import sha256
from linecam.networks.architectures import input_size
from linecam.networks.checkpoints import check_sound, read_backbone
from linecam.networks.models import backbone, check_weights, save_weights
from linecam.workflow.job import job


def import_backbone(checkpoint: Path, weights: Path, *, network: str) -> None:
    """Write the backbone of `network` that `checkpoint` holds (.safetensors, or what `torch.save` wrote) to `weights`.

    No code of the file is run. Raises `UserError` where it cannot be read, or holds anything but weights, the weights
    of another network, a weight that is not a number, or weights with which it sees nothing.
    """
    module = backbone(network)
    state = read_backbone(checkpoint)
    check_weights(checkpoint, state, module)
    wanted = module.state_dict()
    if other := [name for name, tensor in state.items() if kind_of(tensor) != kind_of(wanted[name])]:
        raise UserError(
            f"{checkpoint}: {len(other)} tensors hold {kind_of(state[other[0]])} numbers, where "
            f"{kind_of(wanted[other[0]])} ones are expected, first {other[0]}. Give a file that is not quantized."
        )
    module.load_state_dict(state)
    check_sound(checkpoint, module, input_size(network))
    save_weights(weights, module, {"network": network, "method": "given", "source_sha256": sha256(checkpoint)})
    logging.info("%d tensors of %s imported", len(state), checkpoint)


def kind_of(tensor: torch.Tensor) -> str:
    """Which numbers a tensor holds."""
    return "complex" if tensor.is_complex() else "floating-point" if tensor.is_floating_point() else "whole"


if __name__ == "__main__":
    with job(snakemake):
        import_backbone(
            Path(snakemake.input.checkpoint), Path(snakemake.output.weights), network=snakemake.wildcards.network
        )
