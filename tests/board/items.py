"""What the tests of the parts share: settings of trigger and signals, items that pass, and what came of them."""

from tests.board.camera import BAD, GOOD, NO_MASK, SETTLING, Run

REST = NO_MASK  # what is seen between two items
FRAME = 120  # ms: a snapshot takes 100, the network 20
START = 100 * SETTLING  # ms: then the camera is ready
TIMERS = ["pyb", "hard", "soft"]


def by_pin(**how: object) -> list:
    standard = {"source": "pin", "pin": "P7", "edge": "rising", "pull": "down", "debounce_ms": 5}
    return ["line_trigger", standard | {"delay_ms": 0, "late_ms": 500} | how]


def by_class(**how: object) -> list:
    standard = {"source": "class", "resting": "no_mask", "enter": 2, "leave": 2, "longest": 100}
    return ["line_trigger", standard | how]


def signals(**how: object) -> list:
    standard = {
        **{"pass_pin": "P0", "fail_pin": "P1", "ready_pin": "P2", "active": "high", "passes": ["good"]},
        **{"delay_ms": 0, "pulse_ms": 50, "stall_ms": 1000, "undecided": "reject"},
        "delay_from": "decision",
    }
    return ["line_signals", standard | how]


def pressed(*times: int, pin: str = "P7", level: int = 1, ms: int = 40) -> list:
    """Edges of a contact that closes at `times` for so many ms."""
    return [edge for at in times for edge in ([at, pin, level], [at + ms, pin, 1 - level])]


def missed(run: Run) -> list[int]:
    return [line["missed"] for line in run.lines if "missed" in line]


def pulses(run: Run, pin: str, on: int = 1) -> list[tuple[int, int]]:
    """When each pulse began, and how long it was."""
    changes = [(at, level) for at, name, level in run.seen["pins"] if name == pin]
    rises = [at for at, level in changes if level == on]
    falls = [at for at, level in changes if level != on and at > 0]
    return [(rise, fall - rise) for rise, fall in zip(rises, falls, strict=False)]


def frames(text: str) -> list:
    return [{".": REST, "g": GOOD, "b": BAD}[letter] for letter in text]
