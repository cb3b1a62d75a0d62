"""linecam on the camera: judges the parts that pass, lights the LED, prints JSON.

The loop takes no new memory, so that the heap does not break up into small pieces. Floats would take memory, so scores
are whole numbers of 1/65536. Further work that settings.json turns on is done by parts: modules beside this one, each
with some of HOOKS. The bundle has this file without comments and with tabs, to leave room on the camera's drive.
"""

import gc
import hashlib
import io
import json
import os
import sys
import time
from array import array
from binascii import hexlify

RED, GREEN, BLUE, NONE = 0, 1, 2, -1
COLORS = {"good": GREEN, "bad": RED}  # others are blue
AGAIN = ": copy the whole bundle again, or write its linecam.romfs"
VERSION = 4  # of settings.json, the newest that is read here
# What main.py calls, and when:
#   judges(model, poll)  once, before the loop: what takes the place of both, to judge several places of a frame
#   start(camera)   the camera has been started, for the first time or anew
#   tick()          each round of the loop, every ms while nothing else is to do
#   wants()         before a frame: is one to be taken now?
#   sees(image)     after it: True, if it is not to be judged
#   scored(poll)    its scores have been added to those of the item
#   ends(poll)      then: was it the item's last? Without this hook an item has settings["votes"] frames
#   decided(poll, label, number, image)  an item has been judged; `image` is its last frame, label may be NONE
#   failed(camera)  no frame, or one that is not to be judged: the item's frames so far do not count. None for a camera
#                   that has to be started anew
#   stops()         the program ends, for whatever reason
HOOKS = "judges", "start", "tick", "wants", "sees", "scored", "ends", "decided", "failed", "stops"
OTHER = "not the one that settings.json names" + AGAIN
LACKS = "%s (%r): too little memory, or an operator or quantization that the firmware lacks. "
LACKS += "Build the bundle for this board, or put it into ROMFS"
FAULTS = ImportError, KeyError, MemoryError, OSError, RuntimeError, ValueError


class Stop(Exception):
    pass


def checksum(path):
    """SHA-256 in hex; None where there is no such file."""
    digest, piece = hashlib.sha256(), bytearray(1024)
    try:
        with open(path, "rb") as file:
            while count := file.readinto(piece):
                digest.update(memoryview(piece)[:count])
    except OSError:
        return None
    return hexlify(digest.digest()).decode()


def read_bundle():
    """Settings, labels and the model's path, from the drive or /rom."""
    root = ""
    try:
        os.stat("settings.json")
    except OSError:
        root = "/rom/"
    try:
        path = root + "settings.json"
        with open(path) as file:
            settings = json.load(file)
        if settings.get("version", 1) > VERSION:
            raise Stop("settings.json is for a newer main.py" + AGAIN)
        expected, named = settings["model"]["sha256"], settings["labels"]
        region = tuple(settings.get("roi") or [settings["side"]] * 2)
        # Somebody may have written text or a fraction for a whole number: fails here, and not in the loop.
        array("i", [settings["votes"], settings["period_ms"]] + list(region))
        sum(settings["thresholds"].values(), len(settings["frame_size"]))
        path = root + "labels.txt"
        with open(path) as file:
            labels = [line.strip() for line in file if line.strip()]
    except (AttributeError, LookupError, OSError, TypeError, ValueError):
        raise Stop(path + " is missing or damaged" + AGAIN)
    if labels != named:
        raise Stop(path + " is " + OTHER)
    # /rom comes first, but may hold an older one.
    for path in ("/rom/model.tflite", root + "model.tflite"):
        if checksum(path) == expected:
            return settings, labels, path, region
    raise Stop(path + " is missing, or " + OTHER)


def load_model(path, region):
    try:
        import ml
    except ImportError:
        raise Stop("this needs firmware 4.5.6 or later: in OpenMV IDE, Tools, Install the latest firmware")
    try:
        try:
            model = ml.Model(path, load_to_fb=True)  # not the heap
        except TypeError:
            return ml.Model(path)  # firmware 5.0.0
        if region[-2] != region[-1]:
            raise Stop("an oblong camera.roi needs firmware 5.0.0: update it, or build with a square one")
        return model
    except FAULTS as error:
        raise Stop(LACKS % (path + " does not load", error))


def load_parts(settings, labels):
    """For each of HOOKS, the parts' functions of this name."""
    parts = []
    for name, how in settings.get("parts", ()):
        try:
            module = __import__(name)
            module.WHOLE  # its last line
            parts.append(module.Part(how, labels, settings))
        except NotImplementedError as error:
            raise Stop(str(error))
        except Exception as error:  # of a file that was cut, too
            raise Stop("%s.py: %r%s" % (name, error, AGAIN))
    return [[getattr(part, hook) for part in parts if hasattr(part, hook)] for hook in HOOKS]


