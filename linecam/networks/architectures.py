"""The networks that fit on a camera, as plain data: `networks` in the configuration names one, with its input size.

To add one: a line in `ARCHITECTURES`. `linecam networks` says what each costs.
"""

from dataclasses import dataclass

from linecam.errors import UserError


@dataclass(frozen=True)
class Residual:
    """A plain residual network (He et al., CVPR 2016): 3x3 convolutions and additions, which int8 runtimes do well.

    A stem of `stem` channels and stride 2, then one block of two convolutions for each of `widths`, at its stride, then
    a 1x1 convolution to `features`. The first `separable` blocks have a depthwise and a 1x1 one for the second.
    All padding is TensorFlow's SAME, and nothing normalizes the input: either would be an operator more on the camera.
    Features are the maximum over the image, since a defect is in one place of it.
    """

    stem: int
    widths: tuple[int, ...]
    strides: tuple[int, ...]
    features: int = 16
    separable: int = 0


class Tutorial:
    """The 2020 tutorial's network, as its published weights want it: lightly's ResNet-9 behind a norm of the input."""


ARCHITECTURES: dict[str, Residual | Tutorial] = {
    "resnet9": Tutorial(),
    # Half resolution costs most, since the camera copies nine inputs for each output before it multiplies: no block.
    "swift7": Residual(8, (16, 32, 64), (2, 2, 2)),
    # Where a convolution has few channels, the camera spends its time on copying: there separable ones are cheaper.
    "slim7": Residual(8, (16, 32, 64), (2, 2, 2), features=64, separable=2),
    "swift9": Residual(8, (8, 16, 32, 64), (1, 2, 2, 2)),
    # Twice as wide: no camera's, but a teacher (`pretrain.teacher`).
    "wide7": Residual(16, (32, 64, 128), (2, 2, 2)),
}

# The large network whose weights come with linecam, as a package; by its name in timm.
PACKAGED_TEACHER = "tf_efficientnet_lite0"


def parse(network: str) -> tuple[Residual | Tutorial, int]:
    """The architecture and the input's side in pixels of a network such as swift7-112.

    Raises `UserError` where there is none of that name, or the size is none.
    """
    name, _, size = network.rpartition("-")
    if name not in ARCHITECTURES or not size.isdecimal() or int(size) == 0:
        raise UserError(
            f"There is no network {network!r}. The name of a network is its architecture and the side of its input in "
            f"pixels, such as slim7-96. The architectures are {', '.join(ARCHITECTURES)}."
        )
    return ARCHITECTURES[name], int(size)


def input_size(network: str) -> int:
    """The input's side, in pixels, of a network such as swift7-112, which `parse` has checked before."""
    return int(network.rpartition("-")[2])
