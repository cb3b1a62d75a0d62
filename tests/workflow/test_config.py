"""The configuration: defaults filled in, and every mistake named with its key, its line and what would be right."""

import json
import re
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from linecam.boards.catalogue import load_boards
from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.files import ROOT
from linecam.frames.folder import read_folder
from linecam.workflow.config import check, check_files, load_settings, read_settings, region_of
from linecam.workflow.line_checks import check_drift
from linecam.workflow.plan import Plan
from linecam.workflow.settings import Settings
from linecam.workflow.study_plan import tuned_backbones
from linecam.yaml_file import load_yaml

BOARDS = load_boards()
BASE = ROOT / "config" / "config.yaml"
DATASETS = sorted(path for path in (ROOT / "config").glob("*.yaml") if "dataset" in (load_yaml(path) or {}))
SMALL = {"dataset": {"name": "x", "kind": "belt"}}


def laid_over(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """As Snakemake does: mappings are merged, anything else is replaced."""
    merged = deepcopy(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = laid_over(merged[key], value) if both else deepcopy(value)
    return merged


class Mine:
    """A user's file over config/config.yaml."""

    def __init__(self, place: Path) -> None:
        self.path = place / "mine.yaml"

    def settings(self, text: str) -> Settings:
        self.path.write_text(text, encoding="utf-8")
        return load_settings(laid_over(load_yaml(BASE), load_yaml(self.path)), [self.path, BASE])

    def mistakes(self, text: str) -> list[str]:
        with pytest.raises(UserError) as error:
            self.settings(text)
        lines = str(error.value).splitlines()
        found = [line.removeprefix("  - ") for line in lines if line.startswith("  - ")]
        assert f"{len(found)} mistake{'s' * (len(found) > 1)}:" in lines[0]
        assert "docs/configuration.md" in lines[-1]
        return found

    def mistake(self, text: str) -> str:
        found = self.mistakes(text)
        assert len(found) == 1, found
        return found[0]


@pytest.fixture
def mine(tmp_path: Path) -> Mine:
    return Mine(tmp_path)


# --- what is committed


@pytest.mark.parametrize("path", DATASETS, ids=lambda path: path.name)
def test_every_committed_configuration_is_valid(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    check(read_settings([path]), BOARDS)


def test_there_are_the_belt_and_the_masks():
    assert {"config.yaml", "masks.yaml"} <= {path.name for path in DATASETS}


def test_config_yaml_holds_no_default():
    """A default that stands in two places is one that two places disagree about."""
    assert load_yaml(BASE) == {"dataset": {"name": "belt", "kind": "belt"}}


# --- files laid over each other


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


# --- defaults


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


# --- wrong keys


@pytest.mark.parametrize(
    ("text", "key", "line", "right"),
    [
        ("selekt:\n  train: 5\n", "selekt", 1, "select"),
        ("select:\n  trian: 5\n", "select.trian", 2, "train"),
        ("# a\n\ndataset:\n  name: x\n  sorce: y\n", "dataset.sorce", 5, "source"),
        ("pretrain:\n  cpu:\n    epoch: 5\n", "pretrain.cpu.epoch", 3, "epochs"),
        ("pretrain: {learning_rat: 5}\n", "pretrain.learning_rat", 1, "learning_rate"),
        ("finetune:\n  seed: 1\n", "finetune.seed", 2, "seeds"),
    ],
)
def test_a_wrong_key_is_named_with_its_line_and_the_nearest_right_one(mine, text, key, line, right):
    message = mine.mistake(text)
    assert message.startswith(f"{key} is not a key ({mine.path}, line {line}).")
    assert f"Did you mean {right}?" in message


def test_a_key_like_none_lists_them_all(mine):
    message = mine.mistake("bundle:\n  zzz: 1\n")
    assert "Did you mean" not in message
    assert "boards, accept, votes" in message


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (
            "exposure_us: true",
            "exposure_us is true (FILE, line 2). Write a whole number from 1 to 10,000,000, or auto.",
        ),
        ("exposure_us: often", 'exposure_us is "often" (FILE, line 2). Write a whole number from 1 to 10,000,000, or'),
        ("gain_db: {a: 1}", 'gain_db is {"a": 1} (FILE, line 2). Write a number from '),
        ("white_balance: [1, x, 2]", 'white_balance is [1, "x", 2] (FILE, line 2). Write a list of 3, each a number'),
        ("white_balance: [1, 2]", "white_balance is [1, 2] (FILE, line 2). Write a list of 3"),
    ],
)
def test_a_value_of_several_forms(mine, value, told):
    message = mine.mistake(f"camera:\n  {value}\n")
    assert told.replace("FILE", str(mine.path)) in message
    assert message.count("camera.") == 1, "one mistake, told once"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("train: 5\n", "Did you mean pretrain or select.train?"),
        ("dataset:\n  name: x\n  belt: {frames: 5}\n", "Did you mean belt (not indented)?"),
        ("kind: belt\n", "Did you mean dataset.kind?"),
        (
            "pretrain: {epochs: 5}\n",
            "Did you mean pretrain.rendered.epochs or pretrain.cpu.epochs or pretrain.gpu.epochs?",
        ),
        ("select.train: 5\n", "Write train below select, indented."),
        ("pretrain: {cpu.epochs: 5}\n", "Write epochs below pretrain.cpu, indented."),
    ],
)
def test_a_key_at_a_wrong_place_is_told_the_right_one(mine, text, told):
    assert told in mine.mistake(text)


