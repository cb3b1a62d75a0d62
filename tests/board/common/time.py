"""The camera's clock, which moves only when the camera does something. It wraps, as MicroPython's does."""

import board

PERIOD = 1 << 30


def ticks_ms():
    return (board.clock + board.plan["ticks"]) % PERIOD


def ticks_us():
    return (board.clock * 1000 + board.plan["ticks"]) % PERIOD


def ticks_add(ticks, delta):
    if not -PERIOD // 2 < delta < PERIOD // 2:
        raise OverflowError("ticks interval overflow")
    return (ticks + delta) % PERIOD


def ticks_diff(later, earlier):
    return (later - earlier + PERIOD // 2) % PERIOD - PERIOD // 2


def localtime():
    return tuple(board.plan["date"])


def sleep_ms(ms):
    if not board.plan["lock"]:
        board.seen["sleeps"].append(ms)
    board.clock += ms
