"""How time and memory of each stage grow with the number of frames, from files to the split.

`python benchmarks/growth.py [--sizes 1000 10000 100000]` builds a folder of so many belt frames through Snakemake, in a
copy of the project, and reads each rule's seconds and memory from its `benchmark:` file; it prints a table, puts it
into docs/scale.md and draws docs/growth.png. 500 frames are rendered; the others are copies that differ in what follows
the picture's end.

Every stage costs some seconds to start. So the last line compares what a further frame costs: between the two largest
sizes, against between the two smallest. 1 is linear, less is better than that; the cost of each frame with all others
would show as the ratio of the sizes, 10 by default.
"""

import argparse
import os
import sys
import tempfile
import time
from datetime import date
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # run as a file, from anywhere

from benchmarks.sides import machine, put, show_ratio  # noqa: E402
from scripts.render_belt import render_belt  # noqa: E402
from tests.conftest import Project, copy_project  # noqa: E402

mpl.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

RENDERED = 500
# Stages, and the rules whose benchmark files count for them.
STAGES = {
    "index": ["index_frames"],
    "decode": ["decode_frames", "gather_pixels"],
    "embed": ["embed", "gather_embeddings"],
    "select": ["select_test", "select_train"],
    "split": ["split"],
}
PLANS = ["first plan", "later plan"]
CONFIG = {
    "select": {"train": 200, "test": 500},
    # The network is as quick with random weights; what pretraining costs is set by its epochs.
    "pretrain": {"methods": ["none"]},
}


def render(folder: Path) -> tuple[list[bytes], list[str]]:
    """The bytes and the label of `RENDERED` frames of the belt."""
    render_belt(folder / "belt", folder / "truth.csv", frames=RENDERED, seed=1, workers=os.cpu_count() or 1)
    truth = pd.read_csv(folder / "truth.csv")
    return [(folder / "belt" / name).read_bytes() for name in truth["frame"]], list(truth["label"])


# MB: a Python that has not yet imported anything. Snakemake looked too early, and not again.
STARTED = 20


def measure(folder: Path, size: int, pictures: list[bytes], labels: list[str]) -> dict[str, tuple[float, float]]:
    """Seconds and MB of each stage and plan for `size` frames; MB are NaN where a stage is over before a look at it."""
    frames = folder / "frames"
    frames.mkdir(parents=True)
    for number in range(size):
        (frames / f"line-{number:07d}.jpg").write_bytes(pictures[number % RENDERED] + f"{number}\n".encode())
    config = CONFIG | {"dataset": {"name": "growth", "kind": "folder", "source": str(frames)}}
    project = copy_project(folder / "project", config)
    selection, split = (f"results/growth/{name}/coreset-200.csv" for name in ("select", "split"))
    plans = {name: (planned(project, selection), np.nan) for name in PLANS}
    project.build(selection)
    label(project, selection, labels)
    project.build(split)
    return {name: of_rules(project, rules) for name, rules in STAGES.items()} | plans


def planned(project: Project, target: str) -> float:
    """Seconds that `snakemake -n` takes."""
    start = time.perf_counter()
    project.build("-n", target)
    return time.perf_counter() - start


def label(project: Project, selection: str, labels: list[str]) -> None:
    """Label the selected frames as a person would: into data/growth/labels.csv."""
    both = [project.folder / selection, project.folder / "results/growth/select/test.csv"]
    rows = pd.concat([pd.read_csv(path) for path in both])
    numbers = rows["path"].str.extract(r"(\d+)\.jpg$")[0].astype(int) % RENDERED
    path = project.folder / "data/growth/labels.csv"
    path.parent.mkdir(parents=True)
    rows.assign(label=[labels[number] for number in numbers], by="belt", when=date.today()).to_csv(path, index=False)


