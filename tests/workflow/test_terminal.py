"""The terminal of a run: a line a step, one bar, and what matters last."""

import fcntl
import logging
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yaml
from snakemake.rules import Rule
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.tests import MockOutputSettings, TestLogHandlerBase

from linecam.files import write_json
from linecam.workflow import endings, terminal
from linecam.workflow import steps as of_steps
from linecam.workflow.endings import Failure
from linecam.workflow.steps import Step
from tests.conftest import ROOT, Project

STEPS = {
    1: Step("index_frames", "List every frame's file", 10, 1),
    2: Step("finetune", "Finetune the network", 70, 2),
    3: Step("split", "Join frames and labels (random-60)", 20, 1),
}


class TestPlugin(TestLogHandlerBase):
    """Snakemake's own tests of a plugin: it takes every kind of record."""

    __test__ = True

    def get_log_handler_cls(self) -> type[terminal.LogHandler]:
        return terminal.LogHandler

    def get_log_handler_settings(self) -> None:
        return None


def record(event: LogEvent | None, text: str = "", level: int = logging.INFO, **values: Any) -> logging.LogRecord:
    """As Snakemake makes one."""
    made = logging.LogRecord("snakemake.logging", level, "", 0, text, None, None)
    vars(made).update(values | ({"event": event} if event else {}))
    return made


def begun(job: int) -> logging.LogRecord:
    return record(LogEvent.JOB_INFO, jobid=job, rule_name=STEPS[job].rule, input=["a"] * 500, reason="Missing output")


def ended(job: int) -> logging.LogRecord:
    return record(LogEvent.JOB_FINISHED, job_id=job)


def failed(job: int, log: str | Path, cluster: str | None = None) -> logging.LogRecord:
    about = {"jobid": job, "rule_name": STEPS[job].rule, "log": [str(log)], "rule_msg": cluster}
    return record(LogEvent.JOB_ERROR, level=logging.ERROR, **about)


def handler(**settings: bool) -> terminal.LogHandler:
    common = MockOutputSettings()
    vars(common).update(settings)
    return terminal.LogHandler(common, None)


