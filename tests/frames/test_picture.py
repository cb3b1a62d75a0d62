"""Whatever a file holds, its pixels are those that it shows: depth, transparency, turns, damage."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from linecam.camera.arithmetic import square, to_input
from linecam.files import read_json
from linecam.frames.index import read_frames
from linecam.frames.look import MIN_SIDE, look_at
from linecam.frames.picture import to_rgb
from tests.frames.line import encoded, line, noise, picture, put

__all__ = ["line"]

ORIENTATION = 0x0112
# What has to be done to a picture as it is seen, so that EXIF orientation 1..8 undoes it.
UNDONE = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def raw_exif(*entries: tuple[int, int, int, bytes]) -> bytes:
    """An EXIF block of (tag, type, count, 4 bytes of value or offset) as a camera with bugs writes it."""
    body = b"".join(struct.pack("<HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    tail = struct.pack("<II", 72, 1) * 2
    return b"Exif\0\0" + struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + body + b"\0" * 4 + tail


MODES: dict[str, Callable[[], bytes]] = {
    "grey.jpg": lambda: encoded(picture().convert("L"), "JPEG"),
    "grey.png": lambda: encoded(picture().convert("L"), "PNG"),
    "one_bit.png": lambda: encoded(picture().convert("1"), "PNG"),
    "grey_alpha.png": lambda: encoded(picture().convert("LA"), "PNG"),
    "rgba.png": lambda: encoded(Image.fromarray(noise(32, 48, 4)), "PNG"),
    "rgba.webp": lambda: encoded(Image.fromarray(noise(32, 48, 4)), "WEBP", lossless=True),
    "palette.png": lambda: encoded(picture().quantize(16), "PNG"),
    "palette_clear.png": lambda: encoded(picture().quantize(16), "PNG", transparency=3),
    "palette_bytes.png": lambda: encoded(picture().quantize(16), "PNG", transparency=bytes(range(16))),
    "palette.bmp": lambda: encoded(picture().quantize(16), "BMP"),
    "cmyk.jpg": lambda: encoded(picture().convert("CMYK"), "JPEG"),
    "progressive.jpg": lambda: encoded(picture(), "JPEG", progressive=True),
    "animated.jpg": lambda: encoded(
        picture(), "GIF", save_all=True, append_images=[picture(seed=1), picture(seed=2)], duration=40
    ),
    "animated.webp": lambda: encoded(picture(), "WEBP", save_all=True, append_images=[picture(seed=1)], duration=40),
    "a_png_named.jpg": lambda: encoded(picture(), "PNG"),
}


@pytest.mark.filterwarnings("ignore:Palette images")
@pytest.mark.parametrize("name", MODES)
def test_other_than_rgb_is_usable(line, name):
    line.put(name, MODES[name]())
    row = line.run().loc[name]
    assert (row["status"], row["width"], row["height"]) == ("ok", 48, 32)
    assert len(line.decode()) == 2


def test_grey_has_equal_channels(line):
    line.put("a.png", encoded(Image.new("L", (64, 64), 255), "PNG"))
    line.run()
    assert (line.decode()[0] == 255).all()


def test_cmyk_is_the_colour_it_looks(line):
    line.put("a.jpg", encoded(Image.new("RGB", (64, 64), "red").convert("CMYK"), "JPEG", quality=95))
    line.run()
    assert np.abs(line.decode()[0].astype(int) - [255, 0, 0]).max() < 16


def png(colour_type: int, values: NDArray[np.uint16], transparent: bytes = b"") -> bytes:
    """A PNG of 16 bits a channel, which Pillow can't write in colour; `transparent` is its transparent colour."""
    height, width = values.shape[:2]
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)),
        *([(b"tRNS", transparent)] if transparent else []),
        (b"IDAT", zlib.compress(lines)),
        (b"IEND", b""),
    )
    written = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def netpbm(values: NDArray[np.uint16], most: int = 65535) -> bytes:
    kind = b"P5" if values.ndim == 2 else b"P6"
    head = b"%s %d %d %d\n" % (kind, values.shape[1], values.shape[0], most)
    return head + values.astype(">u2").tobytes()


