"""YAML files: what cannot be read in one way alone is named with its line."""

import pytest
import yaml

from linecam.errors import UserError
from linecam.workflow.config import load_settings
from linecam.yaml_file import load_yaml
from tests.workflow.configurations import SMALL


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("dataset:\n  name: [x\n  kind: belt\n", "line 3, column 7 is not valid YAML"),
        ("dataset:\n  name: x\n   kind: belt\n", "line 3, column 8 is not valid YAML: mapping values are not allowed"),
        ("dataset:\n  name: x\n\tkind: belt\n", "line 3, column 1 is not valid YAML"),
        ("dataset:\n\tname: x\n", "Indent with blanks: there is a tab."),
        ("dataset: {name: 'x}\n", "is not valid YAML"),
        ("a: 1\nb: \0\n", "line 2 is not valid YAML: it has a character that may not stand in text"),
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
