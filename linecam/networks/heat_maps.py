"""Which places of a frame speak for one class and against another, in a classifier of `linecam.networks.models`."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from linecam.networks.models import BATCH, Classifier, to_images

# A map has at least this share of the input's side: coarser ones miss small defects, finer ones show edges.
FINEST = 4


def heat_maps(
    model: Classifier,
    pixels: NDArray[np.uint8],
    favoured: NDArray[np.intp],
    against: NDArray[np.intp],
    device: torch.device,
) -> NDArray[np.float32]:
    """Maps of frames (N, H, W, 3), uint8, by a model in evaluation mode on `device`: (N, h, w) float32.

    A cell has what the features of its place add to the logit of the class `favoured` (N,) less that of the class
    `against` (N,): positive speaks for the first, negative for the second. It is the sum over the channels of feature
    times gradient, HiResCAM (Draelos and Carin, 2020), which like class activation maps with a maximum (Oquab et al.,
    CVPR 2015) and unlike Grad-CAM shows only places that the model has used. Of the layers it takes the last one that
    has at least a quarter of the input's side. Behind it the network is linear in pieces, so that the cells of a frame
    make up the difference of the logits, but for what the layers' biases add.
    """
    found = []
    for start in range(0, len(pixels), BATCH):
        part = slice(start, start + BATCH)
        features, rest = _cut(model, to_images(pixels[part], device))
        features.requires_grad_()
        after = features
        for layer in rest:
            after = layer(after)
        logits = model.head(model.backbone.pool(after))
        rows = torch.arange(len(features), device=device)
        for_, against_ = (torch.from_numpy(one[part]).to(device) for one in (favoured, against))
        (gradient,) = torch.autograd.grad((logits[rows, for_] - logits[rows, against_]).sum(), features)
        found.append((features.detach() * gradient).sum(dim=1).cpu().numpy())
    return np.concatenate(found) if found else np.zeros((0, 1, 1), np.float32)


@torch.no_grad()
def _cut(model: Classifier, images: Tensor) -> tuple[Tensor, list[nn.Module]]:
    """The features (N, C, h, w) that the maps are of, and the layers of the backbone behind them."""
    side, layers = images.shape[-1], list(model.backbone)
    features, cut = images, 0
    for number, layer in enumerate(layers, 1):
        images = layer(images)
        if FINEST * images.shape[-1] < side:
            break
        # With the norm and the ReLU that belong to a layer.
        if not isinstance(next(iter(layers[number:]), None), nn.BatchNorm2d | nn.ReLU):
            features, cut = images, number
    return features, layers[cut:]
