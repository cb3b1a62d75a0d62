"""What main.py decides over several frames in a row: the window of frames around a test frame, and the vote over it."""

from pathlib import Path

import numpy as np
import pandas as pd

from linecam.evaluation.predictions import decide

SEQUENCE = 3  # how many frames a vote takes if the frames are sequences and bundle.votes is null
ONE = 65536  # main.py counts scores in whole numbers of 1/65536
# Why a window is left out, in this order where there are several reasons.
REASONS = {
    "training": "a training frame",
    "set_aside": "a duplicate or quarantined frame",
    "ambiguous": "a number that several frames have",
    "missing": "a frame that isn't there",
}


def frames_around(index: pd.DataFrame, split: pd.DataFrame, reach: int) -> pd.DataFrame:
    """For each test frame of a split one row for each offset from -reach to reach, in the number of the frame.

    `index` has every file. Columns: sha256, path and label of the test frame; offset; `frame`, the path of the one at
    that offset, and its `row` in the pixel arrays, or "" and -1; status. Frames belong together that have one
    sequence; they are consecutive only if their numbers are. `status` is ok; training (the model was trained or chosen
    on that content); set_aside (a duplicate, or quarantined); ambiguous (several contents have this number); or
    missing.
    """
    files = index.assign(row=(index["status"] == "ok").cumsum() - 1)
    numbered = files[files["number"] >= 0].rename(columns={"path": "frame", "sha256": "content"})
    test = split.loc[split["part"] == "test", ["sha256", "path", "label"]]
    trained = split.loc[~split["part"].isin(["test", "unlabelled"]), "sha256"]
    test = test.merge(files[["path", "sequence", "number", "row"]].rename(columns={"row": "own"}), on="path")

    wanted = test.merge(pd.DataFrame({"offset": range(-reach, reach + 1)}), how="cross")
    # Beside a frame without a number there is none.
    wanted["number"] = (wanted["number"] + wanted["offset"]).where(wanted["number"] >= 0, -1)
    found = wanted.merge(numbered[["sequence", "number", "frame", "content", "status", "row"]], how="left")
    found["contents"] = found.groupby(["sha256", "offset"])["content"].transform("nunique")
    found["later"] = found["status"] != "ok"
    found = found.sort_values("later", kind="stable").drop_duplicates(["sha256", "offset"])
    table = wanted.merge(found[["sha256", "offset", "frame", "row", "content", "contents", "status"]])

    centre = table["offset"] == 0
    doubtful = table["sha256"].isin(table.loc[centre & (table["contents"] > 1), "sha256"])
    table["status"] = np.select(
        [
            centre,
            table["content"].isin(trained),
            doubtful | (table["contents"] > 1),
            table["content"].isna(),
            table["status"] != "ok",
        ],
        ["ok", "training", "ambiguous", "missing", "set_aside"],
        "ok",
    )
    table["frame"] = table["frame"].where(~centre, table["path"]).where(table["status"] == "ok", "")
    table["row"] = table["row"].where(~centre, table["own"]).where(table["status"] == "ok", -1).astype(np.intp)
    return table[["sha256", "path", "label", "offset", "frame", "row", "status"]]


def read_votes(path: Path, classes: list[str]) -> pd.DataFrame:
    """Read what predict_votes wrote; a probability that it left empty is NaN."""
    text = dict.fromkeys(("sha256", "path", "label", "frame", "status"), str)
    empty = {f"p_{name}": [""] for name in classes}
    return pd.read_csv(path, dtype=text, keep_default_na=False, na_values=empty)


def votes_for(asked: int | None, sequences: bool) -> int:
    """Over how many frames main.py decides: `asked`. If that is None: `SEQUENCE` if frames are sequences, else 1."""
    if asked is not None:
        return asked
    return SEQUENCE if sequences else 1


def offsets(size: int) -> list[int]:
    """Where the frames of a window lie from the test frame, ascending: it is in the middle, or the one after it."""
    return list(range(-(size // 2), size - size // 2))


def vote(
    table: pd.DataFrame, frames: pd.Index, size: int, classes: list[str], thresholds: dict[str, float]
) -> list[str]:
    """What main.py says of each of `frames` (sha256) after `size` frames, in its arithmetic: a class, or ""."""
    rows = table[table["sha256"].isin(frames) & table["offset"].isin(offsets(size))]
    return list(decide_windows(rows, rows["sha256"], size, classes, thresholds).loc[frames])


def decide_windows(
    frames: pd.DataFrame, windows: pd.Series, size: int, classes: list[str], thresholds: dict[str, float]
) -> pd.Series:
    """What main.py says of each window, in its arithmetic: a class, or "", by what `windows` calls it.

    `frames` has p_<class> in 0..1 and a row a frame, `windows` says of each to which window it belongs. A window has
    `size` frames.
    """
    sums = window_sums(frames, windows, classes)
    # Of sums, not of means: 3 x 0.5 is 1.5, and a third of it may not be 0.5.
    limits: dict[str, float] = {name: int(value * ONE * size + 0.5) for name, value in thresholds.items()}
    return pd.Series(decide(sums, classes, limits, whole=ONE * size), index=sums.index, dtype=object)


def window_sums(frames: pd.DataFrame, windows: pd.Series, classes: list[str]) -> pd.DataFrame:
    """The sums of scores that main.py decides by, whole numbers of 1 / `ONE`: a row a window, a column p_<class>.

    `frames` and `windows` are those of `decide_windows`.
    """
    scores = np.minimum(np.floor(frames[[f"p_{name}" for name in classes]] * ONE + 0.5), ONE)
    return scores.groupby(windows).sum()


def left_out(statuses: pd.DataFrame, size: int) -> dict[str, int]:
    """How many windows are left out for which reason; `statuses` has a row a test frame and a column an offset."""
    window = statuses[offsets(size)]
    counts, rest = {}, pd.Series(True, index=window.index)
    for reason in REASONS:
        hit = rest & (window == reason).any(axis=1)
        counts[reason] = int(hit.sum())
        rest &= ~hit
    return counts


def why_none(statuses: pd.DataFrame, size: int) -> str:
    """Why no test frame has a complete window of `size` frames."""
    reasons = [f"{count} for {REASONS[reason]}" for reason, count in left_out(statuses, size).items() if count]
    return (
        f"No test frame has a complete window of {size} frames; frames count as consecutive only if their numbers are. "
        f"Of {len(statuses)} windows left out: {', '.join(reasons)}."
    )
