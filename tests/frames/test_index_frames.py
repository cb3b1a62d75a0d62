"""Good, odd and broken files: each stands in the index once, and what is called ok can be decoded."""

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from linecam.camera.arithmetic import square, to_input
from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.frames.index import read_index, read_pixels
from linecam.frames.look import look_at
from scripts.decode_frames import CHUNK, decode, decode_frames
from scripts.index_frames import index_frames
from tests.frames.line import CLASSES, Line, encoded, line, picture, put

__all__ = ["line"]

MASKS = Path(__file__).parent / "../../../shared/masks"
ORIENTATION = 0x0112


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
        line.put(f"x-{number:04d}.png", encoded(Image.new("RGB", (8, 8), (0, number * 3, 255 - number)), "PNG"))
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
            out / "s.json",
            cache=out / "seen",
            classes=CLASSES,
            max_pixels=10**6,
            workers=workers,
        )
        decode_frames(out / "f.csv", line.folder, out / "p.npy", size=32, region=Region(side=120), workers=workers)
        outputs.append([(out / name).read_bytes() for name in ("f.csv", "q.csv", "s.json", "p.npy")])
    assert outputs[0] == outputs[1]


def test_nothing_usable_says_so_and_names_a_reason(tmp_path):
    line = Line(tmp_path)
    line.put("a.jpg", b"")
    line.put("b.jpg", b"text")
    with pytest.raises(UserError, match=r"None of the 2 files.*a\.jpg: empty file"):
        line.run()
    assert not line.index.exists()


def test_no_folder(tmp_path):
    with pytest.raises(UserError, match=r"dataset\.source"):
        Line(tmp_path).run()


def test_a_file_that_went_away_after_the_listing_is_a_reason_not_a_crash(tmp_path):
    width, height, reason, _ = look_at(tmp_path / "gone.jpg", 10**6)
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
        reason = look_at(path, 10**6).reason
        if reason:
            refused += 1
        else:
            usable += 1
            assert decode([path], size=32, region=Region(side=64)).shape == (1, 32, 32, 3)
    assert refused
    assert usable or kind == "PNG"  # a PNG's checksums find everything


def test_a_jpeg_cut_anywhere_inside_its_data_is_quarantined(tmp_path):
    """Decoding at an eighth must not be blind to a cut: a grey half would be trained on."""
    data = encoded(picture(160, 120), "JPEG", quality=80)
    for share in (10, 30, 50, 70, 90, 97):
        path = put(tmp_path / "x.jpg", data[: len(data) * share // 100])
        assert look_at(path, 10**6).reason, share


@pytest.mark.skipif(not MASKS.is_dir(), reason="the tutorial's frames are not at ../shared/masks")
def test_the_tutorials_frames(tmp_path):
    index, pixels = tmp_path / "f.csv", tmp_path / "p.npy"
    index_frames(
        MASKS,
        index,
        tmp_path / "q.csv",
        tmp_path / "s.json",
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
    decode_frames(index, MASKS, pixels, size=64, region=Region(side=240), workers=2)
    assert read_pixels(pixels).shape == ((table["status"] == "ok").sum(), 64, 64, 3)
