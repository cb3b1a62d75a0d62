"""Writes down what linecam/workflow/settings.py says, for people and for editors, so that nobody has to by hand.

The schema of settings.json, which a bundle has for the camera, comes from linecam/bundle/camera_settings.py.

python -m linecam.workflow.reference            write the tables of docs/configuration.md, and the schemas in config/
python -m linecam.workflow.reference --check    change nothing, and fail where one of them is out of date
"""

import ast
import json
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from linecam.bundle.camera_settings import CameraSettings
from linecam.errors import UserError, reported
from linecam.files import ROOT
from linecam.workflow import line_settings, settings, training_settings
from linecam.workflow.generated import write_or_check
from linecam.workflow.settings import Settings

COMMAND = "python -m linecam.workflow.reference"
START, END = f"<!-- From here on `{COMMAND}` writes. -->", "<!-- Here it ends. -->"
LONGEST = 60  # characters of a default in a table

Schema = dict[str, Any]

HEAD: Schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": f"Written by {COMMAND}."}

_TYPES = {
    "array": "list",
    "boolean": "`true` or `false`",
    "integer": "whole number",
    "null": "`null`",
    "number": "number",
    "object": "by name",
    "string": "text",
}


def json_schema() -> Schema:
    """The JSON schema of a configuration, each key with its meaning.

    No key is required at the top, and none of `dataset`: a file may be laid over another one, which has them.
    """
    schema = Settings.model_json_schema()
    meanings = _meanings()
    for name, model in {"Settings": schema, **schema["$defs"]}.items():
        for key, part in model["properties"].items():
            part.pop("title", None)
            if text := meanings.get((name, key)):
                part["description"] = text
    del schema["required"], schema["$defs"]["Dataset"]["required"]
    return HEAD | schema


def camera_schema() -> Schema:
    """The JSON schema of settings.json, which a bundle has for the camera."""
    return HEAD | CameraSettings.model_json_schema()


def tables() -> str:
    """A heading and a table for each section, in Markdown."""
    schema = json_schema()
    parts = []
    for section, keys in groupby(schema["properties"], lambda key: _section(schema, schema["properties"][key])):
        names = list(keys)
        parts.append(f"### {', '.join(f'`{name}`' for name in names)}")
        if section is not None:
            parts.append(_linked(section["description"]))
        parts.append(
            "\n".join(
                [
                    "| key | values | default | what it means |",
                    "| --- | --- | --- | --- |",
                    *(row for name in names for row in _rows(schema, name, schema["properties"][name])),
                ]
            )
        )
        parts += [
            _example(name, schema["properties"][name])
            for name in names
            if "$ref" in schema["properties"][name].get("items", {})
        ]
    return "\n\n".join(parts)


def written() -> dict[Path, str]:
    """What each of the files has to hold. Raises `UserError` where the place for the tables is not marked."""
    page = ROOT / "docs/configuration.md"
    before, start, rest = page.read_text(encoding="utf-8").partition(START)
    _, end, after = rest.partition(END)
    if not end:
        raise UserError(f"{page}: the tables go between the lines\n{start or START}\n{END}\nPut both lines back.")
    schemas = {"schema": json_schema(), "settings.schema": camera_schema()}
    return {page: f"{before}{START}\n\n{tables()}\n\n{END}{after}"} | {
        ROOT / f"config/{name}.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in schemas.items()
    }


def _meanings() -> dict[tuple[str, str], str]:
    """The text below each setting, by class and key. Read from the source: Python does not keep such texts.

    pydantic can read them too (`use_attribute_docstrings`), and would do so whenever Snakemake starts: 65 ms.
    """
    found = {}
    modules = (settings, training_settings, line_settings)
    sources = [Path(module.__file__ or "").read_text(encoding="utf-8") for module in modules]
    for model in [node for source in sources for node in ast.parse(source).body]:
        if not isinstance(model, ast.ClassDef):
            continue
        for field, text in zip(model.body, model.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
                found[model.name, field.target.id] = " ".join(ast.literal_eval(text.value).split())
    return found


def _section(schema: Schema, part: Schema) -> Schema | None:
    """The model that a key's value is, or that each of its entries is; None where it is a plain value."""
    reference = part.get("$ref") or part.get("items", {}).get("$ref") or _values_of(part).get("$ref")
    return schema["$defs"][reference.rpartition("/")[2]] if reference else None


def _values_of(part: Schema) -> Schema:
    """What the values of a mapping with free keys are; {} where it is none."""
    values = part.get("additionalProperties")
    return values if isinstance(values, dict) else {}


def _rows(schema: Schema, name: str, part: Schema, *, needed: bool = False) -> Iterator[str]:
    section = _section(schema, part)
    if "description" in part:
        default = "needed" if needed else "below" if "$ref" in part.get("items", {}) else _default(part.get("default"))
        cells = [f"`{name}`", _allowed(part), default, _linked(part["description"])]
        yield f"| {' | '.join(cells)} |"
    if section is not None:
        below = f"{name}[]" if "items" in part else f"{name}.<name>" if _values_of(part) else name
        for key, value in section["properties"].items():
            yield from _rows(schema, f"{below}.{key}", value, needed="default" not in value)


def _example(name: str, part: Schema) -> str:
    """The default of a list of sections, which is too long for a table."""
    text = yaml.safe_dump({name: part["default"]}, sort_keys=False, default_flow_style=None, width=100)
    return f"The default:\n\n```yaml\n{text}```"


def _default(value: object) -> str:
    text = " ".join(yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n").split())
    return f"`{text}`" if len(text) <= LONGEST else f"`{text[:LONGEST]}`..."


def _allowed(part: Schema) -> str:
    """The values that a key takes, in words."""
    match part:
        case {"anyOf": forms}:
            text = ", or ".join(map(_allowed, forms))
        case {"enum": choices}:
            text = ", ".join(f"`{choice}`" for choice in choices)
        case {"const": choice}:
            text = f"`{choice}`"
        case {"prefixItems": entries}:
            text = f"[{', '.join(map(_allowed, entries))}]"
        case {"items": entry} if "$ref" not in entry:
            text = f"list of {_allowed(entry)}"
        case {"additionalProperties": entry} if "$ref" not in entry:
            text = f"by name, {_allowed(entry)}"
        case {"examples": [example]}:
            text = f"text such as `{example}`"
        case _:
            text = _TYPES[part["type"]]
    return text + _bounds(part)


def _bounds(part: Schema) -> str:
    """' from 2 to 20' or ' above 0, below 1'; "" where a number has no bounds, or is none."""
    if "minimum" in part and "maximum" in part:
        return f" from {part['minimum']} to {part['maximum']}"
    words = {
        "minimum": "from {}",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "below {}",
    }
    found = ", ".join(text.format(part[name]) for name, text in words.items() if name in part)
    return f" {found}" if found else ""


def _linked(text: str) -> str:
    """`text` with docs/x.md as a link, as a page beside it needs it."""
    return re.sub(r"docs/([\w-]+\.md)", r"[\1](\1)", " ".join(text.split()))


def main(arguments: Sequence[str] | None = None) -> None:
    """The command. Raises `UserError` where --check finds a file out of date."""
    write_or_check(
        ROOT,
        written(),
        command=COMMAND,
        purpose=(__doc__ or "").splitlines()[0],
        source="linecam/workflow/settings.py and linecam/bundle/camera_settings.py",
        arguments=arguments,
    )


if __name__ == "__main__":
    with reported():
        main()