def tiff(values: NDArray[np.uint16]) -> bytes:
    """A TIFF of 16 bits a channel in colour, which Pillow can't write."""
    height, width = values.shape[:2]
    data = values.astype("<u2").tobytes()
    entries = [(256, width), (257, height), (258, 134), (259, 1), (262, 2), (273, 140), (277, 3), (278, height)]
    entries += [(279, len(data)), (284, 1)]
    counts = {258: 3}  # three numbers of bits, which stand at their offset
    fields = b"".join(struct.pack("<HHII", tag, 4 if tag != 258 else 3, counts.get(tag, 1), n) for tag, n in entries)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + fields + bytes(4)
    return head + struct.pack("<HHH", 16, 16, 16) + data


GREY_16 = (np.arange(64 * 64, dtype=np.uint16) * 16).reshape(64, 64)
RGB_16 = np.repeat(GREY_16[:, :, None], 3, axis=2)
DEEP_FRAMES: dict[str, Callable[[], bytes]] = {
    "grey.png": lambda: png(0, GREY_16),
    "colour.png": lambda: png(2, RGB_16),
    "clear.png": lambda: png(6, np.dstack([RGB_16, np.full_like(GREY_16, 65535)])),
    "grey.tif": lambda: encoded(Image.fromarray(GREY_16), "TIFF"),
    "packed.tif": lambda: encoded(Image.fromarray(GREY_16), "TIFF", compression="tiff_lzw"),
    "colour.tif": lambda: tiff(RGB_16),
    "grey.pgm": lambda: netpbm(GREY_16),
    "colour.ppm": lambda: netpbm(RGB_16),
}


@pytest.mark.parametrize("name", DEEP_FRAMES)
def test_sixteen_bits_are_read_alike_in_grey_and_in_colour(line, name):
    line.put(name, DEEP_FRAMES[name]())
    assert line.run().loc[name, "status"] == "ok"
    frames = read_frames(line.index)
    seen = line.decode(64)[frames.index[frames["path"] == name][0]]
    upper = Image.fromarray((GREY_16 >> 8).astype(np.uint8)).convert("RGB")
    # Pillow rounds a PPM; a step of green in RGB565 is 4 of 255, one of red and blue is 8 or 9.
    np.testing.assert_allclose(seen, to_input(square(upper, 64), 64), atol=9 if name.endswith("ppm") else 0)
    assert read_json(line.summary)["notes"] == {"of 16 bits a channel: 0..65535 becomes 0..255": 1}


@pytest.mark.parametrize("name", ["grey.png", "grey.pgm"])
def test_twelve_bits_in_sixteen_are_nearly_black_and_said_so(line, name):
    line.put(name, png(0, GREY_16 >> 4) if name.endswith("png") else netpbm(GREY_16 >> 4))
    line.run()
    (note,) = read_json(line.summary)["notes"]
    assert "lower 12" in note


def test_a_pgm_says_itself_how_many_bits_it_has(line):
    line.put("a.pgm", netpbm(GREY_16 >> 4, most=4095))
    line.run()
    frames = read_frames(line.index)
    seen = line.decode(64)[frames.index[frames["path"] == "a.pgm"][0]]
    assert seen.max() > 240


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_numbers_without_a_known_range_are_refused(line, kind):
    line.put("a.tif", encoded(Image.fromarray(GREY_16.astype(kind)), "TIFF"))
    row = line.run().loc["a.tif"]
    assert row["status"] == "quarantined"
    assert "no known range" in row["reason"]


def tagged(data: bytes, tag: int, value: int) -> bytes:
    """A TIFF of linecam's own writing or Pillow's, with another value of a tag that fits into its entry."""
    first = struct.unpack("<I", data[4:8])[0]
    entries = range(first + 2, first + 2 + 12 * struct.unpack("<H", data[first : first + 2])[0], 12)
    (place,) = (at for at in entries if struct.unpack("<H", data[at : at + 2])[0] == tag)
    return data[: place + 8] + struct.pack("<I", value) + data[place + 12 :]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_numbers_with_a_sign_are_refused(line, kind):
    data = encoded(Image.fromarray(GREY_16.astype(kind)), "TIFF", tiffinfo={339: 1})
    line.put("a.tif", tagged(data, 339, 2))
    line.put("b.tif", data)
    table = line.run()
    assert table["status"].to_dict() == {"a.tif": "quarantined", "anchor.png": "ok", "b.tif": "ok"}
    assert "without a sign" in table.loc["a.tif", "reason"]


