"""The README and docs/: every command, setting and message in them exists, and every page is in the site.

Commands are parsed, not run. What needs a camera, a cluster or a program that is not linecam's is marked by a comment
on the line before its block: `<!-- needs: a camera -->`.
"""

import ast
import contextlib
import io
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
import typer
import yaml
from jsonschema import Draft202012Validator
from snakemake.cli import get_argument_parser
from snakemake.rules import Rule

from linecam import cli
from linecam.workflow.reference import json_schema
from tests.conftest import ROOT

PAGES = sorted((ROOT / "docs").glob("*.md"))
TEXTS = [*PAGES, *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "config/README.md", "profiles/README.md"))]
SCHEMA = json_schema()
EXAMPLES = {"config/mine.yaml", "/plant/caps/mine.yaml", "/path/to/linecam/Snakefile", "FILE"}  # a reader's own files
WITH_CAMERA = {"deploy", "measure", "receive"}

FENCE = re.compile(
    r"(?P<mark>^[ ]*<!-- needs: [^\n]+ -->\n)?^(?P<indent>[ ]*)```(?P<kind>\w*)\n(?P<code>.*?)^[ ]*```$", re.M | re.S
)
INDENTED = re.compile(r"(?<=\n\n)((?: {4}[^\n]*\n)+)")
INLINE = re.compile(r"`([^`]+)`")
OURS = ("linecam", "snakemake", "make")


@dataclass(frozen=True)
class Command:
    """A line of a page that begins with a program's name."""

    page: str = field(compare=False)
    text: str
    in_block: bool
    marked: bool = False

    @property
    def words(self) -> list[str]:
        words = [word for word in shlex.split(self.text, comments=True) if word != "…"]
        return [words[0].removeprefix(".venv/bin/"), *words[1:]] if words else []


def commands(text: str, page: str) -> Iterator[Command]:
    """The commands in blocks, and those in a sentence or a table that call linecam, snakemake or make."""
    for block in FENCE.finditer(text):
        if block["kind"] == "sh":
            for line in block["code"].replace("\\\n", " ").splitlines():
                if line.split("#")[0].strip():
                    yield Command(page, line.strip(), in_block=True, marked=bool(block["mark"]))
    text = FENCE.sub("", text)
    for part in INDENTED.findall(text):
        for line in part.splitlines():
            if line.split()[:1] and line.split()[0] in OURS:
                yield Command(page, line.strip(), in_block=True)
    for span in INLINE.findall(INDENTED.sub("", text)):
        if span.split()[0] in OURS or span.startswith(("python benchmarks/", "python -m linecam")):
            yield Command(page, " ".join(span.split()), in_block=False)


COMMANDS = [command for path in TEXTS for command in commands(path.read_text(encoding="utf-8"), path.name)]


@contextlib.contextmanager
def quiet() -> Iterator[io.StringIO]:
    """Collects what a parser prints."""
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(said):
        yield said


def linecam_fault(words: Sequence[str], rules: Mapping[str, Rule], command: Command) -> str | None:
    """Read by the command's own parser."""
    found = linecam_parser()
    rest = list(cli._repeated(words))
    path: list[str] = []
    while rest and rest[0] in getattr(found, "commands", {}):
        path.append(rest.pop(0))
        found = found.commands[path[-1]]
    several = hasattr(found, "commands")
    if several and rest and not rest[0].startswith("-"):
        return f"there is no linecam {' '.join([*path, rest[0]])}"
    if not rest and (several or not command.in_block):
        return None  # the name alone
    if path and path[0] in WITH_CAMERA and command.in_block and not command.marked:
        return "it needs a camera: mark its block"
    try:
        with quiet():
            found.make_context(" ".join(path), rest)
    except Exception as error:
        if type(error).__name__ == "Exit":  # --help, --version
            return None
        return str(getattr(error, "format_message", error.__str__)())
    return None


