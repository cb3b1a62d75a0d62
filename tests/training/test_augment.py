"""Variants of frames: the camera's own picture where nothing is drawn, and no further from it than is said."""

import dataclasses

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from linecam.camera.arithmetic import to_input, to_rgb565
from linecam.training.augment import NOISE, WHOLE, Spread, draw, noise_table, render, variants, view
from linecam.workflow.training_settings import Augment
from tests.training.frames import some_frames

STILL = Spread(degrees=0, scale=(1, 1), shift=0, brightness=1, contrast=1, gain=0, noise=0)
LEVELS = np.array([31, 63, 31])


def looked_at(
    frames: NDArray[np.uint8], size: int, place: list[list[float]] | None = None, light: tuple[float, float] = (1, 0)
) -> NDArray[np.float32]:
    """Every frame rendered at one place, (2, 3), in one light, without noise."""
    count = len(frames)
    places = np.tile(np.array(place or [[1, 0, 0], [0, 1, 0]], np.float32), (count, 1, 1))
    lights = np.tile(np.array(light, np.float32), (count, 3, 1))
    images = np.empty((count, size, size, 3), np.float32)
    start = np.zeros((count, size), np.int64)
    render(frames, places, lights, np.zeros(count, np.float32), start, noise_table(), images)
    return images


# --- the camera's picture


def test_at_the_sensors_own_size_nothing_drawn_is_the_camera_to_the_level():
    """The firmware doesn't interpolate there."""
    frames = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    seen = looked_at(frames, 32)
    np.testing.assert_array_equal(np.rint(seen * LEVELS), to_rgb565(frames))
    assert np.abs(seen - to_input(frames, 32) / 255.0).max() < 0.011, "the expansion repeats high bits"


@pytest.mark.parametrize(("side", "size"), [(120, 112), (120, 64), (120, 96), (240, 64), (64, 96)])
def test_nothing_drawn_is_the_cameras_resize_within_the_rounding_of_rgb565(side, size):
    """The firmware reads half a pixel of the output before the middle of it; looked at from there, it is the same."""
    frames = some_frames(3, side)
    before = -1 / size  # of a square that is 2 wide
    seen = looked_at(frames, size, [[1, 0, before], [0, 1, before]])
    camera = to_input(frames, size) / 255.0
    inside = np.s_[:, 1:-1, 1:-1]  # one clips at the border, the other mirrors
    # Either truncates, one before it interpolates and one after: a level apart at most.
    assert (np.abs(seen - camera)[inside] < 1.5 / LEVELS).all()
    assert np.abs(seen - camera)[inside].mean() < 0.6 / 31
    centred = looked_at(frames, size)
    assert np.abs(centred - camera).mean() < 0.03, "half a pixel is little"
    assert np.abs(centred - camera).mean() > np.abs(seen - camera).mean()


@pytest.mark.parametrize(("height", "width"), [(60, 200), (200, 60), (40, 239)])
def test_nothing_drawn_of_an_oblong_frame_is_the_cameras_stretch(height, width):
    frames, size = some_frames(3, height, width=width), 64
    before = -1 / size
    seen = looked_at(frames, size, [[1, 0, before], [0, 1, before]])
    camera = to_input(frames, size) / 255.0
    inside = np.s_[:, 1:-1, 1:-1]
    assert (np.abs(seen - camera)[inside] < 1.5 / LEVELS).all()
    assert np.abs(seen - camera)[inside].mean() < 0.6 / 31


@pytest.mark.parametrize(("height", "width"), [(8, 32), (32, 8)])
def test_an_oblong_frame_is_mirrored_at_its_own_borders(height, width):
    """Pixel by pixel along the long side, and the short one by itself."""
    frames = some_frames(2, height, width=width)
    seen = looked_at(frames, 32, [[1, 0, 0.5], [0, 1, 0]])
    np.testing.assert_array_equal(seen[:, :, :24], looked_at(frames, 32)[:, :, 8:])
    if width == 32:
        np.testing.assert_array_equal(seen[:, :, 24:31], looked_at(frames, 32)[:, :, 30:23:-1])
    down = looked_at(frames, 32, [[1, 0, 0], [0, 1, -0.5]])
    np.testing.assert_array_equal(down[:, 8:], looked_at(frames, 32)[:, :24])
    if height == 32:
        np.testing.assert_array_equal(down[:, 1:8], looked_at(frames, 32)[:, 7:0:-1])


