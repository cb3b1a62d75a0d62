"""Pins with interrupts, timers and a UART, as the ports of OpenMV's boards have them."""

import board
import events

if board.plan["leds"] == "machine":

    def LED(name):
        if name not in ("LED_RED", "LED_GREEN", "LED_BLUE"):
            raise ValueError("LED doesn't exist")
        return board.Led(name[4])


class Pin:
    IN, OUT = 0, 1
    PULL_UP, PULL_DOWN = 1, 2
    IRQ_RISING, IRQ_FALLING = events.RISING, events.FALLING

    def __init__(self, name, mode=None, pull=None, value=None):
        if name not in ["P%d" % number for number in range(11)]:
            raise ValueError('unknown named pin "%s"' % name)
        self.name, self.mode = name, mode
        if mode == self.IN:
            events.levels.setdefault(name, int(pull == self.PULL_UP))
        elif value is not None:
            self.value(value)

    def value(self, level=None):
        if level is None:
            return events.levels[self.name]
        assert self.mode == self.OUT
        if events.levels.get(self.name) != level:
            events.levels[self.name] = level
            if not board.plan["lock"]:
                events.note(board.seen["pins"], self.name, level)

    def irq(self, handler=None, trigger=IRQ_RISING | IRQ_FALLING, hard=False):
        self.handler, self.trigger, self.hard, self.pending, self.called = handler, trigger, hard, False, False
        events.inputs[self.name] = self


class Timer:
    PERIODIC = 1

    def __init__(self, number=-1, mode=PERIODIC, period=1000, callback=None, **more):
        if more and (board.plan["timer"] != "hard" or list(more) != ["hard"]):
            raise TypeError("extra keyword arguments given")
        if number != -1:
            raise ValueError("Timer doesn't exist")
        self.start(period, callback, more.get("hard", False))

    def start(self, period, callback, hard):
        self.period, self.handler, self.hard, self.pending = period, callback, hard, False
        self.next = board.clock + period
        events.timers.append(self)

    def deinit(self):
        events.timers.remove(self)


class UART:
    """What doesn't fit its buffer is lost. As STM32's, write waits until all is sent; or flush does, as mimxrt's."""

    def __init__(self, number, baudrate, bits=8, parity=None, stop=1, *, timeout=0, rxbuf=64):
        if number not in (1, 3):
            raise ValueError("UART(%d) doesn't exist" % number)
        assert bits == 8 and parity in (None, 0, 1) and stop == 1 and timeout == 0
        self.baudrate, self.character = baudrate, 10 if parity is None else 11
        self.line = None if board.plan["uart"] is None else board.open(board.plan["uart"], "r+b")
        self.buffer, self.count, self.one = bytearray(rxbuf), 0, bytearray(1)
        self.received = [(at, bytes.fromhex(text)) for at, text in board.plan["received"]]
        self.next = self.ms = 0  # ms: what is not sent yet takes so long
        board.seen["opened"] = [number, baudrate, parity]

    def come(self):
        """Take what has come on the line meanwhile."""
        while self.next < len(self.received) and self.received[self.next][0] <= board.clock:
            for byte in self.received[self.next][1]:
                self.take(byte)
            self.next += 1
        while self.line and self.line.readinto(self.one):
            self.take(self.one[0])

    def take(self, byte):
        if self.count < len(self.buffer):
            self.buffer[self.count] = byte
            self.count += 1

    def any(self):
        self.come()
        return self.count

    def readinto(self, buffer, count):
        assert 0 < count <= self.count, "it would wait"
        for i in range(count):
            buffer[i] = self.buffer[i]
        for i in range(self.count - count):
            self.buffer[i] = self.buffer[count + i]
        self.count -= count
        return count

    def write(self, data, count):
        if not board.plan["lock"]:
            board.seen["uart"].append([board.clock, bytes(data[:count]).hex()])
        if self.line:
            self.line.write(data, count)
        self.ms = -(-count * self.character * 1000 // self.baudrate)
        if not board.plan["sends_behind"]:
            self.flush()
        return count

    def flush(self):
        """Wait until all is sent. It fails where that takes too long."""
        events.let_pass(self.ms)
        self.ms = 0
        if board.plan["sends_slowly"]:
            raise OSError(110)
