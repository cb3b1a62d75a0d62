"""linecam on the camera: sorts what passes, lights the LED, prints JSON.

The loop allocates nothing, lest the heap frays: scores are in whole 1/65536, since floats go to the heap.
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
OTHER = "not the one that settings.json names" + AGAIN
LACKS = "%s (%r): too little memory, or an operator or quantization that the firmware lacks. "
LACKS += "Build the bundle for this board, or put it into ROMFS"


class Stop(Exception):
    pass


def checksum(path):
    """SHA-256 in hex; None: no such file."""
    digest, piece = hashlib.sha256(), bytearray(1024)
    try:
        with open(path, "rb") as file:
            while count := file.readinto(piece):
                digest.update(memoryview(piece)[:count])
    except OSError:
        return None
    return hexlify(digest.digest()).decode()


def read_bundle():
    """Settings, labels and the model's path, from here or /rom."""
    root = ""
    try:
        os.stat("settings.json")
    except OSError:
        root = "/rom/"
    try:
        path = root + "settings.json"
        with open(path) as file:
            settings = json.load(file)
        expected, named = settings["model"]["sha256"], settings["labels"]
        path = root + "labels.txt"
        with open(path) as file:
            labels = [line.strip() for line in file if line.strip()]
    except (OSError, ValueError, KeyError, TypeError):
        raise Stop(path + " is missing or damaged" + AGAIN)
    if labels != named:
        raise Stop(path + " is " + OTHER)
    # /rom comes first, but may hold an older one.
    for path in ("/rom/model.tflite", root + "model.tflite"):
        if checksum(path) == expected:
            return settings, labels, path
    raise Stop(path + " is missing, or " + OTHER)


def load_model(path, oblong):
    try:
        import ml
    except ImportError:
        raise Stop("this needs firmware 4.5.6 or later: in OpenMV IDE, Tools, Install the latest firmware")
    try:
        try:
            model = ml.Model(path, load_to_fb=True)  # not the heap
        except TypeError:
            return ml.Model(path)  # firmware 5.0.0
        if oblong:
            raise Stop("an oblong camera.roi needs firmware 5.0.0: update it, or build with a square one")
        return model
    except (MemoryError, OSError, RuntimeError, ValueError) as error:
        raise Stop(LACKS % (path + " does not load", error))


def start_camera(frame_size, region):
    """RGB565 frames of a region: (side, side) in the middle, or (x, y, w, h). Returns `snapshot`."""
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
    return camera.snapshot


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
    """Adds up the scores of frames, decides, prints."""

    def __init__(self, labels, votes, thresholds):
        count = len(labels)
        self.votes, self.sums = votes, array("i", [0] * count)
        # Sums that decide; below 0: none.
        self.limits = array("i", [int(thresholds.get(x, -1) * 65536 * votes + 0.5) for x in labels])
        self.half = 32768 * votes  # up to this a limit never finds less than the highest sum does
        self.bits, self.raw = io.BytesIO(4 * count), bytearray(4 * count)
        names = [json.dumps(x) for x in labels] + ["null"]  # names[NONE] is the last
        width = max(len(x) for x in names)
        self.names = [(x + " " * (width - len(x))).encode() for x in names]
        line = '{"label": %s, "score": 0.0000, "scores": [%s], "frames": %d, "ms": 000000000, "inference_ms": 00000}\n'
        self.line = bytearray((line % (" " * width, ", ".join(["0.0000"] * count), votes)).encode())
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

    def decide(self):
        """The first class that reaches its threshold; else the best, but for one with a threshold above a half."""
        sums, best, free = self.sums, 0, NONE
        for i in range(len(sums)):
            if 0 <= self.limits[i] <= sums[i]:
                return i
            if sums[i] > sums[best]:
                best = i
            if self.limits[i] < 0 and (free == NONE or sums[i] > sums[free]):
                free = i
        return best if self.limits[best] <= self.half else free  # NONE, where each class has a threshold

    def tell(self, decided, ms, inference):
        """Print a line and start anew; without a decision, `score` is the highest."""
        line, sums, name = self.line, self.sums, self.names[decided]
        for i in range(len(name)):
            line[10 + i] = name[i]
        self.score(max(sums) if decided == NONE else sums[decided], self.at)
        for i in range(len(sums)):
            self.score(sums[i], self.at + 19 + 8 * i)
        self.clear()
        self.digits(ms, len(line) - 26, 9, 32)
        self.digits(min(inference, 99999), len(line) - 3, 5, 32)
        sys.stdout.write(line)

    def clear(self):
        for i in range(len(self.sums)):
            self.sums[i] = 0

    def score(self, total, at):
        # In this order nothing reaches 2 ** 30, which goes to the heap.
        mean = ((total + self.votes // 2) // self.votes * 10000 + 32768) >> 16
        self.line[at] = 48 + mean // 10000
        self.digits(mean % 10000, at + 5, 4, 48)

    def digits(self, value, last, count, fill):
        for i in range(last, last - count, -1):
            self.line[i] = 48 + value % 10 if value or i == last else fill
            value //= 10


def run(settings, region, labels, model, leds):
    votes, period = settings["votes"], settings["period_ms"]
    poll = Poll(labels, votes, settings["thresholds"])
    colors = [COLORS.get(x, BLUE) for x in labels] + [NONE]
    snapshot, frame, seen, failed = None, [None], 0, 0
    while True:
        try:
            if snapshot is None:
                snapshot = start_camera(settings["frame_size"], region)
                started = time.ticks_ms()
            frame[0] = snapshot()
        except (RuntimeError, OSError) as error:
            show(leds, NONE)  # not an old decision
            print(json.dumps({"error": str(error)}))
            time.sleep_ms(100)
            failed += 1
            if failed % 10 == 0:
                snapshot = None  # start it anew
            seen = 0  # the frames of this vote are no longer of one part
            poll.clear()
            started = time.ticks_ms()
            continue
        failed = 0
        began = time.ticks_ms()
        try:
            scores = model.predict(frame)[0]
        except (MemoryError, RuntimeError, ValueError) as error:
            raise Stop(LACKS % ("the model fails", error))
        inference = time.ticks_diff(time.ticks_ms(), began)
        poll.add(scores)
        seen += 1
        if seen == votes:
            seen = 0
            decided = poll.decide()
            show(leds, colors[decided])
            ms = time.ticks_diff(time.ticks_ms(), started)
            poll.tell(decided, ms, inference)
            if ms < period:
                time.sleep_ms(period - ms)
            started = time.ticks_ms()


def main():
    leds = []
    try:
        settings, labels, path = read_bundle()
        region = tuple(settings.get("roi") or [settings["side"]] * 2)
        gc.collect()  # the model needs one large block
        model = load_model(path, region[-2] != region[-1])
        leds = find_leds()
        boot = {"linecam": settings["model"]["sha256"][:12], "labels": labels, "votes": settings["votes"]}
        if hasattr(os, "uname"):
            boot["firmware"] = os.uname()[3]
        print(json.dumps(boot))
        run(settings, region, labels, model, leds)
    except Stop as stop:
        print("linecam: %s." % stop)
    except KeyboardInterrupt:
        pass
    finally:
        show(leds, NONE)


main()
