"""A disk that is full, read-only or another user's is never called a fault of linecam."""

import errno
import logging
import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from linecam import disk
from linecam.errors import reported
from linecam.files import atomic_write
from linecam.frames.shards import new_array
from tests.conftest import ROOT

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with results, on a disk of 4 GB that is full."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: Usage(4_000_000_000, 0, 1_200_000))
    for name, length in (("masks/pixels/a", 5000), ("masks/pixels/b/c", 1000), ("belt/embed/a", 70), ("belt/x", 9999)):
        path = tmp_path / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(length))
    return tmp_path


class RustError(Exception):
    """What safetensors raises, by its words."""


FULL = {
    "python": OSError(errno.ENOSPC, "No space left on device"),
    "numpy": OSError("3000000 requested and 1048448 written"),
    "safetensors": RustError("Error while serializing: I/O error: No space left on device (os error 28)"),
    "tensorflow": RuntimeError("RESOURCE_EXHAUSTED: results/x.tmp; No space left on device"),
}


@pytest.mark.parametrize("library", FULL)
def test_a_full_disk_is_named_with_what_to_delete(folder: Path, library: str) -> None:
    told = disk.explain(FULL[library])
    assert told is not None
    assert f"The disk is full: {disk._mount(folder)}, which holds 4.0 GB, has 1.2 MB free" in told
    assert "All of results/ can be made again" in told
    assert "The most is in results/masks/pixels (6.0 kB), results/belt/embed (70 bytes)." in told
    assert told.endswith("Then run the same command again: what is made already stays.")
    assert "\n" not in told


def test_a_file_that_goes_while_they_are_added_up_counts_as_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk other steps fail at the same time, and remove what they had begun."""
    walk = os.walk

    def with_one_more(place: Path) -> list[tuple[str, list[str], list[str]]]:
        return [(root, names, [*files, "gone"]) for root, names, files in walk(place)]

    monkeypatch.setattr(disk.os, "walk", with_one_more)
    assert "The most is in results/masks/pixels (6.0 kB)" in (disk.explain(FULL["python"]) or "")


def test_the_cause_of_an_error_counts(folder: Path) -> None:
    try:
        try:
            raise FULL["python"]
        except OSError as error:
            raise RuntimeError("the export failed") from error
    except RuntimeError as error:
        assert "The disk is full" in (disk.explain(error) or "")


def test_a_quota_is_told_from_a_full_disk(folder: Path) -> None:
    assert "Your share of the disk (its quota)" in (disk.explain(OSError(errno.EDQUOT, "Disk quota exceeded")) or "")


@pytest.mark.parametrize("place", ["tmp", ".snakemake"])
@pytest.mark.parametrize("named", [True, False])
def test_what_fills_up_may_be_elsewhere(folder: Path, place: str, named: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the folder for temporary files that is named in the environment, Python says another one when it is full."""
    other = folder / place
    other.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
    if not named:
        for name in ("TMPDIR", "TEMP", "TMP"):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(disk.tempfile, "gettempdir", lambda: str(folder / ("elsewhere" if named else "tmp")))
    monkeypatch.setattr(disk, "_mount", lambda path: other if str(path).startswith(str(other)) else folder)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: Usage(9, 9, 0 if Path(path) == other else 10**9))
    told = disk.explain(FULL["python"]) or ""
    assert f"The disk is full: {other}" in told
    assert ("TMPDIR" in told) == (place == "tmp")


def test_a_read_only_file_system_is_named(folder: Path) -> None:
    told = disk.explain(OSError(errno.EROFS, "Read-only file system", "results/belt/x.npy")) or ""
    assert told.startswith(f"{folder}/results/belt/x.npy can't be written: the file system {disk._mount(folder)} is")


def test_a_file_of_another_user_is_named_with_its_owner(folder: Path) -> None:
    told = disk.explain(PermissionError(errno.EACCES, "Permission denied", str(folder / "results/belt/new.npy"))) or ""
    assert f"{folder}/results/belt/new.npy can't be opened: permission denied. {folder}/results/belt belongs to" in told
    assert f"has the mode {(folder / 'results/belt').stat().st_mode & 0o777:o}" in told


@pytest.mark.parametrize(
    "error", [ValueError("5 requested"), KeyError("x"), FileNotFoundError(2, "none", "x"), ConnectionError("os error")]
)
def test_any_other_error_is_none_of_the_disk(folder: Path, error: Exception) -> None:
    assert disk.explain(error) is None


@pytest.mark.parametrize("path", ["notes.txt/x.csv", "notes.txt/a/b/x.csv"])
def test_a_file_where_a_folder_should_be_is_named(folder: Path, path: str) -> None:
    (folder / "notes.txt").write_text("")
    with pytest.raises(OSError) as error, atomic_write(path):
        pass
    assert (
        disk.explain(error.value) == f"{path} can't be written: notes.txt is a file, and no folder. Name another place."
    )
    assert disk.explain(FileExistsError(errno.EEXIST, "File exists", "notes.txt")) is None


def test_a_name_that_is_too_long_is_named_in_short(folder: Path) -> None:
    with pytest.raises(OSError) as error:
        Path("a" * 300).stat()
    assert disk.explain(error.value) == f"{'a' * 40}...: the name is too long for a file. Take a shorter one."


# Where it happens


def test_a_step_ends_with_the_paragraph_alone(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    log, result = folder / "logs/step.log", folder / "results/belt/y.npy"
    with caplog.at_level(logging.INFO), pytest.raises(SystemExit), reported(log), atomic_write(result):
        raise FULL["numpy"]
    assert f"This step needs more to write {folder}/results/belt/y.npy." in caplog.text
    assert "fault of linecam" not in caplog.text
    assert "Traceback" not in caplog.text


def test_a_log_that_has_no_room_keeps_no_step_from_its_message(tmp_path: Path) -> None:
    """The disk may be full already when the step begins."""
    code = "from linecam.errors import *\nwith reported('/dev/full/step.log'):\n    raise UserError('Told.')"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr.endswith(" Told.\n")
    assert "Traceback" not in run.stderr
    assert "Logging error" not in run.stderr


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system sets no room aside")
def test_an_array_has_its_room_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk met later, while the mapped file is written, ends the process by a signal, without a word."""
    array = new_array(tmp_path / "a.npy", np.uint8, (1000, 1000))
    assert (tmp_path / "a.npy").stat().st_blocks * 512 >= 1_000_000
    array[:] = 7
    array.flush()
    assert (np.load(tmp_path / "a.npy") == 7).all()
    assert new_array(tmp_path / "none.npy", np.float32, (0, 16)).shape == (0, 16)
