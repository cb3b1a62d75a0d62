"""Progress bars that stay readable in a log file."""

import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def progress(items: Iterable[T], what: str, unit: str, total: int | None = None) -> Iterable[T]:
    """Iterate over `items` under a bar on stderr: live on a terminal, a line every 10 seconds elsewhere."""
    live = sys.stderr.isatty()
    bar: Iterable[T] = tqdm(
        items, desc=what, unit=f" {unit}", total=total, mininterval=0.2 if live else 10, ascii=not live
    )
    return bar
