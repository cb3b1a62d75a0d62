"""Reads a YAML file, or says in which line it cannot be read.

Not in linecam/files.py, which every step reads: most of their environments have no YAML.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from linecam.errors import UserError, listed

# libyaml is ten times as fast, and this happens whenever Snakemake starts.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NUMBERS = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
_MISREAD = re.compile(r"[-+]?0[0-9_]+|.*:.*")  # 010 is 8 in YAML 1.1, and 1:30 is 90


def load_yaml(path: str | Path) -> Any:
    """Read a YAML or JSON file.

    Raises `UserError` with the line where it cannot be read, sets a key twice, or has a number that is not what it
    looks like.
    """
    with _reported(Path(path)) as text:
        loader = _Loader(text)
        try:
            tree = loader.get_single_node()
            mistakes = list(_ambiguous(tree, "", set()))
            if mistakes:
                raise UserError(
                    f"{path} can be read in two ways:\n{listed(mistakes)}Keep one of the lines, or correct it."
                )
            return None if tree is None else loader.construct_document(tree)
        finally:
            loader.dispose()


def compose_yaml(path: str | Path) -> yaml.Node | None:
    """The tree of a YAML file, whose nodes know their lines. Raises `UserError` where it cannot be read."""
    with _reported(Path(path)) as text:
        tree: yaml.Node | None = yaml.compose(text, Loader=_Loader)
        return tree


@contextmanager
def _reported(path: Path) -> Iterator[str]:
    """The file's text; what is wrong with it is raised as `UserError`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Name a YAML file that you may read.") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        encoding = "in UTF-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "not in UTF-8"
        raise UserError(
            f"{path} is {encoding}: byte 0x{data[error.start]:02x} in line {line} belongs to no text in UTF-8. Save it "
            "again, in UTF-8."
        ) from None
    try:
        yield text
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        line_text = text.splitlines()[mark.line] if mark and mark.line < len(text.splitlines()) else ""
        indent = line_text[: len(line_text) - len(line_text.lstrip())]
        advice = (
            "Indent with blanks: there is a tab."
            if "\t" in indent
            else "Look at the indent, the brackets and the quotes of this line and of those before it."
        )
        raise UserError(f"{path}{place} is not valid YAML: {error.problem or error.context}. {advice}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UserError(
            f"{path}, line {line} is not valid YAML: it has a character that may not stand in text. Write the line "
            "again."
        ) from None
    except (AttributeError, TypeError, LookupError):  # PyYAML's, of a tag before what it can't be: !!timestamp x
        raise UserError(
            f"{path} is not valid YAML: a value is not what its tag says, such as !!timestamp. Remove the tag."
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # such as 2026-13-45, which is no date
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from None


def _ambiguous(node: yaml.Node | None, key: str, seen: set[int]) -> Iterator[str]:
    """The values below `node` (the node at `key`) that YAML reads differently than a person would."""
    if node is None or id(node) in seen:  # an alias may lead back up
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode) and node.tag in _NUMBERS and _MISREAD.fullmatch(node.value):
        yield (
            f"{key} is {node.value} in line {_line(node)}, which YAML reads as another number. Write a number without "
            f"a 0 before it and without a colon, and a name in quotes: '{node.value}'"
        )
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _ambiguous(value, f"{key}[{number}]", seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for name, value in node.value:
            inside = f"{key}.{name.value}".removeprefix(".")
            if isinstance(name, yaml.ScalarNode) and name.tag != "tag:yaml.org,2002:merge":
                if name.value in lines:
                    yield f"{inside} is set in line {lines[name.value]} and in line {_line(name)}"
                lines.setdefault(name.value, _line(name))
            yield from _ambiguous(value, inside, seen)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
