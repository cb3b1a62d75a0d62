"""line_trigger.py under a real MicroPython, with what goes wrong at a machine; and the memory of all parts."""

import pytest

from tests.board.camera import BAD, FIRMWARE, GOOD, MAIN, SETTLING
from tests.board.items import FRAME, REST, START, TIMERS, by_class, by_pin, frames, missed, pressed, pulses, signals


def seen_from(*scenes: tuple[int, list[float]], until: int) -> dict:
    """A film: what is seen from which time on."""
    return {
        "scores": [scores for _, scores in scenes],
        "film": [[at, n] for n, (at, _) in enumerate(scenes)] + [[until, 0]],
    }


# --- the trigger at a pin


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_an_edge_brings_one_decision(camera, firmware):
    camera.write(votes=2, parts=[by_pin()])
    run = camera.run(firmware, scores=[GOOD, GOOD, BAD, BAD], edges=pressed(2500, 3000))
    assert run.labels == ["good", "bad"]
    assert [line["frames"] for line in run.decisions] == [2, 2]
    assert missed(run) == []
    assert run.seen["buffers"] == 1, "or a frame may be from before the edge"
    assert run.seen["lit"] == ["", "", "G", "G", ""], "no frame is taken without an edge"


@pytest.mark.parametrize(
    ("edge", "pull", "level"), [("falling", "up", 0), ("rising", "down", 1), ("rising", "none", 1)]
)
def test_either_edge_can_be_the_trigger(camera, edge, pull, level):
    camera.write(parts=[by_pin(edge=edge, pull=pull)])
    run = camera.run(scores=[GOOD, BAD], edges=pressed(2500, 3000, level=level, ms=200))
    assert run.labels == ["good", "bad"]
    assert missed(run) == []


def test_the_frame_is_taken_after_the_delay(camera):
    camera.write(parts=[by_pin(delay_ms=250)])
    scenes = seen_from((0, REST), (2740, GOOD), (2790, BAD), until=4000)
    run = camera.run(**scenes, edges=pressed(2500))
    assert run.labels == ["good"], "250 ms after 2500 it shows the good one, for 40 ms"


@pytest.mark.parametrize("bounces", [1, 2, 5])
def test_a_bouncing_contact_makes_one_item(camera, bounces):
    """It bounces when it closes, and when it opens."""
    edges = []
    for at in (2500, 2900):
        for n in range(bounces):
            edges += [[at + 2 * n, "P7", 1], [at + 2 * n + 1, "P7", 0]]
        edges += [[at + 2 * bounces, "P7", 1], [at + 200, "P7", 0]]
        for n in range(bounces):
            edges += [[at + 201 + 2 * n, "P7", 1], [at + 202 + 2 * n, "P7", 0]]
    camera.write(parts=[by_pin()])
    run = camera.run(scores=[GOOD, BAD, REST, REST], edges=edges)
    assert run.labels == ["good", "bad"]
    assert missed(run) == []


