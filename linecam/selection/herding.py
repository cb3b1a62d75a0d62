"""MaxHerding: the frames that together stand for all others best.

Bae, Noh and Sutherland, Generalized Coverage for More Robust Low-Budget Active Learning (ECCV 2024). A frame covers
another one by a Gaussian kernel of their distance, and each frame counts by the best of those that are picked.
"""

import numpy as np
from numpy.typing import NDArray

# Frames that may be picked, and of these the ones whose coverage counts: both are drawn at random, as so many say
# nearly what all would. Their kernel takes 320 MB.
CANDIDATES = 20_000
COVERED = 4_000
# The kernel's squared width, in squared distances to the neighbour that the nearest of the picks would be if picks lay
# evenly. Of 0.5, 1 and 2 it is the best on average of four real lines and 25, 50 and 200 labels (docs/selection.md).
WIDTH = 2.0


def best_covering(
    embeddings: NDArray[np.float32], order: NDArray[np.intp], count: int, initial: list[int]
) -> list[int]:
    """Positions of `count` frames, `initial` ones first, picked one by one: always the one that adds most coverage.

    `embeddings` is (N, D) float32, of which the direction counts alone; `order` is a random order of the N frames.
    Frames whose embedding is not finite are never picked. There may be fewer than `count` others.
    """
    usable = order[np.isfinite(embeddings[order]).all(axis=1)]
    known = [position for position in initial if np.isfinite(embeddings[position]).all()]
    drawn = usable[:CANDIDATES]
    # In the random order: two frames that cover each other alone gain as much, and the first of them is picked.
    candidates = np.concatenate([known, drawn[~np.isin(drawn, known)]]).astype(np.intp)
    if not len(candidates) or count <= len(initial):
        return initial[:count]
    points = directions(embeddings[candidates])
    kernel = gaussian(directions(embeddings[usable[:COVERED]]), points, count)
    covered = kernel[:, : len(known)].max(axis=1, initial=0)
    picks = list(initial)
    # What a frame adds only falls as others are picked: only frames whose last known gain leads are looked at again.
    gains = kernel.sum(axis=0, dtype=np.float64)
    gains[: len(known)] = -1
    while len(picks) < count and (gains >= 0).any():
        best, most = -1, -1.0
        for column in np.argsort(-gains, kind="stable"):
            if gains[column] <= most:
                break
            gains[column] = np.maximum(kernel[:, column] - covered, 0).sum(dtype=np.float64)
            if gains[column] > most:
                best, most = int(column), float(gains[column])
        picks.append(int(candidates[best]))
        covered = np.maximum(covered, kernel[:, best])
        gains[best] = -1
    return picks


def directions(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors (N, D) of length 1, in the same directions; those of length 0 stay."""
    found: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return found


def gaussian(covered: NDArray[np.float32], points: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """The kernel, (covered, points), 0..1, as wide as `count` picks ask for."""
    squared = np.maximum(2 - 2 * covered @ points.T, 0)
    neighbour = min(max(len(covered) // count, 2), squared.shape[1] - 1)
    width = WIDTH * float(np.median(np.partition(squared, neighbour)[:, neighbour]))
    kernel: NDArray[np.float32] = np.exp(-squared / max(width, 1e-12))
    return kernel
