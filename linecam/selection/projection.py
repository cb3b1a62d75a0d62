"""Embeddings in two dimensions, for a map on which similar frames lie together."""

import numpy as np
from numpy.typing import NDArray

# Of more dimensions the first principal components: the rest is noise to t-SNE, and costs time.
COMPONENTS = 50
PERPLEXITY = 30.0
STEPS = 500
# With fewer vectors there are no neighbourhoods that t-SNE could keep.
FEWEST = 10


def project(vectors: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Where each of `vectors` (N, D) lies on a map, (N, 2), 0 to 1 along the longer side.

    t-SNE (van der Maaten and Hinton, JMLR 2008; Barnes-Hut, 2014), from the first two principal components on, so that
    the map keeps the large distances as far as it can (Kobak and Berens, Nature Communications 2019). Deterministic:
    one thread, one seed. It takes 7 s of a processor for 2,500 vectors. Numbers that are not finite count as 0.
    """
    # Not at the top: this takes seconds, and only this function needs it.
    from sklearn.decomposition import PCA  # noqa: PLC0415
    from sklearn.manifold import TSNE  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    finite = np.nan_to_num(np.asarray(vectors, np.float64), posinf=0, neginf=0)
    count = len(finite)
    # Threads add in an order of their own.
    with threadpool_limits(1):
        centred = finite - finite.mean(axis=0) if count else finite
        places = np.zeros((count, 2))
        if centred.any():
            components = min(COMPONENTS, *centred.shape)
            reduced = PCA(components, svd_solver="full", random_state=seed).fit_transform(centred)
            places[:, : min(components, 2)] = reduced[:, :2]
            if count >= FEWEST and components >= 2:
                perplexity = min(PERPLEXITY, (count - 1) / 3)
                tsne = TSNE(perplexity=perplexity, init="pca", max_iter=STEPS, random_state=seed, n_jobs=1)
                places = tsne.fit_transform(reduced.astype(np.float32))
    low, size = (places.min(axis=0), np.ptp(places, axis=0).max()) if count else (0.0, 0.0)
    return ((places - low) / (size or 1)).astype(np.float32)
