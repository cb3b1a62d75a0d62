"""The built-in line: the same bytes from the same seed, the promised classes, and a truth that the pixels bear out."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from linecam.belt.conveyor import SQUARE, _moved, draw_mask
from linecam.camera.region import Region
from linecam.errors import UserError
from scripts.render_belt import render_belt, seen_in


def rendered(place: Path, **options: Any) -> tuple[dict[str, bytes], pd.DataFrame]:
    """Render into `place`; the files' bytes by name, and the truth."""
    render_belt(place / "frames", place / "truth.csv", **options)
    assert sorted(path.name for path in place.iterdir()) == ["frames", "truth.csv"]
    files = {path.name: path.read_bytes() for path in sorted((place / "frames").iterdir())}
    return files, pd.read_csv(place / "truth.csv")


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes], pd.DataFrame]:
    place = tmp_path_factory.mktemp("line")
    return place, *rendered(place, frames=400, seed=0, workers=2)


def square(place: Path, name: str) -> Image.Image:
    """The part of a frame that the camera's square sees, in grey."""
    return Image.open(place / "frames" / name).convert("L").crop((40, 0, 280, 240))


def test_fewer_frames_and_other_workers_give_the_same_bytes(line, tmp_path):
    _, files, truth = line
    for workers in (1, 3):
        fewer, its_truth = rendered(tmp_path, frames=130, seed=0, workers=workers)  # replaces the first run's
        assert its_truth["sequence"].nunique() == 2
        assert len(fewer) == 130
        assert all(files[name] == content for name, content in fewer.items())
        pd.testing.assert_frame_equal(its_truth, truth.iloc[:130])


def test_another_seed_gives_other_frames(line, tmp_path):
    _, files, _ = line
    other, _ = rendered(tmp_path, frames=5, seed=1, workers=1)
    assert not set(other.values()) & set(files.values())


def test_every_frame_is_a_qvga_jpeg_and_has_its_row(line):
    place, files, truth = line
    assert list(truth.columns) == ["frame", "label", "mask_share", "defect_px", "sequence"]
    assert sorted(truth["frame"]) == sorted(files)
    assert len(set(files.values())) == len(truth) == 400
    assert truth["frame"].str.fullmatch(r"[A-D]-\d{5}\.jpg").all()
    assert truth["sequence"].str.fullmatch(r"[A-D]-\d\d").all()
    for name in truth["frame"]:
        with Image.open(place / "frames" / name) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (320, 240))


def test_numbers_run_on_within_a_sequence_and_leap_between(line):
    _, _, truth = line
    truth = truth.assign(number=truth["frame"].str[2:7].astype(int), camera=truth["frame"].str[0])
    assert (truth["camera"] == truth["sequence"].str[0]).all()
    for _, numbers in truth.groupby("sequence")["number"]:
        assert (numbers.diff().dropna() == 1).all()
    spans = truth.groupby(["camera", "sequence"])["number"].agg(["min", "max", "count"])
    assert (spans["count"] <= 120).all()
    leaps = spans["min"] - spans.groupby("camera")["max"].shift()
    assert leaps.notna().any()
    assert (leaps.dropna() > 100).all()


def test_labels_follow_from_the_truth_and_have_their_shares(line):
    _, _, truth = line
    expected = np.where(truth["mask_share"] < 0.5, "no_mask", np.where(truth["defect_px"] >= 30, "bad", "good"))
    assert (truth["label"] == expected).all()
    shares = truth["label"].value_counts(normalize=True)
    assert 0.04 < shares["bad"] < 0.18
    assert 0.16 < shares["good"] < 0.40
    assert 0.50 < shares["no_mask"] < 0.75


def test_the_pixels_show_as_much_mask_as_the_truth_says(line):
    place, _, truth = line
    for name, frames in truth.groupby("sequence"):
        # No hole of the belt is 15 px wide: a block of that size that is bright throughout is cloth.
        squares = [np.asarray(square(place, frame)).reshape(16, 15, 16, 15) for frame in frames["frame"]]
        lowest = [blocks.min(axis=(1, 3)) for blocks in squares]
        bright = np.percentile(lowest, 99) * 0.55
        seen = np.array([(image > bright).mean() for image in lowest])
        share = frames["mask_share"].to_numpy()
        assert share.max() > 0.7, name
        assert np.corrcoef(seen, share)[0, 1] > 0.9, name
        assert seen[share == 0].max(initial=0) < 0.02, name
        assert seen[share > 0.75].min(initial=1) > 0.4, name


