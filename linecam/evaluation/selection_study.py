"""Whether choosing frames pays: what a model learns from a strategy's frames, beside as many at random."""

from typing import NamedTuple, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from linecam.intervals import Interval

LEARNERS = {"probe": "linear probe", "finetuned": "finetuned"}
RANDOM = "random"  # the strategy that the others are compared with
DRAWS = 2000  # of the bootstrap


class Learned(NamedTuple):
    """A model of the study, whatever its seed: what learned, from frames that a strategy chose, and how many."""

    learner: str
    strategy: str
    labels: int


class Comparison(TypedDict):
    """A learner's mean balanced accuracy over the seeds between `low` and `high`, and what it gains over random."""

    learner: str
    strategy: str
    labels: int
    value: float
    low: float
    high: float
    gain: Interval


class Summary(TypedDict):
    """What the study found, as summary.json has it."""

    embedded: str  # the backbone whose embeddings frames were chosen by
    seeds: int
    test_frames: int
    confidence: float
    results: list[Comparison]
    verdict: list[str]
    by_chance: str


def probe(vectors: NDArray[np.float32], split: pd.DataFrame) -> NDArray[np.object_]:
    """The class of each test frame, in the split's order, by logistic regression on the training frames' embeddings.

    `vectors` is (frames, D). Each class weighs the same. Where all training frames are of one class, that one is
    predicted. A test frame whose embedding is not finite gets the most frequent class; from such training frames
    nothing is learned.
    """
    train, test = split[split["part"] == "train"], split[split["part"] == "test"]
    predicted = np.full(len(test), train["label"].mode()[0], object)
    known, seen = (np.isfinite(vectors[part["row"].to_numpy()]).all(axis=1) for part in (train, test))
    train = train[known]
    if train["label"].nunique() > 1 and seen.any():
        model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000))
        model.fit(vectors[train["row"].to_numpy()], train["label"])
        predicted[seen] = model.predict(vectors[test.loc[seen, "row"].to_numpy()])
    return predicted


def compare(
    right: dict[Learned, NDArray[np.float64]], truth: NDArray[np.object_], classes: list[str], confidence: float
) -> list[Comparison]:
    """The mean balanced accuracy over the seeds, and its difference to random, each with an interval.

    `right` has 1 for each test frame that was judged right and 0 for the others, (seeds, test frames); `truth` is
    (test frames,). The intervals are percentiles of a bootstrap (Efron, 1979) over the test frames of each class and
    the seeds. A difference is drawn on the same frames for both sides.
    """
    random = np.random.default_rng(0)
    frames = [random.choice(np.flatnonzero(truth == name), (DRAWS, int((truth == name).sum()))) for name in classes]

    def drawn(mine: NDArray[np.float64]) -> NDArray[np.float64]:
        seeds = random.integers(0, len(mine), (DRAWS, len(mine)))
        # By frame, the mean over the drawn seeds, as weights of the seeds: (DRAWS, frames) would not fit for many.
        weights = np.stack([(seeds == seed).mean(axis=1) for seed in range(len(mine))])
        recalls = [
            sum(weights[seed] * mine[seed][places].mean(axis=1) for seed in range(len(mine))) for places in frames
        ]
        return np.asarray(np.mean(recalls, axis=0))

    def mean(mine: NDArray[np.float64]) -> float:
        return float(np.mean([mine[:, truth == name].mean() for name in classes]))

    def interval(value: float, draws: NDArray[np.float64]) -> Interval:
        low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
        return {"value": round(value, 6), "low": round(float(low), 6), "high": round(float(high), 6)}

    results: list[Comparison] = []
    chance = {key: (mean(mine), drawn(mine)) for key, mine in right.items() if key.strategy == RANDOM}
    for key, mine in right.items():
        base, base_drawn = chance[key._replace(strategy=RANDOM)]
        ours = base_drawn if key.strategy == RANDOM else drawn(mine)
        results.append(
            {
                "learner": key.learner,
                "strategy": key.strategy,
                "labels": key.labels,
                **interval(mean(mine), ours),
                "gain": interval(mean(mine) - base, ours - base_drawn),
            }
        )
    return results


def verdict(results: list[Comparison]) -> list[str]:
    """One sentence for each learner and strategy: where it is better than random, worse, or not told apart."""
    sentences = []
    for learner, words in LEARNERS.items():
        for strategy in dict.fromkeys(row["strategy"] for row in results if row["strategy"] != RANDOM):
            mine = [row for row in results if (row["learner"], row["strategy"]) == (learner, strategy)]
            better = [str(row["labels"]) for row in mine if row["gain"]["low"] > 0]
            worse = [str(row["labels"]) for row in mine if row["gain"]["high"] < 0]
            parts = [
                *([f"better than random with {' and '.join(better)} labels"] if better else []),
                *([f"worse than random with {' and '.join(worse)} labels"] if worse else []),
            ]
            rest = len(mine) - len(better) - len(worse)
            if rest:
                parts.append(
                    f"as good as random, as far as these frames tell, {'otherwise' if parts else 'everywhere'}"
                )
            sentences.append(f"{strategy}, {words}: {'; '.join(parts)}.")
    return sentences


def by_chance(results: list[Comparison], confidence: float, same_frames: list[str]) -> str:
    """What the verdicts leave open: how many to expect by chance, and the strategies of one choice of frames.

    `same_frames` are the strategies that have chosen the same frames for every seed.
    """
    compared = sum(row["strategy"] != RANDOM for row in results)
    wrong = compared * (1 - confidence)
    text = f"By chance alone, about {wrong:.1f} of {compared} differences would be called better or worse."
    if same_frames:
        text += (
            f" With every seed, {' and '.join(same_frames)} chose the same frames. No interval says how lucky this one "
            "choice was. With other embeddings it would be another choice."
        )
    return text
