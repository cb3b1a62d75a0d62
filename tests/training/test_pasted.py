"""Drawn defects: they change what their masks say, they are mostly small, and their places stay known in every view."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from linecam.networks.models import Backbone, backbone
from linecam.training import augment
from linecam.training.augment import Spread
from linecam.training.defects import KINDS, SIDE, pasted
from linecam.training.descent import Recipe
from linecam.training.pasted import CLEAN, Finder, covered, defective, learn
from tests.training.frames import some_frames

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
NUMBERS = range(len(KINDS))
NAMES = [kind.__name__ for kind in KINDS]


def textured(count: int, side: int, seed: int = 0, width: int | None = None) -> NDArray[np.uint8]:
    """Smooth pictures with grain: a patch without texture, or from elsewhere, is another one."""
    noise = np.random.default_rng(seed).normal(0, 12, (count, side, width or side, 3))
    return (some_frames(count, side, seed, width) + noise).clip(0, 255).astype(np.uint8)


# --- a defect


@pytest.mark.parametrize(("height", "width"), [(SIDE, SIDE), (96, 96), (64, 64), (60, 200), (200, 60)])
@pytest.mark.parametrize("kind", NUMBERS, ids=NAMES)
def test_a_defect_is_where_its_mask_is_and_nowhere_else(kind: int, height: int, width: int) -> None:
    frame, other = textured(2, height, width=width)
    before = frame.copy(), other.copy()
    rng, changed = np.random.default_rng(kind), 0
    for _ in range(60):
        copy, mask = pasted(frame, other, kind, rng)
        assert (copy.dtype, copy.shape) == (np.uint8, frame.shape)
        assert (mask.dtype, mask.shape) == (np.float32, (height, width))
        assert mask.min() >= 0
        assert mask.max() <= 1
        difference = np.abs(copy.astype(int) - frame).max(axis=2)
        # What erases texture leaves out of its mask where it was all but smooth before.
        faint = 4 if KINDS[kind].__name__ == "erasure" else 0
        assert difference[mask == 0].max() <= faint
        changed += bool((difference[mask > 0.5] > 4).any())
    assert changed > 40, "most can be seen"
    assert (frame == before[0]).all() and (other == before[1]).all(), "a copy is changed"


@pytest.mark.parametrize("kind", NUMBERS, ids=NAMES)
def test_most_defects_are_small_and_none_is_large(kind: int) -> None:
    frame, other = textured(2, SIDE)
    rng = np.random.default_rng(1)
    shares = np.array([pasted(frame, other, kind, rng)[1].mean() for _ in range(200)])
    assert np.median(shares) < 0.015
    assert shares.max() < 0.08


@pytest.mark.parametrize("kind", NUMBERS, ids=NAMES)
def test_lengths_scale_with_the_frame(kind: int) -> None:
    small, large = (
        np.mean([pasted(*textured(2, side), kind, np.random.default_rng(seed))[1].mean() for seed in range(60)])
        for side in (120, 240)
    )
    assert small == pytest.approx(large, rel=0.35)


def test_equal_seeds_paste_equal_defects() -> None:
    frame, other = textured(2, 64)
    for kind in NUMBERS:
        one, two = (pasted(frame, other, kind, np.random.default_rng(5)) for _ in range(2))
        assert all((first == second).all() for first, second in zip(one, two, strict=True))


# --- where it is in a view


def shown(mask: NDArray[np.float32], place: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """The mask as a frame, rendered by `augment.view`."""
    frame = np.repeat((mask * 255).astype(np.uint8)[None, :, :, None], 3, axis=3)
    rendered: NDArray[np.float32] = augment.view(frame, place[None], size)[0, 0].numpy()
    return rendered


@pytest.mark.parametrize("kind", NUMBERS, ids=NAMES)
def test_defects_lie_all_over_an_oblong_frame(kind: int) -> None:
    """To its ends, and about as much of it is covered as of a square one of its area."""
    where, shares = np.zeros((60, 240), np.float32), []
    for seed in range(250):
        mask = pasted(*textured(2, 60, seed % 3, 240), kind, np.random.default_rng(seed))[1]
        where += mask
        shares.append(mask.mean())
    thirds = where.reshape(3, 20, 3, 80).sum(axis=(1, 3))
    assert thirds.min() > 0.25 * thirds.mean()
    square = [pasted(*textured(2, 120), kind, np.random.default_rng(seed))[1].mean() for seed in range(100)]
    assert 0.4 < np.mean(shares) / np.mean(square) < 2


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("height", "width"), [(120, 120), (110, 290), (290, 110)])
def test_cells_count_the_pixels_that_a_view_shows(seed: int, height: int, width: int) -> None:
    """Turned, scaled, shifted and mirrored, and beyond the border not twice."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.float32)
    top, left = rng.integers(20, 70, 2)
    # As in a square frame, and stretched as an oblong one is.
    below, right = height / 120, width / 120
    mask[int(top * below) : int((top + 30) * below), int(left * right) : int((left + 18) * right)] = 1
    mask[int(top * below) : int((top + 6) * below), int(left * right) : int((left + 30) * right)] = 0.5
    place = augment.draw(1, rng, Spread(degrees=30, scale=(0.8, 1.6), shift=0.15))[0][0]
    found = covered(mask, place, 64, 8)
    # The mirror beyond the border shows what is seen already: count only what lies in the frame.
    u = (np.arange(64) + 0.5) / 32 - 1
    grid = np.stack([*np.meshgrid(u, u), np.ones((64, 64))])
    inside = (np.abs(np.einsum("ij,jyx->iyx", place, grid)) < 1).all(axis=0)
    expected = (shown(mask, place, 64) * inside).reshape(8, 8, 8, 8).sum(axis=(1, 3))
    assert expected.sum() > 20, "it is in the view"
    np.testing.assert_allclose(found, expected, atol=4.5)
    assert found.sum() == pytest.approx(expected.sum(), rel=0.05)
    assert np.corrcoef(found.flatten(), expected.flatten())[0, 1] > 0.98


