"""Frames and the region that the network sees: what is said of its share, who is set aside, and what is decoded."""

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from linecam.camera.arithmetic import cut_out, to_input
from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.files import read_json
from linecam.frames.decode import read_region
from linecam.frames.index import read_index
from linecam.frames.picture import upright
from scripts.decode_frames import decode, decode_frames
from scripts.decode_part import decode_part
from tests.frames.films import film
from tests.frames.line import Line, encoded, picture

QVGA = (320, 240)
WIDE = Region(roi=(40, 100, 200, 60), frame=QVGA)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    """An empty folder."""
    return Line(tmp_path)


def said(line: Line, region: Region | None = None) -> list[str]:
    line.index_alone(10_000_000, region=region)
    summary = read_json(line.summary)
    assert [text for text in summary["lines"] if text in summary["seen_in_part"]] == summary["seen_in_part"]
    return summary["seen_in_part"]


def put(line: Line, width: int, height: int, count: int = 1) -> None:
    for number in range(count):
        line.put(f"{width}-{height}-{number}.png", encoded(picture(width, height, seed=number), "PNG"))


# --- which share is seen


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (2048, 96, "the network sees the middle 96 x 96, 5 % of each; camera.roi names another region"),
        (320, 180, "the network sees the middle 180 x 180, 56 % of each; camera.roi names another region"),
        (180, 320, "the network sees the middle 180 x 180, 56 % of each; camera.roi names another region"),
        (3000, 8, "the network sees the middle 8 x 8, 0.27 % of each; camera.roi names another region"),
        (320, 239, "the network sees the middle 239 x 239, 75 % of each; camera.roi names another region"),
        (320, 240, ""),
        (240, 320, ""),
        (64, 64, ""),
    ],
)
def test_a_small_share_is_said(line, width, height, expected):
    put(line, width, height)
    assert said(line) == ([f"1 frame of {width} x {height}: {expected}"] if expected else [])


def test_it_is_said_by_size_the_most_frequent_first_and_of_used_frames_alone(line):
    put(line, 100, 50, count=2)
    put(line, 90, 30, count=3)
    line.put("copy.png", (line.folder / "100-50-0.png").read_bytes())
    line.put("broken.png", (line.folder / "100-50-0.png").read_bytes()[:80])
    assert [text.partition(":")[0] for text in said(line)] == ["3 frames of 90 x 30", "2 frames of 100 x 50"]


def test_many_sizes_are_cut_short(line):
    for width in range(40, 65):
        put(line, width, 20)
    assert len(said(line)) == 21
    assert said(line)[-1] == "and 5 more frame sizes"


def test_of_a_region_it_is_said_and_what_counts_as_recorded_with_it(line):
    put(line, 640, 480, count=2)
    put(line, 200, 60)
    assert said(line, WIDE) == [
        "2 frames of 640 x 480: the network sees 400 x 120 from 80, 200 on, 16 % of each, as camera.roi says",
        "1 frame of 200 x 60: the network sees all of each, as collect.py records just camera.roi",
    ]
    most = Region(roi=(0, 0, 320, 200), frame=QVGA)
    assert said(line, most) == []


# --- who is set aside


def test_frames_of_another_shape_are_set_aside_and_named(line):
    for size in (QVGA, (200, 60), (2048, 96), (96, 96)):
        put(line, *size)
    table = line.run(region=WIDE)
    assert list(table.index[table["status"] == "ok"]) == ["200-60-0.png", "320-240-0.png"]
    assert table.loc["2048-96-0.png", "reason"] == WIDE.refusal((2048, 96))
    assert table.loc["2048-96-0.png", "width"] == 2048
    lines = read_json(line.summary)["lines"]
    assert f"set aside, 2 files: {WIDE.refusal((2048, 96))} (first: 2048-96-0.png)" in lines
    assert (line.run()["status"] == "ok").all(), "each has a middle"


def test_what_is_broken_keeps_its_own_reason(line):
    put(line, *QVGA)
    line.put("empty.png", b"")
    assert line.run(region=WIDE).loc["empty.png", "reason"] == "empty file"


def test_what_is_said_of_used_frames_is_not_said_of_those_set_aside(line):
    """A partly transparent one is used, laid on black; of another shape it is not."""
    for width in (320, 96):
        image = picture(width, 240).convert("RGBA")
        image.putpixel((0, 0), (0, 0, 0, 0))
        line.put(f"{width}.png", encoded(image, "PNG"))
    line.index_alone(region=WIDE)
    assert [text for text in read_json(line.summary)["lines"] if "transparent" in text] == [
        "used, 1 file: partly transparent: laid on black (first: 320.png)"
    ]


