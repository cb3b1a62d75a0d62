"""Pretrain a small backbone by what a larger one, itself pretrained without labels, sees in the frames.

SimReg (Navaneet et al., BMVC 2021): contrastive learning does little for a network of a few thousand weights, which
learns more from regressing a larger network's features.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from linecam.files import write_history
from linecam.frames.index import read_pixels
from linecam.networks.models import Backbone, backbone, embed, load_weights, save_weights, to_images
from linecam.networks.torch_setup import bfloat16_is_fast, prepare_torch
from linecam.progress import progress
from linecam.training.simclr_views import Renderer, draw
from linecam.workflow.job import job

HIDDEN = 128
SAMPLE = 256  # frames that the teacher's mean is taken over


@dataclass(frozen=True)
class Recipe:
    """What the weights depend on, besides the frames and the teacher."""

    network: str
    teacher: str
    epochs: int
    batch_size: int
    learning_rate: float  # for a batch of 128
    color_jitter: float
    min_crop: float
    precision: str
    seed: int


class Student(nn.Module):
    """The small backbone, and a head from its embedding to the teacher's features."""

    def __init__(self, network: str, features: int) -> None:
        super().__init__()
        self.backbone = backbone(network)
        self.head = nn.Sequential(
            nn.Linear(self.backbone.features, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, features)
        )

    def forward(self, views: Tensor) -> Tensor:
        """(N, 3, H, W) float32 in [0, 1] to (N, features)."""
        features: Tensor = self.head(embed(self.backbone, views))
        return features


def distill(
    pixels_path: Path, teacher_path: Path, weights: Path, history: Path, *, recipe: Recipe, threads: int, gpus: int = 0
) -> None:
    """Write the student's backbone to `weights` and the mean loss of each epoch to `history`.

    Student and teacher see the same random view of a frame (`simclr_views`). The loss is 1 less the cosine between
    the student's guess and the teacher's features, from which their mean over the frames is taken: it is most of them.
    """
    device = prepare_torch(threads, gpus)
    pixels = read_pixels(pixels_path)
    size, side = min(recipe.batch_size, len(pixels)), pixels.shape[1]
    steps = len(pixels) // size
    torch.manual_seed(recipe.seed)
    teacher = backbone(recipe.teacher).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    load_weights(teacher_path, teacher)
    see = features_of(teacher)
    with torch.inference_mode():
        middle = see(to_images(pixels[:: max(len(pixels) // SAMPLE, 1)], device)).mean(dim=0)
    student = Student(recipe.network, len(middle)).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if device.type == "cpu" and recipe.precision == "bfloat16":
        from linecam.networks.fast_batch_norm import quicken_norms  # noqa: PLC0415 (numba, of no use on a GPU)

        quicken_norms(student)
    peak = recipe.learning_rate * size / 128
    optimizer = torch.optim.SGD(student.parameters(), lr=peak, momentum=0.9, weight_decay=5e-4)
    render = Renderer(device, threads)
    narrow = torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16")
    losses = []
    for epoch in range(recipe.epochs):
        for group in optimizer.param_groups:
            group["lr"] = peak * (1 + math.cos(math.pi * epoch / recipe.epochs)) / 2
        order = np.random.default_rng([recipe.seed, epoch]).permutation(len(pixels))
        total = 0.0
        for step in progress(range(steps), f"distill {epoch + 1}/{recipe.epochs}", f"x {size} frames"):
            frames = torch.from_numpy(pixels[order[step * size : (step + 1) * size]]).to(device)
            rng = np.random.default_rng([recipe.seed, epoch, step])
            drawn = draw(size, side, rng, color_jitter=recipe.color_jitter, min_crop=recipe.min_crop)
            views = render(frames, drawn)
            with narrow:
                guess = student(views).float()
                with torch.no_grad():
                    target = see(views).float() - middle
            loss = 1 - F.cosine_similarity(guess, target).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        losses.append(total / steps)
        logging.info("epoch %d of %d: loss %.4f", epoch + 1, recipe.epochs, losses[-1])
    write_history(history, losses)
    about = {"network": recipe.network, "method": "distilled", "teacher": recipe.teacher}
    save_weights(weights, student.backbone, about)


def features_of(teacher: Backbone) -> Callable[[Tensor], Tensor]:
    """What the teacher sees in images, (N, 3, H, W) to (N, width): its last block's output, averaged over the image.

    The convolution behind it narrows this to the few features that fit the camera: a student can learn from more.
    """
    body = teacher[:-1].eval()
    return lambda images: body(images).mean(dim=(2, 3))


if __name__ == "__main__":
    with job(snakemake):
        gpus = snakemake.resources.get("gpu", 0)
        settings = dict(snakemake.params.settings)
        budget = settings.pop("budgets")["gpu" if gpus else "cpu"]
        if settings["precision"] == "auto":
            settings["precision"] = "bfloat16" if bfloat16_is_fast(bool(gpus)) else "float32"
        distill(
            Path(snakemake.input.pixels),
            Path(snakemake.input.teacher),
            Path(snakemake.output.weights),
            Path(snakemake.output.history),
            recipe=Recipe(network=snakemake.wildcards.network, **budget, **settings),
            threads=snakemake.threads,
            gpus=gpus,
        )
