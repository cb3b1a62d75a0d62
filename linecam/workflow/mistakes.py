"""What is wrong with a configuration, for the one who wrote it: which key, in which line, and what would be right."""

import json
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from linecam.yaml_file import compose_yaml

Key = tuple[int | str, ...]  # where a value is: names of keys, and places in lists

# What was expected, by pydantic's name of the mistake. Its own words for these are written for programmers.
_EXPECTED = {
    "bool_type": "Write true or false.",
    "dict_type": "Write its keys below it, one a line, or leave it out.",
    "finite_number": "Write a finite number.",
    "float_type": "Write a number.",
    "greater_than": "It has to be more than {gt}.",
    "greater_than_equal": "It has to be at least {ge}.",
    "int_type": "Write a whole number.",
    "less_than": "It has to be less than {lt}.",
    "less_than_equal": "It has to be at most {le}.",
    "model_type": "Write its keys below it, one a line, or leave it out.",
    "string_too_long": "It is too long: it takes at most {max_length} characters.",
    "string_too_short": "It is empty. Write text, or leave the key out.",
    "string_type": "Write text; in quotes, where YAML reads something else.",
    "too_long": "The list is too long: it takes at most {max_length}.",
    "too_short": "The list is too short: it takes {min_length} or more.",
    "tuple_type": "Write a list: values in square brackets, or one a line after a dash.",
}


def explain(error: ValidationError, model: type[BaseModel], files: Sequence[str | Path]) -> list[str]:
    """One line for each mistake that pydantic found with a configuration of the form `model`, sorted by key.

    `files` are the configuration files that it was read from, the one that counts most first. They are searched for
    the line of each mistake; what none of them sets comes from `--config`, and has no line.
    """
    schema = _schema(model)
    places = _Places(files)
    found = sorted(error.errors(), key=lambda mistake: list(map(str, mistake["loc"])))
    lines = []
    for mistake in found:
        if several := _several(schema, mistake["loc"]):
            lines.append(_line_of_several(mistake, *several, places))
        elif not _follows(mistake):
            lines.append(_line(mistake, schema, places))
    return list(dict.fromkeys(filter(None, lines)))  # pydantic tells of each form that a value might have


def nearest(word: str, choices: Sequence[str]) -> str:
    """Which of the `choices` may have been meant by `word`, and which there are."""
    near = get_close_matches(word, choices, n=1, cutoff=0.5)
    return (f"Did you mean {near[0]}? " if near else "") + f"There is: {', '.join(choices)}."


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _follows(mistake: ErrorDetails) -> bool:
    """Whether a list is too short only because pydantic does not count its wrong entries, each a mistake of its own."""
    return mistake["type"] == "too_short" and len(mistake["input"]) >= mistake["ctx"]["min_length"]


def _line(mistake: ErrorDetails, schema: dict[str, Any], places: "_Places") -> str:
    key, kind = mistake["loc"], mistake["type"]
    if key[-1] == "[key]":  # YAML reads 1 and yes as a number and as true
        name = json.dumps(key[-2], default=str)
        return f"{_written(key[:-2])} has the key {name}{places.of(key[:-1])}, which is not text. Write it in quotes."
    if kind in {"extra_forbidden", "invalid_key"}:
        known = list(_part(schema, key[:-1])["properties"])
        if not isinstance(key[-1], str):
            there = f"{_written(key[:-1])} has the key {key[-1]}{places.of(key)}, which is not text"
            return f"{there}: YAML reads no as 0 and yes as 1. {nearest('', known)}"
        return f"{_written(key)} is not a key{places.of(key)}. {nearest(str(key[-1]), known)}"
    if kind == "missing":
        return f"{_written(key)} is missing{places.of(key[:-1])}."
    value, place = _shown(mistake["input"]), places.of(key)
    written = places.scalar(key) if kind == "string_type" else ""
    if written and written != value:
        return f"{_written(key)} is {written}{place}, which YAML reads as {value}. Write it in quotes: '{written}'."
    line = f"{_written(key)} is {value}{place}. {_expected(mistake, _part(schema, key))}"
    if not place and kind in {"int_type", "float_type"} and isinstance(mistake["input"], str):
        line += " In brackets, --config hands a number on as text: write it into a file."
    return line


