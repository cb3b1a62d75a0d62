"""Mistakes in the words after `snakemake`, for which it has a traceback or a puzzling line.

This module talks to Snakemake.
"""

import argparse
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from linecam.errors import UserError
from linecam.files import ROOT
from linecam.yaml_file import load_yaml

CONFIGURATIONS = {".yaml", ".yml", ".json"}
# What is no rule, but a command of linecam's own.
COMMANDS = [
    *("plan", "label", "predict", "compare", "track", "deploy", "measure", "watch", "receive", "check", "networks"),
    *("labels", "sign", "verify", "new-key"),
]

# What Snakemake hands over.
Workflow = Any


def check_configfiles(arguments: Sequence[str] | None = None) -> None:
    """End the process with a message where a file of --configfile, or a word of --config, can't be read.

    `arguments` are the process's own. profiles/default calls it: Snakemake reads profiles first, then these files and
    words, and then the Snakefile.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--configfile", "--configfiles", nargs="+", action="extend", default=[])
    parser.add_argument("--config", "-C", nargs="*", action="extend", default=[])
    known, _ = parser.parse_known_args(sys.argv[1:] if arguments is None else arguments)
    for number, word in enumerate(known.config):
        if wrong := _no_setting(word, known.config[:number]):
            sys.exit(f"--config: {wrong}")
    for number, file in enumerate(known.configfile):
        try:
            if not isinstance(load_yaml(file), dict):
                raise UserError(f"{file} holds no keys. docs/configuration.md shows what a configuration looks like.")
        except UserError as error:
            sys.exit(f"--configfile: {error}{_perhaps_a_target(file, known.configfile[:number])}")


def _no_setting(word: str, before: Sequence[str]) -> str:
    """Why a word after --config, and after the words `before` it, sets nothing, and what to write; "" where it does."""
    name, equals, value = word.partition("=")
    if equals and name.isidentifier() and name.isascii():
        return ""
    if equals and "." in name:
        text = value
        for key in reversed(name.split(".")):
            text = f"{key}: {text}" if text is value else f"{key}: {{{text}}}"
        return f"{word} names a key below a section. Write it into your configuration: {text}"
    if before and before[-1].count("{") > before[-1].count("}"):
        return (
            f"{before[-1]} {word} are two words for the shell. Write them into your configuration, or put them in "
            f"quotes: --config '{before[-1]} {word}'"
        )
    return (
        f"{word} is not of the form NAME=VALUE, such as shards=2. Every word after --config is taken for one: write a "
        "target before it."
    )


def _perhaps_a_target(file: str, before: Sequence[str]) -> str:
    """What to do where `file`, after other files, was meant to be made."""
    if Path(file).suffix in CONFIGURATIONS or not before:
        return ""
    return (
        f" Every word after --configfile is taken for such a file. Write a target before it: snakemake {file} "
        f"--configfile {' '.join(before)}"
    )


def check_targets(workflow: Workflow) -> None:
    """End the process where it was asked for a target that no rule of `workflow` makes, and say the nearest one.

    Snakemake says so too, but not what there is. Where linecam is a module of another workflow, that one's rules count.
    """
    ours = Path(workflow.main_snakefile).resolve() == ROOT / "Snakefile"
    program = Path(sys.argv[0])
    asked = program.name == "snakemake" or program.parts[-2:] == ("snakemake", "__main__.py")  # not by Python code
    if not (ours and asked) or workflow.remote_exec:
        return
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    if all(word.isdigit() or _is_configuration(word) or _makes(workflow, word) for word in words):
        return  # without Snakemake's own parser, which takes a tenth of a second
    from snakemake.cli import get_argument_parser  # noqa: PLC0415 (as above)

    files = {str(file) for rule in workflow.rules for file in rule.products() if not rule.has_wildcards()}
    for target in get_argument_parser().parse_args().targets:
        if not _makes(workflow, target):
            names = {rule.name for rule in workflow.rules if not rule.name.startswith("_")}
            sys.exit(unknown_target(target, sorted(names | files)))


def unknown_target(target: str, targets: Sequence[str]) -> str:
    """What there is instead of `target`: the nearest of `targets`, rules and files, or of linecam's own commands."""
    words = {**{name: f"`linecam {name}`" for name in COMMANDS}, **{name: name for name in targets}}
    near = [words[word] for word in get_close_matches(target, words, n=3, cutoff=0.6)]
    meant = f" Did you mean {' or '.join(near)}?" if near else ""
    return (
        f"No rule makes {target}.{meant} `snakemake --list` shows the rules; docs/files.md has the files below "
        "results/."
    )


def _is_configuration(word: str) -> bool:
    return Path(word).suffix in CONFIGURATIONS and Path(word).is_file()


def _makes(workflow: Workflow, word: str) -> bool:
    """Whether a rule has this name or makes this file. In a bucket the rules' files are Snakemake's own objects."""
    in_bucket = workflow.storage_settings.default_storage_provider is not None and "/" in word
    return in_bucket or any(word == rule.name or rule.is_producer(word) for rule in workflow.rules)
