"""The settings of a camera at work on the line: the section `line` of the configuration."""

from typing import Annotated, Literal

from pydantic import Field

from linecam.workflow.section import Section
from linecam.workflow.values import AsWritten, ClassName, Count, in_words

Pin = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^P[0-9]{1,2}$",
        examples=["P7"],
        json_schema_extra=in_words("Write P and the number of the pin, as in P7."),
    ),
]
Milliseconds = Annotated[int, Field(strict=True, ge=0, le=60_000)]
Frames = Annotated[int, Field(strict=True, ge=1, le=10_000)]  # a sum of scores over more would not be a small integer


class Trigger(Section):
    """When an item begins and ends: each gets one decision."""

    source: Literal["free", "pin", "class"] = "free"
    """What makes an item, which gets one decision. `free`: every `bundle.votes` frames are an item. `pin`: a sensor
    switches the input `pin`, and an item has `bundle.votes` frames. `class`: an item lasts as long as frames show
    another class than `resting`."""
    pin: Pin = "P0"
    """For `source: pin`: the input of the sensor."""
    edge: Literal["falling", "rising"] = "falling"
    """Which change of the input's level begins an item. `falling`: a transistor or a contact pulls the pin to GND."""
    pull: Literal["up", "down", "none"] = "up"
    """The resistor inside the camera that holds the pin while nothing drives it."""
    debounce_ms: Milliseconds = 5
    """How long the pin has to be quiet before a change counts, in ms. So a contact that bounces makes one item."""
    delay_ms: Milliseconds = 0
    """The time from the change at the pin to the first frame, in ms. Meanwhile further items may pass the sensor."""
    late_ms: Annotated[int, Field(strict=True, ge=1, le=60_000)] = 500
    """If the first frame would come so much too late, in ms, the item gets no decision. Take the time in which an item
    leaves the picture."""
    resting: ClassName | None = None
    """For `source: class`: the class of a frame without an item, such as `no_mask` or `empty`."""
    enter: Frames = 2
    """How many frames in a row of another class than `resting` begin an item."""
    leave: Frames = 2
    """How many frames in a row of the class `resting` end an item."""
    longest: Frames = 200
    """The largest number of frames of an item. A longer item is decided at once, and its rest makes no second item."""


class Signals(Section):
    """Pins that tell a machine what was decided. They are off where no pin is named."""

    pass_pin: Pin | None = None
    """The output that gives a pulse for each item that passes."""
    fail_pin: Pin | None = None
    """The output that gives a pulse for each item that does not pass."""
    ready_pin: Pin | None = None
    """The output that is on while the camera takes frames. It goes off when the program ends or stalls."""
    passes: Annotated[tuple[ClassName, ...], Field(max_length=16)] = ()
    """The classes that pass: `[good]`."""
    active: Literal["high", "low"] = "high"
    """The level of an output that is on. Keep `high` if you can: then a camera without power is not ready."""
    delay_ms: Milliseconds = 0
    """The time to the pulse, in ms."""
    delay_from: Literal["decision", "trigger"] = "decision"
    """From when `delay_ms` counts. `decision`: from the decision. `trigger`: from the item's edge at `trigger.pin`.
    Take this if an ejector lies at a fixed distance from the sensor, since the time of a decision varies."""
    pulse_ms: Annotated[int, Field(strict=True, ge=1, le=60_000)] = 50
    """How long a pulse lasts, in ms. After it the outputs are off for at least as long."""
    stall_ms: Annotated[int, Field(strict=True, ge=100, le=60_000)] = 1000
    """`ready_pin` goes off if the program's loop has not run for this time, in ms. Take more than one frame needs."""
    undecided: Literal["reject", "pass", "nothing"] = "reject"
    """What happens to an item without a decision: no class reached its threshold, a frame failed, or the item came
    while another one was judged. `reject`: a pulse at `fail_pin`. `pass`: a pulse at `pass_pin`."""


class Modbus(Section):
    """A Modbus RTU server at a serial port (UART), from which a controller reads the decisions."""

    uart: Count | None = None
    """The number of the UART. At the pins P4 (sends) and P5 (receives) it is 3 on the H7 and H7 Plus, and 1 on the
    RT1062 and AE3. `null`: no Modbus."""
    baud: Literal[9600, 19200, 38400, 57600, 115200] = 19200
    """Bits a second. While the camera answers, it takes no frame. An answer takes up to 24 ms at 19200, 4 ms at
    115200."""
    parity: Literal["even", "odd", "none"] = "even"
    """The parity bit. There are 8 data bits and one stop bit."""
    address: Annotated[int, Field(strict=True, ge=1, le=247)] = 1
    """The server's address."""
    send_pin: Pin | None = None
    """The output that is high while the server sends, for an RS-485 transceiver that needs such a signal."""


class Light(Section):
    """What the camera does about odd light (docs/same-picture.md)."""

    check: Annotated[bool, Field(strict=True)] = False
    """`true`: if a frame is darker or brighter than any training frame, or has less contrast, the camera does not judge
    it, and says why. `false`: the camera judges every frame."""


Switch = Annotated[bool, Field(strict=True)]
Number = Annotated[int, Field(strict=True, ge=0)]


class Keep(Section):
    """The camera keeps the frames worth a label on its SD card, for the next training (docs/hard-frames.md)."""

    enabled: Switch = False
    """Whether frames are kept. Needs a board with an SD card."""
    margin: Annotated[float, Field(strict=True, ge=0, le=1), AsWritten] = 0.2
    """Keeps an item if its two highest mean scores differ by less than this. 0: no item is kept for this reason."""
    every: Number = 0
    """Keeps one item in this number, whatever its scores: 500 keeps one in 500. 0: no item is kept for this reason."""
    frames: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 1000
    """The largest number of kept frames. After that the oldest is replaced."""
    megabytes: Count = 500
    """The largest space on the card for kept frames, in 1,000,000 bytes. After that the oldest is replaced."""
    pause_ms: Annotated[int, Field(strict=True, ge=0, le=86_400_000)] = 10_000
    """The shortest time between two kept frames, in ms."""
    mark_pin: Pin | None = None
    """The pin of a push-button that connects it to ground. A press keeps the item that is decided next. `null`: no
    button. The line `mark` over USB does the same."""


class Drift(Section):
    """The camera notices that the line has changed since the test (docs/drift.md)."""

    enabled: Switch = False
    """Whether the camera watches for drift."""
    false_alarm: Annotated[int, Field(strict=True, ge=1000, le=1_000_000_000)] = 100_000
    """On a line that has not changed, there is on average at most one false alarm in this number of decisions. With a
    larger number the camera notices a small change later."""
    every: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 1
    """One decision in this number counts. If the camera decides several times about the same item, take at least that
    number, since the figures hold only for decisions that do not depend on each other."""
    learn: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] = 0
    """From how many decisions, after the first start, the camera learns what is usual on the line. 0: what is usual
    comes from the test frames, which have to be drawn at random (docs/drift.md)."""


class Line(Section):
    """What the camera does on the line besides judging (docs/on-the-line.md)."""

    light: Light = Light()
    trigger: Trigger = Trigger()
    signals: Signals = Signals()
    modbus: Modbus = Modbus()
    worst_first: tuple[ClassName, ...] | None = None
    """With `camera.rois`: all classes, the worst first. The place whose class comes first in this list decides for the
    item. `null`: first the classes that do not pass, in the order of `dataset.classes`, then the classes that pass.
    The classes in `signals.passes` pass, or else the class `good`."""
    keep: Keep = Keep()
    drift: Drift = Drift()
