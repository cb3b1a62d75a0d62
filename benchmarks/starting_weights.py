"""How the weights that linecam brings were made: a backbone learns what a large network sees in free pictures.

`python benchmarks/starting_weights.py PICTURES OUT.safetensors --network slim7-96 --seconds 180` takes every picture
below a folder: photographs, drawings, textures. Of docs/starting-weights.md's packages it takes three minutes on one
H200. The loss is that of `taught`; here the teacher looks anew at every step, at views that nobody saw before, which
takes a GPU. Half of the views have a piece of another picture in them, since a line's frames are seldom of one thing.

It works on a CPU too, at a few hundred views a minute, which is enough to try it.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # run as a file, from anywhere

from linecam.networks.architectures import PACKAGED_TEACHER, input_size
from linecam.networks.models import save_weights
from linecam.networks.teacher import Teacher
from linecam.training.augment import Spread, draw
from linecam.training.descent import Descent
from linecam.training.taught import CLAMP, WEIGHTS, Student, resized

SIDE = 144  # of the stored pictures
SMALLEST = 48  # pixels of a side, below which a picture shows too little
PLAIN = 6  # the standard deviation of levels below which a picture shows nothing
LARGE = 512  # from this side on, pieces of a picture are taken too
PIECES = 2
PLACE = Spread(degrees=30, scale=(0.6, 2.2), shift=0.2)
LIGHT = Spread()
SAMPLE = 512  # views that give each channel's mean and deviation
ROUND = 20  # steps between two looks at the clock


def pictures(folder: Path) -> Iterator[NDArray[np.uint8]]:
    """Every picture below `folder`, and pieces of large ones: (SIDE, SIDE, 3), uint8. What is clear gets a colour."""
    rng = random.Random(0)
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in {".png", ".jpg", ".jpeg"}:
            continue
        try:
            picture = Image.open(path).convert("RGBA")
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
            continue
        if min(picture.size) < SMALLEST:
            continue
        opaque = np.asarray(picture.getchannel("A")).min() >= 200
        box = picture.getchannel("A").getbbox()
        if opaque:
            rgb = picture.convert("RGB")
            squares = [middle(rgb), *(piece(rgb, rng) for _ in range(PIECES if min(rgb.size) >= LARGE else 0))]
        elif box:
            squares = [on_colour(picture.crop(box), rng)]
        else:
            continue
        for square in squares:
            pixels = np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BOX))
            if pixels.std() >= PLAIN:
                yield pixels


def middle(picture: Image.Image) -> Image.Image:
    """The largest square in the middle."""
    side = min(picture.size)
    left, top = ((length - side) // 2 for length in picture.size)
    return picture.crop((left, top, left + side, top + side))


def piece(picture: Image.Image, rng: random.Random) -> Image.Image:
    """A square from anywhere."""
    side = rng.randint(LARGE // 2, min(picture.size))
    left, top = (rng.randint(0, length - side) for length in picture.size)
    return picture.crop((left, top, left + side, top + side))


def on_colour(picture: Image.Image, rng: random.Random) -> Image.Image:
    """A drawing on white, on grey or on any colour, with a margin."""
    grey = rng.randrange(256)
    colour = rng.choice([(255,) * 3, (grey,) * 3, tuple(rng.randrange(256) for _ in range(3))])
    side = int(max(picture.size) * 1.1)
    square = Image.new("RGB", (side, side), colour)
    left, top = ((side - length) // 2 for length in picture.size)
    square.paste(picture, (left, top), picture)
    return square


def seen_from(frames: Tensor, side: int, rng: np.random.Generator) -> Tensor:
    """A view of each of the frames (N, 3, SIDE, SIDE), uint8, with a piece of another in half of them.

    Returns (N, 3, side, side), float32 in [0, 1].
    """
    place = torch.from_numpy(draw(len(frames), rng, PLACE)[0]).to(frames.device)
    grid = F.affine_grid(place, [len(frames), 3, side, side], align_corners=False)
    views = F.grid_sample(frames.float() / 255, grid, padding_mode="reflection", align_corners=False)
    middles, reach = rng.uniform(0, side, (2, len(frames), 2)) * np.array([[[1.0]], [[0.4]]])
    reach[rng.random(len(frames)) < 0.5] = 0
    near = np.abs(np.arange(side) - middles[..., None]) < reach[..., None]  # (N, 2, side)
    inside = torch.from_numpy(near[:, 0, :, None] & near[:, 1, None, :]).to(frames.device)
    return torch.where(inside[:, None], views.roll(1, 0), views)


def in_other_light(views: Tensor, rng: np.random.Generator) -> Tensor:
    """Views (N, 3, H, W) in [0, 1] in the light and with the noise that finetuning draws."""
    _, light, noise = (torch.from_numpy(one).to(views.device) for one in draw(len(views), rng, LIGHT))
    factor, share = light[:, :, :1, None], light[:, :, 1:, None]
    grain = torch.randn_like(views) * noise[:, None, None, None]
    return (views * factor + views.mean(dim=(1, 2, 3), keepdim=True) * share + grain).clamp(0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pictures", type=Path, help="a folder of pictures")
    parser.add_argument("weights", type=Path, help="the .safetensors file to write")
    parser.add_argument("--network", default="slim7-96")
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    found = list(pictures(arguments.pictures))
    if not found:
        parser.error(f"There is no picture that can be read below {arguments.pictures}.")
    frames = torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2).contiguous().to(device)
    print(f"{len(frames)} pictures and pieces", flush=True)
    teacher = Teacher(PACKAGED_TEACHER).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    half = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")

    def looked(count: int) -> tuple[Tensor, list[Tensor]]:
        views = seen_from(frames[torch.from_numpy(rng.integers(0, len(frames), count))], teacher.side, rng)
        with torch.no_grad(), half:
            maps, _ = teacher(views.contiguous(memory_format=torch.channels_last))
        return views, [one.float() for one in maps]

    _, sample = looked(min(SAMPLE, arguments.batch))
    usual = [(one.mean((0, 2, 3), keepdim=True), one.std((0, 2, 3), keepdim=True) + 1e-3) for one in sample]
    student = Student(arguments.network, [one.shape[1] for one in sample])
    student = student.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    started, steps, side = time.monotonic(), 0, input_size(arguments.network)

    def step(descent: Descent[Student]) -> float:
        views, maps = looked(arguments.batch)
        fine, coarse = ((one - mean) / deviation for one, (mean, deviation) in zip(maps, usual, strict=True))
        small = F.interpolate(views, (side, side), mode="bilinear", antialias=True)
        guesses = student(in_other_light(small, rng).contiguous(memory_format=torch.channels_last))
        losses = [
            weight * F.smooth_l1_loss(guess, resized(target.clamp(-CLAMP, CLAMP), guess))
            for guess, target, weight in zip(guesses, (fine, coarse, coarse), WEIGHTS, strict=True)
        ]
        return descent.step(torch.stack(losses).sum())

    # The rate's cycle needs the number of steps: a few tell how many there is time for.
    trial = Descent(student, learning_rate=1e-4, weight_decay=0.02, steps=2 * ROUND, forgets=0.02)
    for _ in range(2 * ROUND):
        step(trial)
    count = max(int(arguments.seconds / (time.monotonic() - started) * 2 * ROUND), 2 * ROUND)
    descent = Descent(student, learning_rate=0.008, weight_decay=0.02, steps=count, forgets=0.002)
    for steps in range(1, count + 1):
        loss = step(descent)
        if steps % (5 * ROUND) == 0:
            print(f"step {steps} of {count}: loss {loss:.4f}", flush=True)
    about = {
        "architecture": arguments.network.rpartition("-")[0],
        "teacher": PACKAGED_TEACHER,
        "views": count * arguments.batch,
    }
    save_weights(arguments.weights, descent.averaged().backbone.half(), about)
    print(f"{count} steps in {time.monotonic() - started:.0f} s: {arguments.weights}")


if __name__ == "__main__":
    main()
