"""The camera that the stub modules share: its clock, its drive, its sensor, its LEDs and its model."""

import builtins
import gc
import struct
from array import array

import events
import micropython

open = open  # the real one

# What a test may order; times in ms.
plan = {
    "rom": "",  # the folder that stands for /rom; "" for a board without
    "cwd": "/sdcard",
    "uname": True,
    "leds": "machine",  # or "pyb", or "none"
    "frame_ms": 100,
    "predict_ms": 20,
    "scores": [],  # one list a frame; when they are used up, somebody presses Ctrl-C; or 2 s after the last edge
    "heap": 1 << 20,  # bytes that a picture made from bytes may take
    "classes": 0,  # instead of scores: of so many classes, made from the pixels, and no end
    "raises": None,  # what the model raises instead of the scores after those: "ValueError" and so on
    "rounds": 1,  # how often the scores are gone through
    "tuple": False,  # scores as the first builds with ml gave them
    "snapshots": 0,  # when so many were taken, somebody presses Ctrl-C; 0 for never
    "mono": False,  # a sensor without colour
    "refused": 0,  # how many orders of a pixel format fail, for a bad contact
    "finds": {"gain_db": 6.0206, "rgb_gain_db": (1.5, 0.0, 2.25), "exposure_us": 12034},  # the sensor's automatics
    "lacks": [],  # which of these the sensor does not have
    "grey": {},  # by the number of a snapshot, the grey (0..255) of its left and its right half; "0": of all others
    "fail": [],  # which snapshots time out, counted from 1, those of the settling included
    "card": 1 << 30,  # bytes on the card
    "free_told": None,  # what statvfs says is free, where it isn't the truth
    "pulled": 0,  # from this snapshot on the card is gone; 0 for never
    "read_only": [],  # from this snapshot on, and up to that one, the card takes nothing, and can be read
    "cut": "",  # the power fails at this: "rename" or "line", of the first frame that is kept
    "save_ms": 0,  # what the card takes for a frame
    "ticks": (1 << 30) - 4000,  # what time.ticks_ms() says at first: it wraps at 2 ** 30, soon after the settling
    "edges": [],  # [ms, pin, level] of what others do to inputs, in order; the settling ends at 2000
    "date": (2015, 1, 1, 0, 0, 0, 3, 1),  # a clock that nobody has set
    "lock": False,  # no allocation between the firmware's own calls, from the first prediction on
    "real": False,  # time passes as on the PC's clock
    "film": [],  # instead of a list of scores a frame: [ms, which of the scores], what is seen from then on
    "contact": [],  # [pin, from which ms on, every how many ms, for how many ms] a contact closes, for ever
    "stalls": {},  # by the snapshot's number as text, how many ms it takes in excess
    "timer": "pyb",  # the firmware's: "pyb" (STM32), "hard" (machine.Timer with hard=), or "soft" (without)
    "uart": None,  # the file descriptor of the other end of the UART, which doesn't block
    "received": [],  # [ms, bytes in hex] that come at the UART, in order
    "sends_slowly": False,  # the UART is not through in the time that the firmware gives it
    "sends_behind": False,  # the UART takes what it is given and sends it behind the program, as the RT1062's does
    "dead": [],  # from this snapshot on, and up to that time in ms, the sensor does not even start
    "no_buffers": 0,  # how many orders of frame buffers fail
}
seen = {
    "calls": [],  # of the sensor
    "held": [],  # the calls that turn its automatics on and off, and its resets
    "lit": [],  # which LEDs were on when a snapshot was asked for, after the settling; and at the end: "", "R", ...
    "sleeps": [],
    "model": None,  # path and load_to_fb
    "buffers": None,  # how many the camera was told to have
    "pins": [],  # [ms, pin, level] of each change of an output
    "uart": [],  # [ms, bytes in hex] that were sent
    "opened": None,  # the UART: number, baud rate, parity
    "ended": None,  # when the program did; the time goes on for 2 s
    "synced": [],  # the snapshot's number at each order to write to the card what is still in memory
    "decisions": 0,  # predictions, in all
    "views": [],  # the part of the frame that each prediction was of, where it was a part, and the frame's number
    "memory": [],  # bytes allocated after 99 and after all predictions, where "lock" is set
}
clock = 0
locked = False
snapshots = predictions = refusals = orders = 0
memory = array("i", [0, 0])
greys = {}  # plan["grey"] by number
leds = {"R": False, "G": False, "B": False}


