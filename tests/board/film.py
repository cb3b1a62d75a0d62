"""A belt with items and gaps as a film for main.py: how many items are decided once, twice, not at all, or wrong.

python -m tests.board.film           print the first table of docs/on-the-line.md, of a made-up belt
python -m tests.board.film BUNDLE    print the second one: the built-in belt, judged by a bundle's model

The made-up belt has made-up scores. Every 20 ms something else is seen: an item has a mean score of 0.8 for its own
class, and one sample in 25 is misread as another class, also in the gaps. At both ends of an item 60 ms show a mixture.
A frame takes 33 ms and the network 70.

The built-in belt is rendered from another seed than the one that the model was trained on. Each 33 or 11 ms there is
another picture. It goes through the camera's arithmetic and TFLM. A frame takes 33 ms and the network 22.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linecam.belt.conveyor import CAMERAS, HEIGHT, NOTICEABLE, SQUARE, WIDTH, render_sequence
from linecam.bundle.shipped import Shipped, read_shipped
from linecam.camera.arithmetic import to_input
from linecam.tflite import tflm
from tests.board.camera import Camera
from tests.board.items import START, by_class, by_pin, signals

STEP, EDGE = 20, 60  # ms
FRAME, NETWORK = 33, 70
MISREAD = 0.04
ITEMS = 300
REST = 2  # the class no_mask
COLUMNS = ("once", "twice or more", "missed", "of these told", "wrong class")
CLASSES = ("good", "bad", "no_mask")

# Of the built-in belt:
SEED, SEQUENCES, LENGTH = 79, 24, 200
PICTURE, SHORT = 33, 22  # ms: from one picture to the next, and what an H7 takes for the default network
# A strip in the picture's middle, wider than the belt ever moves from one picture to the next.
MIDDLE = slice(0, HEIGHT), slice(WIDTH // 2 - 24, WIDTH // 2 + 24)
DRAWN_COLUMNS = ("right", "bad passed", "good rejected", "twice or more", "missed", "of these told")


@dataclass(frozen=True)
class Belt:
    """When items came, for how long, and what each of them is."""

    starts: list[int]
    lasts: list[int]
    kinds: list[int]
    scores: list[list[float]]
    film: list[list[int]]

    def edges(self) -> list[list]:
        """A light barrier in the middle of the picture, whose relay bounces."""
        found = []
        for start, lasting in zip(self.starts, self.lasts, strict=True):
            at, until = start + lasting // 4, start + lasting * 3 // 4
            found += [[at, "P7", 1], [at + 1, "P7", 0], [at + 2, "P7", 1], [until, "P7", 0], [until + 1, "P7", 1]]
            found += [[until + 2, "P7", 0]]
        return found


def belt(lasting: int, gap: int, seed: int = 1) -> Belt:
    """Items that are seen for `lasting` ms with gaps of `gap` ms, each by up to a quarter more or less."""
    rng = np.random.default_rng(seed)
    starts, lasts, kinds, samples = [], [], [], []
    at = START + 400
    spans = [(START, at, REST)]
    for _ in range(ITEMS):
        starts.append(at)
        lasts.append(round(lasting * rng.uniform(0.75, 1.25) / STEP) * STEP)
        kinds.append(int(rng.random() < 0.2))  # bad is class 1
        free = round(gap * rng.uniform(0.75, 1.25) / STEP) * STEP
        spans += [(at, at + lasts[-1], kinds[-1]), (at + lasts[-1], at + lasts[-1] + free, REST)]
        at += lasts[-1] + free
    for first, last, kind in spans:
        for when in range(first, last, STEP):
            seen = kind if rng.random() >= MISREAD else int(rng.integers(3))
            scores = rng.dirichlet([1, 1, 1]) * 0.4
            share = 0.6
            if kind != REST and min(when - first, last - STEP - when) < EDGE:
                share = rng.uniform(0.1, 0.6)
                scores[REST] += 0.6 - share
            scores[seen] += share
            samples.append((when, [round(float(score), 3) for score in scores]))
    samples.append((at + 1000, [0.0, 0.0, 1.0]))
    film = [[when, number] for number, (when, _) in enumerate(samples)]
    return Belt(starts, lasts, kinds, [scores for _, scores in samples], film)


def drawn(number: int, length: int, judge: Callable[[NDArray[np.uint8]], NDArray[np.float32]] | None) -> Belt:
    """The built-in belt with whole masks only, `length` pictures of it at the most.

    `judge` makes scores (N, 3), in the order of `CLASSES`, of squares (N, 240, 240, 3). Without it they are those of a
    model that never errs.
    """
    seed = np.random.SeedSequence(SEED, spawn_key=(number,))
    camera = list(CAMERAS)[number % len(CAMERAS)]
    frames = list(render_sequence(seed, camera=camera, length=length, turn=number % 3, seen=MIDDLE))
    covered = np.array([frame.mask_share >= 0.5 for frame in frames])
    changes = (np.flatnonzero(covered[1:] != covered[:-1]) + 1).tolist()
    since = changes.pop(0) if covered[0] else 0  # a mask that was there at first counts for nothing
    # Of each mask the next one's begin is seen, too. From the middle of one gap to the middle of another one:
    begins, ends = changes[:-1:2], changes[1:-1:2]
    first, last = (since + begins[0]) // 2, (ends[-1] + changes[2 * len(ends)]) // 2
    begins = begins[: len(ends)]
    kinds = [sum(frame.defect_px for frame in frames[i:j]) >= NOTICEABLE for i, j in zip(begins, ends, strict=True)]
    if judge:
        scores = judge(np.stack([frame.image[SQUARE] for frame in frames[first : last + 1]]))
    else:
        seen = np.full(length, REST)
        for i, j, kind in zip(begins, ends, kinds, strict=True):
            seen[i:j] = kind
        scores = np.eye(len(CLASSES), dtype=np.float32)[seen[first : last + 1]]
    when = [START + 400 + PICTURE * (n - first) for n in range(first, last + 1)]
    film = [[at, n] for n, at in enumerate(when)] + [[when[-1] + 1000, len(when) - 1]]
    return Belt(
        [when[i - first] for i in begins],
        [PICTURE * (j - i) for i, j in zip(begins, ends, strict=True)],
        [int(kind) for kind in kinds],
        [[round(float(score), 4) for score in row] for row in scores],
        film,
    )


def at_pace(shown: Belt, pace: int) -> Belt:
    """The belt with a picture each `pace` ms instead of `PICTURE`."""

    def at(ms: int) -> int:
        return START + 400 + (ms - START - 400) * pace // PICTURE

    film = [[at(when), n] for when, n in shown.film[:-1]]
    lasts = [lasting * pace // PICTURE for lasting in shown.lasts]
    starts = [at(start) for start in shown.starts]
    return Belt(starts, lasts, shown.kinds, shown.scores, [*film, [film[-1][0] + 1000, shown.film[-1][1]]])


def judged(shipped: Shipped, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the camera's arithmetic and TFLM make of squares, in the order of `CLASSES`."""
    tflm.load(shipped.model.read_bytes())
    scores = tflm.run(to_input(squares, shipped.input_size))
    return scores[:, [shipped.classes.index(name) for name in CLASSES]]


