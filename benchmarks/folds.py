"""Whether folds of labelled frames say what the test says, where the labelled frames were chosen.

On each set of real frames, and for each strategy, labels are chosen by frozen features of ImageNet. A logistic
regression on these features is trained on them, and asked for a random test. Its five folds say what the test should
say: unweighed, with linecam's weights (linecam/selection/line_shares.py), and by a random fifth of the labels alone. No
network is trained. Other weights are measured beside linecam's.

`python benchmarks/folds.py --features FOLDER` reads FOLDER/<set>-feat.npy, (frames, D) float32, and FOLDER/<set>.npz
with `y`, the frames' classes from 0 on. `--frames FRAMES` first writes those of the sets of benchmarks/lines.py that
are missing there. It puts its tables into docs/selection-measured.md. On one core four sets take about 5 minutes.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # run as a file, from anywhere

from benchmarks.sides import put  # noqa: E402
from linecam.evaluation.thresholds import operating_point  # noqa: E402
from linecam.evaluation.weighing import effective_size, weighted_ratio  # noqa: E402
from linecam.intervals import known, mean  # noqa: E402
from linecam.percent import percent  # noqa: E402
from linecam.selection.herding import directions  # noqa: E402
from linecam.selection.line_shares import capped, line_shares  # noqa: E402
from linecam.selection.strategies import STRATEGIES  # noqa: E402

FOLDS = 5
CONFIDENCE = 0.95
WANTED = 0.9  # the recall that thresholds are set for: 16 labels promise it
Weighing = Callable[[NDArray[np.float32], NDArray[np.intp], NDArray[np.intp]], NDArray[np.float64]]


def mean_matching(
    vectors: NDArray[np.float32], line: NDArray[np.intp], labelled: NDArray[np.intp]
) -> NDArray[np.float64]:
    """The weights by which the labelled frames' mean in a kernel's space is that of the line, as near as may be.

    Kernel mean matching (Huang et al., NeurIPS 2006), with a Gaussian kernel as wide as the median distance, by
    accelerated projected descent.
    """
    points, all_points = directions(vectors[labelled]), directions(vectors[line])
    squared = np.maximum(2 - 2 * all_points @ points.T, 0)
    width = float(np.median(squared))
    kernel = np.exp(-np.maximum(2 - 2 * points @ points.T, 0) / width).astype(np.float64)
    wanted = np.exp(-squared / width).mean(axis=0) * len(points)
    weights = ahead = np.ones(len(points))
    step, pace = 1 / np.linalg.eigvalsh(kernel)[-1], 1.0
    for _ in range(3000):
        moved = np.clip(ahead - step * (kernel @ ahead - wanted), 0, 10)
        faster = (1 + (1 + 4 * pace * pace) ** 0.5) / 2
        ahead = moved + (pace - 1) / faster * (moved - weights)
        weights, pace = moved, faster
    return capped(np.maximum(weights, 1e-6))


def nearest(count: int) -> Weighing:
    """linecam's weights by so many neighbours."""
    return lambda vectors, line, labelled: line_shares(vectors, line, labelled, count)


OURS = "linecam"
WEIGHINGS: dict[str, Weighing] = {
    "none": lambda vectors, line, labelled: np.ones(len(labelled)),
    OURS: line_shares,
    "1 neighbour (Voronoi)": nearest(1),
    "5 neighbours": nearest(5),
    "10 neighbours": nearest(10),
    "20 neighbours": nearest(20),
    "kernel mean matching": mean_matching,
}


def learner() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300, class_weight="balanced"))


