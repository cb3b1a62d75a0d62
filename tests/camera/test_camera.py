"""The camera's arithmetic, against a slow reference written from FIRMWARE.md, and against hand-made cases."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from linecam.camera.arithmetic import _interpolate, expand, square, to_input, to_rgb565

MASKS = Path(__file__).parent / "../../../shared/masks"
SIDES = [64, 120, 128, 200, 240, 480]  # of the squares that sensors deliver


def f32(value: float) -> float:
    return float(np.float32(value))


def step_of(source: int, size: int) -> int:
    """floor(65536 / (dst / src)), both divisions rounded to float32."""
    return int(f32(65536.0 / f32(size / source)) // 1)


def line(values: list[int], size: int) -> list[int]:
    """One row or column of one field, resized pixel by pixel."""
    step, out = step_of(len(values), size), []
    for i in range(size):
        acc = i * step - 0x8000
        index, f = acc >> 16, (acc >> 11) & 31
        a = values[min(max(index, 0), len(values) - 1)]
        b = values[min(max(index + 1, 0), len(values) - 1)]
        out.append((a * (32 - f) + b * f + 16) >> 5)
    return out


def reference(frame: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    height, width, _ = frame.shape
    out = np.zeros((size, size, 3), np.uint8)
    for channel, bits in enumerate((5, 6, 5)):
        field = [[int(frame[y, x, channel]) >> (8 - bits) for x in range(width)] for y in range(height)]
        if (height, width) != (size, size):
            columns = [line([field[y][x] for y in range(height)], size) for x in range(width)]
            field = [line([columns[x][y] for x in range(width)], size) for y in range(size)]
        for y in range(size):
            for x in range(size):
                v = field[y][x]
                out[y, x, channel] = v << 3 | v >> 2 if bits == 5 else v << 2 | v >> 4
    return out


def noise(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(
    ("source", "size"),
    [(240, 64), (120, 64), (128, 96), (64, 64), (48, 64), (5, 32), (33, 32), (1, 4), (2, 3), (97, 1), (480, 80)],
)
def test_matches_the_slow_reference(source, size):
    frame = noise(source, source, 3, seed=source * 1000 + size)
    np.testing.assert_array_equal(to_input(frame, size), reference(frame, size))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 24), st.integers(1, 24), st.integers(1, 24), st.integers(0, 2**32 - 1))
def test_matches_the_slow_reference_at_any_size(height, width, size, seed):
    frame = noise(height, width, 3, seed=seed)
    np.testing.assert_array_equal(to_input(frame, size), reference(frame, size))


def test_888_to_565_truncates():
    frame = np.array([[[7, 3, 7], [8, 4, 8], [255, 255, 255], [254, 251, 248], [15, 7, 247], [0, 0, 0]]], np.uint8)
    expected = [[[0, 0, 0], [1, 1, 1], [31, 63, 31], [31, 62, 31], [1, 1, 30], [0, 0, 0]]]
    assert to_rgb565(frame).tolist() == expected


def test_expansion_repeats_the_high_bits():
    fields = np.array([[0, 0, 0], [31, 63, 31], [1, 1, 1], [16, 32, 16], [30, 62, 30], [21, 42, 10]], np.int32)
    assert expand(fields).tolist() == [
        [0, 0, 0],
        [255, 255, 255],
        [8, 4, 8],
        [132, 130, 132],
        [247, 251, 247],
        [173, 170, 82],
    ]


def test_truncating_what_was_expanded_gives_it_back():
    red, green = np.arange(32), np.arange(64)
    fields = np.stack([np.repeat(red, 64), np.tile(green, 32), np.repeat(red[::-1], 64)], axis=1).astype(np.int32)
    np.testing.assert_array_equal(to_rgb565(expand(fields)), fields)


def test_the_step_of_120_to_64_is_rounded_in_float32():
    """122879, not 122880: 32 steps less half a pixel fall short of index 59 + 16/32 by 32/65536."""
    assert step_of(120, 64) == 122879
    # i = 32: acc = 32 * 122879 - 32768 = 3899360 = index 59, fraction 15; 122880 would give 59 and 16.
    fields = np.zeros((120, 1), np.int32)
    fields[60] = 32
    assert _interpolate(fields, 64, axis=0)[32, 0] == 15


def test_240_to_64_by_hand():
    """Step 245759 in float32: pixel 1 lies at 212991 / 65536, index 3 and 7/32, where 3.75 - 0.5 would give 8/32."""
    frame = np.zeros((240, 240, 3), np.uint8)
    frame[3], frame[4] = 80, 240  # red and blue 10 and 30, green 20 and 60
    # red and blue (10 * 25 + 30 * 7 + 16) >> 5 = 14, green (20 * 25 + 60 * 7 + 16) >> 5 = 29
    assert to_input(frame, 64)[1, 5].tolist() == [14 << 3 | 14 >> 2, 29 << 2 | 29 >> 4, 14 << 3 | 14 >> 2]


def test_two_to_four_by_hand():
    """Step 32768: positions -0.5, 0, 0.5, 1; outside the frame the edge pixel counts twice."""
    frame = np.zeros((2, 2, 3), np.uint8)
    frame[1] = 255
    rows = to_input(frame, 4)[:, 0]
    half = (0 * 16 + 31 * 16 + 16) >> 5  # 16
    half_green = (63 * 16 + 16) >> 5  # 32
    assert rows.tolist() == [
        [0, 0, 0],
        [0, 0, 0],
        [half << 3 | half >> 2, half_green << 2 | half_green >> 4, half << 3 | half >> 2],
        [255, 255, 255],
    ]


def test_one_pixel_becomes_all_pixels():
    frame = np.array([[[200, 100, 50]]], np.uint8)
    assert np.unique(to_input(frame, 32).reshape(-1, 3), axis=0).tolist() == [[206, 101, 49]]


def test_vertical_comes_before_horizontal():
    """The order shows where both round: a field of a single 1 in the corner."""
    frames = [noise(4, 4, 3, seed=seed) for seed in range(40)]
    swapped = [to_input(frame.transpose(1, 0, 2), 3).transpose(1, 0, 2) for frame in frames]
    ours = [to_input(frame, 3) for frame in frames]
    assert any((a != b).any() for a, b in zip(ours, swapped, strict=True))
    for frame, seen in zip(frames, ours, strict=True):
        np.testing.assert_array_equal(seen, reference(frame, 3))


def test_equal_sizes_skip_the_interpolation():
    frame = noise(64, 64, 3)
    np.testing.assert_array_equal(to_input(frame, 64), expand(to_rgb565(frame)))
    # With it, positions would lie half a pixel to the left.
    assert (_interpolate(to_rgb565(frame), 64, axis=0) != to_rgb565(frame)).any()


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255)), st.integers(1, 300), st.integers(1, 130)
)
def test_a_constant_frame_stays_constant(colour, source, size):
    frame = np.full((source, source, 3), colour, np.uint8)
    seen = np.unique(to_input(frame, size).reshape(-1, 3), axis=0)
    assert len(seen) == 1
    np.testing.assert_array_equal(seen[0], expand(to_rgb565(np.array(colour, np.uint8))))


@pytest.mark.parametrize("size", [32, 64, 96, 128])
@pytest.mark.parametrize("side", SIDES)
def test_white_is_255_and_black_is_0(side, size):
    assert (to_input(np.full((side, side, 3), 255, np.uint8), size) == 255).all()
    assert (to_input(np.zeros((side, side, 3), np.uint8), size) == 0).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_brighter_frames_never_get_darker(source, size, seed):
    darker = noise(source, source, 3, seed=seed)
    brighter = np.maximum(darker, noise(source, source, 3, seed=seed + 1))
    assert (to_input(darker, size) <= to_input(brighter, size)).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2), st.integers(0, 2**32 - 1))
def test_each_field_is_on_its_own(source, size, channel, seed):
    frame, other = noise(source, source, 3, seed=seed), noise(source, source, 3, seed=seed + 1)
    mixed = frame.copy()
    mixed[..., channel] = other[..., channel]
    seen, before, after = to_input(mixed, size), to_input(frame, size), to_input(other, size)
    rest = [n for n in range(3) if n != channel]
    np.testing.assert_array_equal(seen[..., rest], before[..., rest])
    np.testing.assert_array_equal(seen[..., channel], after[..., channel])


def test_only_the_bits_of_rgb565_count():
    frame = noise(50, 50, 3)
    np.testing.assert_array_equal(to_input(frame & np.array([0xF8, 0xFC, 0xF8], np.uint8), 32), to_input(frame, 32))


@pytest.mark.parametrize(("source", "size"), [(120, 64), (64, 64), (20, 32)])
def test_a_batch_is_its_frames(source, size):
    frames = noise(2, 3, source, source, 3)
    batch = to_input(frames, size)
    assert batch.shape == (2, 3, size, size, 3)
    assert batch.dtype == np.uint8
    for i in range(2):
        for j in range(3):
            np.testing.assert_array_equal(batch[i, j], to_input(frames[i, j], size))


def test_the_frames_handed_in_stay_as_they_are():
    frames = noise(2, 30, 30, 3)
    before = frames.copy()
    to_input(frames, 20)
    np.testing.assert_array_equal(frames, before)


def test_a_read_only_frame_and_a_view_are_fine():
    frame = noise(60, 60, 3)
    frame.setflags(write=False)
    view = frame[::2, ::2]
    np.testing.assert_array_equal(to_input(view, 16), to_input(view.copy(), 16))


# --- the square


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("shape", [(640, 480), (480, 640), (1, 1), (3, 5), (1000, 3), (240, 240)])
def test_a_square_of_the_side_that_is_asked_for(side, shape):
    seen = square(Image.new("RGB", shape, (10, 20, 30)), side)
    assert seen.shape == (side, side, 3)
    assert seen.dtype == np.uint8
    assert (seen == [10, 20, 30]).all()


@pytest.mark.parametrize(("width", "height", "left", "top"), [(320, 240, 40, 0), (240, 320, 0, 40), (241, 240, 0, 0)])
def test_the_centre_is_cropped_and_not_resampled_where_it_fits(width, height, left, top):
    pixels = noise(height, width, 3)
    seen = square(Image.fromarray(pixels), 240)
    np.testing.assert_array_equal(seen, pixels[top : top + 240, left : left + 240])


@pytest.mark.parametrize(("width", "height"), [(960, 480), (480, 960)])
def test_what_lies_outside_the_square_does_not_count(width, height):
    picture = Image.new("RGB", (width, height), "red")
    picture.paste("blue", ((width - 480) // 2, (height - 480) // 2, (width + 480) // 2, (height + 480) // 2))
    assert (square(picture, 120) == [0, 0, 255]).all()


def test_scaling_down_averages_the_light():
    """A chequerboard of single pixels is grey to a sensor of a third of its size; picking pixels would alias."""
    board = np.indices((720, 720)).sum(axis=0) % 2 * 255
    seen = square(Image.fromarray(np.repeat(board[..., None], 3, axis=2).astype(np.uint8)), 240)
    assert abs(seen.astype(float).mean() - 127.5) < 2
    assert np.abs(seen[5:-5, 5:-5].astype(int) - 127).max() < 40


@pytest.mark.parametrize("side", [240, 480, 100])
def test_the_square_keeps_what_is_where(side):
    picture = Image.new("RGB", (side * 2, side), "black")
    left = (side * 2 - side) // 2
    picture.paste("red", (left, 0, left + side // 2, side // 2))
    picture.paste("lime", (left + side // 2, 0, left + side, side // 2))
    picture.paste("blue", (left, side // 2, left + side // 2, side))
    seen = square(picture, 240)
    corners = [seen[20, 20], seen[20, -20], seen[-20, 20], seen[-20, -20]]
    assert [corner.tolist() for corner in corners] == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0]]


# --- the clean resize


@pytest.mark.parametrize("shape", [(640, 480), (480, 640), (1, 1), (3, 5), (1000, 3), (64, 64)])
@pytest.mark.parametrize("size", [1, 64, 96])
def test_a_clean_frame_of_one_colour_keeps_all_its_bits(shape, size):
    seen = square(Image.new("RGB", shape, (9, 19, 251)), size)
    assert seen.shape == (size, size, 3)
    assert seen.dtype == np.uint8
    assert (seen == [9, 19, 251]).all()  # RGB565 would give 8, 16 and 255


def test_a_chequerboard_is_grey_when_clean_and_aliases_through_the_camera():
    """240 to 64 picks between two neighbours at fractions 7/32, 31/32, 23/32, ... of a step of 3.75 pixels."""
    board = np.repeat((np.indices((240, 240)).sum(axis=0) % 2 * 255)[..., None], 3, axis=2).astype(np.uint8)
    image = Image.fromarray(board)
    inside = np.s_[2:-2, 2:-2]  # at the borders the filter has neighbours on one side only
    assert np.abs(square(image, 64)[inside].astype(int) - 127).max() <= 2
    seen = to_input(square(image, 240), 64)[inside]
    assert np.ptp(seen) > 150


def test_a_frame_of_the_input_size_is_clean_as_it_is():
    pixels = noise(64, 64, 3)
    np.testing.assert_array_equal(square(Image.fromarray(pixels), 64), pixels)


def test_clean_and_camera_see_the_same_square():
    picture = Image.new("RGB", (960, 480), "red")
    picture.paste("blue", (240, 0, 720, 480))
    assert (square(picture, 64) == [0, 0, 255]).all()
    assert (to_input(square(picture, 240), 64) == [0, 0, 255]).all()


@pytest.mark.parametrize("size", [64, 128])
def test_a_sensor_of_the_input_size_differs_from_clean_by_rgb565_alone(size):
    image = Image.fromarray(noise(200, 300, 3))
    seen = to_input(square(image, size), size)
    np.testing.assert_array_equal(seen, expand(to_rgb565(square(image, size))))


@pytest.mark.skipif(not MASKS.is_dir(), reason="the tutorial's frames are not at ../shared/masks")
@pytest.mark.parametrize(("side", "size"), [(240, 64), (200, 64), (120, 64), (128, 96), (64, 64)])
def test_real_frames_match_the_slow_reference(side, size):
    path = sorted(MASKS.glob("t*/*/*.jpg"))[17]
    with Image.open(path) as image:
        frame = square(image.convert("RGB"), side)
    np.testing.assert_array_equal(to_input(frame, size), reference(frame, size))
