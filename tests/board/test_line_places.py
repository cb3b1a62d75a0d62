"""line_places.py under a real MicroPython: several places of a frame, a decision for each, and the worst one."""

import json

import pytest

from tests.board.camera import COLLECT, HOLDING, MAIN, SETTLING, Camera, Run
from tests.board.items import by_pin, missed, pressed, signals

FIRMWARE = ["4.7.0", "4.8.0", "5.0.0"]
GOOD, BAD, NO_MASK, NEITHER = [0.75, 0.25, 0.0], [0.25, 0.75, 0.0], [0.0, 0.25, 0.75], [0.5, 0.0, 0.5]
ROIS = [[10, 20, 96, 96], [110, 20, 96, 96], [210, 130, 96, 96]]
ORDER = [1, 2, -1, 0]  # bad, no_mask, none, good
WHOLE = [0, 0, 320, 240]
DEMANDING = {"good": 0.7, "bad": 0.7, "no_mask": 0.7}


def write(camera: Camera, *parts: list, rois: list = ROIS, order: list = ORDER, **settings: object) -> None:
    camera.write(roi=WHOLE, rois=rois, parts=[*parts, ["line_places", {"order": order}]], **settings)


def frames(*text: str) -> list:
    """Scores of all places of each frame: g, b, n and - stand for GOOD, BAD, NO_MASK and NEITHER."""
    return [{"g": GOOD, "b": BAD, "n": NO_MASK, "-": NEITHER}[letter] for word in text for letter in word]


def told(run: Run) -> list[tuple]:
    return [(line["label"], line["place"], line["places"]) for line in run.decisions]


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_each_place_of_a_frame_is_judged_and_the_worst_decides(camera, firmware):
    write(camera)
    run = camera.run(firmware, scores=frames("ggg", "gbg", "ngb", "gng"))
    assert told(run) == [
        ("good", 1, ["good", "good", "good"]),
        ("bad", 2, ["good", "bad", "good"]),
        ("bad", 3, ["no_mask", "good", "bad"]),
        ("no_mask", 2, ["good", "no_mask", "good"]),
    ]
    assert run.seen["lit"] == ["", "G", "R", "R", "B", ""]
    assert run.seen["views"] == [[roi, SETTLING + 1 + n] for n in range(4) for roi in ROIS], "a frame is taken once"
    assert run.seen["calls"][-1] == ["window", WHOLE]
    assert run.decisions[1] == {
        **{"label": "bad", "score": 0.75, "scores": BAD, "item": 2, "frames": 1, "ms": 160, "inference_ms": 60},
        **{"place": 2, "places": ["good", "bad", "good"]},
    }


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_each_place_sees_its_own_pixels(camera, firmware):
    """The scores are made of all bytes of what the model sees: a camera with just one of the places says the same."""
    singly = []
    for roi in ROIS:
        camera.write(roi=WHOLE, rois=[roi], parts=[["line_places", {"order": ORDER}]])
        singly.append(camera.run(firmware, classes=3, snapshots=SETTLING + 3).decisions)
    write(camera)
    together = camera.run(firmware, classes=3, snapshots=SETTLING + 3).decisions
    assert len(together) == 3
    for number, decision in enumerate(together):
        assert decision["places"] == [alone[number]["label"] for alone in singly]
        assert decision["scores"] == singly[decision["place"] - 1][number]["scores"]
    assert len({json.dumps(alone[0]["scores"]) for alone in singly}) == 3, "the places differ"


@pytest.mark.parametrize("count", [2, 9, 10, 16])
def test_so_many_places(camera, count):
    rois = [[8 + 18 * n, 10, 16, 16] for n in range(count)]
    write(camera, rois=rois)
    run = camera.run(scores=frames("g" * (count - 1) + "b"))
    assert told(run) == [("bad", count, ["good"] * (count - 1) + ["bad"])]
    assert [view for view, _ in run.seen["views"]] == rois


def test_each_place_has_votes_of_its_own(camera):
    """By the mean of three frames. In none of them all places are good, and in the mean they are."""
    write(camera, votes=3)
    run = camera.run(scores=frames("bgg", "gbg", "ggb", "ggb", "ggb", "ggg"))
    assert told(run) == [("good", 1, ["good"] * 3), ("bad", 3, ["good", "good", "bad"])]
    assert [line["frames"] for line in run.decisions] == [3, 3]
    assert run.decisions[0]["scores"] == pytest.approx([(0.75 * 2 + 0.25) / 3, (0.25 * 2 + 0.75) / 3, 0], abs=1e-4)


@pytest.mark.parametrize(
    ("order", "frame", "expected"),
    [
        (ORDER, "g-g", (None, 2)),
        (ORDER, "-ng", ("no_mask", 2)),
        ([1, 2, 0, -1], "g-g", ("good", 1)),
        ([1, 2, 0, -1], "---", (None, 1)),
        ([2, 1, -1, 0], "bng", ("no_mask", 2)),
        ([0, 1, 2, -1], "nbg", ("good", 3)),
    ],
)
def test_the_order_says_which_is_worst(camera, order, frame, expected):
    write(camera, order=order, thresholds=DEMANDING)
    assert [(label, place) for label, place, _ in told(camera.run(scores=frames(frame)))] == [expected]


@pytest.mark.parametrize(
    ("scores", "place"),
    [
        ([[0.8, 0.2, 0.0], [0.6, 0.4, 0.0], [0.9, 0.1, 0.0]], 2),
        ([[0.3, 0.7, 0.0], [1.0, 0.0, 0.0], [0.4, 0.6, 0.0]], 3),
        ([[0.7, 0.3, 0.0], [0.7, 0.3, 0.0], [0.9, 0.1, 0.0]], 1),
    ],
)
def test_of_several_places_with_this_class_the_least_sure_one_is_told(camera, scores, place):
    write(camera)
    (decision,) = camera.run(scores=scores).decisions
    assert decision["place"] == place
    assert decision["scores"] == scores[place - 1]


