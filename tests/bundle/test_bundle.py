"""The bundle: its files, the same bytes twice, the image for ROMFS, the bill of materials, the technician's page."""

import json
import re
import zipfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from openmv_ota.romfs.builder import read_image

from linecam import __version__
from linecam.boards.catalogue import load_boards
from linecam.bundle.contents import as_copied, check_room
from linecam.bundle.parts import parts_of
from linecam.bundle.portable import without_paths
from linecam.bundle.readme import decision_line
from linecam.bundle.romfs import pack, verify
from linecam.bundle.stored_frames import StoredFrames, choose
from linecam.camera.arithmetic import to_input
from linecam.errors import UserError
from linecam.evaluation.figures import Weakness
from linecam.files import read_json, sha256, write_json
from linecam.workflow.line_settings import Line
from linecam.workflow.lock import pins
from scripts.bundle import Sources, bundle
from tests.conftest import ROOT
from tests.evaluation.made_up import candidate, choice_of, trained

BOARDS = load_boards()
BUILT = [name for name, board in BOARDS.items() if not board.refused]
MODEL = "resnet9-64-simclr/coreset-200/seed-1"
PROGRAM = (ROOT / "openmv/main.py").read_text(encoding="utf-8")
CONTENT = b"\x1c\x00\x00\x00TFL3" + bytes(range(256)) * 380
CONFIG = {
    "dataset": {"name": "caps", "kind": "folder", "source": "/home/someone/caps", "classes": ["bad", "good", "empty"]},
    "camera": {"frame_size": "QVGA", "side": 240, "roi": None, "rois": None}
    | dict.fromkeys(("exposure_us", "gain_db", "white_balance")),
    "pretrain": {"methods": ["given"], "checkpoint": "/home/someone/weights.safetensors"},
    "embed": {"file": None},
    "evaluate": {"confidence": 0.95},
    "bundle": {"boards": BUILT, "accept": "good", "votes": None, "period_ms": 0, "recall": {}, "thresholds": {}},
    "line": Line().model_dump(mode="json"),
}
ON_DRIVE = ["model.tflite", "labels.txt", "settings.json", "main.py"]
BESIDE = {
    *("linecam.romfs", "collect.py", "README.md", "bom.cdx.json", "manifest.json", "test-frames.png"),
    "test-frames.json",
}
# What set_thresholds found, of which `config` knows only what was given by hand.
DECIDES = {
    "thresholds": {},
    "operating_points": {
        "bad": [{"wanted": 0.99, "threshold": 0.3515625, "recall": {"of": [20, 20]}, "false_alarms": {"of": [4, 80]}}]
    },
}


# Training frames, grey, the left half darker by 60.
TRAINING = np.stack([np.repeat([[[grey] * 3] * 24 + [[grey + 60] * 3] * 24], 48, axis=0) for grey in (60, 120)]).astype(
    np.uint8
)


def ratio(part: int, whole: int) -> dict[str, Any]:
    value = part / whole if whole else None
    return {"of": [part, whole], "value": value, "low": whole and value - 0.05, "high": whole and value + 0.02}


METRICS = {
    "constant": {"says": "good", "accuracy": ratio(75, 100)},
    "test": {
        "frames": 100,
        "accuracy": ratio(90, 100),
        "classes": {
            "bad": {"recall": ratio(8, 10), "precision": 0.8},
            "good": {"recall": ratio(82, 90), "precision": 0.9},
            "empty": {"recall": ratio(0, 0), "precision": None},
        },
    },
}


def verdict(board: str) -> dict[str, Any]:
    """What the firmware check says, of a board's first place; without an estimate for the engine of the AE3."""
    estimated = BOARDS[board].engine == "tflm"
    return {
        "accepted": True,
        "findings": [],
        "cost": {
            "file_bytes": len(CONTENT),
            "place": next(iter(BOARDS[board].places)),
            "arena_bytes": 109_360,
            "peak_bytes": 98_304,
            "macs": 16_678_960,
            "latency_ms": [41.5, 62.3] if estimated else None,
            "latency_basis": "between two fits" if estimated else None,
        },
    }