@pytest.mark.parametrize("values", [GREY_16, (GREY_16 >> 8).astype(np.uint8)])
def test_a_tiff_may_say_that_zero_is_white(line, values):
    line.put("a.tif", encoded(Image.fromarray(values), "TIFF"))
    line.put("b.tif", tagged(encoded(Image.fromarray(~values), "TIFF"), 262, 0))
    line.run()
    pixels = line.decode(64)
    np.testing.assert_array_equal(pixels[0], pixels[2])
    assert pixels[0].max() > 200


def test_sixteen_bits_in_a_plane_for_each_colour_are_refused_since_pillow_reads_them_wrong(line):
    rgb = noise(64, 64).astype(np.uint16) * 257
    planes = np.ascontiguousarray(rgb.transpose(2, 0, 1)).astype("<u2").tobytes()
    data = tiff(rgb)
    start = len(data) - rgb.nbytes
    length = rgb.nbytes // 3
    # The three offsets and lengths stand behind the pixels.
    tail = struct.pack("<6I", *(start + n * length for n in range(3)), *[length] * 3)
    data = bytearray(data[:start] + planes + tail)
    for tag, count, value in ((273, 3, start + rgb.nbytes), (279, 3, start + rgb.nbytes + 12), (284, 1, 2)):
        at = next(at for at in range(10, 130, 12) if struct.unpack("<H", data[at : at + 2])[0] == tag)
        data[at + 4 : at + 12] = struct.pack("<II", count, value)
    with Image.open(io.BytesIO(data)) as image:
        if np.abs(np.asarray(image).astype(int) - (rgb >> 8)).max() < 2:
            pytest.fail("Pillow reads it now: take picture.is_misread away")
    line.put("a.tif", bytes(data))
    assert "are read wrong" in line.run().loc["a.tif", "reason"]


NATURES = {
    "a.jpg": (b"\0\0\0\x18ftypheic" + bytes(200), "HEIC"),
    "b.jpg": (b"<!DOCTYPE html><html>", "page of the web"),
    "c.jpg": (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
    "d.jpg": (bytes(5000), "zeros"),
    "e.png": (b"8BPS" + bytes(300), "a document"),
    "f.png": (b"PK\x03\x04" + bytes(300), "unpack"),
    "g.tif": (b"II*\0" + bytes(300), "a TIFF"),
    "h.png": (encoded(picture(), "ICO"), "a drawing"),
    "i.avif": (encoded(picture(), "AVIF")[:300], "an AVIF"),
    "j.jpg": (b"nothing of all that", "not an image, whatever its name says"),
}


@pytest.mark.parametrize("name", NATURES)
def test_what_no_decoder_knows_is_told_by_what_it_is(line, name):
    data, said = NATURES[name]
    line.put(name, data)
    row = line.run().loc[name]
    assert row["status"] == "quarantined"
    assert said in row["reason"]


def hidden_red(mode: str) -> Image.Image:
    """A white square on what is transparent; what hides there is red."""
    image = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    image.paste((255, 255, 255, 255), (0, 0, 32, 64))
    return image.convert(mode)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.png", lambda: encoded(hidden_red("RGBA"), "PNG")),
        ("a.webp", lambda: encoded(hidden_red("RGBA"), "WEBP", lossless=True, exact=True)),
        ("a.tif", lambda: encoded(hidden_red("RGBA"), "TIFF")),
        ("grey.png", lambda: encoded(hidden_red("LA"), "PNG")),
        ("palette.png", lambda: encoded(hidden_red("RGB").quantize(2), "PNG", transparency=red_of(hidden_red("RGB")))),
        ("key.png", lambda: encoded(hidden_red("RGB"), "PNG", transparency=(255, 0, 0))),
        ("a.gif", lambda: encoded(hidden_red("RGB").quantize(2), "GIF", transparency=red_of(hidden_red("RGB")))),
        ("deep.png", lambda: encoded(hidden_deep_grey(), "PNG", transparency=51234)),
    ],
)
def test_a_hidden_colour_is_not_trained_on(line, name, data):
    line.put(name, data())
    assert line.run().loc[name, "status"] == "ok"
    frames = read_frames(line.index)
    seen = line.decode(64)[frames.index[frames["path"] == name][0]]
    assert (seen[:, :30] == 255).all()
    assert (seen[:, 34:] == 0).all()
    assert read_json(line.summary)["notes"]["partly transparent: laid on black"] == 1


