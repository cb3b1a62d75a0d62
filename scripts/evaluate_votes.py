"""Evaluate the chosen model as main.py decides: over some frames in a row, against each test frame by itself."""

from pathlib import Path

import numpy as np
import pandas as pd

from linecam.errors import reported
from linecam.evaluation.candidates import Candidate, Choice
from linecam.evaluation.metrics import paired, score
from linecam.evaluation.predictions import decide
from linecam.files import read_json, write_json

ONE = 65536  # main.py counts scores in whole numbers of 1/65536
# Why a window is left out, in this order where there are several reasons.
REASONS = {
    "training": "a training frame",
    "set_aside": "a duplicate or quarantined frame",
    "ambiguous": "a number that several frames have",
    "missing": "a frame that isn't there",
}


def evaluate_votes(
    choice_path: Path,
    candidates: list[Candidate],
    votes_path: Path,
    metrics: Path,
    *,
    classes: list[str],
    sizes: list[int],
    votes: int,
    confidence: float,
) -> None:
    """Write the figures of a vote over each of `sizes` frames (1 among them), and counts paired with a single frame.

    The chosen one's thresholds are those that main.py decides by (see set_thresholds.py).
    `votes_path` is what predict_votes wrote, `votes` is bundle.votes. All figures are of the same test frames, those
    whose window of the largest size is complete; of sizes that have no complete window, none is given. `frames` counts
    these test frames. Where it is 0, `why` says why; else it is null. Intervals are Wilson's (1927), at `confidence`.
    """
    table, choice = read_votes(votes_path, classes), Choice.read(choice_path)
    thresholds = read_json(choice.among(candidates).thresholds)["thresholds"]
    tested = table[table["offset"] == 0].set_index("sha256")["label"]
    statuses = table.pivot(index="sha256", columns="offset", values="status").loc[tested.index]
    complete = {size: (statuses[offsets(size)] == "ok").all(axis=1) for size in sizes}
    largest = max((size for size in sizes if size > 1 and complete[size].any()), default=None)
    labels = tested[complete[largest]] if largest else tested.head(0)
    judged = {
        size: pd.DataFrame({"label": labels, "predicted": vote(table, labels.index, size, classes, thresholds)})
        for size in sizes
        if largest and size <= largest
    }
    write_json(
        metrics,
        {
            "model": str(choice.model),
            "range": choice.range,
            "votes": votes,
            "thresholds": thresholds,
            "test_frames": len(tested),
            "frames": len(labels),
            "why": None if largest else why(statuses, min(size for size in sizes if size > 1)),
            "sizes": [
                {
                    "votes": size,
                    "windows": int(complete[size].sum()),
                    "left_out": left_out(statuses, size),
                    "test": score(judged[size], classes, confidence) if size in judged else None,
                    "paired": (
                        paired(labels, judged[size]["predicted"], judged[1]["predicted"], ("vote", "single"))
                        if size in judged
                        else None
                    ),
                }
                for size in sizes
            ],
        },
    )


def read_votes(path: Path, classes: list[str]) -> pd.DataFrame:
    """Read what predict_votes wrote; a probability that it left empty is NaN."""
    text = dict.fromkeys(("sha256", "path", "label", "frame", "status"), str)
    empty = {f"p_{name}": [""] for name in classes}
    return pd.read_csv(path, dtype=text, keep_default_na=False, na_values=empty)


def offsets(size: int) -> list[int]:
    """Where the frames of a window lie from the test frame, ascending: it is in the middle, or the one after it."""
    return list(range(-(size // 2), size - size // 2))


def vote(
    table: pd.DataFrame, frames: pd.Index, size: int, classes: list[str], thresholds: dict[str, float]
) -> list[str]:
    """What main.py says of each of `frames` (sha256) after `size` frames, in its arithmetic: a class, or ""."""
    columns = [f"p_{name}" for name in classes]
    rows = table[table["sha256"].isin(frames) & table["offset"].isin(offsets(size))]
    scores = np.minimum(np.floor(rows[columns] * ONE + 0.5), ONE)
    sums = scores.groupby(rows["sha256"]).sum().loc[frames]
    # Of sums, not of means: 3 x 0.5 is 1.5, and a third of it may not be 0.5.
    limits: dict[str, float] = {name: int(value * ONE * size + 0.5) for name, value in thresholds.items()}
    return decide(sums, classes, limits)


def left_out(statuses: pd.DataFrame, size: int) -> dict[str, int]:
    """How many windows are left out for which reason; `statuses` has a row a test frame and a column an offset."""
    window = statuses[offsets(size)]
    counts, rest = {}, pd.Series(True, index=window.index)
    for reason in REASONS:
        hit = rest & (window == reason).any(axis=1)
        counts[reason] = int(hit.sum())
        rest &= ~hit
    return counts


def why(statuses: pd.DataFrame, size: int) -> str:
    """Why no test frame has a complete window of `size` frames."""
    told = [f"{count} for {REASONS[reason]}" for reason, count in left_out(statuses, size).items() if count]
    return (
        f"No test frame has a complete window of {size} frames; frames count as consecutive only if their numbers are. "
        f"Of {len(statuses)} windows left out: {', '.join(told)}."
    )


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        evaluate_votes(
            Path(snakemake.input.choice),
            [Candidate.from_param(candidate) for candidate in snakemake.params.candidates],
            Path(snakemake.input.votes),
            Path(snakemake.output.metrics),
            classes=snakemake.params.classes,
            sizes=snakemake.params.sizes,
            votes=snakemake.params.votes,
            confidence=snakemake.params.confidence,
        )
