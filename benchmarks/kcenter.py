"""Greedy k-center: linecam's, exact and lazy, against lightly-mundig, k-center and plain numpy, from the same start.

`python benchmarks/kcenter.py` needs the packages of benchmarks/requirements.txt, about 4 GB and 3 minutes of quiet. The
last line is lightly-mundig's time over linecam's for 1,000 of 1,000,000 points. The points are a mixture of Gaussians;
the peers look at every point for every pick, so it is the same to them, but not to linecam: it is also measured on one
Gaussian and on a sphere, the hardest there is. Peers get lists, where that is faster for them than arrays.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # run as a file, from anywhere

from benchmarks.sides import in_turn, show, show_ratio  # noqa: E402
from linecam.frames.index import COLUMNS  # noqa: E402
from linecam.selection.strategies import coreset  # noqa: E402

try:
    import lightly_mundig
    from k_center import KCenter
except ImportError as error:
    sys.exit(f"{error}. This benchmark's other side: pip install -r benchmarks/requirements.txt")

# What a job does: the whole process, imports and files included.
JOB = """
import sys
from pathlib import Path
from scripts.select_train import select_train
index, test, embeddings, train = map(Path, sys.argv[1:5])
select_train(index, test, embeddings, None, train, strategy="coreset", count=200, seed=1, classes=["bad", "good"])
"""
COMPILE = """
import time
import numpy as np
from linecam.selection.strategies import coreset
points = np.zeros((100, 8), np.float32)
start = time.perf_counter()
coreset(points, [], 10, [], 1)
print(time.perf_counter() - start)
"""


def points_of(kind: str, number: int, dimensions: int) -> NDArray[np.float32]:
    """Points (number, dimensions), float32: `mixture` of 100 Gaussians, one Gaussian (`normal`), or on a `sphere`."""
    random = np.random.default_rng(0)
    points = random.standard_normal((number, dimensions), dtype=np.float32)
    if kind == "mixture":
        centres = 3 * random.standard_normal((100, dimensions), dtype=np.float32)
        points += centres[random.integers(0, 100, number)]
    elif kind == "sphere":
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points


def matrix_vector(points: NDArray[np.float32], count: int) -> list[int]:
    """Greedy k-center as one writes it with numpy: a matrix-vector product a pick, all in float32."""
    squares = np.einsum("nd,nd->n", points, points)
    picks = [0]
    nearest = np.full(len(points), np.inf, np.float32)
    while len(picks) < count:
        last = picks[-1]
        np.minimum(nearest, squares - 2 * (points @ points[last]) + squares[last], out=nearest)
        picks.append(int(nearest.argmax()))
    return picks


def mundig(rows: list[list[float]], count: int) -> list[int]:
    """The same by lightly-mundig."""
    selection = lightly_mundig.Selection()
    selection.add_diversifying_strategy(rows, 1.0, None)
    return selection.run_selection([0], len(rows), count)


def k_center(points: NDArray[np.float32], count: int) -> list[int]:
    """The same by k-center."""
    return KCenter(n_clusters=count, random_state=None).fit(points).center_indices_.tolist()


def compare(number: int, dimensions: int, count: int, rounds: int, goal: float) -> float:
    """Measure all sides at one size, show them, and return lightly-mundig's time over linecam's."""
    points = points_of("mixture", number, dimensions)
    rows = points.tolist()
    picks: dict[str, list[int]] = {}

    sides: dict[str, Callable[[], list[int]]] = {
        "linecam": lambda: coreset(points, [], count, [0], 1),
        "lightly-mundig": lambda: mundig(rows, count),
        "k-center": lambda: k_center(points, count),
        "numpy, matrix-vector": lambda: matrix_vector(points, count),
    }

    def timed(name: str) -> Callable[[], float]:
        def measure() -> float:
            start = time.perf_counter()
            picks[name] = sides[name]()
            return time.perf_counter() - start

        return measure

    medians = in_turn({name: timed(name) for name in sides}, rounds)
    # The others compute in float32, where near ties may fall the other way; all that follows such a pick may differ.
    same = ", ".join(
        f"{name} {next((n for n in range(count) if picks[name][n] != picks['linecam'][n]), count)}"
        for name in list(sides)[1:]
    )
    rows.clear()
    for kind in ("normal", "sphere"):
        points = points_of(kind, number, dimensions)
        medians[f"linecam, {kind}"] = in_turn({"": timed("linecam")}, rounds)[""]
    show(f"{count:,} of {number:,} points of {dimensions} dimensions", medians, "s")
    print(f"  picks alike before the first that differs, of {count:,}: {same}")
    ratio, normal, sphere = (
        medians["lightly-mundig"] / medians[name] for name in ("linecam", "linecam, normal", "linecam, sphere")
    )
    print(
        f"  lightly-mundig takes {ratio:.1f} times as long (goal: {goal:g}); "
        f"on one Gaussian {normal:.1f}, on a sphere {sphere:.1f}"
    )
    return ratio


def whole_process(dimensions: int, number: int = 1_000_000) -> None:
    """Time and memory of the job select_train on a million embeddings and their index, files and imports included."""
    with tempfile.TemporaryDirectory() as folder:
        index, test, embeddings, train = (
            Path(folder) / name for name in ("frames.csv", "test.csv", "embeddings.npy", "train.csv")
        )
        names = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(number)]
        table = pd.DataFrame({"path": [f"line/C-{n}.jpg" for n in range(number)], "sha256": names, "status": "ok"})
        table = table.reindex(columns=COLUMNS).assign(bytes=3000, width=160, height=120, number=range(number))
        table.to_csv(index, index=False)
        table.loc[:499, ["sha256", "path"]].to_csv(test, index=False)
        np.save(embeddings, points_of("mixture", number, dimensions))
        job = [sys.executable, "-c", JOB, *map(str, (index, test, embeddings, train))]
        start = time.perf_counter()
        with subprocess.Popen(job, cwd=ROOT) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        if process.returncode or len(pd.read_csv(train)) != 200:
            sys.exit("The job failed.")
    print(
        f"select_train, 200 of {number:,} x {dimensions}, whole process: {seconds:.2f} s, "
        f"{usage.ru_utime + usage.ru_stime:.2f} s of them on a core, {usage.ru_maxrss / 1e6:.2f} GB at most "
        "(goals: 5 s, 1 GB)"
    )


def compiling() -> None:
    """How long the first call takes where the compiled code isn't there yet, and where it is."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = [
            float(
                subprocess.run(
                    [sys.executable, "-c", COMPILE],
                    cwd=ROOT,
                    env={**os.environ, "NUMBA_CACHE_DIR": folder},
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
            )
            for _ in range(2)
        ]
    print(
        f"first call of a process, numba's import included: {seconds[0]:.1f} s compiling, {seconds[1]:.1f} s after that"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="of the smaller size; the larger has one (default: 3)")
    arguments = parser.parse_args()
    coreset(np.zeros((100, 8), np.float32), [], 10, [], 1)  # compile, or load what was compiled
    compiling()
    for size in (16, 32):
        whole_process(size)
    compare(25_000, 512, 200, arguments.rounds, goal=5)
    show_ratio(compare(1_000_000, 32, 1000, 1, goal=10))
