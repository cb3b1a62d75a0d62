"""The settings of a camera at work on the line: the section `line` of the configuration."""

from typing import Annotated, Literal

from pydantic import Field

from linecam.workflow.section import Section
from linecam.workflow.values import AsWritten, ClassName, Count

Pin = Annotated[str, Field(strict=True, pattern=r"^P[0-9]{1,2}$", examples=["P7"])]
Milliseconds = Annotated[int, Field(strict=True, ge=0, le=60_000)]
Frames = Annotated[int, Field(strict=True, ge=1, le=10_000)]  # a sum of scores over more would not be a small integer


class Trigger(Section):
    """When an item begins and ends: each gets one decision."""

    source: Literal["free", "pin", "class"] = "free"
    """`free`: every `bundle.votes` frames are an item. `pin`: an edge at `pin` begins an item of `bundle.votes` frames.
    `class`: an item lasts as long as frames show another class than `resting`."""
    pin: Pin = "P0"
    """The input of `source: pin`."""
    edge: Literal["falling", "rising"] = "falling"
    """Which edge begins an item. `falling`: a transistor or a contact pulls the pin to GND."""
    pull: Literal["up", "down", "none"] = "up"
    """The resistor inside the camera that holds the pin while nothing drives it."""
    debounce_ms: Milliseconds = 5
    """An edge counts if the pin was quiet for so long before it: a bouncing contact makes one item. In ms."""
    delay_ms: Milliseconds = 0
    """From the edge to the first frame, in ms."""
    resting: ClassName | None = None
    """For `source: class`: the class of a frame without an item, such as `no_mask` or `empty`."""
    enter: Frames = 2
    """So many frames in a row that are not `resting` begin an item."""
    leave: Frames = 2
    """So many frames in a row that are `resting` end an item."""
    longest: Frames = 200
    """An item of more frames than this is decided at once; what is left of it makes no second item."""


class Signals(Section):
    """Pins that tell a machine what was decided. They are off where no pin is named."""

    pass_pin: Pin | None = None
    """The output with a pulse for each item that passes."""
    fail_pin: Pin | None = None
    """The output with a pulse for each item that does not."""
    ready_pin: Pin | None = None
    """The output that is on while the camera takes frames. It goes off when the program ends or stalls."""
    passes: Annotated[tuple[ClassName, ...], Field(max_length=16)] = ()
    """The classes that pass: `[good]`."""
    active: Literal["high", "low"] = "high"
    """The level of an output that is on. Keep `high` if you can: then a camera without power is not ready."""
    delay_ms: Milliseconds = 0
    """From the decision to the pulse, in ms."""
    pulse_ms: Annotated[int, Field(strict=True, ge=1, le=60_000)] = 50
    """How long a pulse lasts, in ms, and how long the outputs are off after it at least."""
    stall_ms: Annotated[int, Field(strict=True, ge=100, le=60_000)] = 1000
    """`ready_pin` goes off when the loop has not run for so long, in ms: more than what one frame takes."""
    undecided: Literal["reject", "pass", "nothing"] = "reject"
    """What becomes of an item without a decision: no class reached its threshold, a frame failed, or it came while
    another one was judged. `reject`: a pulse at `fail_pin`. `pass`: one at `pass_pin`."""


class Modbus(Section):
    """A Modbus RTU server at a UART, from which a controller reads the decisions."""

    uart: Count | None = None
    """The number of the UART: 3 on the H7 and H7 Plus, 1 on the RT1062 and AE3, are at P4 (sends) and P5 (receives).
    `null`: no Modbus."""
    baud: Literal[9600, 19200, 38400, 57600, 115200] = 19200
    """Bits a second. An answer takes its time from the frames: 20 ms at 19200, 4 ms at 115200."""
    parity: Literal["even", "odd", "none"] = "even"
    """The parity bit. There are 8 data bits and one stop bit."""
    address: Annotated[int, Field(strict=True, ge=1, le=247)] = 1
    """The server's address."""
    send_pin: Pin | None = None
    """The output that is high while the server sends, for an RS-485 transceiver that wants to be told."""


class Light(Section):
    """What the camera does about odd light (docs/same-picture.md)."""

    check: Annotated[bool, Field(strict=True)] = False
    """`true`: the camera does not judge a frame that is darker or brighter than any training frame, or has less
    contrast, and says so. `false`: it judges every frame."""


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
    mark_pin: Pin | None = None
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

    light: Light = Light()
    trigger: Trigger = Trigger()
    signals: Signals = Signals()
    modbus: Modbus = Modbus()
    worst_first: tuple[ClassName, ...] | None = None
    """With `camera.rois`: all classes, the worst first. The place whose class comes first here decides for the item.
    `null`: first the classes that do not pass, in the order of `dataset.classes`, then those that pass. What passes is
    `signals.passes`, or else `good`."""
    keep: Keep = Keep()
    drift: Drift = Drift()
