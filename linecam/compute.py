"""How PyTorch is set up for a step: threads, determinism, memory."""

import ctypes
import sys

import torch

# From glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4


def prepare_torch(threads: int) -> torch.device:
    """Make PyTorch deterministic on `threads` threads and return the device to work on: a GPU where there is one."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    if sys.platform == "linux":
        # Every batch allocates the same large activations. By default glibc maps and unmaps each of them, which costs
        # a third of a training step in page faults; keeping them on the heap is worth its fragmentation.
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
