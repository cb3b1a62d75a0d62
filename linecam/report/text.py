"""Shares and tables as text."""

import re
import statistics
from collections.abc import Iterable

from markupsafe import Markup, escape

from linecam.percent import percent


def mean(values: Iterable[float | None]) -> str:
    """Mean and, of two or more, sample standard deviation of shares, as text; a dash where there is none."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return percent(known[0] if known else None)
    return f"{100 * statistics.fmean(known):.1f} ± {100 * statistics.stdev(known):.1f} %"


def unbroken(text: str) -> str:
    """Text whose numbers stay on a line with their percent sign."""
    return text.replace(" %", "\u00a0%")


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