def write_predictions(folder: Path, probabilities: list[list[float]]) -> None:
    """Write what a model says of test frames, which come after five frames for training; and the frames."""
    names = [f"{number:02}" for number in range(5 + len(probabilities))]
    split = pd.DataFrame({"row": range(len(names)), "sha256": names, "path": names, "label": "good", "by": "me"})
    split["part"] = ["train"] * 5 + ["test"] * len(probabilities)
    split.to_csv(folder / "split.csv", index=False)
    values = np.array([[1 / 3] * 3] * 5 + probabilities)  # least sure of all on the frames for training
    for number, name in enumerate(CONFIG["dataset"]["classes"]):
        split[f"p_{name}"] = [f"{value:.8f}" for value in values[:, number]]
    split.assign(predicted="good")[::-1].to_csv(folder / "predictions.csv", index=False)
    for side in (32, 64):
        frames = np.random.default_rng(side).integers(0, 256, (len(names), side, side, 3), np.uint8)
        np.save(folder / f"{side}.npy", to_input(frames, side))


def make(
    folder: Path,
    board: str,
    config: dict[str, Any] = CONFIG,
    thresholds: dict[str, float] = DECIDES["thresholds"],
    weak: Sequence[Weakness] = (),
    votes: int = 3,
    held: dict[str, Any] | None = None,
    drift: dict[str, Any] | None = None,
    **changes: Any,
) -> Path:
    """Write what the bundle of `board` is made from into `folder`, make it, and return it."""
    folder.mkdir(exist_ok=True)
    write_json(folder / "thresholds.json", DECIDES | {"thresholds": thresholds})
    write_json(folder / "choice.json", choice_of(MODEL, reason="the best", weak=weak))
    (folder / "model.tflite").write_bytes(CONTENT)
    (folder / "board.tflite").write_bytes(CONTENT[:-1] + b"!")
    write_json(folder / "metrics.json", METRICS)
    write_json(folder / "votes.json", {"votes": votes})
    write_json(folder / "summary.json", {"held": held or {}})
    np.save(folder / "training.npy", TRAINING)
    write_json(folder / "check.json", verdict(board) | changes)
    write_json(folder / "split.json", {"frames": {"train": {"bad": 20, "good": 80}, "test": {"bad": 10, "good": 90}}})
    (folder / "frames.csv").write_text("path,sha256\n", encoding="utf-8")
    write_json(folder / "drift.json", drift)
    write_predictions(folder, [[1 - n / 256, n / 256, 0] for n in range(30)])
    (folder / "collect.py").write_text('"""Take frames."""\n', encoding="utf-8")
    files = {
        "metrics": folder / "metrics.json",
        "thresholds": folder / "thresholds.json",
        "firmware": {board: folder / "check.json"},
        "files": {board: folder / "board.tflite"},
    }
    bundle(
        folder / "choice.json",
        [candidate(MODEL, "fixed_-6_6"), candidate(MODEL, "calibrated", tflite=folder / "model.tflite", **files)],
        [trained(MODEL, predictions={"calibrated": folder / "predictions.csv"})],
        Sources(
            ROOT / "openmv/main.py",
            [ROOT / f"openmv/{module}.py" for module, _ in parts_of(config)],
            folder / "collect.py",
            ROOT / "linecam/bundle/readme.md.j2",
            ROOT / "linecam/bundle/wiring.svg.j2",
            folder / "frames.csv",
            folder / "votes.json",
            folder / "split.json",
            folder / "split.csv",
            folder / "summary.json",
            folder / "training.npy" if config["line"]["light"]["check"] else None,
            folder / "drift.json" if drift else None,
        ),
        {side: folder / f"{side}.npy" for side in (32, 64)},
        folder / board,
        folder / f"{board}.zip",
        name=board,
        board=BOARDS[board],
        config=config,
        versions=pins(ROOT / "requirements.lock"),
        report=Path("results/caps/report.html"),
    )
    return folder / board


