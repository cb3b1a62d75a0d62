"""How PyTorch is set up for a step: threads, determinism, memory."""

import ctypes
import sys

import torch
from torch import Tensor, nn

# From glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4


def prepare_torch(threads: int, gpus: int = 0) -> torch.device:
    """Make PyTorch deterministic on `threads` threads and return the device to work on.

    That is a GPU where the job was given one (`gpus` > 0) and there is one; a job that has not asked never takes one.
    """
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Deterministic mode fills every new tensor, a tenth of a training step, lest someone read it unwritten.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    if sys.platform == "linux":
        # Every batch allocates the same large activations. By default glibc maps and unmaps each of them, which costs
        # a third of a training step in page faults; keeping them on the heap is worth its fragmentation.
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    return torch.device("cuda" if gpus and torch.cuda.is_available() else "cpu")


def bfloat16_is_fast(gpu: bool) -> bool:
    """Whether the GPU, or else this CPU, multiplies bfloat16 itself; elsewhere it is slower than float32."""
    if gpu:
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


@torch.no_grad()
def update_statistics(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, count: int) -> None:
    """Take a batch of `count` values a channel, of this mean and biased variance (C,), into a norm's running ones."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    assert norm.momentum is not None
    norm.num_batches_tracked += 1
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(variance * count / (count - 1), norm.momentum)
