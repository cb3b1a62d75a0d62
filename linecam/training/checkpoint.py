"""Checkpoints of a training with SGD, from which a killed run goes on to the same bytes."""

import hashlib
import json
import logging
import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from linecam.files import atomic_write


def save_checkpoint(
    path: Path, settings: str, model: nn.Module, optimizer: torch.optim.Optimizer, losses: list[float]
) -> None:
    """Write weights, momenta and the losses so far, whole or not at all."""
    tensors = {f"model.{name}": tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors[f"momentum.{number}"] = state["momentum_buffer"].detach().cpu().contiguous()
    with atomic_write(path) as temporary:
        metadata = {"settings": settings, "losses": json.dumps(losses), "crc32": _crc32(tensors)}
        save_file(tensors, temporary, metadata=metadata)


def resume(path: Path, settings: str, model: nn.Module, optimizer: torch.optim.Optimizer) -> list[float]:
    """Load the state that `save_checkpoint` wrote under the same settings; return the losses so far, [] without one.

    One that was damaged since counts as none, with a warning.
    """
    if not path.exists():
        return []
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        if metadata["crc32"] != _crc32(tensors):
            raise ValueError("its tensors have changed since they were written")
    except Exception as error:  # safetensors has its own
        logging.warning("%s is damaged, or comes from an older linecam. Training starts anew: %s", path, error)
        return []
    if metadata["settings"] != settings:
        logging.info("%s belongs to other frames or settings: starting anew", path)
        return []
    model.load_state_dict({name[6:]: tensor for name, tensor in tensors.items() if name.startswith("model.")})
    state = optimizer.state_dict()
    state["state"] = {
        int(name[9:]): {"momentum_buffer": tensor} for name, tensor in tensors.items() if name.startswith("momentum.")
    }
    optimizer.load_state_dict(state)
    losses: list[float] = json.loads(metadata["losses"])
    return losses


def _crc32(tensors: dict[str, torch.Tensor]) -> str:
    crc = 0
    for name in sorted(tensors):
        values = tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy()
        crc = zlib.crc32(values.data, zlib.crc32(name.encode(), crc))
    return f"{crc:08x}"


def fingerprint(pixels: NDArray[np.uint8]) -> str:
    """SHA-256 of the pixels, a chunk at a time: they may be more than fits into memory."""
    digest = hashlib.sha256()
    for start in range(0, len(pixels), 4096):
        digest.update(np.ascontiguousarray(pixels[start : start + 4096]).data)
    return digest.hexdigest()
