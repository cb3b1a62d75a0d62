"""What is usual on the line, by the test frames, and the charts by which the camera notices that it no longer is.

linecam/evaluation/cusum.py says what a chart is, openmv/line_drift.py runs them, docs/drift.md explains both.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linecam.evaluation.cusum import SURE, design, table, upper_bound
from linecam.evaluation.votes import decide_windows, offsets, window_sums
from linecam.percent import percent

SIDE = 8  # the brightness of a frame is that of so many points squared, as in line_drift.py
LOW_MARGIN, DARK = 0.1, 0.05  # which share of the test frames has a low margin, is dark, is bright
LEARN = 2000  # decisions that say what is usual where the test frames can't
FEWEST = 100  # test frames that say it


def brightness(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The sum of the green, 0..63, of `SIDE` x `SIDE` points of each frame, (N,); `pixels` are (N, size, size, 3)."""
    size = pixels.shape[1]
    at = (2 * np.arange(SIDE) + 1) * size // (2 * SIDE)
    found: NDArray[np.int64] = (pixels[:, at[:, None], at, 1] >> 2).sum(axis=(1, 2), dtype=np.int64)
    return found


def windows_of(votes: pd.DataFrame, size: int) -> pd.DataFrame:
    """Of a table of votes (`read_votes`) the rows of the test frames that have a whole window of `size` frames."""
    rows = votes[votes["offset"].isin(offsets(size))]
    return rows[(rows["status"] == "ok").groupby(rows["sha256"]).transform("all")]


def low_and_high(values: NDArray[np.int64], share: float) -> tuple[int, int]:
    """The values that a `share` of all, 0..1, is below, and above, or as near to it as equal values let it be."""
    ordered, place = np.sort(values), int(share * len(values))
    return int(ordered[place]), int(ordered[-1 - place])


def drift_settings(
    frames: pd.DataFrame,
    windows: pd.Series,
    light: NDArray[np.int64],
    classes: list[str],
    thresholds: dict[str, float],
    *,
    votes: int,
    false_alarm: int,
    every: int,
    learn: int,
) -> dict[str, Any]:
    """What line_drift reads of settings.json, as JSON values.

    `frames` has p_<class>, 0..1, a row a frame; `windows` says to which window each belongs, of `votes` frames; `light`
    is the brightness of the test frames. `false_alarm`, `every` and `learn` are settings of line.drift. All charts
    together have a false alarm in `false_alarm` decisions that count, at the most: each has its share.
    """
    decided = decide_windows(frames, windows, votes, classes, thresholds)
    sums = window_sums(frames, windows, classes).loc[decided.index]
    ordered = np.sort(sums.to_numpy(np.int64), axis=1)
    margins = ordered[:, -1] - ordered[:, -2]
    low = -(-low_and_high(margins, LOW_MARGIN)[0] // votes)
    dark, bright = low_and_high(light, DARK)
    count, total = len(classes), len(decided)
    # As in `true` of line_drift.py: [place, how many, of how many].
    known = [[place, int((decided == name).sum()), total] for place, name in enumerate(classes)]
    known += [[count, int((margins < low * votes).sum()), total]]
    known += [[count + 1, int((light < dark).sum()), len(light)], [count + 2, int((light > bright).sum()), len(light)]]
    words = [*classes, "low margins", "dark frames", "bright frames"]
    wanted = [(place, flips) for place, _, _ in known for flips in ((0, 1) if place < count else (0,))]
    charts = []
    for place, flips in wanted:
        _, hits, of = known[place]
        chart = design(upper_bound(of - hits if flips else hits, of), false_alarm * len(wanted))
        if learn or chart:
            said = f"{words[place]}: {'fewer' if flips else 'more'}"
            charts.append([place, flips, said, round(10000 * hits / of), chart.steps if chart else [0, 0, 0]])
    return {
        "every": every,
        "low": low,
        "light": [dark, bright],
        "learn": learn,
        "charts": charts,
        **({"steps": table(learn, false_alarm * len(wanted))} if learn else {}),
    }


def about(settings: dict[str, Any], total: int) -> str:
    """What the log says of the charts."""
    source = f"learnt from {settings['learn']:,} decisions on the line" if settings["learn"] else f"{total} test frames"
    return (
        f"{len(settings['charts'])} charts; what is usual is {source}. Each share is taken at the end of its interval "
        f"with {percent(SURE, 0)} confidence"
    )
