"""What the rules say that they take: every one says it, it is enough, and no two jobs share a GPU."""

import math
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from snakemake.rules import Rule

from linecam.workflow.resources import has_gpu
from tests.conftest import ROOT, Project

TRAINS = {"teach", "pretrain", "pretrain_on_rendered", "distill", "finetune", "finetune_fold"}
ON_A_GPU = TRAINS | {"embed", "embed_by_teacher"}


@dataclass
class Planned:
    """A job as Snakemake would run it."""

    rule: str
    benchmark: str | None
    threads: int
    resources: dict[str, str]


@pytest.fixture(scope="module")
def planned(belt: Project, steps: dict[str, Rule]) -> list[Planned]:
    """Every job of the built belt. Its inputs are there, so Snakemake knows what each job takes."""
    printed = belt.build("--dry-run", "--verbose", "--forceall")
    jobs = []
    for block in re.split(r"^(?:local)?rule ", printed, flags=re.MULTILINE)[1:]:
        fields = dict(re.findall(r"^    (\w+): (.*)$", block, flags=re.MULTILINE))
        resources = dict(item.split("=", 1) for item in fields.get("resources", "").split(", ") if "=" in item)
        jobs.append(Planned(block.split(":")[0], fields.get("benchmark"), int(fields.get("threads", 1)), resources))
    assert len(jobs) > 25
    return [job for job in jobs if job.rule in steps]


def test_every_rule_says_what_it_takes(steps: dict[str, Rule]) -> None:
    assert not [name for name, rule in steps.items() if rule.ruleinfo.threads is None], "rules without threads:"
    for resource in ("mem_mb", "runtime"):
        assert not [name for name, rule in steps.items() if resource not in rule.resources], resource


def test_every_job_gets_numbers(planned: list[Planned]) -> None:
    for job in planned:
        assert int(job.resources["mem_mb"]) >= 500, job
        assert int(job.resources["runtime"]) >= 10, job


def test_declared_memory_is_at_least_what_was_measured(planned: list[Planned], belt: Project) -> None:
    measured = 0
    for job in planned:
        path = belt.folder / (job.benchmark or "none")
        if not path.is_file():
            continue
        peak = float(pd.read_csv(path, sep="\t")["max_rss"].max())  # MB, of the job and its children; NaN: too quick
        if not math.isnan(peak):
            measured += 1
            assert peak <= int(job.resources["mem_mb"]), job
    assert measured >= 10


def asked(
    rule: Rule, resource: str, *, size: int = 64, megabytes: float = 0, threads: int = 1, attempt: int = 1
) -> int:
    """How much of a resource a job asks for: for a network of this input size and inputs of so many MB."""
    wildcards = SimpleNamespace(network=f"swift7-{size}")
    given = {"input": SimpleNamespace(size_mb=megabytes), "threads": threads, "attempt": attempt}
    return rule.resources[resource].evaluate(wildcards, **given).value


def test_memory_grows_with_the_threads(rules: dict[str, Rule]) -> None:
    rule = rules["predict_tflite"]
    one, two, four = (asked(rule, "mem_mb", threads=threads) for threads in (1, 2, 4))
    assert four - two == 2 * (two - one) > 0
    assert asked(rules["split"], "mem_mb", threads=4) == asked(rules["split"], "mem_mb"), "it has one thread"


@pytest.mark.parametrize(("step", "resource"), [("embed", "mem_mb"), ("pretrain", "runtime")])
def test_memory_and_time_grow_with_the_input(rules: dict[str, Rule], step: str, resource: str) -> None:
    none, some, more = (asked(rules[step], resource, megabytes=megabytes) for megabytes in (0, 1000, 3000))
    assert more - some == 2 * (some - none) > 0


@pytest.mark.parametrize("resource", ["mem_mb", "runtime"])
def test_memory_and_time_grow_with_the_area_of_the_networks_input(rules: dict[str, Rule], resource: str) -> None:
    small, twice, thrice = (asked(rules["finetune"], resource, size=size) for size in (64, 128, 192))
    assert thrice - small == pytest.approx((9 - 1) / (4 - 1) * (twice - small), abs=1)
    assert twice > small


def test_after_a_failure_a_job_gets_twice_as_much_and_then_thrice(steps: dict[str, Rule]) -> None:
    for rule in steps.values():
        for resource in ("mem_mb", "runtime"):
            first, second, third = (asked(rule, resource, megabytes=100, attempt=number) for number in (1, 2, 3))
            assert (second, third) == (2 * first, 3 * first)
            assert first > 0


def test_neither_a_network_nor_an_input_is_asked_for_where_neither_counts(rules: dict[str, Rule]) -> None:
    """An input that is not there yet has no size, and most rules have no network among their wildcards."""
    resource = rules["choose"].resources["mem_mb"]
    assert resource.evaluate(None, input=None, threads=1, attempt=1).value == asked(rules["choose"], "mem_mb")


# --- GPUs


def test_steps_that_train_or_embed_ask_for_a_gpu_where_there_is_one(
    planned: list[Planned], steps: dict[str, Rule]
) -> None:
    assert {name for name, rule in steps.items() if "gpu" in rule.resources} == ON_A_GPU
    there = has_gpu()
    for job in planned:
        assert job.resources.get("gpu") == (str(int(there)) if job.rule in ON_A_GPU else None), job


TOY = """
rule all:
    input:
        expand("{kind}-{number}", kind=["gpu", "large", "small"], number=range(3)),


rule on_gpu:
    output:
        "gpu-{number}",
    resources:
        gpu=1,
    shell:
        "date +%s.%N > {output}; sleep 0.5; date +%s.%N >> {output}"


rule in_memory:
    output:
        "{kind}-{number}",
    wildcard_constraints:
        kind="large|small",
    resources:
        mem_mb=lambda wildcards: {"large": 9000, "small": 1000}[wildcards.kind],
    shell:
        "date +%s.%N > {output}; sleep 0.5; date +%s.%N >> {output}"
"""


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A workflow of jobs that want a GPU, much memory or little, with the default profile."""
    (tmp_path / "Snakefile").write_text(TOY)
    shutil.copytree(ROOT / "profiles/default", tmp_path / "profiles/default")
    return tmp_path


def run(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "snakemake", "--cores", "8", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def at_once(folder: Path, kind: str) -> int:
    """The most jobs of a kind that ran at the same time."""
    spans = [tuple(map(float, path.read_text().split())) for path in folder.glob(f"{kind}-*")]
    assert len(spans) == 3
    return max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)


def test_one_job_has_the_gpu_at_a_time(toy: Path) -> None:
    run(toy)
    assert at_once(toy, "gpu") == 1
    assert at_once(toy, "large") > 1, "memory isn't counted unless someone says how much there is"


def test_declared_memory_holds_a_small_machine_together(toy: Path) -> None:
    run(toy, "--resources", "mem_mb=8000", "gpu=1")
    assert at_once(toy, "gpu") == 1
    assert at_once(toy, "large") == 1, "more than there is: alone"
    assert at_once(toy, "small") > 1
