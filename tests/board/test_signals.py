"""line_signals.py under a real MicroPython: pulses, and the pin that says whether the camera works."""

import pytest

from linecam.bundle.contents import as_copied
from tests.board.camera import BAD, FIRMWARE, GOOD, MAIN, SETTLING, Run
from tests.board.items import (
    FRAME,
    REST,
    START,
    TIMERS,
    by_class,
    by_pin,
    frames,
    pressed,
    pulses,
    signals,
)


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize("timer", TIMERS)
def test_a_pulse_for_each_decision(camera, firmware, timer):
    camera.write(parts=[by_pin(), signals(delay_ms=30)])
    run = camera.run(firmware, timer=timer, scores=[GOOD, BAD, GOOD], edges=pressed(2500, 3000, 3500))
    assert run.labels == ["good", "bad", "good"]
    assert pulses(run, "P0")[0] == (2500 + FRAME + 30, 50)
    assert pulses(run, "P1") == [(3000 + FRAME + 30, 50)]


@pytest.mark.parametrize("timer", ["pyb", "hard"])
def test_pulses_keep_their_time_while_the_network_runs(camera, timer):
    camera.write(parts=[signals(delay_ms=30)])
    run = camera.run(timer=timer, predict_ms=300, scores=[GOOD, BAD, BAD])
    assert pulses(run, "P0") == [(START + 400 + 30, 50)]
    assert pulses(run, "P1")[0] == (START + 800 + 30, 50)


def test_without_a_hard_timer_a_pulse_waits_for_the_network(camera):
    """As docs/on-the-line.md says."""
    camera.write(parts=[signals(delay_ms=30)])
    run = camera.run(timer="soft", predict_ms=300, scores=[GOOD, BAD, BAD])
    (began, ms), *_ = pulses(run, "P0")
    assert began == START + 500
    assert ms == 300


def test_pulses_that_are_due_at_once_come_one_after_another(camera):
    camera.write(parts=[signals(pulse_ms=200)])
    run = camera.run(scores=[GOOD, BAD, GOOD, BAD] + [GOOD] * 10, period_ms=0)
    first = [[at, name, level] for at, name, level in run.seen["pins"] if name != "P2" and at > START][:6]
    at = START + FRAME + 1
    assert first == [
        [at, "P0", 1],
        [at + 200, "P0", 0],
        [at + 400, "P1", 1],
        [at + 600, "P1", 0],
        [at + 800, "P0", 1],
        [at + 1000, "P0", 0],
    ]


def test_a_full_queue_is_told(camera):
    camera.write(parts=[signals(pulse_ms=5000)])
    run = camera.run(scores=[GOOD] * 80)
    notes = [line["note"] for line in run.lines if "note" in line]
    assert notes
    assert "line.signals.pulse_ms" in notes[0]
    assert len(run.decisions) == 80, "and nothing waits for it"


def test_a_lost_pulse_makes_the_camera_not_ready_until_all_others_are_out(camera):
    """A bad part without its pulse would pass: the machine has to know."""
    camera.write(parts=[by_pin(), signals(pulse_ms=300)])
    run = camera.run(scores=[GOOD] * 99, edges=pressed(*(2500 + 130 * n for n in range(85)), 55_000, ms=50))
    lost = sum("note" in line for line in run.lines)
    assert lost
    levels = [(at, level) for at, level in ready(run)]
    assert [level for _, level in levels] == [1, 0, 1, 0]
    assert len(pulses(run, "P0")) + lost == len(run.decisions)
    last_but_one = pulses(run, "P0")[-2]
    assert levels[1][0] < sum(last_but_one) < levels[2][0] < 55_000, "all the others are over"


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize("timer", ["pyb", "hard"])
def test_with_a_delay_from_the_trigger_each_item_has_its_pulse_at_the_ejector(camera, firmware, timer):
    """Whether it was decided, or missed while another one was judged: the ejector is 1000 ms behind the sensor."""
    edges = [2500, 2590, 2810, 3300, 3390, 3480]
    camera.write(votes=2, parts=[by_pin(), signals(delay_ms=1000, delay_from="trigger", pulse_ms=20)])
    run = camera.run(firmware, timer=timer, scores=[GOOD, GOOD, BAD, BAD, GOOD, GOOD], edges=pressed(*edges, ms=40))
    assert run.labels == ["good", "bad", "good"]
    assert [at for at, _ in pulses(run, "P0")] == [3500, 4300]
    assert [at for at, _ in pulses(run, "P1")] == [3590, 3810, 4390, 4480]
    assert not [line for line in run.lines if "note" in line]


