"""How soon the camera notices that the line has changed, and how often it cries wolf on one that has not.

`python benchmarks/drift.py [WEIGHTS --network slim7-96]`: WEIGHTS are a model of the built-in belt,
`results/belt/finetune/.../model.safetensors`. Without them it is the starting weights of linecam with a linear layer,
fitted here to 160 frames. Frames are rendered from another seed than the belt's. Decisions are drawn from them at
random, as if one part after the other passed, and run through openmv/line_drift.py itself, with the settings that the
workflow computes from 500 random test frames, or that it learns from 2,000 decisions. Each row is for several draws of
the test frames. Scores are in steps of 1/256, as the camera's are, but of the float model.

- dimmed: the light falls to 60 % over 2,000 decisions, and stays there;
- marked: one part in ten, or each, has a pen stroke, which the model has never seen;
- turned: somebody has turned the camera by 5 degrees.

On 2 cores it takes about 3 minutes. `--frames FOLDER` keeps the rendered frames.
"""

import argparse
import dataclasses
import importlib.util
import json
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a file, from anywhere
from linecam.belt import conveyor
from linecam.belt.conveyor import CAMERAS, SQUARE, render_sequence
from linecam.camera.arithmetic import to_input
from linecam.evaluation.drift import SIDE, brightness, drift_settings
from linecam.networks.architectures import input_size
from linecam.networks.models import Classifier, load_weights, to_images
from linecam.networks.starting_weights import start_from_ours

ROOT = Path(__file__).resolve().parent.parent
CLASSES = ["bad", "good", "no_mask"]
SEED, LENGTH, LABELLED, SEQUENCES, TESTED = 78, 20, 8, 12, 500
DIMMEST, STEPS, OVER = 0.6, 9, 2000  # of the light, in so many levels, over so many decisions
MOST = 20_000  # decisions after which a change counts as not seen

Pixels = NDArray[np.uint8]


class View:
    """What the part sees of a frame: a whole picture of one green, so that its points add up to its brightness."""

    def __init__(self) -> None:
        self.light, self.place = 0, 0

    def get_pixel(self, at: tuple[int, int], *, rgbtuple: bool) -> int:
        """The points share the brightness out, the last ones one less."""
        self.place = (self.place + 1) % (SIDE * SIDE)
        return (self.light + self.place) // (SIDE * SIDE) << 5


def part_of_camera() -> Any:
    """openmv/line_drift.py, as a module of this Python."""
    spec = importlib.util.spec_from_file_location("line_drift", ROOT / "openmv/line_drift.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # What it learns is not kept here, and the PC has no clock of this kind.
    module.time = SimpleNamespace(ticks_ms=lambda: 0, ticks_diff=lambda *_: 0, ticks_add=lambda *_: 0)
    module.LEARNT = "/nowhere/drift.json"
    module.print = lambda *_: None
    # MicroPython's stdout takes a bytearray.
    module.sys = SimpleNamespace(stdout=Said())
    return module


class Said:
    """Takes what the part prints."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: bytearray) -> None:
        """Keep a line."""
        self.lines.append(line.decode())


class Watched:
    """The camera's part at work on decisions of this PC."""

    def __init__(self, module: Any, settings: dict[str, Any]) -> None:
        about = {"model": {"sha256": "0" * 64}, "side": 240}
        self.part, self.view, self.number = module.Part(settings, CLASSES, about), View(), 0
        self.said: Said = module.sys.stdout

    def decide(self, scores: NDArray[np.int64], light: NDArray[np.int64]) -> Iterator[list[str]]:
        """Take (N, classes) scores in 1/65536 and the (N,) brightness of their frames; after each, new alarms."""
        for row, label, bright in zip(scores.tolist(), scores.argmax(axis=1).tolist(), light.tolist(), strict=True):
            self.number += 1
            self.view.light, self.view.place = bright, -1
            self.part.decided(SimpleNamespace(sums=array("i", row), seen=1), label, self.number, self.view)
            told = [json.loads(line) for line in self.said.lines]
            self.said.lines.clear()
            yield [line["drift"] for line in told if line["state"] == "begins"]


def rendered(folder: Path | None, kind: str, numbers: range) -> tuple[Pixels, NDArray[np.intp]]:
    """Squares (N, 240, 240, 3) of rendered sequences, and their classes, (N,)."""
    path = folder / f"{kind}-{numbers.start}-{numbers.stop}.npz" if folder else None
    if path and path.exists():
        with np.load(path) as kept:
            return kept["squares"], kept["labels"]
    squares, labels = [], []
    for number in numbers:
        camera = list(CAMERAS)[number % 4]
        if kind == "turned":
            conveyor.CAMERAS["turned"] = dataclasses.replace(CAMERAS[camera], turn=CAMERAS[camera].turn + 5)
            camera = "turned"
        seed = np.random.SeedSequence(SEED, spawn_key=(number,))
        for frame in render_sequence(seed, camera=camera, length=LENGTH, turn=number % 3):
            squares.append(frame.image[SQUARE])
            labels.append(CLASSES.index(frame.label))
        conveyor.CAMERAS.pop("turned", None)
        print(f"\r{kind}: {number + 1 - numbers.start} of {len(numbers)} sequences", end="", file=sys.stderr)
    found = np.stack(squares), np.array(labels)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, squares=found[0], labels=found[1])
    return found


