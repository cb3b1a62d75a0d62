"""Which places of a frame speak for one class and against another, in a classifier of linecam.networks.models."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from linecam.networks.models import Classifier, to_images


def class_activation(
    model: Classifier, pixels: NDArray[np.uint8], favoured: NDArray[np.intp], against: NDArray[np.intp]
) -> NDArray[np.float32]:
    images = to_images(pixels)
    with torch.inference_mode():
        features = model.backbone(images)
        weights = model.head.weight[favoured] - model.head.weight[against]
        if model.backbone.pooling == "mean":
            share = torch.ones_like(features) / features[0, 0].numel()
        else:
            flat = features.flatten(2)
            share = F.one_hot(flat.argmax(dim=2), flat.shape[2]).reshape(features.shape)
        return (weights[:, :, None, None] * features * share).sum(dim=1).numpy()


def hirescam(model, pixels, favoured, against, depth):
    images = to_images(pixels)
    layers = list(model.backbone)
    x = images
    for l in layers[:-depth]:
        x = l(x)
    x = x.detach().requires_grad_()
    y = x
    for l in layers[-depth:]:
        y = l(y)
    logits = model.head(model.backbone.pool(y))
    r = torch.arange(len(x))
    (logits[r, torch.as_tensor(favoured)] - logits[r, torch.as_tensor(against)]).sum().backward()
    return (x.grad * x).sum(1).detach().numpy()


def occlusion(model, pixels, favoured, against, patch, stride, fill):
    images = to_images(pixels)
    if fill == "blur":
        k = patch * 2 + 1
        cover = F.avg_pool2d(F.pad(images, [k // 2] * 4, mode="reflect"), k, 1)
    else:
        cover = images.mean(dim=(2, 3), keepdim=True).expand_as(images)
    side = images.shape[-1]
    starts = range(-patch // 2 + stride // 2, side - patch // 2, stride)
    r = np.arange(len(images))
    with torch.inference_mode():
        def margin(x):
            l = model(x).numpy()
            return l[r, favoured] - l[r, against]
        base = margin(images)
        out = np.zeros((len(images), len(starts), len(starts)), np.float32)
        for i, top in enumerate(starts):
            for j, left in enumerate(starts):
                x = images.clone()
                s = (slice(None), slice(None), slice(max(top, 0), top + patch), slice(max(left, 0), left + patch))
                x[s] = cover[s]
                out[:, i, j] = base - margin(x)
    return out
