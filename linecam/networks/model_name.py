"""The name of a trained model, which is also its path below results/<dataset>/finetune/ and its like."""

from dataclasses import dataclass
from typing import Self

from linecam.networks.architectures import input_size


@dataclass(frozen=True, order=True)
class ModelName:
    """What tells a trained model from the others; as text `network-method/selection/seed-N`.

    `network` is architecture-size (swift7-112), `method` says where its weights began (simclr, none), `selection` says
    on which frames it was trained (coreset-200), and `seed` is that of the training.
    """

    network: str
    method: str
    selection: str
    seed: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The name that `text` is. Raises `ValueError` where it is none."""
        try:
            backbone, selection, seed = text.split("/")
            network, method = backbone.rsplit("-", 1)
            return cls(network, method, selection, int(seed.removeprefix("seed-")))
        except ValueError:
            raise ValueError(f"{text!r} is not a model's name: network-method/selection/seed-N is expected.") from None

    def __str__(self) -> str:
        return f"{self.backbone}/{self.selection}/seed-{self.seed}"

    @property
    def backbone(self) -> str:
        """The pretrained network that the training started from: network-method, such as swift7-112-simclr."""
        return f"{self.network}-{self.method}"

    @property
    def input_size(self) -> int:
        """The side of the network's input, in pixels."""
        return input_size(self.network)
