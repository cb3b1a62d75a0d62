"""Take the backbone of a given file: linecam's own, a plain state dict, or the 2020 tutorial's checkpoints."""

import logging
from pathlib import Path

import torch

from linecam.errors import UserError
from linecam.files import sha256
from linecam.networks.checkpoints import read_backbone
from linecam.networks.models import backbone, check_weights, save_weights
from linecam.workflow.job import job


def import_backbone(checkpoint: Path, weights: Path, *, network: str) -> None:
    """Write the backbone of `network` that `checkpoint` holds (.safetensors, or what `torch.save` wrote) to `weights`.

    No code of the file is run. Raises `UserError` where it cannot be read, or holds anything but weights, the weights
    of another network, or a weight that is not a number.
    """
    module = backbone(network)
    state = read_backbone(checkpoint)
    check_weights(checkpoint, state, module)
    broken = [name for name, tensor in state.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise UserError(
            f"{checkpoint}: {len(broken)} tensors hold NaN or infinity, first {broken[0]}. Its training diverged: "
            "give a file of an earlier epoch, or of another training."
        )
    module.load_state_dict(state)
    save_weights(weights, module, {"network": network, "method": "given", "source_sha256": sha256(checkpoint)})
    logging.info("%d tensors of %s imported", len(state), checkpoint)


if __name__ == "__main__":
    with job(snakemake):
        import_backbone(
            Path(snakemake.input.checkpoint), Path(snakemake.output.weights), network=snakemake.wildcards.network
        )