def test_none_of_the_sensors_shape_ends_the_run(line):
    put(line, 2048, 96)
    with pytest.raises(UserError, match="neither the shape of the sensor's frame"):
        line.index_alone(region=WIDE)


def test_a_turned_photo_is_judged_as_it_is_seen(line):
    exif = Image.Exif()
    exif[0x0112] = 6
    line.put("turned.jpg", encoded(picture(240, 320), "JPEG", exif=exif))
    line.put("upright.jpg", encoded(picture(240, 320), "JPEG"))
    assert line.run(region=WIDE)["status"].to_dict() == {"turned.jpg": "ok", "upright.jpg": "quarantined"}


def test_frames_of_a_video_are_judged_alike(line):
    """Those of this one have 160 x 120 pixels."""
    film(line.put("a.avi", b""), 3)
    line.index_alone(region=WIDE)
    assert list(read_index(line.index)["status"]) == ["ok"] * 3
    with pytest.raises(UserError, match="neither the shape"):
        line.index_alone(region=Region(roi=(0, 0, 64, 64), frame=(320, 200)))


# --- what is decoded


def test_every_way_to_decode_sees_the_same_region(line):
    for number, size in enumerate((QVGA, (640, 480), (200, 60))):
        line.put(f"{number}.png", encoded(picture(*size, seed=number), "PNG"))
    line.index_alone(region=WIDE)
    paths = sorted(line.folder.iterdir())
    decode_frames(line.index, line.folder, line.place / "x.npy", size=32, region=WIDE, workers=1)
    pixels = np.load(line.place / "x.npy")
    for path, seen in zip(paths, pixels, strict=True):
        with Image.open(path) as image:
            sensor = cut_out(upright(image), WIDE)
        np.testing.assert_array_equal(seen, to_input(sensor, 32))
        np.testing.assert_array_equal(decode([path], 32, WIDE)[0], seen)
        np.testing.assert_array_equal(read_region(path, WIDE), sensor)
    assert (pixels[0] != pixels[1]).any()


@pytest.mark.parametrize("seen", [(200, 60), (32, 32)])
def test_a_part_has_the_height_and_width_of_the_region_or_of_the_input(line, seen):
    put(line, *QVGA, count=2)
    table = line.run()
    split = line.place / "split.csv"
    table.reset_index().assign(row=range(2), part="train", label="good", by="me").to_csv(split, index=False)
    out = line.place / "p.npy", line.place / "p.csv"
    decode_part(split, line.folder, *out, part="train", region=WIDE, seen=seen, workers=1)
    pixels = np.load(out[0])
    assert (pixels.shape, pixels.dtype) == ((2, seen[1], seen[0], 3), np.uint8)
    np.testing.assert_array_equal(pixels[0], cut_out(picture(*QVGA), WIDE, seen))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("size", [(640, 480), (2560, 1920), (648, 482)])
def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same(tmp_path, size, orientation):
    """Smooth, as photos are; a turned one has its sides swapped in the file."""
    image = picture(8, 6).resize(size, Image.Resampling.BICUBIC)
    turns = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    stored = image.transpose(turns[orientation]) if orientation in turns else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.jpg", quality=95, exif=exif)
    with Image.open(tmp_path / "a.jpg") as whole:
        in_full = cut_out(upright(whole), WIDE).astype(int)
    difference = np.abs(read_region(tmp_path / "a.jpg", WIDE).astype(int) - in_full)
    assert difference.mean() < 2
    assert difference.max() < 16
    assert difference.any(), "it was decoded in full"


def test_a_small_region_of_a_large_jpeg_keeps_its_pixels(tmp_path):
    """Resized straight to an input that is larger than the region, it needs more of the file than the sensor has."""
    region = Region(roi=(200, 100, 32, 32), frame=QVGA)
    image = picture(1280, 960)
    image.save(tmp_path / "a.jpg", quality=95)
    with Image.open(tmp_path / "a.jpg") as whole:
        in_full = cut_out(whole.convert("RGB"), region, (112, 112))
    np.testing.assert_array_equal(read_region(tmp_path / "a.jpg", region, (112, 112)), in_full)


def test_a_frame_that_has_no_such_region_is_named(tmp_path):
    picture(96, 64).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a\.png can.* be used: 96 x 64 has neither"):
        read_region(tmp_path / "a.png", WIDE)


@pytest.mark.parametrize(("size", "warned"), [(32, False), (64, True)])
def test_that_a_region_is_enlarged_is_logged(line, caplog, size, warned):
    put(line, *QVGA)
    line.index_alone(region=WIDE)
    with caplog.at_level(logging.WARNING):
        decode_frames(line.index, line.folder, line.place / "x.npy", size=size, region=WIDE, workers=1)
    assert ("camera.roi has 200 x 60 pixels, which are enlarged to 64 x 64" in caplog.text) == warned
