"""The bundle: its files, the same bytes twice, the bill of materials, and models that get none."""

import json
import re
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from openmv_ota.romfs.builder import read_image

from linecam import __version__
from linecam.bundle.contents import as_copied, check_room
from linecam.bundle.portable import without_paths
from linecam.bundle.stored_frames import StoredFrames, choose
from linecam.camera.arithmetic import to_input
from linecam.errors import UserError
from linecam.evaluation.figures import Weakness
from linecam.files import read_json, sha256
from linecam.workflow.lock import pins
from tests.bundle.made_up import BESIDE, CONFIG, DECIDES, make, write_predictions
from tests.conftest import ROOT

ON_DRIVE = ["model.tflite", "labels.txt", "settings.json", "main.py"]


def test_the_manifest_lists_every_other_file(made: Path) -> None:
    manifest = read_json(made / "manifest.json")
    files = {path.name for path in made.iterdir()}
    assert files == {*ON_DRIVE, *BESIDE}
    assert set(manifest["files"]) == files - {"manifest.json"}
    for name, entry in manifest["files"].items():
        assert entry == {"sha256": sha256(made / name), "bytes": (made / name).stat().st_size}
    # What lies in ROMFS need not fit onto the drive.
    model = [] if manifest["cost"]["place"] == "romfs" else ["model.tflite"]
    assert manifest["drive"] == [*model, "labels.txt", "settings.json", "main.py"]
    assert manifest["firmware"] == {"from": "4.5.6", "to": "5.0.0"}
    assert manifest["cost"]["arena_bytes"] == 109_360
    assert manifest["camera"] == {"frame_size": "QVGA", "side": 240, "input": 64, "votes": 3}
    with zipfile.ZipFile(made.with_suffix(".zip")) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            path.name: path.read_bytes() for path in made.iterdir()
        }


def test_a_bundle_names_the_version_that_built_it(made: Path) -> None:
    assert read_json(made / "manifest.json")["linecam"] == __version__
    components = read_json(made / "bom.cdx.json")["components"]
    (linecam,) = [component for component in components if component["name"] == "linecam"]
    assert linecam["version"].partition("+")[0] == __version__
    assert version("linecam") == __version__, "what is installed"


def test_the_settings_are_what_the_program_on_the_camera_reads(h7: Path) -> None:
    digest = sha256(h7 / "model.tflite")
    assert (h7 / "settings.json").read_text(encoding="utf-8") == (
        '{"frame_size":"QVGA","labels":["bad","good","empty"],'
        '"model":{"name":"resnet9-64-simclr/coreset-200/seed-1 calibrated",'
        f'"sha256":"{digest}"}},"period_ms":0,"side":240,"thresholds":{{}},"version":4,"votes":3}}'
    )
    assert (h7 / "labels.txt").read_text(encoding="utf-8") == "bad\ngood\nempty\n"
    assert (h7 / "main.py").read_text() == as_copied((ROOT / "openmv/main.py").read_text())


def with_roi(roi: list[int]) -> dict[str, Any]:
    return CONFIG | {"camera": CONFIG["camera"] | {"side": None, "roi": roi}}


@pytest.mark.parametrize(("roi", "first"), [([40, 100, 200, 60], "5.0.0"), ([40, 100, 96, 96], "4.5.6")])
def test_a_region_is_in_the_settings_the_manifest_and_the_readme(tmp_path: Path, roi: list[int], first: str) -> None:
    """An oblong one is for the firmware that stretches it."""
    made = make(tmp_path, "openmv-h7", with_roi(roi))
    settings, manifest = read_json(made / "settings.json"), read_json(made / "manifest.json")
    assert (settings["frame_size"], settings["roi"]) == ("QVGA", roi)
    assert "side" not in settings
    assert manifest["camera"] == {"frame_size": "QVGA", "roi": roi, "input": 64, "votes": 3}
    assert manifest["firmware"] == {"from": first, "to": "5.0.0"}
    text = (made / "README.md").read_text(encoding="utf-8")
    assert f"(QVGA, the {roi[2]} x {roi[3]} pixels from 40, 100 on)" in text
    assert ("Firmware 5.0.0 is needed" in text) == (first == "5.0.0")
    assert ("Firmware 4.5.6 to 5.0.0 is needed" in text) == (first == "4.5.6")
    message = "an oblong camera.roi needs firmware 5.0.0"
    assert message in (ROOT / "openmv/main.py").read_text(encoding="utf-8")
    assert (message in text) == (first == "5.0.0")
    assert "camera.side" not in text
    assert first in (made / "bom.cdx.json").read_text(encoding="utf-8")


