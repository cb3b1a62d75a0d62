"""Which share of the line each labelled frame stands for: chosen frames are no random sample of it.

What is measured on labelled frames holds for those. To hold for the line, each counts by the ratio of the line's
density to theirs (importance weighting under covariate shift; Shimodaira, 2000). The ratio is estimated by nearest
neighbours (Loog, 2012, with one neighbour): a labelled frame counts by the frames that it is nearest to. With one
neighbour alone that is noisy, so each frame is shared among its `NEIGHBOURS` nearest. Of these, of kernel mean matching
(Huang et al., NeurIPS 2006) and of shares by a Gaussian kernel this says best what the test says: docs/selection.md.
"""

import numpy as np
from numpy.typing import NDArray

from linecam.selection.herding import directions

NEIGHBOURS = 3
# No frame counts for more than this many average ones: what hangs on one frame alone is not known.
LARGEST = 10.0
BLOCK = 4096  # frames whose distances are computed at a time


def line_shares(
    embeddings: NDArray[np.float32],
    line: NDArray[np.intp],
    labelled: NDArray[np.intp],
    neighbours: int = NEIGHBOURS,
) -> NDArray[np.float64]:
    """The weight of each labelled frame, (labelled,): its share of the line, relative to the mean, which is 1.

    `embeddings`, (frames, D) float32, perhaps memory-mapped, count by their direction alone. `line` are the rows of the
    frames that the line is known by, `labelled` some of these and perhaps others. Each frame of the line counts in
    equal parts for the `neighbours` labelled ones that are nearest to it; one without a finite embedding for itself
    alone, where it is labelled. A labelled frame that is no part of the line counts for itself too, as if it were
    nearest to itself. No weight is 0, none above `LARGEST`.
    """
    count = len(labelled)
    if not count:
        return np.zeros(0)
    # In their own order, so that equal distances are told apart the same way whatever the order of picking.
    order = np.argsort(labelled, kind="stable")
    points = np.asarray(embeddings[labelled[order]], np.float32)
    finite = np.isfinite(points).all(axis=1)
    known = directions(points[finite])
    shares = np.zeros(count)
    shares[~finite] = 1.0
    share = np.zeros(len(known))
    near = min(neighbours, len(known))
    for start in range(0, len(line) if near else 0, BLOCK):
        block = np.asarray(embeddings[line[start : start + BLOCK]], np.float32)
        block = block[np.isfinite(block).all(axis=1)]  # which are nearest their length does not change
        nearest = np.argsort(-(block @ known.T), axis=1, kind="stable")[:, :near]
        share += np.bincount(nearest.ravel(), minlength=len(known)) / near
    shares[finite] = np.maximum(share, 1 / max(near, 1))
    weights = np.empty(count)
    weights[order] = capped(shares)
    return weights


def capped(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Positive shares, (N,), scaled to a mean of 1 with none above `LARGEST`: what is above goes to all others."""
    weights: NDArray[np.float64] = shares / shares.mean()
    over = np.zeros(len(shares), bool)
    while (weights[~over] > LARGEST).any():  # each time for one frame more, at least
        over |= weights > LARGEST
        weights[over] = LARGEST
        weights[~over] *= (len(shares) - LARGEST * over.sum()) / weights[~over].sum()
    return weights
