"""main.py under a real MicroPython: how it starts, what it refuses, and what it makes of a camera that fails."""

import hashlib
import json

import pytest

from tests.board.camera import BAD, COLLECT, FIRMWARE, GOOD, MAIN, MODEL, NO_MASK, SETTLING

# --- the start


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


# --- the camera


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
    assert sum(run.seen["sleeps"]) == 200, "a sensor that is gone is asked, and told of, ten times a second at the most"
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
