"""An image file as linecam reads it: which kinds there are, and how each becomes RGB of 8 bits, upright."""

from typing import Any

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

# What Pillow may take a file for: a suffix proves nothing, and it knows formats that start other programs.
FORMATS = ["JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF"]

# What lies behind a frame's transparent parts. The colour that its file hides there was never seen by anybody.
BACKGROUND = (0, 0, 0)
BACKGROUND_NAME = "black"

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

# Tags of a TIFF, and values of them.
BITS, PHOTOMETRIC, PLANES, SAMPLE_FORMAT = 258, 262, 284, 339
ZERO_IS_WHITE, SEPARATE, SIGNED = 0, 2, 2


def turn(image: Image.Image) -> Image.Transpose | None:
    """How an image has to be turned to be seen as its EXIF orientation says; None where it is upright."""
    if image.format == "TIFF":  # Pillow turns it when it is decoded, and says its size as turned from the start
        return None
    # ImageOps.exif_transpose also writes the other tags anew, and fails on odd ones.
    return _TURNS.get(image.getexif().get(0x0112, 1))


def upright(image: Image.Image) -> Image.Image:
    """The image in RGB of 8 bits, turned as its EXIF orientation says; see `to_rgb`."""
    turned = turn(image)
    rgb = to_rgb(image)
    return rgb if turned is None else rgb.transpose(turned)


def to_rgb(image: Image.Image) -> Image.Image:
    """The image in RGB of 8 bits.

    What is transparent is laid on `BACKGROUND`. Of 16 bits, in grey or in colour, the upper 8 count: 0..65535 becomes
    0..255. An image whose numbers have no known range, see `has_range`, is none that a frame may be.
    """
    if _is_deep_grey(image):
        upper = (np.asarray(image) >> 8).astype(np.uint8)
        # Pillow inverts such a TIFF of 8 bits, and forgets it here.
        seen = Image.fromarray(255 - upper if _tiff_tag(image, PHOTOMETRIC) == ZERO_IS_WHITE else upper).convert("RGB")
    elif image.has_transparency_data:
        seen = image.convert("RGBA")
    else:
        seen = image if image.mode == "RGB" else image.convert("RGB")
    opaque = opacity(image)
    if opaque is None:
        return seen
    rgb = Image.new("RGB", image.size, BACKGROUND)
    rgb.paste(seen, mask=opaque)
    return rgb


def opacity(image: Image.Image) -> Image.Image | None:
    """How opaque each pixel is, from 0 to 255; None where the file says nothing of it."""
    if not image.has_transparency_data:
        return None
    if _is_deep_grey(image):  # of a PNG, one value is transparent: Pillow forgets that in conversions
        return Image.fromarray(np.where(np.asarray(image) == image.info["transparency"], 0, 255).astype(np.uint8))
    return image.convert("RGBA").getchannel("A")


def has_range(image: Image.Image) -> bool:
    """Whether it is known which of its numbers is white: not of integers of 32 bits or with a sign, nor fractions."""
    if SIGNED in np.atleast_1d(_tiff_tag(image, SAMPLE_FORMAT)):
        return False
    return _is_deep_grey(image) or not image.mode.startswith(("I", "F"))


def is_misread(image: Image.Image) -> bool:
    """Whether Pillow takes an image that is not yet decoded for another: a TIFF of 16 bits with a plane a colour."""
    raw = any(tile.codec_name == "raw" for tile in getattr(image, "tile", ()))
    return raw and _tiff_tag(image, PLANES) == SEPARATE and 16 in np.atleast_1d(_tiff_tag(image, BITS))


def has_lost_colour(image: Image.Image) -> bool:
    """Whether an image that is not yet decoded has a transparent colour of 16 bits, of which Pillow keeps 8."""
    return image.mode == "RGB" and "transparency" in image.info and is_deep(image)


def is_deep(image: Image.Image) -> bool:
    """Whether an image that is not yet decoded has more than 8 bits a channel."""
    arguments = [tile.args for tile in getattr(image, "tile", ())]  # Pillow's word for how pixels are packed
    return (
        _is_deep_grey(image)
        or any(";16" in str(args) for args in arguments)
        or any(image.format == "PPM" and isinstance(args, tuple) and args[-1] > 255 for args in arguments)
    )


def _is_deep_grey(image: Image.Image) -> bool:
    # Pillow scales a PGM of more than 8 bits to 0..65535, in 32-bit integers.
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")


def _tiff_tag(image: Image.Image, tag: int) -> Any:
    """The value of a TIFF's tag, or None."""
    return image.tag_v2.get(tag) if isinstance(image, TiffImageFile) else None