def snakemake_fault(words: Sequence[str], rules: Mapping[str, Rule], command: Command) -> str | None:
    """Read by Snakemake's own parser; then targets, rules, files and settings are looked up."""
    with quiet() as said:
        try:
            options = snakemake_parser().parse_args(words)
        except SystemExit:
            return said.getvalue().splitlines()[-1]

    def made(file: str) -> bool:
        own = re.sub(r"^(results|data)/[^/]+/", r"\1/belt/", file)
        return any(rule.is_producer(own) for rule in rules.values())

    files = [str(file) for file in (*(options.configfile or []), *([options.snakefile] if options.snakefile else []))]
    profiles = [*(options.profile or []), *([options.workflow_profile] if options.workflow_profile else [])]
    wrong = [
        *(target for target in options.targets if target not in rules and not made(target)),
        *(f"{rule} is no rule" for rule in {*options.forcerun, *options.set_resources} if rule not in rules),
        *(file for file in files if file not in EXAMPLES and not (ROOT / file).is_file() and not made(file)),
        *(folder for folder in profiles if not (ROOT / folder / "config.yaml").is_file()),
        *(
            f"{key} is no setting"
            for key in (setting.partition("=")[0] for setting in options.config or [])
            if key not in SCHEMA["properties"]
        ),
    ]
    return f"there is no {', '.join(map(str, wrong))}" if wrong else None


@cache
def linecam_parser():
    return typer.main.get_command(cli.app)


@cache
def snakemake_parser():
    return get_argument_parser()


def make_fault(words: Sequence[str], rules: Mapping[str, Rule], command: Command) -> str | None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (line,) = re.findall(r"^TARGETS = (.*)$", makefile, re.M)
    for word in words:
        variable, equals, _ = word.partition("=")
        if equals and not re.search(rf"\$\((if \$\()?{variable}\b|^{variable} \?=", makefile, re.M):
            return f"the Makefile has no variable {variable}"
        if not equals and word not in line.split():
            return f"the Makefile has no target {word}"
    return None


def python_fault(words: Sequence[str], rules: Mapping[str, Rule], command: Command) -> str | None:
    """A module of linecam or a file, with options that stand in it."""
    if words[0] == "-m":
        path, options = ROOT / f"{words[1].replace('.', '/')}.py", words[2:]
    else:
        path, options = ROOT / words[0], words[1:]
    if not path.is_file():
        return f"there is no {path.relative_to(ROOT)}"
    known = path.read_text(encoding="utf-8") + (ROOT / "linecam/workflow/generated.py").read_text(encoding="utf-8")
    missing = [option for option in options if option.startswith("-") and f'"{option}"' not in known]
    return f"{path.name} has no option {', '.join(missing)}" if missing else None


def file_fault(words: Sequence[str], rules: Mapping[str, Rule], command: Command) -> str | None:
    """`pip install -r FILE`, `pytest FILE`, `bash FILE`."""
    missing = [word for word in words if "/" in word and not (ROOT / word).exists() and word != ".venv/bin/activate"]
    return f"there is no {', '.join(missing)}" if missing else None


CHECKS: dict[str, Callable[[Sequence[str], Mapping[str, Rule], Command], str | None]] = {
    "linecam": linecam_fault,
    "snakemake": snakemake_fault,
    "make": make_fault,
    "python": python_fault,
    "pip": file_fault,
    "pytest": file_fault,
    "bash": file_fault,
    ".": file_fault,
}


def fault(command: Command, rules: Mapping[str, Rule]) -> str | None:
    """What is wrong with a command; None where it is right, or marked as one of another program."""
    program, *words = command.words
    if program not in CHECKS:
        return None if command.marked else f"{program} is not linecam's: mark its block with what it needs"
    if command.marked and program not in OURS:
        return None
    return CHECKS[program](words, rules, command)


def test_there_are_commands_to_check() -> None:
    assert len(COMMANDS) > 150
    assert len({command.page for command in COMMANDS}) > 15
    assert sum(command.in_block for command in COMMANDS) > 50


