"""An order in which similar frames follow each other, cut into groups."""

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import pdist

# The distances of 8,000 frames take 250 MB and some seconds; the best order of the leaves grows with their cube.
MOST, MOST_OPTIMAL = 8_000, 700


def in_similar_order(vectors: NDArray[np.float32], each: int) -> list[list[int]]:
    """The positions of `vectors` (N, D), N up to `MOST`, in groups of about `each` similar ones.

    Groups and positions stand in the order of the leaves of Ward's hierarchical clustering, so that neighbours are
    similar across groups too. Vectors that are not finite stand alone, at the end. Deterministic.
    """
    finite = np.isfinite(vectors).all(axis=1)
    usable = np.flatnonzero(finite)
    alone = [[int(position)] for position in np.flatnonzero(~finite)]
    if len(usable) < 2:
        return [[int(position)] for position in usable] + alone
    points = vectors[usable].astype(np.float64)
    tree = linkage(points, "ward")
    if len(points) <= MOST_OPTIMAL:
        tree = optimal_leaf_ordering(tree, pdist(points))
    group_of = fcluster(tree, max(1, len(points) // each), "maxclust")
    groups: dict[int, list[int]] = {}  # a group is a branch of the tree: its leaves stand together
    for leaf in leaves_list(tree):
        groups.setdefault(int(group_of[leaf]), []).append(int(usable[leaf]))
    return [*groups.values(), *alone]
