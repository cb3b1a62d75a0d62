"""Select the frames to label for training: by a strategy on their embeddings, or those that the folders give."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from linecam.files import atomic_write
from linecam.frames.index import read_frames
from linecam.frames.kept import is_kept
from linecam.labels.store import labelled
from linecam.selection.pool import check_enough, check_given, pool_of
from linecam.selection.strategies import STRATEGIES
from linecam.workflow.job import job


def select_train(
    index: Path,
    test: Path,
    embeddings: Path | None,
    labels: Path | None,
    train: Path,
    *,
    strategy: str,
    count: int,
    gap: int = 0,
    seed: int,
    classes: list[str],
    setting: str = "select.train",
) -> None:
    """Write the training frames to `train` (sha256, path) in the order of their picking; never a test frame, nor one
    within `gap` frames of one in its sequence.

    Labels are not wasted: labelled frames are picked first and the strategy adds to them (`pick`). A frame that a
    camera kept because it is hard is picked once it is labelled: a strategy sees the line without those. Raises
    `UserError` where there are fewer frames than asked for, by `setting`.
    """
    frames = read_frames(index, ["path", "sha256", "sequence", "number", "part", "kept", "status"])
    tested = pd.read_csv(test)["sha256"]
    if strategy == "given":
        picked = check_given(frames, tested)
    else:
        known = labelled(labels, classes) if labels else set()
        pool = pool_of(frames[~is_kept(frames) | frames["sha256"].isin(known)], tested, gap)
        check_enough(count, len(pool), len(frames), gap=gap, setting=setting)
        vectors = np.load(embeddings, mmap_mode="r")[pool.index] if embeddings else np.zeros((len(pool), 1), np.float32)
        digests = list(pool["sha256"])
        picks = pick(
            strategy, vectors, digests, count, [n for n, digest in enumerate(digests) if digest in known], seed
        )
        picked = pool.iloc[picks]
    logging.info("%d training frames, by %s", len(picked), strategy)
    with atomic_write(train) as temporary:
        picked[["sha256", "path"]].to_csv(temporary, index=False)


def pick(
    strategy: str, vectors: np.ndarray, digests: list[str], count: int, labelled: list[int], seed: int
) -> list[int]:
    """`count` positions, using `labelled` ones before any that would have to be labelled.

    The strategy's own picks stand where they hold all labelled frames, or nothing else: so labelling what was asked
    for, in any order, changes nothing. Otherwise, when frames or the strategy have changed since, it adds to the
    labelled frames, or chooses among them; what it adds may then change with each frame that is labelled.
    """
    choose = STRATEGIES[strategy]
    picks = choose(vectors, digests, count, [], seed)
    if set(labelled) <= set(picks) or set(picks) <= set(labelled):
        return picks
    logging.info(
        "labelled frames come before the strategy's own: of its %d picks %d are labelled, of others %d are",
        len(picks),
        len(set(picks) & set(labelled)),
        len(set(labelled) - set(picks)),
    )
    if len(labelled) < count:
        return choose(vectors, digests, count, labelled, seed)
    among = choose(vectors[labelled], [digests[n] for n in labelled], count, [], seed)
    return [labelled[n] for n in among]


if __name__ == "__main__":
    with job(snakemake):
        select_train(
            Path(snakemake.input.frames),
            Path(snakemake.input.test),
            Path(snakemake.input.embeddings) if snakemake.input.get("embeddings") else None,
            Path(snakemake.input.labels) if snakemake.input.get("labels") else None,
            Path(snakemake.output.train),
            strategy=snakemake.params.strategy,
            count=snakemake.params.number,
            gap=snakemake.params.gap,
            seed=snakemake.params.seed,
            classes=snakemake.params.classes,
            setting=snakemake.params.setting,
        )