def test_what_nobody_sees_in_a_key_is_spelt_out(mine):
    assert mine.mistake("select:\n  \u00a0train: 5\n").startswith("'select.\\xa0train' is not a key")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("bundle: {latency_ms: 70ms}", 'is "70ms" (FILE, line 1). Write a number. Write it without the unit: 70.'),
        ("bundle: {period_ms: 1 s}", "Write a whole number. Write it without the unit."),  # 1 ms, or 1000?
        ("select: {train: 200 frames}", "Write it without the unit."),
        ("evaluate: {confidence: 95%}", "As a share, 95% is 0.95."),
        ("finetune:\n  learning_rate: 0,005\n", "Write it with a point: 0.005."),
        ("finetune:\n  learning_rate: '0.005'\n", "Write it without quotes."),
        ("select:\n  train: '5'\n", "Write it without quotes."),
    ],
)
def test_a_number_with_something_around_it_is_told_how_to_write_it(mine, text, told):
    assert mine.mistake(text).endswith(told.replace("FILE", str(mine.path)))


@pytest.mark.parametrize("text", ["select:\n  train: '1.5'\n", "select:\n  train: 1,5\n", "select:\n  train: a1\n"])
def test_text_that_no_number_is_in_gets_no_more_advice(mine, text):
    assert mine.mistake(text).endswith("Write a whole number.")


def test_a_comma_within_a_number_in_braces_is_told(mine):
    told = "In braces a comma begins a new key: write 0.95 for 0,95"
    assert [told in line for line in mine.mistakes("bundle: {recall: {bad: 0,95}}")] == [True, False]
    assert told in mine.mistake("select: {train: 1,000}")
    assert told not in mine.mistake("select: {train: 1, 2: 3}")
    assert told not in mine.mistake("bundle: {recall: {1: 0.5}}")


def test_a_list_that_ends_early_is_told_how_long_it_is(mine):
    assert (
        mine.mistake("camera: {roi: [1, 2]}")
        == f"camera.roi ({mine.path}, line 1) is too short a list: it takes 4 values."
    )


def test_what_the_command_line_lays_over_a_file_is_not_told_of_the_file(mine):
    mine.path.write_text("select: {train: 5}\nfinetune: {epochs: many}\n")
    config = laid_over(SMALL, {"select": {"train": "6"}, "finetune": {"epochs": "many"}})
    with pytest.raises(UserError) as error:
        load_settings(config, [mine.path])
    assert 'select.train is "6". Write a whole number. In brackets, --config' in str(error.value)
    assert f'finetune.epochs is "many" ({mine.path}, line 2).' in str(error.value)


def test_a_key_that_is_no_text(mine):
    assert "select has the key 1 (" in mine.mistake("select:\n  1: 2\n")


