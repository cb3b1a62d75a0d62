"""A belt with items and gaps as a film for main.py: how many items are decided once, twice, not at all, or wrong.

python -m tests.board.film    print the table of docs/on-the-line.md

The scores are made up. Every 20 ms something else is seen: an item has a mean score of 0.8 for its own class, and one
sample in 25 is misread as another class, also in the gaps. At both ends of an item 60 ms show a mixture. A frame takes
33 ms and the network 70.
"""

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.board.test_board import Camera
from tests.board.test_line import START, by_class, by_pin, signals

STEP, EDGE = 20, 60  # ms
FRAME, NETWORK = 33, 70
MISREAD = 0.04
ITEMS = 300
REST = 2  # the class no_mask
COLUMNS = ("once", "twice or more", "missed", "of these told", "wrong class")


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


def play(folder: Path, shown: Belt, trigger: list, votes: int) -> Counter:
    """Run main.py before the belt; how many items were what."""
    camera = Camera(folder)
    camera.write(votes=votes, parts=[trigger, signals(pulse_ms=1)])
    run = camera.run(
        scores=shown.scores, film=shown.film, edges=shown.edges(), frame_ms=FRAME, predict_ms=NETWORK, limit=300
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
            middle = at - line["ms"] + line["frames"] * (FRAME + NETWORK) // 2  # of the frames that decided
            item = np.searchsorted(shown.starts, middle, side="right") - 1
            decided[max(0, item)].append(int(fails))
    assert not pulses
    found: Counter = Counter(dict.fromkeys(COLUMNS, 0))
    for kind, several in zip(shown.kinds, decided, strict=True):
        found["once" if len(several) == 1 else "missed" if not several else "twice or more"] += 1
        found["wrong class"] += len(several) == 1 and several[0] != kind
    found["of these told"] = told
    return found


CASES = {
    "pin, 2 votes": (by_pin(debounce_ms=5, delay_ms=0), 2, 600, 500),
    "class, enter 1, leave 1": (by_class(enter=1, leave=1), 1, 600, 500),
    "class, enter 2, leave 2": (by_class(), 1, 600, 500),
    "pin, 2 votes, a faster belt": (by_pin(debounce_ms=5, delay_ms=0), 2, 240, 160),
    "pin, 5 votes, a faster belt": (by_pin(debounce_ms=5, delay_ms=0), 5, 240, 160),
    "class, enter 2, leave 2, a faster belt": (by_class(), 1, 240, 160),
}


def main() -> None:
    """Print the table."""
    print(f"| trigger | item, gap (ms) | {' | '.join(COLUMNS)} |")
    print("| --- " * (2 + len(COLUMNS)) + "|")
    for name, (trigger, votes, lasting, gap) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            found = play(Path(folder), belt(lasting, gap), trigger, votes)
        print(f"| {name} | {lasting}, {gap} | {' | '.join(str(found[column]) for column in COLUMNS)} |", flush=True)


if __name__ == "__main__":
    main()
