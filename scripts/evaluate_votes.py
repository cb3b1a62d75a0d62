"""Evaluate the chosen model as main.py decides: over some frames in a row, against each test frame by itself."""

from pathlib import Path

import pandas as pd

from linecam.evaluation.candidates import Candidate, Choice
from linecam.evaluation.metrics import constant_score, paired, score
from linecam.evaluation.votes import left_out, offsets, read_votes, vote, votes_for, why_none
from linecam.files import read_json, write_json
from linecam.frames.index import read_frames, read_pixels
from linecam.frames.sequences import are_sequences
from linecam.workflow.job import job


def evaluate_votes(
    choice_path: Path,
    candidates: list[Candidate],
    votes_path: Path,
    index: Path,
    pixels: Path,
    metrics: Path,
    *,
    classes: list[str],
    sizes: list[int],
    votes: int | None,
    confidence: float,
) -> None:
    """Write the figures of a vote over each of `sizes` frames (1 among them), and counts paired with a single frame.

    The chosen one's thresholds are those that main.py decides by (see set_thresholds.py).
    `votes_path` is what predict_votes wrote. `votes` is bundle.votes, and the result's `votes` is the number that it
    stands for (see `votes_for`). The frames of `index` and their `pixels` say whether frames are `sequences` (see
    `are_sequences`). All figures are of the same test frames, those whose window of the largest size is complete. No
    figures are given for sizes that have no complete window. `frames` counts these test frames. Where it is 0, `why`
    says why; else it is null. `constant` has the figures of the answer that never looks, on the same frames; it is null
    where there is none. Intervals are Wilson's (1927), at `confidence`.
    """
    table, choice = read_votes(votes_path, classes), Choice.read(choice_path)
    chosen = choice.among(candidates)
    thresholds = read_json(chosen.thresholds)["thresholds"]
    says = read_json(chosen.metrics)["constant"]["says"]
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
    sequences = are_sequences(read_frames(index, ["status", "sequence", "number"]), read_pixels(pixels))
    write_json(
        metrics,
        {
            "model": str(choice.model),
            "range": choice.range,
            "votes": votes_for(votes, sequences),
            "sequences": sequences,
            "thresholds": thresholds,
            "test_frames": len(tested),
            "frames": len(labels),
            "why": None if largest else why_none(statuses, min(size for size in sizes if size > 1)),
            "constant": constant_score(labels.to_frame(), says, classes, confidence) if largest else None,
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


if __name__ == "__main__":
    with job(snakemake):
        evaluate_votes(
            Path(snakemake.input.choice),
            [Candidate.from_param(candidate) for candidate in snakemake.params.candidates],
            Path(snakemake.input.votes),
            Path(snakemake.input.frames),
            Path(snakemake.input.pixels),
            Path(snakemake.output.metrics),
            classes=snakemake.params.classes,
            sizes=snakemake.params.sizes,
            votes=snakemake.params.votes,
            confidence=snakemake.params.confidence,
        )
