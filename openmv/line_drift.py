"""linecam on the camera, a part of main.py: notices that the line has changed (docs/drift.md).

There are some yes-or-no questions about each decision: is it for `bad`, is its margin low, is the frame dark? For each
question there is a CUSUM chart for Bernoulli trials (Reynolds and Stoumbos, 1999). It goes up if the answer is yes and
down if it is no, or the other way round. The PC has computed the steps and the limits, so the camera only adds whole
numbers. This takes no memory, except for the moment when `learn` decisions have been seen.
"""

import json
import os
import sys
import time
from array import array

LEARNT = "drift.json"  # beside settings.json: delete it to learn anew
BLINK_MS = 250
SIDE = 8  # brightness is that of so many points squared
NEVER = 1 << 29  # a limit that no sum reaches


def blue_led():
    for module, name in (("machine", "LED_BLUE"), ("pyb", 3)):
        try:
            return __import__(module).LED(name)
        except Exception:
            pass


class Part:
    def __init__(self, settings, labels, everything):
        self.every, self.low, self.light = settings["every"], settings["low"], settings["light"]
        self.true = bytearray(len(labels) + 3)  # decided for each class; low margin; dark; bright
        width, height = (everything.get("roi") or [everything.get("side")] * 2)[-2:]
        at = [(2 * i + 1, 2 * j + 1) for i in range(SIDE) for j in range(SIDE)]
        self.points = [(x * width // (2 * SIDE), y * height // (2 * SIDE)) for x, y in at]
        charts = settings["charts"]  # of each: which of `true`, flips, words, expected, steps
        count = len(charts)
        # For each chart: of: which of `true` it counts. flips: it goes up where that is false. on: its alarm lasts.
        # hits and seen: how often it was true, of so many, since the sum was last 0.
        self.of, self.flips = bytearray(count), bytearray(count)
        self.sums, self.up, self.down, self.limits = [array("i", [0] * count) for _ in range(4)]
        self.hits, self.seen = [array("i", [0] * count) for _ in range(2)]
        self.alarms, self.on = 0, bytearray(count)
        self.lines = []
        longest = max(len(chart[2]) for chart in charts)
        for i in range(count):
            self.of[i], self.flips[i] = charts[i][:2]
            words = json.dumps(charts[i][2]) + " " * (longest - len(charts[i][2]))
            line = '{"drift": %s, "state": "begins", "hits":       , "of":       , "expected": 0.0000, "item":          }\n'
            self.lines.append(bytearray((line % words).encode()))
        self.begun, self.over = b'"begins"', b'"ends"  '
        self.to_learn, self.table = settings["learn"], settings.get("steps")
        self.learned, self.counts = 0, array("i", [0] * len(self.true))
        self.model = everything["model"]["sha256"]
        if self.to_learn:
            self.recall()
        else:
            for i in range(count):
                self.set(i, charts[i][3], charts[i][4])
        self.led, self.lit, self.due = blue_led(), False, 0

    def set(self, i, expected, steps):
        """The chart i's steps and limit; `expected` is in 1/10000."""
        self.up[i], self.down[i], self.limits[i] = steps
        self.digits(self.lines[i], expected // 10000, -27, 1, 48)
        self.digits(self.lines[i], expected % 10000, -22, 4, 48)

    # --- The reference, where it is learnt on the line

    def recall(self):
        try:
            with open(LEARNT) as file:
                known = json.load(file)
            counts = array("i", known["counts"])
            if (known["model"], known["learn"], len(counts)) == (self.model, self.to_learn, len(self.true)):
                self.counts = counts
                self.use()
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            pass

    def use(self):
        """Set the charts by what was counted: a row of the table is for up to so many that are true."""
        for i in range(len(self.lines)):
            count = self.counts[self.of[i]]
            expected = count * 10000 // self.to_learn
            if self.flips[i]:
                count = self.to_learn - count
            steps = [0, 0, NEVER]  # always true: it can't be more often
            for row in reversed(self.table):
                if count <= row[0]:
                    steps = row[1:]
            self.set(i, expected, steps)
        self.to_learn = 0

    def learn(self):
        for i in range(len(self.true)):
            self.counts[i] += self.true[i]
        self.learned += 1
        if self.learned < self.to_learn:
            return
        known = {"model": self.model, "learn": self.to_learn, "counts": list(self.counts)}
        self.use()
        print(json.dumps({"note": "drift: the line is learnt, from %d decisions" % self.learned}))
        try:
            with open(LEARNT + ".new", "w") as file:
                json.dump(known, file)
            try:
                os.remove(LEARNT)
            except OSError:
                pass
            os.rename(LEARNT + ".new", LEARNT)
        except OSError as error:
            print(json.dumps({"note": "drift: what was learnt is not kept over a reset (%s)" % error}))

    # --- The charts

    def decided(self, poll, label, number, image):
        if number % self.every == 0:
            self.look(poll, label, image)
            if self.to_learn:
                self.learn()
            else:
                self.count(number)
        self.tick()  # main.py has just lit the decision's colour

    def look(self, poll, label, image):
        """What is true of this decision."""
        true, sums = self.true, poll.sums
        best = second = 0
        for i in range(len(sums)):
            true[i] = i == label
            if sums[i] > best:
                best, second = sums[i], best
            elif sums[i] > second:
                second = sums[i]
        i = len(sums)
        true[i] = best - second < self.low * poll.seen
        if self.light:
            light = self.brightness(image)
            true[i + 1], true[i + 2] = light < self.light[0], light > self.light[1]

    def brightness(self, image):
        """The sum of the points' green, 0..63 each."""
        total, points = 0, self.points
        for i in range(len(points)):
            total += image.get_pixel(points[i], rgbtuple=False) >> 5 & 63
        return total

    def count(self, number):
        sums, on = self.sums, self.on
        for i in range(len(sums)):
            true = self.true[self.of[i]]
            now = sums[i] + self.up[i] if true != self.flips[i] else sums[i] - self.down[i]
            if not on[i]:
                self.hits[i] += true
                self.seen[i] += 1
            if now <= 0:
                now = 0
                if on[i]:
                    self.tell(i, self.over, number)
                    on[i] = 0
                    self.alarms -= 1
                self.hits[i] = self.seen[i] = 0
            elif now >= self.limits[i]:
                now = self.limits[i]
                if not on[i]:
                    on[i] = 1
                    self.alarms += 1
                    self.due = time.ticks_ms()
                    self.tell(i, self.begun, number)
            sums[i] = now

    def tell(self, i, state, number):
        """Print what has changed; `hits` of `of` are those since it began, as far as the chart knows."""
        line = self.lines[i]
        at = len(line) - 79
        for j in range(len(state)):
            line[at + j] = state[j]
        self.digits(line, self.hits[i], -56, 6, 32)
        self.digits(line, self.seen[i], -42, 6, 32)
        self.digits(line, number, -3, 9, 32)
        sys.stdout.write(line)

    def digits(self, line, value, last, count, fill):
        """Write a number into the line, its last digit at `last` from the line's end, `fill` (a letter's code) in front."""
        last += len(line)
        for i in range(last, last - count, -1):
            line[i] = 48 + value % 10 if value or i == last else fill
            value //= 10

    def tick(self):
        """Blink blue while an alarm lasts, over the colour of the last decision."""
        if not self.alarms or not self.led:
            return
        if time.ticks_diff(time.ticks_ms(), self.due) >= 0:
            self.lit = not self.lit
            self.due = time.ticks_add(time.ticks_ms(), BLINK_MS)
            if not self.lit:
                self.led.off()
        if self.lit:
            self.led.on()


WHOLE = True  # the last line: main.py looks for it, since a file that was cut may run all the same