# --- wrong values and types


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("select:\n  train: 0\n", "select.train", 2),
        ("select:\n  train: -5\n", "select.train", 2),
        ("select:\n  train: '200'\n", "select.train", 2),
        ("select:\n  train: 1.5\n", "select.train", 2),
        ("select:\n  train: true\n", "select.train", 2),
        ("select:\n  train: [200]\n", "select.train", 2),
        ("select:\n  train:\n", "select.train", 2),
        ("select:\n  seed: 4294967296\n", "select.seed", 2),
        ("select:\n  strategies: coreset\n", "select.strategies", 2),
        ("select:\n  strategies: []\n", "select.strategies", 2),
        ("select:\n  strategies:\n    - coreset\n    - corset\n", "select.strategies[1]", 4),
        ("select: 5\n", "select", 1),
        ("dataset:\n  kind: folders\n", "dataset.kind", 2),
        ("dataset:\n  name: My Line\n", "dataset.name", 2),
        ("dataset:\n  name: ../up\n", "dataset.name", 2),
        ("dataset:\n  name: ''\n", "dataset.name", 2),
        ('dataset:\n  name: "x\\n"\n', "dataset.name", 2),
        ('dataset:\n  classes: ["good\\n", bad]\n', "dataset.classes[0]", 2),
        ("networks: [swift7-1e2]\n", "networks[0]", 1),
        ("finetune:\n  epochs: 1e3\n", "finetune.epochs", 2),
        ("finetune:\n  learning_rate: 1e\n", "finetune.learning_rate", 2),
        ("dataset:\n  classes: [a]\n", "dataset.classes", 2),
        ("dataset:\n  classes: [a, a]\n", "dataset.classes", 2),
        ("dataset:\n  classes: [good part, bad]\n", "dataset.classes[0]", 2),
        ("dataset:\n  classes: [yes, a]\n", "dataset.classes[0]", 2),  # YAML reads True
        ("dataset:\n  max_pixels: 0\n", "dataset.max_pixels", 2),
        ("networks: [resnet9]\n", "networks[0]", 1),
        ("networks: [swift7-064]\n", "networks[0]", 1),
        ("networks: [swift7-112, ../swift7-64]\n", "networks[1]", 1),
        ("camera:\n  frame_size: qvga\n", "camera.frame_size", 2),
        ("finetune:\n  folds: 1\n", "finetune.folds", 2),
        ("finetune:\n  folds: 21\n", "finetune.folds", 2),
        ("finetune:\n  folds: 2.5\n", "finetune.folds", 2),
        ("finetune:\n  label_smoothing: 1\n", "finetune.label_smoothing", 2),
        ("finetune:\n  batch_size: 1\n", "finetune.batch_size", 2),
        ("finetune:\n  learning_rate: 0\n", "finetune.learning_rate", 2),
        ("evaluate:\n  confidence: 95\n", "evaluate.confidence", 2),
        ("bundle:\n  boards: []\n", "bundle.boards", 2),
        ("bundle:\n  votes: 101\n", "bundle.votes", 2),
        ("bundle:\n  accept: bad\n", "bundle.accept", 2),
        ("pretrain:\n  methods: [simsiam]\n", "pretrain.methods[0]", 2),
    ],
)
def test_a_wrong_value_is_named_with_its_line(mine, text, key, line):
    assert mine.mistake(text).startswith(f"{key} is ")
    assert f"({mine.path}, line {line})" in mine.mistake(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("select: {train: 0}", "It has to be at least 1."),
        ("select: {train: many}", "Write a whole number."),
        ("select: {strategies: coreset}", "Write a list: "),
        ("select: {strategies: []}", "The list is too short: it takes 1 or more."),
        ("select: 5", "Write its keys below it, one a line, or leave it out."),
        ("finetune: {folds: 21}", "It has to be at most 20."),
        ("finetune: {augment: {flips: 1}}", "Write true or false."),
        ("finetune: {augment: {turn: 181}}", "It has to be at most 180.0."),
        ("finetune: {learning_rate: fast}", "Write a number."),
        ("finetune: {learning_rate: 0}", "It has to be more than 0."),
        ("finetune: {label_smoothing: 1}", "It has to be less than 1."),
        ("finetune: {weight_decay: .inf}", "Write a finite number."),
        ("finetune: {seeds: [1, 2, 1]}", "1 is in it twice."),
        ("dataset: {name: [x]}", "Write text; in quotes, where YAML reads something else."),
        (f"dataset: {{name: {'x' * 300}}}", "It is too long: it takes at most 64 characters."),
        (f"dataset: {{classes: [a, {'x' * 300}]}}", "It is too long: it takes at most 64 characters."),
        ("dataset: {classes: [train, a]}", "A folder of that name says which frames are for training"),
        ("dataset: {classes: [a, test]}", "A folder of that name says which frames are for training"),
        ("dataset: {classes: [a, nan]}", "Programs that read tables, such as pandas, take that for an empty cell."),
        ("dataset: {classes: [a, 'null']}", "Programs that read tables, such as pandas, take that for an empty cell."),
        ("shards: 100000", "It has to be at most 1000."),
        ("dataset: {classes: [a, b, a]}", '"a" is in it twice.'),
        ("dataset: {definitions: {bad: ''}}", "It is empty. Write text, or leave the key out."),
        ("dataset: {definitions: scratched}", "Write its keys below it, one a line, or leave it out."),
        ("dataset: {name: My Line}", "Take small letters without accents, digits, _ and -, as in my-line."),
        ("dataset: {classes: [a, not ok]}", "Take letters of any script, digits, _ and -, with _ for a blank"),
        ("dataset: {classes: [a, 'good!']}", "Take letters of any script, digits, _ and -, with _ for a blank"),
        ("dataset: {classes: [a, größe\u3000]}", "Take letters of any script, digits, _ and -, with _ for a blank"),
        ("dataset: {classes: [a, gro\u0308sse]}", "Its accents are characters of their own"),
        (f"dataset: {{classes: [a, {'合' * 22}]}}", "Take at most 64 characters. A letter with an accent counts as 2"),
        ("dataset: {classes: [a, \U00020bb7]}", "The camera cannot read the rare letter \U00020bb7."),
        ("networks: [Swift7]", "Write an architecture, - and the side of its input in pixels, as in swift7-112."),
        ("line: {trigger: {pin: 7th}}", "Write P and the number of the pin, as in P7."),
        ("bundle: {firmware: '4.4'}", "Write a version from 4.5.6 to 5.0.0, as in 4.8.1."),
        ("bundle: {recall: [bad]}", "Write its keys below it, one a line, or leave it out."),
        (
            "bundle: {measured: {openmv-h7: {ms: 9, estimate_ms: [1, 2, 3]}}}",
            "The list is too long: it takes at most 2.",
        ),
        ("study_selection: {strategies: [coreset, typiclust]}", "Add random: "),
        (f"dataset: {{classes: [{', '.join('abcdefghijklmnopq')}]}}", "The list is too long: it takes at most 16."),
    ],
)
def test_what_would_be_right_is_told_in_plain_words(mine, text, told):
    assert f", line 1). {told}" in mine.mistake(text)


