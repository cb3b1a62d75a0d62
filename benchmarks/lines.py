"""The yardstick: linecam as a stranger runs it on several lines, beside two baselines on the same labels.

Every set is laid out as a stranger would: one folder of frames whose names tell nothing, and a CSV of labels. Each
combination of set, selection, method and seed is a model of the workflow itself, int8 in TFLM, through the camera's
arithmetic. Beside it, trained on the same labels and asked for the same test frames:

- HOG and LBP features and an RBF-SVM, the classic;
- a linear classifier, or an RBF-SVM, whichever cross-validation likes better, on the pooled features of an
  EfficientNet-Lite0 that ImageNet trained, frozen, at 224 pixels.

`python benchmarks/lines.py --frames FOLDER` measures the sets that it finds: FOLDER/<set>/labels.csv with the columns
`file` and `class`; FOLDER/<set>/train/<class> and test/<class>, of which it makes one folder again; the PyPI package
`elpv-dataset`; and the built-in belt, as it is and with small, faint defects. Runs go on where they were stopped:
`--folder` keeps them. With `--folds` each class in turn gets the threshold that a `bundle.recall` of 0.95 sets for it,
and the test frames say how much of the class it finds. Needs `pip install -r benchmarks/requirements.txt`. On 2 cores a
set takes about 15 minutes.
"""

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # run as a file, from anywhere

from benchmarks.sets import Line, lay_out, lines  # noqa: E402
from linecam.evaluation.predictions import read_predictions  # noqa: E402
from linecam.evaluation.thresholds import deciding_scores  # noqa: E402
from linecam.intervals import known, ratio  # noqa: E402
from linecam.percent import percent  # noqa: E402

SIDE = 240  # of the square that the baselines see, as the camera's default is
BATCH = 32
RECALL, CONFIDENCE = 0.95, 0.95
Features = NDArray[np.float32]


@dataclass(frozen=True)
class Run:
    """One model of the workflow."""

    line: str
    network: str
    method: str
    selection: str
    labels: int
    seed: int
    folds: bool = False  # whether it is one that a run makes by default; else it is one of a study, without folds

    @property
    def chosen(self) -> str:
        return f"{self.selection}-{self.labels}" + ("" if self.folds else f"-draw-{self.seed}")

    @property
    def results(self) -> Path:
        return Path("results") / f"line-{self.line}"

    @property
    def model(self) -> str:
        return f"{self.network}-{self.method}/{self.chosen}/seed-{self.seed}" + ("" if self.folds else "-as_trained")

    @property
    def metrics(self) -> Path:
        return self.results / "evaluate" / self.model / "calibrated.json"

    @property
    def predictions(self) -> Path:
        return self.results / "predict" / self.model / "calibrated.csv"

    @property
    def thresholds(self) -> Path:
        return self.results / "finetune" / self.model / "thresholds.json"

    @property
    def targets(self) -> list[Path]:
        return [self.metrics, *([self.thresholds] if self.folds else [])]

    @property
    def split(self) -> Path:
        return self.results / "split" / f"{self.chosen}.csv"


