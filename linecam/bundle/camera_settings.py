"""settings.json of a bundle: what main.py and its parts read, each field defined here alone.

`python -m linecam.workflow.reference` writes its JSON schema into config/settings.schema.json.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

VERSION = 4  # main.py refuses a newer one than it knows

Natural = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class ModelFile(_Part):
    """The model that belongs to these settings."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """The SHA-256 of model.tflite, in hex. main.py loads no other."""
    name: str
    """Network and quantization, for people."""


class Hold(_Part):
    """What line_light.py and collect.py hold; "auto" is what the sensor finds at the start. What is left out stays
    automatic."""

    gain_db: float | Literal["auto"] | None = None
    """The gain, in dB."""
    white_balance: tuple[float, float, float] | Literal["auto"] | None = None
    """The gains of red, green and blue, in dB."""
    exposure_us: Positive | Literal["auto"] | None = None
    """The exposure, in microseconds."""


class CameraSettings(_Part):
    """What main.py and its parts read. Few keys, since the camera's heap is small; what is left out is null."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["side"]}, {"required": ["roi"]}]})

    version: Annotated[int, Field(ge=VERSION, le=VERSION)] = VERSION
    """Of the format. main.py refuses a newer one than it knows."""
    model: ModelFile
    labels: Annotated[tuple[str, ...], Field(min_length=2)]
    """The classes, in the order of the model's outputs, as in labels.txt."""
    frame_size: str
    """What is asked of the sensor, such as QVGA."""
    side: Positive | None = None
    """The side, in pixels, of the square in the middle of the frame that goes to the network."""
    roi: tuple[Natural, Natural, Positive, Positive] | None = None
    """Instead of `side`: x, y, width and height of what goes to the network, in pixels. With `rois` it is the whole
    frame, of which collect.py and line_keep.py keep all."""
    rois: Annotated[tuple[tuple[Natural, Natural, Positive, Positive], ...], Field(min_length=2)] | None = None
    """Several places of this frame, all of one size: they go to the network one after the other. line_places.py judges
    them."""
    votes: Positive
    """Over how many frames main.py decides."""
    period_ms: Natural
    """At most one decision in so many milliseconds."""
    thresholds: dict[str, Share]
    """By class, the mean score from which on main.py decides for it."""
    hold: Hold | None = None
    parts: tuple[tuple[str, dict[str, Any]], ...] | None = None
    """The parts that are on, in the order in which main.py calls them: the module's name, and what it is told."""

    def as_dict(self) -> dict[str, Any]:
        """What goes into settings.json, as JSON values."""
        return self.model_dump(mode="json", exclude_none=True)
