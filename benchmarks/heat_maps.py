"""Where the network looks: does the strongest place of a heat map lie in the defect? Beside two other kinds of maps.

`python benchmarks/heat_maps.py WEIGHTS --network slim7-96 [--sequences N]`: WEIGHTS are a model of the built-in belt,
`results/belt/finetune/.../model.safetensors`. Frames are rendered from another seed than the belt's, so that no model
has seen them, and the renderer knows where their defects are. Of each bad frame the map says what speaks for bad and
against good. The pointing game (Zhang et al., ECCV 2016): a hit is a map whose maximum lies in the defect, or within 10
pixels of it, 240 pixels being the side of what the network sees; chance is the share of the frame that this covers.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a file, from anywhere
from linecam.belt.conveyor import CAMERAS, SQUARE, render_sequence
from linecam.camera.arithmetic import to_input
from linecam.networks.architectures import input_size
from linecam.networks.heat_maps import heat_maps
from linecam.networks.models import Classifier, load_weights, to_images

CLASSES = ["bad", "good", "no_mask"]
SEED, LENGTH, EVERY = 77, 61, 3
NEAR = 10
CPU = torch.device("cpu")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("--network", default="slim7-96")
    parser.add_argument("--sequences", type=int, default=40)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = Classifier(options.network, len(CLASSES)).eval()
    load_weights(options.weights, model)
    pixels, defects = bad_frames(options.sequences, input_size(options.network))
    with torch.inference_mode():
        judged_bad = model(to_images(pixels)).argmax(dim=1).numpy() == CLASSES.index("bad")
    near = F.max_pool2d(torch.from_numpy(defects[:, None]).float(), 2 * NEAR + 1, 1, NEAR)[:, 0].numpy() > 0
    print(f"{len(pixels)} bad frames, of which {judged_bad.sum()} are judged bad")
    print(f"{'':32s} in the defect   within {NEAR} px   of those judged bad")
    print(f"{'chance':32s} {defects.mean():13.1%} {near.mean():14.1%}")
    for name, maps in {
        "linecam.networks.heat_maps": heat_maps(model, pixels, *compared(len(pixels)), CPU),
        "class activation maps": class_activation(model, pixels),
        "occlusion, 12 px in steps of 8": occlusion(model, pixels, 12, 8),
    }.items():
        hits, close = pointed_at(maps, defects), pointed_at(maps, near)
        print(f"{name:32s} {hits.mean():13.1%} {close.mean():14.1%} {close[judged_bad].mean():15.1%}")


def compared(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For so many frames the class that a map speaks for, and the one that it speaks against."""
    return np.full(count, CLASSES.index("bad")), np.full(count, CLASSES.index("good"))


def bad_frames(sequences: int, side: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Pixels (N, side, side, 3) of bad frames, and where their defects are, (N, 240, 240)."""
    found = []
    for number in range(sequences):
        seed = np.random.SeedSequence(SEED, spawn_key=(number,))
        camera = list(CAMERAS)[number % len(CAMERAS)]
        frames = render_sequence(seed, camera=camera, length=LENGTH, turn=number % 3)
        found += [frame for n, frame in enumerate(frames) if n % EVERY == 0 and frame.label == "bad"]
    images = np.stack([frame.image[SQUARE] for frame in found])
    return to_input(images, side), np.stack([frame.defect for frame in found])


def pointed_at(maps: NDArray[np.float32], places: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the maximum of each map (N, h, w) lies in the `places` (N, height, width) of its frame."""
    fine = F.interpolate(torch.from_numpy(maps)[:, None], places.shape[1:], mode="bilinear")[:, 0].numpy()
    rows = np.arange(len(maps))
    found: NDArray[np.bool_] = places.reshape(len(maps), -1)[rows, fine.reshape(len(maps), -1).argmax(axis=1)]
    return found


@torch.inference_mode()
def class_activation(model: Classifier, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Of the last features: each counts in the one place where it is largest (Oquab et al., CVPR 2015)."""
    features = model.backbone(to_images(pixels))
    flat = features.flatten(2)
    share = F.one_hot(flat.argmax(dim=2), flat.shape[2])
    difference = model.head.weight[CLASSES.index("bad")] - model.head.weight[CLASSES.index("good")]
    cells = torch.einsum("f,nfc->nc", difference, flat * share).reshape(-1, *features.shape[2:])
    found: NDArray[np.float32] = cells.numpy()
    return found


@torch.inference_mode()
def occlusion(model: Classifier, pixels: NDArray[np.uint8], patch: int, stride: int) -> NDArray[np.float32]:
    """By how much the scores change where a blurred patch covers the frame (Zeiler and Fergus, ECCV 2014)."""
    images = to_images(pixels)
    reach = patch
    blurred = F.avg_pool2d(F.pad(images, [reach] * 4, mode="reflect"), 2 * reach + 1, 1)
    starts = range((stride - patch) // 2, images.shape[-1] - patch // 2, stride)

    def score(seen: torch.Tensor) -> NDArray[np.float32]:
        logits = model(seen).numpy()
        margin: NDArray[np.float32] = logits[:, CLASSES.index("bad")] - logits[:, CLASSES.index("good")]
        return margin

    before = score(images)
    maps = np.zeros((len(images), len(starts), len(starts)), np.float32)
    for row, top in enumerate(starts):
        for column, left in enumerate(starts):
            covered = images.clone()
            place = (..., slice(max(top, 0), top + patch), slice(max(left, 0), left + patch))
            covered[place] = blurred[place]
            maps[:, row, column] = before - score(covered)
    return maps


if __name__ == "__main__":
    main()
