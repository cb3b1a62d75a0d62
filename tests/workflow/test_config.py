"""The configuration as it is read: files laid over each other, and defaults filled in."""

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest

from linecam.boards.catalogue import load_boards
from linecam.errors import UserError
from linecam.files import ROOT
from linecam.workflow.config import check, load_settings, read_settings
from linecam.yaml_file import load_yaml
from tests.workflow.configurations import BASE, BOARDS, SMALL

DATASETS = sorted(path for path in (ROOT / "config").glob("*.yaml") if "dataset" in (load_yaml(path) or {}))


@pytest.mark.parametrize("path", DATASETS, ids=lambda path: path.name)
def test_every_committed_configuration_is_valid(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    check(read_settings([path]), BOARDS)


def test_there_are_the_belt_and_the_masks():
    assert {"config.yaml", "masks.yaml"} <= {path.name for path in DATASETS}


def test_config_yaml_holds_no_default():
    """A default that stands in two places is one that two places disagree about."""
    assert load_yaml(BASE) == {"dataset": {"name": "belt", "kind": "belt"}}


def test_a_configuration_needs_no_other_file_where_it_lies(tmp_path, monkeypatch):
    """As with `snakemake -s elsewhere/Snakefile --directory X`: what is linecam's is found by its own place."""
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("dataset: {name: x, kind: belt}\n")
    settings = read_settings(["mine.yaml"])
    check(settings, load_boards())
    assert settings == load_settings(SMALL)


def test_without_any_configuration_one_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"There is no config/config\.yaml in .*--configfile FILE"):
        read_settings([])


def test_of_several_files_the_last_counts_and_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("config").mkdir()
    Path("config/config.yaml").write_text("dataset: {name: x, kind: belt}\nselect: {train: 3, test: 3, gap: 3}\n")
    Path("first.yaml").write_text("select:\n  train: 4\n  test: 4\n")
    Path("last.yaml").write_text("\n\nselect:\n  train: 5\n")
    select = read_settings(["first.yaml", "last.yaml"]).select
    assert (select.train, select.test, select.gap) == (5, 4, 3)
    Path("first.yaml").write_text("select: {train: 0}\n")
    Path("last.yaml").write_text("\n\nselect:\n  train: 0\n")
    with pytest.raises(UserError, match=r"select\.train is 0 \(last\.yaml, line 4\)"):
        read_settings(["first.yaml", "last.yaml"])


def test_reading_a_configuration_takes_no_numerical_package():
    """Snakemake reads it at every start: pandas alone would take half a second."""
    code = "import sys, linecam.workflow.plan; print({'numpy', 'pandas', 'torch', 'jsonschema'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_the_defaults_are_right_values():
    """pydantic checks what a user writes, and takes a default as it is."""
    assert load_settings(load_settings(SMALL).as_dict()) == load_settings(SMALL)


def test_defaults_fill_what_is_left_out():
    settings = load_settings({"dataset": {"name": "x", "kind": "belt"}, "select": {"train": 7}})
    assert settings.as_dict()["select"] == {"train": 7, "test": 500, "gap": 0, "seed": 1}
    assert settings.dataset.classes == ("bad", "good", "no_mask")
    assert settings.as_dict()["pretrain"]["cpu"] == {"epochs": 5, "batch_size": 128}
    held = dict.fromkeys(("exposure_us", "gain_db", "white_balance"))
    assert settings.as_dict()["camera"] == {"frame_size": "QVGA", "side": None, "roi": None, "rois": None} | held
    assert settings.quantize.ranges[0] == "calibrated"


def test_a_part_of_a_section_keeps_the_defaults_of_the_rest():
    settings = load_settings(SMALL | {"pretrain": {"cpu": {"epochs": 2}, "rendered": {"frames": 90}}})
    assert (settings.pretrain.cpu.epochs, settings.pretrain.cpu.batch_size) == (2, 128)
    assert (settings.pretrain.rendered.frames, settings.pretrain.rendered.epochs) == (90, 12)


def test_the_strategies_are_left_to_the_layout_of_the_folder():
    assert "strategies" not in load_settings(SMALL).as_dict()["select"]
    assert load_settings(SMALL | {"select": {"strategies": ["random"]}}).as_dict()["select"]["strategies"] == ["random"]


def test_the_configuration_handed_in_stays_as_it_is():
    config = deepcopy(SMALL)
    done = load_settings(config).as_dict()
    done["quantize"]["ranges"].append("x")
    done["pretrain"]["cpu"]["epochs"] = 99
    assert config == SMALL
    assert load_settings(config).pretrain.cpu.epochs == 5
    assert "x" not in load_settings(config).as_dict()["quantize"]["ranges"]


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        load_settings(SMALL).select.train = 5


@pytest.mark.parametrize("number", [25, 25.0])
def test_numbers_are_handed_on_as_written(number):
    """The manifest has them: 25 and 25.0 are the same number in other bytes."""
    settings = load_settings(SMALL | {"quantize": {"ranges": [[-0.5, number]]}, "bundle": {"latency_ms": number}})
    plain = settings.as_dict()
    assert json.dumps(plain["quantize"]["ranges"]) == f"[[-0.5, {number}]]"
    assert json.dumps(plain["bundle"]["latency_ms"]) == str(number)
    assert json.dumps(load_settings(SMALL).as_dict()["quantize"]["ranges"][1]) == "[-25, 25]"
