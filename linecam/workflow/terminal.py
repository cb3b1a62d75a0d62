"""What a run says in the terminal: a line a step, one bar for all of them, and what matters last.

A logger plugin of Snakemake, which profiles/default names. With --verbose Snakemake's own words stand there instead.
Everything that Snakemake says is in .snakemake/log too, and what a step says is in its own log.

This module talks to Snakemake, and is read at each of its starts: what it needs beside the standard library is imported
where it is used.
"""

import logging
import os
import re
import shlex
import sys
import threading
import time
import traceback
from collections.abc import Callable
from logging import INFO, LogRecord
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from linecam.workflow.job import LOG_ONLY, OPTIONS

if TYPE_CHECKING:
    from linecam.frames.folder import Listing
    from linecam.workflow.endings import Failure
    from linecam.workflow.plan import Plan
    from linecam.workflow.steps import Step

NAME = "linecam"

# What Snakemake hands over. A record has the attributes of its event.
Workflow = Any
Record = Any

# Beginnings of what Snakemake says in every run. Its advice on provenance is among it: --rerun-triggers mtime and
# --cleanup-metadata hide that something has changed.
_CHATTER = re.compile(
    r"Assuming unrestricted|Building DAG|Using shell|Provided |Rules claiming|Conda environments: ignored|Singularity|"
    r"Group jobs: inactive|Select jobs|Execute \d+ jobs|Removing |Would remove|Complete log|Elapsed time|"
    r"Exiting because|This was a dry-run|Some jobs were triggered|Rules with |\d+ jobs have |Reasons:|Shutting down|"
    r"Storing output|Touching output|Write-protecting|Config file |Will exit after finishing|"
    r"Terminating processes|Updating |\s*$"
)
_ANSWER = (
    "Do not follow Snakemake's advice above to use --rerun-triggers mtime or --cleanup-metadata: it hides changes."
)
_AGAIN = re.compile(r"Trying to restart job (\d+)")
_ASKED_TO_END = ("Terminating processes", "Will exit after finishing")


def register() -> None:
    """Make this module a logger plugin, of the name in `NAME`.

    Snakemake finds installed packages alone, and none that is installed with `pip install --editable`.
    """
    LoggerPluginRegistry().register_plugin(f"snakemake_logger_plugin_{NAME}", sys.modules[__name__])


def follow(workflow: Workflow, plan: "Plan", listing: "Listing") -> None:
    """Tell the terminal of this run what is run; with Snakemake's own terminal, nothing comes of it.

    `listing` is what the user's folder of frames holds. The Snakefile calls this. Steps learn by the environment what
    to tell a user to type.
    """
    if not workflow.is_main_process or not workflow.modifier.is_main_snakefile():
        return
    files = [os.path.relpath(path) for path in workflow.overwrite_configfiles]
    os.environ[OPTIONS] = shlex.join(["--configfile", *files]) if files else ""
    for handler in workflow.logger_manager.plugin_handlers:
        if hasattr(handler, "follow"):
            handler.follow(workflow, plan, listing)


