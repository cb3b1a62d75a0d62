"""Every mistake in a configuration is named with its key, its line and what would be right."""

import json

import pytest
import yaml

from linecam.errors import UserError
from linecam.workflow.config import load_settings
from linecam.workflow.settings import Settings
from linecam.yaml_file import load_yaml
from tests.workflow.configurations import BASE, SMALL, laid_over


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