def start_camera(frame_size, region):
    """RGB565 frames of a region: (side, side) in the middle, or (x, y, w, h). Returns the camera."""
    try:
        import csi as names

        camera, verbs = names.CSI(), ("pixformat", "framesize", "window")
    except (ImportError, AttributeError):  # before 4.8.0; 4.6 has csi without CSI
        import sensor as names

        camera, verbs = names, ("set_pixformat", "set_framesize", "set_windowing")
    pixformat, framesize, window = [getattr(camera, x) for x in verbs]
    size = getattr(names, frame_size, None)
    if size is None and frame_size[0] == "B":  # in csi, (64, 64)
        size = tuple(int(x) for x in frame_size[1:].split("X"))
    if size is None:
        raise Stop("this firmware has no frame size " + frame_size)
    camera.reset()
    try:
        pixformat(names.RGB565)
    except RuntimeError:  # of a bad contact, too
        pixformat(names.GRAYSCALE)
        try:
            pixformat(names.RGB565)
        except RuntimeError:
            raise Stop("this sensor sees no colour (no RGB565): put a colour module into the camera")
    framesize(size)
    full = camera.width(), camera.height()
    x, y, w, h = ((0, 0) + region)[-4:]
    if x + w > full[0] or y + h > full[1]:
        raise Stop("%s, here %s, does not hold the region %s" % (frame_size, full, region))
    if full != region:
        window(region)
    started = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), started) < 2000:  # exposure settles
        try:
            camera.snapshot()
        except RuntimeError:
            time.sleep_ms(100)
    return camera


def find_leds():
    """Red, green and blue; [] without LEDs."""
    for module, names in (("machine", ("LED_RED", "LED_GREEN", "LED_BLUE")), ("pyb", (1, 2, 3))):
        try:
            return [__import__(module).LED(name) for name in names]
        except Exception:
            pass
    print('{"note": "this board has no LED"}')
    return []


def show(leds, color):
    for i in range(len(leds)):
        if i == color:
            leds[i].on()
        else:
            leds[i].off()


