"""line_modbus.py under a real MicroPython, with pymodbus as the master at the other end of a pseudo-terminal."""

import fcntl
import json
import os
import pty
import signal
import subprocess
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
import serial
from pymodbus import FramerType, ModbusException
from pymodbus.client import ModbusSerialClient

from linecam.bundle.contents import as_copied
from linecam.bundle.registers import registers
from tests.board.camera import BAD, FIRMWARE, GOOD, MAIN, SETTLING, Camera
from tests.board.items import START, by_pin, pressed

BAUD = 19200
MAP = {register.number: register for register in registers(["good", "bad", "no_mask"])}
LAST = 12 + 2 * 3


def modbus(**how: object) -> list:
    return ["line_modbus", {"uart": 3, "baud": BAUD, "parity": "even", "address": 17, "send_pin": None} | how]


def crc(data: bytes) -> bytes:
    """The checksum bit by bit, as in the specification's appendix."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")


def ask(code: int, first: int, count: int, address: int = 17) -> bytes:
    body = bytes([address, code, first >> 8, first & 255, count >> 8, count & 255])
    return body + crc(body)


class Line:
    """A camera that runs main.py by the real clock, and the port of the controller."""

    def __init__(self, camera: Camera, firmware: str) -> None:
        # The camera's end doesn't block. This end stays open, else a read there fails while no master is connected.
        self.camera_end, self.end = pty.openpty()
        tty.setraw(self.end)
        fcntl.fcntl(self.camera_end, fcntl.F_SETFL, os.O_NONBLOCK)
        self.port = os.ttyname(self.end)
        self.out = (camera.folder / "printed").open("w+")
        plan = {"real": True, "frame_ms": 20, "predict_ms": 5, "uart": self.camera_end, "classes": 0}
        plan |= {"scores": [GOOD, GOOD, BAD], "rounds": 1_000_000}
        self.process = subprocess.Popen(
            camera.command(firmware, None, plan),
            cwd=camera.folder / "drive",
            stdout=self.out,
            stderr=subprocess.STDOUT,
            pass_fds=[self.camera_end],
        )
        self.await_decisions(5)

    def decisions(self) -> list[dict]:
        lines = Path(self.out.name).read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if '"label"' in line and line.endswith("\n")]

    def await_decisions(self, more: int) -> None:
        wanted, end = len(self.decisions()) + more, time.monotonic() + 60
        while len(self.decisions()) < wanted:
            assert time.monotonic() < end, Path(self.out.name).read_text()
            assert self.process.poll() is None, Path(self.out.name).read_text()
            time.sleep(0.05)

    def master(self, timeout: float = 10) -> ModbusSerialClient:
        # A pseudo-terminal has no parity.
        master = ModbusSerialClient(self.port, framer=FramerType.RTU, baudrate=BAUD, timeout=timeout, retries=0)
        assert master.connect()
        return master

    def raw(self, data: bytes, wait: float = 1.5) -> bytes:
        """Send bytes, and what comes back within so many seconds."""
        with serial.Serial(self.port, BAUD, timeout=wait) as port:
            port.reset_input_buffer()
            port.write(data)
            return port.read(256)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(30) == 0, Path(self.out.name).read_text()
        os.close(self.camera_end)
        os.close(self.end)
        self.out.close()


@pytest.fixture(params=["4.5.6", "5.0.0"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    camera = Camera(tmp_path)
    camera.write(votes=3, parts=[modbus()])
    with Line(camera, request.param) as line:
        yield line


def long(values: list[int], at: int) -> int:
    return values[at] << 16 | values[at + 1]


def test_a_master_reads_what_was_decided(line):
    with line.master() as master:
        before = master.read_holding_registers(0, count=LAST, device_id=17).registers
        line.await_decisions(40)
        values = master.read_input_registers(0, count=LAST, device_id=17).registers
        decided = line.decisions()
        one = master.read_holding_registers(6, count=1, device_id=17).registers
    item = long(values, 3)
    said = decided[item - 1]
    assert values[0] == 1
    assert ("good", "bad", "no_mask")[values[1]] == said["label"] == "good"
    assert values[2] == round(said["score"] * 10_000) == 5833
    assert values[5] == 1
    assert values[6] > before[6], "the heart beats"
    assert one[0] >= values[6]
    assert [values[7], long(values, 8), long(values, 10)] == [0, 0, 0]
    counts = [long(values, 12 + 2 * number) for number in range(3)]
    assert counts == [item, 0, 0], "each item is two good frames and a bad one"
    assert item - long(before, 3) >= 35, "no decision waits for the master"


def test_what_the_server_lacks_is_told_by_exceptions(line):
    with line.master() as master:
        assert master.read_holding_registers(LAST, count=1, device_id=17).exception_code == 2
        assert master.read_holding_registers(0, count=LAST + 1, device_id=17).exception_code == 2
        assert master.read_holding_registers(LAST - 1, count=1, device_id=17).registers == [0]
        assert master.write_register(0, 1, device_id=17).exception_code == 1
        assert master.read_coils(0, count=1, device_id=17).exception_code == 1
    for count in (0, 126):
        assert line.raw(ask(3, 0, count)) == bytes([17, 0x83, 3]) + crc(bytes([17, 0x83, 3]))
    nothing = {
        "to all": ask(3, 0, 1, address=0),
        "to another": ask(3, 0, 1, address=18),
        "damaged": ask(3, 0, 1)[:-1] + b"\0",
        "its own answer, where the line echoes": bytes([17, 3, 2, 0, 1]) + crc(bytes([17, 3, 2, 0, 1])),
        "an exception of its own": bytes([17, 0x83, 2]) + crc(bytes([17, 0x83, 2])),
        "too short": b"\x11",
    }
    for what, request in nothing.items():
        assert line.raw(request, wait=0.7) == b"", what
    with line.master() as master:
        assert master.read_holding_registers(0, count=1, device_id=17).registers == [1]


def test_a_master_that_goes_away_in_the_middle_of_a_frame_and_comes_back(line):
    for half in (ask(3, 0, 4)[:5], b"\x11", ask(3, 0, 4)[:7]):
        assert line.raw(half, wait=0.5) == b""
        with line.master() as master:
            assert master.read_holding_registers(0, count=1, device_id=17).registers == [1]
    # The camera was busy meanwhile, and saw no silence: half a frame, another one that nobody waits for, and this.
    answer = line.raw(ask(3, 0, 4)[:5] + ask(3, 0, 2) + ask(4, 0, 1))
    assert answer == bytes([17, 4, 2, 0, 1]) + crc(bytes([17, 4, 2, 0, 1]))
    # Others talk so much that it does not fit.
    noise = bytes(range(256)) * 2
    assert line.raw(noise + ask(4, 0, 1))[-7:] == answer


def test_nobody_at_the_other_end(line):
    with pytest.raises(ModbusException), line.master(timeout=0.5) as master:
        master.read_holding_registers(0, count=1, device_id=99)
    line.await_decisions(10)


# --- by the simulated clock


@pytest.mark.parametrize(("baud", "silence"), [(9600, 6), (19200, 4), (115200, 2)])
def test_a_frame_ends_with_silence(camera, baud, silence):
    """A request in two halves is one frame, if less than 3.5 characters lie between them."""
    request = ask(3, 0, 1)
    at = START + 500
    camera.write(parts=[by_pin(), modbus(baud=baud)])
    halves = [[at, request[:3].hex()], [at + 1, request[3:].hex()]]
    late = [[at + 300, request[:3].hex()], [at + 320, request[3:].hex()]]
    run = camera.run(scores=[GOOD], edges=pressed(START + 1500), received=halves + late)
    ((when, answer),) = run.seen["uart"]
    assert bytes.fromhex(answer)[:5] == bytes([17, 3, 2, 0, 1])
    assert silence <= when - (at + 1) <= silence + 1


NOISE = bytes(31 * n % 251 for n in range(900)).hex()
ALL = ask(3, 0, LAST).hex()


@pytest.mark.parametrize(
    ("received", "answers"),
    [
        ([[2500, "000000" + ALL]], 1),
        ([[2500, NOISE[:10] + ALL]], 1),
        ([[2500, NOISE + ALL]], 1),
        ([[2500, NOISE[:504] + ALL]], 1),
        ([[2500, ALL + NOISE[:2]]], 0),
        ([[2500, ALL + NOISE[:2]], [3000, ALL]], 1),
        ([[2500 + n, NOISE[:60]] for n in range(60)] + [[3200, ALL]], 1),
        ([[2500, NOISE * 3], [3200, ALL]], 1),
        ([[2500, NOISE * 3]], 0),
    ],
    ids=[
        "breaks",
        "in front",
        "long",
        "over the end of the room",
        "behind",
        "behind, and again",
        "flood",
        "more than the buffer",
        "alone",
    ],
)
def test_noise_on_the_line_costs_one_request_at_the_most(camera, received, answers):
    camera.write(parts=[modbus()])
    run = camera.run(scores=[GOOD] * 15, received=received)
    assert len(run.labels) == 15
    assert [bytes.fromhex(answer)[:3] for _, answer in run.seen["uart"]] == [bytes([17, 3, 2 * LAST])] * answers


def test_failures_and_what_was_missed(camera):
    camera.write(parts=[by_pin(), modbus()], thresholds={"good": 0.99, "bad": 0.5, "no_mask": 0.99})
    run = camera.run(
        scores=[GOOD, BAD, BAD],
        edges=pressed(2500, 2550, 3000, 3500, 4000),
        fail=[SETTLING + 3],
        received=[[at, ask(3, 0, LAST).hex()] for at in (2400, 2900, 3400, 3900, 4500)],
    )
    answers = [bytes.fromhex(answer) for _, answer in run.seen["uart"]]
    values = [[int.from_bytes(one[3 + 2 * k : 5 + 2 * k]) for k in range(LAST)] for one in answers]
    assert [[one[at] for at in (1, 5, 7, 9, 11, 15)] for one in values] == [
        [65535, 0, 0, 0, 0, 0],
        [65535, 2, 0, 1, 1, 0],
        [1, 1, 0, 1, 1, 1],
        [1, 3, 1, 1, 2, 1],
        [1, 1, 1, 1, 2, 2],
    ]


def test_the_heart_beats_once_a_second(camera):
    camera.write(parts=[by_pin(), modbus()])
    asks = [[at, ask(3, 6, 1).hex()] for at in (2500, 12_500)]
    run = camera.run(scores=[GOOD], edges=pressed(13_000), received=asks)
    before, after = [int.from_bytes(bytes.fromhex(answer)[3:5]) for _, answer in run.seen["uart"]]
    assert after - before == 10


def test_a_number_of_more_than_16_bits_has_its_high_half_first(camera):
    """The camera has judged 70,000 items before."""
    camera.write(parts=[by_pin(), modbus()])
    script = camera.folder / "later.py"
    source, begins = as_copied(MAIN.read_text()), "number, failures, due = None, [None], 0, 0,"
    assert source.count(begins) == 1
    script.write_text(source.replace(begins, "number, failures, due = None, [None], 70_000, 0,"))
    run = camera.run(script=script, scores=[GOOD], edges=pressed(2500), received=[[3000, ask(3, 3, 2).hex()]])
    assert run.decisions[0]["item"] == 70_001
    ((_, answer),) = run.seen["uart"]
    assert bytes.fromhex(answer)[3:7] == (70_001).to_bytes(4)


@pytest.mark.parametrize("behind", [False, True], ids=["write waits", "flush waits"])
def test_a_transceiver_is_told_while_it_sends(camera, behind):
    """On the RT1062 write() returns at once. To let go of the line then would cut the answer."""
    camera.write(parts=[by_pin(), modbus(send_pin="P6")])
    asks = [[2500, ask(3, 0, LAST).hex()]]
    run = camera.run(scores=[GOOD], edges=pressed(3000), received=asks, sends_behind=behind)
    ((sent, _),) = run.seen["uart"]
    (_, _, off), (rose, _, up), (fell, _, down) = [change for change in run.seen["pins"] if change[1] == "P6"]
    assert (off, up, down) == (0, 1, 0)
    assert rose == sent
    assert fell - rose == pytest.approx(1000 * (2 * LAST + 5) * 11 / BAUD, abs=1)


@pytest.mark.parametrize("behind", [False, True], ids=["write waits", "flush waits"])
def test_a_transceiver_listens_again_if_not_all_was_sent_in_time(camera, behind):
    """Else no other server on the line could talk, and the program would end."""
    camera.write(parts=[by_pin(), modbus(send_pin="P6")])
    asks = [[2500, ask(3, 0, 1).hex()]]
    run = camera.run(scores=[GOOD], edges=pressed(3000), received=asks, sends_slowly=True, sends_behind=behind)
    assert run.labels == ["good"]
    assert [level for _, name, level in run.seen["pins"] if name == "P6"] == [0, 1, 0]


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize(("parity", "told"), [("even", 0), ("odd", 1), ("none", None)])
def test_the_port_is_opened_with_the_parity_of_the_settings(camera, firmware, parity, told):
    """The firmware counts parity as 0 for even, 1 for odd. A pseudo-terminal has none, so it is looked at here."""
    camera.write(parts=[by_pin(), modbus(parity=parity, baud=9600)])
    run = camera.run(firmware, scores=[GOOD], edges=pressed(3000), received=[[2500, ask(3, 0, LAST).hex()]])
    assert run.seen["opened"] == [3, 9600, told]
    assert len(run.seen["uart"]) == 1


def test_the_map_has_no_gap(camera):
    at = 0
    for register in MAP.values():
        assert register.number == at
        at += register.size
    assert at == LAST
