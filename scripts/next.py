"""Choose the next frames to label by what the model is unsure of, and find labels that are likely wrong."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from linecam.errors import UserError, reported
from linecam.evaluation.predictions import read_predictions
from linecam.files import atomic_write, read_json
from linecam.frames.index import read_frames, read_pixels, read_split
from linecam.frames.near_duplicates import gaps
from linecam.labels.store import UNSURE, read_rows
from linecam.networks.architectures import parse
from linecam.networks.models import Classifier, load_weights, probabilities
from linecam.networks.torch_setup import prepare_torch

# Of the least sure frames so many times the batch are looked at; the batch is to be spread over them.
CANDIDATES = 10


def margin(p: NDArray[np.floating]) -> NDArray[np.floating]:
    """How near the two likeliest classes are, (N,) in 0..1, of (N, classes) probabilities (Scheffer et al., 2001)."""
    best = np.sort(p, axis=1)
    return 1 - (best[:, -1] - best[:, -2])


def entropy(p: NDArray[np.floating]) -> NDArray[np.floating]:
    """The entropy, (N,), of (N, classes) probabilities, over the highest there is (Settles, 2009)."""
    return -(p * np.log(np.clip(p, 1e-12, 1))).sum(axis=1) / np.log(p.shape[1])


UNCERTAINTY: dict[str, Callable[[NDArray[np.floating]], NDArray[np.floating]]] = {"margin": margin, "entropy": entropy}


def choose_next(
    choice_path: Path,
    weights: dict[str, Path],
    held_out: dict[str, Path],
    pixels: dict[int, Path],
    index: Path,
    test: Path,
    splits: dict[str, Path],
    embeddings: Path,
    labels: Path | None,
    batch: Path,
    suspects: Path,
    *,
    strategy: str,
    count: int,
    gap: int,
    classes: list[str],
    seed: int,
    threads: int,
) -> None:
    """Write the next `count` frames to label to `batch`, and labels to look at again to `suspects`.

    `weights` and `held_out` (held_out.csv) are by the models' names, of which choice.json names one; `pixels` by input
    size, `splits` by selection. `batch` has (sha256, path, reason, predicted, p): never a frame that somebody has
    judged, one for training, by any selection, or for the test, nor one within `gap` frames of a test frame, which
    would not be trained on. `suspects` has (sha256, path, label, predicted, p, reason), the most doubtful label first.
    Raises `UserError` where no frame is left to label.
    """
    model_name = read_json(choice_path)["model"]
    network, selection = model_name.split("/")[0].rpartition("-")[0], model_name.split("/")[1]
    frames = read_frames(index, ["path", "sha256", "sequence", "number", "status"])
    rows = read_rows(labels, classes) if labels else []
    tested = frames["sha256"].isin(pd.read_csv(test)["sha256"])
    trained = {name: trained_on(path) for name, path in splits.items()}
    free = frames[~tested & (gaps(frames, frames[tested]) > gap)]
    pool = free[~free["sha256"].isin({row["sha256"] for row in rows}.union(*trained.values()))]
    if pool.empty:
        near = f", or within select.gap = {gap} frames of one" if gap else ""
        raise UserError(
            f"All {len(frames)} usable frames are labelled, or are test frames{near}: there is none to label next."
        )
    device = prepare_torch(threads)
    model = Classifier(network, len(classes))
    load_weights(weights[model_name], model)
    p = probabilities(model.eval(), read_pixels(pixels[parse(network)[1]]), pool.index.to_numpy(), device)
    picks, stands_for = spread(np.load(embeddings, mmap_mode="r")[pool.index], UNCERTAINTY[strategy](p), count, seed)
    chosen = pool.iloc[picks][["sha256", "path"]]
    chosen["reason"] = [why(p[n], classes, number) for n, number in zip(picks, stands_for, strict=True)]
    chosen["predicted"] = [classes[p[n].argmax()] for n in picks]
    chosen["p"] = [f"{p[n].max():.4f}" for n in picks]
    with atomic_write(batch) as temporary:
        chosen.to_csv(temporary, index=False)
    doubtful = doubt(read_predictions(held_out[model_name]), classes)
    with atomic_write(suspects) as temporary:
        doubtful.to_csv(temporary, index=False)
    logging.info("%d frames to label next: %s. snakemake label shows them", len(chosen), batch)
    if selection == "given":
        logging.info("once they are labelled, copy them into train/, each into its class, and run snakemake again")
    else:  # whoever asks for fewer leaves labels out
        labelled = {row["sha256"] for row in rows if row["label"] != UNSURE} | trained[selection]
        number = int(free["sha256"].isin(labelled).sum()) + len(chosen)
        logging.info("once they are labelled, set select.train to %d, and run snakemake again", number)
    logging.info("%d of %d labels look doubtful: %s", len(doubtful), len(trained[selection]), suspects)


def trained_on(split: Path) -> set[str]:
    """The sha256 of the training frames of a split."""
    table = read_split(split)
    return set(table.loc[table["part"] == "train", "sha256"])


def spread(
    vectors: NDArray[np.float32], uncertainty: NDArray[np.floating], count: int, seed: int
) -> tuple[list[int], list[int]]:
    """Positions of `count` uncertain frames that differ, the least sure first, and how many frames each stands for.

    Of the `CANDIDATES` times `count` least sure frames, clustered by k-means with their uncertainty as weights, the one
    nearest to the middle of each cluster (Zhdanov, Diverse mini-batch Active Learning, 2019). `vectors` is (N, D) and
    `uncertainty` (N,), 0..1. Frames without a finite embedding are left out where there are others enough.
    """
    order = np.argsort(-uncertainty, kind="stable")
    finite = np.isfinite(vectors[order]).all(axis=1)
    first, rest = order[finite][: CANDIDATES * count], order[~finite]
    if len(first) <= count:
        picks = [*first.tolist(), *rest.tolist()][:count]
        return picks, [1] * len(picks)
    with threadpool_limits(1):  # by several it comes out otherwise
        found = KMeans(count, n_init=1, random_state=seed).fit(vectors[first], sample_weight=uncertainty[first] + 1e-6)
    distances = np.linalg.norm(vectors[first] - found.cluster_centers_[found.labels_], axis=1)
    nearest: dict[int, int] = {}
    for n in np.argsort(distances, kind="stable").tolist():
        nearest.setdefault(int(found.labels_[n]), n)
    sizes = np.bincount(found.labels_, minlength=count)
    members = sorted(nearest.items(), key=lambda item: item[1])
    picks, numbers = [int(first[n]) for _, n in members], [int(sizes[cluster]) for cluster, _ in members]
    # Equal frames leave clusters empty.
    more = [int(n) for n in first if int(n) not in set(picks)][: count - len(picks)]
    return picks + more, numbers + [1] * len(more)


def why(p: NDArray[np.floating], classes: list[str], number: int) -> str:
    """A frame's reason in words: what the model wavers between, and how many unsure frames it stands for."""
    first, second = np.argsort(-p, kind="stable")[:2]
    said = f"{classes[first]} {p[first]:.0%} or {classes[second]} {p[second]:.0%}"
    return said if number == 1 else f"{said}; stands for {number} such frames"


