"""Claim: a further quantization range costs at most 5 s of one core, start-up included, and TFLM uses all cores.

    python benchmarks/sweep.py [--rounds 3]

In a temporary copy of the project a small belt is built: the network of the demo, trained briefly, which changes no
figure here. Then, on one core, Snakemake makes a range's TFLite file, in turn for one range, for three, and for one
from the ONNX model on. A further range costs half the difference of the first two; where each range starts its
conversion anew, the peer, it costs that and the difference of the last and the first. The same again with all that
comes of a range: the file, predictions in TensorFlow Lite Micro for 500 test and 300 unlabelled frames, the firmware's
rules, the evaluation. Seconds are the processor's, of all processes: what one core takes when nobody else is there.

Last, 500 frames in TFLM in one process and in one for each core, in seconds on the clock: TFLM's reference kernels take
8 ms a frame and more, so that they are most of what a range costs.

The last ratio is of all that comes of a range, its conversion anew, to all that comes of a further one. Takes about six
minutes.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a file, from anywhere

import numpy as np

from benchmarks.sides import in_turn, show, show_ratio
from linecam.tflite.tflm import predict
from tests.conftest import TINY, Project, copy_project

GOAL = 5.0  # s
MODEL = "resnet9-64-none/random-200/seed-1"
RANGES = {"fixed_-25_25": [-25, 25], "fixed_-10_10": [-10, 10], "fixed_-6_6": [-6, 6]}
SETTINGS = {
    "dataset": {"name": "sweep", "kind": "belt"},
    "belt": {"frames": 1050},
    "networks": ["resnet9-64"],
    "pretrain": {"methods": ["none"]},
    "select": {"train": 200, "test": 500, "strategies": ["random"]},
    "evaluate": {"unlabelled_frames": 300},
    "quantize": {"ranges": list(RANGES.values())},
}


def files(ranges: list[str], *, quantized_only: bool = False) -> list[str]:
    """What comes of some ranges."""
    if quantized_only:
        return [f"results/sweep/quantize/{MODEL}/{span}/model.tflite" for span in ranges]
    return [
        path
        for span in ranges
        for path in (
            f"results/sweep/evaluate/{MODEL}/{span}.json",
            f"results/sweep/firmware/{MODEL}/{span}/openmv-h7.json",
        )
    ]


def processor_seconds(work: Callable[[], object]) -> float:
    """What `work` takes of the processor in processes that it starts and waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def clock_seconds(work: Callable[[], object]) -> float:
    """What `work` takes on the clock."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def costs(project: Project, rounds: int, *, quantized_only: bool) -> tuple[float, float]:
    """Processor seconds of a further range, and of one that starts its conversion anew."""
    names = list(RANGES)

    def made(count: int, first: str) -> Callable[[], float]:
        targets = files(names[:count], quantized_only=quantized_only)
        return lambda: processor_seconds(lambda: project.build(*targets, "--cores", "1", "--forcerun", first))

    seconds = in_turn(
        {"one": made(1, "quantize"), "three": made(3, "quantize"), "anew": made(1, "convert_savedmodel")}, rounds
    )
    further = (seconds["three"] - seconds["one"]) / 2
    return further, further + seconds["anew"] - seconds["one"]


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as scratch:
        project = copy_project(Path(scratch) / "linecam", TINY | SETTINGS)
        seconds = clock_seconds(lambda: project.build(*files(list(RANGES))))
        print(f"Built in {seconds:.0f} s", flush=True)
        os.sched_setaffinity(0, {min(cores)})
        for what, quantized_only in (("Its TFLite file", True), ("All that comes of a range", False)):
            further, anew = costs(project, arguments.rounds, quantized_only=quantized_only)
            show(what, {"its conversion anew": anew, "a further range": further}, "s of one core")
            print(f"goal: at most {GOAL:g} s: {'reached' if further <= GOAL else 'missed'}; ratio {anew / further:.2f}")
        os.sched_setaffinity(0, cores)

        model = project.folder / files(list(RANGES)[:1], quantized_only=True)[0]
        pixels = np.load(project.folder / "results/sweep/pixels/64.npy")[:500]
        workers = {"one process": 1, f"{len(cores)} processes": len(cores)}
        medians = in_turn(
            {
                name: lambda number=number: clock_seconds(lambda: predict(model, pixels, number, "TFLM"))
                for name, number in workers.items()
            },
            arguments.rounds,
        )
        show("500 frames in TFLM", medians, "s")
    show_ratio(anew / further)


if __name__ == "__main__":
    main()