@pytest.mark.parametrize("name", ["good", "OK", "größe", "合格", "Царапина", "अच्छा", "a-1_b", "合" * 21])
def test_a_class_may_be_called_so_in_any_script(mine, name):
    assert name in mine.settings(f"dataset: {{classes: [{name}, other]}}").dataset.classes


def test_no_message_shows_a_pattern():
    """Each pattern comes with what it asks for, in words, which editors show, too."""
    parts = [Settings.model_json_schema()]
    for part in parts:
        values = part.values() if isinstance(part, dict) else part
        parts += [value for value in values if isinstance(value, dict | list)]
    patterns = [part for part in parts if isinstance(part, dict) and isinstance(part.get("pattern"), str)]
    assert patterns
    assert all(part.get("patternErrorMessage") for part in patterns)


@pytest.mark.parametrize(
    ("written", "read"),
    [("yes", "true"), ("No", "false"), ("0", "0"), ("1.50", "1.5"), ("2026-11-24", '"2026-11-24"'), ("~", "null")],
)
def test_a_class_that_yaml_takes_for_something_else_is_shown_as_it_is_written(mine, written, read):
    message = mine.mistake(f"dataset:\n  classes: [good, {written}]\n")
    assert message.startswith(f"dataset.classes[1] is {written} ({mine.path}, line 2)")
    assert f"which YAML reads as {read}. Write it in quotes: '{written}'." in message or written == read


@pytest.mark.parametrize("written", ["1e-4", "1E-4", "1.0e-4", "0.0001", "'1e-4'"])
def test_a_number_with_an_exponent_is_one(mine, written):
    """YAML 1.1 wants a point and a sign in it, and else takes it for text."""
    settings = mine.settings(f"finetune: {{learning_rate: {written}}}\nquantize: {{ranges: [[-1e1, 1e1]]}}\n")
    assert settings.finetune.learning_rate == 0.0001
    assert settings.quantize.ranges == ((-10.0, 10.0),)


def test_a_tilde_is_the_home_of_whoever_runs(mine, monkeypatch):
    monkeypatch.setenv("HOME", "/home/mine")
    settings = mine.settings(
        "dataset: {source: ~/caps}\nembed: {file: ~/e.csv}\nbundle: {signing_key: ~/k.pem}\n"
        "pretrain: {checkpoint: ~/c.ckpt, taught: {weights: ~/w.safetensors}}\n"
    )
    assert settings.dataset.source == "/home/mine/caps"
    assert settings.embed.file == "/home/mine/e.csv"
    assert settings.bundle.signing_key == "/home/mine/k.pem"
    assert (settings.pretrain.checkpoint, settings.pretrain.taught.weights) == (
        "/home/mine/c.ckpt",
        "/home/mine/w.safetensors",
    )


def test_a_class_that_yaml_takes_for_a_number_is_asked_for_in_quotes(mine):
    message = mine.mistake("bundle:\n  recall:\n    1: 0.9\n")
    assert message == f"bundle.recall has the key 1 ({mine.path}, line 3), which is not text. Write it in quotes."


def test_a_value_near_a_right_one_is_told(mine):
    assert "Did you mean coreset?" in mine.mistake("select: {strategies: [corset]}")
    assert "VGA, QVGA, QQVGA" in mine.mistake("camera: {frame_size: 1080p}")


@pytest.mark.parametrize(
    "text",
    [
        "finetune: {learning_rate: .nan}",
        "finetune: {learning_rate: .inf}",
        "pretrain: {temperature: .nan}",
        "finetune: {label_smoothing: .nan}",
        "bundle: {recall: {bad: .nan}}",
        "quantize: {ranges: [[-.inf, .inf]]}",
        "quantize: {ranges: [[.nan, 5]]}",
    ],
)
def test_a_number_that_is_none_is_refused(mine, text):
    assert text.split(":", maxsplit=1)[0] in mine.mistake(text)


def test_a_count_with_a_point_is_refused(mine):
    """A slice, and the wildcard of coreset-200, do not take 200.0 for 200."""
    assert mine.mistake("select: {train: 200.0}").startswith("select.train is 200.0")