def hidden_deep_grey() -> Image.Image:
    """A white square on a grey of 16 bits that is transparent."""
    values = np.full((64, 64), 51234, np.uint16)
    values[:, :32] = 65535
    return Image.fromarray(values)


def test_of_16_bits_only_the_very_value_is_transparent():
    values = np.array([[51234, 51235]], np.uint16)
    image = Image.open(io.BytesIO(encoded(Image.fromarray(values), "PNG", transparency=51234)))
    assert np.asarray(to_rgb(image)).tolist() == [[[0, 0, 0], [200, 200, 200]]]


def test_a_transparent_colour_of_16_bits_of_which_half_is_lost_is_no_frame(line):
    line.put("deep.png", png(2, RGB_16, struct.pack(">HHH", 51234, 0, 50000)))
    row = line.run().loc["deep.png"]
    assert row["status"] == "quarantined"
    assert "16 bits a channel, with one colour as transparent" in row["reason"]


def red_of(image: Image.Image) -> int:
    return int(np.asarray(image.quantize(2))[0, -1])


def test_what_hides_nothing_is_not_called_transparent(line):
    line.put("a.png", encoded(picture(64, 64).convert("RGBA"), "PNG"))
    line.run()
    assert read_json(line.summary)["notes"] == {}


@pytest.mark.parametrize(("kind", "suffix"), [("GIF", "gif"), ("WEBP", "webp"), ("TIFF", "tif"), ("PNG", "png")])
def test_of_an_animation_the_first_picture_is_used_and_said(line, kind, suffix):
    red, blue = (Image.new("RGB", (64, 64), colour) for colour in ("red", "blue"))
    line.put(f"a.{suffix}", encoded(red, kind, save_all=True, append_images=[blue]))
    line.run()
    assert np.abs(line.decode()[0].astype(int) - [255, 0, 0]).max() < 16
    (note,) = read_json(line.summary)["notes"]
    assert "first picture" in note


