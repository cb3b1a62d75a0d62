"""Checkpoints: what is damaged is never trained on, and says so."""

from pathlib import Path

import pytest
import torch
from torch import nn

from linecam.training.checkpoint import resume, save_checkpoint


def training() -> tuple[nn.Module, torch.optim.Optimizer]:
    """A small training after its first step."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))  # a norm counts its batches in a tensor without dimension
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(torch.randn(4, 3)).square().sum().backward()
    optimizer.step()
    return model, optimizer


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, "settings", *training(), [0.5])
    return path


def test_a_sound_one_is_gone_on_from(checkpoint: Path) -> None:
    model, optimizer = training()
    nn.init.zeros_(model[0].weight)
    assert resume(checkpoint, "settings", model, optimizer) == [0.5]
    assert model[0].weight.abs().sum() > 0


@pytest.mark.parametrize("place", [-1, -20, 9])
def test_a_damaged_one_counts_as_none(checkpoint: Path, caplog: pytest.LogCaptureFixture, place: int) -> None:
    data = bytearray(checkpoint.read_bytes())
    data[place] ^= 0x10
    checkpoint.write_bytes(data)
    model, optimizer = training()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert resume(checkpoint, "settings", model, optimizer) == []
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert f"{checkpoint} is damaged, or comes from an older linecam. Training starts anew" in caplog.text


@pytest.mark.parametrize("length", [0, 7, 200, -1])
def test_a_cut_off_one_counts_as_none(checkpoint: Path, length: int) -> None:
    checkpoint.write_bytes(checkpoint.read_bytes()[:length])
    assert resume(checkpoint, "settings", *training()) == []
