"""The folds of cross-validation: which training frames are held out together."""

import warnings

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from linecam.errors import UserError
from linecam.frames.near_duplicates import NEAR


def assign_folds(training: pd.DataFrame, folds: int, seed: int, classes: list[str]) -> NDArray[np.int64]:
    """The fold of each training frame, (frames,), from 0 to `folds` - 1, each with about the same share of every class.

    `training` has sha256, label, sequence and number. A sequence is cut into stretches of `NEAR` numbers, and each
    stands in one fold: a held-out frame is unlike those that its model has learned. Where there are fewer stretches
    than folds, any frame is held out by itself. Raises `UserError` where a class has fewer than 2 frames.
    """
    counts = training["label"].value_counts().reindex(classes, fill_value=0)
    if counts.min() < 2:
        scarce = ", ".join(f"{number} of {name}" for name, number in counts.items() if number < 2)
        raise UserError(
            f"The {len(training)} training frames hold {scarce}; each class needs at least 2, one to train "
            "on while the other is held out. Raise select.train and label the frames that it adds, or take the class "
            "out of dataset.classes."
        )
    ordered = training.sort_values("sha256")  # whatever the order of picking
    stretch = ordered["sequence"] + "-" + (ordered["number"] // NEAR).astype(str)
    groups = stretch.where(ordered["number"] >= 0, ordered["sha256"])
    if groups.nunique() < folds:  # few parts, each seen often
        groups = ordered["sha256"]
    fold_of = np.zeros(len(ordered), dtype=np.int64)
    # More folds than frames of any class would only leave some empty, and scikit-learn refuses them.
    cut = StratifiedGroupKFold(min(folds, counts.max()), shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class may have fewer frames than there are folds
        for number, (_, held_out) in enumerate(cut.split(ordered, ordered["label"], groups)):
            fold_of[held_out] = number
    found: NDArray[np.int64] = pd.Series(fold_of, index=ordered.index).loc[training.index].to_numpy()
    return found
