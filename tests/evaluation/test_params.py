"""What a rule hands to a script as plain values comes out of it as it was, and Snakemake can compare it."""

import json
from pathlib import Path

import pytest

from linecam.evaluation.candidates import Candidate, TrainedModel
from linecam.evaluation.studies import StudiedModel, StudiedSelection
from linecam.networks.model_name import ModelName

NAME = ModelName("swift7-64", "none", "coreset-60", 1)
HANDED = [
    Candidate(
        NAME, "calibrated", Path("m.tflite"), Path("score"), Path("held_out"), Path("history"), Path("thresholds"),
        Path("metrics"),
        {"h7": Path("h7.json")}, {"h7": Path("h7.tflite")},
    ),
    TrainedModel(NAME, Path("history"), Path("score"), {"float": Path("f.json")}, {"calibrated": Path("c.csv")}),
    StudiedModel("swift7-64", "none", 25, 1, Path("float.json")),
    StudiedModel("swift7-64", "none", 60, 1, Path("float.json"), Path("int8.json"), Path("int8.csv"), Path("h7.json")),
    StudiedSelection("coreset", 25, 2, Path("split.csv"), Path("float.csv")),
    TrainedModel(NAME, Path("history"), Path("score"), {}, {}, Path("float.csv"), {"0": Path("learning/0.csv")},
                 Path("soft.csv")),
]  # fmt: skip


@pytest.mark.parametrize("value", HANDED, ids=lambda value: type(value).__name__)
def test_a_value_survives_the_way_from_rule_to_script(value):
    param = json.loads(json.dumps(value.as_param()))
    assert param == value.as_param()
    assert type(value).from_param(param) == value


def test_what_is_not_there_is_no_parameter():
    assert HANDED[2].as_param() == {
        "network": "swift7-64", "method": "none", "labels": 25, "seed": 1, "float_metrics": "float.json",
    }  # fmt: skip
