"""The name of a selection: by which strategy how many frames were chosen to be labelled."""

import re
from dataclasses import dataclass
from typing import Self

_NAME = re.compile(r"(?P<strategy>[a-z]+)(-(?P<count>\d+))?(-draw-(?P<draw>\d+))?(-first-(?P<first>\d+))?")


@dataclass(frozen=True)
class SelectionName:
    """A selection; as text `given`, `coreset-200`, `random-25-draw-1` or, of its first frames, `coreset-200-first-25`.

    `count` is None for `given`, which takes all frames of the folder train/. `draw` is the seed of a selection that is
    drawn for the study of selections; the others have `select.seed`.
    """

    strategy: str
    count: int | None = None
    draw: int | None = None
    first: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The name that `text` is. Raises `ValueError` where it is none."""
        match = _NAME.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a selection's name: strategy-count is expected, such as coreset-200.")
        count, draw, first = (int(match[key]) if match[key] else None for key in ("count", "draw", "first"))
        return cls(match["strategy"], count, draw, first)

    def __str__(self) -> str:
        parts = (("", self.count), ("-draw", self.draw), ("-first", self.first))
        return self.strategy + "".join(f"{word}-{number}" for word, number in parts if number is not None)

    @property
    def labels(self) -> int | None:
        """How many labels it takes; None: as many as the folder train/ has."""
        return self.count if self.first is None else self.first
