"""What each script does around its step when Snakemake runs it as a job."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from linecam.checksums import check, record
from linecam.errors import reported


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    """Run a step as the job `snakemake`: check what it reads, log, and note the checksums of what it makes.

    Raises `UserError` through `linecam.errors.reported`, where a result that it reads was damaged. Of several processes
    of one job (torchrun) the first does all this.
    """
    first = os.environ.get("RANK", "0") == "0"
    with reported(snakemake.log[0] if first else None):
        results = results_of(snakemake.log[0]) if first else None
        if results:
            check(results, map(Path, snakemake.input))
        yield
        if results:
            record(results, map(Path, snakemake.output))


def results_of(log: str) -> Path | None:
    """The folder of a dataset's results, such as results/belt, by the path of a job's log below it.

    None where the results are in a bucket: what lies here is a copy, whose checksum could be that of another copy.
    """
    parts = Path(log).parts
    return None if ".snakemake" in parts else Path(*parts[: parts.index("logs")])