def write(log: Path, error: str) -> None:
    """A step's log, as the step writes it where it raises `error`."""
    code = (
        "import sys; from linecam.errors import *\n"
        f"with reported(sys.argv[1], only=True): print('chatter of a library'); raise {error}"
    )
    run = subprocess.run([sys.executable, "-c", code, log], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (1, "", ""), "the terminal has its bar"


# --- lines


def test_a_step_is_a_line_and_a_file_gets_no_control_character(capsys: pytest.CaptureFixture[str]) -> None:
    told = handler()
    told.begin(STEPS, 75)
    for one in (begun(1), record(LogEvent.SHELLCMD, "python x"), ended(1), begun(2), ended(2)):
        told.emit(one)
    told.emit(record(LogEvent.PROGRESS, done=2, total=3))
    told.close()
    assert re.sub(r"\d\.\d s", "0.0 s", capsys.readouterr().err) == (
        "3 steps to do, about 1 minute\n1/3    0.0 s  List every frame's file\n2/3    0.0 s  Finetune the network\n"
    )


@pytest.mark.parametrize(("kind", "told_of"), [("folder", True), ("belt", False)])
def test_the_index_says_what_became_of_your_own_frames(
    kind: str, told_of: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["3 files: 2 used, 0 duplicates, 1 set aside", "good/: 3 .jpg", "set aside, 1 file: empty (\x1b[2Ja.jpg)"]
    write_json(tmp_path / "index/summary.json", {"lines": lines, "folders": [{}], "folder_lines": 1})
    told = handler()
    plan = SimpleNamespace(settings=SimpleNamespace(dataset=SimpleNamespace(kind=kind)), results=str(tmp_path))
    monkeypatch.setattr(told, "_followed", (Any, plan, Any))
    told.begin(STEPS, 75)
    for one in (begun(1), ended(1), begun(2), ended(2)):
        told.emit(one)
    said = capsys.readouterr().err.splitlines()
    expected = [f"    {line}" for line in [*lines[:2], "set aside, 1 file: empty (\\x1b[2Ja.jpg)"]]
    assert said[2:-1] == (expected if told_of else [])


def test_of_many_folders_and_reasons_the_terminal_has_some(tmp_path: Path) -> None:
    lines = ["all", *(f"folder {n}" for n in range(21)), *(f"reason {n}" for n in range(20))]
    write_json(tmp_path / "index/summary.json", {"lines": lines, "folders": [{}] * 40, "folder_lines": 21})
    said = endings.frames_told(tmp_path).splitlines()
    assert said[:3] == ["    all", "    40 folders", "    reason 0"]
    assert said[-2:] == ["    reason 7", f"    and more in {tmp_path}/logs/index_frames.log"]
    assert endings.frames_told(tmp_path / "elsewhere") == ""


def test_chatter_is_left_out_and_the_rest_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    told = handler()
    for text in ("Building DAG of jobs...", "Select jobs to execute...", "Provided cores: 2", "Execute 3 jobs...", ""):
        told.emit(record(None, text))
    told.emit(record(None, "If you prefer ...", logging.DEBUG))
    told.emit(record(None, "Some jobs were triggered by provenance ... '--rerun-triggers mtime' ..."))
    assert capsys.readouterr().err == ""
    told.emit(record(None, "Job 4 has been submitted with SLURM jobid 77"))
    told.emit(record(None, "The disk is slow", logging.WARNING))
    assert capsys.readouterr().err == "Job 4 has been submitted with SLURM jobid 77\nThe disk is slow\n"


def test_verbose_leaves_the_terminal_to_snakemake(capsys: pytest.CaptureFixture[str]) -> None:
    told = handler(verbose=True)
    assert not told.writes_to_stream
    told.begin(STEPS, 75)
    told.emit(begun(1))
    told.emit(ended(1))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("settings", "bucket", "only"),
    [({}, None, True), ({"verbose": True}, None, False), ({"dryrun": True}, None, False), ({}, "s3", False)],
)
def test_steps_print_into_their_logs_where_the_terminal_reads_them(
    settings: dict[str, bool], bucket: str | None, only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINECAM_STEPS_LOG_ONLY", "")  # is put back to what it was
    monkeypatch.delenv("LINECAM_STEPS_LOG_ONLY")
    storage = SimpleNamespace(default_storage_provider=bucket)
    workflow = SimpleNamespace(storage_settings=storage, onstart=lambda begin: None)
    handler(**settings).follow(workflow, Any, Any)
    assert ("LINECAM_STEPS_LOG_ONLY" in os.environ) == only


def test_the_bar_goes_by_time_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    monkeypatch.setenv("TERM", "xterm")
    stream = os.fdopen(theirs, "w", buffering=1)
    monkeypatch.setattr(sys, "stderr", stream)
    told = handler()
    told.begin(STEPS, 75)
    told.emit(begun(1))
    told.emit(ended(1))
    time.sleep(0.7)  # it is drawn twice a second
    told.close()
    shown = ""
    while select.select([ours], [], [], 0.2)[0]:
        shown += os.read(ours, 10_000).decode()
    stream.close()
    os.close(ours)
    assert " 10 % |" in shown, "10 of 100 seconds: one of three steps, but not a third"
    assert "List every frame's file\r\n" in shown
    assert shown.rstrip("\r").endswith("  "), "the bar is wiped out"


# --- the end


def test_a_failure_ends_with_one_paragraph(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Two steps say the same, and a third waits for a person: that comes last, and Snakemake's own words nowhere."""
    told = handler()
    logs = [tmp_path / f"{number}.log" for number in range(3)]
    for log in logs[:2]:
        write(log, "UserError('frame 7 is broken.\\nDelete it.')")
    write(logs[2], "Stop('5 frames have no label yet.\\n\\n    linecam label')")
    told.begin(STEPS, 75)
    told.emit(begun(1))
    told.emit(record(LogEvent.ERROR, "RuleException:\nCalledProcessError in file", logging.ERROR, exception="R"))
    told.emit(failed(3, logs[2]))
    told.emit(failed(1, logs[0]))
    told.emit(failed(1, logs[1]))
    told.emit(record(None, "Exiting because a job execution failed. Look above", logging.ERROR))
    told.emit(record(LogEvent.ERROR, "WorkflowError:\nAt least one job did not complete successfully.", logging.ERROR))
    told.close()
    lines, _, paragraphs = capsys.readouterr().err.partition("\n\n")
    assert [line.split(maxsplit=1) for line in lines.splitlines()[1:]] == [
        ["stopped", "Join frames and labels (random-60)"],
        ["failed", "List every frame's file"],
        ["failed", "List every frame's file"],
    ]
    assert paragraphs == (
        f"List every frame's file: this step failed.\nframe 7 is broken.\nDelete it.\nThe log has more: {logs[1]}\n\n"
        "5 frames have no label yet.\n\n    linecam label\n"
    )


def test_the_same_failure_is_told_once(tmp_path: Path) -> None:
    log = tmp_path / "step.log"
    write(log, "Stop('5 frames have no label yet.')")
    same = [Failure("split", "Join (a)", str(log)), Failure("split", "Join (b)", str(log))]
    assert endings.failed(same) == "5 frames have no label yet."


def test_a_fault_of_linecam_is_called_one(tmp_path: Path) -> None:
    log = tmp_path / "step.log"
    write(log, "TypeError('no such thing')")
    assert Failure("split", "Join", str(log)).paragraph() == (
        "Join: this step failed because of a fault of linecam, not of your data: TypeError: no such thing\n"
        f"Please report it, with this file: {log}"
    )
    assert "Traceback" in log.read_text()
    assert "chatter of a library" in log.read_text(), "what a step prints is in its log"


@pytest.mark.parametrize("ended", ["Command 'x' died with <Signals.SIGKILL: 9>.", "returned non-zero exit status 137."])
def test_a_step_that_was_killed(ended: str, tmp_path: Path) -> None:
    text = Failure("teach", "Pretrain", str(tmp_path / "none.log"), ended).paragraph()
    assert text.startswith("Pretrain: this step was killed by SIGKILL. Most often there was not enough memory")


def test_what_a_cluster_says_of_a_job_that_never_began(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    told = handler()
    told.begin(STEPS, 75)
    told.emit(failed(2, tmp_path / "none.log", "SLURM sbatch failed. Memory specification can not be satisfied\n"))
    told.emit(record(None, "Trying to restart job 2."))
    told.emit(failed(2, tmp_path / "none.log", "SLURM sbatch failed. Memory specification can not be satisfied\n"))
    told.close()
    said = capsys.readouterr().err
    assert [line.split()[0] for line in said.splitlines()[1:4]] == ["failed", "again", "failed"]
    assert "again  Finetune the network (SLURM sbatch failed. Memory specification can not be satisfied)\n" in said
    assert said.endswith(
        "Finetune the network: this step failed before it could say why. The cluster says: SLURM sbatch failed. Memory "
        "specification can not be satisfied\nIt has no log.\n"
    )


def test_a_step_that_is_tried_again_says_why(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    told = handler()
    told.begin(STEPS, 75)
    for number, error in enumerate(("RuntimeError('no working GPU')", "UserError('No label.\\nLabel some.')")):
        write(tmp_path / f"{number}.log", error)
        told.emit(failed(2, tmp_path / f"{number}.log"))
        told.emit(record(None, "Trying to restart job 2."))
    told.emit(ended(2))
    told.close()
    again = [line for line in capsys.readouterr().err.splitlines() if line.split()[:1] == ["again"]]
    assert [line.partition("network ")[2] for line in again] == ["(RuntimeError: no working GPU)", "(No label.)"]


def test_the_log_of_an_earlier_run_does_not_count(tmp_path: Path) -> None:
    log = tmp_path / "step.log"
    write(log, "UserError('of yesterday')")
    os.utime(log, (1e9, 1e9))
    failure = Failure("split", "Join", str(log), since=1.1e9)
    assert failure.told() == ("", "")
    assert "of yesterday" not in failure.paragraph()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Traceback ...\nOSError: [Errno 28] No space left on device", "The disk is full: "),
        ("OSError in file x.smk, line 100:\n[Errno 28] No space left on device\n  File 'a'", "The disk is full: "),
        ("Traceback ...\nOSError: [Errno 30] Read-only file system: '{}/shadow'", "{}/shadow can't be written"),
        ("PermissionError: [Errno 13] Permission denied: '{}/a'", "{}/a can't be opened: permission denied"),
    ],
)
def test_what_snakemake_says_of_the_disk_is_said_in_a_paragraph(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = handler()
    for _ in range(2):  # Snakemake may say it twice
        told.emit(record(LogEvent.ERROR, text.format(tmp_path), logging.ERROR, exception="OSError"))
    told.close()
    printed = capsys.readouterr().err
    assert printed.strip().startswith(said.format(tmp_path))
    assert len(printed.strip().splitlines()) == 1
    assert endings.of_the_disk("WorkflowError: [Errno 2] No such file or directory: 'x'") == ""
    assert endings.of_the_disk("Target rules may not contain wildcards.") == ""


def test_snakemakes_own_reason_is_the_last_where_nothing_began(capsys: pytest.CaptureFixture[str]) -> None:
    told = handler()
    told.emit(record(LogEvent.ERROR, "MissingInputException in rule x", logging.ERROR, exception="Missing"))
    told.emit(record(None, "Shutting down, this might take some time."))
    told.close()
    assert capsys.readouterr().err == "\nMissingInputException in rule x\n"


def test_the_figures_of_a_built_line(belt: Project) -> None:
    told = endings.figures(belt.folder / "results/tiny", ["openmv-h7"]).splitlines()
    assert re.fullmatch(r"On 50 test frames: (balanced accuracy [\d.]+ % \()?[\d.]+ % right\)?", told[0])
    assert re.fullmatch(r"Found of each class: (\w+ [\d.]+ % \(\d+ of \d+\)(, )?){2,3}", told[1])
    assert told[2].endswith("results/tiny/bundle/openmv-h7/")
    assert told[3].endswith("results/tiny/report.html")


@pytest.mark.parametrize(
    ("summary", "said"),
    [
        (
            {"train": 250, "doubtful": 40, "weak": False},
            [
                "Labels that look wrong: 40, the 2 most doubtful listed in {}/next/suspects.csv",
                "set select.train to 250",
            ],
        ),
        (
            {"train": None, "doubtful": 2, "weak": False},
            ["wrong: 2, listed in {}/next/suspects.csv", "copy them into train/"],
        ),
        ({"train": 250, "doubtful": 9, "weak": True}, ["not known, for the model is weak"]),
    ],
)
def test_what_to_label_next_is_told_with_its_command(
    summary: dict[str, Any], said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINECAM_OPTIONS", "--configfile config/caps.yaml")
    write_json(tmp_path / "next/summary.json", summary)
    (tmp_path / "next/batch.csv").write_text('sha256,path\n1,"a\nb.jpg"\n2,c.jpg\n3,d.jpg\n')
    (tmp_path / "next/suspects.csv").write_text("sha256,path\n1,a.jpg\n2,b.jpg\n")
    told = endings.found(tmp_path, {"select_next", "choose"})
    assert told.startswith(f"Frames to label next: 3, listed in {tmp_path}/next/batch.csv\n")
    assert told.endswith("\n\n    linecam label --configfile config/caps.yaml")
    for words in said:
        assert words.format(tmp_path) in told


def test_what_a_tournament_and_a_study_found_is_told(tmp_path: Path) -> None:
    for name, text in (("tune", "| a |\n|---|\n\nslim7-96: 98.1 %.\nFigures of fewer epochs.\n"), ("study", "| b |\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "table.md").write_text(text)
    assert endings.found(tmp_path, {"report", "bundle", "study_selection"}) == ""
    assert endings.found(tmp_path, {"tune"}) == (
        f"slim7-96: 98.1 %.\nThese settings: {tmp_path}/tune/best.yaml. Every entrant: {tmp_path}/tune/table.md"
    )
    assert endings.found(tmp_path, {"study"}).startswith(f"The figures: {tmp_path}/study/table.md. The report shows")


# --- steps


def test_every_rule_has_words_for_its_line(steps: dict[str, Rule]) -> None:
    for name, rule in steps.items():
        words = of_steps.main_clause(rule.docstring)
        assert 15 <= len(words) <= 95, f"{name}: up to its first comma, the docstring of a rule says what it does"


def test_time_is_that_of_the_job_then_of_its_rule(tmp_path: Path) -> None:
    for path, seconds in (("evaluate/a/float.tsv", 4), ("evaluate/b/float.tsv", 6), ("split-random-60.tsv", 2)):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"s\th:m:s\n{seconds}.0\t0:00:0{seconds}\n")
    measured = of_steps.measured_seconds(tmp_path)
    assert of_steps.expected_seconds("evaluate", tmp_path / "evaluate/a/float.tsv", measured) == 4
    assert of_steps.expected_seconds("evaluate", tmp_path / "evaluate/c/float.tsv", measured) == 5
    assert of_steps.expected_seconds("split", None, measured) == 2
    assert of_steps.expected_seconds("teach", None, measured) == of_steps.TYPICAL["teach"]
    assert of_steps.expected_seconds("choose", None, measured) == of_steps.SHORT


@pytest.mark.parametrize(
    ("seconds", "exact", "roughly"),
    [
        (0.42, "0.4 s", "about 1 s"),
        (41.7, "42 s", "about 40 s"),
        (59.6, "1:00", "about 1 minute"),
        (247, "4:07", "about 4 minutes"),
        (3723, "1:02:03", "about 62 minutes"),
        (10_800, "3:00:00", "about 3 hours"),
    ],
)
def test_times_in_words(seconds: float, exact: str, roughly: str) -> None:
    assert (of_steps.duration(seconds), of_steps.about(seconds)) == (exact, roughly)


# --- what a dry run says


def test_the_plan_says_what_changed(folder: Project, tmp_path: Path) -> None:
    """A label, a setting, a frame, a module and a result that is gone, in a few lines; nothing of Snakemake's."""
    project = folder.copy(tmp_path / "mine")
    labels = project.folder / "data/mine/labels.csv"
    table = pd.read_csv(labels)
    selected = pd.read_csv(project.folder / "results/mine/split/coreset-60.csv").query("part == 'train'")
    row = table.index[table["sha256"] == selected["sha256"].iloc[0]][0]
    table.loc[row, "label"] = "bad" if table.loc[row, "label"] != "bad" else "good"
    table.to_csv(labels, index=False)
    config = yaml.safe_load((project.folder / "config/test.yaml").read_text())
    config["quantize"]["ranges"].append([-4, 4])
    config["finetune"]["epochs"] = 3
    project.configure(config)
    frame = sorted((project.folder / "frames").glob("*.jpg"))[0]
    (project.folder / "frames/new.jpg").write_bytes(frame.read_bytes() + b"\0")
    module = project.folder / "linecam/report/charts.py"
    module.write_text(module.read_text() + "# a change\n")
    run = project.linecam("plan")
    assert run.returncode == 0, run.stdout
    changed, runs, trains, dry = run.stdout.splitlines()[-4:]
    assert len(run.stdout.splitlines()) == 5, run.stdout
    assert changed == (
        "Changed: 1 label in data/mine/labels.csv; 1 new frame; finetune.epochs: 2 → 3; quantize.ranges: +[-4, 4]; "
        "linecam itself: linecam/report/charts.py"
    )
    assert re.fullmatch(r"Runs: \d\d steps, about \d+ (s|minutes?): frames \(\d\), .*bundle \(2\)", runs)
    assert trains == "Trains: 1 model, 2 models without a fold, to judge by", "a new frame starts no pretraining"
    assert dry.startswith("This was a dry run")


def test_a_plan_of_a_report_trains_nothing(folder: Project, tmp_path: Path) -> None:
    project = folder.copy(tmp_path / "mine")
    (project.folder / "results/mine/report.html").unlink()
    printed = project.build("--dry-run", "results/mine/report.html").splitlines()
    assert printed[1] == "Changed: gone: results/mine/report.html"
    assert re.fullmatch(r"Runs: 1 step, about \d+ s: report", printed[2])
    assert printed[3] == "Trains: nothing"


TALK = "sys.modules.keys() & {'tensorflow', 'tensorflow.lite.python.lite'}"


@pytest.mark.parametrize("script", ["convert_savedmodel", "quantize", "compare_layers"])
def test_tensorflow_loads_where_its_talk_goes_into_the_log(script: str) -> None:
    """A script's own imports come before its log is open, and would stand in the terminal."""
    code = f"import sys, scripts.{script}; print(bool({TALK}))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