def build(runs: list[Run], folder: Path, configs: list[Path], cores: int) -> None:
    """Have Snakemake make the figures of all `runs` of one line."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--cores", str(cores), "--quiet", "--keep-going", "--rerun-triggers", "mtime", "--nolock"]
    command += ["--configfile", *map(str, configs), "--"]
    command += [str(path) for run in runs for path in run.targets]
    subprocess.run(command, check=True, env=os.environ | {"OMP_WAIT_POLICY": "passive"})


def squares(folder: Path, line: Line) -> dict[str, Path]:
    """Where each frame of a line lies, by its SHA-256."""
    index = pd.read_csv(folder / "results" / f"line-{line.name}" / "index/frames.csv", dtype=str)
    return {row.sha256: folder / "frames" / line.name / row.path for row in index.itertuples()}


def classic(paths: list[Path]) -> Features:
    """HOG (Dalal and Triggs, 2005) and LBP (Ojala et al., 2002) features of each frame."""
    from skimage.feature import hog, local_binary_pattern  # noqa: PLC0415 (in benchmarks/requirements.txt)

    found = []
    for path in paths:
        grey = np.asarray(Image.fromarray(read(path)).convert("L").resize((128, 128)))
        patterns = local_binary_pattern(grey, 8, 1, "uniform")
        histogram = np.histogram(patterns, bins=10, range=(0, 10), density=True)[0]
        colour = np.concatenate([np.histogram(channel, 16, (0, 256), density=True)[0] for channel in read(path).T])
        found.append(np.concatenate([hog(grey, 9, (16, 16), (2, 2)), histogram * 10, colour * 100]))
    return np.array(found, dtype=np.float32)


def imagenet(paths: list[Path]) -> Features:
    """The pooled features of the frozen EfficientNet-Lite0 at its own input size."""
    from linecam.networks.architectures import PACKAGED_TEACHER  # noqa: PLC0415 (as below)
    from linecam.networks.teacher import Teacher  # noqa: PLC0415 (PyTorch takes seconds)

    teacher, found = Teacher(PACKAGED_TEACHER), []
    with torch.inference_mode():
        for start in range(0, len(paths), BATCH):
            pixels = np.stack([read(path) for path in paths[start : start + BATCH]])
            images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
            sized = torch.nn.functional.interpolate(images, teacher.side, mode="bilinear", antialias=True)
            found.append(teacher(sized)[1].numpy())
    return np.concatenate(found)


def read(path: Path) -> NDArray[np.uint8]:
    from linecam.camera.arithmetic import square  # noqa: PLC0415

    return square(Image.open(path).convert("RGB"), SIDE)


FEATURES = {"HOG + LBP + SVM": classic, "ImageNet probe": imagenet}


def fitted(features: Features, labels: NDArray[np.str_], name: str) -> GridSearchCV:
    """The classifier that cross-validation on the labelled frames alone likes best."""
    splits = min(5, *Counter(labels.tolist()).values())
    kernel = (SVC(class_weight="balanced"), {"C": [1, 10, 100], "gamma": ["scale", 3e-4]})
    linear = (LogisticRegression(max_iter=2000, class_weight="balanced"), {"C": [1e-4, 1e-3, 1e-2, 0.1, 1]})
    searches = []
    for model, grid in [kernel] if name.startswith("HOG") else [linear, kernel]:
        pipeline = make_pipeline(StandardScaler(), model)
        step = pipeline.steps[-1][0]
        search = GridSearchCV(
            pipeline,
            {f"{step}__{key}": values for key, values in grid.items()},
            scoring="balanced_accuracy",
            cv=max(splits, 2),
        )
        searches.append(search.fit(features, labels))
    return max(searches, key=lambda search: search.best_score_)


def baselines(run: Run, folder: Path, line: Line, cache: dict[str, dict[str, Features]]) -> dict[str, float]:
    """The balanced accuracy of each baseline, on the labels and the test frames of a run."""
    split = pd.read_csv(folder / run.split, dtype={"label": str})
    split = split[split["part"] != "unlabelled"]
    paths = squares(folder, line)
    found = {}
    for name, extract in FEATURES.items():
        known = cache.setdefault(name, {})
        missing = [digest for digest in split["sha256"] if digest not in known]
        if missing:
            known.update(zip(missing, extract([paths[digest] for digest in missing]), strict=True))
        features, labels = np.stack([known[digest] for digest in split["sha256"]]), split["label"].to_numpy(str)
        train = (split["part"] == "train").to_numpy()
        model = fitted(features[train], labels[train], name)
        found[name] = float(balanced_accuracy_score(labels[~train], model.predict(features[~train])))
    return found


def promises(run: Run, folder: Path, line: Line) -> Iterator[dict[str, str | float | bool]]:
    """What the threshold for a recall of `RECALL` finds of each class in the test, and whether the labels promised it.

    A promise is broken where the test's 95 % interval ends below `RECALL`.
    """
    table = read_predictions(folder / run.predictions)
    points = json.loads((folder / run.thresholds).read_text())["operating_points"]
    for name in line.classes:
        point = next(one for one in points[name] if one["wanted"] == RECALL)
        frames = table[(table["part"] == "test") & (table["label"] == name)]
        found = int((deciding_scores(frames, name) >= point["threshold"]).sum())
        share = known(ratio(found, len(frames), CONFIDENCE))
        kept = {"found": share["value"], "broken": share["high"] < RECALL}
        yield {"class": name, "promised": point["promised"]} | kept


def interval(values: list[float]) -> str:
    """The mean in %, and half the width of its 95 % interval over seeds (Student's t), where there are several."""
    if len(values) < 2:
        return f"{100 * values[0]:.1f}"
    t = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}.get(len(values), 2.57)
    half = t * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return f"{100 * float(np.mean(values)):.1f} ± {100 * half:.1f}"


