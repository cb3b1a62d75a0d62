"""A bundle that judges several places of a frame: its settings, what its README says, and that it runs."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError

from linecam.bundle.shipped import read_shipped
from linecam.camera.region import Region
from linecam.files import read_json
from linecam.workflow.line_settings import Line, Signals
from tests.board.camera import SETTLING, Camera
from tests.bundle.made_up import CONFIG, make
from tests.bundle.test_same_picture import SCHEMA

ROIS = [[10, 60, 90, 90], [110, 60, 90, 90]]


def places(rois: list[list[int]] = ROIS, **line: Any) -> dict[str, Any]:
    camera = CONFIG["camera"] | {"frame_size": "QVGA", "side": None, "rois": rois}
    dataset = CONFIG["dataset"] | {"max_pixels": 1_000_000, "damaged": "quarantine"}
    return CONFIG | {"dataset": dataset, "camera": camera, "line": Line(**line).model_dump()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("places"), "openmv-h7", places(), votes=1)


def test_the_settings_have_the_places_and_the_whole_frame(made: Path) -> None:
    """collect.py and the parts that keep frames go by `roi`: they take all of the frame."""
    settings = read_json(made / "settings.json")
    assert settings["rois"] == ROIS
    assert settings["roi"] == [0, 0, 320, 240]
    assert "side" not in settings
    assert settings["parts"] == [["line_places", {"order": [0, 2, -1, 1]}]]
    assert settings["labels"] == ["bad", "good", "empty"]


@pytest.mark.parametrize(
    "change",
    [{"rois": ROIS[:1]}, {"rois": [[0, 0, 8]]}, {"rois": [[0, 0, 8, 8], [0, 0, -8, 8]]}],
)
def test_the_schema_knows_places(made: Path, change: dict[str, Any]) -> None:
    settings = read_json(made / "settings.json")
    SCHEMA.validate(settings)
    with pytest.raises(ValidationError):
        SCHEMA.validate(settings | change)


def test_the_manifest_says_what_the_camera_looks_at(made: Path) -> None:
    manifest = read_json(made / "manifest.json")
    assert manifest["camera"] | {"input": 0} == {"frame_size": "QVGA", "rois": ROIS, "input": 0, "votes": 1}
    assert manifest["drive"] == ["model.tflite", "labels.txt", "settings.json", "line_places.py", "main.py"]


def test_whoever_gets_the_bundle_knows_the_places(made: Path) -> None:
    region = read_shipped(made, made).region
    assert region == Region(rois=tuple((x, y, width, height) for x, y, width, height in ROIS), frame=(320, 240))


def test_the_readme_lists_the_places_and_says_which_decides(made: Path) -> None:
    readme = (made / "README.md").read_text()
    assert "Firmware 4.7.0 to 5.0.0 is needed" in readme
    assert "| 1 | 10, 60 | 90, 90 |\n| 2 | 110, 60 | 90, 90 |" in readme
    assert "The worst comes first here: `bad`, `empty`, undecided, `good`." in readme
    assert "one place of a frame takes an estimated 41.5 to 62.3 ms" in readme
    assert "2 places of 90 x 90 pixels, one after the other: 1 from 10, 60 on, 2 from 110, 60 on" in readme
    assert "or set other `camera.rois` in linecam" in readme
    (line,) = [json.loads(text) for text in readme.splitlines() if text.startswith('    {"label"')]
    assert (line["place"], line["places"]) == (1, ["good", "good"])
    assert line["inference_ms"] == round(2 * 62.3)


def test_a_bundle_without_places_says_nothing_of_them(tmp_path: Path) -> None:
    readme = (make(tmp_path / "one", "openmv-h7") / "README.md").read_text()
    assert not any(word in readme for word in ("`places`", '"places"', "a place of", "for all places"))
    assert "one frame takes an estimated" in readme


def test_oblong_places_need_firmware_5(tmp_path: Path) -> None:
    config = places([[10, 60, 90, 40], [110, 60, 90, 40]])
    assert "Firmware 5.0.0 is needed" in (make(tmp_path / "oblong", "openmv-h7", config) / "README.md").read_text()


def test_the_bundle_runs_and_prints_the_line_of_its_readme(tmp_path: Path) -> None:
    config = places(signals=Signals(fail_pin="P1", passes=("good",)))
    made = make(tmp_path / "on", "openmv-rt1062", config, votes=1, thresholds={})
    camera = Camera(tmp_path)
    (tmp_path / "drive").mkdir()
    for path in made.iterdir():
        (tmp_path / "drive" / path.name).write_bytes(path.read_bytes())
    camera.settings = read_json(made / "settings.json")
    good, bad = [0.05, 0.9, 0.05], [0.75, 0.25, 0.0]  # in the order of the bundle's classes
    run = camera.run(scores=[good, good, good, bad, good, good], script=tmp_path / "drive/main.py", predict_ms=62)
    assert [line["places"] for line in run.decisions] == [["good", "good"], ["good", "bad"], ["good", "good"]]
    assert run.labels == ["good", "bad", "good"]
    assert [name for _, name, level in run.seen["pins"] if level] == ["P1"]
    (told,) = [
        text.strip() for text in (made / "README.md").read_text().splitlines() if text.startswith('    {"label"')
    ]
    assert list(json.loads(told)) == list(run.decisions[0])
    printed = next(text for text in run.printed.splitlines() if '"label"' in text)
    assert len(printed) == len(told), "the fields are as wide"
    assert run.seen["views"] == [[roi, SETTLING + 1 + n] for n in range(3) for roi in ROIS]
