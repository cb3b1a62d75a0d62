"""Embed every frame with the backbone."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linecam.errors import reported
from linecam.files import atomic_write, sha256
from linecam.frames.index import read_pixels
from linecam.frames.reuse import certify, key_of, reuse, sums
from linecam.frames.shards import rows_of
from linecam.networks.models import FEATURES, backbone, load_weights
from linecam.networks.models import embed as forward
from linecam.networks.torch_setup import prepare_torch
from linecam.progress import progress
from linecam.workflow.dependencies import modules_of

# One size of a batch, its last frames repeated where there are too few: what a frame's embedding is, to the last bit,
# must not depend on its neighbours. On a CPU, larger ones don't fit into the cache.
BATCH = {"cpu": 64, "cuda": 512}


def embed(
    pixels_path: Path,
    weights: Path,
    array: Path,
    *,
    network: str,
    threads: int,
    gpus: int = 0,
    shard: str = "1-of-1",
    certificate: Path | None = None,
    former: Path | None = None,
) -> None:
    """Write `array`, a .npy of (frames, 16) float32: the embeddings of the shard's frames.

    Those that an earlier run computed into `former`, of the same pixels by the same weights, are copied, and
    `certificate` is what lets the next run do so (`linecam.reuse`).
    """
    device = prepare_torch(threads, gpus)
    pixels = read_pixels(pixels_path)
    rows = rows_of(shard, len(pixels))
    pixels = pixels[rows.start : rows.stop]
    model = backbone(network).to(device)
    load_weights(weights, model)
    model.eval()
    processor = torch.cuda.get_device_name() if device.type == "cuda" else torch.backends.cpu.get_cpu_capability()
    key = key_of(
        modules_of("scripts/embed.py"),
        network=network,
        weights=sha256(weights),
        torch=torch.__version__,
        processor=processor,
    )
    certified = certify(key, map(np.ascontiguousarray, pixels), len(pixels))
    with atomic_write(array) as temporary:
        out = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float32, shape=(len(pixels), FEATURES))
        missing = reuse(former, certified, out) if former else np.arange(len(pixels))
        size = BATCH[device.type]

        @torch.inference_mode()
        def work(start: int) -> None:
            batch = missing[start : start + size]
            padded = np.pad(batch, (0, size - len(batch)), mode="edge")
            out[batch] = forward(model, images(pixels[padded], device)).cpu().numpy()[: len(batch)]

        starts = range(0, len(missing), size)
        # A batch a thread: threads that share a batch wait for each other after every layer, and on a busy machine
        # for most of the time. On a GPU, one thread reads while the other waits for the result.
        workers = threads if device.type == "cpu" else 2
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            for _ in progress(pool.map(work, starts), "embed", f"x {size} frames", len(starts)):
                pass
        certified["sum"][missing] = sums(out[missing])
    if certificate:
        with atomic_write(certificate) as temporary:
            np.save(temporary, certified)


def images(pixels: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Pixels (N, H, W, 3), uint8, as images (N, 3, H, W), float32 in [0, 1], in channels last as they lie in memory.

    A fifth quicker than `networks.to_images`, and embeddings differ by 3e-8.
    """
    tensor = torch.from_numpy(pixels)
    if device.type == "cuda":
        tensor = tensor.pin_memory().to(device, non_blocking=True)
    return tensor.permute(0, 3, 1, 2).float().div_(255)


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        embed(
            Path(snakemake.input.pixels),
            Path(snakemake.input.weights),
            Path(snakemake.output.array),
            network=snakemake.wildcards.network,
            threads=snakemake.threads,
            gpus=snakemake.resources.get("gpu", 0),
            shard=snakemake.wildcards.scatteritem,
            certificate=Path(snakemake.output.certificate),
            former=Path(snakemake.params.former),
        )
