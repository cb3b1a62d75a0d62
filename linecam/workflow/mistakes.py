"""What is wrong with a configuration, for the one who wrote it: which key, in which line, and what would be right."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher, get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from linecam.errors import UserError
from linecam.yaml_file import compose_yaml

Key = tuple[int | str, ...]  # where a value is: names of keys, and places in lists

# A number with what people write around it: 70ms, 95 %, 0,95.
_QUANTITY = re.compile(r"\s*(?P<number>[-+]?[0-9]+([.,][0-9]+)?)\s*(?P<unit>[^\W\d_]{1,12}|[%°]|)\s*")
_COMMA = "In braces a comma begins a new key: write 0.95 for 0,95, and 1000 for 1,000."

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


def check_classes(key: str, names: Iterable[str], classes: Sequence[str]) -> None:
    """Raise `UserError` if the setting `key` names something that is not one of the `classes`."""
    for name in names:
        if name not in classes:
            raise UserError(f"{key}: {name!r} is not a class. {nearest(name, classes)}")


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _follows(mistake: ErrorDetails) -> bool:
    """Whether a list is too short only because pydantic does not count its wrong entries, each a mistake of its own."""
    return mistake["type"] == "too_short" and len(mistake["input"]) >= mistake["ctx"]["min_length"]


def _line(mistake: ErrorDetails, schema: dict[str, Any], places: "_Places") -> str:
    key, kind = mistake["loc"], mistake["type"]
    if key[-1] == "[key]" or kind in {"extra_forbidden", "invalid_key"}:
        return _line_of_key(key, schema, places)
    if kind == "missing":
        return _line_of_missing(key, schema, places)
    if isinstance(key[-1], int) and _part(schema, key[:-1])["type"] == "object":
        return ""  # what a key says that is none, which is told of
    value, place = _shown(mistake["input"]), places.of(key, mistake["input"])
    written = places.scalar(key) if kind == "string_type" else ""
    if written and written != value:
        return f"{_written(key)} is {written}{place}, which YAML reads as {value}. Write it in quotes: '{written}'."
    return (
        f"{_written(key)} is {value}{place}. {_expected(mistake, _part(schema, key))}{_number_in(mistake, bool(place))}"
    )


def _line_of_key(key: Key, schema: dict[str, Any], places: "_Places") -> str:
    """The line for a key that is unknown, or is not text."""
    if key[-1] == "[key]":  # of a class, which YAML reads as a number or as true
        name = json.dumps(key[-2], default=str)
        there = f"{_written(key[:-2])} has the key {name}{places.of(key[:-1])}, which is not text"
        return f"{there}. {_COMMA if places.nothing(key[:-1]) else 'Write it in quotes.'}"
    known = list(_part(schema, key[:-1])["properties"])
    if isinstance(key[-1], str):
        return (
            f"{_written(key)} is not a key{places.of(key)}. {_meant(key, schema, known)}There is: {', '.join(known)}."
        )
    there = f"{_written(key[:-1])} has the key {key[-1]}{places.of(key)}, which is not text"
    if places.nothing(key):
        return f"{there}. {_COMMA}"
    return f"{there}: YAML reads no as 0 and yes as 1. {nearest('', known)}"


def _line_of_missing(key: Key, schema: dict[str, Any], places: "_Places") -> str:
    """The line for a key that is not there, or for a list that ends before it; of a list the same for each end."""
    place = places.of(key[:-1])
    if isinstance(key[-1], str):
        return f"{_written(key)} is missing{place}."
    count = len(_part(schema, key[:-1])["prefixItems"])
    return f"{_written(key[:-1])}{place} is too short a list: it takes {count} values."


def _number_in(mistake: ErrorDetails, in_file: bool) -> str:
    """What to write where a number was meant by text such as 70ms, 95% or 0,95; `in_file`: a file has that text."""
    kind, text = mistake["type"], mistake["input"]
    found = _QUANTITY.fullmatch(text) if kind in {"int_type", "float_type"} and isinstance(text, str) else None
    if not found:
        return ""
    number, unit = found["number"].replace(",", "."), found["unit"]
    if unit == "%" and kind == "float_type":
        return f" As a share, {text.strip()} is {float(number) / 100:g}."
    if unit:  # of 1s, as milliseconds, nobody knows whether it is 1 or 1000
        same = str(mistake["loc"][-1]).endswith(f"_{unit.lower()}")
        return f" Write it without the unit{f': {number}' if same else ''}."
    if "," in text:
        return f" Write it with a point: {number}." if kind == "float_type" else ""
    if not in_file:
        return " In brackets, --config hands a number on as text: write it into a file."
    return " Write it without quotes." if kind == "float_type" or "." not in number else ""


def _meant(key: Key, schema: dict[str, Any], known: Sequence[str]) -> str:
    """Which key may have been meant by an unknown one: a similar one of the section, or the same name elsewhere."""
    name = str(key[-1])
    keys = [".".join(path) for path in _keys(schema)]
    if ".".join(map(str, key)) in keys:  # select.train: 5
        section, _, last = name.rpartition(".")
        return f"Write {last} below {'.'.join([*map(str, key[:-1]), section])}, indented. "
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    alike = SequenceMatcher(None, name, near[0]).ratio() if near else 0.0
    elsewhere = [one if "." in one else f"{one} (not indented)" for one in keys if one.rpartition(".")[2] == name]
    words = elsewhere[:3] if alike < 0.85 else []
    words = near + words if alike > 0.7 or not words else words
    return f"Did you mean {' or '.join(words)}? " if words else ""


def _keys(schema: dict[str, Any], key: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All keys of a configuration outside of lists."""
    for name in _part(schema, key).get("properties", {}):
        yield (*key, name)
        yield from _keys(schema, (*key, name))


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
        return str(part["patternErrorMessage"])
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
    """A key as one would write it: study[0].networks; with what nobody sees in it spelt out, such as a hard blank."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    text = text.removeprefix(".") or "the configuration"
    return text if text.isprintable() else ascii(text)


class _Places:
    """In which line of which file a key is set."""

    def __init__(self, files: Sequence[str | Path]) -> None:
        here = f"{Path.cwd()}/"
        self._trees = {str(file).removeprefix(here): compose_yaml(file) for file in files}

    def of(self, key: Key, value: object = None) -> str:
        """' (file, line N)' of the first file that sets `key`; "" where none does, or to another text than `value`.

        Then `--config` has set it.
        """
        for file, tree in self._trees.items():
            line, node = _found(tree, key)
            if line is not None:
                other = isinstance(value, str) and not _says(node, value)
                return "" if other else f" ({file}, line {line})"
        return ""

    def nothing(self, key: Key) -> bool:
        """Whether the first file that sets `key` gives it no value, not even null."""
        nodes = (node for line, node in (_found(tree, key) for tree in self._trees.values()) if line is not None)
        node = next(nodes, None)
        return isinstance(node, yaml.ScalarNode) and not node.value and node.tag.endswith(":null")

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


def _says(node: yaml.Node | None, text: str) -> bool:
    """Whether a value is this text."""
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":str") and node.value == text


def _key(node: yaml.Node) -> object:
    """A key of a mapping as pydantic names it: what YAML reads as nothing is None, no is 0 and yes is 1."""
    kind = node.tag.rpartition(":")[2]
    if kind == "null":
        return "None"
    if kind == "int":
        return str(yaml.safe_load(node.value))  # 000 is 0
    return str(int(yaml.SafeLoader.bool_values[node.value.lower()])) if kind == "bool" else node.value
