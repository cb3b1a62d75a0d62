"""From a frame's file to the square that the sensor would see."""

import hashlib
import io
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from linecam.camera.arithmetic import square
from linecam.errors import UserError
from linecam.files import atomic_write
from linecam.progress import progress

CHUNK = 32  # files that a process is handed at a time

# What Pillow may take a file for: a suffix proves nothing, and it knows formats that start other programs.
FORMATS = ["JPEG", "PNG", "BMP", "WEBP", "GIF"]

# By the value of the EXIF tag Orientation.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
QUARTER_TURNS = {_TURNS[number] for number in (5, 6, 7, 8)}


def turn(image: Image.Image) -> Image.Transpose | None:
    """How an image has to be turned to be seen as its EXIF orientation says; None where it is upright."""
    # ImageOps.exif_transpose also writes the other tags anew, and fails on odd ones.
    return _TURNS.get(image.getexif().get(0x0112, 1))


def upright(image: Image.Image) -> Image.Image:
    """The image in RGB, turned as its EXIF orientation says."""
    turned = turn(image)
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    return rgb if turned is None else rgb.transpose(turned)


def read_square(path: str | Path, side: int, digest: str = "") -> NDArray[np.uint8]:
    """The largest centred square of an image file, anti-aliased to (side, side, 3), uint8, 0..255.

    A JPEG is decoded at a half, a quarter or an eighth of its size where that leaves at least `side`: its decoder
    then leaves out the frequencies that the resize would take away, in a third of the time. Raises `UserError` where
    the file has gone, or its SHA-256 is not `digest` (if given).
    """
    Image.MAX_IMAGE_PIXELS = None  # the index has already refused what is too large
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise UserError(
            f"{path} can't be read any more, but was there when the frames were indexed: {error.strerror}. "
            "Run the same command again to index the frames that there are."
        ) from None
    if digest and hashlib.sha256(data).hexdigest() != digest:
        raise UserError(
            f"{path} is not the file that was indexed: its content has changed since. "
            "Run the same command again once nothing writes into this folder any more."
        )
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        image.draft("RGB", (side, side))
        return square(upright(image), side)


def write_squares(
    paths: Sequence[Path], digests: Sequence[str], array: Path, *, size: int, workers: int, what: str
) -> None:
    """Write `read_square` of each file, in this order, to a .npy of (files, size, size, 3), uint8, 0..255.

    Raises `UserError` where the SHA-256 of a file is not that of `digests`.
    """
    with ProcessPoolExecutor(workers) as pool:
        decoded = pool.map(read_square, paths, repeat(size), digests, chunksize=CHUNK)
        squares = list(progress(decoded, what, "frames", len(paths)))
    with atomic_write(array) as temporary, temporary.open("wb") as file:  # np.save would add a suffix to a path
        np.save(file, np.stack(squares))