def measure(arguments: argparse.Namespace) -> pd.DataFrame:
    """A row for each run, with the figures of linecam and of the baselines."""
    rows = []
    wanted = arguments.sets.split(",") if arguments.sets else None
    there = list(lines(arguments.frames, arguments.folder / "rendered", wanted))
    if unknown := set(wanted or []) - {line.name for line in there}:
        sys.exit(f"--sets: no set {', '.join(sorted(unknown))}. Below --frames there is none of this name.")
    for line in there:
        config = lay_out(line, arguments.folder)
        runs = [
            Run(line.name, arguments.network, method, selection, labels, seed, arguments.folds)
            for selection in arguments.selections.split(",")
            for labels in map(int, arguments.labels.split(","))
            for method in arguments.methods.split(",")
            for seed in map(int, arguments.seeds.split(","))
        ]
        build(runs, arguments.folder, [config, *arguments.configfile], arguments.cores)
        cache: dict[str, dict[str, Features]] = {}
        beside: dict[Path, dict[str, float]] = {}
        for run in runs:
            if run.split not in beside:
                beside[run.split] = baselines(run, arguments.folder, line, cache)
            test = json.loads((arguments.folder / run.metrics).read_text())["test"]
            row = {
                "set": run.line,
                "selection": run.selection,
                "labels": run.labels,
                "method": run.method,
                "seed": run.seed,
            }
            row |= {"linecam": test["balanced_accuracy"], "frames": test["frames"]} | beside[run.split]
            if run.folds:
                row["recalls"] = list(promises(run, arguments.folder, line))
            rows.append(row)
            print(json.dumps(row), flush=True)
    return pd.DataFrame(rows)


def table(rows: pd.DataFrame) -> str:
    """Markdown: a row for each set, selection and method, balanced accuracies over the seeds."""
    figures = ["linecam", *FEATURES]
    text = [
        "| set | selection | labels | method | seeds | " + " | ".join(figures) + " |",
        "|" + "---|" * (5 + len(figures)),
    ]
    keys = ["set", "selection", "labels", "method"]
    for key, group in rows.groupby(keys, sort=False):
        cells = [interval(list(group[figure])) for figure in figures]
        text.append("| " + " | ".join([*map(str, key), str(len(group)), *cells]) + " |")
    for key, group in rows.groupby(["selection", "labels", "method"], sort=False):
        means = group.groupby("set")[figures].mean().mean()
        cells = [f"**{100 * means[figure]:.1f}**" for figure in figures]
        text.append("| mean of sets | " + " | ".join([*map(str, key), "", *cells]) + " |")
    return "\n".join(text)


def kept(rows: pd.DataFrame) -> str:
    """Markdown: how often thresholds for a recall of `RECALL` found as much, over all runs and classes."""
    text = [
        f"| thresholds for a recall of {percent(RECALL, 0)} | classes | found, mean | found less, beyond chance |",
        "|---|---|---|---|",
    ]
    found = pd.DataFrame(list(chain.from_iterable(rows["recalls"])))
    for promised, group in found.groupby("promised", sort=False):
        says = "the labels promise it" if promised else "the labels are too few to promise it"
        text.append(f"| {says} | {len(group)} | {percent(group['found'].mean())} | {group['broken'].sum()} |")
    return "\n".join(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=Path, nargs="*", default=[], help="folders of sets")
    parser.add_argument("--folder", type=Path, default=ROOT / "results/lines", help="where runs are kept")
    parser.add_argument("--sets", help="names, with commas; left out: all that are there")
    parser.add_argument("--selections", default="mixed", help="strategies, with commas")
    parser.add_argument("--methods", default="taught", help="methods of pretraining, with commas")
    parser.add_argument("--labels", default="200", help="numbers of labels, with commas")
    parser.add_argument("--seeds", default="1,2,3", help="seeds of draws and finetuning, with commas")
    parser.add_argument("--network", default="slim7-96")
    folds = "thresholds too; all seeds have the labels of select.seed, chosen by the configuration's strategies"
    parser.add_argument("--folds", action="store_true", help=folds)
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--configfile", type=Path, nargs="*", default=[], help="settings that count before the set's")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    arguments.folder = arguments.folder.resolve()
    arguments.configfile = [path.resolve() for path in arguments.configfile]
    rows = measure(arguments)
    text = table(rows) + (f"\n\n{kept(rows)}" if arguments.folds else "")
    rows.to_csv(arguments.folder / "lines.csv", index=False)
    (arguments.folder / "lines.md").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
