"""Checksums of results: damage of every kind is found and named, and what is sound or unknown passes."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from linecam import checksums
from linecam.errors import UserError
from linecam.workflow.job import job, results_of


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checksums, "PATIENCE", 0)
    folder = Path("results/belt")
    (folder / "quantize").mkdir(parents=True)
    return folder


@pytest.fixture
def model(results: Path) -> Path:
    """A result that a job made."""
    path = results / "quantize/model.tflite"
    path.write_bytes(bytes(range(256)) * 40)
    checksums.record(results, [path])
    return path


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)


def flip_and_hide(path: Path) -> None:
    status = path.stat()
    flip(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def empty(path: Path) -> None:
    path.write_bytes(b"")


DAMAGES = [flip, flip_and_hide, cut, lengthen, zeros, empty]


@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_and_named(
    results: Path, model: Path, damage: Callable[[Path], None], large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checksums, "LARGE", 100 if large else 2**28)
    monkeypatch.setattr(checksums, "BLOCK", 1000)
    checksums.record(results, [model])
    checksums.check(results, [model])
    time.sleep(0.02)  # the clock of the file system's times ticks 100 to 1000 times a second
    damage(model)
    with pytest.raises(UserError) as error:
        checksums.check(results, [model])
    assert f"Delete {model}, and run the same command again" in str(error.value)
    assert "\n" not in str(error.value)


def test_all_that_is_damaged_is_named_at_once(results: Path, model: Path) -> None:
    other = results / "quantize/other.csv"
    other.write_text("a,b\n")
    checksums.record(results, [other])
    flip(model)
    cut(other)
    with pytest.raises(UserError, match=r"10,240 of them.*other\.csv has 3 bytes, and had 4.*makes them anew"):
        checksums.check(results, [model, other])


@pytest.mark.parametrize("change", ["content", "name", "missing", "more"])
def test_a_folder_is_all_that_is_in_it(results: Path, change: str) -> None:
    folder = results / "savedmodel"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"model")
    (folder / "variables/0").write_bytes(b"weights")
    checksums.record(results, [folder])
    (folder / ".snakemake_timestamp").touch()  # Snakemake does, once the job has ended
    checksums.check(results, [folder])
    if change == "content":
        (folder / "variables/0").write_bytes(b"weighty")
    elif change == "name":
        (folder / "variables/0").rename(folder / "variables/1")
    elif change == "missing":
        (folder / "variables/0").unlink()
    else:
        (folder / "variables/1").write_bytes(b"")
    with pytest.raises(UserError, match=r"savedmodel has"):
        checksums.check(results, [folder])


def test_a_copy_is_as_good(results: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another inode and other times are no damage, whatever the size."""
    monkeypatch.setattr(checksums, "LARGE", 100)
    checksums.record(results, [model])
    data = model.read_bytes()
    model.unlink()
    model.write_bytes(data)
    checksums.check(results, [model])


def test_a_large_file_that_nobody_wrote_to_is_not_read_again(
    results: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checksums, "LARGE", 100)
    checksums.record(results, [model])
    monkeypatch.setattr(checksums, "_crc32", lambda *_: pytest.fail("it was read"))
    checksums.check(results, [model])


def test_what_is_not_known_passes(results: Path, tmp_path: Path) -> None:
    """Results of an older linecam, files of a user's, and files that aren't there: those are Snakemake's to name."""
    old, mine = results / "quantize/old.tflite", tmp_path / "mine.csv"
    old.write_bytes(b"old")
    mine.write_bytes(b"mine")
    checksums.record(results, [mine])
    checksums.check(results, [old, mine, results / "none"])
    assert not (results / checksums.FOLDER).exists()


def test_a_damaged_checksum_is_named(results: Path, model: Path) -> None:
    (entry,) = (results / checksums.FOLDER).rglob("*.json")
    entry.write_text("{")
    with pytest.raises(UserError, match=rf"checksum in {entry} is damaged itself"):
        checksums.check(results, [model])


def test_blocks_give_what_one_piece_gives(results: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksums, "BLOCK", 1000)
    assert len({checksums._sum(model)["crc32"] for _ in range(5)}) == 1, "threads end in any order"


# What a job does with them


def snakemake(read: list[Path], made: list[Path]) -> SimpleNamespace:
    return SimpleNamespace(
        log=["results/belt/logs/step.log"], input=[str(path) for path in read], output=[str(path) for path in made]
    )


def test_a_job_notes_what_it_makes_and_the_next_one_compares(results: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = results / "choice.json"
    with job(snakemake([], [made])):
        made.write_text('{"model": 1}')
    with job(snakemake([made], [])):
        pass
    made.write_text('{"model": 2}')
    with pytest.raises(SystemExit), job(snakemake([made], [])):
        pytest.fail("a step on a damaged file")
    assert "results/belt/choice.json has other bytes than it had" in caplog.text


def test_a_job_that_fails_vouches_for_nothing(results: Path) -> None:
    made = results / "choice.json"
    with pytest.raises(SystemExit), job(snakemake([], [made])):
        made.write_text("half")
        raise UserError("no more")
    assert not (results / checksums.FOLDER).exists()


def test_of_several_processes_the_first_does_it(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = results / "choice.json"
    monkeypatch.setenv("RANK", "1")
    with job(snakemake([], [made])):
        made.write_text("{}")
    assert not (results / checksums.FOLDER).exists()


def test_the_folder_of_the_results_is_that_above_the_logs() -> None:
    assert results_of("results/belt/logs/quantize/a/b.log") == Path("results/belt")
    assert results_of("/far/results/belt/logs/a.log") == Path("/far/results/belt")
    # The last one counts: a dataset, or a folder further up, may have that name.
    assert results_of("results/logs/logs/a.log") == Path("results/logs")
    assert results_of("/logs/results/belt/logs/a.log") == Path("/logs/results/belt")
    assert results_of(".snakemake/storage/s3/bucket/results/belt/logs/a.log") is None