@pytest.mark.parametrize("closes", [[1], [1, 0, 1]], ids=["clean", "bounces"])
@pytest.mark.parametrize("opens", [[0], [0, 1, 0]], ids=["clean", "bounces"])
def test_a_contact_that_bounces_back_before_the_interrupt_looks(camera, closes, opens):
    """The interrupt finds the level from before. The item counts all the same, once."""
    quick = [
        [at + n // 2, "P7", level] for at, levels in ((2500, closes), (2700, opens)) for n, level in enumerate(levels)
    ]
    camera.write(parts=[by_pin()])
    run = camera.run(scores=[GOOD, BAD, REST], edges=quick + pressed(3200))
    assert run.labels == ["good", "bad"]
    assert missed(run) == []


def test_a_disturbance_shorter_than_the_interrupt_is_no_item(camera):
    camera.write(parts=[by_pin()])
    run = camera.run(scores=[GOOD, BAD], edges=[[2500, "P7", 1], [2500, "P7", 0], *pressed(3000)])
    assert run.labels == ["good"]
    assert missed(run) == []


def test_the_bounces_are_real(camera):
    """Without debouncing the test above counts them."""
    camera.write(parts=[by_pin(debounce_ms=0)])
    run = camera.run(scores=[GOOD], edges=[[2500, "P7", 1], [2501, "P7", 0], [2502, "P7", 1], [2503, "P7", 0]])
    assert run.labels == ["good"]
    assert missed(run) == [1]


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_a_trigger_faster_than_the_network_is_counted(camera, firmware):
    """Three items while the first is judged: two of them have no decision, and the next one has."""
    camera.write(votes=3, parts=[by_pin(), signals()])
    run = camera.run(firmware, scores=[GOOD] * 6, edges=pressed(2500, 2600, 2700, 3200))
    assert run.labels == ["good", "good"]
    assert missed(run) == [2]
    assert [name for _, name, level in run.seen["pins"] if level and name != "P2"] == ["P0", "P1", "P1", "P0"]


def test_an_edge_while_the_network_runs_is_noted_at_its_time(camera):
    """It comes while another item's frame is in the network. A soft interrupt would have to wait for its end."""
    camera.write(parts=[by_pin()])
    run = camera.run(scores=[GOOD, BAD], predict_ms=400, edges=pressed(2500, 2950, 3600, ms=10))
    assert run.labels == ["good", "bad"]
    assert missed(run) == [1]


def test_items_before_the_camera_is_ready_are_missed(camera):
    camera.write(parts=[by_pin()])
    run = camera.run(scores=[GOOD, BAD], edges=pressed(500, 900, 2500))
    assert missed(run) == [2]
    assert run.labels == ["good"]


def test_of_several_items_in_the_pause_the_last_one_is_there(camera):
    camera.write(period_ms=1000, parts=[by_pin()])
    run = camera.run(scores=[GOOD, BAD], edges=pressed(2500, 3000, 3200))
    assert run.labels == ["good", "bad"]
    assert missed(run) == [1]


@pytest.mark.parametrize("timer", TIMERS)
def test_the_pulses_come_in_the_order_of_the_items(camera, timer):
    """The second item is missed. Its pulse comes before that of the third, or a controller would mix the two up."""
    camera.write(period_ms=1000, parts=[by_pin(), signals()])
    run = camera.run(timer=timer, scores=[GOOD, GOOD], edges=pressed(2500, 3000, 3200))
    assert run.labels == ["good", "good"]
    assert missed(run) == [1]
    assert [name for _, name, level in run.seen["pins"] if level and name != "P2"] == ["P0", "P1", "P0"]


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_several_items_on_their_way_from_the_sensor_to_the_camera(camera, firmware):
    """The sensor is 700 ms before the camera, and an item comes every 200 ms."""
    at = [2500 + 200 * n for n in range(8)]
    scenes = [
        (when + offset, what) for n, when in enumerate(at) for offset, what in ((690, [GOOD, BAD][n % 2]), (710, REST))
    ]
    camera.write(parts=[by_pin(delay_ms=700), signals()])
    run = camera.run(firmware, **seen_from((0, REST), *scenes, until=6000), edges=pressed(*at))
    assert run.labels == ["good", "bad"] * 4
    assert missed(run) == []


def test_an_item_on_its_way_is_missed_if_its_time_comes_while_another_is_judged(camera):
    camera.write(votes=3, parts=[by_pin(delay_ms=300), signals()])
    run = camera.run(scores=[GOOD] * 6, edges=pressed(2500, 2600, 2900))
    assert run.labels == ["good", "good"]
    assert missed(run) == [1]
    assert [name for _, name, level in run.seen["pins"] if level and name != "P2"] == ["P0", "P1", "P0"]


def test_more_items_on_their_way_than_there_is_room_for_are_missed(camera):
    camera.write(parts=[by_pin(delay_ms=10_000), signals(pulse_ms=1)])
    run = camera.run(scores=[GOOD] * 100, edges=pressed(*(2500 + 140 * n for n in range(70)), ms=60))
    assert len(run.decisions) == 63
    assert sum([missed(run)[-1], len(run.decisions)]) == 70


@pytest.mark.parametrize(("late_ms", "labels"), [(200, ["good"]), (300, ["good", "good"])])
def test_how_late_is_too_late_can_be_set(camera, late_ms, labels):
    camera.write(period_ms=500, parts=[by_pin(late_ms=late_ms)])
    run = camera.run(scores=[GOOD] * 9, edges=pressed(2500, 2750))
    assert run.labels == labels
    assert len(missed(run)) == 2 - len(labels)


def test_an_edge_after_a_quiet_week_counts(camera):
    """By then the clock's differences are negative: that to the last edge, and that to the end of the pause."""
    day = 24 * 3600 * 1000
    leap = f"time.sleep_ms({day} if time.ticks_ms() % {day} == {START} and time.ticks_ms() < {7 * day} else 1)"
    camera.write(parts=[by_pin()])
    script = camera.folder / "quick.py"
    script.write_text(MAIN.read_text().replace("time.sleep_ms(1)", leap))
    run = camera.run(script=script, ticks=0, scores=[GOOD], edges=pressed(7 * day + 2500))
    assert run.labels == ["good"]


@pytest.mark.parametrize(
    "ticks",
    [(1 << 30) - 2550, (1 << 30) - 2501, (1 << 30) - 2600, (1 << 30) - 2850, (1 << 30) - 2890, (1 << 29) - 2550],
)
def test_the_clock_wraps_in_the_middle_of_an_item(camera, ticks):
    camera.write(votes=2, parts=[by_pin(delay_ms=100), signals(delay_ms=30)])
    run = camera.run(ticks=ticks, scores=[GOOD] * 4, edges=pressed(2500, 3200))
    assert run.labels == ["good", "good"]
    assert pulses(run, "P0")[0] == (2500 + 100 + 2 * FRAME + 30, 50)


def test_a_sensor_error_in_the_middle_of_an_item_rejects_it(camera):
    camera.write(votes=3, parts=[by_pin(), signals()])
    run = camera.run(scores=[GOOD] * 4, edges=pressed(2500, 3200), fail=[SETTLING + 2])
    assert [line for line in run.lines if "error" in line] == [{"error": "Frame capture has timed out."}]
    assert missed(run) == [1]
    assert run.labels == ["good"], "the first frame counts for nobody"
    assert run.decisions[0]["frames"] == 3
    pins = [name for _, name, level in run.seen["pins"] if level and name != "P2"]
    assert pins == ["P1", "P0"]


@pytest.mark.parametrize("timer", ["pyb", "hard"])
def test_without_a_sensor_each_item_is_rejected_at_once_and_the_camera_is_not_ready(camera, timer):
    """Ten items fail. Then the sensor does not even start for a while, in which three more pass."""
    failing = [2500 + 300 * n for n in range(10)]
    gone = [6500, 7000, 7500]
    camera.write(parts=[by_pin(), signals()])
    run = camera.run(timer=timer, scores=[GOOD], edges=pressed(*failing, *gone, 12_500), dead=[SETTLING, 8000])
    assert run.labels == ["good"]
    assert missed(run)[-1] == 13
    rejects = [at for at, _ in pulses(run, "P1")]
    assert len(rejects) == 13
    for at, edge in zip(rejects[10:], gone, strict=True):
        assert 0 <= at - edge < 250, "not in one go when the sensor is back"
    on = [at for at, name, level in run.seen["pins"] if name == "P2" and level]
    off = [at for at, name, level in run.seen["pins"] if name == "P2" and not level and at > 0]
    assert failing[-1] < off[0] < gone[0]
    assert 8000 + START <= on[1] < 12_500


def test_a_camera_that_is_not_fully_prepared_is_started_anew(camera):
    """Without this, no part after the one that failed would ever hear of the camera."""
    camera.write(parts=[by_pin(), signals()])
    run = camera.run(scores=[GOOD], edges=pressed(6000), no_buffers=1)
    assert run.seen["calls"].count(["reset"]) == 2
    assert run.labels == ["good"]
    assert run.seen["buffers"] == 1
    assert 1 in [level for _, name, level in run.seen["pins"] if name == "P2"]


# --- the trigger by the class


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_an_item_ends_when_the_resting_class_is_seen_again(camera, firmware):
    camera.write(parts=[by_class()])
    run = camera.run(firmware, scores=frames("...gggg...bbb..."))
    assert run.labels == ["good", "bad"]
    assert [line["frames"] for line in run.decisions] == [4, 3]
    assert run.decisions[0]["scores"] == GOOD, "frames of the resting class do not count"
    assert missed(run) == []


@pytest.mark.parametrize(
    ("film", "labels", "counts"),
    [
        ("..g..b...", [], []),  # one frame is no item
        ("..gg.gg..", ["good"], [4]),  # nor is one frame a gap
        ("..gbgbg..", ["good"], [5]),
        ("..gg..gg..", ["good", "good"], [2, 2]),
        ("gggg..", ["good"], [4]),
        ("..gggg.", [], []),  # not through yet
        ("..g.gg.", [], []),
        ("..g.gg..", ["good"], [2]),
    ],
)
def test_what_is_an_item(camera, film, labels, counts):
    camera.write(parts=[by_class()])
    run = camera.run(scores=frames(film))
    assert run.labels == labels
    assert [line["frames"] for line in run.decisions] == counts


def test_one_frame_may_be_enough(camera):
    camera.write(parts=[by_class(enter=1, leave=1)])
    assert camera.run(scores=frames(".g.b.gg.")).labels == ["good", "bad", "good"]


def test_an_item_that_stays_is_decided_once(camera):
    camera.write(parts=[by_class(longest=5)])
    run = camera.run(scores=frames("..ggggggggggbbb..bb.."))
    assert run.labels == ["good", "bad"]
    assert [line["frames"] for line in run.decisions] == [5, 2]


@pytest.mark.parametrize("undecided", ["reject", "pass", "nothing"])
def test_an_error_in_the_middle_of_a_seen_item(camera, undecided):
    """What is left of it is no second item."""
    camera.write(parts=[by_class(), signals(undecided=undecided)])
    run = camera.run(scores=frames("..ggggg..bb...."), fail=[SETTLING + 5])
    assert missed(run) == [1]
    assert run.labels == ["bad"]
    pins = [name for _, name, level in run.seen["pins"] if level and name != "P2"]
    assert pins == {"reject": ["P1", "P1"], "pass": ["P0", "P1"], "nothing": ["P1"]}[undecided]


def test_an_error_between_two_frames_of_the_resting_class_ends_their_row(camera):
    """Nobody saw the gap: what comes after one more such frame still belongs to the item that was missed."""
    camera.write(parts=[by_class()])
    run = camera.run(scores=frames("..gg..gg..bb.."), fail=[SETTLING + 6])
    assert missed(run) == [1]
    assert run.labels == ["bad"]


def test_an_error_between_items_misses_none(camera):
    camera.write(parts=[by_class()])
    run = camera.run(scores=frames("...gg..."), fail=[SETTLING + 2])
    assert missed(run) == []
    assert run.labels == ["good"]


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize(
    ("on_time", "labels", "count"), [(True, ["good", "good"], []), (False, ["good"], [1])], ids=["soon", "late"]
)
def test_an_item_whose_frame_would_come_too_late_is_missed(camera, firmware, on_time, labels, count):
    """Its edge comes while a slow card takes a frame of the item before: then another one may be before the camera."""
    keep = {"margin": 65536, "every": 0, "frames": 9, "bytes": 10**9, "pause_ms": 0, "mark_pin": None}
    camera.write(votes=2, parts=[by_pin(delay_ms=40), signals(), ["line_keep", keep]])
    run = camera.run(firmware, scores=[GOOD] * 9, save_ms=400 if on_time else 1000, edges=pressed(2500, 2850))
    assert run.labels == labels
    assert missed(run) == count
    assert len(pulses(run, "P1")) == len(count), "it is rejected"


# --- settings and files that somebody has changed


WRONG = [
    by_pin(debounce_ms="5"),
    by_pin(delay_ms=1.5),
    by_class(leave="2"),
    by_class(resting="empty"),
    signals(pulse_ms="50"),
    signals(passes=None),
    signals(fail_pin="P99"),
    ["line_modbus", {"uart": 3, "baud": 19200, "parity": "even", "address": "1", "send_pin": None}],
    ["line_modbus", {"uart": "3", "baud": 19200, "parity": "even", "address": 1, "send_pin": None}],
    ["line_keep", {"margin": "1", "every": 0, "frames": 9, "bytes": 9, "pause_ms": 0, "mark_pin": None}],
    ["line_keep", {"margin": 1, "every": 0, "frames": 9, "bytes": 9, "pause_ms": 0}],
    ["line_drift", {}],
    ["line_light", {"brightness": ["dark", 255], "contrast": 3}],
    ["line_places", {"order": ["good"]}],
]


@pytest.mark.parametrize("part", WRONG, ids=lambda part: f"{part[0]} {list(part[1].values())}")
def test_a_part_with_wrong_settings_is_named_at_the_start(camera, part):
    camera.write(parts=[part])
    last = camera.run(scores=[GOOD] * 3).printed.splitlines()[-1]
    assert last.startswith(f"linecam: {part[0]}.py: ")
    assert "copy the whole bundle again" in last


@pytest.mark.parametrize("length", [0, 300, 700, 1500])
@pytest.mark.parametrize("name", ["line_trigger", "line_signals"])
def test_a_part_of_which_only_the_beginning_was_copied_is_named(camera, name, length):
    camera.write(parts=[by_pin(), signals()])
    camera.command("5.0.0", None, {})
    path = camera.folder / f"drive/{name}.py"
    path.write_bytes(path.read_bytes()[:length])
    last = camera.run(scores=[GOOD] * 3).printed.splitlines()[-1]
    assert last.startswith(f"linecam: {name}.py: ")
    assert "copy the whole bundle again" in last


@pytest.mark.parametrize("name", ["drift", "keep", "light", "modbus", "places", "signals", "trigger"])
def test_a_part_that_was_cut_between_two_functions_is_named(camera, name):
    """It would run, and lack what was cut, such as the pulses."""
    camera.write(parts=[[f"line_{name}", by_pin()[1] | signals()[1] | {"uart": 3, "baud": 9600, "address": 1}]])
    camera.command("5.0.0", None, {})
    path = camera.folder / f"drive/line_{name}.py"
    path.write_text(path.read_text()[: path.read_text().rindex("def ")].rstrip() + "\n")
    last = camera.run(scores=[GOOD] * 3).printed.splitlines()[-1]
    assert last.startswith(f"linecam: line_{name}.py: ")
    assert "WHOLE" in last
    assert "copy the whole bundle again" in last


# --- memory


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize("trigger", [by_pin(debounce_ms=0), by_class()], ids=["pin", "class"])
@pytest.mark.parametrize("timer", ["pyb", "soft"])
def test_the_parts_allocate_nothing(camera, firmware, trigger, timer):
    modbus = ["line_modbus", {"uart": 3, "baud": 19200, "parity": "even", "address": 1, "send_pin": None}]
    edges = (
        [edge for n in range(200) for edge in pressed(START + 200 * n, ms=90)] if trigger[1]["source"] == "pin" else []
    )
    asks = [[START + 170 * n, "010300000012c5c7"] for n in range(200)]
    camera.write(parts=[trigger, signals(pulse_ms=10), modbus])
    script = frames("..gg.ggg..bbb...")
    run = camera.run(
        firmware, timer=timer, scores=script, rounds=10, fail=[SETTLING + 62], lock=True, edges=edges, received=asks
    )
    assert len(run.decisions) >= 15
    assert missed(run)
    before, after = run.seen["memory"]  # after 99 predictions: a failed one takes memory for what it says
    assert before == after > 0


@pytest.mark.parametrize(
    ("trigger", "count"), [(by_pin(debounce_ms=1), 20_000), (by_class(), 100_000)], ids=["pin", "class"]
)
def test_so_many_frames_take_no_byte(camera, trigger, count):
    pin = trigger[1]["source"] == "pin"
    camera.write(parts=[trigger, signals(pulse_ms=1)])
    run = camera.run(
        scores=frames("..gg.ggg.."),
        rounds=count // 10,
        frame_ms=1,
        predict_ms=1,
        contact=["P7", START + 100, 5, 2] if pin else [],
        timer="soft",
        lock=True,
        limit=400,
    )
    assert len(run.decisions) == (count if pin else count // 10)
    assert missed(run) == []
    before, after = run.seen["memory"]
    assert before == after > 0
