"""The networks: padded as TensorFlow pads, exported without further operators, and as large as counted by hand."""

import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from linecam.errors import UserError
from linecam.networks.architectures import ARCHITECTURES, Residual, parse
from linecam.networks.models import (
    Block,
    Classifier,
    Same,
    Size,
    backbone,
    embed,
    load_weights,
    maps_of,
    residual,
    save_weights,
    size_of,
    to_images,
)

OURS = [name for name, plan in ARCHITECTURES.items() if isinstance(plan, Residual)]


def shaken(model: nn.Module, seed: int = 1) -> nn.Module:
    """`model` with norms that do something, in evaluation mode."""
    torch.manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.2)
    return model.eval()


# --- SAME


def tensorflows_same(image: NDArray, weight: NDArray, stride: int) -> NDArray:
    """A convolution as TensorFlow's documentation has SAME, one output at a time: (C, H, W), (O, C, k, k)."""
    kernel, sides = weight.shape[-1], image.shape[1:]
    outputs = [-(-side // stride) for side in sides]
    before = []
    for side in sides:
        rest = side % stride
        total = max(kernel - stride, 0) if rest == 0 else max(kernel - rest, 0)
        before.append(total // 2)
    result = np.zeros((len(weight), *outputs))
    for i in range(outputs[0]):
        for j in range(outputs[1]):
            for y in range(kernel):
                for x in range(kernel):
                    row, column = i * stride + y - before[0], j * stride + x - before[1]
                    if 0 <= row < sides[0] and 0 <= column < sides[1]:
                        result[:, i, j] += weight[:, :, y, x] @ image[:, row, column]
    return result


@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("shape", [(8, 8), (7, 7), (8, 5), (5, 8), (3, 4), (1, 1)])
def test_same_is_tensorflows(kernel, stride, shape):
    torch.manual_seed(kernel)
    convolution = Same(2, 3, kernel_size=kernel, stride=stride, bias=False)
    image = torch.randn(1, 2, *shape)
    with torch.inference_mode():
        seen = convolution(image)[0].numpy()
    np.testing.assert_allclose(seen, tensorflows_same(image[0].numpy(), convolution.weight.detach().numpy(), stride),
                               atol=1e-5)  # fmt: skip


def test_an_odd_pixel_of_padding_is_below_and_to_the_right():
    """PyTorch's own padding would put it above and to the left."""
    convolution = Same(1, 1, kernel_size=3, stride=2, bias=False)
    nn.init.constant_(convolution.weight, 1)
    image = torch.zeros(1, 1, 4, 4)
    image[0, 0, 0, 0] = 1
    image[0, 0, 3, 3] = 10
    with torch.inference_mode():
        np.testing.assert_array_equal(convolution(image)[0, 0].numpy(), [[1, 0], [0, 10]])
        symmetric = nn.functional.conv2d(image, convolution.weight, stride=2, padding=1)
    assert symmetric[0, 0, 1, 1] == 10
    assert convolution(image).shape == symmetric.shape
    image[0, 0, 3, 3] = 0
    image[0, 0, 1, 1] = 5
    with torch.inference_mode():
        assert convolution(image)[0, 0].tolist() == [[6, 0], [0, 0]]
        assert nn.functional.conv2d(image, convolution.weight, stride=2, padding=1)[0, 0].tolist() == [[6, 5], [5, 5]]


# --- blocks


def test_a_block_is_two_convolutions_and_what_went_in():
    block = shaken(Block(4, 4, 1))
    assert isinstance(block.shortcut, nn.Identity)
    images = torch.randn(2, 4, 6, 6)
    with torch.inference_mode():
        np.testing.assert_allclose(block(images), torch.relu(block.convolutions(images) + images), atol=1e-6)


@pytest.mark.parametrize(("inputs", "outputs", "stride"), [(4, 8, 1), (4, 4, 2), (8, 16, 2)])
def test_a_block_that_changes_the_shape_has_a_convolution_in_its_shortcut(inputs, outputs, stride):
    block = shaken(Block(inputs, outputs, stride))
    assert not isinstance(block.shortcut, nn.Identity)
    with torch.inference_mode():
        assert block(torch.randn(2, inputs, 7, 7)).shape == (2, outputs, -(-7 // stride), -(-7 // stride))


@pytest.mark.parametrize("side", [8, 9])
def test_the_shortcut_that_is_trained_is_the_one_that_is_exported(side):
    """It subsamples first while it is trained: the same mathematics."""
    block = Block(8, 16, 2).eval()
    images = torch.randn(3, 8, side, side).contiguous(memory_format=torch.channels_last)
    convolution = block.shortcut[0]
    with torch.inference_mode():
        strided = convolution.eval()(images)
        np.testing.assert_allclose(convolution.train()(images), strided, atol=1e-5)


# --- networks


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("side", [32, 47, 112])
def test_every_network_gives_a_logit_for_each_class(name, side):
    model = shaken(Classifier(f"{name}-{side}", 4))
    with torch.inference_mode():
        logits = model(torch.rand(2, 3, side, side))
    assert logits.shape == (2, 4)
    assert logits.isfinite().all()
    assert (logits[0] != logits[1]).all()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_embedding_is_the_mean_whatever_the_classifier_pools_by(name):
    layers = shaken(backbone(f"{name}-64"))
    model = Classifier(f"{name}-64", 3).eval()
    model.backbone = layers
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        features = layers(images).flatten(2)
        assert features.shape[2] > 1
        np.testing.assert_allclose(embed(layers, images), features.mean(dim=2), atol=1e-6)
        pooled = features.mean(dim=2) if layers.pooling == "mean" else features.amax(dim=2)
        np.testing.assert_allclose(model(images), model.head(pooled), atol=1e-5)


@pytest.mark.parametrize("name", OURS)
def test_no_norm_stands_before_the_first_convolution(name):
    """It would be an operator more on the camera."""
    assert isinstance(backbone(f"{name}-64")[0], Same)


@pytest.mark.parametrize("name", OURS)
def test_every_convolution_of_ours_can_be_trained(name):
    model = Classifier(f"{name}-32", 2).train()
    model(torch.rand(4, 3, 32, 32)).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())


@pytest.mark.parametrize("name", ["swift11-64", "swift7", "64", "", "-64", "swift7-", "swift7-large", "swift7-6.4",
                                  "swift7-0", "swift7--64", "Swift7-64"])  # fmt: skip
def test_an_unknown_network_is_named_with_those_that_are_there(name):
    for ask in (parse, backbone, lambda network: Classifier(network, 2)):
        with pytest.raises(UserError) as error:
            ask(name)
        assert repr(name) in str(error.value)
        for known in (*ARCHITECTURES, "slim7-96"):
            assert known in str(error.value)


def test_a_name_is_architecture_and_size():
    assert parse("swift9-96") == (ARCHITECTURES["swift9"], 96)


def test_weights_of_another_network_are_refused(tmp_path):
    save_weights(tmp_path / "w.safetensors", backbone("swift7-64"), {"network": "swift7-64"})
    load_weights(tmp_path / "w.safetensors", backbone("swift7-112"))  # any size: fully convolutional
    with pytest.raises(UserError, match=r"w\.safetensors is of another network"):
        load_weights(tmp_path / "w.safetensors", backbone("swift9-64"))


def test_pixels_become_images():
    pixels = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3) * 2
    images = to_images(pixels)
    assert (images.shape, images.dtype) == ((2, 3, 4, 4), torch.float32)
    assert images[1, 2, 3, 0] == np.float32(pixels[1, 3, 0, 2]) / np.float32(255)


# --- what is exported


def exported(model: nn.Module, side: int, path: Path) -> onnx.ModelProto:
    """As scripts/export_onnx.py does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(model, (torch.zeros(1, 3, side, side),), path, input_names=["image"], dynamo=False)
    return onnx.load(path)


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("side", [64, 45])
def test_the_exported_network_pads_in_its_convolutions_and_says_the_same(tmp_path, name, side):
    model = shaken(Classifier(f"{name}-{side}", 3))
    graph = exported(model, side, tmp_path / "m.onnx").graph
    operators = {node.op_type for node in graph.node}
    pooling = {"mean": {"ReduceMean"}, "max": {"MaxPool", "Flatten"}}[model.backbone.pooling]
    assert operators == {"Conv", "Relu", "Add", "Gemm"} | pooling, "norms are folded, nothing is padded beforehand"
    plan = ARCHITECTURES[name]
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    shortcuts = sum(
        stride > 1 or before != after
        for before, after, stride in zip((plan.stem, *plan.widths), plan.widths, plan.strides, strict=False)
    )
    assert len(convolutions) == 1 + 2 * len(plan.widths) + plan.separable + shortcuts + 1
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    for _ in range(3):
        image = torch.rand(1, 3, side, side)
        with torch.inference_mode():
            expected = model(image).numpy()
        np.testing.assert_allclose(session.run(None, {"image": image.numpy()})[0], expected, atol=1e-4)
        assert np.abs(expected).max() > 0.01


# --- what it costs


@pytest.fixture
def small(monkeypatch):
    """A stem of 2 channels, a block of 3 at stride 1 and one of 3 at stride 2."""
    monkeypatch.setitem(ARCHITECTURES, "small", Residual(2, (3, 3), (1, 2)))


def test_the_size_of_a_small_network_by_hand(small):
    stem = (4 * 4 * 2 * 27, 2 * 27 + 2)
    # Each block: first convolution, second convolution, shortcut.
    one = (
        4 * 4 * (3 * 18 + 3 * 27 + 3 * 2),
        (3 * 18 + 3) + (3 * 27 + 3) + (3 * 2 + 3),
    )
    other = (
        2 * 2 * (3 * 27 + 3 * 27 + 3 * 3),
        (3 * 27 + 3) * 2 + (3 * 3 + 3),
    )
    last = (2 * 2 * 16 * 3, 16 * 3 + 16)
    head = (16 * 5, 16 * 5 + 5)
    total = [sum(parts) for parts in zip(stem, one, other, last, head, strict=True)]
    assert size_of("small-8", 5) == Size(*total)


def test_a_block_without_convolution_in_its_shortcut_costs_that_less(monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "same", Residual(4, (4,), (1,)))
    monkeypatch.setitem(ARCHITECTURES, "strided", Residual(4, (4,), (2,)))
    stem, block, last, head = 4 * 28, 2 * (4 * 36 + 4), 16 * 5, 2 * 17
    assert size_of("same-8", 2).parameters == stem + block + last + head
    assert size_of("strided-8", 2).parameters == stem + block + 4 * 5 + last + head


def test_the_tutorials_network_costs_what_is_known():
    size = size_of("resnet9-64", 3)
    assert size.macs == 16_678_960
    assert size.macs > 1.8 * size_of("swift7-112", 3).macs


@pytest.mark.parametrize("name", OURS)
def test_four_times_the_pixels_are_four_times_the_work(name):
    """All but the last layer, with weights that stay as they are."""
    small, large = size_of(f"{name}-64", 3), size_of(f"{name}-128", 3)
    head = backbone(f"{name}-64").features * 3
    assert large.macs - head == 4 * (small.macs - head)
    assert large.parameters == small.parameters


def test_a_plan_as_deep_as_its_widths():
    with pytest.raises(ValueError, match="zip"):
        residual(Residual(8, (8, 16), (1,)))


# --- maps


@pytest.mark.parametrize("network", ["swift7-64", "resnet9-64"])
def test_maps_are_what_layers_and_blocks_make_on_the_way(network: str) -> None:
    model = shaken(backbone(network))
    images = torch.rand(2, 3, 64, 64)
    maps = maps_of(model, images)
    left_out = (nn.BatchNorm2d, nn.ReLU)
    assert len(maps) == sum(not isinstance(layer, left_out) for layer in model)
    torch.testing.assert_close(maps[-1], model(images), rtol=0, atol=0)
    assert maps[-1].shape[1] == 16
    before = [layer for layer in model][:-1]
    torch.testing.assert_close(maps[-2], nn.Sequential(*before)(images), rtol=0, atol=0)
    sides = [one.shape[-1] for one in maps]
    assert sides == sorted(sides, reverse=True)
