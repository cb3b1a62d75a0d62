"""The networks of linecam/networks/architectures.py in PyTorch, their weights as files, and how large they are."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from linecam.errors import UserError
from linecam.files import atomic_write
from linecam.networks.architectures import Residual, parse

BATCH = 256  # images that are predicted at a time


class Backbone(nn.Sequential):
    """Layers from (N, 3, H, W) float32 in [0, 1] to (N, features, h, w), and how a classifier pools these."""

    features: int = 16
    pooling: Literal["mean", "max"] = "mean"

    def pool(self, features: Tensor) -> Tensor:
        """Features (N, features, h, w) to (N, features)."""
        if self.pooling == "mean":
            return features.mean(dim=(2, 3))
        return F.max_pool2d(features, tuple(map(int, features.shape[2:]))).flatten(1)


def backbone(network: str) -> Backbone:
    """A new backbone of `network`, such as swift7-112: (N, 3, H, W) float32 in [0, 1] to (N, features, h, w).

    Raises `UserError` where there is none of that name.
    """
    architecture, _ = parse(network)
    return residual(architecture) if isinstance(architecture, Residual) else tutorial()


def maps_of(layers: Backbone, images: Tensor) -> list[Tensor]:
    """What each layer or block of a backbone makes of images, (N, 3, H, W) float32 in [0, 1]: (N, C, h, w) each.

    Norms and ReLUs between them are left out. The last are the features.
    """
    maps = []
    for layer in layers:
        images = layer(images)
        if not isinstance(layer, nn.BatchNorm2d | nn.ReLU):
            maps.append(images)
    return maps


def residual(plan: Residual) -> Backbone:
    """The backbone of a plan: stem, blocks, 1x1 convolution to its features."""
    inputs = (plan.stem, *plan.widths)
    layers = Backbone(
        Same(3, plan.stem, kernel_size=3, stride=2, bias=False),
        nn.BatchNorm2d(plan.stem),
        nn.ReLU(),
        *(
            Block(*shape, separable=number < plan.separable)
            for number, shape in enumerate(zip(inputs[:-1], plan.widths, plan.strides, strict=True))
        ),
        nn.Conv2d(plan.widths[-1], plan.features, kernel_size=1),
    )
    layers.features, layers.pooling = plan.features, "max"
    return layers


class Same(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME: where the padding is odd, the pixel more is below and to the right.

    PyTorch's own padding is symmetric, which TFLite can only have as an operator of its own.
    """

    def forward(self, images: Tensor) -> Tensor:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        # A plain number also while the network is traced.
        needed = [max((-(-int(side) // stride) - 1) * stride + kernel - int(side), 0) for side in images.shape[-2:]]
        (top, below), (left, right) = ((pixels // 2, pixels - pixels // 2) for pixels in needed)
        if (top, left) == (below, right):
            return F.conv2d(images, self.weight, self.bias, self.stride, (top, left))
        padding = (left, right, top, below)
        if torch.onnx.is_in_onnx_export():
            padded: Tensor = _AsymmetricForOnnx.apply(images, self.weight, stride, padding)
            return padded
        return F.conv2d(F.pad(images, padding), self.weight, self.bias, self.stride)


class _AsymmetricForOnnx(torch.autograd.Function):
    """ONNX's convolution may be padded more on one side; PyTorch would export an operator Pad, which costs time."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, stride: int, padding: tuple[int, ...]) -> Tensor:
        return F.conv2d(F.pad(images, padding), weight, stride=stride)

    @staticmethod
    def symbolic(graph: Any, images: Any, weight: Any, stride: int, padding: tuple[int, ...]) -> Any:
        left, right, top, below = padding
        return graph.op("Conv", images, weight, strides_i=[stride] * 2, pads_i=[top, left, below, right])


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut around them, the identity where shapes allow it.

    The second one may be `separable`: a depthwise and a 1x1 convolution (Sifre and Mallat, 2014).
    """

    def __init__(self, inputs: int, outputs: int, stride: int, *, separable: bool = False) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            Same(inputs, outputs, kernel_size=3, stride=stride, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            *(_separable(outputs) if separable else [Same(outputs, outputs, kernel_size=3, bias=False)]),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                Shortcut(inputs, outputs, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, images: Tensor) -> Tensor:
        return F.relu(self.convolutions(images) + self.shortcut(images))


def _separable(channels: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, channels, kernel_size=3, padding=1, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel_size=1, bias=False),
    ]


def tutorial() -> Backbone:
    """The tutorial's backbone: input norm, lightly's ResNet-9 of width 0.125, 1x1 convolution to 16 features.

    As in the tutorial, the generator's children stand in a plain Sequential, which leaves out the ReLU after the
    first norm: its published weights were trained without (90.4 % on its test frames, 86.9 % with the ReLU).
    """
    # Not at the top: it takes two seconds, and each step of the line is a process of its own.
    from lightly.models import ResNetGenerator  # noqa: PLC0415
    from lightly.models.resnet import BasicBlock  # noqa: PLC0415

    generator = ResNetGenerator("resnet-9", width=0.125)
    for module in list(generator.modules()):
        if isinstance(module, BasicBlock) and len(module.shortcut):
            module.shortcut[0] = Shortcut.of(module.shortcut[0])
    return Backbone(
        nn.BatchNorm2d(3),
        *list(generator.children())[:-1],  # without the linear layer
        nn.Conv2d(64, Backbone.features, kernel_size=1),
    )


class Shortcut(nn.Conv2d):
    """A 1x1 convolution of stride 2 that subsamples before it convolves while it is trained.

    The same mathematics; but oneDNN's training of the strided one writes beyond its memory where it has 8 input
    channels, in channels last and through torch.compile (torch 2.14.1). Otherwise it is exported as it stands.
    """

    @classmethod
    def of(cls, convolution: nn.Conv2d) -> "Shortcut":
        """The same convolution, with the same weights."""
        convolution.__class__ = cls
        assert isinstance(convolution, cls)
        return convolution

    def forward(self, images: Tensor) -> Tensor:
        if not self.training:
            return super().forward(images)
        # Pooling over single pixels: of a slice the gradient would not be in channels last.
        return F.conv2d(F.avg_pool2d(images, 1, self.stride), self.weight, self.bias)


class Classifier(nn.Module):
    """A backbone, its pooling and a linear layer: (N, 3, H, W) float32 in [0, 1] to (N, classes) logits."""

    def __init__(self, network: str, classes: int) -> None:
        """`network` is architecture-size, such as resnet9-64. Raises `UserError` where there is none of that name."""
        super().__init__()
        self.backbone = backbone(network)
        self.head = nn.Linear(self.backbone.features, classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.backbone.pool(self.backbone(images)))
        return logits


def embed(backbone: nn.Module, images: Tensor) -> Tensor:
    """Embeddings, (N, features), of images, (N, 3, H, W) float32 in [0, 1]: the features, averaged over the image.

    Averaged also where the classifier takes the maximum: pretraining and selecting by maxima cost 5 points on the belt.
    """
    features: Tensor = backbone(images)
    return features.mean(dim=(2, 3))


@dataclass(frozen=True)
class Size:
    """What a classifier has and does for one image. What it costs on a camera: `linecam.boards.network_costs`."""

    macs: int
    parameters: int


def size_of(network: str, classes: int) -> Size:
    """The size of a network, once its norms are folded into its convolutions, as they are on the camera."""
    model = Classifier(network, classes).eval()
    macs = parameters = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal macs, parameters
        if isinstance(module, nn.Conv2d | nn.Linear):
            macs += output.shape[1:].numel() * module.weight[0].numel()
            parameters += module.weight.numel() + len(module.weight)

    for module in model.modules():
        module.register_forward_hook(count)
    side = parse(network)[1]
    with torch.inference_mode():
        model(torch.zeros(1, 3, side, side))
    return Size(macs, parameters)


def to_images(pixels: NDArray[np.uint8], device: torch.device | str = "cpu") -> Tensor:
    """Pixels (N, H, W, 3), uint8, as images (N, 3, H, W), float32 in [0, 1], as the input scale 1/255 says."""
    tensor = torch.from_numpy(np.ascontiguousarray(pixels)).to(device)
    return tensor.permute(0, 3, 1, 2).contiguous().float().div_(255)


def probabilities(
    model: Classifier, pixels: NDArray[np.uint8], rows: NDArray[np.intp], device: torch.device
) -> NDArray[np.float32]:
    """What `model`, in evaluation mode, says of some `rows` of pixels (N, H, W, 3), uint8: (rows, classes), 0..1."""
    model = model.to(device)
    with torch.inference_mode():
        parts = [
            model(to_images(pixels[rows[start : start + BATCH]], device)).softmax(dim=1).cpu().numpy()
            for start in range(0, len(rows), BATCH)
        ]
    return np.concatenate(parts)


def save_weights(path: str | Path, module: nn.Module, about: Mapping[str, object]) -> None:
    """Write a module's weights as safetensors, `about` (JSON values) in the header; equal weights, equal bytes."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    with atomic_write(path) as temporary:
        save_file(weights, temporary, metadata={"linecam": json.dumps(about, sort_keys=True)})


def load_weights(path: str | Path, module: nn.Module) -> dict[str, object]:
    """Load `save_weights`' file into `module` and return its `about`. Raises `UserError` where the two don't match."""
    try:
        with safe_open(path, framework="pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            about: dict[str, object] = json.loads((file.metadata() or {}).get("linecam", "{}"))
    except Exception as error:  # safetensors raises its own and OSError
        raise UserError(
            f"{path} is not a safetensors file that can be read: {error}. If linecam made it, delete it and run the "
            "same command again. Else give another file."
        ) from None
    check_weights(path, weights, module)
    module.load_state_dict(weights)
    return about


def check_weights(path: str | Path, weights: Mapping[str, Tensor], module: nn.Module) -> None:
    """Raise `UserError` if `weights` do not fit `module`, naming the first tensors that differ."""
    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    given = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    differ = [
        f"{name} ({given.get(name, 'missing')} in the file, {wanted.get(name, 'unknown')} in the network)"
        for name in sorted(wanted.keys() | given.keys())
        if wanted.get(name) != given.get(name)
    ]
    if differ:
        raise UserError(
            f"{path} is of another network: {len(differ)} tensors differ, first {'; '.join(differ[:3])}. "
            "Give a file of this network, or name the file's under `networks`."
        )