def doubt(held_out: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """The labels that are likely wrong, the most doubtful first (confident learning; Northcutt et al., JAIR 2021).

    A label is doubtful where a model that was trained without the frame is as sure of another class as it is, on
    average, of frames that are labelled so. `held_out` has sha256, path, label, and p_<class> for each class.
    """
    p = held_out[[f"p_{name}" for name in classes]].to_numpy()
    labels = np.array([classes.index(name) for name in held_out["label"]], dtype=np.intp)
    usual = np.array([p[labels == n, n].mean() if (labels == n).any() else np.inf for n in range(len(classes))])
    confident = np.where(p >= usual, p, -1.0)
    other = confident.argmax(axis=1)
    doubtful = np.flatnonzero((confident.max(axis=1) >= 0) & (other != labels))
    gaps = p[doubtful, labels[doubtful]] - p[doubtful, other[doubtful]]
    rows = doubtful[np.argsort(gaps, kind="stable")]
    table = held_out.iloc[rows][["sha256", "path", "label"]].reset_index(drop=True)
    table["predicted"] = [classes[n] for n in other[rows]]
    table["p"] = [f"{p[row, other[row]]:.4f}" for row in rows]
    table["reason"] = [why_doubtful(p[row], usual, classes, int(labels[row]), int(other[row])) for row in rows]
    return table


def why_doubtful(
    p: NDArray[np.floating], usual: NDArray[np.floating], classes: list[str], label: int, other: int
) -> str:
    """A doubt in words; what is `usual` is told where the model says a third class first."""
    so = f", which is much for it: of frames labelled so it is {usual[other]:.0%}" if p.argmax() != other else ""
    return f"a model trained without it says {classes[other]} {p[other]:.0%}{so}, and {classes[label]} {p[label]:.0%}"


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        choose_next(
            Path(snakemake.input.choice),
            dict(zip(snakemake.params.models, map(Path, snakemake.input.weights), strict=True)),
            dict(zip(snakemake.params.models, map(Path, snakemake.input.held_out), strict=True)),
            {int(size): Path(path) for size, path in zip(snakemake.params.sizes, snakemake.input.pixels, strict=True)},
            Path(snakemake.input.frames),
            Path(snakemake.input.test),
            dict(zip(snakemake.params.selections, map(Path, snakemake.input.splits), strict=True)),
            Path(snakemake.input.embeddings),
            Path(snakemake.input.labels) if snakemake.input.get("labels") else None,
            Path(snakemake.output.batch),
            Path(snakemake.output.suspects),
            strategy=snakemake.params.strategy,
            count=snakemake.params.number,
            gap=snakemake.params.gap,
            classes=snakemake.params.classes,
            seed=snakemake.params.seed,
            threads=snakemake.threads,
        )
