"""The sample of frames to pretrain on: never a test frame, at most so many, and always the same ones."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.files import sha256
from linecam.frames.index import COLUMNS
from scripts.decode_part import decode_part
from scripts.decode_sample import decode_sample

SIDE, COUNT, TESTED = 16, 12, [1, 4, 10]


@pytest.fixture
def sample(tmp_path: Path) -> Callable[..., NDArray[np.uint8]]:
    """A sample of 12 frames, each of a grey of its own, three of them for the test: as a function."""
    rows = []
    for number in range(COUNT):
        path = tmp_path / f"frame-{number:02d}.png"
        Image.new("RGB", (24, 20), (20 * number,) * 3).save(path)
        rows.append({"path": path.name, "sha256": sha256(path), "status": "ok"})
    rows.append({"path": "gone.png", "sha256": "0" * 64, "status": "duplicate"})
    base = {name: 0 for name in COLUMNS}
    table = pd.DataFrame([base | row for row in rows], columns=COLUMNS)
    table.to_csv(tmp_path / "frames.csv", index=False)
    table.iloc[TESTED][["sha256", "path"]].to_csv(tmp_path / "test.csv", index=False)

    def run(count: int, seed: int = 1, workers: int = 1) -> NDArray[np.uint8]:
        decode_sample(
            tmp_path / "frames.csv",
            tmp_path / "test.csv",
            tmp_path,
            tmp_path / "out/sample.npy",
            tmp_path / "out/sample.csv",
            count=count,
            region=Region(side=SIDE),
            seed=seed,
            workers=workers,
        )
        pixels: NDArray[np.uint8] = np.load(tmp_path / "out/sample.npy")
        named = pd.read_csv(tmp_path / "out/sample.csv")
        assert list(named["path"]) == [f"frame-{number:02d}.png" for number in numbers(pixels)]
        assert [sha256(tmp_path / path) for path in named["path"]] == list(named["sha256"])
        return pixels

    return run


def numbers(pixels: NDArray[np.uint8]) -> list[int]:
    """Which frames these are, by their greys."""
    assert np.ptp(pixels, axis=(1, 2, 3)).max() == 0
    return [int(value) // 20 for value in pixels[:, 0, 0, 0]]


@pytest.mark.parametrize(("count", "given"), [(1, 1), (5, 5), (9, 9), (400, 9)])
def test_at_most_so_many_and_never_a_test_frame(sample: Callable, count: int, given: int) -> None:
    pixels = sample(count)
    assert (pixels.shape, pixels.dtype) == ((given, SIDE, SIDE, 3), np.uint8)
    found = numbers(pixels)
    assert len(set(found)) == given
    assert not set(found) & set(TESTED)


def test_equal_seeds_draw_the_same_frames(sample: Callable) -> None:
    first = sample(5)
    np.testing.assert_array_equal(sample(5, workers=2), first)
    assert numbers(sample(9))[:5] == numbers(first), "more frames keep the first ones"
    assert any(numbers(sample(5, seed=seed)) != numbers(first) for seed in (2, 3))


def test_a_frame_that_was_swapped_after_the_index_is_refused(sample: Callable, tmp_path: Path) -> None:
    shown = Image.new("RGB", (24, 20), (7, 7, 7))
    shown.save(tmp_path / "frame-00.png")
    with pytest.raises(UserError, match=r"frame-00\.png is not the file that was indexed"):
        sample(400)


@pytest.mark.parametrize("swapped", [False, True])
def test_of_the_split_too(sample: Callable, tmp_path: Path, swapped: bool) -> None:
    table = pd.read_csv(tmp_path / "frames.csv").query("status == 'ok'")
    table.assign(part="train", label="good", by="folder").to_csv(tmp_path / "split.csv", index=False)
    if swapped:
        (tmp_path / "frame-03.png").write_bytes((tmp_path / "frame-05.png").read_bytes())
    outputs = tmp_path / "out/part.npy", tmp_path / "out/part.csv"

    def run() -> None:
        decode_part(
            tmp_path / "split.csv",
            tmp_path,
            *outputs,
            part="train",
            region=Region(side=240),
            seen=(SIDE, SIDE),
            workers=1,
        )

    if swapped:
        with pytest.raises(UserError, match=r"frame-03\.png is not the file that was indexed"):
            run()
    else:
        run()
        assert numbers(np.load(outputs[0])) == list(range(COUNT))
