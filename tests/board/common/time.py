"""The camera's clock, which moves only when the camera does something."""

import board


def ticks_ms():
    return board.clock


def ticks_us():
    return board.clock * 1000


def ticks_add(ticks, delta):
    return ticks + delta


def ticks_diff(later, earlier):
    return later - earlier


def sleep_ms(ms):
    if not board.plan["lock"]:
        board.seen["sleeps"].append(ms)
    board.clock += ms
