"""The next frames to label after a first model: the model is least sure of them, and they differ."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from linecam.percent import percent

# The batch is spread over the least sure frames, so many times as many as the batch has.
CANDIDATES = 10


def margin(p: NDArray[np.floating]) -> NDArray[np.floating]:
    """How near the two likeliest classes are, (N,) in 0..1, of (N, classes) probabilities (Scheffer et al., 2001)."""
    ordered = np.sort(p, axis=1)
    return np.asarray(1 - (ordered[:, -1] - ordered[:, -2]))


def entropy(p: NDArray[np.floating]) -> NDArray[np.floating]:
    """The entropy, (N,), of (N, classes) probabilities, over the highest there is (Settles, 2009)."""
    return np.asarray(-(p * np.log(np.clip(p, 1e-12, 1))).sum(axis=1) / np.log(p.shape[1]))


UNCERTAINTY: dict[str, Callable[[NDArray[np.floating]], NDArray[np.floating]]] = {"margin": margin, "entropy": entropy}


def pick_batch(
    vectors: NDArray[np.float32], uncertainty: NDArray[np.floating], count: int, seed: int
) -> tuple[list[int], list[int]]:
    """Positions of `count` uncertain frames that differ, the least sure first, and how many frames each stands for.

    Of the `CANDIDATES` times `count` least sure frames, clustered by k-means with their uncertainty as weights, the one
    nearest to the middle of each cluster (Zhdanov, Diverse mini-batch Active Learning, 2019). `vectors` is (N, D) and
    `uncertainty` (N,), 0..1. Frames without a finite embedding are left out where there are others enough.
    """
    order = np.argsort(-uncertainty, kind="stable")
    finite = np.isfinite(vectors[order]).all(axis=1)
    candidates, rest = order[finite][: CANDIDATES * count], order[~finite]
    if len(candidates) <= count:
        picks = [*candidates.tolist(), *rest.tolist()][:count]
        return picks, [1] * len(picks)
    weights = uncertainty[candidates] + 1e-6
    with threadpool_limits(1):  # several threads add in another order, and other frames may come out
        clusters = KMeans(count, n_init=1, random_state=seed).fit(vectors[candidates], sample_weight=weights)
    distances = np.linalg.norm(vectors[candidates] - clusters.cluster_centers_[clusters.labels_], axis=1)
    middle_of: dict[int, int] = {}
    for n in np.argsort(distances, kind="stable").tolist():
        middle_of.setdefault(int(clusters.labels_[n]), n)
    sizes = np.bincount(clusters.labels_, minlength=count)
    middles = sorted(middle_of.items(), key=lambda item: item[1])
    picks, numbers = [int(candidates[n]) for _, n in middles], [int(sizes[cluster]) for cluster, _ in middles]
    # Equal frames leave clusters empty.
    more = [int(n) for n in candidates if int(n) not in set(picks)][: count - len(picks)]
    return picks + more, numbers + [1] * len(more)


def reason(p: NDArray[np.floating], classes: list[str], number: int) -> str:
    """Why a frame is in the batch: what the model wavers between, (classes,), and for how many frames it stands."""
    first, second = np.argsort(-p, kind="stable")[:2]
    wavers = f"{classes[first]} {percent(p[first], 0)} or {classes[second]} {percent(p[second], 0)}"
    return wavers if number == 1 else f"{wavers}; stands for {number} such frames"