def test_a_delay_from_the_trigger_that_is_too_short_is_told(camera):
    camera.write(parts=[by_pin(), signals(delay_ms=FRAME - 10, delay_from="trigger")])
    run = camera.run(scores=[GOOD, GOOD], edges=pressed(2500, 3000))
    assert pulses(run, "P0")[0][0] == 2500 + FRAME + 1
    notes = [line["note"] for line in run.lines if "note" in line]
    assert len(notes) == 2
    assert "line.signals.delay_ms" in notes[0]
    assert [level for _, level in ready(run)] == [1, 0, 1, 0, 1, 0]


def test_the_trigger_gives_the_times_over_the_wrap_of_the_clock(camera):
    for ticks in ((1 << 30) - 2550, (1 << 30) - 3100, (1 << 29) - 3100):
        camera.write(parts=[by_pin(), signals(delay_ms=1000, delay_from="trigger")])
        run = camera.run(ticks=ticks, scores=[GOOD, GOOD], edges=pressed(2500, 2600, 3200))
        assert [at for at, _ in pulses(run, "P0")] == [3500, 4200]
        assert [at for at, _ in pulses(run, "P1")] == [3600]


def at_the_end(run: Run) -> dict[str, int]:
    """The outputs when the program has ended. They stay so."""
    changes = [(name, level) for at, name, level in run.seen["pins"] if at <= run.seen["ended"]]
    assert len(changes) == len(run.seen["pins"])
    return dict(changes)


def test_polarity(camera):
    camera.write(parts=[signals(active="low")])
    run = camera.run(scores=[GOOD, GOOD])
    assert [[at, name, level] for at, name, level in run.seen["pins"] if at == 0] == [
        [0, "P0", 1],
        [0, "P1", 1],
        [0, "P2", 1],
    ]
    assert pulses(run, "P0", on=0)[0] == (START + FRAME + 1, 50)
    assert at_the_end(run) == {"P0": 1, "P1": 1, "P2": 1}, "off"


@pytest.mark.parametrize(("undecided", "pins"), [("reject", ["P1"]), ("pass", ["P0"]), ("nothing", [])])
def test_no_decision(camera, undecided, pins):
    camera.write(thresholds={"good": 0.9, "bad": 0.9, "no_mask": 0.9}, parts=[signals(undecided=undecided)])
    run = camera.run(scores=[GOOD, GOOD], snapshots=SETTLING + 1)
    assert run.labels == [None]
    run = camera.run(scores=[GOOD], rounds=2)
    assert sorted({name for _, name, level in run.seen["pins"] if level and name != "P2"}) == pins


def test_a_class_that_does_not_pass_is_rejected(camera):
    camera.write(parts=[by_pin(), signals(passes=["good", "no_mask"])])
    run = camera.run(scores=[REST, BAD], edges=pressed(2500, 3000))
    assert [name for _, name, level in run.seen["pins"] if level and name != "P2"] == ["P0", "P1"]


@pytest.mark.parametrize("names", [{"pass_pin": None}, {"fail_pin": None}, {"ready_pin": None}])
def test_each_pin_may_be_left_out(camera, names):
    camera.write(parts=[signals(**names)])
    run = camera.run(scores=[GOOD, BAD] * 4)
    left = {"pass_pin": "P0", "fail_pin": "P1", "ready_pin": "P2"}
    for name in names:
        del left[name]
    assert {name for _, name, level in run.seen["pins"] if level} == set(left.values())


def ready(run: Run) -> list[tuple[int, int]]:
    return [(at, level) for at, name, level in run.seen["pins"] if name == "P2" and at > 0]


