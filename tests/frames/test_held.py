"""The files in which collect.py says what the camera held: read beside the frames, and taken where they agree."""

import json

import pytest

from linecam.errors import UserError
from linecam.files import read_json
from linecam.frames.folder import digest_of, read_folder
from linecam.frames.held import read_held
from tests.frames.line import Line, encoded, line, picture

__all__ = ["line"]

HELD = {"gain_db": 6.0, "white_balance": [1.5, 0.0, 2.25], "exposure_us": 12000}


def record(line: Line, run: int, held: object = HELD, folder: str = "") -> None:
    """A run of collect.py: one frame, and its file."""
    line.put(f"{folder}R{run:04d}-000001.png", encoded(picture(seed=run), "PNG"))
    line.put(f"{folder}R{run:04d}.json", json.dumps({"run": run, "held": held}).encode())


def indexed(line: Line) -> tuple[dict, list[str]]:
    """What the index says is held, and its lines."""
    line.index.parent.mkdir(exist_ok=True)
    line.index_alone()
    said = read_json(line.summary)
    return said["held"], said["lines"]


def test_what_one_run_held_is_taken_and_said(line):
    record(line, 1)
    held, lines = indexed(line)
    assert held == HELD
    said = (
        "the camera held gain 6.0 dB, white balance 1.5, 0.0, 2.25 dB, exposure 12000 us while it recorded (R0001.json)"
    )
    assert said in lines
    assert lines[0].startswith("2 files: 2 used, 0 duplicates, 0 set aside"), "with the fixture's own frame"
    assert not any("skipped" in one for one in lines)


@pytest.mark.parametrize(
    ("change", "agree"),
    [
        ({"exposure_us": 13200}, True),
        ({"exposure_us": 13201}, False),
        ({"exposure_us": 10000}, False),
        ({"gain_db": 7.0}, True),
        ({"gain_db": 7.1}, False),
        ({"white_balance": [1.5, 0.5, 2.25]}, True),
        ({"white_balance": [1.5, 1.5, 2.25]}, False),
    ],
)
def test_runs_that_are_near_agree_on_the_last_one_and_others_on_none(line, change, agree):
    record(line, 1)
    record(line, 2, HELD | change, folder="tuesday/")
    held, lines = indexed(line)
    assert held == (HELD | change if agree else {})
    told = [one for one in lines if "R0001.json" in one or "tuesday/R0002.json" in one]
    if agree:
        assert told[0].endswith("(tuesday/R0002.json and 1 more)")
    else:
        assert "R0001.json and tuesday/R0002.json disagree (gain 6.0 dB" in told[0]
        assert "are not used" in told[0]
        assert "Set camera.exposure_us" in told[0]


def test_a_run_that_could_not_hold_all_disagrees(line):
    record(line, 1)
    record(line, 2, {"gain_db": 6.0})
    assert indexed(line)[0] == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        b'{"held": 1}',
        b'{"held": {"gain_db": NaN}}',
        b'{"held": {"gain_db": true}}',
        b'{"held": {"exposure_us": 0}}',
        b'{"held": {"white_balance": 3}}',
        b'{"held": {"white_balance": [1, 2, "3"]}}',
        b'{"held": {"else": 3}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_named_and_nothing_is_taken(line, content):
    record(line, 1)
    line.put("R0002.json", content)
    held, lines = indexed(line)
    assert held == {}
    assert "R0002.json is none that collect.py wrote, or damaged: copy it again, or remove it" in lines
    assert "the values that the camera held while it recorded are not used" in lines


def test_without_such_files_nothing_is_said(line):
    line.put("a.png", encoded(picture(), "PNG"))
    line.put("notes.json", b"{}")
    held, lines = indexed(line)
    assert held == {}
    assert not any("held" in one for one in lines)
    assert any("skipped" in one and "1 .json" in one for one in lines)


def test_a_changed_file_has_the_frames_indexed_anew(line):
    record(line, 1)
    digests = []
    for exposure in (12000, 12001):
        record(line, 1, HELD | {"exposure_us": exposure})
        digests.append(digest_of(read_folder(line.folder, line.place / "seen.json")))
    assert digests[0] != digests[1]


def test_such_files_alone_are_no_frames(tmp_path):
    (tmp_path / "R0001.json").write_text("{}")
    with pytest.raises(UserError, match="There is no image"):
        read_folder(tmp_path, tmp_path / "seen.json")


def test_no_file_says_nothing(tmp_path):
    assert read_held(tmp_path, []).lines == []
