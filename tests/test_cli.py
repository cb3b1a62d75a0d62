"""The `linecam` command: quick to say what it can, its statuses, and each subcommand that has no test of its own."""

import os
import re
import resource
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import typer
import yaml

from linecam import cli
from linecam.cli import labels
from linecam.labels import exporters, importers
from linecam.labels.store import COLUMNS
from linecam.networks.architectures import ARCHITECTURES
from tests.conftest import ROOT
from tests.labels.label_files import A, F, make_project, write

COMMAND = [sys.executable, "-m", "linecam"]
MINE = ["--configfile", "config/mine.yaml"]
COMMANDS = [
    *(["plan"], ["label"], ["deploy"], ["check"], ["networks"], ["sign"], ["verify"], ["new-key"], ["receive"]),
    *(["predict"], ["compare"], ["track"], ["watch"], ["measure"]),
    *(["labels", name] for name in ("import", "export", "agreement", "rename")),
]


def linecam(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    return subprocess.run(
        [*COMMAND, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an indexed dataset and no label."""
    make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- quick


def test_help_takes_no_time() -> None:
    """0.15 s where nothing else runs. Counted is the processor's time, of which other processes take none."""
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*COMMAND, "--help"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < 0.4


def test_help_imports_what_it_needs_alone() -> None:
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "linecam", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines()}
    assert {name for name in loaded if name.partition(".")[0] == "linecam"} == {
        "linecam",
        "linecam.cli",
        "linecam.cli.camera",
        "linecam.cli.labels",
        "linecam.cli.options",
        "linecam.errors",
        "linecam.stop_request",
    }
    heavy = {
        "torch",
        "numpy",
        "pandas",
        "snakemake",
        "pydantic",
        "rich",
        "yaml",
        "PIL",
        "psutil",
        "starlette",
        "uvicorn",
    }
    assert not {name.partition(".")[0] for name in loaded} & heavy
    assert "typer" in loaded


# --- what it can, and how it ends


def test_help_names_every_command() -> None:
    for group in ([], ["labels"]):
        printed = linecam(*group, "--help").stdout
        names = re.findall(r"^  ([a-z-]+)  ", printed.partition("Commands:")[2], re.MULTILINE)
        assert set(names) == {command[len(group)] for command in COMMANDS if command[: len(group)] == group}


def test_every_command_and_every_option_says_what_it_is() -> None:
    def commands(group: Any) -> list[Any]:
        nested = (commands(one) if hasattr(one, "commands") else [one] for one in group.commands.values())
        return [one for several in nested for one in several]

    found = commands(typer.main.get_command(cli.app))
    assert len(found) == len(COMMANDS)
    for command in found:
        first = command.help.splitlines()[0]
        assert first[-1] in ".?", "a sentence"
        assert len(first) <= 60, "is not cut off in the list"
        assert [option.name for option in command.params if not option.help] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Usage: linecam"),
        (["labels"], "Usage: linecam labels"),
        (["lable"], "No such command 'lable'. Did you mean"),
        (["check"], "Missing argument"),
        (["label", "--no-such-option"], "No such option"),
        (["deploy"], "name the camera's drive. linecam does not guess it"),
        (["deploy", "bundle", "--drive", "d", "--board", "openmv-h7"], "for a bundle that linecam builds first"),
        (["deploy", "bundle", "--drive", "d", "--snakemake", "--cores 2"], "for a bundle that linecam builds first"),
        (["labels", "export", "x.csv", "--format", "xml"], "--format"),
        (["verify", "bundle"], "Missing option"),
    ],
    ids=" ".join,
)
def test_a_wrong_call_ends_with_2(arguments: list[str], told: str) -> None:
    run = linecam(*arguments)
    assert run.returncode == 2
    assert told in run.stdout + run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["check", "none.tflite"], "none.tflite is not a file."),
        (["deploy", "none", "--drive", "none"], "none is not a bundle"),
        (["labels", "agreement", "--configfile", "none.yaml"], "--configfile: none.yaml is not a file."),
        (["labels", "import", "none.csv"], "There is no none.csv."),
        (["labels", "rename", "bad", "bad?"], "'bad?' cannot be a class."),
        (["sign", "none", "--key", "none.pem"], "The private key none.pem cannot be read"),
        (["new-key", "none/key.pem"], "The key could not be written to none/key.pem"),
        (["label", "--configfile", "none.yaml"], "--configfile: none.yaml is not a file."),
        (["receive", "/dev/null", "frames"], "/dev/null is not a serial port."),
        (["measure", "/dev/null", "none"], "none is not a bundle"),
    ],
    ids=" ".join,
)
def test_a_mistake_ends_with_1_and_one_paragraph(project: Path, arguments: list[str], told: str) -> None:
    given = MINE if arguments[0] == "labels" and "--configfile" not in arguments else []
    run = linecam(*arguments, *given, folder=project)
    assert run.returncode == 1
    assert run.stderr.startswith(told)
    assert len(run.stderr.splitlines()) == 1
    assert run.stdout == ""


