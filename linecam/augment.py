"""What a production line does to a frame, on whole batches of tensors."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """A random variant of each image, (N, 3, H, W) float32 in [0, 1] to the same.

    Place: flips, up to 10 degrees of rotation, scale 0.9 to 1.15, shifts up to 8 %. Light: brightness by a factor
    of 1/1.8 to 1.8, contrast 0.75 to 1.33, gain of each colour 0.93 to 1.07, noise up to 0.02.
    """
    return light(place(images, generator), generator)


def place(images: Tensor, generator: torch.Generator) -> Tensor:
    """Flips, rotation, scale and shift, bilinear, mirrored at the borders."""
    count, device = len(images), images.device
    angle = _between(-10, 10, count, generator) * (math.pi / 180)
    scale = _between(1 / 1.15, 1 / 0.9, count, generator)
    flip_x, flip_y = (torch.randint(0, 2, (2, count), generator=generator) * 2 - 1).float()
    shift = _between(-0.16, 0.16, 2 * count, generator).view(count, 2)  # the grid is 2 wide
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0] = angle.cos() * scale * flip_x
    theta[:, 0, 1] = -angle.sin() * scale
    theta[:, 1, 0] = angle.sin() * scale
    theta[:, 1, 1] = angle.cos() * scale * flip_y
    theta[:, :, 2] = shift
    grid = F.affine_grid(theta.to(device), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def light(images: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness, contrast about each image's mean, the gain of each colour, and noise; clipped to [0, 1]."""
    count, device = len(images), images.device
    brightness = torch.exp(_between(-math.log(1.8), math.log(1.8), count, generator)).view(-1, 1, 1, 1)
    contrast = torch.exp(_between(-math.log(1.33), math.log(1.33), count, generator)).view(-1, 1, 1, 1)
    gain = _between(0.93, 1.07, 3 * count, generator).view(count, 3, 1, 1)
    sigma = _between(0, 0.02, count, generator).view(-1, 1, 1, 1)
    noise = torch.randn(images.shape, generator=generator) * sigma
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    images = (images - mean) * contrast.to(device) + mean
    return (images * (brightness * gain).to(device) + noise.to(device)).clamp_(0, 1)


def _between(low: float, high: float, count: int, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low
