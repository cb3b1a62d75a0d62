"""What happens while time passes: edges at inputs, timers, bytes at the UART. An interrupt may come at any ms.

A hard interrupt runs at once, also while the firmware's own code runs (a snapshot, the network), and may not allocate.
A soft one waits until the program's next step.
"""

import board
import micropython
import utime

levels = {}  # by pin: inputs that somebody drives, and outputs
inputs = {}  # by name, pins with an interrupt
timers = []
edge = film = closed = 0  # the next of each in the plan
RISING, FALLING = 1, 2
NEVER = 1 << 60
hard_now = soft_now = False


def note(many, name, level):
    """Write down what a pin did. A test's notes take memory, which an interrupt may not."""
    if hard_now:
        micropython.heap_unlock()
    many.append([board.clock, name, level])
    if hard_now:
        micropython.heap_lock()


def interrupt(source):
    global hard_now
    if not source.hard:
        source.pending = True
        return
    hard_now = True
    micropython.heap_lock()
    try:
        source.handler(source)
    finally:
        micropython.heap_unlock()
        hard_now = False


def let_pass(ms):
    """Let time pass, of which an interrupt takes none."""
    global edge, closed
    if board.plan["real"]:
        utime.sleep_ms(ms)
    end, edges, contact = board.clock + ms, board.plan["edges"], board.plan["contact"]
    while True:
        listed = edges[edge][0] if edge < len(edges) else NEVER
        at = min(listed, contact[1] + closed // 2 * contact[2] + closed % 2 * contact[3]) if contact else listed
        first = None
        for timer in timers:
            if timer.next < at:
                at, first = timer.next, timer
        if at > end:
            break
        board.clock = max(board.clock, at)
        if first:
            first.next = at + first.period
            interrupt(first)
        elif at == listed:
            edge += 1
            name = edges[edge - 1][1]
            # Edges of one ms come before the interrupt has looked at the first.
            drive(name, edges[edge - 1][2], edge < len(edges) and edges[edge][0] == listed and edges[edge][1] == name)
        else:
            closed += 1
            drive(contact[0], closed % 2, False)
    board.clock = end
    soft()


def are_to_come():
    """Whether the plan has more edges."""
    return edge < len(board.plan["edges"]) or (board.plan["contact"] and not board.over())


def soft():
    """Let the soft interrupts run, of which each waits once at most."""
    global soft_now
    if soft_now:
        return
    soft_now = True
    for timer in timers:
        if timer.pending:
            timer.pending = False
            timer.handler(timer)
    for name in inputs:
        if inputs[name].pending:
            inputs[name].pending = False
            inputs[name].handler(inputs[name])
    soft_now = False


def drive(name, level, more):
    """Somebody sets an input. The interrupt comes once for all its edges up to the last: with `more` it waits."""
    before = levels.get(name, 1 - level)
    levels[name] = level
    if before != level and name in inputs and inputs[name].trigger & (RISING if level else FALLING):
        inputs[name].called = True
    if not more and name in inputs and inputs[name].called:
        inputs[name].called = False
        interrupt(inputs[name])


def shown(when):
    """Which of the scores the film shows at a time."""
    global film
    scenes = board.plan["film"]
    while film + 1 < len(scenes) and scenes[film + 1][0] <= when:
        film += 1
    return scenes[film][1]