def test_several_mistakes_at_once(mine):
    found = mine.mistakes("select:\n  train: 0\n  tset: 5\nfinetune:\n  epochs: many\n  seeds: []\nbelt: {framse: 1}\n")
    assert sorted(line.split(" ")[0] for line in found) == [
        "belt.framse",
        "finetune.epochs",
        "finetune.seeds",
        "select.train",
        "select.tset",
    ]


def test_two_wrong_keys_of_one_section_are_two_mistakes(mine):
    assert len(mine.mistakes("select: {a: 1, b: 2}")) == 2


def test_a_mistake_of_the_lower_file_is_found_there(mine, tmp_path):
    lower = tmp_path / "lower.yaml"
    lower.write_text("dataset: {name: x, kind: belt}\nselect:\n  train: 5\n  test: 0\n")
    mine.path.write_text("select:\n  train: 6\n")
    config = laid_over(load_yaml(lower), load_yaml(mine.path))
    with pytest.raises(UserError) as error:
        load_settings(config, [mine.path, lower])
    assert f"({lower}, line 4)" in str(error.value)


def test_a_mistake_of_the_command_line_has_no_line(mine):
    config = laid_over(load_yaml(BASE), {"belt": {"framse": 3}})
    with pytest.raises(UserError) as error:
        load_settings(config, [BASE])
    assert "belt.framse is not a key." in str(error.value)


def test_a_number_that_the_command_line_made_text_is_told_of_the_way_out(mine):
    """`--config 'select={train: 5}'`: Snakemake reads what is in brackets as text."""
    with pytest.raises(UserError, match=r'select\.train is "5"\. Write a whole number\. In brackets, --config'):
        load_settings(laid_over(load_yaml(BASE), {"select": {"train": "5"}}), [BASE])
    assert "--config" not in mine.mistake("select: {train: '5'}")


@pytest.mark.parametrize(
    ("config", "key"),
    [({}, "dataset"), ({"dataset": None}, "dataset"), ({"dataset": {"name": "x"}}, "dataset.kind"),
     ({"dataset": {"kind": "belt"}}, "dataset.name"), ({"dataset": {}}, "dataset.name")],
)  # fmt: skip
def test_what_has_no_default_is_asked_for(config, key):
    with pytest.raises(UserError, match=key.replace(".", r"\.")):
        load_settings(config)


def test_an_empty_section_is_a_mistake_that_names_it(mine):
    """`select:` with every line below it commented out."""
    assert mine.mistake("select:\n  # train: 5\n").startswith(f"select is null ({mine.path}, line 1). Write its keys")


# --- ranges


@pytest.mark.parametrize("ranges", [["calibrated"], [[-25, 25]], [[-0.5, 6.25], "calibrated"], [[-1, 1], [-1, 2]]])
def test_good_ranges(mine, ranges):
    settings = mine.settings(yaml.safe_dump({"quantize": {"ranges": ranges}}))
    assert settings.as_dict()["quantize"]["ranges"] == ranges


WRONG_RANGES = ["calibratd", "[-25, 25]", 5, None, [], [-25], [-25, 25, 5], [25, -25], [0, 25], [-25, 0], ["-25", "25"],
                {"low": -25, "high": 25}]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_RANGES, ids=str)
def test_a_range_of_wrong_form_is_named_and_the_right_form_told(mine, wrong):
    """Whoever wrote it must learn what a range is: `calibrated`, or two numbers around 0; not what a schema is."""
    text = "\n".join(mine.mistakes(f"quantize:\n  ranges:\n    - calibrated\n    - {json.dumps(wrong)}\n"))
    assert "quantize.ranges[1]" in text
    assert f"({mine.path}, line 4)" in text
    assert "not valid under any of the given schemas" not in text
    assert isinstance(wrong, list) or "calibrated" in text


def test_the_wrong_bound_of_a_range_is_named_as_what_it_is(mine):
    """[25, -25]: `quantize.ranges[0] is 25` is not so; it is [25, -25], or ranges[0][0] is 25."""
    message = mine.mistake("quantize:\n  ranges: [[25, -25]]\n")
    assert message.startswith(("quantize.ranges[0] is [25, -25]", "quantize.ranges[0][0] is 25"))


@pytest.mark.parametrize("text", ["ranges: calibrated", "ranges: []", "ranges: [calibrated, calibrated]",
                                  "ranges: [[-25, 25], [-25.0, 25.0]]", "ranges: [-25, 25]"])  # fmt: skip
def test_wrong_lists_of_ranges(mine, text):
    assert all(line.startswith("quantize.ranges") for line in mine.mistakes(f"quantize:\n  {text}\n"))


# --- settings that only make sense together


def checked(mine: Mine, text: str) -> Settings:
    settings = mine.settings(text)
    check(settings, BOARDS)
    check_files(settings)
    return settings


def test_a_folder_without_a_source(mine, tmp_path):
    for text in ("dataset: {kind: folder}", "dataset: {kind: folder, source: ''}", "dataset: {kind: folder, source: }"):
        with pytest.raises(UserError, match=r"dataset\.source"):
            checked(mine, text)
    checked(mine, f"dataset: {{kind: folder, source: '{tmp_path}'}}")


