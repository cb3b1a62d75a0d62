"""What workflow tests share: copies of the project with a dataset small enough to run, and Snakemake on them."""

import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from filelock import FileLock
from hypothesis import settings

from linecam.networks.fast_batch_norm import quicken_norms
from linecam.selection import strategies as selection
from linecam.training.augment import variants
from linecam.training.simclr_views import Renderer, draw

# Each step of the line has PyTorch or TensorFlow; the tests have both. Triton, which PyTorch brings, crashes where it
# is loaded after TensorFlow, and not before it.
with suppress(ImportError):
    importlib.import_module("triton.knobs")

# The same examples in each run: whether a change lands must not hang on luck. docs/mutation.md has how to try others.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

ROOT = Path(__file__).parent.parent
PARTS = ["Snakefile", "requirements.lock", "rules", "scripts", "linecam", "config", "envs", "openmv", "profiles"]

# The files that take longest, in the order in which the workers of `make test` get them: one that is begun last keeps
# its worker busy while the others have nothing left. The second does not need what the first makes for all.
FIRST = [
    "workflow/test_line.py",
    "report/test_report.py",
    "cluster/test_s3.py",
    "workflow/test_reruns.py",
    "cluster/test_slurm.py",
    "training/test_distributed.py",
    "cluster/test_kubernetes.py",
    "page/test_label_command.py",
    "workflow/test_defaults.py",
    "evaluation/test_study_selection.py",
    "workflow/test_environments.py",
    "workflow/test_damage.py",
]

# Every stage, at the least cost.
TINY = {
    "networks": ["swift7-64"],
    "select": {"train": 60, "test": 50, "strategies": ["coreset"]},
    "pretrain": {"methods": ["simclr"], "cpu": {"epochs": 1, "batch_size": 32}},
    "finetune": {"epochs": 2, "folds": 2},
    "quantize": {"ranges": ["calibrated", [-6, 6]]},
    "evaluate": {"unlabelled_frames": 20},
    "bundle": {"accept": "weak"},  # two epochs teach it nothing
}


@dataclass
class Project:
    """A copy of the project in a folder of its own. What is `shared` by all workers may be read and planned."""

    folder: Path
    shared: bool = False

    def copy(self, folder: Path) -> "Project":
        """A copy of all of it, times too, to do with as one likes."""
        return Project(Path(shutil.copytree(self.folder, folder, symlinks=True)))

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Snakemake here with config/test.yaml; what it printed is in `stdout`."""
        assert not self.shared or "--dry-run" in arguments, "other workers read this project: run Snakemake in a copy"
        command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments, "--configfile", "config/test.yaml"]
        return subprocess.run(
            command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )

    def linecam(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of linecam here with config/test.yaml; what it printed is in `stdout`."""
        assert not self.shared, "other workers read this project: run the command in a copy"
        command = [sys.executable, "-m", "linecam", *arguments, "--configfile", "config/test.yaml"]
        return subprocess.run(
            command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )

    def build(self, *arguments: str) -> str:
        """Run Snakemake and fail where it fails; return what it printed."""
        run = self.snakemake(*arguments)
        assert run.returncode == 0, run.stdout[-5000:]
        return run.stdout

    def planned(self, *arguments: str) -> dict[str, int]:
        """How many jobs of which rule Snakemake would run now; {} where there is nothing to be done."""
        printed = self.build("--dry-run", "--verbose", *arguments)
        if "Nothing to be done" in printed:
            return {}
        table = re.search(r"Job stats:\njob +count\n[- ]+\n(.*?)\ntotal ", printed, flags=re.DOTALL)
        assert table is not None, printed[-5000:]
        jobs = dict(line.split() for line in table[1].splitlines())
        return {rule: int(count) for rule, count in jobs.items() if rule != "all"}

    def configure(self, config: dict) -> None:
        assert not self.shared, "other workers read this project: configure a copy"
        (self.folder / "config/test.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of `FIRST` first; the rest stay as they are."""
    place = {ROOT / "tests" / name: number for number, name in enumerate(FIRST)}
    if gone := [str(path) for path in place if not path.is_file()]:
        raise pytest.UsageError(f"FIRST in tests/conftest.py names what is not a file: {', '.join(gone)}")
    items.sort(key=lambda item: place.get(item.path, len(place)))


@cache
def compile_loops() -> None:
    """Have numba keep the loops' machine code in linecam/__pycache__, whence each copy of the project takes it."""
    kept = ROOT / "linecam/__pycache__"
    kept.mkdir(exist_ok=True)
    with FileLock(kept / ".compiling"):  # one worker compiles, the others read
        selection.coreset(np.zeros((2, 16), np.float32), ["a", "b"], 2, [], 1)
        draws = draw(1, 8, np.random.default_rng(1), color_jitter=1, min_crop=0.5)
        norm = torch.nn.Sequential(torch.nn.BatchNorm2d(8))
        quicken_norms(norm)
        images = torch.zeros(1, 8, 8, 8, dtype=torch.bfloat16).contiguous(memory_format=torch.channels_last)
        norm(images.requires_grad_()).sum().backward()
        Renderer(torch.device("cpu"), 1)(torch.zeros(1, 8, 8, 3, dtype=torch.uint8), draws)
        variants(np.zeros((1, 8, 8, 3), np.uint8), 8, np.random.default_rng(1))


def copy_project(folder: Path, config: dict) -> Project:
    """Copy the project into `folder`, with `config` as config/test.yaml."""
    compile_loops()
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if (ROOT / part).is_dir():
            # Files that another worker is writing, which have gone or become others in a moment.
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("*.tmp.*", "*.pyc.*"))
        else:
            shutil.copy(ROOT / part, folder / part)
    project = Project(folder)
    project.configure(config)
    return project


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Project:
    """The project that `make` builds in a folder of this name: for all workers once, by the first that asks for it."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    ended = folder.with_suffix(".ended")  # holds why it failed, where it did
    with FileLock(folder.with_suffix(".lock")):
        if not ended.exists():
            try:
                make(folder)
                ended.touch()
            except BaseException as error:
                ended.write_text(str(error))
                raise
    if failure := ended.read_text():
        pytest.fail(f"Another worker failed to build {folder}: {failure}")
    return Project(folder, shared=True)


@pytest.fixture(scope="session")
def belt(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The rendered belt, 200 frames, all built; shared."""

    def make(folder: Path) -> None:
        config = TINY | {"dataset": {"name": "tiny", "kind": "belt"}, "belt": {"frames": 200}}
        copy_project(folder, config).build()

    return made_once(tmp_path_factory, "belt", make)


@pytest.fixture(scope="session")
def folder(belt: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same frames as a user's folder, labelled in labels.csv, all built; shared."""

    def make(folder: Path) -> None:
        config = TINY | {"dataset": {"name": "mine", "kind": "folder", "source": "frames"}}
        project = copy_project(folder, config)
        shutil.copytree(belt.folder / "results/tiny/frames", folder / "frames")
        index = pd.read_csv(belt.folder / "results/tiny/index/frames.csv")
        truth = pd.read_csv(belt.folder / "results/tiny/truth.csv").set_index("frame")["label"]
        labels = pd.DataFrame({"sha256": index["sha256"], "path": index["path"], "label": index["path"].map(truth)})
        (folder / "data/mine").mkdir(parents=True)
        labels.assign(by="me", when="2026-11-22").to_csv(folder / "data/mine/labels.csv", index=False)
        project.build()

    return made_once(tmp_path_factory, "folder", make)
