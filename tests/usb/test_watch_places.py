"""What `linecam watch` says of a camera that judges several places of a frame."""

import io
import json
from datetime import datetime
from pathlib import Path

import pytest

from linecam.usb.diary import Diary
from linecam.usb.watch import Teller, summary
from tests.board.camera import Camera, Run
from tests.board.test_line_places import frames, write

WHEN = datetime(2026, 11, 22, 14, 59, 58).astimezone()


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What main.py prints for three trays of three caps, the second of which has a bad one."""
    camera = Camera(tmp_path_factory.mktemp("camera"))
    write(camera)
    return camera.run(scores=frames("ggg", "gbg", "ggg"))


def taken(text: str) -> tuple[Diary, str]:
    diary, out = Diary("port", WHEN), io.StringIO()
    teller = Teller(out)
    for line in text.encode().splitlines():
        if event := diary.take(line, WHEN):
            teller.tell(event)
    return diary, out.getvalue()


def test_an_item_is_one_decision_and_its_place_is_told(said: Run) -> None:
    diary, told = taken(said.printed)
    assert diary.decisions == {"good": 2, "bad": 1}
    assert [line.split("ms")[1] for line in told.splitlines() if " ms" in line] == [
        "  place 1 of 3",
        "  place 2 of 3",
        "  place 1 of 3",
    ]
    assert summary(diary, WHEN, None).startswith("3 decisions")
    assert diary.state()["now"]["place"] == "place 1 of 3"


def test_nothing_is_lost_in_a_saved_file(said: Run) -> None:
    diary = Diary("port", WHEN)
    events = [diary.take(line, WHEN) for line in said.printed.encode().splitlines()]
    saved = [json.loads(json.dumps(event.as_json())) for event in events if event and event.kind == "decision"]
    assert [line["places"] for line in saved] == [["good"] * 3, ["good", "bad", "good"], ["good"] * 3]


def test_a_camera_with_one_place_says_none(tmp_path: Path) -> None:
    camera = Camera(tmp_path)
    camera.write()
    diary, told = taken(camera.run(scores=frames("g")).printed)
    assert "place" not in told
    assert diary.state()["now"]["place"] == ""


@pytest.mark.parametrize("place", ['"\\u001b[2J"', "null", "[1]"])
def test_odd_places_steer_no_terminal(place: str) -> None:
    line = f'{{"label": "good", "score": 0.5, "scores": [0.5], "ms": 9, "place": {place}, "places": ["good", "bad"]}}'
    assert taken(line)[1].endswith(" ms\n")
