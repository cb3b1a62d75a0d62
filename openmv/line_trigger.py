"""Says when an item begins and ends: by a sensor at a pin, or by what the network sees. A part of main.py.

Each item gets one decision. Items that go by without one are counted in MISSED, for the other parts too.
"""

import sys
import time
from array import array

MISSED = array("i", [0])
LINE = bytearray(b'{"missed": 000000000}\n')
LATE_MS = 500  # a frame that comes so much too late shows another item
IDLE, ITEM, OVER = 0, 1, 2  # OVER: what is seen belongs to an item that is through


def miss(count):
    """Count items without a decision, and print how many there have been."""
    if count == 0:
        return
    MISSED[0] = value = (MISSED[0] + count) % 1000000000
    for i in range(19, 10, -1):
        LINE[i] = 48 + value % 10 if value or i == 19 else 32
        value //= 10
    sys.stdout.write(LINE)


class ByPin:
    """An edge at a pin begins an item. An interrupt notes it, also while the network runs."""

    def __init__(self, how):
        from machine import Pin

        # In an array, since text for a number has to fail here, and not in the interrupt.
        self.debounce, self.delay = array("i", [how["debounce_ms"], how["delay_ms"]])
        self.level = int(how["edge"] == "rising")
        pull = {"up": Pin.PULL_UP, "down": Pin.PULL_DOWN}.get(how["pull"])
        self.pin = Pin(how["pin"], Pin.IN, pull)
        self.edges = self.taken = self.at = self.began = 0
        self.active = self.waits = False
        self.last = time.ticks_add(time.ticks_ms(), -self.debounce)
        # Both edges, since a contact bounces when it opens, too. Hard: a soft one waits until the network is done.
        self.pin.irq(self.edge, Pin.IRQ_RISING | Pin.IRQ_FALLING, hard=True)

    def edge(self, pin):
        """The interrupt: it counts an edge that comes after quiet. After a quiet week the difference is negative."""
        now = time.ticks_ms()
        quiet = time.ticks_diff(now, self.last)
        self.last = now
        if self.pin.value() == self.level and not 0 <= quiet < self.debounce:
            self.at = now
            self.edges += 1

    def start(self, camera):
        # With several buffers a frame may be from before the edge, and old.
        buffers = getattr(camera, "framebuffers", None) or camera.set_framebuffers
        buffers(1)
        self.close(int(self.active))  # nobody looked at what came meanwhile

    def wants(self):
        edges = self.edges  # once: the interrupt may count on
        if edges != self.taken and not self.active:
            miss(edges - self.taken - 1)
            self.taken, self.began = edges, self.at
            self.active = self.waits = True
        if self.active and self.waits:  # for its first frame
            late = time.ticks_diff(time.ticks_ms(), self.began) - self.delay
            if late >= LATE_MS:
                self.close(1)
            self.waits = late < 0
        return self.active and not self.waits

    def decided(self, poll, label, number, image):
        self.close(0)

    def failed(self):
        if self.active:
            self.close(1)

    def close(self, lost):
        edges = self.edges
        self.active = False
        miss(edges - self.taken + lost)
        self.taken = edges


class ByClass:
    """An item begins with frames of another class than the resting one, and ends with frames of that."""

    def __init__(self, how, labels):
        self.resting = labels.index(how["resting"])
        self.enter, self.leave, self.longest = array("i", [how["enter"], how["leave"], how["longest"]])
        self.before = array("i", [0] * len(labels))  # the sums without this frame
        self.state, self.count = IDLE, 0  # so many frames in a row without an item

    def ends(self, poll):
        sums, before = poll.sums, self.before
        best = 0
        for i in range(len(sums)):
            if sums[i] - before[i] > sums[best] - before[best]:
                best = i
        rests = best == self.resting
        self.count = self.count + 1 if rests else 0
        if rests or self.state == OVER:  # no frame of an item
            poll.seen -= 1
            for i in range(len(sums)):
                sums[i] = before[i]
        if self.state == ITEM:
            if self.count >= self.leave:
                return self.next(IDLE)
        elif self.state == OVER:
            if self.count >= self.leave:
                self.state = IDLE
        elif rests:
            poll.clear()
        elif poll.seen >= self.enter:
            self.state = ITEM
        if self.state == ITEM and poll.seen >= self.longest:
            return self.next(OVER)
        for i in range(len(sums)):
            before[i] = sums[i]
        return False

    def next(self, state):
        self.state = state
        for i in range(len(self.before)):
            self.before[i] = 0
        return True

    def failed(self):
        if self.state == ITEM:
            miss(1)
            self.state = OVER
        self.count = 0
        self.next(self.state)


def Part(how, labels, settings):
    return ByPin(how) if how["source"] == "pin" else ByClass(how, labels)
