"""The frames that training may take: no test frames, and no frames too near to a test frame."""

import pandas as pd

from linecam.errors import UserError
from linecam.frames.near_duplicates import number_gaps


def pool_of(frames: pd.DataFrame, tested: pd.Series, gap: int) -> pd.DataFrame:
    """The rows of the usable `frames` that are not `tested` (sha256), nor within `gap` numbers of one in its sequence.

    `frames` has sha256, sequence and number.
    """
    chosen = frames["sha256"].isin(tested)
    return frames[~chosen & (number_gaps(frames, frames[chosen]) > gap)]


def check_enough(count: int, pool: int, frames: int, *, gap: int, setting: str) -> None:
    """Raise `UserError` where `setting` asks for `count` frames, and only `pool` of `frames` may be trained on."""
    if count > pool:
        apart = f" and more than select.gap = {gap} frames from those that are" if gap else ""
        lower = f"{setting}, select.gap or select.test" if gap else f"{setting} or select.test"
        raise UserError(
            f"{setting} = {count}, but only {pool} of {frames} usable frames are not for testing{apart}. Add frames, "
            f"or lower {lower}."
        )


def check_given(frames: pd.DataFrame, tested: pd.Series) -> pd.DataFrame:
    """The usable `frames` in the folder train/, without those for the test. Raises `UserError` where there is none."""
    picked = frames[(frames["part"] == "train") & ~frames["sha256"].isin(tested)]
    if picked.empty:
        raise UserError(
            "There is no usable frame in train/. Put labelled frames there, with one folder for each class."
        )
    return picked
