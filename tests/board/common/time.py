"""The camera's clock, which moves only when the camera does something. It wraps, as MicroPython's does."""

import board
import events

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


idle = judged = 0


def localtime():
    return tuple(board.plan["date"])


def sleep_ms(ms):
    global idle, judged
    if judged != board.predictions or events.are_to_come():
        idle, judged = 0, board.predictions
    else:
        idle += ms
    if idle > 2000:
        board.unlock()
        raise KeyboardInterrupt
    if not board.plan["lock"]:
        board.seen["sleeps"].append(ms)
    events.let_pass(ms)
