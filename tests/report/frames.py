"""Judged frames for tests."""

import pandas as pd


def judged(counts: dict[str, dict[str, int]]) -> pd.DataFrame:
    """So many frames of each true class (outer) that are judged to be of a class (inner); "" is no decision."""
    rows = [(label, says) for label, of in counts.items() for says, number in of.items() for _ in range(number)]
    return pd.DataFrame(rows, columns=["label", "predicted"])
