"""Good, odd and broken files: each stands in the index once, and what is called ok can be decoded."""

import hashlib
import io
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from linecam.camera.arithmetic import square, to_input
from linecam.errors import UserError
from linecam.frames.index import COLUMNS, read_frames, read_index, read_pixels
from scripts.decode_frames import CHUNK, decode, decode_frames
from scripts.index_frames import index_frames, look_at

CLASSES = ["bad", "good", "no_mask"]
MASKS = Path(__file__).parent / "../../../shared/masks"
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


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def picture(width: int = 48, height: int = 32, seed: int = 0) -> Image.Image:
    return Image.fromarray(noise(height, width, seed=seed))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def raw_exif(*entries: tuple[int, int, int, bytes]) -> bytes:
    """An EXIF block of (tag, type, count, 4 bytes of value or offset) as a camera with bugs writes it."""
    body = b"".join(struct.pack("<HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    tail = struct.pack("<II", 72, 1) * 2
    return b"Exif\0\0" + struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + body + b"\0" * 4 + tail


class Line:
    """A folder of frames and its index."""

    def __init__(self, place: Path) -> None:
        self.folder, self.place = place / "frames", place
        self.index, self.quarantine = place / "index" / "frames.csv", place / "index" / "quarantine.csv"

    def put(self, name: str, data: bytes) -> Path:
        return put(self.folder / name, data)

    def run(self, max_pixels: int = 1_000_000) -> pd.DataFrame:
        """The index by path; with what holds for every index."""
        index_frames(
            self.folder,
            self.index,
            self.quarantine,
            cache=self.place / "seen.json",
            classes=CLASSES,
            max_pixels=max_pixels,
            workers=1,
        )
        table = read_index(self.index)
        assert list(table.columns) == COLUMNS
        files = {path.relative_to(self.folder).as_posix(): path for path in self.folder.rglob("*") if path.is_file()}
        assert list(table["path"]) == sorted(files)
        assert set(table["status"]) <= {"ok", "duplicate", "quarantined"}
        assert ((table["reason"] == "") == (table["status"] == "ok")).all()
        for row in table.itertuples():
            data = files[row.path].read_bytes()
            assert (row.bytes, row.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        aside = pd.read_csv(self.quarantine, keep_default_na=False)
        assert list(aside["path"]) == list(table.loc[table["status"] != "ok", "path"])
        assert list(aside["reason"]) == list(table.loc[table["status"] != "ok", "reason"])
        assert sorted(path.name for path in self.index.parent.iterdir()) == ["frames.csv", "quarantine.csv"]
        return table.set_index("path")

    def decode(self, size: int = 32) -> NDArray[np.uint8]:
        """The pixels by row, after a check of each against a single decode."""
        out = self.place / "pixels" / f"{size}.npy"
        decode_frames(self.index, self.folder, out, size=size, side=64, workers=1)
        pixels = read_pixels(out)
        frames = read_frames(self.index)
        assert pixels.shape == (len(frames), size, size, 3)
        assert pixels.dtype == np.uint8
        assert [path.name for path in out.parent.iterdir()] == [out.name]
        for row in frames.itertuples():
            np.testing.assert_array_equal(pixels[row.Index], decode([self.folder / row.path], size=size, side=64)[0])
        return np.asarray(pixels)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    made = Line(tmp_path)
    made.put("anchor.png", encoded(picture(seed=99), "PNG"))  # always one good frame
    return made


@pytest.mark.parametrize(
    ("kind", "suffix"), [("JPEG", "jpg"), ("JPEG", "jpeg"), ("PNG", "png"), ("BMP", "bmp"), ("WEBP", "webp")]
)
def test_every_format_nested(line, kind, suffix):
    line.put(f"train/bad/x-0007.{suffix}", encoded(picture(), kind))
    row = line.run().loc[f"train/bad/x-0007.{suffix}"]
    assert (row["width"], row["height"], row["status"], row["reason"]) == (48, 32, "ok", "")
    assert (row["sequence"], row["number"], row["part"], row["label"]) == ("x", 7, "train", "bad")
    line.decode()


@pytest.mark.parametrize("suffix", ["png", "bmp"])
def test_lossless_pixels_go_through_the_camera(line, suffix):
    image = picture(64, 64)
    line.put(f"a.{suffix}", encoded(image, suffix.upper()))
    line.run()
    np.testing.assert_array_equal(line.decode(64)[0], to_input(square(image, 64), 64))


def broken() -> dict[str, bytes]:
    jpeg = encoded(picture(320, 240), "JPEG", quality=90)
    progressive = encoded(picture(320, 240), "JPEG", quality=90, progressive=True)
    png, webp = encoded(picture(), "PNG"), encoded(picture(), "WEBP")
    return {
        "empty.jpg": b"",
        "text.jpg": b"this is not a picture\n" * 100,
        "zeros.png": bytes(4096),
        "header.jpg": jpeg[:20],
        "half.jpg": jpeg[: len(jpeg) // 2],
        "most.jpg": jpeg[: len(jpeg) * 95 // 100],
        "progressive.jpg": progressive[: len(progressive) // 2],
        "half.png": png[: len(png) // 2],
        "bitflip.png": png[:200] + bytes([png[200] ^ 255]) + png[201:],
        "half.webp": webp[: len(webp) // 2],
        "half.bmp": encoded(picture(), "BMP")[:1000],
        "html.webp": b"<html>404</html>",
    }


@pytest.mark.parametrize("name", broken())
def test_broken_files_are_quarantined_with_a_reason(line, name):
    line.put(f"sub/{name}", broken()[name])
    row = line.run().loc[f"sub/{name}"]
    assert row["status"] == "quarantined"
    assert len(row["reason"]) > 5
    assert len(line.decode()) == 1


def test_the_reasons_tell_empty_from_alien(line):
    line.put("empty.jpg", b"")
    line.put("text.jpg", b"hello")
    reasons = line.run()["reason"]
    assert "empty" in reasons["empty.jpg"]
    assert "not an image" in reasons["text.jpg"]


@pytest.mark.parametrize(("limit", "status"), [(48 * 32, "ok"), (48 * 32 - 1, "quarantined")])
def test_max_pixels(line, limit, status):
    line.put("x.png", encoded(picture(48, 32), "PNG"))
    line.put("anchor.png", encoded(picture(8, 8), "PNG"))
    row = line.run(max_pixels=limit).loc["x.png"]
    assert row["status"] == status
    assert (row["width"], row["height"]) == (48, 32)
    if status == "quarantined":
        assert "dataset.max_pixels" in row["reason"]
        assert str(limit) in row["reason"]


def test_a_bomb_is_not_decoded(line):
    """A PNG header that promises too many pixels is enough to refuse it: its data are never looked at."""
    header = struct.pack(">IIBBBBB", 4000, 4000, 8, 2, 0, 0, 0)
    data = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b""))
    )
    line.put("bomb.png", b"\x89PNG\r\n\x1a\n" + data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        row = line.run().loc["bomb.png"]
    assert row["status"] == "quarantined"
    assert "4000 x 4000 is more than dataset.max_pixels" in row["reason"]


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


def test_sixteen_bits_are_refused_by_name(line):
    deep = Image.fromarray(np.arange(48 * 32, dtype=np.uint16).reshape(32, 48) * 40)
    line.put("deep.png", encoded(deep, "PNG"))
    row = line.run().loc["deep.png"]
    assert row["status"] == "quarantined"
    assert "8 bits" in row["reason"]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 5), (7, 100), (100, 7), (8, 8), (1, 300)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP"])
def test_very_small_and_very_narrow_images(line, kind, width, height):
    name = f"a.{kind.lower()}"
    line.put(name, encoded(picture(width, height), kind))
    row = line.run().loc[name]
    assert (row["status"], row["width"], row["height"], row["reason"]) == ("ok", width, height, "")
    assert len(line.decode()) == 2


# --- the right way up


def upright() -> Image.Image:
    """Wider than high, each corner another colour."""
    image = Image.new("RGB", (96, 64), "black")
    image.paste("red", (0, 0, 48, 32))
    image.paste("lime", (48, 0, 96, 32))
    image.paste("blue", (0, 32, 48, 64))
    return image


@pytest.mark.parametrize("orientation", UNDONE)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
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


# --- duplicates


def test_duplicates_within_a_folder_name_the_first(line):
    data = encoded(picture(), "PNG")
    for name in ("b.png", "a.png", "c/d.png"):
        line.put(name, data)
    table = line.run()
    assert table["status"].to_dict() == {
        "a.png": "ok",
        "anchor.png": "ok",
        "b.png": "duplicate",
        "c/d.png": "duplicate",
    }
    assert set(table.loc[["b.png", "c/d.png"], "reason"]) == {"same bytes as a.png"}


@pytest.mark.parametrize("other", ["test/bad/x.png", "aaa.png", "anywhere/x.png"])
def test_of_equal_frames_the_training_one_counts(line, other):
    data = encoded(picture(), "PNG")
    line.put("train/bad/z.png", data)
    line.put(other, data)
    table = line.run()
    assert table.loc["train/bad/z.png", "status"] == "ok"
    assert table.loc[other, "status"] == "duplicate"
    assert table.loc[other, "reason"] == "same bytes as train/bad/z.png"


def test_equal_broken_files_are_each_quarantined(line):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        line.put(name, b"not an image")
    table = line.run()
    assert (table.loc[["a.jpg", "b.jpg", "c.jpg"], "status"] == "quarantined").all()


def test_equal_pixels_in_other_bytes_are_not_duplicates(line):
    line.put("a.png", encoded(picture(), "PNG", compress_level=1))
    line.put("b.png", encoded(picture(), "PNG", compress_level=9))
    assert (line.run()["status"] == "ok").all()


# --- names


ODD_NAMES = [
    "with space.jpg",
    " leading.jpg",
    "comma,semi;tab\t.jpg",
    'quo"te.jpg',
    '"quoted".jpg',
    "apo'strophe.jpg",
    "größe-帧-🎥-7.jpg",
    "e\u0301.jpg",
    "new\nline.jpg",
    "100%.jpg",
    "{wildcard}.jpg",
    "#hash.jpg",
    "-dash.jpg",
    "NA.jpg",
    "UPPER.JPG",
    "dots.in.name.jpg",
    "back\\slash.jpg",
    "a" * 200 + ".jpg",
]


def test_odd_names_each_on_its_row(line):
    for number, name in enumerate(ODD_NAMES):
        line.put(f"sub dir/{name}", encoded(picture(seed=number), "PNG"))
    table = line.run()
    assert (table["status"] == "ok").all()
    assert len(line.decode()) == len(ODD_NAMES) + 1


@pytest.mark.parametrize("name", ["NA", "nan", "null", "None", "1", "01", "1e5", "true"])
def test_names_that_look_like_something_else(line, name):
    line.put(f"{name}/{name}-5.png", encoded(picture(), "PNG"))
    row = line.run().loc[f"{name}/{name}-5.png"]
    assert (row["sequence"], row["number"]) == (f"{name}/{name}", 5)


@pytest.mark.parametrize(
    "stem",
    [
        "20261122",
        "1763827200123",  # milliseconds
        "1763827200123456789",  # nanoseconds
        "20261122161530123456",  # date, time and microseconds: 20 digits, more than 64 bits hold
        "99991231235959999999",
    ],
)
def test_numbers_of_time_stamps_stay_numbers(line, stem):
    line.put(f"{stem}.png", encoded(picture(), "PNG"))
    table = line.run()
    assert (table["number"] >= 0).sum() == 1  # the anchor has none; a column of texts can't even be asked
    assert line.decode().shape[0] == 2


# --- row order, chunks, rerun, nothing usable


def test_rows_stay_in_order_over_several_chunks(tmp_path):
    line = Line(tmp_path)
    count = 2 * CHUNK + 3
    for number in range(count):
        line.put(f"x-{number:04d}.png", encoded(Image.new("RGB", (4, 4), (0, number * 3, 255 - number)), "PNG"))
    line.put("x-0010-broken.png", b"no")
    line.put("x-0020-copy.png", (line.folder / "x-0020.png").read_bytes())
    assert (line.run()["status"] == "ok").sum() == count
    pixels = line.decode()
    expected = to_input(np.array([[[[0, n * 3, 255 - n]]] for n in range(count)], np.uint8), 32)
    np.testing.assert_array_equal(pixels, expected)


def test_the_number_of_workers_changes_nothing(line, tmp_path):
    for number in range(70):
        line.put(f"x-{number}.png", encoded(picture(8, 8, seed=number), "PNG"))
    line.run()
    outputs = []
    for workers in (1, 2):
        out = tmp_path / f"{workers}"
        index_frames(
            line.folder,
            out / "f.csv",
            out / "q.csv",
            cache=out / "seen",
            classes=CLASSES,
            max_pixels=10**6,
            workers=workers,
        )
        decode_frames(out / "f.csv", line.folder, out / "p.npy", size=32, side=120, workers=workers)
        outputs.append([(out / name).read_bytes() for name in ("f.csv", "q.csv", "p.npy")])
    assert outputs[0] == outputs[1]


def test_nothing_usable_says_so_and_names_a_reason(tmp_path):
    line = Line(tmp_path)
    line.put("a.jpg", b"")
    line.put("b.jpg", b"text")
    with pytest.raises(UserError, match=r"None of the 2 images.*a\.jpg: empty file"):
        line.run()
    assert not line.index.exists()


def test_no_folder(tmp_path):
    with pytest.raises(UserError, match=r"dataset\.source"):
        Line(tmp_path).run()


def test_a_file_that_went_away_after_the_listing_is_a_reason_not_a_crash(tmp_path):
    width, height, reason = look_at(tmp_path / "gone.jpg", 10**6)
    assert (width, height) == (0, 0)
    assert reason


# --- whatever the bytes, what is called ok can be decoded


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF"])
def test_damaged_bytes_are_refused_or_decodable(tmp_path, kind):
    rng = np.random.default_rng(5)
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    image = picture(13, 11).quantize(8) if kind == "GIF" else picture(13, 11)
    whole = encoded(image, kind, **({} if kind in {"BMP", "GIF"} else {"exif": exif.tobytes()}))
    usable = refused = 0
    for case in range(150):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            data[place] = rng.integers(0, 256)
        if case % 3 == 0:
            data = data[: rng.integers(1, len(data))]
        path = put(tmp_path / "x.jpg", bytes(data))
        *_, reason = look_at(path, 10**6)
        if reason:
            refused += 1
        else:
            usable += 1
            assert decode([path], size=32, side=64).shape == (1, 32, 32, 3)
    assert refused
    assert usable or kind == "PNG"  # a PNG's checksums find everything


def test_a_jpeg_cut_anywhere_inside_its_data_is_quarantined(tmp_path):
    """Decoding at an eighth must not be blind to a cut: a grey half would be trained on."""
    data = encoded(picture(160, 120), "JPEG", quality=80)
    for share in (10, 30, 50, 70, 90, 97):
        path = put(tmp_path / "x.jpg", data[: len(data) * share // 100])
        assert look_at(path, 10**6)[2], share


@pytest.mark.skipif(not MASKS.is_dir(), reason="the tutorial's frames are not at ../shared/masks")
def test_the_tutorials_frames(tmp_path):
    index, pixels = tmp_path / "f.csv", tmp_path / "p.npy"
    index_frames(
        MASKS,
        index,
        tmp_path / "q.csv",
        cache=tmp_path / "seen",
        classes=CLASSES,
        max_pixels=50_000_000,
        workers=2,
    )
    table = read_index(index)
    assert set(table["part"]) == {"train", "test"}
    assert set(table["label"]) == set(CLASSES)
    assert (table["status"] != "quarantined").all()
    assert (table["number"] >= 0).all()
    copies = table[table["status"] == "duplicate"]
    assert (copies["part"] == "test").all()
    assert any(path.endswith("C-10352.jpg") for path in copies["path"])
    decode_frames(index, MASKS, pixels, size=64, side=240, workers=2)
    assert read_pixels(pixels).shape == ((table["status"] == "ok").sum(), 64, 64, 3)