@pytest.mark.parametrize("timer", ["pyb", "hard"])
def test_ready_drops_when_the_loop_stalls_and_comes_back(camera, timer):
    camera.write(parts=[signals(stall_ms=500)])
    run = camera.run(timer=timer, scores=[GOOD] * 6, stalls={str(SETTLING + 3): 5000})
    (on, _), (drops, _), (again, _), (end, _) = ready(run)
    assert on == START + 1, "not before the camera is ready"
    assert drops == START + 2 * FRAME + 500, "while the snapshot hangs"
    assert START + 5000 < again < START + 6000
    assert end >= START + 5000 + 6 * FRAME


@pytest.mark.parametrize("timer", ["pyb", "hard"])
def test_ready_stays_off_while_the_firmware_hangs_for_a_week(camera, timer):
    """By then the difference of the clock is negative. It leaps, since a week of milliseconds takes long."""
    camera.write(parts=[signals()])
    script = camera.folder / "hangs.py"
    source, judged = as_copied(MAIN.read_text()), "\t\t\tscores = model.predict(frame)[0]\n"
    assert source.count(judged) == 1
    leap = "__import__('board').plan['ticks'] += 1 << 29"
    hangs = f"\t\t\tif number == 2:\n\t\t\t\ttime.sleep_ms(1500)\n\t\t\t\t{leap}\n\t\t\t\ttime.sleep_ms(1500)\n"
    script.write_text(source.replace(judged, f"{hangs}{judged}"))
    run = camera.run(script=script, timer=timer, scores=[GOOD] * 3)
    _, (drops, off), (again, _), *_ = ready(run)
    assert off == 0
    assert again - drops > 2000


def test_without_a_hard_timer_a_hanging_firmware_is_not_noticed(camera):
    """As docs/on-the-line.md says."""
    camera.write(parts=[signals(stall_ms=500)])
    run = camera.run(timer="soft", scores=[GOOD] * 6, stalls={str(SETTLING + 3): 5000})
    assert not any(START + 2 * FRAME < at < START + 5000 for at, _ in ready(run))


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize(
    ("end", "plan"), [("ctrl-c", {}), ("stop", {"raises": "ValueError"}), ("settings", {"labels": True})]
)
def test_ready_drops_when_the_program_ends(camera, firmware, end, plan):
    camera.write(parts=[signals()])
    if plan.pop("labels", None):  # refused after the parts were made
        camera.write(parts=[signals(), ["line_trigger", {"source": "class", "resting": "none"}]])
    run = camera.run(firmware, scores=[GOOD] * 3, **plan)
    assert at_the_end(run) == {"P0": 0, "P1": 0, "P2": 0}
    if end != "settings":
        assert 1 in [level for _, level in ready(run)]


@pytest.mark.parametrize("timer", TIMERS)
def test_no_pulse_comes_when_the_program_has_ended(camera, timer):
    """It would hit an item that has long gone by, or none. The controller rejects what waited, since ready is off."""
    camera.write(parts=[signals(delay_ms=500)])
    run = camera.run(timer=timer, scores=[BAD])
    assert run.labels == ["bad"]
    assert [level for _, name, level in run.seen["pins"] if name == "P1"] == [0]
    assert [level for _, level in ready(run)] == [1, 0]


def test_ready_drops_while_the_sensor_sees_nothing(camera):
    camera.write(parts=[by_class(), signals()])
    run = camera.run(scores=frames("....gg.."), fail=[SETTLING + 3])
    assert [level for _, level in ready(run)] == [1, 0, 1, 0]


def test_at_a_pin_ready_stays_for_the_next_item(camera):
    """A machine that waits for it before the next item would wait for ever."""
    camera.write(parts=[by_pin(), signals()])
    run = camera.run(scores=[GOOD], edges=pressed(2500, 3500), fail=[SETTLING + 1])
    assert [level for _, level in ready(run)] == [1, 0]


@pytest.mark.parametrize(("undecided", "pins"), [("reject", ["P1", "P0"]), ("pass", ["P0", "P0"]), ("nothing", ["P0"])])
def test_without_a_trigger_a_failed_frame_is_one_item_without_a_decision(camera, undecided, pins):
    camera.write(votes=3, parts=[signals(undecided=undecided)])
    run = camera.run(scores=[GOOD] * 6, fail=[SETTLING + 2, SETTLING + 3, SETTLING + 4])
    assert [name for _, name, level in run.seen["pins"] if level and name != "P2"] == pins