def test_every_command_is_one(rules: dict[str, Rule]) -> None:
    wrong = {f"{command.page}: {command.text}": told for command in set(COMMANDS) if (told := fault(command, rules))}
    assert not wrong, "\n".join(f"{command}: {told}" for command, told in sorted(wrong.items()))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("linecam labl", "there is no linecam labl"),
        ("linecam labels exports FILE", "there is no linecam labels exports"),
        ("linecam label --bye Ann", "No such option: --bye"),
        ("linecam check", "Missing argument"),
        ("linecam labels export tasks.json --format label-studios", "label-studios"),
        ("linecam deploy --drive /media/you/OPENMV", "mark its block"),
        ("snakemake --dry-runs", "unrecognized arguments: --dry-runs"),
        ("snakemake reports", "there is no reports"),
        ("snakemake results/caps/select/herding.tsv", "there is no results/caps/select/herding.tsv"),
        ("snakemake -R decode_samples", "decode_samples is no rule"),
        ("snakemake --set-resources finetunes:mem_mb=4000", "finetunes is no rule"),
        ("snakemake --configfile config/mask.yaml", "there is no config/mask.yaml"),
        ("snakemake --profile profiles/s4", "there is no profiles/s4"),
        ("snakemake --config selekt=1", "selekt is no setting"),
        ("make dem", "no target dem"),
        ("make demo PYTHN=python3.12", "no variable PYTHN"),
        ("python benchmarks/line.py", "there is no benchmarks/line.py"),
        ("python benchmarks/lines.py --frame FOLDER", "no option --frame"),
        ("python -m linecam.workflow.references", "there is no linecam/workflow/references.py"),
        ("pip install -r profiles/s4/requirements.txt", "there is no profiles/s4/requirements.txt"),
        ("docker push linecam", "mark its block"),
    ],
)
def test_a_wrong_command_is_told(rules: dict[str, Rule], text: str, told: str) -> None:
    (command,) = commands(f"Do this:\n\n```sh\n{text}\n```\n", "page.md")
    assert told in (fault(command, rules) or "")


def test_commands_are_found_wherever_they_stand() -> None:
    page = (
        "In a sentence, `linecam label`.\n\n    snakemake -n    # why\n\n"
        "1. In a list:\n\n    <!-- needs: x -->\n    ```sh\n    a b\n    ```\n"
    )
    assert [(command.words, command.marked) for command in commands(page, "page.md")] == [
        (["a", "b"], True),
        (["snakemake", "-n"], False),
        (["linecam", "label"], False),
    ]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_configuration_is_one(path: Path) -> None:
    """What stands in a block of YAML is a part of a configuration."""
    for block in FENCE.finditer(path.read_text(encoding="utf-8")):
        if block["kind"] == "yaml" and (config := yaml.safe_load(block["code"])):
            Draft202012Validator(SCHEMA).validate(config)


def messages() -> Iterator[str]:
    """Every text in the code, with … for what is filled in."""
    for path in [*(ROOT / "linecam").rglob("*.py"), *(ROOT / "scripts").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def says(text: str, parts: Sequence[str]) -> bool:
    """Whether the parts stand in the text, one after another."""
    at = 0
    for part in parts:
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def test_every_message_in_troubleshooting_is_in_the_code() -> None:
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8").partition("\n## Snakemake stopped hard")[0]
    quoted = re.findall(r"^\| `([^`]+)` \|", page, re.M)
    assert len(quoted) > 30
    texts = list(messages())
    for message in quoted:
        assert any(says(text, message.split("…")) for text in texts), f"no message of linecam says: {message}"


def test_every_page_is_in_the_site() -> None:
    def pages(entry: object) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        for part in entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else []:
            yield from pages(part)

    site = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    assert sorted(pages(site["nav"])) == [path.name for path in PAGES], "`nav` of zensical.toml has every page of docs/"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_picture_and_file_that_is_linked_is_there(path: Path) -> None:
    """The site's own check sees pages and anchors; it does not look for pictures, nor into the README."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) + re.findall(r'src="([^"]+)"', text):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_readme_is_short_and_names_the_tests() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 900
    assert "make test" in text
