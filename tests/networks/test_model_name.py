"""Names of models and selections: what is parsed prints itself again, and what is not a name is refused."""

import pytest

from linecam.networks.model_name import ModelName
from linecam.selection.selection_name import SelectionName

NAMES = {
    "swift7-112-simclr/coreset-200/seed-1": ModelName("swift7-112", "simclr", "coreset-200", 1),
    "resnet9-64-none/given/seed-0": ModelName("resnet9-64", "none", "given", 0),
    "swift7-64-rendered/random-25-draw-2/seed-12": ModelName("swift7-64", "rendered", "random-25-draw-2", 12),
}
SELECTIONS = {
    "given": SelectionName("given"),
    "coreset-200": SelectionName("coreset", 200),
    "random-25-draw-1": SelectionName("random", 25, draw=1),
    "coreset-200-first-25": SelectionName("coreset", 200, first=25),
    "given-first-50": SelectionName("given", first=50),
}


@pytest.mark.parametrize(("text", "name"), NAMES.items())
def test_a_model_name_parses_and_prints_itself(text, name):
    assert ModelName.parse(text) == name
    assert str(name) == text


def test_a_model_name_knows_backbone_and_input_size():
    name = ModelName.parse("swift7-112-simclr/coreset-200/seed-1")
    assert name.backbone == "swift7-112-simclr"
    assert name.input_size == 112


@pytest.mark.parametrize("text", ["", "swift7-112-simclr", "a/b", "swift7-112-simclr/coreset-200/seed-x", "a/b/c/d"])
def test_what_is_no_model_name_is_refused(text):
    with pytest.raises(ValueError, match=r"network-method/selection/seed-N"):
        ModelName.parse(text)


@pytest.mark.parametrize(("text", "name"), SELECTIONS.items())
def test_a_selection_name_parses_and_prints_itself(text, name):
    assert SelectionName.parse(text) == name
    assert str(name) == text


def test_the_labels_of_a_selection():
    labels = {text: SelectionName.parse(text).labels for text in SELECTIONS}
    assert labels == {
        "given": None,
        "coreset-200": 200,
        "random-25-draw-1": 25,
        "coreset-200-first-25": 25,
        "given-first-50": 50,
    }


@pytest.mark.parametrize("text", ["", "200", "coreset-", "coreset-200-draw", "Coreset-200", "coreset-200-first-"])
def test_what_is_no_selection_name_is_refused(text):
    with pytest.raises(ValueError, match="strategy-count"):
        SelectionName.parse(text)
