"""One training step shared by several processes: GPUs, or nodes of a cluster, or the cores of a CPU.

torchrun starts the processes and ends all of them where one fails. Together they compute what one process with the
whole batch would: gradients are averaged, and norms see the batch of all.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from linecam.errors import UserError
from linecam.networks.torch_setup import update_statistics

# From Linux' prctl.h.
_PR_SET_PDEATHSIG = 1


def launched() -> bool:
    """Whether this process is one that `launch` started."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def launch(devices: int, nodes: int, threads: int) -> NoReturn:
    """Become torchrun with this same script: `devices` processes on this machine, or on each node of a SLURM job.

    They share `threads` cores of each machine. Raises `UserError` for several nodes outside of a SLURM job.
    """
    command = [sys.executable, "-m", "torch.distributed.run", f"--nnodes={nodes}", f"--nproc-per-node={devices}"]
    if nodes == 1:
        command += ["--standalone"]
    else:
        if "SLURM_JOB_ID" not in os.environ:
            raise UserError(
                f"pretrain.num_nodes = {nodes} needs a SLURM job to take its nodes from, and this is not one. Run with "
                "--workflow-profile profiles/slurm, or set pretrain.num_nodes to 1."
            )
        # A job's number gives a port that other jobs on the node won't have.
        port = 20000 + int(os.environ["SLURM_JOB_ID"]) % 10000
        command += ["--rdzv-backend=c10d", f"--rdzv-endpoint={os.uname().nodename}:{port}"]
        command += [f"--rdzv-id={os.environ['SLURM_JOB_ID']}"]
        command = [
            "srun",
            f"--nodes={nodes}",
            f"--ntasks={nodes}",
            "--ntasks-per-node=1",
            f"--cpus-per-task={threads}",
            *command,
        ]
    os.execvp(command[0], [*command, sys.argv[0]])


@dataclass(frozen=True)
class Processes:
    """The processes that share the work, and which of them this is."""

    rank: int
    count: int
    device: torch.device

    @classmethod
    @contextmanager
    def join(cls, device: torch.device, strategy: str) -> Iterator["Processes"]:
        """Join the processes that `launch` started, or be the only one; `device` is of the type to work on.

        `strategy` is ddp_nccl, ddp_gloo, or auto: NCCL between GPUs and gloo between CPUs.
        """
        if not launched():
            yield cls(0, 1, device)
            return
        if sys.platform == "linux":
            # torchrun gives each a session of its own: killed with its terminal, it would leave them running.
            ctypes.CDLL("libc.so.6").prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if device.type == "cuda":
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(device)
        backend = {"ddp_nccl": "nccl", "ddp_gloo": "gloo"}.get(strategy, "nccl" if device.type == "cuda" else "gloo")
        dist.init_process_group(backend)
        try:
            yield cls(dist.get_rank(), dist.get_world_size(), device)
        finally:
            dist.destroy_process_group()

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def share(self, model: nn.Module) -> nn.Module:
        """The model, its gradients averaged over the processes."""
        if self.count == 1:
            return model
        # Norms are the same everywhere by themselves (`synchronize_norms`).
        return nn.parallel.DistributedDataParallel(model, forward_sync_buffers=False)

    def mean(self, value: Tensor) -> float:
        """The mean of a scalar over the processes."""
        if self.count > 1:
            dist.all_reduce(value)
        return value.item() / self.count


def synchronize_norms(model: nn.Module) -> None:
    """Let every batch norm of `model` see the batch of all processes, in place."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.__class__ = _GlobalNorm


class _Sum(torch.autograd.Function):
    """The sum of a tensor over the processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: FunctionCtx, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total


class _GlobalNorm(nn.BatchNorm2d):
    """Batch norm over the equal shares of all processes, (N, C, ...). PyTorch's SyncBatchNorm needs GPUs."""

    def _check_input_dim(self, input: Tensor) -> None:  # 2 dimensions as well as 4
        pass

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        values = input.to(torch.promote_types(input.dtype, torch.float32))
        axes = [axis for axis in range(input.dim()) if axis != 1]
        shape = [1, -1, *[1] * (input.dim() - 2)]
        count = input.numel() // input.shape[1] * dist.get_world_size()
        mean = _Sum.apply(values.sum(axes)) / count
        centred = values - mean.view(shape)
        variance = _Sum.apply(centred.square().sum(axes)) / count
        update_statistics(self, mean, variance, count)
        scale = self.weight * (variance + self.eps).rsqrt()
        output: Tensor = centred * scale.view(shape) + self.bias.view(shape)
        return output.to(input.dtype)
