"""Labels that are likely wrong, by what models say that were trained without them."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linecam.percent import percent

# So many labels are looked at again at once. Once these are right, the next model names others.
MOST = 30


def doubtful_labels(held_out: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """The labels that are likely wrong, the most doubtful first (confident learning; Northcutt et al., JAIR 2021).

    A label is doubtful where a model that was trained without the frame is as sure of another class as it is, on
    average, of frames that are labelled so. `held_out` has sha256, path, label, and p_<class> for each class; the
    result has sha256, path, label, predicted, p and reason.
    """
    p = held_out[[f"p_{name}" for name in classes]].to_numpy()
    labels = np.array([classes.index(name) for name in held_out["label"]], dtype=np.intp)
    usual = np.array([p[labels == n, n].mean() if (labels == n).any() else np.inf for n in range(len(classes))])
    confident = np.where(p >= usual, p, -1.0)
    other = confident.argmax(axis=1)
    doubtful = np.flatnonzero((confident.max(axis=1) >= 0) & (other != labels))
    lead = p[doubtful, labels[doubtful]] - p[doubtful, other[doubtful]]
    rows = doubtful[np.argsort(lead, kind="stable")]
    table = held_out.iloc[rows][["sha256", "path", "label"]].reset_index(drop=True)
    table["predicted"] = [classes[n] for n in other[rows]]
    table["p"] = [f"{p[row, other[row]]:.4f}" for row in rows]
    table["reason"] = [reason(p[row], usual, classes, int(labels[row]), int(other[row])) for row in rows]
    return table


def reason(p: NDArray[np.floating], usual: NDArray[np.floating], classes: list[str], label: int, other: int) -> str:
    """Why a label is doubted; it names what is `usual`, (classes,), where the model finds a third class likelier."""
    so = ""
    if p.argmax() != other:
        so = f"; on frames labelled {classes[other]} it usually says {percent(usual[other], 0)}"
    said, own = percent(p[other], 0), percent(p[label], 0)
    return f"a model trained without it says {classes[other]} {said}, and {classes[label]} {own}{so}"
