"""Mutated images of every kind: each is read, or set aside with a reason; none hangs, crashes or takes the memory.

They are looked at in a process of their own, whose end, time and memory tell of what no exception does.
"""

import json
import random
import resource
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from linecam.camera.region import Region
from linecam.frames.look import look_at
from scripts.decode_frames import decode
from tests.conftest import ROOT
from tests.frames.line import encoded, picture, put

MOST_PIXELS = 1_000_000
MUTANTS = 25  # of each kind
SECONDS = 10  # for the slowest look, on a machine that does much else
MEGABYTES = 250  # what all looks may add; pixels of the largest frame that is let in take 4, decoded and copied

SMALL, LARGE = picture(31, 23), picture(96, 80).resize((240, 200))
ANIMATION = {"save_all": True, "append_images": [picture(31, 23, seed=1), picture(31, 23, seed=2)]}
KINDS: dict[str, Callable[[], bytes]] = {
    "baseline.jpg": lambda: encoded(LARGE, "JPEG", quality=80),
    "progressive.jpg": lambda: encoded(LARGE, "JPEG", progressive=True),
    "cmyk.jpg": lambda: encoded(SMALL.convert("CMYK"), "JPEG"),
    "rgb.png": lambda: encoded(LARGE, "PNG"),
    "palette.png": lambda: encoded(SMALL.quantize(16), "PNG", transparency=3),
    "animated.png": lambda: encoded(SMALL, "PNG", **ANIMATION),
    "lossy.webp": lambda: encoded(LARGE, "WEBP"),
    "lossless.webp": lambda: encoded(SMALL, "WEBP", lossless=True),
    "animated.webp": lambda: encoded(SMALL, "WEBP", **ANIMATION),
    "rgb.bmp": lambda: encoded(SMALL, "BMP"),
    "palette.bmp": lambda: encoded(SMALL.quantize(16), "BMP"),
    "animated.gif": lambda: encoded(SMALL.quantize(16), "GIF", **ANIMATION),
    "raw.tif": lambda: encoded(SMALL, "TIFF"),
    "lzw.tif": lambda: encoded(SMALL, "TIFF", compression="tiff_lzw"),
    "deflate.tif": lambda: encoded(SMALL, "TIFF", compression="tiff_adobe_deflate"),
    "jpeg.tif": lambda: encoded(SMALL, "TIFF", compression="jpeg"),
    "pages.tif": lambda: encoded(SMALL, "TIFF", **ANIMATION),
    "rgb.ppm": lambda: encoded(SMALL, "PPM"),
    "rgb.jp2": lambda: encoded(SMALL, "JPEG2000"),
    "rgb.avif": lambda: encoded(SMALL, "AVIF"),
}


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The file with a few bytes changed, more often at its start, where sizes stand, or a piece moved or missing."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed) if rng.random() < 0.5 else min(len(changed), 128))
        how = rng.randrange(6)
        if how < 3:
            changed[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif how == 3:
            changed[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4)])
        elif how == 4:
            del changed[at : at + rng.randint(1, 40)]
        else:
            changed[at:at] = changed[max(at - 40, 0) : at]
        if not changed:
            return b""
    return bytes(changed)


def with_checksums(data: bytes) -> bytes:
    """A PNG whose chunks have right checksums, so that damage gets past them."""
    made, at = data[:8], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        body = data[at + 4 : at + 8 + min(length, len(data))]
        made += data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return made + data[at:]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bombs() -> Iterator[bytes]:
    """Small files that unpack to 300 MB: in a PNG's pixels, texts and colour profile; and sizes that nothing has."""
    packed = zlib.compressobj(9)
    much = b"".join([*(packed.compress(bytes(1_000_000)) for _ in range(300)), packed.flush()])
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0))
    pixels, end = chunk(b"IDAT", zlib.compress(bytes(64 * 193))), chunk(b"IEND", b"")
    yield start + chunk(b"IDAT", much) + end
    yield start + chunk(b"zTXt", b"a\0\0" + much) + pixels + end
    yield start + chunk(b"iTXt", b"a\0\1\0\0\0" + much) + pixels + end
    yield start + chunk(b"iCCP", b"a\0\0" + much) + pixels + end
    for wide, high in ((60_000, 60_000), (2**31 - 1, 2**31 - 1), (2**31 - 1, 1)):
        yield b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)) + pixels + end
        bmp = bytearray(encoded(SMALL, "BMP"))
        bmp[18:26] = struct.pack("<ii", wide, -high)
        yield bytes(bmp)
    gif = bytearray(encoded(SMALL.quantize(16), "GIF"))
    gif[6:10] = b"\xff\xff\xff\xff"
    yield bytes(gif)
    yield b"P6 99999 99999 255\n" + bytes(100)
    yield b"P6 1000 1000 65535\n"


def look_at_all(place: Path, mutants: int, seed: int) -> dict[str, object]:
    """Look at all of them. What is taken has to decode; whatever else is raised ends this process."""
    rng = random.Random(seed)
    counts, slowest = {"read": 0, "set aside": 0}, (0.0, "")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cases = [("bomb", data) for data in bombs()]
    for name, make in KINDS.items():
        whole = make()
        assert look_at(put(place / "whole", whole), MOST_PIXELS).reason == "", name
        for _ in range(mutants):
            data = mutated(whole, rng)
            cases.append((name, with_checksums(data) if name.endswith("png") and rng.random() < 0.8 else data))
    for number, (name, data) in enumerate(cases):
        path = put(place / "frame.jpg", data)
        started = time.monotonic()
        reason = look_at(path, MOST_PIXELS).reason
        if not reason:
            assert decode([path], size=32, region=Region(side=64)).shape == (1, 32, 32, 3)
        slowest = max(slowest, (time.monotonic() - started, f"{name}, case {number}"))
        counts["set aside" if reason else "read"] += 1
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return counts | {"slowest": slowest, "megabytes": (after - before) / 1024}


def test_mutated_images_are_read_or_set_aside_in_time_and_memory(tmp_path: Path) -> None:
    program = "import sys; from tests.frames.test_mutated_pictures import main; main(sys.argv[1:])"
    command = [sys.executable, "-W", "ignore", "-c", program, str(tmp_path), str(MUTANTS), "1"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    seen = json.loads(run.stdout.splitlines()[-1])
    assert seen["read"] > MUTANTS
    assert seen["set aside"] > MUTANTS
    assert seen["slowest"][0] < SECONDS, seen
    assert seen["megabytes"] < MEGABYTES, seen


def main(arguments: list[str]) -> None:
    """Look at so many mutants of each kind, from a seed, in a folder; print what came of it as JSON."""
    place, mutants, seed = arguments
    Image.MAX_IMAGE_PIXELS = None
    print(json.dumps(look_at_all(Path(place), int(mutants), int(seed))))
