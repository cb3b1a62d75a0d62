"""How far people agree who have labelled the same frames, beyond what chance would bring: Cohen's kappa."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linecam.intervals import Ratio, known, ratio
from linecam.labels.store import DECISION, UNSURE, Row

DRAWS = 10_000


@dataclass(frozen=True)
class Pair:
    """Two people, and the frames that both are sure of."""

    people: tuple[str, str]
    frames: int
    unsure: int  # frames that both have judged, and one is unsure of: not counted above
    agreed: Ratio  # how often they have given the same label
    kappa: float | None  # -1 to 1; None where both used one and the same label throughout
    interval: tuple[float, float] | None  # of kappa; None where they never disagree, or always: no bootstrap varies
    confusion: NDArray[np.int64]  # (classes, classes): rows as the first says, columns as the second


def agreement(rows: Iterable[Row], classes: Sequence[str], confidence: float = 0.95) -> list[Pair]:
    """Every two people that have frames in common; rows by `DECISION` are no person's.

    Kappa's interval is the percentiles of a bootstrap over the frames, from a fixed seed.
    """
    labels = [row for row in rows if row["by"] != DECISION]
    if not labels:
        return []
    table = pd.DataFrame(labels).pivot(index="sha256", columns="by", values="label")
    pairs = []
    for first, second in combinations(sorted(table.columns), 2):
        common = table[[first, second]].dropna()
        sure = common[(common != UNSURE).all(axis=1)]
        if len(common):
            one, other = (sure[name].map(classes.index).to_numpy(dtype=np.int64) for name in (first, second))
            matrix = np.zeros((len(classes), len(classes)), dtype=np.int64)
            np.add.at(matrix, (one, other), 1)
            agreed = ratio(int(matrix.trace()), len(sure), confidence)
            value = float(kappas(matrix)) if len(sure) else np.nan
            kappa = None if np.isnan(value) else value
            interval = _interval(matrix, confidence) if kappa is not None and len(sure) > matrix.trace() > 0 else None
            pairs.append(Pair((first, second), len(sure), len(common) - len(sure), agreed, kappa, interval, matrix))
    return pairs


def differing(rows: Iterable[Row]) -> list[list[Row]]:
    """The rows of each frame that people have different labels for, decided or not, in the rows' order."""
    frames: dict[str, list[Row]] = {}
    for row in rows:
        frames.setdefault(row["sha256"], []).append(row)
    people = (
        {row["label"] for row in about if row["by"] != DECISION and row["label"] != UNSURE} for about in frames.values()
    )
    return [about for about, labels in zip(frames.values(), people, strict=True) if len(labels) > 1]


def describe(rows: Sequence[Row], classes: Sequence[str], labels: Path) -> str:
    """How far the people agree who have `rows` in the file `labels`, and every frame they differ on, for a reader."""
    pairs = agreement(rows, classes)
    people = sorted({row["by"] for row in rows if row["by"] != DECISION})
    if not pairs:
        who = ", ".join(map(_name, people)) or "nobody"
        return f"No two people have labelled the same frame in {labels}; labels are by: {who}."
    lines = []
    for pair in pairs:
        first, second = map(_name, pair.people)
        unsure = f", and {pair.unsure} that one of them is unsure of" if pair.unsure else ""
        lines.append(f"{first} and {second}: {pair.frames} frames in common{unsure}")
        if pair.frames:
            same, of = pair.agreed["of"]
            shares = known(pair.agreed)
            low, high = 100 * shares["low"], 100 * shares["high"]
            lines += [
                f"  agreed on {same} of {of}: {100 * same / of:.1f} % (95 %: {low:.1f} to {high:.1f})",
                _kappa_line(pair),
            ]
            width = max(len(name) for name in [*classes, first]) + 2
            lines.append(f"  {first:<{width}}{second}: " + "  ".join(classes))
            for name, counts in zip(classes, pair.confusion, strict=True):
                cells = "  ".join(f"{count:>{len(other)}}" for count, other in zip(counts, classes, strict=True))
                lines.append(f"  {name:<{width}}{'':{len(second) + 2}}{cells}")
        lines.append("")
    frames = differing(rows)
    lines.append(f"Frames that people differ on: {len(frames)}")
    for about in frames:
        labels_given = ", ".join(f"{row['label']!r} by {_name(row['by'])}" for row in about)
        lines.append(f"  - {about[0]['path'] or about[0]['sha256'][:12]}: {labels_given}")
    return "\n".join(lines)


def _kappa_line(pair: Pair) -> str:
    """Kappa in a line."""
    if pair.kappa is None:
        return "  Cohen's kappa: not defined, since both gave every frame the same label"
    if pair.interval is None:
        return (
            f"  Cohen's kappa: {pair.kappa:.3f} (no interval: they {'never' if pair.kappa > 0 else 'always'} disagree)"
        )
    return f"  Cohen's kappa: {pair.kappa:.3f} (95 %, bootstrap: {pair.interval[0]:.3f} to {pair.interval[1]:.3f})"


def _name(name: str) -> str:
    return name or "nobody named"


def kappas(matrices: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cohen's kappa, (...), of confusion matrices, (..., classes, classes); NaN where chance alone brings agreement."""
    # scikit-learn has it for one pair of label lists, which a bootstrap of 10,000 draws would take 20 s with.
    shares = matrices / np.maximum(matrices.sum(axis=(-2, -1), keepdims=True), 1)
    seen = np.trace(shares, axis1=-2, axis2=-1)
    by_chance = (shares.sum(axis=-1) * shares.sum(axis=-2)).sum(axis=-1)
    possible = 1 - by_chance
    found: NDArray[np.float64] = np.full(seen.shape, np.nan)
    np.divide(seen - by_chance, possible, out=found, where=possible > 1e-12)
    return found


def _interval(matrix: NDArray[np.int64], confidence: float) -> tuple[float, float]:
    """Percentiles of kappa over draws of as many frames, with replacement: each draw is a confusion matrix."""
    frames = int(matrix.sum())
    draws = np.random.default_rng(1).multinomial(frames, matrix.ravel() / frames, size=DRAWS)
    low, high = np.nanquantile(kappas(draws.reshape(-1, *matrix.shape)), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
