"""Train a small backbone to see what a large network sees in the frames, place by place, without labels.

Feature-map distillation (FitNets; Romero et al., ICLR 2015): 1x1 convolutions lead from the student's maps to the
teacher's. The teacher looks once at each of a number of views; the student sees them in other light at every step.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from linecam.networks.architectures import input_size
from linecam.networks.models import Backbone, backbone, maps_of
from linecam.networks.starting_weights import start_from_ours
from linecam.networks.teacher import Teacher
from linecam.progress import progress
from linecam.training import augment
from linecam.training.augment import Spread
from linecam.training.descent import Recipe, descend

# Views show the whole frame or a part of it, never in other light: the student adds other light itself.
VIEW = Spread(degrees=20, scale=(0.85, 1.8), shift=0.15, brightness=1, contrast=1, gain=0, noise=0)
# A few channels have very large values, which would rule the loss. So standardized values are cut off here.
CLAMP = 5.0
# So many views give the mean and the deviation of each channel.
SAMPLE = 800
# Views that the teacher looks at together; more do not fit into a processor's cache.
BATCH = 8
# What counts how much: the student's finer map, its coarser one, and its features.
WEIGHTS = (1.0, 1.0, 0.5)


@dataclass(frozen=True)
class Views:
    """Views of frames, and what the teacher sees in them."""

    frame: NDArray[np.intp]  # (views,): of which frame each is
    place: NDArray[np.float32]  # (views, 2, 3): where in the frame it looks; see `augment.draw`
    maps: list[Tensor]  # two, the finer one first: (views, C, h, w) float16, standardized by channel


def look(frames: NDArray[np.uint8], count: int, teacher: Teacher, seed: int, device: torch.device) -> Views:
    """What the teacher sees in `count` views of frames (N, height, width, 3), uint8; at least one of each frame.

    The first view of each frame is all of it. The maps take about 75 kB a view for EfficientNet-Lite0.
    """
    rng = np.random.default_rng(seed)
    count = max(count, len(frames))
    frame = np.resize(np.arange(len(frames)), count)
    place = augment.draw(count, rng, VIEW)[0]
    place[: len(frames)] = augment.WHOLE
    teacher = teacher.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    maps: list[Tensor] = []
    with torch.no_grad():
        for start in progress(range(0, count, BATCH), "the teacher looks", f"x {BATCH} views"):
            rows = slice(start, start + BATCH)
            seen, _ = teacher(augment.view(frames[frame[rows]], place[rows], teacher.side).to(device))
            maps = maps or [torch.empty(count, *one.shape[1:], dtype=torch.float16) for one in seen]
            for kept, one in zip(maps, seen, strict=True):
                kept[rows] = one.half()
    return Views(frame, place, [standardized(one) for one in maps])


def standardized(maps: Tensor) -> Tensor:
    """Each channel of maps (N, C, h, w) at mean 0 and deviation 1, clamped to `CLAMP`; in place."""
    sample = maps[:: max(len(maps) // SAMPLE, 1)].float()
    mean, deviation = (figure(sample, dim=(0, 2, 3), keepdim=True) for figure in (torch.mean, torch.std))
    for part in maps.split(256):
        part.copy_(((part.float() - mean) / (deviation + 1e-3)).clamp(-CLAMP, CLAMP))
    return maps


class Student(nn.Module):
    """A backbone, with a 1x1 convolution from each of its last three maps to a map of the teacher."""

    def __init__(self, network: str, channels: list[int]) -> None:
        """`channels` are those of the teacher's maps, the finer one first."""
        super().__init__()
        self.backbone = backbone(network).eval()  # a look at the shapes is none at frames
        fine, coarse, _ = maps_of(self.backbone, torch.zeros(1, 3, *[input_size(network)] * 2))[-3:]
        self.projectors = nn.ModuleList(
            [
                nn.Conv2d(fine.shape[1], channels[0], 1),
                nn.Conv2d(coarse.shape[1], channels[1], 1),
                nn.Conv2d(self.backbone.features, channels[1], 1),
            ]
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """(N, 3, H, W) float32 in [0, 1] to one guess of the teacher's finer map and two of the coarser one."""
        maps = maps_of(self.backbone, images)[-3:]
        return [project(one) for project, one in zip(self.projectors, maps, strict=True)]


def learn(
    frames: NDArray[np.uint8], views: Views, recipe: Recipe, device: torch.device
) -> tuple[Backbone, list[float]]:
    """A backbone that sees the teacher's maps of `views` of `frames`, and its losses on the way; see `descend`.

    It starts from the weights that linecam brings, where there are some.
    """
    torch.manual_seed(recipe.seed)
    order, light = np.random.default_rng([recipe.seed, 1]).spawn(2)
    student = Student(recipe.network, [one.shape[1] for one in views.maps])
    start_from_ours(student.backbone, recipe.network)
    student = student.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    side = input_size(recipe.network)

    def prepare(rows: NDArray[np.intp]) -> tuple[Tensor, ...]:
        images = augment.view(frames[views.frame[rows]], views.place[rows], side, light)
        return images, *(one[torch.from_numpy(rows)].float() for one in views.maps)

    def loss_of(prepared: tuple[Tensor, ...]) -> Tensor:
        images, fine, coarse = (one.to(device) for one in prepared)
        losses = [
            weight * F.smooth_l1_loss(guess, resized(target, guess))
            for guess, target, weight in zip(student(images), (fine, coarse, coarse), WEIGHTS, strict=True)
        ]
        return torch.stack(losses).sum()

    trained, losses = descend(student, loss_of, len(views.frame), recipe, order, "learn from the teacher", prepare)
    return trained.backbone, losses


def resized(maps: Tensor, like: Tensor) -> Tensor:
    """Maps (N, C, h, w) with the height and width of `like`."""
    if maps.shape[2:] == like.shape[2:]:
        return maps
    return F.interpolate(maps, like.shape[2:], mode="bilinear", antialias=True)
