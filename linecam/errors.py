"""The one exception for what a user can mend, and how a step shows it."""

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path


class UserError(Exception):
    """Bad input. The message is one paragraph: what, where, what was expected, what to do."""


class Stop(UserError):  # noqa: N818 (it is none)
    """No error: the run needs a person before it can go on. The message says for what, and ends with what to type."""


# How a step's log marks what ended the step. The terminal of a run reads the paragraph behind the mark.
FAILED, STOPPED, FAULT = "ERROR:", "STOP:", "FAULT:"


MOST_LISTED = 10


def shown(text: str) -> str:
    """Text of a user's as a message has it: spelt out where nobody sees what is in it, such as a hard blank."""
    return text if text.isprintable() and text == text.strip() else repr(text)


def text_of(error: BaseException) -> str:
    """What an exception says; of one that says nothing, such as `MemoryError`, its type."""
    return str(error) or type(error).__name__


def shortened(text: str, length: int = 600) -> str:
    """The text; of a longer one than `length` its beginning and its end."""
    return text if len(text) <= length else f"{text[: length // 2]} ... {text[-length // 2 :]}"


def listed(problems: Sequence[str]) -> str:
    """A line for each of `problems`, each with its line end; of many the first ten, and how many there are besides."""
    more = len(problems) - MOST_LISTED
    lines = [*map(shortened, problems[:MOST_LISTED]), *([f"... and {more:,} more"] if more > 0 else [])]
    return "".join(f"  - {line}\n" for line in lines)


@contextmanager
def reported(log: str | Path | None = None, *, only: bool = False) -> Iterator[None]:
    """Run a step: log to stderr and to the file `log`; a `UserError` ends the process with its text alone.

    So does an error of the disk, such as that it is full. Any other exception goes into the log with its traceback and
    is raised on: it is a fault of linecam.
    With `only`, the file `log` gets all that this process and its children print, and the terminal gets nothing.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    terminal = None
    if log is not None:
        with suppress(OSError):  # a full disk: what the step says goes to stderr all the same
            Path(log).parent.mkdir(parents=True, exist_ok=True)
            if only:
                terminal = _print_into(log)
            else:
                handlers.append(logging.FileHandler(log, mode="w", encoding="utf-8"))
            logging.raiseExceptions = False  # nor is a line that doesn't fit into the log worth a traceback
    text = "%(asctime)s %(message)s" if log else "%(message)s"  # a command answers at once: no time of day
    logging.basicConfig(level=logging.INFO, format=text, datefmt="%H:%M:%S", handlers=handlers)

    def tell(mark: str, said: str) -> None:
        logging.error("%s", f"{mark} {said}" if log else said)
        if log and terminal is not None and not _holds(log, said):
            os.write(terminal, f"{said}\n".encode())

    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except UserError as error:
        tell(STOPPED if isinstance(error, Stop) else FAILED, str(error))
        sys.exit(1)
    except Exception as error:
        from linecam.disk import explain  # noqa: PLC0415 (`linecam --help` needs none of it)

        if told := explain(error):
            tell(FAILED, told)
            sys.exit(1)
        mark = f"{FAULT} " if log else ""
        logging.exception("%sThis is a fault of linecam, not of your data:", mark)
        raise


def _print_into(log: str | Path) -> int:
    """Have stdout and stderr of this process and its children go into the file `log`. Returns what was stderr."""
    sys.stdout.flush()
    sys.stderr.flush()
    terminal = os.dup(2)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o666)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
    return terminal


def _holds(log: str | Path, text: str) -> bool:
    """Whether the file `log` has this text. On a full disk it may not."""
    try:
        return text in Path(log).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
