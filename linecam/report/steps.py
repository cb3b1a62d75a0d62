"""Which steps of a run took how long, by the benchmarks that Snakemake wrote."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class Step:
    """All jobs of one rule: seconds together, and the most memory that one of them had, in MB (NaN: not known)."""

    rule: str
    jobs: int
    seconds: float
    most_mb: float


def steps_of(benchmarks: Path) -> list[Step]:
    """The steps whose files lie below `benchmarks`, the longest first; [] where there are none.

    A rule's file is `<rule>.tsv`, `<rule>-<wildcard>.tsv` or anything below `<rule>/`. A job that took less than a
    moment has no memory.
    """
    rows = []
    for path in sorted(benchmarks.rglob("*.tsv")):
        place = path.relative_to(benchmarks)
        rule = place.parts[0] if len(place.parts) > 1 else place.stem.split("-")[0]
        table = pd.read_csv(path, sep="\t", na_values="-")
        rows.append((rule, float(table["s"].sum()), float(table["max_rss"].max())))
    found = pd.DataFrame(rows, columns=["rule", "seconds", "most_mb"]).groupby("rule")
    steps = [
        Step(str(rule), len(jobs), float(jobs["seconds"].sum()), float(jobs["most_mb"].max())) for rule, jobs in found
    ]
    return sorted(steps, key=lambda step: (-step.seconds, step.rule))