@pytest.mark.parametrize(("x", "y"), [(-1, 1), (1, -1), (-1, -1)])
@pytest.mark.parametrize("width", [40, 150])
def test_a_flip_is_a_flip(x, y, width):
    frames = some_frames(2, 40, width=width)
    seen = looked_at(frames, 32, [[x, 0, 0], [0, y, 0]])
    expected = looked_at(frames, 32)[:, ::y, ::x]
    assert (np.abs(seen - expected) <= 1.01 / LEVELS).all(), "but for a level where float32 rounds otherwise"
    assert np.abs(seen - expected).mean() < 1e-3
    assert np.abs(seen - looked_at(frames, 32)).mean() > 0.02, "or anything would do"


def test_a_shift_is_a_shift():
    """A quarter of the square's 2 is 8 of 32 pixels."""
    frames = some_frames(2, 32)
    seen = looked_at(frames, 32, [[1, 0, 0.5], [0, 1, 0]])
    np.testing.assert_array_equal(seen[:, :, :24], looked_at(frames, 32)[:, :, 8:])


def test_a_quarter_turn_is_one():
    frames = some_frames(2, 32)
    seen = looked_at(frames, 32, [[0, -1, 0], [1, 0, 0]])
    assert np.abs(seen - np.rot90(looked_at(frames, 32), axes=(1, 2), k=1)).mean() < 1e-3


# --- borders


@pytest.mark.parametrize("shift", [0.5, 1.0, 2.0, 5.0, -0.5, -1.0, -2.0, -5.0])
@pytest.mark.parametrize("zoom", [0.3, 1.0, 4.0])
def test_what_is_looked_at_beyond_the_frame_is_mirrored_and_never_read(shift, zoom):
    """The frames lie in a larger array of 255: a pixel from beyond would be brighter than any of theirs."""
    wall = np.full((3, 16, 16, 3), 255, np.uint8)
    wall[1] = np.random.default_rng(0).integers(60, 120, (16, 16, 3))
    seen = looked_at(wall[1:2], 24, [[zoom, 0.2, shift], [-0.2, zoom, -shift]])
    assert seen.min() >= 56 / 255
    assert seen.max() <= 120 / 248


def test_a_border_is_a_mirror():
    frames = some_frames(1, 32)
    seen = looked_at(frames, 32, [[1, 0, 1], [0, 1, 0]])[0]
    straight = looked_at(frames, 32)[0]
    np.testing.assert_array_equal(seen[:, :16], straight[:, 16:])
    np.testing.assert_array_equal(seen[:, 16:], straight[:, 30:14:-1])


# --- light and noise


def test_light_is_a_factor_and_a_share_of_the_mean():
    frames = some_frames(2, 32)
    plain = looked_at(frames, 32)
    darker = looked_at(frames, 32, light=(0.5, 0.0))
    assert (np.abs(darker - plain / 2) <= 1.6 / LEVELS).all()
    flat = looked_at(frames, 32, light=(0.0, 1.0))
    for frame, image in zip(frames, flat, strict=True):
        assert np.ptp(image, axis=(0, 1)).max() == 0, "no contrast: the mean everywhere"
        assert image.mean() == pytest.approx(frame.mean() / 255, abs=1 / 31)


@pytest.mark.parametrize("light", [(50.0, 0.0), (-50.0, 0.0), (1.0, 9.0), (1.0, -9.0)])
def test_no_light_leaves_the_range(light):
    seen = looked_at(some_frames(2, 32), 32, light=light)
    assert seen.min() >= 0
    assert seen.max() <= 1
    assert seen.max() in (0, 1), "it would"


def test_noise_is_of_the_wanted_spread_and_differs_between_rows_frames_and_draws():
    frames = np.full((2, 64, 64, 3), 128, np.uint8)
    loud = Spread(0, (1, 1), 0, 1, 1, 0, noise=0.1)
    rng = np.random.default_rng(3)
    images = np.stack([variants(frames, 64, rng, loud).permute(0, 2, 3, 1).numpy() for _ in range(40)])
    spreads = images.std(axis=(2, 3, 4))
    rows = images[spreads > 0.03].reshape(-1, 64 * 3)
    assert len(np.unique(rows, axis=0)) == len(rows) > 40 * 64
    assert 0 < spreads.min() < 0.03
    assert 0.07 < spreads.max() < 0.115
    assert spreads.mean() == pytest.approx(0.05, abs=0.02), "evenly between none and the most"


