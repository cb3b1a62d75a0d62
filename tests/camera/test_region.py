"""The region of a frame that the network sees: where it lies, in which frames, and that a sensor would see the same."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from linecam.camera.arithmetic import cut_out, square, to_input
from linecam.camera.region import Region, size_of
from tests.camera.test_camera import noise, reference

QVGA = (320, 240)
WIDE = Region(roi=(40, 100, 200, 60), frame=QVGA)
SMALL = Region(roi=(200, 30, 96, 96), frame=QVGA)
MIDDLE = Region(side=240)


def scene(width: int, height: int) -> Image.Image:
    """Smooth, as photos are."""
    return Image.fromarray(noise(6, 8, 3)).resize((width, height), Image.Resampling.BICUBIC)


# --- which frames have it


@pytest.mark.parametrize("region", [WIDE, SMALL, MIDDLE])
def test_a_region_survives_as_plain_values_and_as_a_name(region: Region) -> None:
    assert Region.of(json.loads(json.dumps(region.as_param()))) == region
    assert size_of(region.name) == region.size


def test_a_region_of_the_sensor_is_named_by_both_of_its_sides() -> None:
    """Lest a square one has the name of a network's input, which is resized otherwise."""
    assert [WIDE.name, SMALL.name, MIDDLE.name] == ["200x60", "96x96", "240"]
    assert [WIDE.oblong, SMALL.oblong, MIDDLE.oblong] == [True, False, False]


@pytest.mark.parametrize(
    ("size", "refused"),
    [
        (QVGA, False),
        ((640, 480), False),
        ((641, 480), False),
        ((644, 480), False),  # 0.6 % wider
        ((646, 480), False),
        ((650, 480), True),  # 1.6 %
        ((632, 480), True),
        ((200, 60), False),  # recorded with it
        ((60, 200), True),
        ((201, 60), True),
        ((400, 120), True),
        ((240, 320), True),
        ((2048, 96), True),
    ],
)
def test_frames_have_the_sensors_shape_or_were_recorded_with_it(size: tuple[int, int], refused: bool) -> None:
    assert bool(WIDE.refusal(size)) == refused
    assert not MIDDLE.refusal(size), "every frame has a middle"
    if refused:
        assert WIDE.refusal(size) == (
            f"{size[0]} x {size[1]} has neither the shape of the sensor's frame, 320 x 240, nor the size of "
            "camera.roi, 200 x 60"
        )


@pytest.mark.parametrize(
    ("region", "size", "box"),
    [
        (WIDE, QVGA, (40, 100, 240, 160)),
        (WIDE, (640, 480), (80, 200, 480, 320)),
        (WIDE, (200, 60), (0, 0, 200, 60)),
        (WIDE, (160, 120), (20, 50, 120, 80)),
        (WIDE, (644, 480), (80.5, 200, 483, 320)),
        (MIDDLE, (640, 480), (80, 0, 560, 480)),
        (MIDDLE, (480, 641), (0, 80, 480, 560)),
        (MIDDLE, (2048, 96), (976, 0, 1072, 96)),
    ],
)
def test_it_lies_where_the_sensor_has_it(
    region: Region, size: tuple[int, int], box: tuple[float, float, float, float]
) -> None:
    assert region.box(size) == pytest.approx(box)
    assert region.share(size) == pytest.approx((box[2] - box[0]) * (box[3] - box[1]) / (size[0] * size[1]))


@pytest.mark.parametrize("width", range(313, 331))
def test_no_box_reaches_beyond_its_frame(width: int) -> None:
    """Pillow refuses one that does so by a rounding."""
    region = Region(roi=(7, 3, 313, 237), frame=QVGA)
    size = (width, 240)
    if not region.refusal(size):
        assert cut_out(Image.new("RGB", size, "red"), region).shape == (237, 313, 3)


