"""A Modbus RTU server at a serial port: a controller reads the decisions there. A part of main.py.

It answers function codes 3 and 4. linecam/bundle/registers.py says what each register means.
"""

import time
from array import array

from machine import UART, Pin

try:
    from line_trigger import MISSED
except ImportError:  # that part is off
    MISSED = None

CLASS, SCORE, ITEM, STATE, BEAT, FAILED, UNDECIDED, LOST, COUNTS = 1, 2, 3, 5, 6, 7, 8, 10, 12
STARTS, DECIDED, NO_CLASS, NO_FRAME = 0, 1, 2, 3
LONGEST = 256  # bytes of a frame


def table():
    """For each byte, what it makes of the checksum."""
    made = array("H", range(256))
    for i in range(256):
        for _ in range(8):
            made[i] = made[i] >> 1 ^ (0xA001 if made[i] & 1 else 0)
    return made


class Part:
    def __init__(self, how, labels, settings):
        self.address = array("B", [how["address"]])[0]  # fails here where it is text
        parity = {"even": 0, "odd": 1}.get(how["parity"])
        self.uart = UART(how["uart"], how["baud"], bits=8, parity=parity, stop=1, timeout=0, rxbuf=1024)
        self.sends = how["send_pin"] and Pin(how["send_pin"], Pin.OUT, value=0)
        self.silence = 38500 // how["baud"] + 2  # ms: 3.5 characters of 11 bits, and the clock's coarseness
        self.table = table()
        self.registers = COUNTS + 2 * len(labels)
        self.values = bytearray(2 * self.registers)
        self.raw, self.frame, self.out = bytearray(LONGEST), bytearray(LONGEST), bytearray(2 * self.registers + 5)
        self.length, self.last = 0, time.ticks_ms()  # of `frame`: bytes since the last silence, and when some came last
        self.second, self.beat, self.failures, self.missed = self.last, 0, 0, 0
        self.counts = array("i", [0] * (len(labels) + 1))  # the last without a decision
        self.put(0, 1)  # the version of this map
        self.put(CLASS, 65535)

    def put(self, register, value):
        """Write a register's 16 bits, as they are sent: the high byte first."""
        self.values[2 * register], self.values[2 * register + 1] = value >> 8 & 255, value & 255

    def put_long(self, register, value):
        self.put(register, value >> 16)
        self.put(register + 1, value)

    def decided(self, poll, label, number, image):
        sums, seen = poll.sums, poll.seen
        total = max(sums) if label < 0 else sums[label]
        self.counts[label] = (self.counts[label] + 1) % 1000000000
        self.put(CLASS, label & 65535)
        self.put(SCORE, ((total + seen // 2) // seen * 10000 + 32768) >> 16)
        self.put_long(ITEM, number)
        self.put(STATE, NO_CLASS if label < 0 else DECIDED)
        self.put_long(UNDECIDED if label < 0 else COUNTS + 2 * label, self.counts[label])

    def failed(self, camera):
        self.failures = self.failures + 1 & 65535
        self.put(FAILED, self.failures)
        self.put(STATE, NO_FRAME)

    def tick(self):
        now = time.ticks_ms()
        if not 0 <= time.ticks_diff(now, self.second) < 1000:
            self.second, self.beat = now, self.beat + 1 & 65535
            self.put(BEAT, self.beat)
        if MISSED and MISSED[0] != self.missed:
            self.missed = MISSED[0]
            self.put_long(LOST, self.missed)
        waiting = self.uart.any()
        if waiting:
            self.read(min(waiting, LONGEST))
            self.last = now
        elif self.length and not 0 <= time.ticks_diff(now, self.last) < self.silence:
            self.answer()
            self.length = 0

    def read(self, count):
        """Take bytes from the port to the end of `frame`."""
        raw, frame = self.raw, self.frame
        for i in range(self.uart.readinto(raw, count) or 0):
            if self.length == LONGEST:  # others talk, too: a request for this one is in the last 8
                for k in range(8):
                    frame[k] = frame[LONGEST - 8 + k]
                self.length = 8
            frame[self.length] = raw[i]
            self.length += 1

    def checksum(self, data, first, last):
        crc = 65535
        for i in range(first, last):
            crc = crc >> 8 ^ self.table[(crc ^ data[i]) & 255]
        return crc

    def answer(self):
        """Answer what came since the last silence.

        While the network ran nobody saw a silence. So what came may begin with a request that nobody waits for any
        more, or with half of one: then the last 8 bytes count.
        """
        frame, first, last = self.frame, 0, self.length
        if last < 4 or self.checksum(frame, 0, last):
            first = last - 8
            if first <= 0 or self.checksum(frame, first, last):
                return
        if frame[first] != self.address or frame[first + 1] > 127:  # for another, for all, or an answer
            return
        code, out, size = frame[first + 1], self.out, 3
        wanted = frame[first + 2] << 8 | frame[first + 3]
        count = frame[first + 4] << 8 | frame[first + 5] if last - first == 8 else 0
        out[0], out[1] = self.address, code | 128
        if code != 3 and code != 4:
            out[2] = 1  # no such function
        elif last - first != 8:
            return  # its own answer, where the line echoes
        elif not 0 < count < 126:
            out[2] = 3
        elif wanted + count > self.registers:
            out[2] = 2
        else:
            out[1], out[2], size = code, 2 * count, 3 + 2 * count
            for i in range(2 * count):
                out[3 + i] = self.values[2 * wanted + i]
        crc = self.checksum(out, 0, size)
        out[size], out[size + 1] = crc & 255, crc >> 8
        if self.sends:
            self.sends.value(1)
        try:
            self.uart.write(out, size + 2)
            if self.sends:
                self.uart.flush()
        except OSError:
            pass  # not all was sent in time: the controller asks again
        if self.sends:
            self.sends.value(0)  # or nobody else could talk


WHOLE = True  # the last line: main.py looks for it, since a file that was cut may run all the same
