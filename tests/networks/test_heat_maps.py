"""Where a network looks: its maps add up to how two scores differ, and point to what a frame is judged by."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from linecam.networks.heat_maps import heat_maps
from linecam.networks.models import Classifier, to_images
from tests.networks.test_networks import shaken

CPU = torch.device("cpu")


@pytest.mark.parametrize("pooling", ["max", "mean"])
@pytest.mark.parametrize("network", ["slim7-64", "swift9-32"])
def test_the_cells_add_up_to_how_the_scores_follow_the_features(network: str, pooling: str) -> None:
    """Features times gradient, summed, is the derivative of the scores by a factor on all features."""
    torch.manual_seed(1)
    model = shaken(Classifier(network, 3))
    model.backbone.pooling = pooling
    side = int(network.partition("-")[2])
    pixels = np.random.default_rng(1).integers(0, 256, (5, side, side, 3), np.uint8)
    favoured, against = np.array([0, 1, 2, 0, 1]), np.array([1, 2, 0, 2, 0])
    maps = heat_maps(model, pixels, favoured, against, CPU)
    assert maps.shape == (5, side // 4, side // 4)

    # In both networks the maps are of the last block that has a quarter of the side.
    cut = {"slim7-64": 4, "swift9-32": 5}[network]
    layers = list(model.double().backbone)
    with torch.inference_mode():
        features = nn.Sequential(*layers[:cut])(to_images(pixels).double())
        assert features.shape[2:] == maps.shape[1:]

        def margin(factor: float) -> np.ndarray:
            logits = model.head(model.backbone.pool(nn.Sequential(*layers[cut:])(factor * features))).numpy()
            rows = np.arange(5)
            return logits[rows, favoured] - logits[rows, against]

        step = 1e-7
        expected = (margin(1 + step) - margin(1 - step)) / (2 * step)
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), expected, rtol=1e-3, atol=1e-4)


def test_no_frame_has_no_map() -> None:
    none = np.zeros(0, np.intp)
    assert len(heat_maps(Classifier("slim7-64", 3).eval(), np.zeros((0, 64, 64, 3), np.uint8), none, none, CPU)) == 0


SIDE, SPOT, STEPS = 32, 6, 25


def spotted(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grey frames with noise, half of them with a dark spot: pixels, 1 where there is one, and its left and top."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(150, 10, (count, SIDE, SIDE, 3))
    kinds = np.arange(count) % 2
    places = rng.integers(0, SIDE - SPOT, (count, 2))
    for n in np.flatnonzero(kinds):
        left, top = places[n]
        pixels[n, top : top + SPOT, left : left + SPOT] -= 80
    return np.clip(pixels, 0, 255).astype(np.uint8), kinds, places


def trained() -> Classifier:
    """A network that has learned to find spots, in a second."""
    torch.manual_seed(1)
    model = Classifier("slim7-32", 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    pixels, kinds, _ = spotted(64, seed=1)
    images, targets = to_images(pixels), torch.from_numpy(kinds)
    for _ in range(STEPS):
        loss = F.cross_entropy(model(images), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # In so few steps the norms' averages have not come to what they are of.
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    with torch.no_grad():
        model(images)
    return model.eval()


def test_the_strongest_cell_is_that_of_the_defect() -> None:
    """Of frames that the network has not seen; where the spot lies is known."""
    model = trained()
    pixels, kinds, places = spotted(80, seed=2)
    with torch.inference_mode():
        right = (model(to_images(pixels)).argmax(dim=1).numpy() == kinds).mean()
    assert right > 0.9, "it has not learned to find spots"
    pixels, places = pixels[kinds == 1], places[kinds == 1]
    ones = np.ones(len(pixels), np.intp)
    maps = heat_maps(model, pixels, ones, 1 - ones, CPU)
    cells = maps.shape[1]
    # Cells that hold any of the spot.
    first, last = (places * cells // SIDE, (places + SPOT - 1) * cells // SIDE)
    down, across = np.divmod(maps.reshape(len(maps), -1).argmax(axis=1), cells)
    at = np.stack([across, down], axis=1)
    hits = ((first <= at) & (at <= last)).all(axis=1).mean()
    chance = ((last - first + 1).prod(axis=1) / cells**2).mean()
    assert hits > 0.7 > 5 * chance