def test_the_camera_decides_by_the_thresholds_that_were_set(tmp_path: Path) -> None:
    """Those of a wanted recall too, which the configuration doesn't have; and the manifest says what others cost."""
    made = make(tmp_path, "openmv-h7", thresholds={"bad": 0.3515625})
    assert read_json(made / "settings.json")["thresholds"] == {"bad": 0.3515625}
    manifest = read_json(made / "manifest.json")
    assert manifest["operating_points"] == DECIDES["operating_points"]
    assert manifest["config"]["bundle"]["thresholds"] == {}
    image = tmp_path / "image"
    image.write_bytes((made / "linecam.romfs").read_bytes())
    assert b'"thresholds":{"bad":0.3515625}' in image.read_bytes()
    readme = (made / "README.md").read_text(encoding="utf-8")
    assert (
        "The decision is the first of `bad` with a score from 0.352 on, and else the class with the highest score"
        in readme
    )
    assert "no class reached its threshold" not in readme


@pytest.mark.parametrize(("room", "place", "fits"), [(2048, "drive", True), (2047, "drive", False), (2047, "sd", True)])
def test_the_drive_is_counted_in_blocks(tmp_path: Path, room: int, place: str, fits: bool) -> None:
    (tmp_path / "model.tflite").write_bytes(bytes(1025))
    (tmp_path / "labels.txt").write_bytes(b"x")
    try:
        check_room(tmp_path, ["model.tflite", "labels.txt"], room, place)
    except UserError as error:
        assert not fits
        assert "2,048 bytes in its blocks, and it holds 2,047" in str(error)
    else:
        assert fits


def test_equal_input_gives_equal_bytes(h7: Path, tmp_path: Path) -> None:
    again = make(tmp_path, "openmv-h7")
    assert {path.name: sha256(path) for path in again.iterdir()} == {path.name: sha256(path) for path in h7.iterdir()}
    assert sha256(again.with_suffix(".zip")) == sha256(h7.with_suffix(".zip"))


def test_a_board_gets_the_file_that_was_made_for_it(tmp_path: Path) -> None:
    compiled = make(tmp_path, "openmv-ae3")
    assert sha256(compiled / "model.tflite") == sha256(tmp_path / "board.tflite")
    assert read_json(compiled / "settings.json")["model"]["sha256"] == sha256(tmp_path / "board.tflite")


def test_no_path_of_the_machine_and_no_key_is_in_a_bundle(made: Path) -> None:
    for path in [*made.iterdir(), made.with_suffix(".zip")]:
        content = path.read_bytes()
        for secret in (b"/home/someone", b"signing_key"):
            assert secret not in content, path.name
    config = read_json(made / "manifest.json")["config"]
    assert (config["dataset"]["source"], config["pretrain"]["checkpoint"]) == ("caps", "weights.safetensors")
    assert config["embed"]["file"] is None


def test_paths_are_taken_out_of_a_copy() -> None:
    without_paths(CONFIG)
    assert CONFIG["dataset"]["source"] == "/home/someone/caps"


def test_the_test_frames_of_a_bundle_are_those_that_the_model_is_least_sure_of(h7: Path, tmp_path: Path) -> None:
    """As the network of this size got them, bit by bit; fewer where there are fewer."""
    stored = StoredFrames.read(h7)
    assert stored.sha256 == [f"{5 + n:02}" for n in range(29, 19, -1)]
    assert stored.labels == ["good"] * 10
    expected = np.array([[1 - n / 256, n / 256, 0] for n in range(29, 19, -1)], np.float32)
    assert stored.outputs.tobytes() == expected.tobytes()
    write_predictions(tmp_path, [[0.5, 0.25, 0.25], [0.25, 0.375, 0.375]])
    found = choose(tmp_path / "predictions.csv", tmp_path / "split.csv", tmp_path / "64.npy", ["bad", "good", "empty"])
    assert found.sha256 == ["06", "05"]
    found.write(tmp_path)
    again = StoredFrames.read(tmp_path)
    np.testing.assert_array_equal(again.pixels, np.load(tmp_path / "64.npy")[[6, 5]])
    np.testing.assert_array_equal(to_input(again.pixels, 64), again.pixels)  # RGB565 loses nothing of it


def test_a_refused_model_makes_no_bundle(tmp_path: Path) -> None:
    finding = {"rule": "int8", "where": "CONV_2D (operator 2)", "why": "hybrid", "mend": "quantize activations too"}
    with pytest.raises(UserError, match=r"openmv-h7 does not take .*int8 \(CONV_2D \(operator 2\)\): hybrid\. To mend"):
        make(tmp_path, "openmv-h7", accepted=False, findings=[finding])
    assert not (tmp_path / "openmv-h7").exists()
    assert not (tmp_path / "openmv-h7.zip").exists()


