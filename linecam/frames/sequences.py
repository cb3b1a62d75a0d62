"""Whether frames are sequences, as a camera takes them in passing, or stills that show one part each."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linecam.intervals import ratio

PAIRS = 500  # of successive frames that are looked at, at the most
# The share of successive frames that has to be surely nearer to each other than to another frame of their sequence. A
# half is chance; stills whose light drifts have little more. The tutorial's frames, some 60 numbers apart, have 0.65.
NEARER = 0.55


def are_sequences(frames: pd.DataFrame, pixels: NDArray[np.uint8]) -> bool:
    """Whether most of `frames` follow others, by their names, and look like it.

    `frames` are the usable ones, with `sequence` and `number`; `pixels` are theirs, (frames, size, size, 3). By names a
    frame follows others where its number is its own and its sequence has several. Numbered stills do so, too: so the
    successive ones also have to look more alike than others of their sequence, by the mean difference of a pixel.
    """
    numbered = frames.reset_index(drop=True)
    numbered = numbered[numbered["number"] >= 0]
    own = ~numbered.duplicated(["sequence", "number"], keep=False)
    several = numbered.groupby("sequence")["number"].transform("size") > 1
    following = numbered[own & several].sort_values(["sequence", "number"], kind="stable")
    if 2 * len(following) <= len(frames):
        return False
    nearer, pairs = _nearer(following, pixels)
    return (ratio(nearer, pairs, 0.95)["low"] or 0.0) > NEARER


def _nearer(following: pd.DataFrame, pixels: NDArray[np.uint8]) -> tuple[int, int]:
    """Of how many frames the next of their sequence is nearer than another of it, and of how many that was asked."""
    rng = np.random.default_rng(0)
    triples: list[tuple[int, int, int]] = []
    for _, group in following.groupby("sequence"):
        rows = group.index.to_numpy()
        for place in range(len(rows) - 1 if len(rows) > 2 else 0):  # of two frames there is no other
            other = int(rng.integers(len(rows) - 2))  # neither of the two
            triples.append((rows[place], rows[place + 1], rows[other if other < place else other + 2]))
    chosen = [triples[n] for n in np.linspace(0, len(triples) - 1, min(len(triples), PAIRS)).astype(int)]

    def apart(one: int, other: int) -> float:
        return float(np.abs(pixels[one].astype(np.int16) - pixels[other]).mean())

    return sum(apart(row, after) < apart(row, other) for row, after, other in chosen), len(chosen)
