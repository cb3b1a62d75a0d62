"""What stands last on the screen: why a run ended early and what to do, or what it made and how good that is.

This module talks to Snakemake.
"""

import csv
import os
import re
import shlex
import signal
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linecam.errors import FAILED, FAULT, STOPPED
from linecam.files import read_json
from linecam.percent import percent
from linecam.workflow.job import OPTIONS, with_options

# What a step says at its end, by a mark, up to the next line that begins with the time of day.
_TOLD = re.compile(
    rf"^\d\d:\d\d:\d\d (?P<mark>{FAILED}|{STOPPED}|{FAULT}) (?P<text>.*?)(?=^\d\d:\d\d:\d\d |\Z)", re.M | re.S
)
_SYSTEM = re.compile(r"\[Errno (?P<number>\d+)\] [^:'\n]*(?:: '(?P<path>[^'\n]+)')?")
_KILLED = re.compile(r"died with <Signals\.(?P<name>SIG\w+)|exit status (?P<status>\d+)")
MOST_TOLD = 8  # how many lines about folders, and how many other lines, the terminal shows of the index
_UNEVEN = 2  # a class with this many times more frames than another one rules the accuracy


@dataclass
class Failure:
    """A step that failed."""

    rule: str
    words: str
    log: str  # its log file; "" where it has none
    ended: str = ""  # what Snakemake says of the process: which exit status or signal
    since: float = 0  # seconds since 1970 from which on the log is of this run
    cluster: str = ""  # what the cluster says of the job

    def told(self) -> tuple[str, str]:
        """By which mark, and what the step wrote last into its log; ("", "") where it wrote no such thing."""
        log = Path(self.log)
        try:
            if log.stat().st_mtime < self.since:
                return "", ""
            found = [*_TOLD.finditer(log.read_text(encoding="utf-8", errors="replace"))]
        except OSError:
            return "", ""
        return (found[-1]["mark"], found[-1]["text"].strip()) if found else ("", "")

    @property
    def reason(self) -> str:
        """Why it failed, in one line; "" where nobody says."""
        mark, text = self.told()
        lines = (text or self.cluster).splitlines()
        return lines[-1 if mark == FAULT else 0].strip() if lines else ""

    def paragraph(self) -> str:
        """The step, what was found, what to do, and the log."""
        mark, text = self.told()
        see = f"The log has more: {self.log}" if self.log and Path(self.log).is_file() else "It has no log."
        if mark == STOPPED:
            return text
        if mark == FAILED:
            return f"{self.words}: this step failed.\n{text}\n{see}"
        if mark == FAULT:
            last = text.splitlines()[-1]
            return (
                f"{self.words}: this step failed because of a fault of linecam, not of your data: {last}\n"
                f"Please report it, with this file: {self.log}"
            )
        if killed := _signal(self.ended):
            memory = " Most often there was not enough memory: use fewer cores (--cores 1), or a larger machine."
            return f"{self.words}: this step was killed by {killed}.{memory * (killed == 'SIGKILL')}\n{see}"
        said = f"The cluster says: {self.cluster}" if self.cluster else "What it printed stands above."
        return f"{self.words}: this step failed before it could say why. {said}\n{see}"


def _signal(ended: str) -> str:
    """The name of the signal that ended a process, such as SIGKILL; "" where none did."""
    match = _KILLED.search(ended)
    if match is None:
        return ""
    if match["name"]:
        return match["name"]
    number = int(match["status"]) - 128  # as bash tells it
    with suppress(ValueError):
        return signal.Signals(number).name
    return ""


def frames_told(results: Path) -> str:
    """What the index says of the user's files, in some lines; "" where it is not here. Folders come short."""
    summary = results / "index/summary.json"
    if not summary.is_file():
        return ""
    said = read_json(summary)
    total, *lines = said["lines"]
    folders, others = lines[: said["folder_lines"]], lines[said["folder_lines"] :]
    told = [total]
    told += folders[:MOST_TOLD] if len(folders) <= MOST_TOLD else [f"{len(said['folders'])} folders"]
    told += others[:MOST_TOLD]
    if len(folders) > MOST_TOLD or len(others) > MOST_TOLD:
        told.append(f"and more in {results}/logs/index_frames.log")
    return "\n".join(f"    {_printable(line)}" for line in told)


