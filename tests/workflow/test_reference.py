"""The tables of docs/configuration.md and config/schema.json, written from the settings."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from linecam.errors import UserError
from linecam.files import ROOT
from linecam.workflow import reference
from linecam.workflow.config import load_settings
from linecam.workflow.reference import json_schema, main, tables, written

SCHEMA = json_schema()
SMALL = {"dataset": {"name": "x", "kind": "belt"}}


def keys(value: dict[str, Any], above: str = "") -> Iterator[tuple[str, object]]:
    """Every key with its value, as in select.train, 200."""
    for key, part in value.items():
        yield f"{above}{key}", part
        if isinstance(part, dict):
            yield from keys(part, f"{above}{key}.")


def rows() -> dict[str, list[str]]:
    """Each row of the tables, by its key."""
    cells = [
        [cell.strip() for cell in line.strip("| ").split(" | ")] for line in tables().splitlines() if "| `" in line
    ]
    return {key.strip("`"): rest for key, *rest in cells}


def test_what_is_committed_is_what_the_settings_say():
    for path, text in written().items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run `{reference.COMMAND}`"


def test_every_setting_has_a_row_with_its_default_and_its_meaning():
    settings = load_settings(SMALL | {"select": {"strategies": ["coreset"]}}).as_dict()
    found = rows()
    for key, value in keys(settings):
        named = key.startswith("tune.augment.")  # names are the user's, and their rows say <name>
        if (isinstance(value, dict) and value) or key == "study" or named:
            continue
        allowed, default, meaning = found[key]
        assert allowed, key
        assert len(meaning) > 15, key
        if default.endswith("..."):
            assert str(value).startswith(default.strip("`."))
        elif key not in {"dataset.name", "dataset.kind", "select.strategies"}:
            assert yaml.safe_load(default.strip("`")) == value, key
    assert found["dataset.name"][1] == "needed"
    assert found["study[].labels"][0] == "list of whole number from 8"


def test_a_list_of_sections_has_its_default_below():
    (block,) = [part.split("```")[0] for part in tables().split("```yaml\n")[1:]]
    assert yaml.safe_load(block) == {"study": load_settings(SMALL).as_dict()["study"]}


def test_every_link_of_the_tables_leads_to_a_page():
    linked = {part.split(")")[0] for part in tables().split("](")[1:]}
    assert {"cluster.md", "sweeps.md", "camera-view.md"} <= linked
    for page in linked:
        assert (ROOT / "docs" / page).is_file()


def test_the_schema_is_a_schema_and_describes_every_key():
    Draft202012Validator.check_schema(SCHEMA)
    for model in (SCHEMA, *SCHEMA["$defs"].values()):
        for key, part in model["properties"].items():
            assert part.get("description") or "$ref" in part, key


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_an_editor_takes_each_committed_configuration(path):
    """Those that are laid over another one, too: they have no dataset."""
    if path.name != "boards.yaml":
        Draft202012Validator(SCHEMA).validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=schema.json\n")


@pytest.mark.parametrize(
    "wrong",
    [
        {"selekt": {}},
        {"select": {"train": 0}},
        {"select": {"strategies": ["coreset", "coreset"]}},
        {"pretrain": {"methods": ["simsiam"]}},
        {"networks": ["swift7"]},
        {"bundle": {"recall": {"bad": 1.5}}},
        {"evaluate": {"confidence": 1}},
        {"quantize": {"ranges": [[1, 5]]}},
        {"study_selection": {"strategies": ["random"]}},
        {"study": [{"networks": ["swift7-64"]}]},
    ],
    ids=json.dumps,
)
def test_an_editor_marks_what_linecam_refuses(wrong):
    assert not Draft202012Validator(SCHEMA).is_valid(wrong)
    with pytest.raises(UserError):
        load_settings(SMALL | wrong)


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with both files, in which the command writes."""
    for path in written():
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(reference, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["docs/configuration.md", "config/schema.json"])
def test_a_file_that_is_out_of_date_fails_the_check_and_is_written_anew(copied, name):
    main(["--check"])
    path, right = copied / name, (copied / name).read_text(encoding="utf-8")
    path.write_text(right.replace("2500", "2600"), encoding="utf-8")
    with pytest.raises(UserError, match=rf"{name}: not what linecam/workflow/settings\.py .*says"):
        main(["--check"])
    assert "2600" in path.read_text(encoding="utf-8"), "a check changes nothing"
    main([])
    assert path.read_text(encoding="utf-8") == right
    main(["--check"])


def test_the_text_around_the_tables_stays(copied):
    page = copied / "docs/configuration.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("# Every setting", "# Mine") + "More.\n", encoding="utf-8")
    main([])
    assert page.read_text(encoding="utf-8") == text.replace("# Every setting", "# Mine") + "More.\n"


def test_a_page_without_a_place_for_the_tables_is_refused(copied):
    page = copied / "docs/configuration.md"
    page.write_text(page.read_text(encoding="utf-8").replace(reference.END, ""), encoding="utf-8")
    with pytest.raises(UserError, match="Put both lines back"):
        main(["--check"])
