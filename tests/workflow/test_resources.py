"""What the rules say that they take: every one says it, it is enough, and no two jobs share a GPU."""

import math
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from linecam.workflow.config import has_gpu
from tests.conftest import ROOT, Project
from tests.workflow.test_dependencies import rules

WITH_SCRIPT = {name: text for name, text in rules().items() if "script:" in text}
ON_A_GPU = {"pretrain", "pretrain_on_rendered", "distill", "embed", "finetune", "finetune_fold"}


def resources_of(text: str) -> set[str]:
    """The resources that a rule names, those of a dictionary that it shares with others too."""
    found = re.search(r"^( +)resources:\n((?:\1 .*\n)+)", text, re.MULTILINE)
    assert found is not None
    named = set(re.findall(r"^ +(\w+)=", found[2], re.MULTILINE))
    everything = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.smk"))
    for shared in re.findall(r"\*\*([A-Z]+),", found[2]):
        literal = re.search(rf"^{shared} = {{\n(.*?)^}}", everything, re.MULTILINE | re.DOTALL)
        assert literal is not None, shared
        named |= set(re.findall(r'^    "(\w+)":', literal[1], re.MULTILINE))
    return named


@dataclass
class Planned:
    """A job as Snakemake would run it."""

    rule: str
    benchmark: str | None
    threads: int
    resources: dict[str, str]


@pytest.fixture(scope="module")
def planned(belt: Project) -> list[Planned]:
    """Every job of the built belt. Its inputs are there, so Snakemake knows what each job takes."""
    printed = belt.build("--dry-run", "--forceall")
    jobs = []
    for block in re.split(r"^(?:local)?rule ", printed, flags=re.MULTILINE)[1:]:
        fields = dict(re.findall(r"^    (\w+): (.*)$", block, flags=re.MULTILINE))
        resources = dict(item.split("=", 1) for item in fields.get("resources", "").split(", ") if "=" in item)
        jobs.append(Planned(block.split(":")[0], fields.get("benchmark"), int(fields.get("threads", 1)), resources))
    assert len(jobs) > 25
    return [job for job in jobs if job.rule in WITH_SCRIPT]


@pytest.mark.parametrize("name", WITH_SCRIPT)
def test_every_rule_says_what_it_takes(name: str) -> None:
    text = WITH_SCRIPT[name]
    assert re.search(r"^ +threads: ", text, re.MULTILINE)
    assert {"mem_mb", "runtime"} <= resources_of(text)


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


def test_memory_and_time_grow_with_the_input_the_network_and_after_a_failure() -> None:
    text = (ROOT / "rules/common.smk").read_text(encoding="utf-8")
    functions = re.findall(r"^def (?:memory|minutes|grown)\(.*?(?=^\S)", text, flags=re.MULTILINE | re.DOTALL)
    assert len(functions) == 3
    names: dict[str, Any] = {}
    exec("".join(functions), names)
    small, large = SimpleNamespace(network="resnet9-64"), SimpleNamespace(network="resnet9-128")
    megabytes = SimpleNamespace(size_mb=100.0)
    memory = names["memory"](1000, each=200, area=500, of_input=2)
    assert memory(small, megabytes, threads=4, attempt=1) == 1000 + 800 + 500 + 200
    assert memory(large, megabytes, threads=1, attempt=1) == 1000 + 200 + 2000 + 200
    assert memory(small, megabytes, threads=4, attempt=3) == 3 * 2500
    minutes = names["minutes"](10, area=5, of_input=0.1)
    assert minutes(small, megabytes, attempt=1) == 25
    assert minutes(large, megabytes, attempt=2) == 80
    plain = names["memory"](500)
    assert plain(None, None, threads=8, attempt=1) == 500, "neither a network nor an input is asked for"


# --- GPUs


def test_steps_that_train_or_embed_ask_for_a_gpu_where_there_is_one(planned: list[Planned]) -> None:
    assert {name for name, text in WITH_SCRIPT.items() if "gpu" in resources_of(text)} == ON_A_GPU
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