class Poll:
    """Adds up the scores of an item's `seen` frames, decides, prints."""

    def __init__(self, labels, thresholds):
        count = len(labels)
        self.seen, self.sums = 0, array("i", [0] * count)
        # Means that decide; below 0: none.
        self.limits = array("i", [int(thresholds.get(x, -1) * 65536 + 0.5) for x in labels])
        self.bits, self.raw = io.BytesIO(4 * count), bytearray(4 * count)
        names = [json.dumps(x).encode() for x in labels] + [b"null"]  # names[NONE] is the last
        width = max(len(x) for x in names)  # in bytes, of which a letter may have several
        self.names = [x + b" " * (width - len(x)) for x in names]
        line = '{"label": %s, "score": 0.0000, "scores": [%s], '
        line += '"item": 000000000, "frames": 00000, "ms": 000000000, "inference_ms": 00000}\n'
        # The numbers are written over the blanks and zeros, at places counted from the start or from the end. `out` is
        # what is printed of it: line_places.py lets the line go on.
        self.line = self.out = bytearray((line % (" " * width, ", ".join(["0.0000"] * count))).encode())
        self.at = width + 21  # of the score; the scores: 19 on

    def add(self, scores):
        """Add a frame's scores, float32 in 0..1, from their bits."""
        raw, sums = self.raw, self.sums
        if isinstance(scores, tuple):  # early 4.5.6
            scores = array("f", scores)
        self.bits.seek(0)
        if self.bits.write(scores) != len(raw):
            raise Stop("model and labels.txt differ in number" + AGAIN)
        self.bits.seek(0)
        self.bits.readinto(raw)
        for i in range(len(sums)):
            top, high = raw[4 * i + 3], raw[4 * i + 2]
            mantissa = (high | 128) << 16 | raw[4 * i + 1] << 8 | raw[4 * i]
            shift = max(7, 134 - ((top & 127) << 1 | high >> 7))  # 134 - exponent, 8 from 0.5 up to 1
            if top < 128 and shift < 25:  # not negative, not next to nothing
                sums[i] += min(65536, (mantissa + (1 << shift - 1)) >> shift)
        self.seen += 1

    def decide(self):
        """The first class to reach its threshold; else the best, but for one with a threshold above a half."""
        sums, seen = self.sums, self.seen
        best, free = 0, NONE
        for i in range(len(sums)):
            # A limit was rounded, by up to a half for each frame.
            if 0 <= self.limits[i] * seen <= sums[i] + seen // 2:
                return i
            if sums[i] > sums[best]:
                best = i
            if self.limits[i] < 0 and (free == NONE or sums[i] > sums[free]):
                free = i
        # Up to a half a limit never finds less than the highest sum does. `free` is NONE where each class has one.
        return best if self.limits[best] <= 32768 else free

    def tell(self, decided, item, ms, inference):
        """Print a line; without a decision, `score` is the highest."""
        line, sums, name = self.line, self.sums, self.names[decided]
        for i in range(len(name)):
            line[10 + i] = name[i]
        self.score(max(sums) if decided == NONE else sums[decided], self.at)
        for i in range(len(sums)):
            self.score(sums[i], self.at + 19 + 8 * i)
        self.digits(item, len(line) - 60, 9, 32)
        self.digits(self.seen, len(line) - 43, 5, 32)
        self.digits(ms, len(line) - 26, 9, 32)
        self.digits(min(inference, 99999), len(line) - 3, 5, 32)
        sys.stdout.write(self.out)

    def clear(self):
        self.seen = 0
        for i in range(len(self.sums)):
            self.sums[i] = 0

    def score(self, total, at):
        """Write the mean of a sum, as 0.0000, at `at`."""
        # In this order nothing reaches 2 ** 30, which goes to the heap.
        mean = ((total + self.seen // 2) // self.seen * 10000 + 32768) >> 16
        self.line[at] = 48 + mean // 10000
        self.digits(mean % 10000, at + 5, 4, 48)

    def digits(self, value, last, count, fill):
        """Write a number over `count` letters, its last digit at `last`, `fill` (a letter's code) in front."""
        for i in range(last, last - count, -1):
            self.line[i] = 48 + value % 10 if value or i == last else fill
            value //= 10


def call(hooks):
    for hook in hooks:
        hook()


def run(settings, region, labels, model, leds, hooks):
    judges, start, tick, wants, sees, scored, ends, decided, failed, _ = hooks
    poll = Poll(labels, settings["thresholds"])
    for hook in judges:
        model = poll = hook(model, poll)
    colors = [COLORS.get(x, BLUE) for x in labels] + [NONE]
    camera, frame, number, failures, due = None, [None], 0, 0, time.ticks_ms()
    while True:
        call(tick)
        now = time.ticks_ms()
        if time.ticks_diff(due, now) <= 0:
            due = now  # six days later it would seem to come
        if due != now or camera and wants and not wants[0]():
            time.sleep_ms(1)
            continue
        try:
            if camera is None:
                new = start_camera(settings["frame_size"], region)
                for hook in start:
                    hook(new)
                camera = new  # now that all have prepared it
                continue  # it took seconds: is a frame wanted now?
            if poll.seen == 0:
                started = now
            frame[0] = camera.snapshot()
            failures = 0
        except (RuntimeError, OSError) as error:
            print(json.dumps({"error": str(error)}))
            due = time.ticks_add(time.ticks_ms(), 100)
            failures += 1
            if failures % 10 == 0:
                camera = None  # start it anew
        blind = failures
        for hook in sees:
            blind = blind or hook(frame[0])
        if blind:
            show(leds, NONE)  # not an old decision
            poll.clear()  # the next frames may show another item
            for hook in failed:
                hook(camera)
            continue
        began = time.ticks_ms()
        try:
            scores = model.predict(frame)[0]
        except FAULTS as error:
            raise Stop(LACKS % ("the model fails", error))
        inference = time.ticks_diff(time.ticks_ms(), began)
        poll.add(scores)
        for hook in scored:
            hook(poll)
        if ends[0](poll) if ends else poll.seen >= settings["votes"]:
            label = poll.decide()
            show(leds, colors[label])
            ms = time.ticks_diff(time.ticks_ms(), started)
            number = number % 999999999 + 1
            poll.tell(label, number, ms, inference)
            for hook in decided:
                hook(poll, label, number, frame[0])
            poll.clear()
            due = time.ticks_add(started, settings["period_ms"])


def main():
    leds, hooks = [], [[]]
    try:
        settings, labels, path, region = read_bundle()
        hooks = load_parts(settings, labels)
        gc.collect()  # the model needs one large block
        model = load_model(path, settings.get("rois", [region])[0])
        leds = find_leds()
        boot = {"linecam": settings["model"]["sha256"][:12], "labels": labels, "votes": settings["votes"]}
        if hasattr(os, "uname"):
            boot["firmware"] = os.uname()[3]
        print(json.dumps(boot))
        run(settings, region, labels, model, leds, hooks)
    except Stop as stop:
        print("linecam: %s." % stop)
    except KeyboardInterrupt:
        pass
    finally:
        call(hooks[-1])
        show(leds, NONE)


main()
