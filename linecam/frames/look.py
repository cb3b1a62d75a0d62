"""A look at one file: can it be a frame, and what has to be said of it."""

import io
import re
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import simplejpeg
from PIL import Image, UnidentifiedImageError

from linecam.errors import text_of
from linecam.frames.picture import (
    BACKGROUND_NAME,
    FORMATS,
    QUARTER_TURNS,
    has_lost_colour,
    has_range,
    is_deep,
    is_misread,
    opacity,
    to_rgb,
    turn,
)

# The smallest side of a frame, in pixels: the smallest that the camera takes has 64, and none shows anything in 8.
MIN_SIDE = 8

# What is said of frames that are used, but not just as their file has them.
FIRST_PICTURE = "an animation, or of several pages: its first picture is used"
TRANSPARENT = f"partly transparent: laid on {BACKGROUND_NAME}"
DEEP = "of 16 bits a channel: 0..65535 becomes 0..255"
DIM = "of 16 bits a channel, of which only the lower 12 are used, so that it is nearly black: scale it to 0..65535"

# libjpeg's warnings of damaged data. Its other warnings are about odd headers.
_DAMAGE = re.compile(r"corrupt jpeg data|premature end|inconsistent progression|invalid sos", re.IGNORECASE)


class Look(NamedTuple):
    """What a file turned out to be."""

    width: int  # in pixels, as it is seen: EXIF rotation applied; 0 where it is not known
    height: int
    reason: str  # why it cannot be used, or ""
    notes: tuple[str, ...] = ()  # what is to be said of it, if it can be used


def look_at(path: Path, max_pixels: int, *, damaged: bool = False) -> Look:
    """Look at the image file `path`.

    The whole file is decoded, a JPEG at an eighth of its size, since only that finds a truncated one. More pixels
    than `max_pixels` are refused before that; so is, unless `damaged` ones are wanted, what a decoder warns of. Raises
    nothing: whatever is wrong with the file is its `reason`.
    """
    # The limit is ours, and a quarantine entry is better than Pillow's warning.
    Image.MAX_IMAGE_PIXELS = None
    width = height = 0
    try:
        data = path.read_bytes()
        if not data:
            return Look(0, 0, "empty file")
        # Pillow's warnings are of odd tags and the like, and don't name their file.
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            deep = is_deep(image)  # not known any more once it is decoded
            if reason := fit(width, height, max_pixels).reason or _numbers(image) or _decode(image, data, damaged):
                return Look(width, height, reason)
            notes = tuple(_notes(image, deep))
            if turn(image) in QUARTER_TURNS:
                width, height = height, width
    except UnidentifiedImageError:
        return Look(0, 0, nature(data))
    except Exception as error:  # decoders raise anything on broken files
        return Look(width, height, f"cannot be decoded: {text_of(error)}")
    return Look(width, height, "", notes)


def jpeg_warning(data: bytes) -> str | None:
    """What libjpeg says of a JPEG's data: "" where they are sound, the warning where they are damaged.

    Returns None where this decoder can't say, as of a kind that it does not know. Pillow, too, decodes by libjpeg, and
    keeps quiet about the warnings.
    """
    try:
        # Grey: the colours are read all the same, and need not be computed.
        simplejpeg.decode_jpeg(data, "GRAY", min_factor=8, strict=True)
    except ValueError as error:
        return str(error) if _DAMAGE.search(str(error)) else None
    return ""


def fit(width: int, height: int, max_pixels: int) -> Look:
    """What is to be said of a frame of this size, in pixels: its `reason` is "" where it can be used."""
    if width * height > max_pixels:
        return Look(width, height, f"{width} x {height} is more than dataset.max_pixels = {max_pixels}")
    if min(width, height) < MIN_SIDE:
        return Look(width, height, f"{width} x {height} is less than {MIN_SIDE} x {MIN_SIDE} pixels")
    return Look(width, height, "")


def _numbers(image: Image.Image) -> str:
    """Why the numbers of an image that is not yet decoded are not understood, or ""."""
    if is_misread(image):
        return "16 bits a channel, with a plane a colour, are read wrong: save it with the colours of a pixel together"
    if has_lost_colour(image):
        return "16 bits a channel, with one colour as transparent, are read wrong: save it with 8 bits or without that"
    if has_range(image):
        return ""
    return (
        f"its numbers have no known range (mode {image.mode}): save it with 8 or 16 bits a channel, without a sign, of "
        "which 0 is black"
    )


# For files that no decoder knows: by their first bytes, what they are and what to do.
_FORM = "is damaged, or of a form that linecam can't read: save it as PNG with 8 bits a channel"
_NATURES = [
    (rb"\xff\xd8\xff", f"a JPEG {_FORM}"),
    (rb"\x89PNG", f"a PNG {_FORM}"),
    (rb"II[*+]\0|MM\0[*+]", f"a TIFF or raw file {_FORM}"),
    (rb"....ftypavi[fs]", f"an AVIF {_FORM}"),
    (rb"....ftyp(hei|hev|mif1|msf1)", "a HEIC image, which linecam can't read: save it as JPEG or PNG"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", f"a JPEG 2000 {_FORM}"),
    (rb"RIFF....WEBP", f"a WebP {_FORM}"),
    (rb"BM|GIF8|P[1-7fF]\s", f"a BMP, GIF or Netpbm file {_FORM}"),
    (rb"8BPS|%!PS|%PDF|\0\0\x01\0|\s*<svg", "a drawing or a document, which linecam can't read: save it as PNG"),
    (rb"(?i)\s*<(!doctype|html|\?xml)", "a page of the web, not an image: fetch the image again"),
    (rb"version https://git-lfs", "a pointer of Git LFS, not the image itself: fetch that with `git lfs pull`"),
    (rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf", "an archive: unpack it"),
    (rb"\0{64}", "empty but for zeros: copy it again"),
]


def nature(data: bytes) -> str:
    """What a file is that no decoder knows, by its first bytes, and what to do."""
    for begins, said in _NATURES:
        if re.match(begins, data[:100], re.DOTALL):
            return said
    return "not an image, whatever its name says"


def _decode(image: Image.Image, data: bytes, damaged: bool) -> str:
    """Decode `image`, whose file is `data`; why it is damaged, or "". Raises what the decoder raises."""
    warning = jpeg_warning(data) if image.format in {"JPEG", "MPO"} else None
    if warning and not damaged:
        return f"damaged: {warning} (dataset.damaged: use takes such frames)"
    if warning != "":  # else it has just been decoded
        image.draft("RGB", (max(image.width // 8, 1), max(image.height // 8, 1)))
        image.load()
    return ""


def _notes(image: Image.Image, deep: bool) -> list[str]:
    notes = []
    if image.format in {"GIF", "WEBP", "PNG", "TIFF", "AVIF"} and getattr(image, "n_frames", 1) > 1:
        notes.append(FIRST_PICTURE)
    opaque = opacity(image)
    if opaque is not None and opaque.getextrema() != (255, 255):
        notes.append(TRANSPARENT)
    if deep:
        notes.append(DEEP if np.asarray(to_rgb(image)).max() > 15 else DIM)
    return notes