def test_a_given_backbone_needs_its_file(mine, tmp_path):
    weights = tmp_path / "w.safetensors"
    for path in ("null", "''", f"'{weights}'", f"'{tmp_path}'"):
        with pytest.raises(UserError, match=r"pretrain\.checkpoint"):
            checked(mine, f"pretrain: {{methods: [simclr, given], checkpoint: {path}}}")
    weights.write_bytes(b"")
    checked(mine, f"pretrain: {{methods: [given], checkpoint: '{weights}'}}")


@pytest.mark.parametrize("key", ["embed: {file: FILE}", "pretrain: {taught: {weights: FILE}}"])
def test_a_file_that_is_not_there_is_told_with_its_key(mine, tmp_path, key):
    file = tmp_path / "mine.csv"
    with pytest.raises(UserError, match=r"(file|weights) is '.*mine\.csv', which is not a file"):
        checked(mine, key.replace("FILE", str(file)))
    file.write_bytes(b"")
    checked(mine, key.replace("FILE", str(file)))


def test_a_checkpoint_that_no_method_reads_is_refused(mine, tmp_path):
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"")
    with pytest.raises(UserError, match=r"no method of pretrain\.methods reads it. Write methods: \[given\]"):
        checked(mine, f"pretrain: {{checkpoint: '{weights}'}}")
    study = "study: [{networks: [swift7-64], methods: [given], labels: [8], seeds: [1]}]"
    checked(mine, f"pretrain: {{checkpoint: '{weights}'}}\n{study}\n")


def test_another_teacher_needs_its_weights(mine, tmp_path):
    with pytest.raises(
        UserError, match=r"pretrain\.taught\.network is resnet18, and linecam has the weights of tf_eff"
    ):
        checked(mine, "pretrain: {taught: {network: resnet18}}")
    checked(mine, "pretrain: {methods: [simclr], taught: {network: resnet18}}")
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"")
    checked(mine, f"pretrain: {{taught: {{network: resnet18, weights: '{weights}'}}}}")


@pytest.mark.parametrize(
    ("dataset", "told"),
    [
        ("{source: /data/caps}", r"dataset\.source is /data/caps, but dataset\.kind is belt"),
        ("{classes: [good, bad]}", r"the belt's frames show no_mask, too"),
        ("{classes: [a, b]}", r"the belt's frames show bad, good, no_mask, too"),
    ],
)
def test_frames_of_one_s_own_are_never_the_belt_s_in_silence(mine, dataset, told):
    """A file that says nothing of dataset.kind is laid over the belt's."""
    with pytest.raises(UserError, match=told):
        checked(mine, f"dataset: {dataset}")
    checked(mine, "dataset: {classes: [no_mask, good, bad, worse]}")


def test_what_is_defined_is_a_class(mine):
    with pytest.raises(UserError, match=r"dataset\.definitions: 'bda' is not a class\. Did you mean bad\?"):
        checked(mine, "dataset: {definitions: {good: No mark., bda: A scratch.}}")
    defined = checked(mine, "dataset: {definitions: {bad: A scratch.}}").dataset.definitions
    assert defined == {"bad": "A scratch."}


def test_the_source_of_the_masks_is_not_where_the_copy_goes(mine, tmp_path, monkeypatch):
    """What is there is replaced: the user's only copy would be gone."""
    monkeypatch.chdir(tmp_path)
    for path in ("data/m/frames", "./data/../data/m/frames/", str(tmp_path / "data" / "m" / "frames")):
        with pytest.raises(UserError, match=r"dataset\.source"):
            checked(mine, f"dataset: {{name: m, kind: masks, source: '{path}'}}")
    checked(mine, "dataset: {name: m, kind: masks, source: elsewhere}")


def test_an_unknown_board_and_the_nearest_known_one(mine):
    with pytest.raises(UserError, match=r"bundle\.boards.*'openmv_h7'.*Did you mean openmv-h7\?"):
        checked(mine, "bundle: {boards: [openmv-h7, openmv_h7]}")
    checked(mine, "bundle: {boards: [openmv-h7]}")


@pytest.mark.parametrize(
    ("bundle", "told"),
    [
        ("boards: [openmv-n6]", "ST's own runtime"),
        ("boards: [openmv-ae3], place: sd", "romfs, drive"),
        ("boards: [openmv-h7, openmv-ae3]", "All of bundle.boards have: QVGA."),
        ("measured: {openmv-h8: {ms: 9, estimate_ms: [5, 7]}}", "bundle.measured: 'openmv-h8'"),
        ("measured: {openmv-h7: {ms: 9}}", "estimate_ms"),
        ("thresholds: {bda: 0.4}", "'bda' is not a class. Did you mean bad?"),
        ("recall: {bda: 0.99}", "bundle.recall: 'bda' is not a class. Did you mean bad?"),
        ("recall: {bad: 99}", "bundle.recall.bad is 99"),
        ("recall: {bad: 0}", "bundle.recall.bad is 0"),
        ("thresholds: {bad: 1.4}", "bundle.thresholds.bad is 1.4"),
        ("firmware: 4.5.5", "bundle.firmware"),
        ("latency_ms: 0", "bundle.latency_ms"),
        ("signing_key: nowhere.pem", "bundle.signing_key is 'nowhere.pem', which is not a file"),
    ],
)
def test_what_no_camera_can_do_is_told_at_the_start(mine, bundle, told):
    with pytest.raises(UserError, match=re.escape(told)):
        checked(mine, f"camera: {{frame_size: QQVGA}}\nbundle: {{{bundle}}}")


