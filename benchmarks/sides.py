"""What the benchmarks share: both sides in turn, in one process, and how the result is printed."""

import os
import platform
import statistics
import sys
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path


def in_turn(sides: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Measure each side once a round, one after the other, and return the median of each.

    In turn, since this machine's neighbours change their minds: what slows one side down slows down the others too.
    """
    measured: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, measure in sides.items():
            measured[name].append(measure())
    return {name: statistics.median(values) for name, values in measured.items()}


def show(what: str, medians: Mapping[str, float], unit: str) -> None:
    """Print a claim, when and where it was measured, and each side's median."""
    print(f"{what}, {date.today()}, {machine()}")
    width = max(map(len, medians))
    for name, value in medians.items():
        print(f"  {name:<{width}}  {value:,.4g} {unit}")


def show_ratio(ratio: float) -> None:
    """Print the last line of every benchmark: how many times better linecam is than the peer named first."""
    print(f"ratio: {ratio:.2f}", flush=True)


def put(text: str, page: Path, name: str) -> None:
    """Replace what stands between the two marks <!-- name --> and <!-- /name --> of the page."""
    before, mark, rest = page.read_text(encoding="utf-8").partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    if not (mark and end):
        sys.exit(f"{page} has no two lines <!-- {name} --> and <!-- /{name} --> for what was measured.")
    page.write_text(f"{before}{mark}{text}\n{end}{after}", encoding="utf-8")


def machine() -> str:
    """The processor, and how many cores of it this process may use."""
    cpuinfo = Path("/proc/cpuinfo")
    models = (
        [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        if cpuinfo.exists()
        else []
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{models[0] if models else platform.processor() or platform.machine()}, {cores} cores"
