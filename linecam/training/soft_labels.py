"""What a large network makes of frames that nobody labelled: soft labels, from which the small one learns too.

Knowledge distillation (Hinton, Vinyals and Dean, 2015): a logistic regression on the large network's features learns
the labels, and gives every other frame a probability for each class.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from linecam.errors import UserError
from linecam.files import atomic_write

# Inverse strengths of the regression's regularization: the one that fits held-out labels best is taken.
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
# Without folds nothing can be compared.
USUAL = 1e-2

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class SoftLabels:
    """Probabilities of each class for frames, labelled or not."""

    sha256: NDArray[np.str_]  # (M,): the frames
    probabilities: Floats  # (folds + 1, M, classes), 0..1: of a regression without each fold, then of one on all labels

    def without(self, fold: int | None) -> Floats:
        """What is known of the frames without the labels of a fold, (M, classes); `None` leaves none out."""
        said: Floats = self.probabilities[-1 if fold is None else fold]
        return said

    def save(self, path: Path) -> None:
        """Write it as .npz."""
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            np.savez(file, sha256=self.sha256, probabilities=self.probabilities)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote. Raises `UserError` where it is something else."""
        try:
            with np.load(path) as arrays:
                return cls(arrays["sha256"], arrays["probabilities"])
        except (OSError, ValueError, KeyError) as error:
            raise UserError(
                f"{path} holds no soft labels: {error}. Delete it, and run the same command again."
            ) from None


def predict_by_folds(
    features: Floats,
    targets: NDArray[np.intp],
    weights: NDArray[np.float64],
    folds: NDArray[np.intp],
    others: Floats,
    classes: int,
) -> tuple[Floats, Floats]:
    """What regressions on features (N, D) say of the frames that they did not learn from.

    They learn classes `targets` (N,), each frame at its weight (N,). First, for the N frames, what the regression
    without the frame's fold says: (N, classes); 0 in all classes where `folds`, (N,), has no fold. Second, for the
    frames with the features `others` (M, D), what each of them says, and last one that learned from all N:
    (folds + 1, M, classes).
    """
    kept = [folds != fold for fold in range(folds.max() + 1)]
    best, held_out = USUAL, np.zeros((len(targets), classes), np.float32)
    if kept:
        tried = {}
        for strength in STRENGTHS:
            said = np.zeros((len(targets), classes), np.float32)
            for rows in kept:
                if not rows.all():
                    said[~rows] = _regression(features[rows], targets[rows], weights[rows], strength)(
                        features[~rows], classes
                    )
            right = said[np.arange(len(targets)), targets].clip(1e-6)
            tried[strength] = float(-(weights * np.log(right)).sum()), said
        best = min(tried, key=lambda strength: tried[strength][0])
        held_out = tried[best][1]
    soft = [
        _regression(features[rows], targets[rows], weights[rows], best)(others, classes)
        for rows in [*kept, np.ones(len(targets), bool)]
    ]
    return held_out, np.stack(soft)


def _regression(features: Floats, targets: NDArray[np.intp], weights: NDArray[np.float64], strength: float) -> Any:
    """A function from features (N, D) and the number of classes to probabilities (N, classes)."""
    # Not at the top: it takes a second, and finetuning reads soft labels without it.
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    scale = StandardScaler().fit(features)
    known = np.unique(targets)
    model = None
    if len(known) > 1:
        model = LogisticRegression(C=strength, max_iter=1000)
        model.fit(scale.transform(features), targets, sample_weight=weights)

    def predict(features: Floats, classes: int) -> Floats:
        said = np.zeros((len(features), classes), np.float32)
        if model is None:
            said[:, known] = 1  # labels of one class alone leave nothing to learn
        elif len(features):
            said[:, known] = model.predict_proba(scale.transform(features))
        return said

    return predict
