"""linecam from another folder: by the path of its Snakefile, as a module of another workflow, and from a repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from tests.conftest import PARTS, ROOT, TINY

CONFIG = TINY | {
    "dataset": {"name": "caps", "kind": "folder", "source": "frames", "classes": ["good", "bad"]},
    "select": {"train": 3, "test": 3, "strategies": ["coreset"]},  # there are six frames
}
PIXELS = "results/caps/pixels/64.npy"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder of its own, with a few frames and a configuration, but nothing of linecam."""
    folder = tmp_path / "plant"
    (folder / "frames").mkdir(parents=True)
    for number in range(6):
        Image.new("RGB", (320, 240), (40 * number, 80, 120)).save(folder / f"frames/caps-{number}.png")
    (folder / "mine.yaml").write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    return folder


def snakemake(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_by_the_path_of_the_snakefile(place: Path, tmp_path: Path) -> None:
    """Frames, labels and results lie by the working directory, and what belongs to linecam by its Snakefile."""
    there = ["--snakefile", ROOT / "Snakefile", "--directory", place, "--configfile", place / "mine.yaml"]
    run = snakemake(PIXELS, *there, cwd=tmp_path)
    assert run.returncode == 0, run.stdout
    assert (place / PIXELS).is_file()
    assert not (tmp_path / "results").exists()
    again = snakemake(PIXELS, "--dry-run", *there, cwd=tmp_path)
    assert "Nothing to be done" in again.stdout, again.stdout
    everything = snakemake("--dry-run", *there, cwd=tmp_path)
    assert everything.returncode == 0, everything.stdout
    assert "bundle" in everything.stdout


def test_without_any_configuration_it_is_the_built_in_belt(place: Path) -> None:
    run = snakemake("--dry-run", "--verbose", "--snakefile", ROOT / "Snakefile", cwd=place)
    assert run.returncode == 0, run.stdout
    assert "render_belt" in run.stdout


MODULE = """
configfile: "plant.yaml"


module caps:
    snakefile:
        {snakefile}
    config:
        config["caps"]


use rule * from caps as caps_*


rule all:
    default_target: True
    input:
        rules.caps_all.input,
"""


def as_module(place: Path, snakefile: str) -> None:
    (place / "plant.yaml").write_text(yaml.safe_dump({"caps": CONFIG}), encoding="utf-8")
    (place / "Snakefile").write_text(MODULE.format(snakefile=snakefile), encoding="utf-8")


def test_as_a_module_of_another_workflow(place: Path) -> None:
    as_module(place, repr(str(ROOT / "Snakefile")))
    run = snakemake(PIXELS, cwd=place)
    assert run.returncode == 0, run.stdout
    assert (place / PIXELS).is_file()
    everything = snakemake("--dry-run", cwd=place)
    assert everything.returncode == 0, everything.stdout
    assert "caps_bundle" in everything.stdout


def test_as_a_module_from_a_repository(place: Path, tmp_path: Path) -> None:
    """`gitfile` reads a repository of this machine as `github` reads one there; linecam itself is installed.

    The rules are read. A plan is not made: with `gitfile`, Snakemake 9.27 fails on the path of a rule's script. linecam
    lies in a folder of the repository, since Snakemake looks for "/rules" beside a Snakefile at the very top.
    """
    repository = tmp_path / "repository"
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        (repository / "linecam" / part).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / part, repository / "linecam" / part)
    git = ["git", "-c", "user.name=linecam", "-c", "user.email=linecam@localhost"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "linecam"], ["tag", "v1"]):
        subprocess.run([*git, *command], cwd=repository, check=True)
    as_module(place, f'gitfile({str(repository)!r}, path="linecam/Snakefile", tag="v1")')
    run = snakemake("--list", cwd=place, PYTHONPATH=str(ROOT))
    assert run.returncode == 0, run.stdout
    assert {"caps_index_frames", "caps_bundle"} < set(run.stdout.split())