def _shown(value: object) -> str:
    """A value as one would write it in YAML, on one line."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):  # keys that are lists, and an alias that leads back to what it is in
        return str(value)


def _expected(mistake: ErrorDetails, part: dict[str, Any]) -> str:
    kind, value = mistake["type"], mistake["input"]
    if kind == "literal_error":
        return nearest(str(value), [str(choice) for choice in part["enum"]])
    if kind == "string_pattern_mismatch":
        example = "".join(f", as {one} does" for one in part.get("examples", []))
        return f"It has to match {part['pattern']}{example}."
    return _EXPECTED.get(kind, mistake["msg"]).format(**mistake.get("ctx", {}))


def _several(schema: dict[str, Any], key: Key) -> tuple[Key, list[dict[str, Any]]] | None:
    """The beginning of `key` whose value may have several forms, such as a number or a word, and these; None without.

    What pydantic's keys have after it are names of the forms, and places in them.
    """
    for end in range(1, len(key)):
        part = _part(schema, key[: end - 1]).get("properties", {}).get(key[end - 1], {})
        forms = [form for form in part.get("anyOf", []) if form.get("type") != "null"]
        if len(forms) > 1:
            return key[:end], forms
    return None


def _line_of_several(mistake: ErrorDetails, key: Key, forms: list[dict[str, Any]], places: "_Places") -> str:
    """The line for the whole value, the same for each form; "" for a mistake inside of it, which the word has too."""
    if len(mistake["loc"]) > len(key) + 1:
        return ""
    return f"{_written(key)} is {_shown(mistake['input'])}{places.of(key)}. Write {', or '.join(map(_form, forms))}."


def _form(form: dict[str, Any]) -> str:
    """A form of a value in words."""
    if "const" in form:
        return str(form["const"])
    if form["type"] == "array":
        return f"a list of {len(form['prefixItems'])}, each {_form(form['prefixItems'][0])}"
    kind = {"integer": "a whole number", "number": "a number"}[form["type"]]
    return f"{kind} from {form['minimum']:,} to {form['maximum']:,}"


def _part(schema: dict[str, Any], key: Key) -> dict[str, Any]:
    """What a JSON schema says of the value at `key`."""
    part = schema
    for step in key:
        if part["type"] == "array":
            part = part["items"] if "items" in part else part["prefixItems"][step]
        else:
            part = part.get("properties", {}).get(step) or part["additionalProperties"]
        if "anyOf" in part:  # or null
            part = next(form for form in part["anyOf"] if form.get("type") != "null")
        if "$ref" in part:
            part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    return part


def _written(key: Key) -> str:
    """A key as one would write it: study[0].networks."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return text.removeprefix(".") or "the configuration"


class _Places:
    """In which line of which file a key is set."""

    def __init__(self, files: Sequence[str | Path]) -> None:
        here = f"{Path.cwd()}/"
        self._trees = {str(file).removeprefix(here): compose_yaml(file) for file in files}

    def of(self, key: Key) -> str:
        """' (file, line N)' of the first file that sets `key`; "" where none does."""
        for file, tree in self._trees.items():
            line, _ = _found(tree, key)
            if line is not None:
                return f" ({file}, line {line})"
        return ""

    def scalar(self, key: Key) -> str:
        """The single value at `key` as the first file that sets it has it; "" where none does."""
        values = (value for line, value in (_found(tree, key) for tree in self._trees.values()) if line is not None)
        value = next(values, None)
        return str(value.value) if isinstance(value, yaml.ScalarNode) else ""


def _found(node: yaml.Node | None, key: Key) -> tuple[int | None, yaml.Node | None]:
    """The line, from 1 on, in which the value at `key` below `node` begins, and the value; None where there is none."""
    line = None
    for part in key:
        if isinstance(node, yaml.MappingNode):
            found = next(((name, value) for name, value in node.value if _key(name) == str(part)), None)
            if found is None:
                return None, None
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return None, None
    return line, node


def _key(node: yaml.Node) -> object:
    """A key of a mapping as pydantic names it: what YAML reads as nothing is None, no is 0 and yes is 1."""
    kind = node.tag.rpartition(":")[2]
    if kind == "null":
        return "None"
    return str(int(yaml.SafeLoader.bool_values[node.value.lower()])) if kind == "bool" else node.value