def _printable(text: str) -> str:
    """The text with control characters spelt out: in a file's name they could give the terminal orders."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def failed(failures: Sequence[Failure]) -> str:
    """A paragraph for each failure, each text once. Steps that wait for a person come last."""
    told: dict[str, bool] = {}
    for failure in failures:
        told.setdefault(failure.paragraph(), failure.told()[0] == STOPPED)
    return "\n\n".join(sorted(told, key=lambda text: told[text]))


def of_the_disk(text: str) -> str:
    """One paragraph for what Snakemake says of an error of the disk, such as that it is full; "" for all else."""
    from linecam.disk import explain  # noqa: PLC0415 (a run without such an error needs none of it)

    found = _SYSTEM.search(text)
    return (found and explain(OSError(int(found["number"]), "", found["path"]))) or ""


def interrupted() -> str:
    """After Ctrl-C, or SIGTERM."""
    return "Stopped, as you asked. The same command goes on where this one ended."


def locked() -> str:
    """Where the lock of another Snakemake stands: whether that one runs, and what to type where it does not."""
    running = sorted(_others_here())
    if running:
        numbers = ", ".join(map(str, running))
        return (
            f"This folder is in use: a Snakemake, or a step of one, runs in it (process {numbers}). Let it end, then "
            "run the same command again. If a Snakemake was killed, its steps go on. Let them end too, or end them "
            f"with\n\n    kill {' '.join(map(str, running))}"
        )
    unlock = shlex.join(["snakemake", "--unlock", *_place(sys.argv[1:])])
    return (
        "This folder is locked, and on this machine nothing runs in it: a Snakemake was killed here, or the power "
        "failed. Nothing is lost. If no other machine works in this folder either, remove the lock, then run the same "
        f"command again:\n\n    {' '.join([unlock, os.environ.get(OPTIONS, '')]).rstrip()}"
    )


def _others_here() -> Iterator[int]:
    """The processes of other Snakemakes in the working directory, and of their steps."""
    import psutil  # noqa: PLC0415 (a run that is not locked needs none of it)

    here, own = Path.cwd(), psutil.Process()
    relatives = {own.pid, *(parent.pid for parent in own.parents())}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            words = " ".join(process.cmdline())
            started = "snakemake" in words and "python" in process.name().lower() + words
            if started and process.pid not in relatives and Path(process.cwd()) == here:
                yield process.pid


def _place(arguments: Sequence[str]) -> list[str]:
    """The arguments of a run that say which workflow runs, and in which folder."""
    taken = []
    for name, value in zip(arguments, [*arguments[1:], ""], strict=True):
        if name in {"--snakefile", "-s"} and Path(value).resolve() == Path("Snakefile").resolve():
            continue  # which Snakemake finds by itself
        if name in {"--snakefile", "-s", "--directory", "-d", "--profile", "--workflow-profile"}:
            taken += [name, value]
    return taken


def figures(results: Path, boards: Sequence[str]) -> str:
    """How good the chosen model is, and where bundle and report are; what is not there is left out.

    `results` is the folder of the dataset's results.
    """
    lines = []
    with suppress(OSError, ValueError, KeyError, TypeError):
        choice = read_json(results / "choice.json")
        metrics = read_json(results / "evaluate" / choice["model"] / f"{choice['range']}.json")
        lines += [*_score(metrics.get("decided") or metrics["test"])]
    bundles = [results / "bundle" / board for board in boards]
    lines += [f"The bundle, to copy to the camera: {path}/" for path in bundles if path.is_dir()]
    page = results / "report.html"
    lines += [f"The report, for a browser: {page}"] if page.is_file() else []
    return "\n".join(lines)


def found(results: Path, rules: Collection[str]) -> str:
    """What the run found if it made no bundle but what a user asks for by name, such as `tune`; "" for no such rule."""
    lines = []
    if "tune" in rules and (table := results / "tune/table.md").is_file():
        told = [line for line in table.read_text(encoding="utf-8").splitlines() if line and not line.startswith("|")]
        lines += [*told[:1], f"These settings: {results}/tune/best.yaml. Every entrant: {table}"]
    for rule, file in {"study": "study/table.md", "study_selection": "study_selection/table.md"}.items():
        if rule in rules and (results / file).is_file():
            again = with_options("snakemake")
            lines += [f"The figures: {results / file}. The report shows them after: {again}"]
    if "select_next" in rules and (results / "next/summary.json").is_file():
        lines += [*_next(results / "next")]
    return "\n".join(lines)


def _next(folder: Path) -> Iterator[str]:
    """What `select_next` chose, and what to type."""
    summary = read_json(folder / "summary.json")
    batch, suspects = (_rows(folder / name) for name in ("batch.csv", "suspects.csv"))
    yield f"Frames to label next: {batch}, listed in {folder}/batch.csv"
    if summary["weak"]:
        yield "Labels that look wrong: not known, for the model is weak. Its choice of frames says little too."
    else:
        listed = f", the {suspects} most doubtful listed" if suspects < summary["doubtful"] else ", listed"
        where = f"{listed} in {folder}/suspects.csv" if suspects else ""
        yield f"Labels that look wrong: {summary['doubtful']}{where}"
    if summary["train"] is None:
        after = "copy them into train/, each into the folder of its class"
    else:
        after = f"set select.train to {summary['train']} in your configuration"
    yield f"Label these frames with the command below. Then {after}, and run snakemake again."
    yield f"\n    {with_options('linecam label')}"


def _rows(table: Path) -> int:
    """How many rows a CSV file has."""
    with table.open(newline="", encoding="utf-8") as file:
        return sum(1 for _ in csv.DictReader(file))


def _score(score: dict[str, Any]) -> Iterator[str]:
    """Accuracy, and the recall of each class, on the test frames."""
    recalls = {name: one["recall"] for name, one in score["classes"].items() if one["recall"]["of"][1]}
    numbers = [recall["of"][1] for recall in recalls.values()]
    accuracy = f"{percent(score['accuracy']['value'])} right"
    if max(numbers) >= _UNEVEN * min(numbers):
        accuracy = f"balanced accuracy {percent(score['balanced_accuracy'])} ({accuracy})"
    yield f"On {score['frames']:,} test frames: {accuracy}"
    each = [f"{name} {percent(one['value'])} ({one['of'][0]} of {one['of'][1]})" for name, one in recalls.items()]
    yield f"Found of each class: {', '.join(each)}"