@pytest.mark.parametrize(("size", "said"), [(60, False), (61, True), (224, True)])
def test_a_region_smaller_than_an_input_is_said(size: int, said: bool) -> None:
    assert ("200 x 60 pixels" in WIDE.enlarged(size)) == said
    assert not MIDDLE.enlarged(size)


# --- what is seen of it


@pytest.mark.parametrize("region", [WIDE, SMALL])
def test_of_the_sensors_own_frame_it_is_cut_to_the_pixel(region: Region) -> None:
    pixels = noise(240, 320, 3)
    assert region.roi is not None
    x, y, width, height = region.roi
    seen = cut_out(Image.fromarray(pixels), region)
    np.testing.assert_array_equal(seen, pixels[y : y + height, x : x + width])


def test_a_recorded_frame_is_used_whole_to_the_pixel() -> None:
    pixels = noise(60, 200, 3)
    np.testing.assert_array_equal(cut_out(Image.fromarray(pixels), WIDE), pixels)


@pytest.mark.parametrize("size", [(640, 480), (1280, 960), (644, 480), (960, 720)])
def test_of_a_larger_frame_it_is_what_a_smaller_sensor_sees(size: tuple[int, int]) -> None:
    """As if the whole frame were brought to the sensor's size, and the region cut from that."""
    pixels = noise(size[1], size[0], 3)
    seen = cut_out(Image.fromarray(pixels), WIDE)
    whole = np.asarray(Image.fromarray(pixels).resize(QVGA, Image.Resampling.LANCZOS))
    assert seen.shape == (60, 200, 3)
    assert np.abs(seen.astype(int) - whole[100:160, 40:240]).max() <= 1


def test_of_a_smaller_frame_it_is_enlarged() -> None:
    image = scene(160, 120)
    whole = np.asarray(image.resize(QVGA, Image.Resampling.BILINEAR))
    assert np.abs(cut_out(image, WIDE).astype(int) - whole[100:160, 40:240]).max() <= 1


def test_what_lies_outside_does_not_count() -> None:
    image = Image.new("RGB", (640, 480), "red")
    image.paste("blue", (74, 194, 486, 326))  # and three pixels of the sensor around it, which the filter sees
    assert (cut_out(image, WIDE) == [0, 0, 255]).all()


@pytest.mark.parametrize("seen", [(64, 64), (112, 112)])
def test_a_clean_region_is_resized_straight_to_the_input(seen: tuple[int, int]) -> None:
    image = Image.fromarray(noise(480, 640, 3))
    clean = cut_out(image, WIDE, seen)
    assert clean.shape == (seen[1], seen[0], 3)
    expected = image.resize(seen, Image.Resampling.LANCZOS, box=(80, 200, 480, 320))
    np.testing.assert_array_equal(clean, np.asarray(expected))


@pytest.mark.parametrize("size", [(320, 240), (250, 239), (96, 2048), (60, 70)])
@pytest.mark.parametrize("side", [240, 64])
def test_the_middle_is_the_square_to_the_pixel(size: tuple[int, int], side: int) -> None:
    image = Image.fromarray(noise(size[1], size[0], 3))
    np.testing.assert_array_equal(cut_out(image, Region(side=side)), square(image, side))
    np.testing.assert_array_equal(cut_out(image, MIDDLE, (side, side)), square(image, side))


def test_an_oblong_region_is_stretched_in_the_cameras_own_arithmetic() -> None:
    frame: NDArray[np.uint8] = cut_out(Image.fromarray(noise(240, 320, 3)), WIDE)
    np.testing.assert_array_equal(to_input(frame, 64), reference(frame, 64))


def test_between_two_pixels_nothing_is_cut() -> None:
    """As many pixels as are asked for, and half a pixel beside them."""
    image = Image.fromarray(noise(300, 300, 3))
    seen = cut_out(image, Region(roi=(1, 0, 100, 100), frame=(200, 200)), (150, 150)).astype(int)
    left, right = (np.asarray(image, dtype=int)[:150, start : start + 150] for start in (1, 2))
    np.testing.assert_allclose(seen, (left + right) / 2, atol=1)
