"""linecam on the camera, a part of main.py: keeps the frames worth a label on the SD card (docs/hard-frames.md).

A frame goes to kept/K<number>.bmp. A line about it goes to kept/K<hundred>.jsonl, a file for a hundred numbers. Numbers
go on from run to run. Keeping a frame takes memory. Deciding whether to keep it takes none.
"""

import json
import os
import select
import sys
import time

FOLDER = "kept"
UNFINISHED = FOLDER + "/.unfinished.bmp"  # what a power loss leaves is no frame to linecam, and is written over
REASONS = "", "mark", "undecided", "margin", "every"
AGAIN_MS = 600_000  # a card that fails is tried again after so long: a try may take seconds


def path_of(number):
    return "%s/K%07d.bmp" % (FOLDER, number)


def lines_of(number):
    """The file with the line of a frame: the first number of its hundred is its name."""
    return "%s/K%07d.jsonl" % (FOLDER, number - number % 100)


def free():
    """Free bytes on the card, less a block for a folder that grows and one for the line."""
    status = os.statvfs(FOLDER)
    return status[1] * (status[4] - 2)


def say(text):
    print(json.dumps({"note": text}))


class Part:
    def __init__(self, settings, labels, everything):
        self.labels, self.model = labels, everything["model"]["sha256"][:12]
        self.margin, self.every = settings["margin"], settings["every"]  # 1/65536; one in so many, 0 for none
        self.most, self.room, self.pause_ms = settings["frames"], settings["bytes"], settings["pause_ms"]
        sum([self.margin, self.every, self.most, self.room, self.pause_ms])  # fails here where one is text
        # marked: the next item is kept. told: the card's failure has been said. waits: nothing is kept before `due`.
        self.marked = self.told = self.waits = False
        self.due = 0
        self.word = ""  # what the PC has sent of a line
        self.pin = self.poller = None
        if settings["mark_pin"]:
            from machine import Pin

            self.pin = Pin(settings["mark_pin"], Pin.IN, Pin.PULL_UP)
        try:
            self.poller = select.poll()
            self.poller.register(sys.stdin, select.POLLIN)
        except (AttributeError, OSError, TypeError):
            self.poller = None
            if not self.pin:
                say("this firmware takes no commands: frames can be marked by a pin alone")
        self.first = self.next = 1
        self.count = self.used = 0
        self.on = os.getcwd().startswith("/sdcard")
        if not self.on:
            return say("no SD card: no frame is kept")
        try:
            os.mkdir(FOLDER)
        except OSError:
            pass  # it is there; if not, look() fails
        try:
            self.look()
        except OSError as error:
            self.failed_to_keep(error)
        self.run = self.next  # no two runs that kept a frame have the same

    def look(self):
        """What earlier runs have kept."""
        first = last = 0
        for entry in os.ilistdir(FOLDER):
            name = entry[0]
            if name[0] == "K" and name[-4:] == ".bmp" and name[1:-4].isdigit():
                number = int(name[1:-4])
                first = min(first or number, number)
                last = max(last, number)
                self.count += 1
                self.used += entry[3] if len(entry) > 3 else os.stat(FOLDER + "/" + name)[6]
        if last:
            self.first, self.next = first, last + 1
        free()  # the first time it may take a second

    def tick(self):
        self.rest()  # each time: after six days the clock would say the opposite
        if self.pin and self.pin.value() == 0:
            self.marked = True
        for _ in range(64):  # letters at a time, so that a PC that sends and sends does not stop the sorting
            if not (self.poller and self.comes()):
                break
            self.read()

    def rest(self):
        """Whether the pause after a frame, or after a failure of the card, still lasts."""
        if self.waits and time.ticks_diff(time.ticks_ms(), self.due) >= 0:
            self.waits = False
        return self.waits

    def comes(self):
        for _ in self.poller.ipoll(0):
            return True
        return False

    def read(self):
        """Take a letter from the PC; `mark` and a line end mark what is decided next."""
        letter = sys.stdin.read(1)
        if not letter:
            self.poller = None  # the end of it, on a PC
        elif letter in "\r\n":
            if self.word == "mark":
                self.marked = True
                say("marked: the frame of the next decision is kept")
            self.word = ""
        elif len(self.word) < 5:
            self.word += letter

    def reason(self, poll, label, number):
        """Why an item's frame is kept: a place in REASONS, 0 for not at all."""
        if self.marked:
            return 1
        if label < 0:
            return 2
        sums = poll.sums
        best = second = 0
        for i in range(len(sums)):
            if sums[i] > best:
                best, second = sums[i], best
            elif sums[i] > second:
                second = sums[i]
        if best - second < self.margin * poll.seen:
            return 3
        return 4 if self.every and number % self.every == 0 else 0

    def decided(self, poll, label, number, image):
        if not self.on or self.rest():
            return
        why = self.reason(poll, label, number)
        if not why:
            return
        began = time.ticks_ms()
        pause = self.pause_ms
        try:
            self.keep(image, why, poll, label, number, began)
            self.marked = self.told = False
            # A slow card takes a tenth of the time at the most.
            pause = max(pause, 9 * time.ticks_diff(time.ticks_ms(), began))
        except (OSError, MemoryError) as error:
            self.failed_to_keep(error)
            pause = max(pause, AGAIN_MS)
        self.waits, self.due = True, time.ticks_add(time.ticks_ms(), pause)

    def failed_to_keep(self, error):
        if not self.told:
            say("frames are not kept: the card is full, gone or not writable (%s)" % error)
        self.told = True
        try:
            os.remove(UNFINISHED)
        except OSError:
            pass

    def keep(self, image, why, poll, label, number, began):
        """Write the frame, then its line; the oldest frames make room for it."""
        size = 66 + image.height() * (image.width() * 2 + 2)  # a row is padded to 4 bytes
        while self.count and (self.count >= self.most or self.used + size > self.room or free() < size):
            self.forget()
        if free() < size:
            raise OSError("no space left")
        name = path_of(self.next)
        image.save(UNFINISHED)  # 16 bits a pixel: nothing is lost
        os.rename(UNFINISHED, name)
        self.next += 1
        self.count += 1
        self.used += os.stat(name)[6]
        self.sync()
        line = {"file": name[len(FOLDER) + 1 :], "run": self.run, "item": number, "reason": REASONS[why]}
        line["label"] = None if label < 0 else self.labels[label]
        line["scores"] = [round(total / poll.seen / 65536, 4) for total in poll.sums]
        if hasattr(poll, "worst"):  # of several places; the frame has all of them
            line["place"] = poll.worst + 1
        now = time.localtime()
        line["time"] = "%04d-%02d-%02dT%02d:%02d:%02d" % now[:6] if now[0] > 2023 else None  # a clock that was set
        line["model"] = self.model
        line["write_ms"] = time.ticks_diff(time.ticks_ms(), began)
        with open(lines_of(self.next - 1), "a") as file:
            file.write("\n" + json.dumps(line))  # in front, lest it continues one that a power loss cut
        self.sync()

    def forget(self):
        """Remove the oldest frame; with the last of its hundred their lines."""
        number = self.first
        try:
            size = os.stat(path_of(number))[6]
            os.remove(path_of(number))
            self.used -= size
            self.count -= 1
            if number % 100 == 99:
                os.remove(lines_of(number))
        except OSError as error:
            if error.args[0] != 2:  # 2: somebody has removed it already
                raise
        self.first += 1  # not where it is still there, since the card takes nothing
        if self.first >= self.next:
            self.count = self.used = 0

    def sync(self):
        if hasattr(os, "sync"):
            os.sync()


WHOLE = True  # the last line: main.py looks for it, since a file that was cut may run all the same
