"""The large network that teaches: the packaged weights are in their places, and what is no teacher is refused."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from linecam.errors import UserError
from linecam.networks.architectures import PACKAGED_TEACHER
from linecam.networks.teacher import Teacher, packaged

SMALL = "mobilenetv3_small_050"  # another network of timm, quick to make
# EfficientNet-Lite0 by its paper: how many blocks in a row, and the stride of the first.
STAGES = [(1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1)]


@pytest.fixture(scope="module")
def teacher() -> Teacher:
    return Teacher(PACKAGED_TEACHER)


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Two smooth pictures, (2, 3, 64, 64)."""
    coarse = torch.from_numpy(np.random.default_rng(1).uniform(0, 1, (2, 3, 7, 7))).float()
    return F.interpolate(coarse, 64, mode="bicubic").clamp(0, 1)


@pytest.fixture(scope="module")
def small() -> dict[str, Tensor]:
    """Weights of `SMALL` by timm's own names."""
    torch.manual_seed(1)
    state: dict[str, Tensor] = timm.create_model(SMALL, pretrained=False).state_dict()
    return state


def forward(state: dict[str, Tensor], images: Tensor) -> tuple[list[Tensor], Tensor]:
    """EfficientNet-Lite0 layer by layer, by the package's own names: its last two maps and the pooled features."""

    def norm(x: Tensor, name: str) -> Tensor:
        weight, bias, mean, variance = (
            state[f"{name}.{key}"] for key in ("weight", "bias", "running_mean", "running_var")
        )
        return F.batch_norm(x, mean, variance, weight, bias, eps=1e-3)

    def convolve(x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        side, kernel = x.shape[-1], weight.shape[-1]
        missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        first, last = missing // 2, missing - missing // 2
        groups = x.shape[1] // weight.shape[1]
        return F.conv2d(F.pad(x, (first, last, first, last)), weight, stride=stride, groups=groups)

    x = F.relu6(norm(convolve(images * 2 - 1, "_conv_stem", 2), "_bn0"))
    strides = [stride if number == 0 else 1 for repeats, stride in STAGES for number in range(repeats)]
    maps = []
    for number, stride in enumerate(strides):
        block, before = f"_blocks.{number}", x
        if number:
            x = F.relu6(norm(convolve(x, f"{block}._expand_conv"), f"{block}._bn0"))
        x = F.relu6(norm(convolve(x, f"{block}._depthwise_conv", stride), f"{block}._bn1"))
        x = norm(convolve(x, f"{block}._project_conv"), f"{block}._bn2")
        if x.shape == before.shape:
            x = x + before
        maps.append(x)
    head = F.relu6(norm(convolve(x, "_conv_head"), "_bn1"))
    return [maps[sum(repeats for repeats, _ in STAGES[:5]) - 1], maps[-1]], head.mean(dim=(2, 3))


def test_the_packaged_weights_see_what_their_own_names_say(teacher: Teacher, images: Tensor) -> None:
    maps, pooled = teacher(images)
    expected_maps, expected = forward(packaged(), images)
    for one, other in zip(maps, expected_maps, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(pooled, expected, rtol=1e-4, atol=1e-4)
    assert (pooled[0] - pooled[1]).abs().mean() > 0.05, "or anything would be near"


def test_every_tensor_has_its_kind_of_place(teacher: Teacher) -> None:
    """A swap of two norms' figures has the right shape, and here another last name."""
    ours, theirs = teacher.model.state_dict(), packaged()
    assert [name.rpartition(".")[2] for name in ours] == [name.rpartition(".")[2] for name in theirs]
    assert all((ours[name] >= 0).all() for name in ours if name.endswith("running_var"))
    assert any((ours[name] < 0).any() for name in ours if name.endswith("running_mean"))


def test_its_maps_and_features(teacher: Teacher, images: Tensor) -> None:
    assert (teacher.side, teacher.features) == (224, 1280)
    maps, pooled = teacher(F.interpolate(images, 224))
    assert [tuple(one.shape) for one in maps] == [(2, 112, 14, 14), (2, 320, 7, 7)]
    assert tuple(pooled.shape) == (2, teacher.features)


def test_it_is_never_trained(teacher: Teacher) -> None:
    assert not teacher.training
    assert not any(parameter.requires_grad for parameter in teacher.parameters())


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_weights_by_timms_names_load_by_name(
    small: dict[str, Tensor], suffix: str, images: Tensor, tmp_path: Path
) -> None:
    """In any order, and with more in the file than there is in the network."""
    path = tmp_path / f"weights.{suffix}"
    shuffled = {name: small[name] for name in sorted(small, reverse=True)} | {"more": torch.zeros(2)}
    if suffix == "pt":
        torch.save(shuffled, path)
    else:
        save_file(shuffled, path)
    teacher = Teacher(SMALL, path)
    for name, tensor in teacher.model.state_dict().items():
        torch.testing.assert_close(tensor, small[name], rtol=0, atol=0)
    assert teacher(images)[1].shape == (2, teacher.features)


def test_a_name_that_timm_does_not_know() -> None:
    with pytest.raises(UserError, match=r"pretrain\.taught\.network: the library timm has no network 'efficient_lite'"):
        Teacher("efficient_lite")


def test_another_network_needs_its_weights() -> None:
    with pytest.raises(UserError, match=rf"pretrain\.taught\.weights: .*{SMALL}"):
        Teacher(SMALL)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.safetensors"):
        Teacher(SMALL, tmp_path / "none.safetensors")


@pytest.mark.parametrize("change", ["fewer", "shape", "network"])
def test_weights_of_another_network(small: dict[str, Tensor], change: str, tmp_path: Path) -> None:
    state = dict(packaged()) if change == "network" else dict(small)
    first = next(name for name in state if name.endswith(".weight"))
    if change == "fewer":  # the last: those before it stay in their places
        state.popitem()
    elif change == "shape":
        state[first] = state[first][:-1]
    torch.save(state, tmp_path / "other.pt")  # in this order; safetensors has an order of its own
    with pytest.raises(UserError, match=r"other\.pt holds weights of another network"):
        Teacher(SMALL, tmp_path / "other.pt")


@pytest.mark.parametrize(("value", "told"), [(float("nan"), "hold NaN or infinity"), (0.0, "the same of any image")])
def test_weights_with_which_it_sees_nothing(small: dict[str, Tensor], value: float, told: str, tmp_path: Path) -> None:
    state = {name: torch.full_like(tensor, value) if tensor.dim() == 4 else tensor for name, tensor in small.items()}
    torch.save(state, tmp_path / "other.pt")
    with pytest.raises(UserError, match=rf"other\.pt: .*{told}"):
        Teacher(SMALL, tmp_path / "other.pt")