def play(
    folder: Path, shown: Belt, trigger: list, votes: int, *, network: int = NETWORK, thresholds: dict | None = None
) -> Counter:
    """Run main.py, whose network takes so many ms, before the belt; how many items were what."""
    camera = Camera(folder, labels=CLASSES)
    camera.write(votes=votes, parts=[trigger, signals(pulse_ms=1)], thresholds=thresholds or {})
    run = camera.run(
        scores=shown.scores, film=shown.film, edges=shown.edges(), frame_ms=FRAME, predict_ms=network, limit=300
    )
    decided: list[list[int]] = [[] for _ in shown.starts]
    pulses = [(at, name == "P1") for at, name, level in run.seen["pins"] if level and name in {"P0", "P1"}]
    told = 0
    for line in run.lines[1:]:  # a line for each pulse, but for several that were missed at once
        if "missed" in line:
            assert all(fails for _, fails in pulses[: line["missed"] - told]), "it is rejected"
            del pulses[: line["missed"] - told]
            told = line["missed"]
        else:
            at, fails = pulses.pop(0)
            middle = at - line["ms"] + line["frames"] * (FRAME + network) // 2  # of the frames that decided
            item = np.searchsorted(shown.starts, middle, side="right") - 1
            decided[max(0, item)].append(int(fails))
    assert not pulses
    found: Counter = Counter(dict.fromkeys(COLUMNS, 0))
    for kind, several in zip(shown.kinds, decided, strict=True):
        found["once" if len(several) == 1 else "missed" if not several else "twice or more"] += 1
        found["wrong class"] += len(several) == 1 and several[0] != kind
        found["bad passed"] += len(several) == 1 and several[0] < kind
    found["of these told"] = told
    found["good rejected"] = found["wrong class"] - found["bad passed"]
    found["right"] = found["once"] - found["wrong class"]
    return found