def test_a_network_that_is_not_there_is_named_with_those_that_are(mine):
    with pytest.raises(UserError, match=r"no network 'resnet18-64'.*resnet9, swift7, slim7, swift9"):
        checked(mine, "networks: [swift7-112, resnet18-64]")
    checked(mine, "networks: [swift7-112, swift9-96, resnet9-64]")


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ("networks: [nothing-96]", "networks[0] is"),
        ("tune: {networks: [swift7-112, nothing-96]}", "tune.networks[1] is"),
        ("study: [{networks: [nothing-96], methods: [none], labels: [25], seeds: [1]}]", "study[0].networks[0] is"),
        ("pretrain: {teacher: nothing}", "pretrain.teacher is"),
    ],
)
def test_wherever_a_network_is_named_a_wrong_name_comes_with_its_key(mine, config, key):
    with pytest.raises(UserError, match=rf"{re.escape(key)} \"nothing.*mine\.yaml, line \d+.*resnet9, swift7, slim7"):
        checked(mine, config)


def test_a_tournament_takes_no_network_that_is_larger_than_the_frame(mine):
    small = "camera: {frame_size: QQVGA}\ntune: {networks: [swift7-112, %s]}"
    with pytest.raises(SystemExit, match=r"tune\.networks: the input of swift7-128 is larger than the square of 120"):
        tuned_backbones(Plan.of(checked(mine, small % "swift7-128"), BOARDS))
    assert len(tuned_backbones(Plan.of(checked(mine, small % "swift7-96"), BOARDS))) == 2


@pytest.mark.parametrize("network", ["swift7-1", "resnet9-15"])
def test_an_input_that_shows_nothing_is_refused(mine, network):
    with pytest.raises(UserError, match=f"input of {network} has 15? pixels a side"):
        checked(mine, f"networks: [{network}]")
    checked(mine, "networks: [swift7-16]")


def test_an_input_larger_than_the_frame_is_refused(mine):
    with pytest.raises(UserError, match=r"square of 120 pixels that camera\.frame_size QQVGA"):
        checked(mine, "networks: [resnet9-64, resnet9-128]\ncamera: {frame_size: QQVGA}")
    checked(mine, "networks: [resnet9-64, resnet9-128]")


@pytest.mark.parametrize(
    ("camera", "board", "side"),
    [
        ("{frame_size: QVGA}", "openmv-h7", 240),
        ("{frame_size: QVGA}", "openmv-h7, openmv-ae3", 200),  # one path for both
        ("{frame_size: QVGA, side: 100}", "openmv-h7, openmv-ae3", 100),
    ],
)
def test_one_square_for_all_boards(mine, camera, board, side):
    settings = checked(mine, f"networks: [swift7-64]\ncamera: {camera}\nbundle: {{boards: [{board}]}}")
    assert region_of(settings, BOARDS) == Region(side=side)


def test_a_square_larger_than_the_frame_is_refused(mine):
    with pytest.raises(UserError, match=r"camera\.side is 240, and the frame QVGA .* is 200 pixels high"):
        checked(mine, "camera: {frame_size: QVGA, side: 240}\nbundle: {boards: [openmv-ae3]}")


def test_a_camera_s_settings_are_taken(mine):
    checked(
        mine,
        "camera: {frame_size: QVGA}\n"
        "bundle: {boards: [openmv-h7, openmv-ae3], place: romfs, firmware: 4.7.0, latency_ms: 80.5, period_ms: 500, "
        "recall: {good: 1.0}, thresholds: {bad: 0.4}, measured: {openmv-h7: {ms: 70, estimate_ms: [55.9, 75.6]}}}",
    )