def test_the_noise_is_normal_and_always_the_same():
    table = noise_table()
    assert table.shape == (NOISE,)
    assert table.dtype == np.float32
    assert abs(table.mean()) < 0.01
    assert table.std() == pytest.approx(1, abs=0.01)
    noise_table.cache_clear()
    np.testing.assert_array_equal(noise_table(), table)


# --- what is drawn


def test_draws_stay_within_the_spread_and_use_all_of_it():
    spread = Spread()
    place, light, noise = draw(4000, np.random.default_rng(1), spread)
    assert (place.shape, light.shape, noise.shape) == ((4000, 2, 3), (4000, 3, 2), (4000,))
    assert {array.dtype for array in (place, light, noise)} == {np.dtype(np.float32)}
    turn = place[:, :, :2].astype(np.float64)
    zoom = np.linalg.norm(turn, axis=1)  # of each axis, which are the columns
    np.testing.assert_allclose(zoom[:, 0], zoom[:, 1], rtol=1e-5)
    # Looking at more makes things smaller.
    low, high = 1 / spread.scale[1], 1 / spread.scale[0]
    assert (zoom.min(), zoom.max()) == pytest.approx((low, high), rel=0.01)
    assert (zoom > low - 1e-6).all() and (zoom < high + 1e-6).all()
    for across, along in (((1, 0), (0, 0)), ((0, 1), (1, 1))):
        degrees = np.degrees(np.arctan(turn[:, *across] / turn[:, *along]))
        assert np.abs(degrees).max() <= spread.degrees + 1e-4
        assert (degrees.min(), degrees.max()) == pytest.approx((-spread.degrees, spread.degrees), rel=0.02)
    shift = place[:, :, 2] / 2  # of the side
    assert (shift.min(), shift.max()) == pytest.approx((-spread.shift, spread.shift), rel=0.02)
    assert np.abs(shift).max() <= spread.shift + 1e-6
    assert (noise.min(), noise.max()) == pytest.approx((0, spread.noise), abs=0.02 * spread.noise)

    factor = light.sum(axis=2)  # of a grey frame
    least = (1 - spread.gain) / spread.brightness
    most = (1 + spread.gain) * spread.brightness
    assert least - 1e-6 <= factor.min() < 1.1 * least
    assert 0.9 * most < factor.max() <= most + 1e-6
    contrast = light[:, :, 0] / factor
    np.testing.assert_allclose(contrast, np.broadcast_to(contrast[:, :1], contrast.shape), rtol=1e-5)
    assert (contrast.min(), contrast.max()) == pytest.approx((1 / spread.contrast, spread.contrast), rel=0.01)
    colour = factor / factor.mean(axis=1, keepdims=True)
    assert 1 + spread.gain < colour.max() <= (1 + spread.gain) / (1 - spread.gain / 3) + 1e-6


def test_flips_come_in_all_four_ways_and_leave_turn_and_shear_alike():
    place, _, _ = draw(4000, np.random.default_rng(1), Spread())
    signs = np.sign(place[:, [0, 1], [0, 1]])
    ways, counts = np.unique(signs, axis=0, return_counts=True)
    assert len(ways) == 4
    assert counts.min() > 900
    for way in ways:
        columns = place[(signs == way).all(axis=1), :, :2].astype(np.float64) * way
        columns /= np.linalg.norm(columns, axis=1, keepdims=True)
        first, second = np.degrees(np.arcsin([columns[:, 1, 0], -columns[:, 0, 1]]))
        assert abs(np.corrcoef(first, second)[0, 1]) < 0.1, "each axis by its own angle, whatever is flipped"


def test_a_turn_takes_both_axes_any_way_round():
    spread = dataclasses.replace(STILL, flips=False, turn=180)
    place, _, _ = draw(4000, np.random.default_rng(1), spread)
    angles = np.degrees(np.arctan2(place[:, 1, 0], place[:, 0, 0]))
    assert (angles.min(), angles.max()) == pytest.approx((-180, 180), abs=1)
    square = place[:, :, :2].astype(np.float64)
    np.testing.assert_allclose(square @ square.transpose(0, 2, 1), np.broadcast_to(np.eye(2), square.shape), atol=1e-6)


def test_without_flips_no_frame_is_mirrored():
    place, _, _ = draw(500, np.random.default_rng(1), Spread(flips=False))
    assert (np.linalg.det(place[:, :, :2]) > 0).all()
    assert (place[:, [0, 1], [0, 1]] > 0).all()


