"""What collect.py held goes into the index, the bundle and back onto the camera; and the light of the training."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator, ValidationError

from linecam.bundle.camera_settings import VERSION
from linecam.bundle.parts import FromFrames, hold_of, parts_of
from linecam.camera.light import MARGIN, Light
from linecam.errors import UserError
from linecam.files import read_json
from scripts.index_frames import index_frames
from tests.board.camera import GOOD, Camera, collect
from tests.bundle.made_up import BUILT, CONFIG, TRAINING, make
from tests.conftest import ROOT

SCHEMA = Draft202012Validator(json.loads((ROOT / "config/settings.schema.json").read_text(encoding="utf-8")))
HELD = {"gain_db": 6.02, "white_balance": [1.5, 0.0, 2.25], "exposure_us": 12034}
CHECKED = CONFIG | {"line": CONFIG["line"] | {"light": {"check": True}}}


def with_camera(**values: Any) -> dict[str, Any]:
    return CONFIG | {"camera": CONFIG["camera"] | values}


# --- from the recording to the line


def test_what_collect_held_is_held_by_the_bundle_that_its_frames_make(tmp_path: Path) -> None:
    """collect.py, index_frames and main.py with its part really run; only the model is made up."""
    recording = Camera(tmp_path / "recording")
    (recording.folder / "drive").mkdir(parents=True)
    recording.run(script=collect(recording.folder, LIMIT=3, FRAME_SIZE="B64X64", SIDE=64))
    index = tmp_path / "index"
    index.mkdir()
    index_frames(
        recording.folder / "drive/frames",
        index / "frames.csv",
        index / "quarantine.csv",
        index / "summary.json",
        cache=index / "seen.json",
        classes=CONFIG["dataset"]["classes"],
        max_pixels=1_000_000,
        workers=1,
    )
    said = read_json(index / "summary.json")
    assert (said["used"], said["held"]) == (3, HELD)
    bundle = make(tmp_path / "made", "openmv-h7", held=said["held"])
    settings = read_json(bundle / "settings.json")
    assert settings["hold"] == HELD
    line = Camera(tmp_path / "line")
    drive = line.folder / "drive"
    drive.mkdir(parents=True)
    for name in read_json(bundle / "manifest.json")["drive"]:
        (drive / name).write_bytes((bundle / name).read_bytes())
    run = line.run(script=drive / "main.py", scores=[GOOD] * 3)
    assert run.seen["held"] == [
        ["reset"],
        ["auto_gain", False, 6.02],
        ["auto_whitebal", False, [1.5, 0.0, 2.25]],
        ["auto_exposure", False, 12034],
    ]
    assert run.labels == ["bad"]  # the first of the classes, over three frames


# --- what is on


@pytest.mark.parametrize(
    ("camera", "held", "expected"),
    [
        ({}, {}, {}),
        ({}, HELD, HELD),
        ({"exposure_us": 800}, HELD, HELD | {"exposure_us": 800}),
        ({"gain_db": 0.0}, {}, {"gain_db": 0.0}),
        ({"white_balance": "auto"}, {"exposure_us": 9}, {"white_balance": "auto", "exposure_us": 9}),
    ],
)
def test_the_configuration_comes_before_what_was_held(camera, held, expected) -> None:
    config = with_camera(**camera)
    assert hold_of(config, held) == expected
    assert [name for name, _ in parts_of(config, FromFrames(held))] == (["line_light"] if expected else [])


def test_before_the_frames_are_looked_at_the_part_may_be_needed_where_collect_may_have_written() -> None:
    assert [name for name, _ in parts_of(CONFIG)] == ["line_light"]
    belt = CONFIG | {"dataset": CONFIG["dataset"] | {"kind": "belt"}}
    assert parts_of(belt) == ()
    assert [name for name, _ in parts_of(belt | {"line": CHECKED["line"]})] == ["line_light"]


@pytest.fixture(scope="module")
def off(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("off"), "openmv-h7")


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("checked"), "openmv-h7", CHECKED, held=HELD)


def test_a_part_that_is_off_is_not_copied(off: Path) -> None:
    assert not (off / "line_light.py").exists()
    assert not {"hold", "parts"} & read_json(off / "settings.json").keys()
    assert "line_light" not in (off / "README.md").read_text()


def test_a_part_that_is_on_is_in_the_settings_the_manifest_and_the_readme(checked: Path) -> None:
    manifest, settings = read_json(checked / "manifest.json"), read_json(checked / "settings.json")
    assert manifest["drive"][-3:] == ["settings.json", "line_light.py", "main.py"]
    light = manifest["camera"]["light"]
    assert (light["frames"], light["margin"], manifest["camera"]["hold"]) == (2, MARGIN, HELD)
    limits = {"brightness": [light["darkest"], light["brightest"]], "contrast": light["least_contrast"]}
    assert settings["parts"] == [["line_light", limits]]
    text = (checked / "README.md").read_text()
    assert "`settings.json`, `line_light.py`, `main.py`" in text
    assert "The camera holds gain 6.02 dB, white balance 1.5, 0.0, 2.25 dB, exposure 12034 us." in text
    assert "darker than any training frame" in text
    told = re.search(r"brightness is below (\d+) or above (\d+), or whose contrast is below (\d+)", text)
    assert told
    assert [int(number) for number in told.groups()] == [
        round(light[name]) for name in ("darkest", "brightest", "least_contrast")
    ]


# --- the light of the training


def test_the_limits_are_those_of_the_training_frames_and_a_fifth() -> None:
    light = Light.of(TRAINING)
    # In RGB565 the greys 60, 120 and 180 are 59, 122 and 181.
    assert (light.darkest, light.brightest, light.least_contrast) == (
        pytest.approx(90.5 * 0.8),
        pytest.approx(151.5 * 1.2),
        pytest.approx(29.5 * 0.8),
    )


@pytest.mark.parametrize(("factor", "odd"), [(1.0, False), (0.9, False), (0.5, True), (0.0, True), (1.4, True)])
def test_frames_in_other_light_are_refused(factor: float, odd: bool) -> None:
    seen = (TRAINING[1:] if factor > 1 else TRAINING[:1]) * factor
    assert Light.of(TRAINING).refuses(seen.astype(np.uint8)).tolist() == [odd]


def test_without_contrast_a_frame_is_refused() -> None:
    assert Light.of(TRAINING).refuses(np.full((1, 48, 48, 3), 120, np.uint8)).tolist() == [True]


def test_without_training_frames_there_is_nothing_to_compare_with() -> None:
    with pytest.raises(UserError, match=r"line\.light\.check needs training frames"):
        Light.of(TRAINING[:0])


# --- the schema of settings.json


@pytest.mark.parametrize("board", BUILT)
def test_the_settings_of_every_board_are_valid(board: str, tmp_path: Path) -> None:
    config = CHECKED | {"camera": CONFIG["camera"] | {"exposure_us": "auto"}}
    for number, one in enumerate((CONFIG, config)):
        SCHEMA.validate(read_json(make(tmp_path / str(number), board, one, held=HELD) / "settings.json"))


@pytest.mark.parametrize(
    "change",
    [
        {"votes": 0},
        {"votes": None},
        {"version": VERSION + 1},
        {"roi": [0, 0, 8, 8]},  # beside the side
        {"hold": {"exposure_us": 0}},
        {"hold": {"exposure": 9}},
        {"thresholds": {"bad": 1.5}},
        {"model": {"sha256": "0" * 63, "name": "x"}},
        {"unknown": 1},
    ],
)
def test_the_schema_refuses_what_main_cannot_read(off: Path, change: dict[str, Any]) -> None:
    settings = read_json(off / "settings.json")
    SCHEMA.validate(settings)
    with pytest.raises(ValidationError):
        SCHEMA.validate(settings | change)


def test_bundle_and_main_know_the_same_version() -> None:
    (version,) = re.findall(r"^VERSION = (\d+)", (ROOT / "openmv/main.py").read_text(), re.MULTILINE)
    assert int(version) == VERSION


@pytest.mark.parametrize(("version", "refused"), [(None, False), (1, False), (VERSION, False), (VERSION + 1, True)])
def test_main_refuses_the_settings_of_a_newer_bundle(tmp_path: Path, version: int | None, refused: bool) -> None:
    camera = Camera(tmp_path)
    camera.write(**({} if version is None else {"version": version}))
    run = camera.run(scores=[GOOD])
    if refused:
        assert run.printed == (
            "linecam: settings.json is for a newer main.py: copy the whole bundle again, or write its linecam.romfs.\n"
        )
    else:
        assert run.labels == ["good"]
