"""Frames that show nearly the same: near in number within a sequence, or near-duplicates by their embeddings."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Two frames of a sequence this far apart in number show much the same.
NEAR = 25


def number_gaps(frames: pd.DataFrame, others: pd.DataFrame) -> NDArray[np.float64]:
    """How far each of `frames` is in number from the nearest of `others` in its sequence, (frames,); infinite: none.

    Both have `sequence` and `number`, which is -1 where a frame has none.
    """
    found = np.full(len(frames), np.inf)
    theirs = {
        name: np.sort(group.to_numpy()) for name, group in others[others["number"] >= 0].groupby("sequence")["number"]
    }
    places = pd.Series(np.arange(len(frames)), index=frames.index)
    for name, group in frames[frames["number"] >= 0].groupby("sequence")["number"]:
        if name not in theirs:
            continue
        # Sorted, not each with each: a large dataset has millions of pairs.
        near, numbers = theirs[name], group.to_numpy()
        after = np.searchsorted(near, numbers)
        left = numbers - near[np.maximum(after - 1, 0)]
        right = near[np.minimum(after, len(near) - 1)] - numbers
        found[places[group.index]] = np.minimum(np.abs(left), np.abs(right))
    return found


def near_duplicate_distance(vectors: NDArray[np.float32], frames: pd.DataFrame) -> float | None:
    """The distance of embeddings below which two frames count as near-duplicates; None where it is not known.

    Half of the pairs of successive frames that are at most `NEAR` apart in a sequence are nearer than that. `vectors`
    is (frames, D), `frames` has `sequence` and `number`. With fewer than 20 pairs it is not known.
    """
    numbered = frames[frames["number"] >= 0].sort_values(["sequence", "number"], kind="stable")
    sequence, number = numbered["sequence"].to_numpy(), numbered["number"].to_numpy()
    follows = (sequence[1:] == sequence[:-1]) & (np.diff(number) <= NEAR)
    rows = numbered.index.to_numpy()
    first, second = rows[:-1][follows], rows[1:][follows]
    distances = np.linalg.norm(vectors[first] - vectors[second], axis=1)
    distances = distances[np.isfinite(distances)]
    return float(np.median(distances)) if len(distances) >= 20 else None


def nearest_distances(vectors: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """The distance of each vector, (N, D), to the nearest of `others`, (M, D): (N,), infinite where there is none."""
    others = others[np.isfinite(others).all(axis=1)].astype(np.float64)
    found = np.full(len(vectors), np.inf)
    if len(others):
        for n, vector in enumerate(vectors.astype(np.float64)):
            distance = np.sqrt(((others - vector) ** 2).sum(axis=1).min())
            found[n] = distance if np.isfinite(distance) else np.inf
    return found
