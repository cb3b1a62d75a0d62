"""Shares and tables as text."""

import statistics
from collections.abc import Iterable


def percent(value: float | None) -> str:
    """A share as text, or a dash."""
    return "–" if value is None else f"{value:.1%}"


def mean(values: Iterable[float | None]) -> str:
    """Mean and, of two or more, sample standard deviation of shares, as text; a dash where there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    deviation = f" ± {100 * statistics.stdev(known):.1f}" if len(known) > 1 else ""
    return percent(statistics.fmean(known)) + deviation


def points(share: float) -> str:
    """A difference of shares in points, with its sign."""
    return f"{100 * share:+.1f}"


def table(header: list[str], rows: Iterable[list[str]]) -> list[str]:
    """The lines of a table in Markdown."""
    return [_line(header), _line(["---"] * len(header)), *map(_line, rows)]


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
