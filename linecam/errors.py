"""The one exception for what a user can mend, and how a step shows it."""

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path


class UserError(Exception):
    """Bad input. The message is one paragraph: what, where, what was expected, what to do."""


MOST_LISTED = 10


def listed(problems: Sequence[str]) -> str:
    """A line for each of `problems`, each with its line end; of many the first ten, and how many there are besides."""
    more = len(problems) - MOST_LISTED
    lines = [*problems[:MOST_LISTED], *([f"... and {more:,} more"] if more > 0 else [])]
    return "".join(f"  - {line}\n" for line in lines)


@contextmanager
def reported(log: str | Path | None = None) -> Iterator[None]:
    """Run a step: log to stderr and to the file `log`; a `UserError` ends the process with its text alone.

    So does an error of the disk, such as that it is full. Any other exception goes into the log with its traceback and
    is raised on: it is a fault of linecam.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if log is not None:
        with suppress(OSError):  # a full disk: what the step says goes to stderr all the same
            Path(log).parent.mkdir(parents=True, exist_ok=True)
            handlers.append(logging.FileHandler(log, mode="w", encoding="utf-8"))
            logging.raiseExceptions = False  # nor is a line that doesn't fit into the log worth a traceback
    text = "%(asctime)s %(message)s" if log else "%(message)s"  # a command answers at once: no time of day
    logging.basicConfig(level=logging.INFO, format=text, datefmt="%H:%M:%S", handlers=handlers)
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except UserError as error:
        logging.error("%s", error)
        sys.exit(1)
    except Exception as error:
        from linecam.disk import explain  # noqa: PLC0415 (`linecam --help` needs none of it)

        if told := explain(error):
            logging.error("%s", told)
            sys.exit(1)
        logging.exception("This is a fault of linecam, not of your data:")
        raise
