"""The environments: one set of pins in requirements.in, requirements.lock and envs/*.yaml, and none a package short."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from snakemake.rules import Rule

from linecam.workflow.dependencies import modules_of
from tests.conftest import ROOT
from tests.workflow.conftest import environment_of, script_of

CONDA = ROOT / "tests/conda"
ENVS = sorted(path.name for path in (ROOT / "envs").iterdir())
LOCK = [line for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
PINNED = dict(line.split("==") for line in LOCK)

# By the name that is imported.
DISTRIBUTIONS = packages_distributions()

# What a run needs of the project; data and results are its own.
PROJECT = ["Snakefile", "config", "envs", "linecam", "openmv", "profiles", "requirements.lock", "rules", "scripts"]


def packages_of(env: str) -> list[Requirement]:
    """What pip installs in the environment."""
    python, pip, packages = yaml.safe_load((ROOT / "envs" / env).read_text(encoding="utf-8"))["dependencies"]
    assert (python, pip, list(packages)) == ("python=3.11", "pip", ["pip"])
    return [Requirement(line) for line in packages["pip"]]


@pytest.mark.parametrize("env", ENVS)
def test_an_environment_has_the_versions_of_the_lock_file(env: str) -> None:
    for package in packages_of(env):
        assert package.name == canonicalize_name(package.name), f"envs/{env}"
        assert package.name in PINNED, f"envs/{env} asks for {package.name}, which is not in requirements.lock"
        assert str(package.specifier) == f"=={PINNED[package.name]}", (
            f"envs/{env} asks for {package}, requirements.lock has {PINNED[package.name]}"
        )


def test_the_lock_file_is_canonical_and_sorted() -> None:
    assert list(PINNED) == sorted({canonicalize_name(name) for name in PINNED})


def test_the_lock_file_has_what_is_asked_for() -> None:
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    asked = [Requirement(text) for line in lines if (text := line.split("#")[0].strip())]
    assert asked
    for package in asked:
        pin = PINNED.get(canonicalize_name(package.name))
        assert pin, f"requirements.in asks for {package}, which is not in requirements.lock: run `make lock`"
        assert package.specifier.contains(pin, prereleases=True), (
            f"requirements.in asks for {package}, requirements.lock has {pin}: run `make lock`"
        )


def test_every_rule_has_an_environment_and_a_log(steps: dict[str, Rule]) -> None:
    assert not [name for name, rule in steps.items() if not rule.conda_env], "rules without conda:"
    assert not [name for name, rule in steps.items() if not rule.log], "rules without log:"
    assert {environment_of(rule) for rule in steps.values()} == set(ENVS), "envs/ and what the rules name"


def imports(path: str) -> set[str]:
    """The top-level packages that a file imports, wherever in it, save those of Python and of linecam."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names - {"linecam"}


