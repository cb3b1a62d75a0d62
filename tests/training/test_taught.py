"""Learning from a teacher: what it is asked to look at, what becomes of its maps, and that the student follows."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from linecam.networks.models import Backbone, backbone, maps_of
from linecam.networks.starting_weights import start_from_ours, starting_weights
from linecam.training import augment, taught
from linecam.training.augment import view
from linecam.training.descent import Recipe
from linecam.training.taught import CLAMP, Student, Views, learn, look, resized, standardized
from tests.training.frames import some_frames

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
NETWORK, SIDE = "swift7-32", 48
RECIPE = Recipe(NETWORK, 30, 1, batch_size=16)


class Seer(nn.Module):
    """A small stand-in for the large network: the picture itself in cells, and a mixture of its colours."""

    side = 32

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        self.seen.append(images)
        mixed = torch.cat([images, images.flip(1) * images], dim=1)
        return [F.avg_pool2d(images, 8), F.avg_pool2d(mixed, 16)], mixed.mean(dim=(2, 3))


@pytest.fixture(params=[SIDE, 3 * SIDE], ids=["square", "oblong"])
def frames(request: pytest.FixtureRequest) -> NDArray[np.uint8]:
    return some_frames(12, SIDE, width=request.param)


@pytest.fixture
def seer() -> Seer:
    return Seer()


@pytest.fixture
def views(frames: NDArray[np.uint8], seer: Seer) -> Views:
    return look(frames, 64, seer, 1, CPU)  # type: ignore[arg-type]


# --- what the teacher looks at


@pytest.mark.parametrize(("asked", "given"), [(30, 30), (12, 12), (3, 12)])
def test_each_frame_is_seen_and_first_as_a_whole(frames: NDArray[np.uint8], seer: Seer, asked: int, given: int) -> None:
    views = look(frames, asked, seer, 1, CPU)  # type: ignore[arg-type]
    assert len(views.frame) == len(views.place) == len(views.maps[0]) == given
    np.testing.assert_array_equal(views.frame[:12], np.arange(12))
    np.testing.assert_array_equal(views.place[:12], np.tile(np.float32(augment.WHOLE), (12, 1, 1)))
    assert (np.bincount(views.frame) >= given // 12).all(), "all of them about as often"
    whole = view(frames, views.place[:12], Seer.side)
    torch.testing.assert_close(torch.cat(seer.seen)[:12], whole, rtol=0, atol=0)


def test_other_views_look_elsewhere_each_and_never_in_another_light(
    frames: NDArray[np.uint8], views: Views, seer: Seer
) -> None:
    assert len(np.unique(views.place[12:], axis=0)) == 64 - 12
    expected = view(frames[views.frame], views.place, Seer.side)
    torch.testing.assert_close(torch.cat(seer.seen), expected, rtol=0, atol=0)


def test_equal_seeds_look_at_equal_views(frames: NDArray[np.uint8]) -> None:
    one, two, other = (look(frames, 20, Seer(), seed, CPU) for seed in (1, 1, 2))  # type: ignore[arg-type]
    np.testing.assert_array_equal(one.place, two.place)
    assert all((first == second).all() for first, second in zip(one.maps, two.maps, strict=True))
    assert (one.place != other.place).any()


# --- its maps


def test_maps_have_mean_0_and_deviation_1_in_each_channel() -> None:
    rng = np.random.default_rng(1)
    scales, offsets = np.array([0.3, 1, 20]), np.array([-5, 0, 30])
    maps = torch.from_numpy(rng.normal(size=(900, 3, 4, 4)) * scales[:, None, None] + offsets[:, None, None]).half()
    before = maps.float()
    found = standardized(maps)
    assert found.dtype == torch.float16
    assert found.data_ptr() == maps.data_ptr(), "in place: they are large"
    np.testing.assert_allclose(found.float().mean(dim=(0, 2, 3)), 0, atol=0.02)
    np.testing.assert_allclose(found.float().std(dim=(0, 2, 3)), 1, atol=0.02)
    for channel in range(3):
        assert np.corrcoef(found[:, channel].flatten(), before[:, channel].flatten())[0, 1] > 0.999


def test_a_long_tail_ends_and_a_channel_that_says_nothing_stays_so() -> None:
    maps = torch.zeros(300, 2, 4, 4).half()
    maps[:, 0].normal_(generator=torch.Generator().manual_seed(1))
    maps[7, 0, 1, 1] = 500
    found = standardized(maps)
    assert found.abs().max() == CLAMP
    assert (found[:, 1] == 0).all()


@pytest.mark.parametrize("side", [2, 7])
def test_targets_of_another_size_are_resized(side: int) -> None:
    """Without steps: what rises evenly still does, and means stay."""
    ramp = torch.arange(6.0).tile(1, 1, 6, 1)
    found = resized(ramp, torch.zeros(1, 4, side, side))
    assert found.shape == (1, 1, side, side)
    assert found.mean().item() == pytest.approx(ramp.mean().item(), abs=1e-5)
    assert (found[0, 0].diff(dim=1) > 0).all()
    assert found[0, 0].diff(dim=0).abs().max() < 1e-5
    assert resized(ramp, torch.zeros(1, 4, 6, 6)) is ramp


def test_a_smaller_target_is_made_of_all_cells() -> None:
    maps = torch.zeros(1, 1, 8, 8, requires_grad=True)
    resized(maps, torch.zeros(1, 1, 2, 2)).sum().backward()
    assert maps.grad is not None
    assert (maps.grad > 0).all()


# --- the student


def test_a_student_guesses_the_finer_map_and_twice_the_coarser() -> None:
    student = Student("swift7-64", [5, 9])
    images = torch.rand(2, 3, 64, 64)
    guesses = student(images)
    assert [guess.shape[1] for guess in guesses] == [5, 9, 9]
    maps = maps_of(student.backbone, images)[-3:]
    assert [guess.shape[2:] for guess in guesses] == [one.shape[2:] for one in maps]


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[NDArray[np.uint8], NDArray[np.float32], Tensor]]:
    """The frames, places and images of each rendering."""
    noted: list[tuple[NDArray[np.uint8], NDArray[np.float32], Tensor]] = []

    def noting(frames: NDArray[np.uint8], place: NDArray[np.float32], *others: object) -> Tensor:
        images = view(frames, place, *others)  # type: ignore[arg-type]
        noted.append((frames, place, images))
        return images

    monkeypatch.setattr(taught.augment, "view", noting)
    return noted


def test_the_student_looks_from_where_the_teacher_did_and_in_other_light(
    frames: NDArray[np.uint8], views: Views, rendered: list[tuple[NDArray[np.uint8], NDArray[np.float32], Tensor]]
) -> None:
    learn(frames, views, Recipe(NETWORK, 6, 1, batch_size=8), CPU)
    assert len(rendered) == 7, "one for each step, and one ahead"
    known = {
        (frames[number].tobytes(), place.tobytes()) for number, place in zip(views.frame, views.place, strict=True)
    }
    for seen, places, images in rendered:
        assert {(frame.tobytes(), place.tobytes()) for frame, place in zip(seen, places, strict=True)} <= known
        still = view(seen, places, 32)
        # Turned or mirrored otherwise, it would be another picture; light alone changes no order of its pixels.
        alike = [np.corrcoef(one.flatten(), other.flatten())[0, 1] for one, other in zip(images, still, strict=True)]
        assert min(alike) > 0.8
        assert (images.mean(dim=(1, 2, 3)) - still.mean(dim=(1, 2, 3))).abs().max() > 0.02


def test_the_student_comes_to_see_what_the_teacher_sees(frames: NDArray[np.uint8], views: Views) -> None:
    """In the view that it looks at: another one's maps cannot be learned from what it sees."""
    network, losses = learn(frames, views, RECIPE, CPU)
    assert isinstance(network, Backbone)
    assert losses[-1] < 0.6 * losses[0]
    mixed = torch.from_numpy(np.random.default_rng(1).permutation(len(views.frame)))
    others = Views(views.frame, views.place, [one[mixed] for one in views.maps])
    _, wrong = learn(frames, others, RECIPE, CPU)
    assert losses[-1] < 0.8 * wrong[-1]


def test_equal_seeds_give_equal_bytes(frames: NDArray[np.uint8], views: Views) -> None:
    one, two, other = (
        learn(frames, views, Recipe(NETWORK, 3, seed, batch_size=8), CPU)[0].state_dict() for seed in (1, 1, 2)
    )
    assert all((one[name] == two[name]).all() for name in one)
    assert any((one[name] != other[name]).any() for name in one)
    assert one.keys() == backbone(NETWORK).state_dict().keys(), "the projectors stay behind"


def test_a_network_with_starting_weights_begins_with_them(frames: NDArray[np.uint8], views: Views) -> None:
    """Two steps of almost no length leave the weights where they began."""
    still = Recipe("slim7-32", 2, 1, batch_size=4, learning_rate=1e-9, weight_decay=0)
    begun, ours = backbone("slim7-32"), learn(frames, views, still, CPU)[0].cpu().state_dict()
    assert start_from_ours(begun, "slim7-32")
    for name, weight in begun.named_parameters():
        assert torch.allclose(ours[name], weight, atol=1e-5), name
    assert starting_weights("swift7-32") is None
    assert not start_from_ours(backbone("swift7-32"), "swift7-32")
