"""Mistakes in the words after `snakemake`: each is told in a paragraph, with what to write instead."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.core import TyperGroup
from typer.main import get_command

from linecam import cli
from linecam.workflow.command_line import COMMANDS, check_configfiles, unknown_target
from tests.conftest import ROOT

PROFILES = [ROOT / "profiles" / name / "config.yaml" for name in ("default", "slurm")]


def snakemake(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A dry run in the project itself."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def ended(*arguments: str | Path) -> str:
    """The message that these words end with."""
    with pytest.raises(SystemExit) as end:
        check_configfiles(["--cores", "2", *map(str, arguments)])
    return str(end.value.code)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    file = tmp_path / "good.yaml"
    file.write_text("dataset: {name: x, kind: belt}\n")
    return file


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dataset:\n  name: x\n\tkind: belt\n", "line 3, column 1 is not valid YAML"),
        ("dataset:\n  name: x\n   kind: belt\n", "line 3, column 8 is not valid YAML"),
        ("select: {train: 5}\nselect: {train: 6}\n", "select is set in line 1 and in line 2"),
        ("- 1\n", "holds no keys"),
        ("", "holds no keys"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, good: Path, text: str, told: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    for arguments in ([file], [good, file], [file, "--config", "a=b"]):
        message = ended("--configfile", *arguments)
        assert message.startswith(f"--configfile: {file}")
        assert told in message
        assert "Write a target before it" not in message


def test_a_target_after_the_files_is_told_where_to_stand(good: Path) -> None:
    for name in ("all", "results/x/report.html"):
        message = (
            ended(f"--configfile={good}", "--configfile", name) if name == "all" else ended("--configfiles", good, name)
        )
        assert f"--configfile: {name} cannot be read" in message
        assert message.endswith(f"Write a target before it: snakemake {name} --configfile {good}")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["select.train=6"], "select.train=6 names a key below a section. Write it into your configuration: select: {"),
        (
            ["pretrain.cpu.epochs=6"],
            "pretrain.cpu.epochs=6 names a key below a section. Write it into your configuration: pretrain: {cpu: {ep",
        ),
        (["select={train:", "6}"], "select={train: 6} are two words for the shell."),
        (["networks"], "networks is not of the form NAME=VALUE"),
        (
            ["shards=2", "all"],
            "all is not of the form NAME=VALUE, such as shards=2. Every word after --config is taken",
        ),
        (["shards:", "2"], "shards: is not of the form NAME=VALUE"),
        (["=2"], "=2 is not of the form NAME=VALUE"),
        (["größe=2"], "größe=2 is not of the form NAME=VALUE"),
    ],
)
def test_a_word_that_sets_nothing_is_told(good: Path, words: list[str], told: str) -> None:
    """Snakemake has a traceback of 20 lines for each."""
    for option in ("--config", "-C"):
        assert ended(option, *words, "--configfile", good).startswith(f"--config: {told}")


def test_good_files_and_other_options_are_let_through(good: Path) -> None:
    check_configfiles(["all", "--configfile", str(good), "-n", "--config", "belt={frames: 3}", "--cores", "2"])
    check_configfiles(["--config", "a=b", "--conf", "nothing"])
    check_configfiles(["all", "-C", "shards=2", "select={train: 6}", "--config", "a=", "-n"])
    check_configfiles([])


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.parent.name)
def test_the_profiles_that_load_by_themselves_look_at_the_files(profile: Path) -> None:
    assert "check_configfiles()" in "".join(yaml.safe_load(profile.read_text())["__definitions__"])


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.parent.name)
def test_the_profiles_leave_the_choice_of_linecam_to_the_snakefile(profile: Path) -> None:
    """An installed linecam may be another one than that beside the Snakefile."""
    (code,) = yaml.safe_load(profile.read_text())["__definitions__"]
    code += 'print([name for name in sys.modules if name.startswith("linecam")])'
    command = [sys.executable, "-c", code, "--cores", "2"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        ("lable", "Did you mean `linecam label` or `linecam labels`?"),
        ("select_nxt", "Did you mean select_next or select_test?"),
        ("results/belt/raport.html", "Did you mean results/belt/report.html?"),
        ("xyz", "No rule makes xyz. `snakemake --list`"),
    ],
)
def test_a_target_that_is_none_is_told_the_near_one(target: str, meant: str) -> None:
    targets = ["all", "report", "select_next", "select_test", "results/belt/report.html", "results/belt/choice.json"]
    assert meant in unknown_target(target, targets)


def test_the_commands_that_are_no_rules_are_those_of_linecam() -> None:
    group = get_command(cli.app)
    assert isinstance(group, TyperGroup)
    assert set(COMMANDS) == set(group.commands)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--configfile", "nothing.yaml"], "--configfile: nothing.yaml cannot be read: No such file"),
        (["lable"], "No rule makes lable. Did you mean `linecam label`"),
        (["--cores", "2", "results/belt/raport.html", "--quiet", "all"], "Did you mean results/belt/report.html"),
        (["Makefile"], "No rule makes Makefile."),
    ],
)
def test_snakemake_ends_with_the_message_alone(arguments: list[str], told: str) -> None:
    run = snakemake(*arguments)
    assert run.returncode == 1
    assert told in run.stdout
    assert "Traceback" not in run.stdout
    assert "Exception" not in run.stdout
    assert len(run.stdout.splitlines()) <= 8, run.stdout