def test_a_script_imports_what_its_environment_brings(steps: dict[str, Rule], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for script, env in {(script_of(rule), environment_of(rule)) for rule in steps.values()}:
        brings = {package.name for package in packages_of(env)}
        for path in modules_of(script):
            for name in sorted(imports(path)):
                names = {canonicalize_name(distribution) for distribution in DISTRIBUTIONS.get(name, [name])}
                assert names & brings, (
                    f"{script}: {path} imports {name}, and envs/{env} doesn't ask for {' or '.join(sorted(names))}"
                )


class Line(NamedTuple):
    """A copy of the project, and Snakemake to run in it with the stand-in conda."""

    root: Path

    def snakemake(self, target: str, settings: str) -> None:
        """Make `target` with `--sdm conda`."""
        (self.root / "small.yaml").write_text(settings, encoding="utf-8")
        environment = {
            name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
        }
        # `python3` is what the stand-in runs on; a rule's environment comes before it.
        environment["PATH"] = os.pathsep.join([str(CONDA), str(Path(sys.executable).parent), os.environ["PATH"]])
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--sdm", "conda", "--configfile", "small.yaml"]
        run = subprocess.run(
            [*command, "--", target],
            cwd=self.root,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert run.returncode == 0, run.stdout[-20_000:]
        assert (self.root / target).is_file()

    def pythons(self) -> dict[str, Path]:
        """The Python of each environment, by the name of its file in envs/."""
        texts = {(self.root / "envs" / env).read_bytes(): env for env in ENVS}
        return {
            texts[copy.read_bytes()]: copy.with_suffix("") / "bin/python"
            for copy in (self.root / ".snakemake/conda").glob("*.yaml")
        }

    def started(self) -> set[tuple[str, str]]:
        """Which script Snakemake ran in which environment, as these have noted it."""
        found = set()
        for env, python in self.pythons().items():
            for line in (python.parents[1] / "started.jsonl").read_text(encoding="utf-8").splitlines():
                if match := re.search(r"/\.snakemake/scripts/tmp\w+\.(\w+\.py)$", json.loads(line)[-1]):
                    found.add((f"scripts/{match[1]}", env))
        return found


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    for name in PROJECT:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    yield Line(tmp_path)
    shutil.rmtree(tmp_path)  # up to 10 GB, and pytest keeps three


def imports_in(python: Path, name: str) -> bool:
    """Whether an environment's Python imports `name` with this one's packages behind its own, as Snakemake has it."""
    code = f"import sys; sys.path.extend({sys.path!r}); import {name}"
    return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0


def test_the_rules_run_in_an_environment_of_their_own(line: Line) -> None:
    """Frames to pixels with `--sdm conda`, in an environment that tests/conda makes of envs/plain.yaml.

    Proved: Snakemake makes the environment and each of these rules runs with its Python; pip installs its packages
    together; these scripts need no package beside those and what they bring, although Snakemake, which runs in the
    environment of everything, lends its own packages to every script (tests/conda/watch.py takes them away again).

    Not proved: that conda itself solves and installs the file (`python=3.11` from conda-forge is the only thing that
    it solves; the rest is pip there, too); another Python for Snakemake than for the rules; the other environments,
    which LINECAM_CONDA_ALL=1 runs; and the versions of what the packages bring, which envs/ does not pin.
    """
    line.snakemake("results/belt/pixels/64.npy", "belt: {frames: 40}\n")
    assert line.started() == {
        ("scripts/render_belt.py", "plain.yaml"),
        ("scripts/index_frames.py", "plain.yaml"),
        ("scripts/decode_frames.py", "plain.yaml"),
        ("scripts/gather_pixels.py", "plain.yaml"),
    }
    python = line.pythons()["plain.yaml"]
    assert imports_in(python, "pandas")
    assert imports_in(python, "snakemake.logging")  # lent, as the script needs it
    assert not imports_in(python, "torch")  # lent, and refused


SMALL = """
belt: {frames: 200}
select: {train: 40, test: 40}
pretrain: {cpu: {epochs: 1, batch_size: 32}, gpu: {epochs: 1, batch_size: 32}}
finetune: {epochs: 2, folds: 2}
quantize: {ranges: [calibrated]}
"""


@pytest.mark.skipif(
    not os.environ.get("LINECAM_CONDA_ALL"), reason="LINECAM_CONDA_ALL=1 makes all environments: 10 GB, some minutes"
)
def test_the_whole_line_runs_in_its_environments(line: Line, steps: dict[str, Rule]) -> None:
    """Frames to bundle with `--sdm conda`, each rule in its environment. Proves as much as the test above, for all."""
    line.snakemake("results/belt/bundle/openmv-h7.zip", SMALL)
    started = line.started()
    assert started <= {(script_of(rule), environment_of(rule)) for rule in steps.values()}
    assert {env for _, env in started} == set(ENVS)
    assert ("scripts/bundle.py", "bundle.yaml") in started
