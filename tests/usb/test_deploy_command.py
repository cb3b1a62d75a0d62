"""`linecam deploy`: a bundle by its folder, or that of a configuration, of which Snakemake makes what is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

from linecam.errors import UserError
from linecam.workflow.commands import board_for
from tests.conftest import ROOT, TINY, Project, copy_project
from tests.usb.test_deploy import holds, make_bundle
from tests.usb.test_measure import plugged_in


def test_by_hand_it_ends_with_one_paragraph_and_no_stack_trace(tmp_path: Path) -> None:
    bundle, drive = make_bundle(tmp_path / "new", 1), tmp_path / "OPENMV"
    command = [sys.executable, "-m", "linecam", "deploy", str(bundle), "--drive", str(drive)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "does not exist" in run.stderr
    assert "Traceback" not in run.stderr
    assert len(run.stderr.splitlines()) == 1
    drive.mkdir()
    (drive / ".openmv_disk").touch()
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert holds(drive, bundle)


@pytest.mark.parametrize(
    ("board", "boards", "said"),
    [
        (None, ["a", "b"], "The configuration names 2 boards, a, b. .*--board a"),
        (
            "openmv-h",
            ["openmv-h7", "openmv-rt"],
            "--board openmv-h: bundle.boards has no such board. It has: openmv-h7, op",
        ),
    ],
)
def test_the_board_must_be_clear(board: str | None, boards: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        board_for(board, boards)


def test_the_only_board_needs_no_name() -> None:
    assert board_for(None, ["a"]) == "a"
    assert board_for("b", ["a", "b"]) == "b"


def test_what_is_no_drive_is_told_before_anything_is_built(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project", TINY | {"dataset": {"name": "tiny", "kind": "belt"}})
    run = project.linecam("deploy", "--drive", str(tmp_path / "OPENMV"))
    assert run.returncode == 1
    assert "does not exist" in run.stdout
    (tmp_path / "OPENMV").mkdir()
    (tmp_path / "OPENMV/.openmv_disk").touch()
    run = project.linecam("deploy", "--drive", str(tmp_path / "OPENMV"), "--board", "openmv-ae3")
    assert run.returncode == 1
    assert "bundle.boards has no such board" in run.stdout
    run = project.linecam("deploy")
    assert run.returncode == 2
    assert "name the camera's drive" in " ".join(run.stdout.split())
    run = project.linecam("deploy", "results/tiny/bundle/openmv-h7", "--drive", str(tmp_path / "OPENMV"))
    assert run.returncode == 2
    assert "--configfile" in run.stdout, "of a bundle that is there already nothing is configured"
    run = project.linecam("measure", "/dev/null")
    assert run.returncode == 1
    assert "/dev/null is not a serial port" in run.stdout
    assert not (project.folder / ".snakemake").exists()


def test_a_bundle_is_deployed_without_building_anew(belt: Project, tmp_path: Path) -> None:
    drive = tmp_path / "OPENMV"
    drive.mkdir()
    (drive / ".openmv_disk").touch()
    project = belt.copy(tmp_path / "belt")
    run = project.linecam("deploy", "--drive", str(drive), "--replace", "--board", "openmv-h7")
    assert run.returncode == 0, run.stdout
    assert "Nothing to be done" in run.stdout
    assert "Eject the drive, then press reset" in run.stdout
    assert holds(drive, project.folder / "results/tiny/bundle/openmv-h7")
    assert project.planned() == {}, "a drive is nothing that a bundle depends on"

    # There it is measured; the camera of the tests computes something of its own.
    with plugged_in(tmp_path, drive, "5.0.0") as cable:
        run = project.linecam("measure", cable.port, "--board", "openmv-h7")
    assert run.returncode == 1
    assert "model.tflite loads" in run.stdout
    assert "The camera's results differ from linecam's on 10 of 10 test frames" in run.stdout