def run(
    features: NDArray[np.float32], y: NDArray[np.intp], strategy: str, count: int, seed: int
) -> Iterator[dict[str, object]]:
    """A row for each weighing of `count` labels: what folds and test say."""
    order = np.random.default_rng([seed, 7]).permutation(len(y))
    test, line = np.split(order, [min(500, len(y) // 2)])
    line = np.sort(line)
    digests = [f"{seed}-{n}" for n in line]
    vectors = directions(features)
    among = np.ascontiguousarray(vectors[line])
    part = STRATEGIES["random"](among, digests, count // FOLDS, [], seed)
    for kind, initial in (("all", []), ("random fifth", part)):
        labelled = line[STRATEGIES[strategy](among, digests, count, initial, seed)]
        if np.bincount(y[labelled], minlength=y.max() + 1).min() < 2:
            continue
        held, tested = judged(features, y, labelled, test, seed)
        true = figures(tested, y[test], np.ones(len(test)))
        same = {"strategy": strategy, "labels": count, "seed": seed}
        for name, weighing in WEIGHINGS.items() if kind == "all" else [(kind, None)]:
            used = np.arange(count) if weighing else np.arange(len(part))
            weights = weighing(vectors, line, labelled) if weighing else np.ones(len(used))
            said = figures(held[used], y[labelled[used]], weights)
            row = same | {"weights": name, "labels say as much as": effective_size(weights)}
            for figure in ("accuracy", "balanced accuracy"):
                row[figure] = said[figure]["value"] - true[figure]["value"]
                row[f"{figure}, held"] = said[figure]["low"] <= true[figure]["value"] <= said[figure]["high"]
                row[f"{figure}, test"] = true[figure]["value"]
            yield row | recalls(held[used], y[labelled[used]], weights, tested, y[test])


def judged(
    features: NDArray[np.float32], y: NDArray[np.intp], labelled: NDArray[np.intp], test: NDArray[np.intp], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The probabilities of the labelled frames, each by the model of the other folds, and of the test frames."""
    held = np.zeros((len(labelled), y.max() + 1))
    for others, fold in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(labelled, y[labelled]):
        model = learner().fit(features[labelled[others]], y[labelled[others]])
        held[np.ix_(fold, model.classes_)] = model.predict_proba(features[labelled[fold]])
    return held, learner().fit(features[labelled], y[labelled]).predict_proba(features[test])


def figures(p: NDArray[np.float64], y: NDArray[np.intp], weights: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    """Accuracy and balanced accuracy, with intervals."""
    right = p.argmax(axis=1) == y
    of = [weighted_ratio(right[y == number], weights[y == number], CONFIDENCE) for number in np.unique(y)]
    return {"accuracy": dict(known(weighted_ratio(right, weights, CONFIDENCE))), "balanced accuracy": dict(mean(of))}


def recalls(
    p: NDArray[np.float64],
    y: NDArray[np.intp],
    weights: NDArray[np.float64],
    tested: NDArray[np.float64],
    test: NDArray[np.intp],
) -> dict[str, float]:
    """What thresholds for a recall of `WANTED` that the labels promise find in the test, as a mean over the classes,
    and how many of these classes find less than so much, beyond chance: their interval ends below it."""
    found, broken = [], []
    for number in np.unique(test):
        point = operating_point(p[:, number], y == number, weights, WANTED, CONFIDENCE)
        if not point["promised"]:
            continue
        over = tested[test == number, number] >= point["threshold"]
        share = known(weighted_ratio(over, np.ones(len(over)), CONFIDENCE))
        found.append(share["value"])
        broken.append(share["high"] < WANTED)
    return {"promises": len(found), "recall": float(np.sum(found)), "broken": float(np.sum(broken))}


def summary(rows: pd.DataFrame, by: list[str]) -> str:
    """Markdown: a row for each group, over sets, labels and seeds."""
    text = [
        f"| {' | '.join(by)} | labels say as much as | balanced accuracy, folds less test | apart | held | "
        f"accuracy, folds less test | apart | held | promised {percent(WANTED, 0)} of a class, found | "
        "promises broken |",
        "|" + " --- |" * (len(by) + 9),
    ]
    for key, group in rows.groupby(by, sort=False):
        cells = [*key, f"{group['labels say as much as'].mean():.0f}"]
        for figure in ("balanced accuracy", "accuracy"):
            points = 100 * group[figure]
            held = percent(group[f"{figure}, held"].mean(), 0)
            cells += [f"{points.mean():+.1f}", f"{points.abs().mean():.1f}", held]
        promises = group["promises"].sum()
        shares = [percent(group[name].sum() / promises, 0) if promises else "–" for name in ("recall", "broken")]
        text.append("| " + " | ".join([*cells, shares[0], f"{shares[1]} of {promises}"]) + " |")
    return "\n".join(text)


def extract(frames: Path, folder: Path) -> None:
    """Write features and classes of the sets below `frames`, as benchmarks/lines.py finds them, that `folder` lacks."""
    from benchmarks.lines import imagenet  # noqa: PLC0415 (PyTorch takes seconds)
    from benchmarks.sets import found  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    for line in found([frames]):
        if not (folder / f"{line.name}.npz").exists():
            np.save(folder / f"{line.name}-feat.npy", imagenet(line.files))
            y = np.array([line.classes.index(label) for label in line.labels])
            np.savez(folder / f"{line.name}.npz", y=y, classes=np.array(line.classes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=Path, required=True, help="the folder of features and classes")
    parser.add_argument("--frames", type=Path, help="the folder of the sets, for features that are missing")
    parser.add_argument("--sets", help="names, with commas; left out: all that are there")
    parser.add_argument("--strategies", default="coreset,herding,mixed,typiclust,random")
    parser.add_argument("--labels", default="100,200")
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where selection-measured.md lies")
    options = parser.parse_args()
    if options.frames:
        extract(options.frames, options.features)
    there = [path.name.removesuffix("-feat.npy") for path in sorted(options.features.glob("*-feat.npy"))]
    names = (
        options.sets.split(",")
        if options.sets
        else [name for name in there if (options.features / f"{name}.npz").exists()]
    )
    if not names:
        sys.exit(f"{options.features} has no <set>-feat.npy with a <set>.npz beside it; --frames writes them.")
    rows = []
    for name in names:
        features, y = np.load(options.features / f"{name}-feat.npy"), np.load(options.features / f"{name}.npz")["y"]
        for strategy in options.strategies.split(","):
            for labels in map(int, options.labels.split(",")):
                for seed in map(int, options.seeds.split(",")):
                    rows += [{"set": name} | row for row in run(features, y, strategy, labels, seed)]
        print(f"{name}: {len(y)} frames", flush=True)
    table = pd.DataFrame(rows)
    three = table[table["weights"].isin(["none", OURS, "random fifth"])]
    order = ["strategy", "weights"]
    odd = three[(three["strategy"] == "coreset") & (three["set"] == "elpv")]
    text = "\n\n".join(
        [
            summary(three, order),
            f"The same over all strategies, beside other weights:\n\n{summary(table, ['weights'])}",
            *([f"`coreset` on solar cells (elpv) alone:\n\n{summary(odd, ['weights'])}"] if len(odd) else []),
            f"{date.today()}; {', '.join(names)}; {options.labels} labels; seeds {options.seeds}.",
        ]
    )
    print(text)
    table.to_csv(options.features / "folds.csv", index=False)
    put(text, options.docs / "selection-measured.md", "folds")


if __name__ == "__main__":
    main()
