"""SimCLR's views: both ways of rendering agree, and the distribution is that of lightly's and torchvision's."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from lightly.transforms.simclr_transform import SimCLRViewTransform
from numpy.typing import NDArray
from PIL import Image
from scipy import stats
from torchvision import transforms
from torchvision.transforms import functional as reference

from linecam.training.simclr_views import ORDERS, Draws, Renderer, draw, render_on_device

SIDE = 32
CPU = torch.device("cpu")


def frames(count: int, seed: int = 1) -> NDArray[np.uint8]:
    """Frames with edges, gradients and colours, gray ones among them."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    coarse[::7] = coarse[::7, ..., :1]
    images = [Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BICUBIC) for one in coarse]
    return np.stack([np.asarray(image) for image in images])


def drawn(count: int, seed: int = 1, **changes: float) -> Draws:
    return draw(count, SIDE, np.random.default_rng(seed), **({"color_jitter": 0.5, "min_crop": 0.3} | changes))


def same(**fields: NDArray) -> Draws:
    """One view with nothing changed but `fields`."""
    plain = {
        "box": np.array([[0, 0, SIDE, SIDE]]),
        "flip": np.zeros((1, 2), bool),
        "factors": np.array([[1, 1, 1, 0]], np.float32),
        "order": ORDERS[:1],
        "gray": np.zeros(1, bool),
    }
    return Draws(**(plain | fields))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("threads", [1, 3])
def test_the_cores_render_what_a_gpu_would(seed: int, threads: int) -> None:
    pixels, draws = torch.from_numpy(frames(40, seed)), drawn(40, seed, color_jitter=1.0)
    on_cores = Renderer(CPU, threads)(pixels, draws)
    assert on_cores.shape == (40, 3, SIDE, SIDE)
    assert on_cores.is_contiguous(memory_format=torch.channels_last)
    assert (on_cores - render_on_device(pixels, draws)).abs().max() < 1e-5


@pytest.mark.parametrize("render", [Renderer(CPU, 1), render_on_device])
@pytest.mark.parametrize(
    ("draws", "expected"),
    [
        (same(), lambda image: image),
        (same(flip=np.array([[True, False]])), reference.vflip),
        (same(flip=np.array([[False, True]])), reference.hflip),
        (same(factors=np.array([[1.4, 1, 1, 0]], np.float32)), lambda image: reference.adjust_brightness(image, 1.4)),
        (same(factors=np.array([[1, 1.3, 1, 0]], np.float32)), lambda image: reference.adjust_contrast(image, 1.3)),
        (same(factors=np.array([[1, 1, 0.6, 0]], np.float32)), lambda image: reference.adjust_saturation(image, 0.6)),
        (same(factors=np.array([[1, 1, 1, 0.1]], np.float32)), lambda image: reference.adjust_hue(image, 0.1)),
        (same(factors=np.array([[1, 1, 1, -0.2]], np.float32)), lambda image: reference.adjust_hue(image, -0.2)),
        (same(gray=np.array([True])), lambda image: reference.rgb_to_grayscale(image, 3)),
        (
            same(factors=np.array([[1.3, 0.7, 1.4, 0.1]], np.float32), order=np.array([[2, 0, 3, 1]])),
            lambda image: reference.adjust_contrast(
                reference.adjust_hue(
                    reference.adjust_brightness(reference.adjust_saturation(image, np.float32(1.4)), np.float32(1.3)),
                    np.float32(0.1),
                ),
                np.float32(0.7),
            ),
        ),
        (
            same(box=np.array([[5, 2, 20, 26]])),
            lambda image: reference.resized_crop(image, 5, 2, 20, 26, [SIDE, SIDE], antialias=False),
        ),
    ],
)
def test_each_step_is_torchvisions(
    draws: Draws,
    expected: Callable[[torch.Tensor], torch.Tensor],
    render: Callable[[torch.Tensor, Draws], torch.Tensor],
) -> None:
    pixels = torch.from_numpy(frames(1, seed=3))
    image = pixels.permute(0, 3, 1, 2).float() / 255
    assert (render(pixels, draws) - expected(image)).abs().max() < 1e-5


def test_crops_are_distributed_as_torchvisions() -> None:
    torch.manual_seed(1)
    blank = Image.new("RGB", (SIDE, SIDE))
    theirs = np.array([transforms.RandomResizedCrop.get_params(blank, (0.3, 1), (3 / 4, 4 / 3)) for _ in range(4000)])
    mine = drawn(4000).box
    for axis, name in enumerate(["top", "left", "height", "width"]):
        assert stats.ks_2samp(mine[:, axis], theirs[:, axis]).pvalue > 0.001, name
    areas = [box[:, 2] * box[:, 3] for box in (mine, theirs)]
    assert stats.ks_2samp(*areas).pvalue > 0.001


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_views_are_distributed_as_lightlys(strength: float) -> None:
    """Of many views of one frame: means and spreads of each colour, contrast and saturation, by two-sample tests."""
    torch.manual_seed(2)
    count = 1500
    frame = frames(1, seed=2)[0]
    transform = SimCLRViewTransform(
        SIDE, cj_strength=strength, min_scale=0.3, vf_prob=0.5, gaussian_blur=0, normalize=None
    )
    image = Image.fromarray(frame)
    theirs = torch.stack([transform(image) for _ in range(count)])
    pixels = torch.from_numpy(np.repeat(frame[None], count, axis=0))
    mine = Renderer(CPU, 1)(pixels, drawn(count, seed=5, color_jitter=strength))

    def figures(views: torch.Tensor) -> dict[str, NDArray]:
        flat = views.flatten(2)
        return {
            **{f"mean of {name}": flat[:, c].mean(1).numpy() for c, name in enumerate(["red", "green", "blue"])},
            "contrast": flat.mean(1).std(1).numpy(),
            "saturation": (flat.amax(1) - flat.amin(1)).mean(1).numpy(),
            "top to bottom": (views[:, :, :8].mean((1, 2, 3)) - views[:, :, -8:].mean((1, 2, 3))).numpy(),
            "left to right": (views[:, :, :, :8].mean((1, 2, 3)) - views[:, :, :, -8:].mean((1, 2, 3))).numpy(),
        }

    for name, (ours, reference_values) in {
        name: (ours, figures(theirs)[name]) for name, ours in figures(mine).items()
    }.items():
        # Their steps round to 8 bits, which moves a gray view's saturation from 0 to a little more.
        moved = stats.ks_2samp(np.round(ours, 2), np.round(reference_values, 2))
        assert moved.pvalue > 0.0005, (name, moved)


def test_the_same_seed_draws_the_same() -> None:
    first, second = drawn(20), drawn(20)
    assert all((one == other).all() for one, other in zip(first.arrays(), second.arrays(), strict=True))
    other = drawn(20, seed=2)
    assert not (first.box == other.box).all()


def test_shares() -> None:
    draws = drawn(1000)
    changed = (draws.factors != [1, 1, 1, 0]).any(axis=1)
    assert changed.mean() == pytest.approx(0.8, abs=0.05)
    assert draws.gray.mean() == pytest.approx(0.2, abs=0.05)
    assert draws.flip.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.06)
    assert len(np.unique(draws.order, axis=0)) == 24
