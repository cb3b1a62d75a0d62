"""The same picture every time: holds exposure, gain and white balance, and judges no frame in odd light.

A part of main.py. The functions `hold` and `rounded` are the same as in collect.py, word by word. Brightness and
contrast are computed as in linecam/camera/light.py.
"""

import json
import sys
import time

# What is held, the automatic that is turned off for it, and what the firmware calls it. Exposure comes last: firmware
# 5.0.0 forgets one that was set before the gain, on the sensor PAG7936 (openmv/openmv, issue 3225).
HELD = ("gain_db", "auto_gain", "gain_db"), ("white_balance", "auto_whitebal", "rgb_gain_db")
HELD += (("exposure_us", "auto_exposure", "exposure_us"),)
TOLD_MS = 1000  # from one line about the light to the next, at least
DARK = b'{"error": "darker than any training frame"}\n'
BRIGHT = b'{"error": "brighter than any training frame"}\n'
DULL = b'{"error": "less contrast than any training frame"}\n'


def hold(camera, wanted):
    """Hold what `wanted` names at its number, or with "auto" as it is now. Returns what is held, by name."""
    gets, sets = ("", "") if hasattr(camera, "auto_gain") else ("get_", "set_")  # csi.CSI, or the module sensor
    values, held = {}, {}
    for name, automatic, value in HELD:  # all is read before the first is set: they depend on each other
        try:
            if name in wanted:
                now = getattr(camera, gets + value)()  # raises where the sensor lacks it
                values[name] = rounded(now if wanted[name] == "auto" else wanted[name])
        except (AttributeError, OSError, RuntimeError, TypeError, ValueError):
            pass  # said below
    for name, automatic, value in HELD:
        try:
            if name in values:
                getattr(camera, sets + automatic)(False, **{value: values[name]})
                held[name] = values[name]
        except (OSError, RuntimeError, TypeError, ValueError):
            pass
    for name in wanted:
        if name not in held:
            print(json.dumps({"note": "this sensor cannot hold %s: its automatic stays on" % name}))
    for _ in range(5 if held else 0):  # frames, until it shows
        try:
            camera.snapshot()
        except RuntimeError:
            time.sleep_ms(100)
    return held


def rounded(value):
    """To two digits; ValueError where it is infinite, as the gain of a colour that is not there."""
    if isinstance(value, (list, tuple)):
        return tuple([rounded(x) for x in value])
    if value - value:  # nan, which counts as true; of a finite number it is 0
        raise ValueError
    return value if isinstance(value, int) else round(value, 2)


class Part:
    def __init__(self, how, labels, settings):
        self.wanted = dict(settings.get("hold", {}))
        self.at, self.told = [0, 0], None
        self.places = settings.get("rois", ())  # each has to have the light of the training
        # Limits of what odd() adds up. The settings have levels of 0..255; odd() adds up 256 pixels, each less 128. So a
        # limit of the brightness is 256 times its distance from 128, and one of the contrast is 128 * 128 variances.
        self.low = self.high = self.least = None
        if "brightness" in how:
            self.low, self.high = [int((x - 128) * 256) for x in how["brightness"]]
            self.least = int(how["contrast"] * how["contrast"] * 16384)

    def start(self, camera):
        held = hold(camera, self.wanted)
        self.wanted.update(held)  # after a reset of the sensor the same again, also what was found
        if held:
            print(json.dumps({"held": held}))

    def sees(self, image):
        """True for a frame that is darker, brighter or duller than those of the training; says so. Allocates nothing."""
        if self.least is None:
            return False
        for x, y, width, height in self.places:
            if self.odd(image, x, y, width, height):
                return True
        return not self.places and self.odd(image, 0, 0, image.width(), image.height())

    def odd(self, image, x, y, width, height):
        at = self.at
        total = squares = 0
        for i in range(256):  # 16 x 16 pixels all over it
            at[0] = x + (((i & 15) * 2 + 1) * width >> 5)
            at[1] = y + (((i >> 4) * 2 + 1) * height >> 5)
            # Of the ways to a pixel the one that every firmware has and that takes no memory: bytearray() and
            # image[i] make an object. Firmware 5.0.0 wants the place as one argument.
            pixel = image.get_pixel(at, rgbtuple=False)
            # The shares of red, green and blue of ITU-R BT.601, for fields of 5, 6 and 5 bits: white is 255.
            grey = ((pixel >> 11) * 79 + (pixel >> 5 & 63) * 76 + (pixel & 31) * 30 >> 5) - 128
            total += grey
            squares += grey * grey
        half = total >> 1  # with it nothing reaches 2 ** 30, which goes to the heap
        line = None
        if total < self.low:
            line = DARK
        elif total > self.high:
            line = BRIGHT
        elif (squares << 6) - half * half < self.least:
            line = DULL
        if line is None:
            return False
        now = time.ticks_ms()
        if self.told is None or time.ticks_diff(now, self.told) >= TOLD_MS:
            self.told = now
            sys.stdout.write(line)
        return True


WHOLE = True  # the last line: main.py looks for it, since a file that was cut may run all the same