CASES = {
    "pin, 2 votes": (by_pin(debounce_ms=5, delay_ms=0), 2, 600, 500),
    "class, enter 1, leave 1": (by_class(enter=1, leave=1), 1, 600, 500),
    "class, enter 2, leave 2": (by_class(), 1, 600, 500),
    "pin, 2 votes, a faster belt": (by_pin(debounce_ms=5, delay_ms=0), 2, 240, 160),
    "pin, 5 votes, a faster belt": (by_pin(debounce_ms=5, delay_ms=0), 5, 240, 160),
    "class, enter 2, leave 2, a faster belt": (by_class(), 1, 240, 160),
}


DRAWN = {  # trigger, votes, and ms from one picture to the next
    "pin, 1 vote": (by_pin(debounce_ms=5, delay_ms=0), 1, 33),
    "pin, 3 votes": (by_pin(debounce_ms=5, delay_ms=0), 3, 33),
    "class, enter 1, leave 1": (by_class(enter=1, leave=1), 1, 33),
    "class, enter 2, leave 2": (by_class(), 1, 33),
    "pin, 3 votes, three times as fast": (by_pin(debounce_ms=5, delay_ms=0), 3, 11),
    "class, enter 1, leave 1, three times as fast": (by_class(enter=1, leave=1), 1, 11),
    "class, enter 2, leave 2, three times as fast": (by_class(), 1, 11),
}


def made_up() -> None:
    """Print the table of the made-up belt."""
    print(f"| trigger | item, gap (ms) | {' | '.join(COLUMNS)} |")
    print("| --- " * (2 + len(COLUMNS)) + "|")
    for name, (trigger, votes, lasting, gap) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            found = play(Path(folder), belt(lasting, gap), trigger, votes)
        print(f"| {name} | {lasting}, {gap} | {' | '.join(str(found[column]) for column in COLUMNS)} |", flush=True)


def of_bundle(bundle: Path, sequences: int) -> None:
    """Print the table of the built-in belt."""
    shipped = read_shipped(bundle, bundle)
    with Pool() as pool:
        belts = pool.map(partial(drawn, length=LENGTH, judge=partial(judged, shipped)), range(sequences), chunksize=1)
    kinds = [kind for shown in belts for kind in shown.kinds]
    print(f"{len(kinds)} masks, {sum(kinds)} of them bad, in {sum(len(shown.scores) for shown in belts)} pictures\n")
    print(f"| trigger | {' | '.join(DRAWN_COLUMNS)} |")
    print("| --- " * (1 + len(DRAWN_COLUMNS)) + "|")
    for name, (trigger, votes, pace) in DRAWN.items():
        found: Counter = Counter()
        for shown in belts:
            with tempfile.TemporaryDirectory() as folder:
                paced, rules = at_pace(shown, pace), shipped.thresholds
                found += play(Path(folder), paced, trigger, votes, network=SHORT, thresholds=rules)
        print(f"| {name} | {' | '.join(str(found[column]) for column in DRAWN_COLUMNS)} |", flush=True)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bundle", type=Path, nargs="?", help="the folder of a bundle of the built-in belt")
    parser.add_argument("--sequences", type=int, default=SEQUENCES, help="so many films of the belt")
    options = parser.parse_args()
    if options.bundle:
        of_bundle(options.bundle, options.sequences)
    else:
        made_up()


if __name__ == "__main__":
    main()
