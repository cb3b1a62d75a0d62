"""Pretraining on rendered frames: it learns, it leaves out the classifier, and gives the same bytes again."""

import pandas as pd
import pytest
import torch

from linecam.camera.region import Region
from linecam.networks.models import backbone, load_weights
from scripts.initialise_backbone import initialise_backbone
from scripts.pretrain_on_rendered import pretrain_on_rendered
from scripts.render_belt import render_belt

NETWORK = "swift7-32"
MIDDLE = Region(side=96)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    place = tmp_path_factory.mktemp("rendered")
    render_belt(place / "frames", place / "truth.csv", frames=64, seed=1001, workers=2)
    initialise_backbone(place / "start.safetensors", network=NETWORK, seed=1)
    return place


def pretrained(place, name, epochs=3, region=MIDDLE):
    files = [place / "frames", place / "truth.csv", place / "start.safetensors"]
    results = [place / f"{name}.safetensors", place / f"{name}.csv"]
    pretrain_on_rendered(*files, *results, network=NETWORK, region=region, epochs=epochs, seed=1)
    return results


def test_a_backbone_and_its_history(drawn):
    weights, history = pretrained(drawn, "one", epochs=12)
    losses = pd.read_csv(history)
    assert losses["epoch"].tolist() == list(range(1, 13))
    assert losses["loss"].iloc[-1] < losses["loss"].iloc[0]
    model, begun = backbone(NETWORK), backbone(NETWORK)
    assert load_weights(weights, model) == {"network": NETWORK, "method": "rendered"}
    load_weights(drawn / "start.safetensors", begun)
    assert not torch.equal(model[0].weight, begun[0].weight)


def test_the_same_bytes_again(drawn):
    first, second = pretrained(drawn, "a"), pretrained(drawn, "b")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_it_trains_on_the_region(drawn):
    """An oblong one, too: the weights are others than those of the square."""
    wide = Region(roi=(0, 100, 320, 60), frame=(320, 240))
    one, _ = pretrained(drawn, "wide", epochs=1, region=wide)
    other, _ = pretrained(drawn, "square", epochs=1)
    assert one.read_bytes() != other.read_bytes()
