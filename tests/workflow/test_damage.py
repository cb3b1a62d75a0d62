"""A result that is damaged after it was made: the step that reads it stops and names it; deleted, it is made anew."""

import os
import shutil
from pathlib import Path

import pytest

from linecam.files import sha256
from tests.conftest import Project

MODEL = "swift7-64-simclr/coreset-60/seed-1"
# What is damaged, a file and a folder, and a file that is made of it. That a job checks all that it reads, whatever its
# form, is tested in tests/test_checksums.py.
CASES = {
    "tflite": (f"quantize/{MODEL}/calibrated/model.tflite", f"predict/{MODEL}/calibrated.csv"),
    "savedmodel": (f"savedmodel/{MODEL}/saved_model.pb", f"quantize/{MODEL}/fixed_-6_6/model.tflite"),
}


def flip(path: Path) -> None:
    """Change 60 bytes in the middle, and let the times be as they were: Snakemake then sees nothing."""
    status, data = path.stat(), bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 60] = bytes(byte ^ 0x5A for byte in data[middle : middle + 60])
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture(scope="module")
def project(belt: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return belt.copy(tmp_path_factory.mktemp("damage") / "belt")


@pytest.mark.parametrize("case", CASES)
def test_a_damaged_result_is_named_and_made_anew(project: Project, case: str) -> None:
    results = Path("results/tiny")
    damaged, made = CASES[case]
    path, sound, before = project.folder / results / damaged, {}, {}
    for file, digests in ((path, sound), (project.folder / results / made, before)):
        digests[file] = sha256(file)
    flip(path)
    (project.folder / results / made).unlink()
    run = project.snakemake(str(results / made))
    assert run.returncode != 0
    named = str(results / damaged).removesuffix("/saved_model.pb")
    assert f"Damaged since linecam made it: {named} has other bytes than it had" in run.stdout
    assert f"Delete {named}, and run the same command again" in run.stdout
    assert "Traceback" not in run.stdout
    if case == "savedmodel":
        shutil.rmtree(path.parent)
    else:
        path.unlink()
    project.build(str(results / made))
    assert {file: sha256(file) for file in (*sound, *before)} == sound | before