def test_the_share_grows_while_a_mask_enters(line):
    _, _, truth = line
    entries = 0
    for _, frames in truth.groupby("sequence"):
        share = frames["mask_share"].to_numpy()
        for start in np.flatnonzero((share[:-1] == 0) & (share[1:] > 0)):
            full = start + int(np.argmax(np.append(share[start:], 1) >= 0.5))
            entry = share[start : full + 1]
            assert (np.diff(entry) > 0).all()
            entries += len(entry) > 3
    assert entries >= 3


def test_defects_are_where_a_bad_mask_differs_from_a_good_one():
    defective = 0
    for seed in range(8):
        # Both are drawn alike up to the defects; then the ear loops differ, far from the middle.
        good, bad = (draw_mask(np.random.default_rng(seed), bad=bad).astype(int) for bad in (False, True))
        assert not good[..., 6].any()
        columns = slice(good.shape[1] * 3 // 10, good.shape[1] * 7 // 10)
        differs = np.abs(good - bad)[:, columns, :4].max(axis=2) > 25
        defect = bad[:, columns, 6] > 127
        near = np.asarray(Image.fromarray(defect).convert("L").filter(ImageFilter.MaxFilter(7))) > 0
        assert not (differs & ~near).any()
        if defect.sum() > 100:
            defective += 1
            assert differs[defect].mean() > 0.7
    assert defective >= 4


def test_small_defects_are_smaller_and_fainter_on_the_same_mask():
    sizes = {small: [] for small in (False, True)}
    for seed in range(12):
        for small, found in sizes.items():
            mask = draw_mask(np.random.default_rng(seed), bad=True, small=small)
            found.append(int((mask[..., 6] > 127).sum()))
    assert np.median(sizes[True]) < np.median(sizes[False]) / 4
    assert min(sizes[True]) > 0


@pytest.mark.parametrize("px", [1.0, 2.5, 4.0, 8.9])
def test_motion_spreads_a_point_evenly_to_both_sides(px):
    point = np.zeros((1, 41, 3), np.float32)
    point[0, 20] = 1
    trace = _moved(point, px)[0, :, 0]
    assert trace.sum() == pytest.approx(1, abs=1e-5)
    assert trace.max() == pytest.approx(1 / px, abs=1e-5)
    assert trace == pytest.approx(trace[::-1], abs=1e-5)
    assert np.count_nonzero(trace > 1e-5) <= px + 2
    assert _moved(np.ones((2, 41, 3), np.float32), px) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("options", [{"frames": 0, "seed": 0}, {"frames": 5, "seed": -1}])
def test_impossible_wishes_are_refused_before_anything_is_written(options, tmp_path):
    with pytest.raises(UserError, match="at least one frame"):
        render_belt(tmp_path / "frames", tmp_path / "truth.csv", workers=1, **options)
    assert not list(tmp_path.iterdir())


def test_a_run_that_breaks_off_leaves_nothing(tmp_path, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(pd.DataFrame, "to_csv", broken)
    with pytest.raises(OSError, match="disk full"):
        render_belt(tmp_path / "frames", tmp_path / "truth.csv", frames=3, seed=0, workers=1)
    assert not list(tmp_path.iterdir())


def test_the_truth_is_that_of_the_region_and_the_frames_stay(line, tmp_path):
    """Of the left and the right half of the square: together they show what the square shows."""
    _, files, truth = line
    halves = []
    for name, left in (("left", 40), ("right", 160)):
        region = Region(roi=(left, 0, 120, 240), frame=(320, 240))
        fewer, half = rendered(tmp_path, frames=60, seed=0, workers=2, region=region)
        assert all(files[name] == content for name, content in fewer.items())
        halves.append(half)
    whole = truth.head(60)
    np.testing.assert_allclose((halves[0]["mask_share"] + halves[1]["mask_share"]) / 2, whole["mask_share"], atol=1e-4)
    np.testing.assert_array_equal(halves[0]["defect_px"] + halves[1]["defect_px"], whole["defect_px"])
    assert (halves[0]["mask_share"] - halves[1]["mask_share"]).abs().max() > 0.1


@pytest.mark.parametrize(
    ("region", "seen"),
    [
        (Region(roi=(20, 60, 280, 120), frame=(320, 240)), (slice(60, 180), slice(20, 300))),
        (Region(roi=(20, 60, 280, 120), frame=(640, 480)), (slice(30, 90), slice(10, 150))),
        (Region(side=100), SQUARE),
        (None, SQUARE),
    ],
)
def test_the_region_lies_where_the_network_sees_it(region, seen):
    assert seen_in(region) == seen
