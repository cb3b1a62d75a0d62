"""A bundle with the parts that keep frames and notice drift: their files, their settings and what the README says."""

from pathlib import Path
from typing import Any

import pytest

from linecam.bundle.parts import parts_of
from linecam.files import read_json
from linecam.workflow.line_settings import Drift, Keep, Line
from tests.board.camera import GOOD, Camera
from tests.bundle.made_up import CONFIG, make

DRIFT = {
    "every": 1,
    "low": 6554,
    "light": [1000, 2000],
    "learn": 0,
    "charts": [[0, 0, "bad: more", 800, [9, 1, 90]]],
}


def line(**parts: Any) -> dict[str, Any]:
    return CONFIG | {"line": Line(**parts).model_dump()}


KEEPS = line(keep=Keep(enabled=True, mark_pin="P4", every=50))
BOTH = line(keep=Keep(enabled=True), drift=Drift(enabled=True))


def test_what_is_off_is_not_there(tmp_path: Path) -> None:
    made = make(tmp_path / "off", "openmv-rt1062")
    assert "parts" not in read_json(made / "settings.json")
    assert not list(made.glob("line_*.py"))
    readme = (made / "README.md").read_text()
    assert "Frames that are kept" not in readme
    assert "blinks blue" not in readme
    assert "`settings.json`, `main.py`" in readme


def test_both_parts_are_copied_and_told_of(tmp_path: Path) -> None:
    made = make(tmp_path / "on", "openmv-rt1062", BOTH, drift=DRIFT)
    settings = read_json(made / "settings.json")
    assert [name for name, _ in settings["parts"]] == ["line_drift", "line_keep"], "what writes to the card is the last"
    assert settings["parts"][0][1] == DRIFT
    assert settings["parts"][1][1] == {
        "margin": 13107,
        "every": 0,
        "frames": 1000,
        "bytes": 500_000_000,
        "pause_ms": 10_000,
        "mark_pin": None,
    }
    files = ["model.tflite", "labels.txt", "settings.json", "line_drift.py", "line_keep.py", "main.py"]
    assert read_json(made / "manifest.json")["drive"] == files
    readme = (made / "README.md").read_text()
    assert "`settings.json`, `line_drift.py`, `line_keep.py`, `main.py`" in readme
    assert "1,000 frames at the most" in readme
    assert '{"drift": "bad: more", "state": "begins", "hits":     45' in readme
    assert "What is usual is known from the test frames." in readme
    assert "pin" not in readme.split("## Frames that are kept")[1].split("##")[0]


def test_the_readme_tells_of_pin_and_learning(tmp_path: Path) -> None:
    assert (
        "a press of the button at pin P4" in (make(tmp_path / "pin", "openmv-rt1062", KEEPS) / "README.md").read_text()
    )
    learns = line(drift=Drift(enabled=True, learn=2000))
    made = make(tmp_path / "learns", "openmv-rt1062", learns, drift=DRIFT | {"learn": 2000, "steps": [[1, 9, 1, 90]]})
    assert "learns from its first 2,000 decisions" in (made / "README.md").read_text()


def test_a_bundle_with_parts_runs(tmp_path: Path) -> None:
    """As it is copied to the camera."""
    made = make(tmp_path / "on", "openmv-rt1062", BOTH, drift=DRIFT, votes=1)
    camera = Camera(tmp_path, labels=tuple(CONFIG["dataset"]["classes"]))
    (tmp_path / "drive").mkdir()
    for path in made.iterdir():
        (tmp_path / "drive" / path.name).write_bytes(path.read_bytes())
    run = camera.run(scores=[[0.5, 0.4, 0.1], [0.9, 0.1, 0.0], GOOD], grey={"0": [80, 80]}, frame_ms=9900)
    assert run.labels == ["bad"] * 3
    assert len(list((tmp_path / "drive/kept").glob("*.bmp"))) == 1


@pytest.mark.parametrize("config", [CONFIG, KEEPS, BOTH])
def test_whoever_asks_for_names_needs_no_figures(config: dict[str, Any]) -> None:
    named = [name for name, _ in parts_of(config)]
    assert named == [
        "line_light",  # which frames may turn on
        *(["line_drift"] if config["line"]["drift"]["enabled"] else []),
        *(["line_keep"] if config["line"]["keep"]["enabled"] else []),
    ]