def test_a_pixel_in_each_corner_is_in_the_cell_of_that_corner() -> None:
    for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        for shape, area in (((64, 64), 1 / 4), ((16, 128), 1 / 2), ((128, 16), 1 / 2)):
            mask = np.zeros(shape, np.float32)
            mask[corner] = 1
            found = covered(mask, np.float32(augment.WHOLE), 32, 4)
            assert found[corner] == pytest.approx(area), "a pixel of 64 x 64 is a quarter of one of 32 x 32"
            assert found.sum() == pytest.approx(area)


# --- frames to train on


@pytest.fixture
def frames() -> NDArray[np.uint8]:
    return textured(24, 48)


def test_half_of_the_frames_stay_clean_and_the_labels_agree(frames: NDArray[np.uint8]) -> None:
    rows = np.resize(np.arange(24), 1200)
    before = frames.copy()
    images, kinds, cells = defective(frames, rows, 32, 4, np.random.default_rng(1))
    assert images.shape == (1200, 3, 32, 32)
    assert cells.shape == (1200, 4, 4)
    assert (kinds == 0).mean() == pytest.approx(CLEAN, abs=0.05)
    counts = np.bincount(kinds, minlength=len(KINDS) + 1)[1:]
    assert len(counts) == len(KINDS)
    assert counts.min() > 0.7 * counts.mean(), "all kinds about as often"
    assert (cells[kinds == 0] == 0).all()
    assert (cells[kinds > 0].sum(axis=(1, 2)) > 0).mean() > 0.7, "some are out of the view, or too faint"
    assert cells.min() >= 0
    assert (frames == before).all()


def test_a_defect_is_seen_in_the_cells_that_hold_it(frames: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the same views of the frames without it."""
    rows, seen = np.arange(24), []
    monkeypatch.setattr(
        augment, "view", lambda copies, place, size, *_: seen.append((copies, place)) or REAL(copies, place, size)
    )
    _, kinds, cells = defective(frames, rows, 32, 4, np.random.default_rng(2))
    ((copies, place),) = seen
    difference = (REAL(copies, place, 32) - REAL(frames[rows], place, 32)).abs().amax(dim=1)
    by_cell = difference.reshape(24, 4, 8, 4, 8).sum(dim=(2, 4)).numpy()
    held = cells >= 1
    assert held.sum() > 5
    assert (by_cell[held] > 0.02).mean() > 0.9
    assert (by_cell[kinds == 0] == 0).all()
    assert by_cell[(kinds > 0)[:, None, None] & (cells == 0)].mean() < 0.1 * by_cell[held].mean()


REAL = augment.view


# --- the finder


def test_its_cells_are_those_of_the_last_block() -> None:
    finder = Finder(backbone("swift7-64"), 64)
    what, where = finder(torch.rand(2, 3, 64, 64))
    assert what.shape == (2, len(KINDS) + 1)
    assert where.shape == (2, 4, 4)


@pytest.fixture(scope="module")
def start() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return backbone("swift7-32").state_dict()


def trained(frames: NDArray[np.uint8], start: dict[str, torch.Tensor], steps: int, seed: int) -> tuple[Backbone, list]:
    network = backbone("swift7-32")
    network.load_state_dict(start)
    return learn(frames, network, Recipe("swift7-32", steps, seed, batch_size=24), CPU)


@pytest.mark.parametrize("width", [96, 160])
def test_it_learns_to_find_defects(width: int) -> None:
    torch.manual_seed(3)
    recipe = Recipe("swift7-64", 60, 1, batch_size=64)
    network, losses = learn(some_frames(64, 96, width=width), backbone("swift7-64"), recipe, CPU)
    assert isinstance(network, Backbone)
    assert np.mean(losses[-5:]) < 0.8 * losses[0]


def test_equal_seeds_give_equal_bytes(frames: NDArray[np.uint8], start: dict[str, torch.Tensor]) -> None:
    one, two, other = (trained(frames, start, 2, seed)[0].state_dict() for seed in (1, 1, 2))
    assert all((one[name] == two[name]).all() for name in one)
    assert any((one[name] != other[name]).any() for name in one)
    assert any((one[name] != start[name]).any() for name in one)
    assert one.keys() == start.keys(), "the heads stay behind"