def test_the_settings_of_a_spread_are_its_defaults():
    """Defaults stand in the settings; those of the class are for training that has no settings."""
    assert Spread.of(Augment().model_dump(mode="json")) == Spread()
    assert Spread.of(Augment(scale=(0.5, 2), flips=False).model_dump(mode="json")).scale == (0.5, 2)


# --- variants


@pytest.mark.parametrize(("count", "side", "size"), [(3, 120, 112), (1, 64, 64), (2, 48, 96), (5, 17, 9)])
def test_variants_are_images_as_the_network_takes_them(count, side, size):
    frames = np.random.default_rng(0).integers(0, 256, (count, side, 3 * side, 3), dtype=np.uint8)
    images = variants(frames, size, np.random.default_rng(1))
    assert images.shape == (count, 3, size, size)
    assert images.dtype == torch.float32
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert images.min() >= 0
    assert images.max() <= 1
    levels = images.permute(0, 2, 3, 1).numpy() * LEVELS
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)


def test_without_spread_variants_are_flips():
    frames = some_frames(20, 32)
    flipped = variants(frames, 32, np.random.default_rng(1), STILL).permute(0, 2, 3, 1).numpy()
    plain = looked_at(frames, 32)
    ways = [plain, plain[:, ::-1], plain[:, :, ::-1], plain[:, ::-1, ::-1]]
    gaps = np.stack([np.abs(flipped - way).mean(axis=(1, 2, 3)) for way in ways])
    assert (gaps.min(axis=0) < 1e-3).all()
    assert set(gaps.argmin(axis=0)) == {0, 1, 2, 3}


def test_the_same_draw_gives_the_same_variant_and_the_next_another():
    frames = some_frames(4, 40)
    first, second = np.random.default_rng(5), np.random.default_rng(5)
    one = variants(frames, 32, first)
    assert torch.equal(one, variants(frames, 32, second))
    assert not torch.equal(one, variants(frames, 32, first))
    assert not torch.equal(one, variants(frames, 32, np.random.default_rng(6)))


def test_a_variant_depends_on_no_other_frame():
    """Its own draws decide; frames that are rendered with it don't."""
    frames = some_frames(4, 40)
    others = np.concatenate([frames[:1], 255 - frames[1:]])
    one, two = (variants(some, 32, np.random.default_rng(5)) for some in (frames, others))
    assert torch.equal(one[0], two[0])
    assert not torch.equal(one[1], two[1])


def test_frames_stay_as_they_are():
    frames = some_frames(2, 40)
    kept = frames.copy()
    variants(frames, 32, np.random.default_rng(5))
    np.testing.assert_array_equal(frames, kept)


def test_without_flips_no_axis_turns_round():
    for flips in (True, False):
        place = draw(400, np.random.default_rng(1), Spread(flips=flips))[0]
        mirrored = [(place[:, axis, axis] < 0).mean() for axis in (0, 1)]
        assert mirrored == (pytest.approx([0.5, 0.5], abs=0.1) if flips else [0, 0])


# --- views of given places


def test_the_whole_of_a_frame_is_all_of_it():
    """At the sensor's own size to the level: light, noise and the steps of RGB565 are left out."""
    frames = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    seen = view(frames, np.tile(np.float32(WHOLE), (4, 1, 1)), 32)
    assert seen.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(seen.permute(0, 2, 3, 1).numpy(), frames / np.float32(255), atol=2e-7)


def test_a_view_is_what_is_rendered_from_its_place():
    frames, still = some_frames(6, 48), Spread(brightness=1, contrast=1, gain=0, noise=0)
    place = draw(6, np.random.default_rng(2), still)[0]
    plain = view(frames, place, 32).permute(0, 2, 3, 1).numpy()
    expected = np.concatenate([looked_at(frames[n : n + 1], 32, place[n].tolist()) for n in range(6)])
    assert (np.abs(plain - expected) <= 1.01 / LEVELS).all(), "but for the steps of RGB565"
    lit = view(frames, place, 32, np.random.default_rng(3), still).permute(0, 2, 3, 1).numpy()
    assert (np.abs(lit - expected) <= 1.01 / LEVELS).all(), "from the same places, also where light is drawn"


def test_light_and_noise_of_a_view_are_of_its_spread_and_its_draws():
    frames, place = some_frames(8, 32), np.tile(np.float32(WHOLE), (8, 1, 1))
    plain = view(frames, place, 32)
    one, two, other = (view(frames, place, 32, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (one == two).all()
    assert (one != other).any()
    assert (one.mean(dim=(1, 2, 3)) / plain.mean(dim=(1, 2, 3))).std() > 0.1, "the light is another in each"