WEAK: list[Weakness] = [
    {"why": "It finds 33.3 % of a class.", "mend": "Label more frames."},
    {"why": "Its loss ended at 1.092.", "mend": "Train longer."},
]


def test_a_weak_model_makes_no_bundle_and_the_message_says_why_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        make(tmp_path, "openmv-h7", weak=WEAK)
    for part in (*WEAK[0].values(), *WEAK[1].values(), "results/caps/report.html", "bundle.accept: weak"):
        assert str(part) in str(error.value)
    assert not (tmp_path / "openmv-h7").exists()
    assert not (tmp_path / "openmv-h7.zip").exists()


def test_a_weak_model_that_is_accepted_says_so_at_the_top(
    tmp_path: Path, h7: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = CONFIG | {"bundle": CONFIG["bundle"] | {"accept": "weak"}}
    made = make(tmp_path / "weak", "openmv-h7", config, weak=WEAK)
    head = (made / "README.md").read_text(encoding="utf-8").partition("\nA program for")[0]
    assert head.startswith("# OpenMV Cam H7: bad, good, empty\n\n**This model is weak: do not rely on what it says.**")
    assert "- It finds 33.3 % of a class. Label more frames.\n- Its loss ended at 1.092. Train longer.\n" in head
    assert not re.search(r"\n\n\n", head)
    assert read_json(made / "manifest.json")["model"]["weak"] == WEAK
    assert "holds a weak model" in caplog.text
    good = make(tmp_path / "good", "openmv-h7", config)
    for bundle_ in (good, h7):
        assert read_json(bundle_ / "manifest.json")["model"]["weak"] == []
        assert "weak" not in (bundle_ / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("votes", [1, 5])
def test_the_votes_that_were_taken_are_everywhere(tmp_path: Path, votes: int) -> None:
    """The configuration's are null: what the frames' names said counts."""
    made = make(tmp_path, "openmv-h7", votes=votes)
    manifest = read_json(made / "manifest.json")
    assert (manifest["camera"]["votes"], manifest["config"]["bundle"]["votes"]) == (votes, None)
    assert read_json(made / "settings.json")["votes"] == votes
    assert f"over {votes} frame{'s' if votes > 1 else ''}," in (made / "README.md").read_text(encoding="utf-8")


def test_a_fault_on_the_way_leaves_nothing_half_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("scripts.bundle.zip_folder", fail)
    with pytest.raises(OSError, match="disk full"):
        make(tmp_path, "openmv-h7")
    assert not [path for path in tmp_path.iterdir() if "openmv-h7" in path.name]


def test_the_image_of_a_bundle_unpacks_to_its_files(made: Path, tmp_path: Path) -> None:
    image = (made / "linecam.romfs").read_bytes()
    assert read_image(image).extract(str(tmp_path)) == 3
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        name: (made / name).read_bytes() for name in ("model.tflite", "labels.txt", "settings.json")
    }


def test_the_bill_of_materials_is_valid_and_says_what_the_model_is(made: Path) -> None:
    text = (made / "bom.cdx.json").read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bom = json.loads(text)
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    assert "timestamp" not in bom["metadata"]
    parts = {part["bom-ref"]: part for part in bom["components"]}
    model = parts["model"]
    assert model["type"] == "machine-learning-model"
    assert model["hashes"] == [{"alg": "SHA-256", "content": sha256(made / "model.tflite")}]
    card = model["modelCard"]
    assert card["modelParameters"]["modelArchitecture"] == "resnet9-64"
    metrics = [(m["type"], m.get("slice"), m["value"]) for m in card["quantitativeAnalysis"]["performanceMetrics"]]
    assert metrics[:2] == [("accuracy", None, "0.9"), ("recall", "bad", "0.8")]
    assert "empty" not in [slice_ for _, slice_, _ in metrics], "no test frame, no figure"
    data = parts["dataset"]
    assert (data["type"], data["data"][0]["description"]) == ("data", "200 labelled frames")
    assert parts["pkg:pypi/snakemake@9.27.1"]["purl"] == "pkg:pypi/snakemake@9.27.1"
    assert len(parts) == len(pins(ROOT / "requirements.lock")) + 4
    assert {part["name"] for part in parts.values()} >= {"python", "linecam", "caps"}
    properties = {entry["name"]: entry["value"] for entry in bom["metadata"]["component"]["properties"]}
    assert properties == {"linecam:board": made.name, "linecam:firmware": "OpenMV 4.5.6 to 5.0.0"}


def test_another_content_has_another_serial_number(made: Path, h7: Path) -> None:
    numbers = {read_json(folder / "bom.cdx.json")["serialNumber"] for folder in (made, h7)}
    assert len(numbers) == len({made.name, h7.name})
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f-]{17}", n) for n in numbers)
