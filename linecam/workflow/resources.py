"""What jobs take: memory and time, as functions that Snakemake asks when it knows a job's wildcards and input."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from linecam.networks.architectures import input_size
from linecam.workflow.training_settings import Pretrain

# What Snakemake hands over: its wildcards, and its list of input files with `size_mb`.
Wildcards = Any
Input = Any


def memory(
    base: float, each: float = 0, area: float = 0, of_input: float = 0
) -> Callable[[Wildcards, Input, int, int], int]:
    """The resource `mem_mb`: measured MB with room to spare, `each` more for a thread, and `_scaled` ones.

    A job that is tried again after a failure asks for more.
    """

    def mem_mb(wildcards: Wildcards, input: Input, threads: int, attempt: int) -> int:
        return attempt * round(base + each * threads + _scaled(wildcards, input, area, of_input))

    return mem_mb


def minutes(base: float, area: float = 0, of_input: float = 0) -> Callable[[Wildcards, Input, int], int]:
    """The resource `runtime`: what the step takes on one slow core, several times over, and `_scaled` minutes."""

    def runtime(wildcards: Wildcards, input: Input, attempt: int) -> int:
        return attempt * round(base + _scaled(wildcards, input, area, of_input))

    return runtime


def _scaled(wildcards: Wildcards, input: Input, area: float, of_input: float) -> float:
    """`area` for each 64 x 64 pixels of the network's input, and `of_input` for each MB of the job's input."""
    amount = 0.0
    if area:
        amount += area * (input_size(wildcards.network) / 64) ** 2
    if of_input:  # the size is only asked for where it counts: it is unknown as long as the input isn't there
        amount += of_input * input.size_mb
    return amount


def pretraining_memory(pretrain: Pretrain, gpus: int, devices: int | None = None) -> Callable[..., int]:
    """`mem_mb` of a training without labels, on `pretrain.devices` or so many devices."""
    devices = pretrain.devices if devices is None else devices
    return memory(1500 * devices + 3000 * gpus, area=12 * pretrain.cpu.batch_size, of_input=1)


def pretraining_minutes(pretrain: Pretrain, gpus: int) -> Callable[..., int]:
    """`runtime` of a training without labels."""
    budget = pretrain.gpu if gpus else pretrain.cpu
    return minutes(60, of_input=0.03 * budget.epochs)


def several_nodes(count: int) -> dict[str, int | str]:
    """What a SLURM job on `count` nodes asks for: it runs once, on its first node, and calls srun itself.

    See linecam/training/distributed.py.
    """
    return {"tasks": count, "tasks_per_gpu": 0, "mpi": "srun"} if count > 1 else {}


def has_gpu() -> bool:
    """Whether this machine has an NVIDIA GPU: by its device files, since asking PyTorch takes seconds."""
    return any(Path("/dev").glob("nvidia[0-9]*"))
