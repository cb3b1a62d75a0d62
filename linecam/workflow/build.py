"""Has Snakemake make what a command needs. When this returns, Snakemake has ended and its lock is free."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from linecam.files import own_file
from linecam.stop_request import StopRequest

FETCH = Path(__file__).with_name("fetch.smk")
# Snakemake as `python -m snakemake` starts it, but SIGTERM ends it at any time, and without a traceback. Once it runs
# jobs it heeds SIGTERM by itself. Until then the signal does what Ctrl-C does, so that no lock is left.
SNAKEMAKE = """
import runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
try:
    runpy.run_module("snakemake", run_name="__main__", alter_sys=True)
except KeyboardInterrupt:
    sys.exit(1)
finally:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
"""
PATIENCE = 2.0  # seconds until Snakemake is asked again to end
# How it is asked, before its jobs are killed. SIGTERM lets it cancel the jobs of a cluster. But while Snakemake 9.27
# selects jobs, SIGTERM makes it wait for a lock of its own, until Ctrl-C. And it waits for a job that heeds neither.
ASKED = [signal.SIGTERM] * 10 + [signal.SIGINT] * 10


@dataclass(frozen=True)
class Builder:
    """Runs Snakemake in the working directory, with linecam's Snakefile."""

    configfiles: Sequence[Path]  # as of `snakemake --configfile`
    options: Sequence[str]  # more for Snakemake, such as --profile profiles/s3
    stop: StopRequest

    def build(self, targets: Sequence[str]) -> None:
        """Make the files `targets`, or see that they are there and up to date.

        Returns early where the stop is requested. Ends the process with status 1 where Snakemake fails, for that has
        said why, last on the screen.
        """
        self._snakemake(Path(own_file("Snakefile")), *targets, *self.options, *self._configfile)

    def plan(self, targets: Sequence[str]) -> None:
        """Say what has changed, and which steps that makes Snakemake run for `targets`, files or rules; [] is all.

        Ends as `build` does.
        """
        self._snakemake(Path(own_file("Snakefile")), *targets, "--dry-run", *self.options, *self._configfile)

    @property
    def _configfile(self) -> list[str]:
        return ["--configfile", *map(str, self.configfiles)] if self.configfiles else []

    def root(self, targets: Sequence[str]) -> Path:
        """The folder below which the files `targets`, which are made, lie on this machine.

        Without options for Snakemake it is the working directory. With them the results may be in a bucket: then they
        are fetched, and it is the folder of Snakemake's copies.
        """
        if not self.options:
            return Path()
        files = f"files={json.dumps(list(targets))}"
        quietly = ["--cores", "1", "--quiet", "all", "--keep-storage-local-copies"]
        printed = self._snakemake(FETCH, "fetch", *self.options, *quietly, "--config", files)
        return Path(printed.splitlines()[0].removesuffix(targets[0])) if printed else Path()

    def _snakemake(self, snakefile: Path, *arguments: str) -> str:
        """Run Snakemake, and return what the jobs of `FETCH` print."""
        if self.stop.made:
            return ""
        process = subprocess.Popen(
            [sys.executable, "-c", SNAKEMAKE, "--snakefile", str(snakefile), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if snakefile == FETCH else None,
            text=True,
            process_group=0,  # of its own, which Ctrl-C does not reach: `_signal` does
        )
        ways = iter(ASKED)
        with self.stop.calls(lambda: _signal(process.pid, signal.SIGTERM)):
            while process.returncode is None:
                with suppress(subprocess.TimeoutExpired):
                    printed, _ = process.communicate(timeout=PATIENCE)
                if self.stop.made:
                    if number := next(ways, None):
                        _signal(process.pid, number)  # again: a job that was just starting missed the signal
                    else:
                        _kill_jobs(process.pid)
        if self.stop.made:
            _end_jobs(process.pid)
        if process.returncode and not self.stop.made:
            sys.exit(1)
        return printed or ""


def _signal(group: int, number: signal.Signals) -> bool:
    """Send the signal `number` to Snakemake and its jobs on this machine: True where one of them is left."""
    with suppress(ProcessLookupError):
        os.killpg(group, number)
        return True
    return False


def _kill_jobs(group: int) -> None:
    """Kill Snakemake's jobs on this machine, and not Snakemake: it ends then, and takes its lock away."""
    for number in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if number != group and os.getpgid(number) == group:
                os.kill(number, signal.SIGKILL)


def _end_jobs(group: int) -> None:
    """End the jobs that Snakemake, which has ended, has left behind: one that missed the signal, or waits for ever."""
    end = time.monotonic() + PATIENCE
    while _signal(group, signal.SIGTERM):
        if time.monotonic() > end:
            _signal(group, signal.SIGKILL)
            return
        time.sleep(0.1)