class LogHandler(LogHandlerBase):
    """The plugin. Records come one at a time, in a thread of their own; `close` comes last, in Snakemake's."""

    has_filter = True
    has_formatter = True
    writes_to_file = False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        logging.raiseExceptions = False  # where the disk is full, Snakemake's own log is not worth a traceback a line
        settings = self.common_settings
        self._stream: TextIO = sys.stdout if settings.stdout else sys.stderr
        self._silent = "all" in {str(getattr(one, "name", one)).lower() for one in settings.quiet or ()}
        self._followed: tuple[Workflow, Plan, Listing] | None = None
        self._executes = False
        self._steps: dict[int, Step] = {}
        self._done = 0
        self._since: dict[int, float] = {}  # when steps that run now began
        self._failures: dict[int, Failure] = {}  # by the job's number
        self._ended: dict[str, str] = {}  # by rule, Snakemake's message about a process that failed
        self._refused: list[str] = []  # Snakemake's message about a run that it did not begin
        self._asked_to_end = False
        self._said_all = False
        self._begun, self._day = time.monotonic(), time.time()
        self._bar = Bar(self._stream)

    @property
    def writes_to_stream(self) -> bool:
        """Not with --verbose: Snakemake's own handler takes its place."""
        return not self.common_settings.verbose

    def follow(self, workflow: Workflow, plan: "Plan", listing: "Listing") -> None:
        """Learn what is run; see the function `follow`."""
        self._followed = workflow, plan, listing
        in_bucket = workflow.storage_settings.default_storage_provider is not None  # where nobody here can read a log
        if not (self.common_settings.verbose or self.common_settings.dryrun or in_bucket):
            os.environ[LOG_ONLY] = "1"

        def begin(log: object) -> None:
            from linecam.workflow.steps import run_seconds, steps_of  # noqa: PLC0415 (a run alone needs it)

            steps = steps_of(workflow.dag, Path(plan.results) / "benchmarks")
            self.begin(steps, run_seconds(workflow.dag, steps, workflow.resource_settings.cores or 1))

        workflow.onstart(begin)

    def begin(self, steps: dict[int, "Step"], seconds: float) -> None:
        """Learn which steps are to do, by the number of the job, and about how many seconds they take."""
        from linecam.workflow.steps import about, counted  # noqa: PLC0415 (as above)

        self.acquire()  # records come in another thread
        try:
            self._steps = steps
            if steps and self.writes_to_stream and not self._silent:
                self._say(f"{counted(len(steps), 'step')} to do, {about(seconds)}")
                self._bar.start(sum(step.seconds for step in steps.values()), self._progress)
        finally:
            self.release()

    def emit(self, record: LogRecord) -> None:
        """Say what the record is worth a line for."""
        event = getattr(record, "event", None)
        handlers: dict[LogEvent | None, Callable[[Record], None]] = {
            LogEvent.WORKFLOW_STARTED: self._run_begins,
            LogEvent.JOB_INFO: self._job_begins,
            LogEvent.JOB_FINISHED: self._job_ends,
            LogEvent.JOB_ERROR: self._job_fails,
            LogEvent.GROUP_ERROR: self._group_fails,
            LogEvent.ERROR: self._run_fails,
            None: self._words,
        }
        if event in handlers:
            handlers[event](record)

    def _run_begins(self, record: Record) -> None:
        self._executes = True  # and is not only asked for a list, a graph or the like

    def _job_begins(self, record: Record) -> None:
        self._since[record.jobid] = time.monotonic()

    def _job_ends(self, record: Record) -> None:
        from linecam.workflow.steps import duration  # noqa: PLC0415 (as above)

        step, began = self._steps.get(record.job_id), self._since.pop(record.job_id, time.monotonic())
        self._failures.pop(record.job_id, None)  # of an earlier attempt
        if step:
            self._done += 1
            self._bar.advance(step.seconds)
            self._line(f"{self._done}/{len(self._steps)}", duration(time.monotonic() - began), step.words)
            if step.rule == "index_frames" and self._followed and self._followed[1].settings.dataset.kind == "folder":
                from linecam.workflow.endings import frames_told  # noqa: PLC0415 (as above)

                if text := frames_told(Path(self._followed[1].results)):
                    self._say(text)

    def _job_fails(self, record: Record) -> None:
        self._fails(record.jobid, record.rule_name, record.log, record.rule_msg)

    def _group_fails(self, record: Record) -> None:
        for job in record.job_error_info:
            self._fails(job["jobid"], job["rule_name"], job["log"], job["rule_msg"])

    def _fails(self, jobid: int, rule: str, logs: list[str], cluster: str | None) -> None:
        from linecam.errors import STOPPED  # noqa: PLC0415 (as above)
        from linecam.workflow.endings import Failure  # noqa: PLC0415 (as above)

        step = self._steps.get(jobid)
        self._since.pop(jobid, None)
        words, log = step.words if step else rule, logs[0] if logs else ""
        failure = Failure(rule, words, log, self._ended.pop(rule, ""), self._day, (cluster or "").strip())
        self._failures[jobid] = failure
        if not self._asked_to_end:
            self._line("", "stopped" if failure.told()[0] == STOPPED else "failed", failure.words)

    def _run_fails(self, record: Record) -> None:
        """What Snakemake says of an exception. Of a step's it follows, by the step's log, in the end."""
        text, kind = record.getMessage().strip(), getattr(record, "exception", "")
        if "CalledProcessError" in text:
            if rule := re.search(r"/scripts/tmp\w+\.(\w+)\.py", text):
                self._ended[rule[1]] = text
        elif kind == "LockException":
            from linecam.workflow.endings import locked  # noqa: PLC0415 (as above)

            self._refused.append(locked())
        elif kind == "KeyboardInterrupt":
            self._asked_to_end = True
        elif "At least one job did not complete" not in text:
            from linecam.workflow.endings import of_the_disk  # noqa: PLC0415 (as above)

            told = of_the_disk(text) or text
            self._refused += [] if told in self._refused else [told]

    def _words(self, record: Record) -> None:
        text = record.getMessage().strip()
        if text.startswith(_ASKED_TO_END):
            self._asked_to_end = True
        if (again := _AGAIN.match(text)) and (step := self._steps.get(int(again[1]))):
            failure = self._failures.get(int(again[1]))
            reason = f" ({failure.reason})" if failure and failure.reason else ""
            self._line("", "again", f"{step.words}{reason}")
        elif record.levelno >= INFO and not _CHATTER.match(text):
            self._say(text)

    def _progress(self) -> tuple[float, str]:
        """Seconds of work done by the steps that run now, of those they may take, and which step runs longest."""
        now, done, longest = time.monotonic(), 0.0, ("", 0.0)
        for jobid, began in list(self._since.items()):
            if step := self._steps.get(jobid):
                done += min(now - began, 0.95 * step.seconds)
                longest = max(longest, (step.words, now - began), key=lambda one: one[1])
        return done, longest[0]

    def _line(self, count: str, seconds: str, words: str) -> None:
        width = 2 * len(str(len(self._steps))) + 1
        self._say(f"{count:>{width}}  {seconds:>7}  {words}")

    def _say(self, text: str) -> None:
        if self.writes_to_stream and not self._silent:
            self._bar.write(text)

    def close(self) -> None:
        """Say what stands last on the screen."""
        super().close()
        if self._said_all:
            return
        self._said_all = True
        self._bar.end()
        try:
            if text := self._ending():
                self._bar.write(text)
        except Exception:  # Snakemake would pass over it in silence
            traceback.print_exc()

    def _ending(self) -> str:
        from linecam.workflow import endings  # noqa: PLC0415 (as above)

        if self._failures or self._refused or self._asked_to_end:
            told = [failure for failure in self._failures.values() if not self._asked_to_end or failure.told()[0]]
            parts = [endings.failed(told), *self._refused, endings.interrupted() if self._asked_to_end else ""]
            return "\n" + "\n\n".join(filter(None, parts))
        if self._followed is None or self._silent or not self._executes or sys.exc_info()[0]:
            return ""
        workflow, plan, listing = self._followed
        if self.common_settings.dryrun:
            from linecam.workflow.changes import plan_in_words  # noqa: PLC0415 (as above)

            words = plan_in_words(workflow, plan, listing)
            return f"{words}\n{_ANSWER}" if words and self.common_settings.verbose else words
        lines = []
        if self._done < len(self._steps):
            return ""  # and why stands above
        if self._done:
            from linecam.workflow.steps import counted, duration  # noqa: PLC0415 (as above)

            lines.append(f"Done: {counted(self._done, 'step')} in {duration(time.monotonic() - self._begun)}")
        rules = {job.rule.name for job in workflow.dag.jobs}
        lines.append(endings.found(Path(plan.results), rules))
        if rules & {"report", "bundle"}:
            lines.append(endings.figures(Path(plan.results), plan.settings.bundle.boards))
        return "\n".join(filter(None, lines))


