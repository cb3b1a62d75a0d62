"""Kept frames come from the card into the dataset: whole, once, and with what is known of them."""

import json
from pathlib import Path

import pytest

from linecam.errors import UserError
from linecam.usb.copy_kept import copy_kept
from tests.test_cli import linecam


def card(place: Path, numbers: range, what: str = "a") -> Path:
    folder = place / "kept"
    folder.mkdir(parents=True, exist_ok=True)
    for n in numbers:
        (folder / f"K{n:07d}.bmp").write_text(f"{what} {n}")
        with (folder / f"K{n - n % 100:07d}.jsonl").open("a") as file:
            file.write("\n" + json.dumps({"file": f"K{n:07d}.bmp", "item": n, "reason": what}))
    return place


def told(folder: Path) -> dict[str, str]:
    lines = [line for path in folder.glob("*.jsonl") for line in path.read_text().splitlines() if line]
    return {entry["file"]: entry["reason"] for entry in map(json.loads, lines)}


@pytest.mark.parametrize("below", ["", "kept"])
def test_a_drive_or_its_folder(tmp_path: Path, below: str) -> None:
    copy_kept(card(tmp_path / "card", range(98, 102)) / below, tmp_path / "frames")
    target = tmp_path / "frames/kept"
    assert sorted(path.name for path in target.iterdir()) == [
        *("K0000000.jsonl", "K0000098.bmp", "K0000099.bmp", "K0000100.bmp", "K0000100.jsonl", "K0000101.bmp")
    ]
    assert (target / "K0000100.bmp").read_text() == "a 100"
    assert len(told(target)) == 4


def test_what_the_camera_has_replaced_since_stays(tmp_path: Path) -> None:
    place = card(tmp_path / "card", range(1, 5))
    copy_kept(place, tmp_path / "frames")
    for n in (1, 2):
        (place / f"kept/K000000{n}.bmp").unlink()
    card(place, range(5, 7))
    (place / "kept/.unfinished.bmp").write_text("half")
    copy_kept(place, tmp_path / "frames")
    assert sorted(path.name for path in (tmp_path / "frames/kept").glob("K*.bmp")) == [
        f"K000000{n}.bmp" for n in range(1, 7)
    ]
    assert sorted(told(tmp_path / "frames/kept")) == [f"K000000{n}.bmp" for n in range(1, 7)]
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "frames/kept").iterdir()}
    copy_kept(place, tmp_path / "frames")
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "frames/kept").iterdir()}


def test_another_camera_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    copy_kept(card(tmp_path / "one", range(1, 4)), tmp_path / "frames")
    copy_kept(card(tmp_path / "two", range(3, 6), "b"), tmp_path / "frames")
    copy_kept(tmp_path / "two", tmp_path / "frames")
    assert told(tmp_path / "frames/kept") == {f"K000000{n}.bmp": "a" for n in (1, 2, 3)}
    assert told(tmp_path / "frames/kept-2") == {f"K000000{n}.bmp": "b" for n in (3, 4, 5)}
    assert len(list((tmp_path / "frames").iterdir())) == 2


def test_lines_about_frames_that_went_before_are_not_taken_for_anothers(tmp_path: Path) -> None:
    copy_kept(card(tmp_path / "one", range(1, 4)), tmp_path / "frames")
    place = card(tmp_path / "two", range(1, 6), "b")
    for n in (1, 2, 3):
        (place / f"kept/K000000{n}.bmp").unlink()
    copy_kept(place, tmp_path / "frames")
    assert told(tmp_path / "frames/kept") == {f"K000000{n}.bmp": "a" if n < 4 else "b" for n in range(1, 6)}


def test_a_folder_without_kept_frames_is_explained(tmp_path: Path) -> None:
    (tmp_path / "R0001-000001.bmp").write_text("")
    with pytest.raises(UserError, match=r"has no frame that a camera has kept: these are called K0000001\.bmp"):
        copy_kept(tmp_path, tmp_path / "frames")
    assert not (tmp_path / "frames").exists()


def test_where_nothing_can_be_written_that_is_explained(tmp_path: Path) -> None:
    place = card(tmp_path / "card", range(1, 3))
    (tmp_path / "frames").write_text("a file")
    with pytest.raises(UserError, match=r"can't be copied from .* run the same command again"):
        copy_kept(place, tmp_path / "frames")


def test_the_command_takes_a_folder_for_a_card(tmp_path: Path) -> None:
    card(tmp_path / "card", range(1, 3))
    done = linecam("receive", str(tmp_path / "card"), str(tmp_path / "frames"))
    assert done.returncode == 0, done.stderr
    assert f"Kept frames in {tmp_path}/frames/kept: 2 new ones, 0 were there already." in done.stdout + done.stderr
    assert len(told(tmp_path / "frames/kept")) == 2