def marked(squares: Pixels) -> Pixels:
    """The frames with a stroke of a dark pen each, as long as a quarter of the frame."""
    rng, made = np.random.default_rng(SEED), []
    for square in squares:
        picture = Image.fromarray(square)
        x, y, angle = rng.uniform(60, 180), rng.uniform(60, 180), rng.uniform(0, np.pi)
        reach = 30 * np.cos(angle), 30 * np.sin(angle)
        ends = [(x - reach[0], y - reach[1]), (x + reach[0], y + reach[1])]
        ImageDraw.Draw(picture).line(ends, fill=(30, 30, 90), width=5)
        made.append(np.asarray(picture))
    return np.stack(made)


class Judge:
    """The model: what the camera's arithmetic makes of squares, and the scores of that."""

    def __init__(self, network: str, weights: Path | None, squares: Pixels, labels: NDArray[np.intp]) -> None:
        self.size = input_size(network)
        self.model = Classifier(network, len(CLASSES)).eval()
        if weights:
            load_weights(weights, self.model)
            return
        if not start_from_ours(self.model.backbone, network):
            raise SystemExit(f"linecam has no starting weights for {network}: name the weights of a model.")
        pixels = to_input(squares, self.size)
        with torch.inference_mode():
            features = np.concatenate([self.pooled(pixels[n : n + 64]) for n in range(0, len(pixels), 64)])
        mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
        fitted = LogisticRegression(C=0.1, max_iter=2000).fit((features - mean) / spread, labels)
        weight = fitted.coef_ / spread
        self.model.head.weight.data = torch.from_numpy(weight).float()
        self.model.head.bias.data = torch.from_numpy(fitted.intercept_ - weight @ mean).float()

    def pooled(self, pixels: Pixels) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self.model.backbone.pool(self.model.backbone(to_images(pixels))).numpy()
        return found

    def __call__(self, squares: Pixels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Scores (N, classes) in 1/65536, in steps of 1/256 as of an int8 softmax, and the brightness, (N,)."""
        scores, light = [], []
        for start in range(0, len(squares), 64):
            pixels = to_input(squares[start : start + 64], self.size)
            with torch.inference_mode():
                p = self.model(to_images(pixels)).softmax(dim=1).numpy()
            scores.append(np.minimum(np.round(p * 256), 255).astype(np.int64) << 8)
            light.append(brightness(pixels))
        return np.concatenate(scores), np.concatenate(light)


def settings_of(
    judged: tuple[NDArray[np.int64], NDArray[np.int64]], tested: NDArray[np.intp], **how: int
) -> dict[str, Any]:
    """What set_drift would write, from these test frames."""
    frames = pd.DataFrame(judged[0][tested] / 65536, columns=[f"p_{name}" for name in CLASSES])
    options = {"false_alarm": 100_000, "every": 1, "learn": 0} | how
    return drift_settings(frames, pd.Series(range(len(frames))), judged[1][tested], CLASSES, {}, votes=1, **options)


def main() -> None:
    """Render, judge, watch, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", type=Path, nargs="?")
    parser.add_argument("--network", default="slim7-96")
    parser.add_argument("--frames", type=Path)
    parser.add_argument("--draws", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    module, numbers = part_of_camera(), range(LABELLED, LABELLED + SEQUENCES)
    labelled = rendered(options.frames, "usual", range(LABELLED))
    judge = Judge(options.network, options.weights, labelled[0], labelled[1])
    squares, labels = rendered(options.frames, "usual", numbers)
    usual = judge(squares)
    print(f"{len(squares)} frames, of which {(usual[0].argmax(axis=1) == labels).mean():.1%} are judged right")
    levels = np.linspace(1, DIMMEST, STEPS)
    dimmed = [judge((squares * level + 0.5).astype(np.uint8)) for level in levels]
    strokes = judge(marked(squares))
    turned = judge(rendered(options.frames, "turned", numbers)[0])
    everything = [*dimmed, strokes, turned]
    scores, light = np.stack([one[0] for one in everything]), np.stack([one[1] for one in everything])

    low = settings_of(usual, np.arange(len(squares)))["low"]
    for name, (of, _) in {"usual": usual, "dimmest": dimmed[-1], "each marked": strokes, "turned": turned}.items():
        ordered, decided = np.sort(of, axis=1), np.bincount(of.argmax(axis=1), minlength=len(CLASSES)) / len(of)
        told = ", ".join(f"{label} {share:.0%}" for label, share in zip(CLASSES, decided, strict=True))
        print(f"{name}: {told}; low margins {(ordered[:, -1] - ordered[:, -2] < low).mean():.0%}")

    def kinds(change: str, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """Which of `everything` each of `count` decisions is of."""
        place = np.arange(count)
        if change == "dimmed":
            return np.minimum(place * (STEPS - 1) / OVER + 0.5, STEPS - 1).astype(np.intp)
        if change.startswith("marked"):
            return np.where(rng.random(count) < (0.1 if change == "marked, one in ten" else 1), STEPS, 0)
        return np.full(count, STEPS + 1 if change == "turned" else 0)

    for learn in (0, 2000):
        print(f"\n{'learnt from 2,000 decisions' if learn else '500 test frames say what is usual'}")
        for change in ("unchanged", "dimmed", "marked, one in ten", "marked, each", "turned"):
            seen, alarms, decisions, first = [], 0, 0, []
            for draw in range(options.draws):
                rng = np.random.default_rng([SEED, draw])
                settings = settings_of(usual, rng.integers(len(squares), size=TESTED), learn=learn)
                camera = Watched(module, settings)
                rows = rng.integers(len(squares), size=learn)
                for _ in camera.decide(usual[0][rows], usual[1][rows]):
                    pass
                count = 50_000 if change == "unchanged" else MOST
                which, rows = kinds(change, count, rng), rng.integers(len(squares), size=count)
                for number, found in enumerate(camera.decide(scores[which, rows], light[which, rows]), start=1):
                    alarms += len(found)
                    if found and change != "unchanged":
                        seen.append(number)
                        first += found
                        break
                decisions += count
            if change == "unchanged":
                print(f"  unchanged: {alarms} false alarms in {decisions:,} decisions")
            else:
                print(f"  {change}: {in_words(seen, first, options.draws)}")
    film(module, usual, options.draws)


def in_words(seen: list[int], first: list[str], draws: int) -> str:
    """After how many decisions a change was `seen`, in some of so many draws, and by which alarms `first`."""
    if not seen:
        return f"not seen in {MOST:,} decisions, {draws} times"
    tally = ", ".join(f"{name} {first.count(name)}" for name in sorted(set(first)))
    told = f"{np.median(seen):,.0f} decisions (median; {min(seen):,} to {max(seen):,})"
    return f"seen in {len(seen)} of {draws}, after {told}, first by: {tally}"


def film(module: Any, usual: tuple[NDArray[np.int64], NDArray[np.int64]], draws: int) -> None:
    """What decisions that know of each other do: the frames in the order in which they were taken."""
    print("\nunchanged, but frame after frame of a film: sequences of 20 in random order")
    for every in (1, 3, 7):  # no part of 20: that would be the same frames of each sequence
        alarms = decisions = 0
        for draw in range(draws):
            rng = np.random.default_rng([SEED, draw])
            settings = settings_of(usual, rng.integers(len(usual[0]), size=TESTED), every=every)
            camera = Watched(module, settings)
            starts = rng.integers(len(usual[0]) // LENGTH, size=10_000 // LENGTH) * LENGTH
            rows = (starts[:, None] + np.arange(LENGTH)).ravel()
            alarms += sum(len(begun) for begun in camera.decide(usual[0][rows], usual[1][rows]))
            decisions += len(rows)
        print(f"  every {every}: {alarms} alarms in {decisions:,} decisions")


if __name__ == "__main__":
    main()