@pytest.mark.parametrize("arguments", ["--help", "labels agreement --configfile config/mine.yaml"])
def test_a_reader_that_has_seen_enough_is_no_fault(project: Path, arguments: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = f"{' '.join(COMMAND)} {arguments} | true"
    run = subprocess.run(command, shell=True, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert run.stderr == ""


# --- the commands


def test_networks() -> None:
    run = linecam("networks")
    assert run.returncode == 0, run.stderr
    head, *rows = run.stdout.splitlines()
    assert head.split() == ["network", "MACs", "instructions", "parameters", "about", "arena"]
    assert len(rows) == 4 * len(ARCHITECTURES)
    (row,) = (row for row in rows if row.startswith("swift7-112 "))
    assert row.split() == ["swift7-112", "9,157,168", "25.1", "M", "76,915", "70,724"]


def test_labels_in_and_out(project: Path) -> None:
    write("theirs.csv", COLUMNS, (F, "D-7.png", "good", "", ""))
    run = linecam("labels", "import", "theirs.csv", "--by", "Bob", *MINE, folder=project)
    assert (run.returncode, run.stdout) == (0, "data/mine/labels.csv: 1 new, 0 the same, 0 conflicts, 0 unsure\n")
    write("others.csv", COLUMNS, (F, "D-7.png", "bad", "2", ""), (A, "", "bad", "1", ""))
    run = linecam("labels", "import", "others.csv", "--by", "1=Ann", "--by", "2=Bob", *MINE, folder=project)
    assert run.returncode == 1, "Bob has said something else"
    assert "1 new, 0 the same, 1 conflicts" in run.stdout
    run = linecam("labels", "export", "out.csv", "--format", "csv", *MINE, folder=project)
    assert (run.returncode, run.stdout) == (0, "2 labels in out.csv\n")
    assert Path("out.csv").read_text().count("Bob") == 1
    run = linecam("labels", "agreement", *MINE, folder=project)
    assert run.returncode == 0
    assert run.stdout.startswith("No two people have labelled the same frame")


def test_labels_rename(project: Path) -> None:
    """With the second file laid over the first, as by Snakemake."""
    write("data/other/labels.csv", COLUMNS, (F, "D-7.png", "bad", "Ann", ""))
    Path("config/other.yaml").write_text(yaml.safe_dump({"dataset": {"name": "other", "classes": ["worse", "good"]}}))
    run = linecam("labels", "rename", "bad", "worse", *MINE, "config/other.yaml", folder=project)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == (
        "data/other/labels.csv: 1 row renamed from bad to worse.\n"
        "Still to do: rename folders of frames that are called bad: their name is a label, too.\n"
    )


def test_several_configuration_files_are_several_wherever_they_stand() -> None:
    spelt = "label --configfile a.yaml b.yaml --by Ann --configfile c.yaml"
    assert " ".join(cli._repeated(spelt.split())) == (
        "label --configfile a.yaml --configfile b.yaml --by Ann --configfile c.yaml"
    )


def formats(command: Any) -> list[str]:
    """The formats that a command offers."""
    return list(get_args(get_type_hints(command)["format"]))


def test_the_formats_are_those_that_there_are() -> None:
    assert formats(labels.import_) == ["auto", *importers.FORMATS]
    assert formats(labels.export) == [*exporters.FORMATS, exporters.TASKS]


# --- installed


def test_it_is_installed_as_the_set_up_does_it(tmp_path: Path) -> None:
    """Into an environment of its own, which takes all other packages from this one."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "below.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    copy = tmp_path / "linecam folder"
    for file in ("pyproject.toml", "README.md"):
        copy.mkdir(exist_ok=True)
        (copy / file).write_bytes((ROOT / file).read_bytes())
    for path in [*(ROOT / "linecam").rglob("*.py"), *(ROOT / "linecam").rglob("*.smk")]:
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (options,) = re.findall(r"-m pip install (.*--editable \.)", makefile)
    pip = [sys.executable, "-m", "pip", "--python", environment / "bin/python", "install", "--quiet", *options.split()]
    run = subprocess.run(pip, cwd=copy, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert run.returncode == 0, run.stdout
    program = "import linecam, sys; print(linecam.__file__)"
    here = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    python = [environment / "bin/python", "-c", program]
    found = subprocess.run(python, cwd=tmp_path, env=here, check=True, capture_output=True, text=True).stdout
    assert found == f"{copy}/linecam/__init__.py\n", "edited files count at once"
    run = subprocess.run(
        [environment / "bin/linecam", "--help"], cwd=tmp_path, env=here, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout.splitlines()[0]) == (0, "Usage: linecam [OPTIONS] COMMAND [ARGS]...")