def test_the_least_sure_one_where_nothing_reached_its_threshold(camera):
    write(camera, thresholds=DEMANDING)
    (decision,) = camera.run(scores=[[0.6, 0.4, 0.0], [0.45, 0.4, 0.15], [0.6, 0.2, 0.2]]).decisions
    assert (decision["label"], decision["place"], decision["score"]) == (None, 2, 0.45)


def test_a_failed_frame_counts_at_no_place(camera):
    write(camera, votes=2)
    run = camera.run(scores=frames("bbb", "ggg", "ggg"), fail=[SETTLING + 2])
    assert told(run) == [("good", 1, ["good"] * 3)]
    assert (run.decisions[0]["frames"], run.decisions[0]["scores"]) == (2, GOOD)


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_one_pulse_for_an_item_by_its_worst_place(camera, firmware):
    write(camera, by_pin(), signals())
    run = camera.run(firmware, scores=frames("ggg", "gbg"), edges=pressed(2500, 3000))
    assert missed(run) == []
    assert run.labels == ["good", "bad"]
    assert [name for _, name, level in run.seen["pins"] if level and name != "P2"] == ["P0", "P1"]


@pytest.mark.parametrize("dark", [0, 1, None])
def test_odd_light_at_one_place_is_enough(camera, dark):
    """The left half of the frame is grey 0 or 128; the places lie on both sides."""
    limits = ["line_light", {"brightness": [60, 200], "contrast": 0}]
    write(camera, limits, rois=[[10, 20, 96, 96], [210, 130, 96, 96]], hold={})
    grey = [0 if dark == side else 128 for side in (0, 1)]
    run = camera.run(scores=frames("gg"), grey={"0": grey}, snapshots=SETTLING + 3)
    assert bool(run.decisions) == (dark is None)
    assert ({"error": "darker than any training frame"} in run.lines) == (dark is not None)


def test_the_frame_is_kept_whole_and_its_line_names_the_place(camera):
    keep = {"margin": 13107, "every": 0, "frames": 10, "bytes": 10**7, "pause_ms": 0, "mark_pin": None}
    (camera.folder / "sdcard").mkdir()
    write(camera, ["line_keep", keep])
    run = camera.run(scores=[GOOD, [0.55, 0.45, 0.0], GOOD])
    (line,) = [
        json.loads(text) for path in camera.folder.rglob("K*.jsonl") for text in path.read_text().split("\n") if text
    ]
    assert (line["place"], line["label"], line["scores"]) == (2, "good", [0.55, 0.45, 0.0])
    (frame,) = camera.folder.rglob("K*.bmp")
    assert frame.stat().st_size == 66 + 320 * 240 * 2
    assert run.labels == ["good"]


def test_collect_records_the_whole_frame(camera):
    write(camera)
    camera.run(script=COLLECT, snapshots=SETTLING + HOLDING + 3)
    sizes = {path.stat().st_size for path in camera.folder.rglob("R*.bmp")}
    assert sizes == {66 + 320 * 240 * 2}


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize("count", [2, 4])
def test_several_places_allocate_nothing(camera, firmware, count):
    modbus = ["line_modbus", {"uart": 3, "baud": 19200, "parity": "even", "address": 1, "send_pin": None}]
    limits = ["line_light", {"brightness": [0, 255], "contrast": 0}]
    write(
        camera, limits, signals(pulse_ms=10), modbus, rois=ROIS[:1] * count, votes=2, hold={}, thresholds={"bad": 0.4}
    )
    run = camera.run(firmware, scores=frames("gb-nggbb"), rounds=60, grey={"0": [128, 130]}, lock=True)
    assert len(run.decisions) == 8 * 60 // count // 2
    before, after = run.seen["memory"]
    assert before == after > 0


@pytest.mark.parametrize(
    ("firmware", "rois", "sentence"),
    [
        ("4.5.6", ROIS, "several places (camera.rois) need firmware 4.7.0 or later: update it."),
        ("4.8.0", [[0, 0, 90, 60], [90, 0, 90, 60]], "an oblong camera.roi needs firmware 5.0.0: update it"),
    ],
)
def test_what_a_firmware_cannot_do_ends_with_one_sentence(camera, firmware, rois, sentence):
    write(camera, rois=rois)
    run = camera.run(firmware, scores=[GOOD])
    assert run.printed.count("\n") == 1
    assert run.printed.startswith(f"linecam: {sentence}")


def test_oblong_places_on_a_firmware_that_stretches_them(camera):
    write(camera, rois=[[0, 0, 90, 60], [90, 0, 90, 60]])
    assert camera.run("5.0.0", scores=frames("gb")).labels == ["bad"]


def test_a_place_that_fails_ends_with_one_sentence(camera):
    write(camera)
    run = camera.run(scores=frames("ggg"), raises="ValueError")
    assert run.printed.splitlines()[-1].startswith("linecam: the model fails (ValueError('Invoke failed',))")
    assert run.seen["lit"][-1] == ""


def test_an_older_program_refuses_settings_with_several_places(camera):
    """It would judge the whole frame, since it knows of no places."""
    write(camera, version=3)
    script = camera.folder / "older.py"
    script.write_text(MAIN.read_text().replace("VERSION = 4", "VERSION = 2"))
    assert "settings.json is for a newer main.py" in camera.run(script=script, scores=[GOOD]).printed