def of_rules(project: Project, rules: list[str]) -> tuple[float, float]:
    """The seconds of all jobs of these rules, and the most memory that one of them held, in MB."""
    folder = project.folder / "results/growth/benchmarks"
    files = [path for rule in rules for path in [*folder.glob(f"{rule}.tsv"), *folder.glob(f"{rule}-*.tsv")]]
    if not files:
        sys.exit(f"No rule of {', '.join(rules)} wrote a benchmark file.")
    jobs = pd.concat([pd.read_csv(path, sep="\t", na_values="-") for path in files])
    memory = float(pd.to_numeric(jobs["max_rss"], errors="coerce").max())
    return float(jobs["s"].sum()), memory if memory >= STARTED else np.nan


def table(results: dict[int, dict[str, tuple[float, float]]]) -> str:
    """A Markdown table: a row a stage, a column a size."""
    lines = [
        "| stage | " + " | ".join(f"{size:,} frames" for size in results) + " |",
        "|---" * (len(results) + 1) + "|",
    ]
    for name in [*PLANS, *STAGES]:
        cells = []
        for measured in results.values():
            seconds, memory = measured[name]
            cells.append(f"{seconds:.1f} s" + ("" if np.isnan(memory) else f", {memory:,.0f} MB"))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(results: dict[int, dict[str, tuple[float, float]]], path: Path) -> None:
    """Plot seconds and memory over frames, both axes logarithmic, a line a stage, and thin ones of slope 1."""
    sizes = np.array(list(results))
    figure, panels = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    for panel, what, unit in zip(panels, (0, 1), ("seconds", "MB at most"), strict=True):
        for name in [*STAGES, *PLANS[: 1 - what]]:
            values = np.array([results[size][name][what] for size in results])
            if not np.isnan(values).all():
                panel.plot(sizes, values, marker="o", label=name)
        low, high = panel.get_ylim()
        panel.set(xscale="log", yscale="log", xlabel="frames", ylabel=unit)
        for start in np.geomspace(low * sizes[0] / sizes[-1] if low > 0 else 1e-3, high, 8):
            panel.plot(sizes[[0, -1]], [start, start * sizes[-1] / sizes[0]], color="0.85", linewidth=0.6, zorder=0)
        panel.set_ylim(np.nanmin([line.get_ydata() for line in panel.lines[: len(STAGES)]]) / 2, high * 2)
    panels[0].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
    figure.suptitle(f"{machine()}, {date.today()}; thin: proportional to the frames", fontsize=9)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def further(results: dict[int, dict[str, tuple[float, float]]], stages: list[str]) -> list[float]:
    """Seconds of these stages for a frame more, between one size and the next."""
    totals = {size: sum(measured[name][0] for name in stages) for size, measured in results.items()}
    return [(totals[more] - totals[fewer]) / (more - fewer) for fewer, more in pairwise(results)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000], help="at least 3, from 1000 on"
    )
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where scale.md and growth.png lie")
    options = parser.parse_args()
    sizes = sorted(set(options.sizes))
    if len(sizes) < 3 or sizes[0] < 1000:
        parser.error("--sizes takes three numbers or more, each 1000 at least: 500 frames are drawn for the test.")
    results = {}
    with tempfile.TemporaryDirectory() as name:
        pictures, labels = render(Path(name))
        for size in sizes:
            results[size] = measure(Path(name) / str(size), size, pictures, labels)
            print(
                f"{size:,} frames: " + ", ".join(f"{key} {value[0]:.1f} s" for key, value in results[size].items()),
                flush=True,
            )
    text = f"{table(results)}\n\n{date.today()}, {machine()}."
    print(f"\n{text}\n")
    put(text, options.docs / "scale.md", "growth")
    draw(results, options.docs / "growth.png")
    # By stage too: in the sum, one that grows faster than the frames could hide behind another.
    for name in STAGES:
        print(f"a frame more, {name}: " + ", ".join(f"{1e3 * cost:.3f} ms" for cost in further(results, [name])))
    costs = further(results, list(STAGES))
    print("a frame more, all: " + ", ".join(f"{1e3 * cost:.3f} ms" for cost in costs))
    show_ratio(costs[-1] / costs[0])


if __name__ == "__main__":
    main()
