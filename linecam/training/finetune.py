"""Train a classifier on labelled frames: what finetuning on all of them and on all but a fold have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from linecam.camera.arithmetic import to_input
from linecam.errors import UserError
from linecam.frames.index import read_pixels, read_split
from linecam.networks.architectures import input_size
from linecam.networks.models import Classifier, load_weights, to_images
from linecam.progress import progress
from linecam.training.augment import Spread, variants
from linecam.training.descent import Descent

# The average forgets within so many epochs: long enough to smooth, short enough to follow.
AVERAGED_EPOCHS = 5


@dataclass(frozen=True)
class Recipe:
    """What the weights depend on, besides the frames, their labels and the backbone that training begins with."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    label_smoothing: float
    seed: int
    augment: Spread = field(default_factory=Spread)

    @classmethod
    def of(cls, settings: Mapping[str, Any], seed: int) -> Self:
        """The recipe that a rule's parameters describe."""
        return cls(**(dict(settings) | {"augment": Spread.of(settings["augment"])}), seed=seed)


def labelled(
    pixels: Path, frames: Path, classes: list[str]
) -> tuple[NDArray[np.uint8], pd.DataFrame, NDArray[np.intp]]:
    """The sensor's frames (N, height, width, 3), uint8, the table of them, and their classes (N,) as numbers."""
    table = read_split(frames)
    return read_pixels(pixels), table, np.array([classes.index(label) for label in table["label"]], dtype=np.intp)


def start(network: str, classes: int, backbone: Path, seed: int) -> Classifier:
    """A new classifier on a backbone's weights; its last layer is random, by `seed`."""
    torch.manual_seed(seed)
    model = Classifier(network, classes)
    load_weights(backbone, model.backbone)
    return model


def balanced_loss(logits: Tensor, targets: Tensor, weight: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy of logits (N, classes) with label smoothing, as a mean over the weights of the targets' classes.

    PyTorch's own weighs what a label is spread over by the classes that it is spread to: where one is rarer than about
    1 in 40, a frame of another class would have a lower loss under its name.
    """
    each = F.cross_entropy(logits, targets, label_smoothing=smoothing, reduction="none")
    return (each * weight[targets]).sum() / weight[targets].sum()


def train(
    model: Classifier,
    frames: NDArray[np.uint8],
    targets: NDArray[np.intp],
    recipe: Recipe,
    *,
    network: str,
    device: torch.device,
    what: str,
) -> tuple[Classifier, list[float]]:
    """Train `model` on the sensor's frames (N, height, width, 3), uint8, and their classes (N,): the model to use, in
    evaluation mode, and the mean loss of each epoch.

    Each epoch has a new variant of each frame, and each class weighs the same in the loss, however rare. What is
    returned is the average of `Descent` over `AVERAGED_EPOCHS` epochs. No frame is held out: nothing is chosen. Raises
    `UserError` where the training diverges.
    """
    rng = np.random.default_rng(recipe.seed)
    side = input_size(network)
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    model.train()
    labels = torch.from_numpy(targets).to(device)
    counts = torch.bincount(labels, minlength=model.head.out_features)
    # A fold may hold all frames of a class.
    weight = len(labels) / (len(counts) * counts.clamp(min=1).float())
    batches = max(len(frames) // recipe.batch_size, 1)
    descent = Descent(
        model,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        steps=recipe.epochs * batches,
        forgets=1 / (AVERAGED_EPOCHS * batches),
    )
    losses = []
    for epoch in progress(range(1, recipe.epochs + 1), what, "epochs"):
        total = 0.0
        for batch in np.array_split(rng.permutation(len(frames)), batches):
            logits = model(variants(frames[batch], side, rng, recipe.augment).to(device))
            total += descent.step(balanced_loss(logits, labels[batch], weight, recipe.label_smoothing))
        if not np.isfinite(total):
            raise UserError(
                f"The training diverged in epoch {epoch}: lower finetune.learning_rate = {recipe.learning_rate}."
            )
        losses.append(total / batches)
    return descent.averaged(), losses


def held_out_logits(
    network: str,
    classes: int,
    backbone: Path,
    frames: NDArray[np.uint8],
    targets: NDArray[np.intp],
    held: NDArray[np.bool_],
    recipe: Recipe,
    *,
    device: torch.device,
    what: str,
) -> NDArray[np.float32]:
    """What a model says of the frames `held`, (N,), that trained on all others: logits (held, classes).

    `frames` are the sensor's, (N, height, width, 3), uint8, `targets` their classes (N,). Where no frame is held,
    nothing is trained. Raises `UserError` where the training diverges.
    """
    if not held.any():
        return np.zeros((0, classes), np.float32)
    model = start(network, classes, backbone, recipe.seed)
    model, _ = train(model, frames[~held], targets[~held], recipe, network=network, device=device, what=what)
    with torch.inference_mode():
        logits: NDArray[np.float32] = (
            model(to_images(to_input(frames[held], input_size(network)), device)).cpu().numpy()
        )
    return logits
