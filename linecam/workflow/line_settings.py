"""The settings of a camera at work on the line: the section `line` of the configuration."""

from typing import Annotated

from pydantic import Field

from linecam.workflow.section import Section
from linecam.workflow.values import AsWritten, Count

Switch = Annotated[bool, Field(strict=True)]
Number = Annotated[int, Field(strict=True, ge=0)]


class Keep(Section):
    """The camera keeps the frames worth a label on its SD card, for the next training (docs/hard-frames.md)."""

    enabled: Switch = False
    """Whether frames are kept. Needs a board with an SD card."""
    margin: Annotated[float, Field(strict=True, ge=0, le=1), AsWritten] = 0.2
    """An item is kept whose two highest mean scores are less than this apart. 0: none is kept for that."""
    every: Number = 0
    """One item in so many is kept, whatever its scores. 0: none is kept for that."""
    frames: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 1000
    """So many frames are kept at the most; the oldest is replaced."""
    megabytes: Count = 500
    """The frames take so much of the card at the most, in 1,000,000 bytes; the oldest is replaced."""
    pause_ms: Annotated[int, Field(strict=True, ge=0, le=86_400_000)] = 10_000
    """From one frame that is kept to the next, at least, in ms."""
    mark_pin: Annotated[str, Field(strict=True, pattern=r"^P[0-9]{1,2}$", examples=["P4"])] | None = None
    """The pin of a push-button to ground: the item that is decided next is kept. `null`: none. The line `mark` over USB
    does the same."""


class Drift(Section):
    """The camera notices that the line is no longer what the model was tested on (docs/drift.md)."""

    enabled: Switch = False
    """Whether the camera watches for drift."""
    false_alarm: Annotated[int, Field(strict=True, ge=1000, le=1_000_000_000)] = 100_000
    """On a line that has not changed, one false alarm in so many decisions on average, or fewer. More make a small
    change take longer to be seen."""
    every: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 1
    """One decision in so many counts. Where several decisions in a row are of the same item, take at least as many as
    that: the figures are for decisions that know nothing of each other."""
    learn: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] = 0
    """So many decisions on the line say what is usual there, after the first start. 0: the test frames say it, which
    needs ones that are drawn at random (docs/drift.md)."""


class Line(Section):
    """What the camera does on the line besides judging (docs/on-the-line.md)."""

    keep: Keep = Keep()
    drift: Drift = Drift()
