"""What happens while time passes: edges at inputs, timers, bytes at the UART. An interrupt may come at any ms.

A hard interrupt runs at once, also while the firmware's own code runs (a snapshot, the network), and may not allocate.
A soft one waits until the program's next step.
"""

import board
import micropython
import utime

levels = {}  # by pin: inputs that somebody drives, and outputs
inputs = {}  # by pin: (handler, trigger, hard, pin)
timers = []
waiting = []  # soft interrupts
edge = film = 0  # the next of each in the plan
RISING, FALLING = 1, 2
running = False  # a soft interrupt
hard_now = False  # a hard one


def note(many, name, level):
    """Write down what a pin did. A test's notes take memory, which an interrupt may not."""
    if hard_now:
        micropython.heap_unlock()
    many.append([board.clock, name, level])
    if hard_now:
        micropython.heap_lock()


def interrupt(handler, argument, hard):
    global hard_now
    if hard:
        hard_now = True
        micropython.heap_lock()
        try:
            handler(argument)
        finally:
            micropython.heap_unlock()
            hard_now = False
    elif (handler, argument) not in waiting:
        waiting.append((handler, argument))


def let_pass(ms):
    """Let time pass, of which an interrupt takes none."""
    global edge, running
    if board.plan["real"]:
        utime.sleep_ms(ms)
    end, edges = board.clock + ms, board.plan["edges"]
    while True:
        at, first = end + 1, None
        if edge < len(edges):
            at = edges[edge][0]
        for timer in timers:
            if timer.next < at:
                at, first = timer.next, timer
        if at > end:
            break
        board.clock = max(board.clock, at)
        if first:
            first.next = at + first.period
            interrupt(first.callback, first, first.hard)
        else:
            drive(edges[edge][1], edges[edge][2])
            edge += 1
    board.clock = end
    if waiting and not running:
        running = True
        while waiting:
            handler, argument = waiting.pop(0)
            handler(argument)
        running = False


def drive(name, level):
    """Somebody sets an input."""
    before = levels.get(name, 1 - level)
    levels[name] = level
    if before != level and name in inputs:
        handler, trigger, hard, pin = inputs[name]
        if trigger & (RISING if level else FALLING):
            interrupt(handler, pin, hard)


def shown(when):
    """Which of the scores the film shows at a time."""
    global film
    scenes = board.plan["film"]
    while film + 1 < len(scenes) and scenes[film + 1][0] <= when:
        film += 1
    return scenes[film][1]