# --- files


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("dataset:\n  name: [x\n  kind: belt\n", "line 3, column 7 is not valid YAML"),
        ("dataset:\n  name: x\n   kind: belt\n", "line 3, column 8 is not valid YAML: mapping values are not allowed"),
        ("dataset:\n  name: x\n\tkind: belt\n", "line 3, column 1 is not valid YAML"),
        ("dataset:\n\tname: x\n", "Indent with blanks: there is a tab."),
        ("dataset: {name: 'x}\n", "is not valid YAML"),
        ("a: 1\nb: \0\n", "line 2 is not valid YAML: it has a character that no text has"),
        ("a: *b\n", "line 1, column 4 is not valid YAML: found undefined alias"),
        ("a: 2026-13-45\n", "is not valid YAML: month must be in 1..12"),
        ("dataset:\n  source: Größe\n".encode("cp1252"), "not in UTF-8: byte 0xf6 in line 2"),
        ("dataset: {name: x}\n".encode("utf-16"), "is in UTF-16"),
        (bytes(range(128, 256)), "not in UTF-8: byte 0x80 in line 1"),
        ("select: {train: 1}\nselect: {test: 2}\n", "select is set in line 1 and in line 2"),
        ("select:\n  train: 1\n  test: 2\n  train: 1\n", "select.train is set in line 2 and in line 4"),
        ("study:\n- labels: [8]\n  labels: [9]\n", "study[0].labels is set in line 2 and in line 3"),
        ('{"select": {"train": 1,\n\t"train": 2}}', "select.train is set in line 1 and in line 2"),
        ("select:\n  train: 010\n", "select.train is 010 in line 2, which YAML reads as another number"),
        ("select:\n  train: 1:30\n", "select.train is 1:30 in line 2, which YAML reads as another number"),
        ("dataset: {classes: [001, b]}\n", "and a name in quotes: '001'"),
    ],
)
def test_what_cannot_be_read_in_one_way_is_named_with_its_line(tmp_path, content, told):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError) as error:
        load_yaml(path)
    assert str(error.value).startswith(f"{path}")
    assert told in str(error.value)
    with pytest.raises(UserError):  # as in the Snakefile, after Snakemake has read it in its own way
        load_settings(SMALL, [path])


@pytest.mark.parametrize(
    "text",
    [
        "a: &x {b: 1}\nc: {<<: *x, b: 2}\n",
        "a: &x [1]\nb: [*x, *x]\n",
        "{\n\t'a': 1,\n\t'b': [0, -0, 0.5, 00.5, 1_000, 0x10]\n}",
        "\ufeffa: 1\n",
        "",
        "a: '1:30'\n",
    ],
)
def test_what_can_be_read_in_one_way(tmp_path, text):
    path = tmp_path / "good.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_yaml(path) == yaml.safe_load(text.replace("\t", " "))


@pytest.mark.parametrize("name", ["nothing.yaml", "."])
def test_a_file_that_is_none(tmp_path, name):
    with pytest.raises(UserError, match="cannot be read"):
        load_yaml(tmp_path / name)


def test_yaml_runs_nothing(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("!!python/object/apply:os.system ['true']\n")
    with pytest.raises(UserError):
        load_yaml(path)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "keep: {enabled: true}\nbundle: {boards: [openmv-ae3]}\ncamera: {side: 200}",
            r"openmv-ae3 of bundle\.boards has none",
        ),
        ("keep: {enabled: true}\n  trigger: {source: class, resting: no_mask}", r"an item ends when the line is empty"),
        ("keep: {enabled: true, margin: 0}", r"margin and every are 0 and mark_pin is null"),
    ],
)
def test_a_card_that_would_stay_empty_is_refused(mine, line, told):
    with pytest.raises(UserError, match=f"line.keep: .*{told}"):
        checked(mine, f"line:\n  {line}")


@pytest.mark.parametrize(
    "value", ["margin: 1.5", "mark_pin: 4", "mark_pin: A1", "frames: 0", "pause_ms: -1", "what: 1"]
)
def test_a_mistake_in_line_keep_is_named(mine, value):
    assert f"line.keep.{value.split(':')[0]}" in mine.mistake(f"line: {{keep: {{{value}}}}}")


def test_drift_needs_test_frames_that_are_drawn_at_random(mine):
    settings = checked(mine, "line: {drift: {enabled: true}}\nselect: {gap: 10}")
    with pytest.raises(UserError, match=r"with select.gap 10 the test frames come in stretches.*learn: 2000"):
        check_drift(settings, given=False)
    with pytest.raises(UserError, match=r"those that your folders name.*learn: 2000"):
        check_drift(checked(mine, "line: {drift: {enabled: true}}"), given=True)
    check_drift(checked(mine, "line: {drift: {enabled: true}}"), given=False)
    check_drift(checked(mine, "line: {drift: {enabled: true, learn: 500}}\nselect: {gap: 10}"), given=True)
    check_drift(checked(mine, "select: {gap: 10}"), given=True)


def test_a_source_that_is_no_folder_is_shown_as_it_is(tmp_path):
    (tmp_path / "caps.zip").write_bytes(b"")
    for name, told in (
        ("caps.zip", "dataset.source: .*caps.zip is a file. Name the folder"),
        ("caps ", "dataset.source: there is no folder '.*caps '. Name the folder"),
        ("new\table", r"dataset.source: there is no folder '.*new\\table'. Name the folder"),
    ):
        with pytest.raises(UserError, match=told):
            read_folder(tmp_path / name, tmp_path / "cache.json")
