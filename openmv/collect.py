"""linecam on the camera: records raw frames to train on, the same RGB565 frames that main.py judges.

Copy this file to the camera under the name main.py and press reset, or run it in OpenMV IDE. Frames go to the SD card,
as frames/R<run>-<number>.bmp. With STREAM = True they go over USB to a PC that runs `linecam receive PORT FOLDER`.
During a run the camera holds exposure, gain and white balance. It writes them to R<run>.json, so that the bundle's
main.py can hold the same. The settings are the lines in capital letters below.
"""

import hashlib
import json
import os
import sys
import time
from binascii import b2a_base64, hexlify

FRAME_SIZE = "QQVGA"  # if a settings.json lies beside this file, its values count first; on an AE3: "QVGA", SIDE 200
SIDE = 120  # the side of the square in the middle, in pixels
ROI = None  # or a region instead of the square: (x, y, width, height), as camera.roi
FOLDER = "frames"
EVERY_MS = 500  # the shortest time between two frames
LIMIT = 0  # how many frames to record; 0: no limit
STREAM = False  # True: send frames over USB
# "auto": the value that the sensor finds at the start. To record again in this light, write the first run's numbers.
HOLD = {"gain_db": "auto", "white_balance": "auto", "exposure_us": "auto"}  # the values of settings.json count first

RED, GREEN, BLUE, NONE = 0, 1, 2, -1
UNFINISHED = "/.unfinished.bmp"  # a name with a dot in front is no frame to linecam
# What is held, the automatic that is turned off for it, and what the firmware calls it. Exposure comes last: firmware
# 5.0.0 forgets one that was set before the gain, on the sensor PAG7936 (openmv/openmv, issue 3225).
HELD = ("gain_db", "auto_gain", "gain_db"), ("white_balance", "auto_whitebal", "rgb_gain_db")
HELD += (("exposure_us", "auto_exposure", "exposure_us"),)
PIECE = 768  # bytes a line of the stream: the H7's heap has no room for a whole frame in base64


class Stop(Exception):
    """Ends the program; says what is wrong and what to do."""


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


def find_leds():
    """Red, green and blue; [] without LEDs."""
    for module, names in (("machine", ("LED_RED", "LED_GREEN", "LED_BLUE")), ("pyb", (1, 2, 3))):
        try:
            return [__import__(module).LED(name) for name in names]
        except Exception:
            pass  # not on this board
    print('{"note": "this board has no LED"}')
    return []


def show(leds, color):
    for i in range(len(leds)):
        if i == color:
            leds[i].on()
        else:
            leds[i].off()


def next_run():
    """One more than the largest run in the folder, so that no frame is ever written over."""
    largest = 0
    try:
        for entry in os.ilistdir(FOLDER):  # thousands of names as one list would not fit in the heap
            run = entry[0].split("-")[0].split(".")[0]  # R0001-000001.bmp, R0001.json
            if run[:1] == "R" and run[1:].isdigit():
                largest = max(largest, int(run[1:]))
    except OSError:
        pass
    return largest + 1


def room():
    """Free bytes where the frames go, less a block for a folder that grows."""
    status = os.statvfs(FOLDER)
    return status[1] * (status[4] - 1)


def tell(run, held):
    """Say what is held in this run, beside its frames."""
    said = json.dumps({"run": run, "held": held})
    if STREAM:
        print(said)
        return
    with open(FOLDER + UNFINISHED, "w") as file:
        file.write(said)
    os.rename(FOLDER + UNFINISHED, "%s/R%04d.json" % (FOLDER, run))


def keep(image, run, number):
    """Write a frame to the card, whole or not at all."""
    if room() < image.height() * (image.width() * 2 + 2) + 66:  # a row is padded to 4 bytes
        raise OSError("no space left")
    image.save(FOLDER + UNFINISHED)  # 16 bits a pixel: nothing is lost
    os.rename(FOLDER + UNFINISHED, "%s/R%04d-%06d.bmp" % (FOLDER, run, number))
    if hasattr(os, "sync"):
        os.sync()


def send(image, run, number):
    """A line of JSON that tells what comes, then the pixels in lines of base64, RGB565 with the low byte first."""
    pixels = memoryview(image.bytearray())
    head = {"run": run, "number": number, "width": image.width(), "height": image.height(), "format": "rgb565"}
    head["sha256"] = hexlify(hashlib.sha256(pixels).digest()).decode()
    print(json.dumps(head))
    for start in range(0, len(pixels), PIECE):
        sys.stdout.write(b2a_base64(pixels[start : start + PIECE]))


def record(size, region, wanted, leds):
    """Take frames until LIMIT, a full card or Ctrl-C."""
    run, number, failed, camera, say = next_run(), 0, 0, None, None
    held = told = None
    try:
        while not LIMIT or number < LIMIT:
            started = time.ticks_ms()
            try:
                if camera is None:
                    camera = start_camera(size, region)
                    held = hold(camera, wanted)
                    wanted.update(held)  # after a reset of the sensor the same again
                image = camera.snapshot()
            except (RuntimeError, OSError) as error:  # of the sensor, not of the card
                print(json.dumps({"error": str(error)}))
                time.sleep_ms(100)
                failed += 1
                if failed % 10 == 0:
                    camera = None  # start it anew
                continue
            failed = 0
            if held and not told:
                tell(run, held)
                told = True
            if STREAM:
                send(image, run, number + 1)
            else:
                keep(image, run, number + 1)
            number += 1
            wait = EVERY_MS - time.ticks_diff(time.ticks_ms(), started)
            if wait > 0:
                time.sleep_ms(wait)
    except OSError as error:
        show(leds, RED)
        say = "card full or not writable (%s)" % error
    except KeyboardInterrupt:
        pass
    if not STREAM:
        try:
            os.remove(FOLDER + UNFINISHED)
        except OSError:
            pass
    print(json.dumps({"stopped": say or "done", "run": run, "frames": number}))


def main():
    size, region, wanted = FRAME_SIZE, ROI or (SIDE, SIDE), dict(HOLD)
    leds = find_leds()
    show(leds, NONE)
    try:
        try:
            with open("settings.json") as file:
                settings = json.load(file)
            size, region = settings["frame_size"], settings.get("roi") or [settings["side"]] * 2
            sum(region, len(size))  # fails where there is text for a number
            wanted.update(settings.get("hold", {}))
        except OSError:
            pass
        except (AttributeError, LookupError, TypeError, ValueError):
            raise Stop("settings.json is damaged: copy it again, or remove it")
        if not STREAM:
            try:
                os.mkdir(FOLDER)
            except OSError:
                pass  # it is there; if not, room() fails
            try:
                room()
            except OSError as error:
                raise Stop("cannot make the folder %s (%s): is the card write-protected?" % (FOLDER, error))
            if not os.getcwd().startswith("/sdcard"):
                text = "no SD card: frames go to the camera's own drive, %d kB free; STREAM = True sends them to a PC"
                print(json.dumps({"note": text % (room() // 1024)}))
        record(size, tuple(region), wanted, leds)
    except Stop as stop:
        print("linecam: %s." % stop)


main()
