"""The steps of a run: each in words, and how long it may take, by the benchmarks of earlier runs.

This module talks to Snakemake.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

# Seconds that a step takes on 2 cores without a GPU, measured on lines with 200 labels and slim7-96, rounded. Those of
# the other ways to pretrain are set to that of `teach`. They count until a run has measured its own.
TYPICAL = {
    "render_belt": 15.0,
    "embed_by_teacher": 30.0,
    "teach": 250.0,
    "pretrain": 250.0,
    "pretrain_on_rendered": 250.0,
    "distill": 250.0,
    "finetune": 100.0,
    "finetune_fold": 80.0,
    "decode_frames": 6.0,
    "predict_float": 6.0,
    "export_onnx": 6.0,
    "convert_savedmodel": 6.0,
    "report": 10.0,
    "tune": 900.0,
    "study_selection": 900.0,
}
SHORT = 3.0  # of any other rule

# What Snakemake hands over.
Dag = Any
Job = Any


@dataclass(frozen=True)
class Step:
    """A job of a run that does something."""

    rule: str
    words: str  # what it does, such as "Train a network (fold 2)"
    seconds: float  # that it may take
    threads: int


def steps_of(dag: Dag, benchmarks: Path) -> dict[int, Step]:
    """The steps that `dag` runs, by Snakemake's number of the job.

    `benchmarks` is the folder below which earlier runs have noted how long their steps took.
    """
    jobs = [job for job in dag.needrun_jobs(exclude_finished=False) if not job.rule.norun]
    measured = measured_seconds(benchmarks)
    variants = _variants(jobs)
    return {
        dag.jobid(job): Step(
            job.rule.name,
            f"{main_clause(job.rule.docstring or job.rule.name)}{variants[job]}",
            expected_seconds(job.rule.name, job.benchmark, measured),
            int(job.threads) if isinstance(job.threads, int) else 1,
        )
        for job in jobs
    }


def main_clause(docstring: str) -> str:
    """The docstring of a rule up to its first comma, colon, semicolon or full stop."""
    sentence = " ".join(docstring.split())
    return re.split(r"[,;:.](?:\s|$)", sentence, maxsplit=1)[0]


def _variants(jobs: Iterable[Job]) -> dict[Job, str]:
    """For each job the wildcards in which it differs from the other jobs of its rule, in brackets; "" for none."""
    of_rule: dict[str, list[Job]] = {}
    for job in jobs:
        of_rule.setdefault(job.rule.name, []).append(job)
    variants = {}
    for same in of_rule.values():
        values: dict[str, set[str]] = {}
        for job in same:
            for name, value in (job.wildcards_dict or {}).items():
                values.setdefault(name, set()).add(value)
        for job in same:
            wildcards = (job.wildcards_dict or {}).items()
            differing = [_written(name, value) for name, value in wildcards if len(values[name]) > 1]
            variants[job] = f" ({', '.join(differing)})" if differing else ""
    return variants


def _written(name: str, value: str) -> str:
    """A wildcard as one understands it by itself: a number needs its name."""
    return f"{name} {value}" if value.isdigit() else value


def measured_seconds(benchmarks: Path) -> dict[str, float]:
    """By rule, the median of the seconds in the files below the folder `benchmarks`, and by path those of each file.

    Files lie as the rules write them: <rule>.tsv, <rule>-<wildcards>.tsv or <rule>/<wildcards>.tsv.
    """
    found: dict[str, float] = {}
    of_rule: dict[str, list[float]] = {}
    for path in sorted(benchmarks.rglob("*.tsv")):
        with suppress(OSError, ValueError, KeyError, StopIteration), path.open(encoding="utf-8") as file:
            seconds = float(next(csv.DictReader(file, delimiter="\t"))["s"])
            found[str(path)] = seconds
            first = path.relative_to(benchmarks).parts[0]
            of_rule.setdefault(first.removesuffix(".tsv").partition("-")[0], []).append(seconds)
    return found | {rule: median(each) for rule, each in of_rule.items()}


def expected_seconds(rule: str, benchmark: object, measured: Mapping[str, float]) -> float:
    """How long a job of `rule` takes: by its own benchmark, else by others of its rule, else by `TYPICAL`."""
    return measured.get(str(benchmark)) or measured.get(rule) or TYPICAL.get(rule, SHORT)


def run_seconds(dag: Dag, steps: Mapping[int, Step], cores: int) -> float:
    """About how long the steps take on this many cores.

    No run is shorter than its longest chain of steps, nor than its work shared by all cores (Brent, J. ACM 1974).
    """
    jobs = [job for job in dag.needrun_jobs(exclude_finished=False) if dag.jobid(job) in steps]
    chain: dict[Job, float] = {}

    def longest(job: Job) -> float:
        """Up to the end of `job`. Recursion is as deep as the workflow has stages."""
        if job not in chain:
            before = [longest(other) for other in dag.dependencies[job] if dag.needrun(other)]
            step = steps.get(dag.jobid(job))
            chain[job] = (step.seconds if step else 0) + max(before, default=0)
        return chain[job]

    work = sum(step.seconds * min(step.threads, cores) for step in steps.values())
    return max([*(longest(job) for job in jobs), work / cores], default=0)


def duration(seconds: float) -> str:
    """0.4 s, 42 s, 4:07 or 1:02:03."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def about(seconds: float) -> str:
    """A time that is estimated: about 40 s, about 12 minutes, about 3 hours."""
    if seconds < 55:
        return f"about {max(1, round(seconds, -1 if seconds >= 20 else 0)):.0f} s"
    if seconds < 90 * 60:
        minutes = max(1, round(seconds / 60))
        return f"about {minutes} minute{'s' * (minutes > 1)}"
    return f"about {seconds / 3600:.1f} hours".replace(".0 ", " ")


def counted(number: int, one: str, several: str = "") -> str:
    """1 frame, 20 frames."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def by_number(names: Sequence[str]) -> str:
    """Names, in their order, each with how often where that is more than once: "evaluate (4), choose"."""
    return ", ".join(f"{name} ({number})" if number > 1 else name for name, number in Counter(names).items())
