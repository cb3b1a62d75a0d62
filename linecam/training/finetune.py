"""Train a classifier on labelled frames: what finetuning on all of them and on all but a fold have in common."""

from collections.abc import Callable, Mapping, Sequence
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
from linecam.training.soft_labels import SoftLabels

# How often a labelled frame is seen where frames with soft labels join in, and where none do: the time is the same.
EPOCHS_WITH_SOFT, EPOCHS = 100, 300
# Few labels make few batches. An epoch counts as this many steps at least.
STEPS = 10
# The average of the weights forgets within this many epochs: long enough to smooth, short enough to follow.
AVERAGED_EPOCHS = 5
# How often a training is looked at on its way, evenly, and the last time at its end.
LOOKS = 20


@dataclass(frozen=True)
class Recipe:
    """What the weights depend on, besides the frames, their labels and the backbone that training begins with."""

    epochs: int | None  # None: see `epochs_of`
    batch_size: int
    learning_rate: float
    weight_decay: float
    label_smoothing: float
    seed: int
    augment: Spread = field(default_factory=Spread)
    unlabelled_batch: int = 0  # frames with soft labels in each step

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


@dataclass(frozen=True)
class SoftFrames:
    """Frames with soft labels: first the frames of a sample, then the labelled frames."""

    frames: NDArray[np.uint8]  # (M, height, width, 3), the sensor's: a memory map, since they are many
    rows: NDArray[np.intp]  # (K,): those of them that have soft labels
    labels: NDArray[np.float32]  # (K + labelled frames, classes), 0..1

    def pick(self, drawn: NDArray[np.intp], labelled: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """The frames `drawn`, each below the number of `labels`, where `labelled` are the labelled ones."""
        sampled = len(self.rows)
        return [self.frames[self.rows[n]] if n < sampled else labelled[n - sampled] for n in drawn]


def soft_frames(files: Sequence[Path], table: pd.DataFrame, fold: int | None) -> SoftFrames | None:
    """The frames that have soft labels, without those of a `fold`, and as they are told without its labels.

    `files` are a sample's frames, the table of them and the soft labels; None where there are none. `table` has the
    labelled frames, of which those outside the fold come last, in its order.
    """
    if not files:
        return None
    pixels, frames, soft = files
    known = SoftLabels.load(soft)
    said = dict(zip(known.sha256.tolist(), known.without(fold), strict=True))
    sampled = {digest: row for row, digest in enumerate(pd.read_csv(frames, dtype=str)["sha256"])}
    others = [digest for digest in sampled if digest in said and digest not in set(table["sha256"])]
    labelled = table["sha256"] if fold is None else table.loc[table["fold"] != fold, "sha256"]
    labels = np.stack([said[digest] for digest in [*others, *labelled]])
    return SoftFrames(read_pixels(pixels), np.array([sampled[digest] for digest in others], np.intp), labels)


def epochs_of(recipe: Recipe, frames: int, *, with_soft: bool) -> int:
    """How many epochs a training on this many labelled frames takes."""
    if recipe.epochs is not None:
        return recipe.epochs
    epochs = EPOCHS_WITH_SOFT if with_soft and recipe.unlabelled_batch else EPOCHS
    return max(epochs, -(-STEPS * epochs // _batches(recipe, frames)))


def _batches(recipe: Recipe, frames: int) -> int:
    return max(frames // recipe.batch_size, 1)


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


def soft_loss(logits: Tensor, soft: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy of logits (N, classes) with soft labels (N, classes), 0..1, each class at its `weight`, (classes,).

    Without the weights the common classes would win: they lower the recall of a rare one by 7 points (docs/study.md).
    """
    weighted = soft * weight
    return -(weighted * logits.log_softmax(dim=1)).sum() / weighted.sum()


def train(
    model: Classifier,
    frames: NDArray[np.uint8],
    targets: NDArray[np.intp],
    recipe: Recipe,
    *,
    network: str,
    device: torch.device,
    what: str,
    soft: SoftFrames | None = None,
    look: Callable[[int, Classifier], None] | None = None,
) -> tuple[Classifier, list[float]]:
    """Train `model` on the sensor's frames (N, height, width, 3), uint8, and their classes (N,): the model to use, in
    evaluation mode, and the mean loss of each epoch, on the labelled frames.

    Each epoch has a new variant of each frame, and each class weighs the same in the loss, however rare. With each
    batch go variants of `recipe.unlabelled_batch` of the frames `soft`, whose loss counts as much. What is returned is
    the average of `Descent` over `AVERAGED_EPOCHS` epochs. No frame is held out: nothing is chosen.

    `look` gets the epoch, from 1 on, and the model that would be used if the training ended with it, `LOOKS` times or
    after every epoch of a shorter training. It must neither change the model nor draw random numbers. Raises
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
    batches = _batches(recipe, len(frames))
    epochs = epochs_of(recipe, len(frames), with_soft=soft is not None)
    descent = Descent(
        model,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        steps=epochs * batches,
        forgets=1 / (AVERAGED_EPOCHS * batches),
    )
    soft_labels = torch.from_numpy(soft.labels).to(device) if soft and recipe.unlabelled_batch else None
    looks = looks_of(epochs)
    losses = []
    for epoch in progress(range(1, epochs + 1), what, "epochs"):
        total = 0.0
        for batch in np.array_split(rng.permutation(len(frames)), batches):
            seen, drawn = frames[batch], None
            if soft is not None and soft_labels is not None:
                drawn = rng.integers(0, len(soft_labels), recipe.unlabelled_batch)
                seen = np.stack([*seen, *soft.pick(drawn, frames)])
            logits = model(variants(seen, side, rng, recipe.augment).to(device))
            of_labelled = balanced_loss(logits[: len(batch)], labels[batch], weight, recipe.label_smoothing)
            of_others = 0 if soft_labels is None else soft_loss(logits[len(batch) :], soft_labels[drawn], weight)
            descent.step(of_labelled + of_others)
            total += of_labelled.item()
        if not np.isfinite(total):
            raise UserError(
                f"The training diverged in epoch {epoch}: its error grew without bounds. Lower "
                f"finetune.learning_rate, which is {recipe.learning_rate}."
            )
        losses.append(total / batches)
        if look is not None and epoch in looks:
            look(epoch, descent.averaged())
    return descent.averaged(), losses


def looks_of(epochs: int) -> set[int]:
    """The epochs, from 1 on, after which a training of `epochs` epochs is looked at."""
    return {-(-epochs * number // LOOKS) for number in range(1, LOOKS + 1)}


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
    soft: SoftFrames | None = None,
    on_the_way: Callable[[int, NDArray[np.float32]], None] | None = None,
) -> NDArray[np.float32]:
    """What a model says of the frames `held`, (N,), that trained on all others: logits (held, classes).

    `frames` are the sensor's, (N, height, width, 3), uint8, `targets` their classes (N,). Where no frame is held,
    nothing is trained. `on_the_way` gets an epoch and what the model says after it, whenever `train` looks; that
    changes no byte of the result. Raises `UserError` where the training diverges.
    """
    if not held.any():
        return np.zeros((0, classes), np.float32)
    images = to_images(to_input(frames[held], input_size(network)), device)

    def said_by(model: Classifier) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits: NDArray[np.float32] = model(images).cpu().numpy()
        return logits

    model, _ = train(
        start(network, classes, backbone, recipe.seed),
        frames[~held],
        targets[~held],
        recipe,
        network=network,
        device=device,
        what=what,
        soft=soft,
        look=None if on_the_way is None else lambda epoch, model: on_the_way(epoch, said_by(model)),
    )
    return said_by(model)