@pytest.fixture(scope="module", params=BUILT)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of each board."""
    return make(tmp_path_factory.mktemp("bundle"), request.param)


@pytest.fixture(scope="module")
def h7(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("h7"), "openmv-h7")


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
    assert message in PROGRAM
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


@pytest.mark.parametrize(
    ("thresholds", "told", "undecided"),
    [
        (dict.fromkeys(["bad", "good", "empty"], 0.6), "`empty` with a score from 0.600 on.\n", True),
        (dict.fromkeys(["bad", "good", "empty"], 0.5), "`empty` with a score from 0.500 on, and else the class", False),
        ({"bad": 0.6}, "from 0.600 on, and else the class with the highest score, other than `bad`.\n", False),
        ({"bad": 0.5}, "from 0.500 on, and else the class with the highest score.\n", False),
    ],
)
def test_the_readme_says_how_thresholds_decide(
    tmp_path: Path, thresholds: dict[str, float], told: str, undecided: bool
) -> None:
    """Up to one half the highest score is taken, whatever the threshold; above it the threshold is demanded."""
    readme = (make(tmp_path, "openmv-h7", thresholds=thresholds) / "README.md").read_text(encoding="utf-8")
    assert told in readme
    assert ("no class reached its threshold" in readme) == undecided


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


def test_the_readme_has_the_answer_that_never_looks_beside_the_model(h7: Path) -> None:
    text = (h7 / "README.md").read_text(encoding="utf-8")
    assert "| for comparison: always `good` | 75 of 100 | 75.0 % | 70.0 % to 77.0 % |" in text


def test_a_fault_on_the_way_leaves_nothing_half_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("scripts.bundle.zip_folder", fail)
    with pytest.raises(OSError, match="disk full"):
        make(tmp_path, "openmv-h7")
    assert not [path for path in tmp_path.iterdir() if "openmv-h7" in path.name]


def payload_of(image: bytes, name: str) -> int:
    """Where the content of a file begins in a ROMFS image: read here by hand, from the format's description.

    A record is kind, size, payload; kind and size are base-128 numbers, most significant first, bit 7 set on all bytes
    but the last. The image is one record of kind 0xd2cd31; in it, a file is a record of kind 5 with the name (size,
    bytes) and a record of kind 2, the content.
    """

    def number(at: int) -> tuple[int, int]:
        value = 0
        while image[at] & 0x80:
            value = value << 7 | image[at] & 0x7F
            at += 1
        return value << 7 | image[at], at + 1

    assert image[:3] == b"\xd2\xcd\x31"
    size, at = number(3)
    end = at + size
    assert end == len(image)
    while at < end:
        kind, at = number(at)
        size, at = number(at)
        after = at + size
        if kind == 5:
            length, at = number(at)
            if image[at : at + length] == name.encode():
                kind, at = number(at + length)
                assert kind == 2
                return number(at)[1]
        at = after
    raise AssertionError(f"{name} is not in the image")


@pytest.mark.parametrize("length", [1, 15, 16, 17, 99_400, len(CONTENT)])
@pytest.mark.parametrize("board", sorted({BOARDS[name].romfs_board for name in BUILT}))
def test_the_model_lies_on_a_multiple_of_16_in_the_image(board: str, length: int) -> None:
    model = (CONTENT * 2)[:length]
    files = {"model.tflite": model, "labels.txt": b"bad\ngood\n", "settings.json": b"{}"}
    image = pack(files, board)
    at = payload_of(image, "model.tflite")
    assert at % 16 == 0
    assert image[at : at + length] == model
    verify(image, files, board)
    assert pack(files, board) == image


def test_the_image_of_a_bundle_unpacks_to_its_files(made: Path, tmp_path: Path) -> None:
    image = (made / "linecam.romfs").read_bytes()
    assert read_image(image).extract(str(tmp_path)) == 3
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        name: (made / name).read_bytes() for name in ("model.tflite", "labels.txt", "settings.json")
    }


def test_an_image_that_does_not_fit_is_refused_with_the_numbers() -> None:
    with pytest.raises(
        UserError, match=r"has 131,\d{3} bytes.* holds 131,072: \d+ too many.* model\.tflite, with 131,072"
    ):
        pack({"model.tflite": bytes(131_072)}, "OPENMV4")
    pack({"model.tflite": bytes(131_072)}, "OPENMV4P")


def test_an_unknown_board_is_a_clear_error() -> None:
    with pytest.raises(UserError, match="openmv-ota knows no board 'OPENMV9'"):
        pack({}, "OPENMV9")


@pytest.mark.parametrize("damage", ["another file", "other content", "truncated", "no image"])
def test_a_bad_image_does_not_verify(damage: str) -> None:
    files = {"model.tflite": CONTENT, "labels.txt": b"bad\ngood\n"}
    image = pack(files, "OPENMV4")
    at = payload_of(image, "model.tflite")
    bad = {
        "another file": pack({"a.txt": b"", **files}, "OPENMV4"),
        "other content": image[:at] + b"\x00" + image[at + 1 :],
        "truncated": image[: at + 10],
        "no image": b"PK\x03\x04" + image,
    }[damage]
    with pytest.raises(ValueError, match=r"ROMFS image"):
        verify(bad, files, "OPENMV4")


def test_a_misaligned_model_does_not_verify() -> None:
    """What `mpremote romfs build` makes."""
    from mpremote.romfs import VfsRomWriter  # noqa: PLC0415 (of use here alone)

    writer = VfsRomWriter()
    writer.mkfile("a", b"1")
    writer.mkfile("model.tflite", CONTENT)
    image = writer.finalise()
    assert payload_of(image, "model.tflite") % 16
    with pytest.raises(ValueError, match="16-byte aligned"):
        verify(image, {"a": b"1", "model.tflite": CONTENT}, "OPENMV4")


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


def test_the_readme_is_whole_for_every_board(made: Path) -> None:
    text = (made / "README.md").read_text(encoding="utf-8")
    for rest in ("{{", "}}", "{%", "None", "Undefined", "  |\n"):
        assert rest not in text, rest
    assert f"# {BOARDS[made.name].title}: bad, good, empty" in text
    assert "| all frames (accuracy) | 90 of 100 | 90.0 % | 85.0 % to 92.0 % |" in text
    assert "| `bad` found (recall) | 8 of 10 | 80.0 % | 75.0 % to 82.0 % |" in text
    assert "| blue | `empty` |" in text
    assert all(line.count("|") in (0, 3, 4, 5) for line in text.splitlines()), "rows of a table stay on a line"
    assert not re.search(r"\n\n\n", text)
    assert sha256(made / "model.tflite") in text


@pytest.mark.parametrize("board", BUILT)
def test_the_readme_says_what_is_true_of_the_board(board: str, tmp_path: Path) -> None:
    text = (make(tmp_path, board) / "README.md").read_text(encoding="utf-8")
    facts = BOARDS[board]
    assert ("SD card" in text) == ("sd" in facts.places)
    assert ("an estimated 41.5 to 62.3 ms (between two fits)" in text) == (facts.engine == "tflm")
    assert ("Time: not estimated" in text) == (facts.engine != "tflm")
    assert ("dfu-util -w -d ,37c5:" in text) == (board != "openmv-rt1062")
    assert ("ROMFS (needed on this board)" in text) == (next(iter(facts.places)) == "romfs")
    assert ("from which Vela compiled" in text) == (facts.engine == "ethos-u")


@pytest.mark.parametrize(
    "cost", [{}, {"latency_ms": [40.0, 40.0]}, {"arena_bytes": None}, {"place": "sd"}, {"place": "romfs"}]
)
def test_what_is_not_known_is_left_out_of_the_readme(cost: dict[str, Any], tmp_path: Path) -> None:
    text = (make(tmp_path, "openmv-h7", cost=cost) / "README.md").read_text(encoding="utf-8")
    assert "None" not in text
    assert ("an estimated 40.0 ms," in text) == ("latency_ms" in cost)


def test_the_lines_of_the_readme_are_those_of_the_program() -> None:
    line = decision_line(["bad", "good", "no_mask"], 3, 62.3)
    assert line == (
        '{"label": "good"   , "score": 0.9000, "scores": [0.0500, 0.9000, 0.0500], "item":         1, '
        '"frames":     3, "ms":       286, "inference_ms":    62}'
    )
    assert json.loads(line)["label"] == "good"
    assert json.loads(decision_line(["a", "b"], 1, 50.0))["label"] == "a"
    # The form as it stands in the program; its figures are put in later, in as many characters.
    form = "".join(re.findall(r"^ +line \+?= '(.+)'$", PROGRAM, re.MULTILINE)).removesuffix("\\n")
    assert len(form % ('"no_mask"', "0.0500, 0.9000, 0.0500")) == len(line)
    assert re.findall(r'"(\w+)":', form) == list(json.loads(line))


@pytest.mark.parametrize(
    "message",
    [
        "not the one that settings.json names",
        "is missing or damaged",
        "does not load",
        "needs firmware 4.5.6 or later",
        "this firmware has no frame size ",
        "does not hold the region",
        "this sensor sees no colour",
        "the model fails",
    ],
)
def test_the_messages_of_the_readme_are_those_of_the_program(h7: Path, message: str) -> None:
    assert message in PROGRAM
    assert message in (h7 / "README.md").read_text(encoding="utf-8")
