"""What each script does around its step when Snakemake runs it as a job."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from linecam.checksums import check, record
from linecam.errors import reported

# Environment variables by which a run tells its steps what they cannot know otherwise.
LOG_ONLY = "LINECAM_STEPS_LOG_ONLY"  # set: what a step prints goes into its log alone, for the terminal has a bar
OPTIONS = "LINECAM_OPTIONS"  # the --configfile of this run, as one types it; "" where there is none


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    """Run a step as the job `snakemake`: check what it reads, log, and note the checksums of what it makes.

    Raises `UserError` through `linecam.errors.reported`, where a result that it reads was damaged. Of several processes
    of one job (torchrun) the first does all this.
    """
    first = os.environ.get("RANK", "0") == "0"
    with reported(snakemake.log[0] if first else None, only=LOG_ONLY in os.environ):
        results = results_of(snakemake.log[0]) if first else None
        if results:
            check(results, map(Path, snakemake.input))
        yield
        if results:
            record(results, map(Path, snakemake.output))


def with_options(command: str) -> str:
    """`command`, such as "linecam label", as one types it for this run: with its --configfile."""
    options = os.environ.get(OPTIONS, "--configfile ...")  # unknown where another machine runs the step
    return f"{command} {options}".rstrip()


def results_of(log: str) -> Path | None:
    """The folder of a dataset's results, such as results/belt, by the path of a job's log below it.

    None where the results are in a bucket: what lies here is a copy, whose checksum could be that of another copy.
    """
    parts = Path(log).parts
    if ".snakemake" in parts:
        return None
    above = len(parts) - 1 - parts[::-1].index("logs")  # the last one: a dataset may be called logs, too
    return Path(*parts[:above])
