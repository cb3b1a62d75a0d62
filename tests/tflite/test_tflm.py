"""TFLite in TensorFlow Lite Micro: what goes into the model, and what is made of what comes out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from linecam.errors import UserError
from linecam.tflite.graph import read_graph
from linecam.tflite.tflm import CHUNK, TflmError, arena_bytes, predict
from tests.conftest import Project
from tests.tflite.hand_made import Quantization, passing_on

PIXEL: Quantization = (1 / 255, -128)  # what a model for the camera asks for


def outputs(
    folder: Path, pixels: NDArray[np.uint8], image: Quantization, output: Quantization, workers: int = 1
) -> NDArray[np.float32]:
    """What `predict` says of a model that hands on its input."""
    path = folder / "model.tflite"
    path.write_bytes(passing_on((1, *pixels.shape[1:]), image, output))
    return predict(path, pixels, workers, "test")


@pytest.mark.parametrize("image", [PIXEL, (1 / 255, 0), (0.5, 3)])
def test_the_model_gets_each_pixel_less_128_whatever_it_asks_for(tmp_path: Path, image: Quantization) -> None:
    """As on the camera, whose firmware does not look at the scale and zero point of the input."""
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    found = outputs(tmp_path, pixels, image, (1.0, 0))
    np.testing.assert_array_equal(found, pixels.reshape(1, -1).astype(np.float32) - 128)


@pytest.mark.parametrize(("scale", "zero"), [(1 / 256, -128), (0.25, 0), (2.0, 5)])
def test_the_output_is_dequantized_by_its_scale_and_zero_point(tmp_path: Path, scale: float, zero: int) -> None:
    """(number - zero point) * scale; the first of these is an int8 softmax's."""
    pixels = np.arange(0, 252, 21, dtype=np.uint8).reshape(1, 2, 2, 3)
    found = outputs(tmp_path, pixels, PIXEL, (scale, zero))
    assert found.dtype == np.float32
    expected = [(int(pixel) - 128 - zero) * scale for pixel in pixels.ravel()]  # powers of two: exact in float32
    np.testing.assert_array_equal(found, [expected])


@pytest.mark.parametrize("count", [1, CHUNK, CHUNK + 1, 3 * CHUNK - 1])
@pytest.mark.parametrize("workers", [1, 3])
def test_every_frame_has_its_row_in_the_order_of_the_frames(tmp_path: Path, count: int, workers: int) -> None:
    pixels = np.random.default_rng(count).integers(0, 256, (count, 2, 3, 3), dtype=np.uint8)
    found = outputs(tmp_path, pixels, PIXEL, (1.0, -128), workers)
    np.testing.assert_array_equal(found, pixels.reshape(count, -1))


def test_the_pixels_stay_as_they_are(tmp_path: Path) -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
    pixels.setflags(write=False)  # as those of a memory-mapped file are
    np.testing.assert_array_equal(outputs(tmp_path, pixels, PIXEL, (1.0, -128)), [range(12)])


def test_the_arena_has_room_for_the_activations(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    arenas = []
    for side in (32, 64):
        path.write_bytes(passing_on((1, side, side, 3), PIXEL, PIXEL))
        arenas.append(arena_bytes(path))
        assert arenas[-1] >= read_graph(path).peak[0]
    assert arenas[1] - arenas[0] == pytest.approx(2 * 3 * (64**2 - 32**2), abs=64), "the image, and its copy"


def test_a_file_that_is_no_model_is_refused_with_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"\0" * 64)
    with pytest.raises(TflmError, match=r"\w{4}"):
        arena_bytes(path)


def test_a_damaged_model_ends_a_prediction_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"\0\0\0\0TFL3" + bytes(64))
    with pytest.raises(UserError, match=rf"TFLM does not run {path}"):
        predict(path, np.zeros((1, 2, 2, 3), np.uint8), 1, "test")


def test_int8_says_of_the_frames_of_a_belt_what_float_says(belt: Project) -> None:
    """On the frames that the line itself is judged on, within four of the 256 steps of an int8 probability."""
    results = belt.folder / "results/tiny"
    (tflite,) = results.glob("quantize/*/*/*/calibrated/model.tflite")
    (predictions,) = results.glob("predict/*/*/*/float.csv")
    table = pd.read_csv(predictions)
    row_of = pd.read_csv(results / "split/coreset-60.csv").set_index("sha256")["row"]
    pixels = np.load(results / "pixels/64.npy", mmap_mode="r")[row_of[table["sha256"]].to_numpy()]
    expected = table[["p_bad", "p_good", "p_no_mask"]].to_numpy()
    assert len(expected) > 100
    assert np.ptp(expected, axis=0).min() > 10 / 256, "where all frames are alike, anything agrees"
    found = predict(tflite, pixels, 2, "test")
    assert np.abs(found - expected).max() < 4 / 256
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.95
