"""Pretrain a backbone on the frames themselves, without labels: SimCLR (Chen et al., ICML 2020) with lightly."""

import json
import logging
import math
from dataclasses import asdict
from pathlib import Path

import torch
from lightly.loss import NTXentLoss

from linecam.files import write_history
from linecam.frames.index import read_pixels
from linecam.networks.models import save_weights
from linecam.networks.torch_setup import prepare_torch
from linecam.progress import progress
from linecam.training.checkpoint import fingerprint, resume, save_checkpoint
from linecam.training.distributed import Processes, launch, launched, synchronize_norms
from linecam.training.simclr import Recipe, SimCLR, batches, recipe_for
from linecam.training.simclr_views import Renderer
from linecam.workflow.job import job

LEAST_FALL = 0.01  # by what share the loss has to fall from the first epoch to the last


def pretrain(
    pixels_path: Path,
    weights: Path,
    history: Path,
    *,
    checkpoint: Path,
    recipe: Recipe,
    device: torch.device,
    processes: Processes,
    threads: int,
) -> None:
    """Write the trained backbone to `weights` and the mean loss of each epoch to `history`.

    After each epoch the state goes to `checkpoint` (safetensors): a run that was killed goes on from there, to the
    same bytes, as long as frames and recipe are the same; another recipe starts anew. Each of `processes` renders and
    trains on its part of every batch; the loss contrasts the whole batch, as one process would.
    """
    pixels = read_pixels(pixels_path)
    state = json.dumps(asdict(recipe) | {"frames": fingerprint(pixels)}, sort_keys=True)
    torch.manual_seed(recipe.seed)
    model = SimCLR(recipe.network).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if processes.count > 1:
        synchronize_norms(model)
    elif device.type == "cpu" and recipe.precision == "bfloat16":
        from linecam.networks.fast_batch_norm import quicken_norms  # noqa: PLC0415 (numba, of no use on a GPU)

        quicken_norms(model)
    loss_of = NTXentLoss(temperature=recipe.temperature, gather_distributed=processes.count > 1)
    peak = recipe.learning_rate * recipe.batch_size / 128
    optimizer = torch.optim.SGD(model.parameters(), lr=peak, momentum=0.9, weight_decay=5e-4)
    losses = resume(checkpoint, state, model, optimizer)
    if losses:
        logging.info("going on after epoch %d of %d from %s", len(losses), recipe.epochs, checkpoint)
    network = processes.share(model)
    if device.type == "cuda":
        network = torch.compile(network)  # type: ignore[assignment]
    render = Renderer(device, threads)
    narrow = torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16")

    for epoch in range(len(losses), recipe.epochs):
        for group in optimizer.param_groups:
            group["lr"] = peak * (1 + math.cos(math.pi * epoch / recipe.epochs)) / 2
        steps = len(pixels) // recipe.batch_size
        total = torch.zeros((), device=device)
        what = f"pretrain {epoch + 1}/{recipe.epochs}"
        for frames, draws in progress(
            batches(pixels, recipe, epoch, device, processes), what, f"x {recipe.batch_size} frames", steps
        ):
            views = [render(frames, drawn) for drawn in draws]
            with narrow:
                projections = network(*views)
            loss = loss_of(*projections)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()  # read once an epoch: a GPU need not wait for the host at every step
        losses.append(processes.mean(total / steps))
        logging.info("epoch %d of %d: loss %.4f", epoch + 1, recipe.epochs, losses[-1])
        if processes.first:
            save_checkpoint(checkpoint, state, model, optimizer, losses)

    if not processes.first:
        return
    if hardly_moved(losses):
        logging.warning(
            "The loss hardly moved: %.4f in the first epoch, %.4f in the last of %d. The backbone has learned next to "
            "nothing from the frames: raise the epochs of pretrain.cpu or pretrain.gpu, or pretrain.learning_rate, or "
            "see by `snakemake study` whether pretrain.methods: [none] does as well.",
            losses[0],
            losses[-1],
            len(losses),
        )
    write_history(history, losses)
    save_weights(weights, model.backbone, {"network": recipe.network, "method": "simclr"})
    checkpoint.unlink(missing_ok=True)


def hardly_moved(losses: list[float]) -> bool:
    """Whether the mean loss of the last epoch is not below the first's by `LEAST_FALL`; one epoch says nothing."""
    return len(losses) > 1 and losses[-1] > (1 - LEAST_FALL) * losses[0]


if __name__ == "__main__":
    resources = snakemake.resources
    count = resources.devices * resources.num_nodes
    with job(snakemake):
        threads = max(snakemake.threads // resources.devices, 1)
        device = prepare_torch(threads, resources.get("gpu", 0))
        recipe = recipe_for(
            Path(snakemake.input.pixels),
            network=snakemake.wildcards.network,
            gpu=device.type == "cuda",
            processes=count,
            **snakemake.params.settings,
        )
        if count > 1 and not launched():
            launch(resources.devices, resources.num_nodes, snakemake.threads)
        with Processes.join(device, resources.strategy) as processes:
            pretrain(
                Path(snakemake.input.pixels),
                Path(snakemake.output.weights),
                Path(snakemake.output.history),
                # Not an output: Snakemake deletes those of a killed run.
                checkpoint=Path(snakemake.output.weights).with_name("checkpoint.safetensors"),
                recipe=recipe,
                device=processes.device,
                processes=processes,
                threads=threads,
            )
