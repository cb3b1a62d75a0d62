"""The camera's side of `linecam measure`: load the model, run stored frames, take the time.

The PC sends this text over the serial port and calls its functions. Each prints one line of JSON. Nothing is written to
the drive: the PC has mounted it, and a file system that two sides write to breaks.
"""

import gc
import hashlib
import json
import os
import time
from array import array
from binascii import a2b_base64, hexlify

FAILS = MemoryError, OSError, RuntimeError, ValueError
model = pixels = None
images = [None]


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


def about():
    """The firmware and the board, as far as they say; whether the firmware has the module ml."""
    told = {"ml": True}
    if hasattr(os, "uname"):
        told["firmware"], told["board"] = os.uname()[3:5]
    try:
        import ml
    except ImportError:
        told["ml"] = False
    print(json.dumps(told))


def load(expected):
    """Load the model with this SHA-256 from where main.py takes it; `found` are the models there are."""
    global model
    import ml

    paths = ("/rom/model.tflite", "model.tflite")
    found = {path: checksum(path) for path in paths}
    for path in paths:
        if found[path] == expected:
            break
    else:
        print(json.dumps({"path": None, "found": found}))
        return
    gc.collect()  # the model needs one large block
    before = gc.mem_alloc()
    try:
        try:
            model = ml.Model(path, load_to_fb=True)  # not the heap
        except TypeError:
            model = ml.Model(path)  # firmware 5.0.0
    except FAILS as error:
        print(json.dumps({"path": path, "error": repr(error)}))
        return
    gc.collect()
    told = {"path": path, "heap_bytes": gc.mem_alloc() - before, "arena_bytes": getattr(model, "ram", None)}
    print(json.dumps(told))


def make_frame(side):
    """Room for a frame of the network's size, which the firmware then doesn't resize."""
    global pixels
    import image

    try:
        images[0] = image.Image(side, side, image.RGB565)
        pixels = images[0].bytearray()  # no copy
    except FAILS as error:
        print(json.dumps({"error": repr(error)}))
        return
    print("{}")


def put(start, text):
    """Write a piece of the frame."""
    piece = a2b_base64(text)
    pixels[start : start + len(piece)] = piece


def infer():
    """The outputs for the frame: the bytes of float32 values, in hex."""
    try:
        scores = model.predict(images)[0]
    except FAILS as error:
        print(json.dumps({"error": repr(error)}))
        return
    if isinstance(scores, tuple):  # early 4.5.6
        scores = array("f", scores)
    print(json.dumps({"outputs": hexlify(scores).decode()}))


def take_times(count):
    """Microseconds of each of `count` inferences."""
    took = [0] * count
    gc.collect()
    for i in range(count):
        began = time.ticks_us()
        model.predict(images)
        took[i] = time.ticks_diff(time.ticks_us(), began)
    print(json.dumps(took))