def lock():
    global locked
    if plan["lock"] and predictions:
        locked = True
        micropython.heap_lock()


def unlock():
    global locked
    if locked:
        locked = False
        micropython.heap_unlock()


# --- the drive


def real(path):
    """A path on the camera as one of the PC."""
    if path.startswith("/rom/"):
        if not plan["rom"]:
            raise OSError(2)
        return plan["rom"] + path[4:]
    return path


def open_file(path, mode="r"):
    if path.startswith("kept/"):
        touch_card("line", "r" not in mode)
    return open(real(path), mode)


def touch_card(what="", writes=False):
    """Fails where the card is gone or doesn't take what is written, and where the power fails just then."""
    if writes and plan["read_only"] and plan["read_only"][0] <= snapshots < plan["read_only"][1]:
        raise OSError(30)
    if what and plan["cut"] == what:
        raise KeyboardInterrupt
    if 0 < plan["pulled"] <= snapshots:
        raise OSError(19)


def used():
    """Bytes of the frames on the card."""
    import uos

    total = 0
    for folder in ("frames", "kept"):
        try:
            total += sum(uos.stat(folder + "/" + entry[0])[6] for entry in uos.ilistdir(folder))
        except OSError:
            pass
    return total


# --- the sensor

RGB565, GRAYSCALE = 4, 2
SIZES = {"QQVGA": (160, 120), "QVGA": (320, 240), "VGA": (640, 480), "B64X64": (64, 64), "B128X128": (128, 128)}
NAMES = sorted(SIZES)  # a frame size is its index here


class Image:
    """A frame; where its pixels matter they are made from its number."""

    def __init__(self, pixformat, width, height, number):
        self.pixformat, self._width, self._height, self.number, self.pixels = pixformat, width, height, number, None
        self.halves = None  # their grey, where a test orders it

    def width(self):
        return self._width

    def height(self):
        return self._height

    def bytearray(self):
        if self.pixels is None:
            self.pixels = array("H", (0 for _ in range(self._width * self._height)))
            value = 12345 + self.number
            for i in range(len(self.pixels)):
                value = (value * 1103 + 12347) & 0xFFFFF
                self.pixels[i] = value >> 4
        return bytearray(self.pixels)

    def get_pixel(self, at, rgbtuple=True):
        """As the firmware has it since 4.0; up to 4.8 the place may also be two arguments."""
        assert rgbtuple is False, "a tuple takes memory"
        x, y = at
        assert 0 <= x < self._width and 0 <= y < self._height
        if self.halves:  # takes no memory
            grey = self.halves[2 * x >= self._width]
            return grey >> 3 << 11 | grey >> 2 << 5 | grey >> 3
        unlock()
        pixels, i = self.bytearray(), 2 * (y * self._width + x)
        pixel = pixels[i + 1] << 8 | pixels[i]
        lock()
        return pixel

    def save(self, path):
        """A BMP of 16 bits a pixel with the rows from above, as the firmware writes it."""
        events.let_pass(plan["save_ms"])
        touch_card(writes=True)
        if not path.endswith(".bmp"):
            raise OSError("Unsupported format!")
        row = (self._width * 2 + 3) // 4 * 4
        size = row * self._height
        head = struct.pack(
            "<2sIIIIiiHHII16s", b"BM", 66 + size, 0, 66, 40, self._width, -self._height, 1, 16, 3, size, b""
        )
        data = head + struct.pack("<III", 0xF800, 0x07E0, 0x001F)
        pixels = self.bytearray()
        for y in range(self._height):
            data += pixels[y * self._width * 2 : (y + 1) * self._width * 2] + bytes(row - self._width * 2)
        room = plan["card"] - used()
        with open(path, "wb") as file:
            file.write(data[: max(0, room)])
        if room < len(data):
            raise OSError(28)


