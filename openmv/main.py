"""linecam on the camera: classifies what passes, shows it on the LED, prints one line of JSON a decision.

Runs on OpenMV firmware 4.5.6 to 5.0.0. Model, labels and settings come from the files beside it.
"""

import gc
import hashlib
import json
import time

import sensor

try:
    import ml
except ImportError:
    raise SystemExit("linecam needs OpenMV firmware 4.5.6 or later: update it with OpenMV IDE, Tools, Install the latest firmware")

MANIFEST = "manifest.json"
MODEL = "model.tflite"
LABELS = "labels.txt"
COLORS = {"good": "green", "bad": "red"}  # of the LED, by class
OTHER = "blue"


def checksum(path):
    """SHA-256 of a file, read in pieces that fit in the heap."""
    digest = hashlib.sha256()
    piece = bytearray(1024)
    with open(path, "rb") as file:
        while True:
            count = file.readinto(piece)
            if not count:
                break
            digest.update(memoryview(piece)[:count])
    return "".join("%02x" % byte for byte in digest.digest())


def leds():
    """Three switches by color: `machine.LED` where the firmware has it, `pyb.LED` otherwise."""
    try:
        from machine import LED

        return {"red": LED("LED_RED"), "green": LED("LED_GREEN"), "blue": LED("LED_BLUE")}
    except (ImportError, ValueError, OSError, TypeError):
        from pyb import LED

        return {"red": LED(1), "green": LED(2), "blue": LED(3)}


def start_camera(settings):
    """Set the sensor to square RGB565 frames: then every firmware resizes them alike. Returns `snapshot`."""
    size, side = settings["frame_size"], settings["side"]
    try:
        import csi

        camera = csi.CSI()  # firmware 4.8.0 on
    except (ImportError, AttributeError):
        sensor.reset()
        sensor.set_pixformat(sensor.RGB565)
        sensor.set_framesize(getattr(sensor, size))
        sensor.set_windowing((side, side))
        sensor.skip_frames(time=2000)
        return sensor.snapshot
    camera.reset()
    camera.pixformat(csi.RGB565)
    camera.framesize(getattr(csi, size))
    camera.window((side, side))
    camera.snapshot(time=2000)
    return camera.snapshot


def load_model():
    """The model, kept in the frame buffer's memory on the firmware that offers it: the heap is small."""
    try:
        return ml.Model(MODEL, load_to_fb=True)
    except TypeError:
        return ml.Model(MODEL)  # firmware 5.0.0


def main():
    with open(MANIFEST) as file:
        manifest = json.load(file)
    settings, expected = manifest["camera"], manifest["files"][MODEL]["sha256"]
    del manifest
    with open(LABELS) as file:
        labels = [line.strip() for line in file if line.strip()]
    if checksum(MODEL) != expected:
        raise SystemExit("%s is not the file that %s names: copy the whole bundle again" % (MODEL, MANIFEST))
    gc.collect()
    model = load_model()
    snapshot = start_camera(settings)
    lamps = leds()
    votes = settings["votes"]
    totals = [0.0] * len(labels)
    print(json.dumps({"linecam": expected[:12], "labels": labels, "votes": votes}))

    seen = 0
    started = time.ticks_ms()
    while True:
        scores = model.predict([snapshot()])[0].flatten()
        for number in range(len(labels)):
            totals[number] += scores[number]
        seen += 1
        if seen < votes:
            continue
        best = 0
        for number in range(1, len(labels)):
            if totals[number] > totals[best]:
                best = number
        color = COLORS.get(labels[best], OTHER)
        for name in lamps:
            if name == color:
                lamps[name].on()
            else:
                lamps[name].off()
        now = time.ticks_ms()
        took = time.ticks_diff(now, started)
        print('{"label": "%s", "score": %.3f, "frames": %d, "ms": %d}' % (labels[best], totals[best] / seen, seen, took))
        for number in range(len(labels)):
            totals[number] = 0.0
        seen = 0
        started = now


main()
