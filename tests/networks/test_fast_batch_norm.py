"""The quick batch norm against PyTorch's in float64: output, gradients, running statistics."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from linecam.networks.fast_batch_norm import LANES, QuickNorm, narrow, quicken_norms, wide


def both(channels: int, images: torch.Tensor, gradient: torch.Tensor, threads: int) -> list[dict[str, torch.Tensor]]:
    """What a norm in float64 gives for the same bfloat16 values, and what the quick one gives."""
    torch.manual_seed(1)
    exact = nn.BatchNorm2d(channels)
    nn.init.normal_(exact.weight)
    nn.init.normal_(exact.bias)
    quick = nn.Sequential(copy.deepcopy(exact))
    quicken_norms(quick)
    assert type(quick[0]) is QuickNorm
    results = []
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    for norm, dtype in ((exact.double(), torch.float64), (quick[0], torch.bfloat16)):
        given = images.to(dtype).detach().requires_grad_()
        output = norm(given)
        output.backward(gradient.to(dtype))
        assert output.dtype == dtype
        results.append(
            {"output": output, "input": given.grad, "weight": norm.weight.grad, "bias": norm.bias.grad}
            | dict(norm.named_buffers())
        )
    torch.set_num_threads(before)
    return results


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("count", "channels", "side"), [(8, 8, 16), (3, 16, 8), (5, 32, 4), (4, 64, 2), (1, 8, 6)])
def test_it_is_batch_norm(count: int, channels: int, side: int, threads: int) -> None:
    torch.manual_seed(count)
    shape = (count, channels, side, side)
    images, gradient = (
        (torch.randn(shape) * 3 + 1).bfloat16().contiguous(memory_format=torch.channels_last) for _ in range(2)
    )
    exact, quick = both(channels, images, gradient, threads)
    for name, expected in exact.items():
        # Of eight bits of precision; statistics are added up in float32 and more.
        relative = 0.01 if name in {"output", "input"} else 1e-4
        scale = expected.abs().max().item()
        torch.testing.assert_close(quick[name].double(), expected.double(), rtol=relative, atol=relative * scale)
    assert quick["output"].is_contiguous(memory_format=torch.channels_last)


def test_threads_change_no_bit() -> None:
    torch.manual_seed(1)
    images, gradient = (
        torch.randn(7, 8, 16, 16).bfloat16().contiguous(memory_format=torch.channels_last) for _ in range(2)
    )
    results = [both(8, images, gradient, threads)[1] for threads in (1, 2, 5)]
    for other in results[1:]:
        assert all(torch.equal(results[0][name], other[name]) for name in other)


@pytest.mark.parametrize(
    "images",
    [
        torch.randn(2, 3, 16, 16).bfloat16(),  # channels that lanes don't repeat
        torch.randn(2, 8, 16, 16),  # float32
        torch.randn(2, 8, 16, 16).bfloat16(),  # not in channels last
        torch.randn(1, 8, 3, 3).bfloat16().contiguous(memory_format=torch.channels_last),  # no whole rows of lanes
    ],
)
def test_what_does_not_suit_goes_to_pytorch(images: torch.Tensor) -> None:
    norm = nn.BatchNorm2d(images.shape[1])
    quick = copy.deepcopy(norm)
    quick.__class__ = QuickNorm
    assert torch.equal(norm(images), quick(images))
    assert torch.equal(norm.running_var, quick.running_var)


def test_in_evaluation_it_is_pytorchs() -> None:
    images = torch.randn(2, 8, 16, 16).bfloat16().contiguous(memory_format=torch.channels_last)
    norm = nn.BatchNorm2d(8).eval()
    quick = copy.deepcopy(norm)
    quick.__class__ = QuickNorm
    assert torch.equal(norm(images), quick(images))


def test_rounding_is_pytorchs() -> None:
    values = torch.cat([torch.randn(4096) * 10.0**power for power in range(-6, 7)])
    ties = (values.bfloat16().view(torch.int16).int() << 16 | 0x8000).view(torch.float32)
    for value in torch.cat([values[::13], ties[::13], torch.zeros(1)]).tolist():
        expected = torch.tensor(value).bfloat16()
        assert narrow(np.float32(value)) == expected.view(torch.uint16).item()
        assert wide(np.uint16(expected.view(torch.uint16).item())) == expected.item()


def test_lanes_hold_every_width_of_the_networks() -> None:
    assert all(LANES % channels == 0 for channels in (8, 16, 32, 64))