class Camera:
    """The methods of csi.CSI; the module sensor has them under longer names."""

    resets = 0  # of all: a script makes a camera of its own for each

    def __init__(self):
        self.settled = self.image = None
        for number, halves in plan["grey"].items():
            greys[int(number)] = halves

    def is_dead(self):
        return plan["dead"] and plan["dead"][0] <= snapshots and clock < plan["dead"][1]

    def reset(self):
        if self.is_dead():
            raise RuntimeError("Sensor control failed.")
        seen["calls"].append(["reset"])
        seen["held"].append(["reset"])
        Camera.resets += 1
        self.size = self.roi = self.format = None
        self.settled = clock + 2000

    def pixformat(self, value):
        global refusals
        refusals += 1
        # The firmware says no more, whatever the reason.
        if refusals <= plan["refused"] or (plan["mono"] and value == RGB565):
            raise RuntimeError("Sensor control failed.")
        seen["calls"].append(["pixformat", "RGB565" if value == RGB565 else value])
        self.format = value

    def framesize(self, value):
        seen["calls"].append(["framesize", NAMES[value]])
        self.size = self.roi = SIZES[NAMES[value]]

    def window(self, roi):
        seen["calls"].append(["window", list(roi)])
        width, height = roi[-2:]
        x, y = roi[:2] if len(roi) == 4 else ((self.size[0] - width) // 2, (self.size[1] - height) // 2)
        assert 0 <= x and x + width <= self.size[0] and 0 <= y and y + height <= self.size[1], "it would be cut"
        self.roi = width, height

    def find(self, name):
        """What an automatic has found; after each reset something else."""
        if name in plan["lacks"]:
            raise RuntimeError("Sensor control is not supported.")
        value = plan["finds"][name]
        if name == "exposure_us":
            return value + 1000 * (self.resets - 1)
        return tuple(float(x) for x in value) if name == "rgb_gain_db" else float(value) + self.resets - 1

    def gain_db(self):
        return self.find("gain_db")

    def rgb_gain_db(self):
        return self.find("rgb_gain_db")

    def exposure_us(self):
        return self.find("exposure_us")

    def auto_gain(self, enable, gain_db=None, gain_db_ceiling=None):
        seen["held"].append(["auto_gain", enable, gain_db])

    def auto_whitebal(self, enable, rgb_gain_db=None):
        assert isinstance(rgb_gain_db, (tuple, list)) and len(rgb_gain_db) == 3
        seen["held"].append(["auto_whitebal", enable, rgb_gain_db])

    def auto_exposure(self, enable, exposure_us=-1):
        assert isinstance(exposure_us, int)
        seen["held"].append(["auto_exposure", enable, exposure_us])

    def width(self):
        return self.size[0]

    def height(self):
        return self.size[1]

    def framebuffers(self, count):
        global orders
        orders += 1
        if orders <= plan["no_buffers"]:
            raise RuntimeError("Sensor control failed.")
        seen["buffers"] = count

    def snapshot(self):
        global snapshots
        unlock()
        if not plan["lock"] and clock >= self.settled:
            seen["lit"].append("".join(name for name in "RGB" if leds[name]))
        if over() or snapshots == plan["snapshots"] > 0:
            seen["memory"], seen["decisions"] = list(memory), predictions
            raise KeyboardInterrupt
        snapshots += 1
        began = clock
        events.let_pass(plan["frame_ms"])
        if plan["stalls"]:
            events.let_pass(plan["stalls"].get(str(snapshots), 0))
        if plan["lock"]:
            memory[min(predictions, 100) // 100] = gc.mem_alloc()
        if snapshots in plan["fail"] or self.is_dead():
            raise RuntimeError("Frame capture has timed out.")
        if self.image is None or not plan["lock"]:
            self.image = Image(self.format, self.roi[0], self.roi[1], snapshots)
        self.image.halves = greys.get(snapshots, greys.get(0))
        self.image.taken = began
        lock()
        return self.image


# --- the LEDs


class Led:
    def __init__(self, name):
        self.name = name

    def on(self):
        leds[self.name] = True

    def off(self):
        leds[self.name] = False


# --- the model


def over():
    if plan["film"]:
        return clock > plan["film"][-1][0]
    return not plan["raises"] and 0 < len(plan["scores"]) * plan["rounds"] <= predictions


def of_pixels(pixels):
    """Scores in which every byte of a frame counts, and its place."""
    sums = [0] * plan["classes"]
    for i in range(len(pixels)):
        sums[i % len(sums)] = (sums[i % len(sums)] * 31 + pixels[i]) & 255
    return [value / 256 for value in sums]


def part_of(image, roi):
    """The bytes of a part of an image, row by row; of all of it without one."""
    pixels = image.bytearray()
    if roi is None:
        return pixels
    x, y, width, height = roi
    rows = [pixels[2 * (row * image.width() + x) :][: 2 * width] for row in range(y, y + height)]
    return b"".join(bytes(row) for row in rows)


class View:
    """A part of an image, for a model. The firmware makes one for each image; that is no memory of the program's."""

    def __init__(self, roi):
        self.roi, self.image = roi, None


class Normalization:
    """What predict() makes views with, of whole images, where a program does not do so itself."""

    def __init__(self, scale=(0.0, 1.0), mean=(0.0, 0.0, 0.0), stdev=(1.0, 1.0, 1.0), roi=None):
        assert isinstance(roi, tuple) and len(roi) == 4
        self.view = View(roi)

    def __call__(self, image):
        unlock()
        self.view.image = image
        lock()
        return self.view


class Model:
    """What all versions of ml.Model have in common."""

    stretches = False  # an oblong frame to the network's square input

    def load(self, path, load_to_fb):
        with open_file(path, "rb") as file:
            content = file.read()
        if content.startswith(b"unsupported"):
            raise ValueError("Failed to allocate tensors")
        if content.startswith(b"large"):
            raise MemoryError("memory allocation failed, allocating 131072 bytes")
        seen["model"] = [path, load_to_fb]
        self.ram = 62480  # the arena
        self.kind = tuple if plan["tuple"] else lambda values: array("f", values)
        if plan["lock"]:
            gc.disable()  # what is garbage counts, too
        self.outputs = [[self.kind(scores)] for scores in plan["scores"]]

    def predict(self, images):
        global predictions
        unlock()
        if len(images) != 1 or not (isinstance(images[0], Image) or isinstance(images[0], View)):
            raise ValueError("Unsupported input type")
        image, roi = images[0], None
        if isinstance(image, View):
            image, roi = image.image, image.roi
            assert roi[0] + roi[2] <= image.width() and roi[1] + roi[3] <= image.height(), "it would be cut"
            if not plan["lock"]:
                seen["views"].append([list(roi), image.number])
        width = roi[2] if roi else image.width()  # without memory of its own
        height = roi[3] if roi else image.height()
        assert image.pixformat == RGB565
        assert self.stretches or width == height, "before 5.0.0 it is cropped"
        events.let_pass(plan["predict_ms"])
        if plan["raises"] and predictions >= len(self.outputs):
            raise getattr(builtins, plan["raises"])("Invoke failed")
        output = [self.kind(of_pixels(part_of(image, roi)))] if plan["classes"] else None
        if plan["film"]:
            output = self.outputs[events.shown(image.taken)]
        output = output or self.outputs[predictions % len(self.outputs)]
        predictions += 1
        lock()
        return output


def labels_beside(path):
    """What `model.labels` is from firmware 4.7.0 on."""
    try:
        with open_file(path.split(".")[0] + ".txt") as file:
            return [line.rstrip("\n") for line in file]
    except OSError:
        return None