@pytest.mark.parametrize(("width", "height"), [(7, 100), (100, 7), (8, 8), (8, 300), (1, 1), (1, 300)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP"])
def test_very_small_and_very_narrow_images(line, kind, width, height):
    name = f"a.{kind.lower()}"
    line.put(name, encoded(picture(width, height), kind))
    row = line.run().loc[name]
    usable = min(width, height) >= MIN_SIDE
    assert (row["status"], row["width"], row["height"]) == ("ok" if usable else "quarantined", width, height)
    assert row["reason"] == ("" if usable else f"{width} x {height} is less than 8 x 8 pixels")
    assert len(line.decode()) == 1 + usable


# --- damage that a decoder only warns of


def damaged_jpeg(image: Image.Image, **options: object) -> bytes:
    """A JPEG of which a piece in the middle is missing."""
    data = encoded(image, "JPEG", quality=90, **options)
    return data[: len(data) // 2] + data[len(data) * 3 // 4 :]


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_damaged_jpeg_is_set_aside_unless_such_are_wanted(line, mode, progressive):
    image = picture(320, 240).convert(mode)
    line.put("a.jpg", damaged_jpeg(image, progressive=progressive))
    line.put("sound.jpg", encoded(image, "JPEG", quality=90, progressive=progressive))
    table = line.run()
    assert table["status"].to_dict() == {"a.jpg": "quarantined", "anchor.png": "ok", "sound.jpg": "ok"}
    assert "damaged" in table.loc["a.jpg", "reason"]
    assert "dataset.damaged" in table.loc["a.jpg", "reason"]
    assert (line.run(damaged=True)["status"] == "ok").all()
    assert len(line.decode()) == 3


def test_most_damage_to_a_jpeg_is_found(tmp_path):
    """Of pictures that have become others; a changed table of a header is a picture, too, and none can tell."""
    rng = np.random.default_rng(1)
    image = Image.fromarray(noise(15, 20)).resize((320, 240), Image.Resampling.BICUBIC)
    whole, seen, found = encoded(image, "JPEG", quality=90), 0, 0
    for _ in range(150):
        data = bytearray(whole)
        start = rng.integers(700, len(data))
        data[start : start + rng.integers(1, 200)] = b"" if rng.integers(2) else rng.bytes(20)
        path = put(tmp_path / "x.jpg", bytes(data))
        if not look_at(path, 10**6, damaged=True).reason:
            with Image.open(path) as changed:
                if np.abs(np.asarray(changed).astype(int) - np.asarray(image)).mean() > 10:
                    seen += 1
                    found += look_at(path, 10**6).reason != ""
    assert seen > 20
    assert found > 0.7 * seen


@pytest.mark.parametrize("lossless", [False, True])
def test_a_webp_that_is_cut_off_or_of_another_length_than_it_says_is_set_aside(tmp_path, lossless):
    """A WebP has no checksum: nothing but its lengths tells of damage."""
    whole = encoded(picture(96, 80), "WEBP", lossless=lossless)
    said = struct.unpack("<I", whole[4:8])[0]
    assert said == len(whole) - 8
    assert look_at(put(tmp_path / "whole.webp", whole), 10**6).reason == ""
    for data in (
        *(whole[:-missing] for missing in (1, 2, len(whole) // 2)),
        *(whole[:4] + struct.pack("<I", length) + whole[8:] for length in (said // 2, said + 1000)),
    ):
        assert look_at(put(tmp_path / "damaged.webp", data), 10**6).reason.startswith("cannot be decoded")


def test_a_decoder_that_fails_without_a_word_is_quoted_by_its_error_s_name(tmp_path, monkeypatch):
    """Where memory runs out there is no message: the reason would end with its colon."""

    def no_memory(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image, "open", no_memory)
    path = put(tmp_path / "x.png", encoded(picture(16, 16), "PNG"))
    assert look_at(path, 10**6).reason == "cannot be decoded: MemoryError"


# --- the right way up


def upright() -> Image.Image:
    """Wider than high, each corner another colour."""
    image = Image.new("RGB", (96, 64), "black")
    image.paste("red", (0, 0, 48, 32))
    image.paste("lime", (48, 0, 96, 32))
    image.paste("blue", (0, 32, 48, 64))
    return image


@pytest.mark.parametrize("orientation", UNDONE)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_rotated_by_exif(line, kind, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    move = UNDONE[orientation]
    image = upright() if move is None else upright().transpose(move)
    name = f"a.{kind.lower()}"
    line.put(name, encoded(image, kind, exif=exif.tobytes(), **({"quality": 95} if kind == "JPEG" else {})))
    row = line.run().loc[name]
    assert (row["status"], row["width"], row["height"]) == ("ok", 96, 64)
    seen = line.decode()[0].astype(int)
    corners = [seen[5, 5], seen[5, -6], seen[-6, 5], seen[-6, -6]]
    for corner, colour in zip(corners, ([255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0]), strict=True):
        assert np.abs(corner - colour).max() < 40


@pytest.mark.parametrize("orientation", [0, 9, 77, 65535])
def test_an_orientation_that_does_not_exist_is_none(line, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    line.put("a.jpg", encoded(upright(), "JPEG", exif=exif.tobytes()))
    row = line.run().loc["a.jpg"]
    assert (row["status"], row["width"], row["height"]) == ("ok", 96, 64)
    line.decode()


SIX = (ORIENTATION, 3, 1, struct.pack("<HH", 6, 0))
ODD_EXIF = {
    "a text that is a fraction": [(0x010E, 5, 1, struct.pack("<I", 38)), SIX],
    "a fraction that is a text": [SIX, (0x011A, 2, 4, b"72.\0")],
    "a short that is a text": [SIX, (0x0128, 2, 4, b"in.\0")],
    "a long that is a fraction": [SIX, (0x8769, 5, 1, struct.pack("<I", 38))],
    "an offset beyond the end": [SIX, (0x8769, 4, 1, struct.pack("<I", 9999))],
    "a type that does not exist": [SIX, (0x0132, 77, 1, bytes(4))],
    "an orientation that is a text": [(ORIENTATION, 2, 2, b"6\0\0\0")],
    "an orientation that is several": [(ORIENTATION, 3, 2, struct.pack("<HH", 6, 6))],
    "an orientation that is a fraction": [(ORIENTATION, 5, 1, struct.pack("<I", 26))],
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("what", ODD_EXIF)
def test_odd_exif_stops_nothing(line, what):
    """Usable or quarantined, as long as what is called ok can be decoded: or one photo ends the run."""
    line.put("odd.jpg", encoded(upright(), "JPEG", exif=raw_exif(*ODD_EXIF[what])))
    table = line.run()
    assert len(line.decode()) == (table["status"] == "ok").sum()
