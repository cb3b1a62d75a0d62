"""Says when an item begins and ends: by a sensor at a pin, or by what the network sees. A part of main.py.

Each item gets one decision. Items that go by without one are counted in MISSED, for the other parts too. When an item
began they find in BEGAN, for the one that is judged, and in TIMES, for the last ones that were missed.
"""

import sys
import time
from array import array

MISSED = array("i", [0, 0])  # how many, and how many of them have been told
LINE = bytearray(b'{"missed": 000000000}\n')
ROOM = 64  # items that are on their way to the camera, and one
BEGAN, TIMES = array("i", [0]), array("i", [0] * ROOM)  # TIMES[MISSED[0] % ROOM] is of the last
IDLE, ITEM, OVER = 0, 1, 2  # OVER: what is seen belongs to an item that is through


def miss(began):
    """Count an item without a decision."""
    MISSED[0] = (MISSED[0] + 1) % 1000000000
    TIMES[MISSED[0] % ROOM] = began


def tell():
    """Print how many have been missed, if that is news."""
    value = MISSED[0]
    if value == MISSED[1]:
        return
    MISSED[1] = value
    for i in range(19, 10, -1):
        LINE[i] = 48 + value % 10 if value or i == 19 else 32
        value //= 10
    sys.stdout.write(LINE)


class ByPin:
    """An edge at a pin begins an item. An interrupt notes it, also while the network runs.

    Several items may be on their way from the sensor to the camera, each for `delay` ms. Of their times the interrupt
    moves the tail, the loop the head: neither waits for the other.
    """

    def __init__(self, how):
        from machine import Pin

        # In an array, since text for a number has to fail here, and not in the interrupt.
        self.debounce, self.delay, self.late = array("i", [how["debounce_ms"], how["delay_ms"], how["late_ms"]])
        self.level = int(how["edge"] == "rising")
        pull = {"up": Pin.PULL_UP, "down": Pin.PULL_DOWN}.get(how["pull"])
        self.pin = Pin(how["pin"], Pin.IN, pull)
        self.times, self.head, self.tail = array("i", [0] * ROOM), 0, 0
        # full: edges that found no room; told: how many of them count as missed by now; began: when the last item that
        # come() found did
        self.full = self.told = self.began = 0
        self.active = self.armed = False
        self.was = self.pin.value()
        self.last = time.ticks_add(time.ticks_ms(), -self.debounce)
        # Both edges, since a contact bounces when it opens, too. Hard: a soft one waits until the network is done.
        self.pin.irq(self.edge, Pin.IRQ_RISING | Pin.IRQ_FALLING, hard=True)

    def edge(self, pin):
        """The interrupt: an item begins if the pin was quiet at the other level before.

        A contact may bounce back before the interrupt looks at the level. So its first edge only arms the trigger, and
        the first edge of its bounces that finds the level begins the item.
        """
        now, level = time.ticks_ms(), self.pin.value()
        if not 0 <= time.ticks_diff(now, self.last) < self.debounce:  # negative after a quiet week
            self.armed = self.was != self.level
        self.last, self.was = now, level
        if not self.armed or level != self.level:
            return
        self.armed = False
        after = (self.tail + 1) % ROOM
        if after == self.head:
            self.full = (self.full + 1) % 1000000000
            return
        self.times[self.tail] = now
        self.tail = after

    def start(self, camera):
        # With several buffers a frame may be from before the edge, and old.
        buffers = getattr(camera, "framebuffers", None) or camera.set_framebuffers
        buffers(1)
        self.close(self.active)  # nobody looked at what came meanwhile

    def come(self):
        """Whether the time of an item has come. Of several the last one is before the camera: the others are missed."""
        found = False
        while self.head != self.tail and not 0 <= time.ticks_diff(time.ticks_ms(), self.times[self.head]) < self.delay:
            if found:
                miss(self.began)
            self.began, found = self.times[self.head], True
            self.head = (self.head + 1) % ROOM
        return found

    def wants(self):
        if not self.active and self.come():
            if 0 <= time.ticks_diff(time.ticks_ms(), self.began) - self.delay < self.late:
                self.active = True
                BEGAN[0] = self.began
            else:
                miss(self.began)
            tell()
        return self.active

    def decided(self, poll, label, number, image):
        self.close(False)

    def failed(self, camera):
        self.close(self.active)  # without a camera, too: what goes by then is missed at once

    def close(self, lost):
        """An item is through, `lost` without a decision. Whatever came meanwhile is missed."""
        full = self.full  # once: the interrupt may count on
        self.active = False
        if lost:
            miss(BEGAN[0])
        if self.come():
            miss(self.began)
        while self.told != full:
            self.told = (self.told + 1) % 1000000000
            miss(time.ticks_ms())
        tell()


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
        """Go on with no frame added up; True, which ends() returns for an item's end."""
        self.state = state
        for i in range(len(self.before)):
            self.before[i] = 0
        return True

    def failed(self, camera):
        if self.state == ITEM:
            miss(0)
            tell()
            self.state = OVER
        self.count = 0
        self.next(self.state)


def Part(how, labels, settings):
    return ByPin(how) if how["source"] == "pin" else ByClass(how, labels)


WHOLE = True  # the last line: main.py looks for it, since a file that was cut may run all the same
