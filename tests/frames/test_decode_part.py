"""The frames of a part of the split, as the sensor sees them."""

import numpy as np
import pytest
from PIL import Image

from linecam.camera.region import Region
from linecam.evaluation.predictions import rows_of
from linecam.files import sha256
from linecam.frames.index import read_pixels, read_split
from scripts.decode_part import decode_part
from tests.evaluation.splits import CLASSES, write_split


@pytest.mark.parametrize(
    ("part", "letters", "labels", "folds"),
    [("test", "cde", ["bad", "good", "good"], [-1, -1, -1]), ("train", "ab", ["bad", "good"], [0, 1])],
)
def test_a_part_is_decoded_as_the_sensor_sees_it_in_the_order_of_the_split(tmp_path, part, letters, labels, folds):
    split = write_split(tmp_path, CLASSES)
    paths = [dict(zip("abcdef", "uvwxyz", strict=True))[letter] for letter in letters]
    for number, name in enumerate(paths):  # the other parts' frames aren't there, and nobody looks for them
        Image.new("RGB", (30, 20), (10 * number, 100, 255)).save(tmp_path / name, "PNG")
    digests = {name: sha256(tmp_path / name) for name in paths}
    listed = read_split(split)
    listed.assign(sha256=listed["path"].map(digests).fillna(listed["sha256"])).to_csv(split, index=False)
    for workers in (1, 2):
        decode_part(
            split,
            tmp_path,
            tmp_path / "8.npy",
            tmp_path / "8.csv",
            part=part,
            region=Region(side=240),
            seen=(8, 8),
            workers=workers,
        )
        pixels, table = read_pixels(tmp_path / "8.npy"), read_split(tmp_path / "8.csv")
        assert pixels.shape == (len(paths), 8, 8, 3)
        assert pixels.dtype == np.uint8
        assert [tuple(frame[0, 0]) for frame in pixels] == [(10 * n, 100, 255) for n in range(len(paths))]
        assert list(table["path"]) == paths
        assert list(table["sha256"]) == [digests[name] for name in paths]
        assert set(table["part"]) == {part}
        assert list(table["label"]) == labels
        assert list(table["fold"]) == folds
        assert list(rows_of(tmp_path / "8.csv")) == list(range(len(paths)))
