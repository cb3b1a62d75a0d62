"""main.py under a real MicroPython: what it decides, shows and prints, how often, and that it takes no memory."""

import json

import numpy as np
import pytest

from tests.board.camera import BAD, FIRMWARE, GOOD, MAIN, NO_MASK

# --- the decision


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


def test_a_mean_that_just_reaches_its_threshold_is_enough(camera):
    """The camera rounds the threshold up by half a step of 1/65536, and two frames make a whole one of it."""
    camera.write(votes=2, thresholds={"bad": 0.5 + 1 / 131072})
    run = camera.run(scores=[[0.5, 0.5, 0.0], [0.5 - 1 / 65536, 0.5 + 1 / 65536, 0.0]])
    assert run.labels == ["bad"]


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


# --- the rate and the LEDs


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


# --- memory


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