class Bar:
    """One bar for the whole run, below the lines, on a terminal; elsewhere there are only the lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: Any = None
        self._done = 0.0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, work: float, progress: Callable[[], tuple[float, str]]) -> None:
        """Show the bar of `work`, the seconds of all steps. `progress` says what runs, see `LogHandler._progress`."""
        if not self._stream.isatty() or os.environ.get("TERM") == "dumb":
            return
        from tqdm import tqdm  # noqa: PLC0415 (without a terminal nothing needs it)

        layout = "{percentage:3.0f} % |{bar:24}| {desc}"
        self._bar = tqdm(total=work, file=self._stream, leave=False, dynamic_ncols=True, bar_format=layout)
        self._thread = threading.Thread(target=self._run, args=[self._bar, progress], daemon=True)
        self._thread.start()

    def _run(self, bar: Any, progress: Callable[[], tuple[float, str]]) -> None:
        from linecam.workflow.steps import about  # noqa: PLC0415 (as above)

        begun = time.monotonic()
        while not self._ended.wait(0.5):
            running, words = progress()
            done = min(self._done + running, bar.total)
            left = (time.monotonic() - begun) * (bar.total / done - 1) if done > 0.1 * bar.total else None
            with bar.get_lock():
                bar.n = done
                bar.set_description_str(words if left is None else f"{about(left)} left: {words}")

    def advance(self, seconds: float) -> None:
        """A step of this many seconds is done."""
        self._done += seconds

    def write(self, text: str) -> None:
        """A line above the bar."""
        if self._bar is not None:
            self._bar.write(text, file=self._stream)
        else:
            print(text, file=self._stream, flush=True)

    def end(self) -> None:
        """Take the bar away."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()  # or it would draw the bar once more
            self._bar.close()
            self._thread = self._bar = None
