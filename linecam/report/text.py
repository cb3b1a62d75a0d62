"""Shares and tables as text."""

import re
import statistics
from collections.abc import Iterable

from markupsafe import Markup, escape


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


def with_code(text: str) -> Markup:
    """Text as HTML, in which what stands between backticks is code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def duration(seconds: float) -> str:
    """A time as text, as exact as matters: 0.4 s, 12 s, 3 min 5 s, 2 h 10 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def points(share: float) -> str:
    """A difference of shares in points, with its sign."""
    return f"{100 * share:+.1f}"


def table(header: list[str], rows: Iterable[list[str]]) -> list[str]:
    """The lines of a table in Markdown."""
    return [_line(header), _line(["---"] * len(header)), *map(_line, rows)]


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
