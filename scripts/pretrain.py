"""Pretrain a backbone on the frames themselves, without labels: SimCLR (Chen et al., ICML 2020) with lightly."""

import csv
import hashlib
import json
import logging
import math
import random
from pathlib import Path

import numpy as np
import torch
from lightly.loss import NTXentLoss
from lightly.models.modules import SimCLRProjectionHead
from lightly.transforms import SimCLRTransform
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from linecam.compute import prepare_torch
from linecam.errors import UserError, reported
from linecam.files import whole
from linecam.frames import read_pixels
from linecam.networks import FEATURES, backbone, embed, save_weights
from linecam.progress import progress


class TwoViews(Dataset[tuple[Tensor, Tensor]]):
    """Two random views of each frame. A view depends on (seed, epoch, frame) alone, on no worker and no order."""

    def __init__(self, pixels: NDArray[np.uint8], seed: int, color_jitter: float, min_crop: float) -> None:
        self.pixels, self.seed, self.epoch = pixels, seed, 0
        self.transform = SimCLRTransform(
            input_size=pixels.shape[1],
            cj_strength=color_jitter,
            min_scale=min_crop,
            vf_prob=0.5,
            gaussian_blur=0.0,  # blur takes away what a frame of 64 pixels has least of
            normalize=None,  # the camera feeds [0, 1]
        )

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, item: int) -> tuple[Tensor, Tensor]:
        seed = int.from_bytes(hashlib.sha256(f"{self.seed} {self.epoch} {item}".encode()).digest()[:4])
        random.seed(seed)  # lightly's and torchvision's transforms draw from all three
        np.random.seed(seed)
        torch.manual_seed(seed)
        first, second = self.transform(Image.fromarray(self.pixels[item]))
        assert isinstance(first, Tensor)
        assert isinstance(second, Tensor)
        return first, second


def pretrain(
    pixels_path: Path,
    weights: Path,
    history: Path,
    *,
    checkpoint: Path,
    network: str,
    budgets: dict[str, dict[str, int]],
    learning_rate: float,
    temperature: float,
    color_jitter: float,
    min_crop: float,
    seed: int,
    threads: int,
) -> None:
    """Write the trained backbone to `weights` and the mean loss of each epoch to `history`.

    `budgets` has epochs and batch_size for `cpu` and `gpu`. After each epoch the state goes to `checkpoint`
    (safetensors): a run that was killed goes on from there, to the same bytes, as long as frames and settings are
    the same; other settings start anew. Raises `UserError` where there are too few frames for one batch.
    """
    device = prepare_torch(threads)
    budget = budgets["gpu" if device.type == "cuda" else "cpu"]
    pixels = read_pixels(pixels_path)
    batch_size = min(budget["batch_size"], len(pixels))
    if batch_size < 8:
        raise UserError(
            f"SimCLR tells the frames of a batch apart, and there are only {len(pixels)} usable frames. "
            "Add frames, or set pretrain.methods to [none]."
        )
    settings = json.dumps(
        [network, budget, learning_rate, temperature, color_jitter, min_crop, seed, _fingerprint(pixels)],
        sort_keys=True,
    )

    torch.manual_seed(seed)
    model = nn.ModuleDict(
        {"backbone": backbone(network), "projection": SimCLRProjectionHead(FEATURES, FEATURES, 128)}
    ).to(device)
    loss_of = NTXentLoss(temperature=temperature)
    peak = learning_rate * batch_size / 128
    optimizer = torch.optim.SGD(model.parameters(), lr=peak, momentum=0.9, weight_decay=5e-4)
    losses = resume(checkpoint, settings, model, optimizer)
    if losses:
        logging.info("going on after epoch %d of %d from %s", len(losses), budget["epochs"], checkpoint)

    views = TwoViews(pixels, seed, color_jitter, min_crop)
    for epoch in range(len(losses), budget["epochs"]):
        views.epoch = epoch
        for group in optimizer.param_groups:
            group["lr"] = peak * (1 + math.cos(math.pi * epoch / budget["epochs"])) / 2
        loader = DataLoader(
            views,
            batch_size,
            shuffle=True,
            drop_last=True,
            generator=torch.Generator().manual_seed(seed + epoch),
            num_workers=threads if device.type == "cuda" else 0,  # on a CPU the network needs the cores
            pin_memory=device.type == "cuda",
        )
        total = 0.0
        for first, second in progress(loader, f"pretrain {epoch + 1}/{budget['epochs']}", f"x {batch_size} frames"):
            ahead = [model["projection"](embed(model["backbone"], view.to(device))) for view in (first, second)]
            loss = loss_of(*ahead)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        losses.append(total / len(loader))
        logging.info("epoch %d of %d: loss %.4f", epoch + 1, budget["epochs"], losses[-1])
        save_checkpoint(checkpoint, settings, model, optimizer, losses)

    with whole(history) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file).writerows([("epoch", "loss"), *((n + 1, f"{loss:.6f}") for n, loss in enumerate(losses))])
    save_weights(weights, model["backbone"], {"network": network, "method": "simclr"})
    checkpoint.unlink(missing_ok=True)


def save_checkpoint(
    path: Path, settings: str, model: nn.Module, optimizer: torch.optim.Optimizer, losses: list[float]
) -> None:
    """Write weights, momenta and the losses so far, whole or not at all."""
    tensors = {f"model.{name}": tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors[f"momentum.{number}"] = state["momentum_buffer"].detach().cpu().contiguous()
    with whole(path) as temporary:
        save_file(tensors, temporary, metadata={"settings": settings, "losses": json.dumps(losses)})


def resume(path: Path, settings: str, model: nn.Module, optimizer: torch.optim.Optimizer) -> list[float]:
    """Load the state that `save_checkpoint` wrote under the same settings; return the losses so far, [] without one."""
    if not path.exists():
        return []
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    if metadata["settings"] != settings:
        logging.info("%s belongs to other frames or settings: starting anew", path)
        return []
    model.load_state_dict({name[6:]: tensor for name, tensor in tensors.items() if name.startswith("model.")})
    state = optimizer.state_dict()
    state["state"] = {
        int(name[9:]): {"momentum_buffer": tensor} for name, tensor in tensors.items() if name.startswith("momentum.")
    }
    optimizer.load_state_dict(state)
    losses: list[float] = json.loads(metadata["losses"])
    return losses


def _fingerprint(pixels: NDArray[np.uint8]) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        pretrain(
            Path(snakemake.input.pixels),
            Path(snakemake.output.weights),
            Path(snakemake.output.history),
            # Not an output: Snakemake deletes those of a killed run.
            checkpoint=Path(snakemake.output.weights).with_name("checkpoint.safetensors"),
            network=snakemake.wildcards.network,
            budgets=snakemake.params.budgets,
            threads=snakemake.threads,
            **snakemake.params.settings,
        )
