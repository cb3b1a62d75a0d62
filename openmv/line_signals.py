"""Tells a machine what was decided: a pulse at a pin, and a pin that is on while the camera works. A part of main.py.

An interrupt, once a millisecond, switches the pulses and watches the loop. It runs also while the network is busy.
"""

import sys
import time
from array import array

try:
    from line_trigger import BEGAN, MISSED, TIMES
except ImportError:  # that part is off
    MISSED = None

PASS, FAIL, NOTHING = 0, 1, 2
OFF, ON, GAP = 0, 1, 2
ROOM = 64  # decisions that wait for their pulse, and times in TIMES
FULL = '{"note": "line_signals: a pulse was left out, since items come faster than pulses: shorten line.signals.pulse_ms"}\n'
LATE = '{"note": "line_signals: a pulse came too late, since a decision takes longer than line.signals.delay_ms"}\n'


def start_timer(step):
    """Call `step` each ms, by a hard interrupt where the firmware has one; else between two steps of the program."""
    from machine import Timer

    try:
        return Timer(-1, period=1, callback=step, hard=True)
    except TypeError:  # an older firmware
        pass
    try:
        from pyb import Timer as Hardware  # STM32

        return Hardware(7, freq=1000, callback=step)
    except (ImportError, ValueError):
        return Timer(-1, period=1, callback=step)


class Part:
    def __init__(self, how, labels, settings):
        from machine import Pin

        self.on = int(how["active"] == "high")
        names = how["pass_pin"], how["fail_pin"], how["ready_pin"]
        self.pins = [name and Pin(name, Pin.OUT, value=1 - self.on) for name in names]  # by PASS and FAIL
        self.ready = self.pins[2]
        # In an array, since text for a number has to fail here: in the interrupt it would leave an output on.
        self.delay, self.pulse, self.stall = array("i", [how["delay_ms"], how["pulse_ms"], how["stall_ms"]])
        self.by_edge = how["delay_from"] == "trigger"
        undecided = {"pass": PASS, "reject": FAIL}.get(how["undecided"], NOTHING)
        # By class; the last is for -1, which is no class.
        self.kinds = array("b", [PASS if x in how["passes"] else FAIL for x in labels] + [undecided])
        sources = [part["source"] for name, part in settings["parts"] if name == "line_trigger"]
        self.free, self.by_pin = not sources, sources == ["pin"]
        # busy: an item has frames, and no decision yet. alive: the sensor gives frames. jammed: a pulse was left out or
        # came too late, and others are not out yet.
        self.busy = self.alive = self.jammed = False
        self.missed = 0
        # Of the queue the loop moves the tail, the interrupt the head: neither waits for the other.
        self.queue, self.due, self.head, self.tail = bytearray(ROOM), array("i", [0] * ROOM), 0, 0
        # The pulse that is on or was the last; change: when its phase ends. seen: when the loop ran last.
        self.phase, self.pin, self.change = OFF, None, 0
        self.seen = time.ticks_ms()
        self.timer = start_timer(self.step)

    def step(self, timer):
        """The interrupt."""
        now = time.ticks_ms()
        if self.phase == ON and time.ticks_diff(now, self.change) >= 0:
            self.pin.value(1 - self.on)
            self.phase, self.change = GAP, time.ticks_add(now, self.pulse)
        elif self.phase == GAP and time.ticks_diff(now, self.change) >= 0:
            self.phase = OFF
        if self.phase == OFF and self.head != self.tail and time.ticks_diff(now, self.due[self.head]) >= 0:
            self.pin = self.pins[self.queue[self.head]]
            self.head = (self.head + 1) % ROOM
            if self.pin:
                self.pin.value(self.on)
                self.phase, self.change = ON, time.ticks_add(now, self.pulse)
        if self.ready:
            works = self.alive and not self.jammed and 0 <= time.ticks_diff(now, self.seen) < self.stall
            self.ready.value(self.on if works else 1 - self.on)

    def put(self, kind, began):
        """Queue a pulse; `began` is when its item did, where that counts."""
        after = (self.tail + 1) % ROOM
        if kind == NOTHING:
            return
        now = time.ticks_ms()
        due = time.ticks_add(began if self.by_edge else now, self.delay)
        if time.ticks_diff(due, now) < 0:  # the item has passed the ejector
            self.jammed = True
            sys.stdout.write(LATE)
        if after == self.head:
            self.jammed = True  # not ready until the others are out: the machine has to know that one is lost
            sys.stdout.write(FULL)
            return
        self.queue[self.tail], self.due[self.tail] = kind, due
        self.tail = after

    def start(self, camera):
        self.seen, self.alive = time.ticks_ms(), True

    def tick(self):
        self.seen = time.ticks_ms()
        if self.head == self.tail and self.phase == OFF:
            self.jammed = False
        self.reject()

    def reject(self):
        """Queue a pulse for each item that was missed."""
        while MISSED and MISSED[0] != self.missed:
            self.missed = (self.missed + 1) % 1000000000
            self.put(self.kinds[-1], TIMES[self.missed % ROOM])

    def scored(self, poll):
        self.reject()  # what was missed before this item has its pulse before it
        self.busy = self.alive = True

    def decided(self, poll, label, number, image):
        self.busy = False
        self.put(self.kinds[label], BEGAN[0] if self.by_edge else 0)

    def failed(self, camera):
        # With a trigger, MISSED says that an item was lost.
        if self.free and self.busy:
            self.put(self.kinds[-1], 0)
        # At a pin it waits for the next item, and a machine that waits for it to be ready would wait for ever. Without
        # a camera it judges no item.
        self.busy, self.alive = False, self.alive and self.by_pin and camera is not None

    def stops(self):
        self.timer.deinit()
        for pin in self.pins:  # without memory: it may be why the program ends
            if pin:
                pin.value(1 - self.on)


WHOLE = True  # the last line: main.py looks for it, since a file that was cut may run all the same
