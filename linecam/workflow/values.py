"""What the values of settings may be: their types, bounds, and what is said of one that is none of them."""

import json
import re
from collections.abc import Callable
from os.path import expanduser
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, ValidationError, WrapValidator
from pydantic_core import PydanticCustomError

from linecam.errors import UserError
from linecam.labels.class_names import LETTERS, LONGEST, PATTERN, refusal
from linecam.networks.architectures import ARCHITECTURES, parse

T = TypeVar("T")


# What YAML 1.2 and people call a number, and YAML 1.1 text: it wants a point, and a sign after the e.
_EXPONENT = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")


def _as_written(value: float | str, check: Callable[[float], float]) -> float:
    """The number itself, not as a float: 25 and 25.0 are different bytes in a manifest."""
    number = float(value) if isinstance(value, str) and _EXPONENT.fullmatch(value) else value
    check(number)  # type: ignore[arg-type]  # other text is what it finds
    return number  # type: ignore[return-value]


def _distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    for number, value in enumerate(values):
        if value in values[:number]:
            raise PydanticCustomError("distinct", "{value} is in it twice.", {"value": json.dumps(value)})
    return values


def _range(value: object, check: Callable[[object], Any]) -> Any:
    """Say what a range is: pydantic would say twice what it is not, once for each of its two forms."""
    try:
        return check(value)
    except ValidationError:
        raise PydanticCustomError(
            "range", "Write calibrated, or [low, high] with low below 0 and high above."
        ) from None


def _place(text: str) -> str:
    """The path, ~ being the user's home. Refused is one at which nothing can be: each look at it would raise."""
    place = expanduser(text)  # noqa: PTH111 (Path's raises for a user that is not there)
    try:
        Path(place).stat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # whoever needs the file says what is missing
    except OSError as error:
        raise PydanticCustomError("place", "No file can be read there: {why}.", {"why": error.strerror}) from None
    except ValueError:
        raise PydanticCustomError("place", "It has a character that no path can have.") from None
    return place


def _free(name: str) -> str:
    if why := refusal(name):
        raise PydanticCustomError("class_name", "{why}", {"why": why})
    return name


def _network(name: str) -> str:
    try:
        parse(name)
    except UserError as error:
        raise PydanticCustomError("network", "{why}", {"why": str(error)}) from None
    return name


def _architecture(name: str) -> str:
    if name not in ARCHITECTURES:
        raise PydanticCustomError("architecture", "Write one of {names}.", {"names": ", ".join(ARCHITECTURES)})
    return name


def has_random(strategies: tuple[str, ...]) -> tuple[str, ...]:
    """Raise where random is not among the strategies."""
    if "random" not in strategies:
        raise PydanticCustomError("has_random", "Add random: the other strategies are compared with it.")
    return strategies


# Strict: "200" is not a number, true is no 1, and 200.0 is no count: as part of a file's name it is another than 200.
Text = Annotated[str, Field(strict=True)]
Sentence = Annotated[str, Field(strict=True, min_length=1, max_length=300)]
Place = Annotated[Text, AfterValidator(_place)]  # of a file or folder; ~ is the user's home
Count = Annotated[int, Field(strict=True, ge=1)]
Shards = Annotated[int, Field(strict=True, ge=1, le=1000)]  # each is a job for Snakemake to plan
Seed = Annotated[int, Field(strict=True, ge=0, le=2**32 - 1)]
BatchSize = Annotated[int, Field(strict=True, ge=2)]
Labels = Annotated[int, Field(strict=True, ge=8)]
Offset = Annotated[int, Field(strict=True, ge=0)]  # in pixels, as is the next
Extent = Annotated[int, Field(strict=True, ge=8)]
Roi = tuple[Offset, Offset, Extent, Extent]  # x, y, width, height
AsWritten = WrapValidator(_as_written)
Decibels = Annotated[float, Field(strict=True, ge=-40, le=120)]
Rate = Annotated[float, Field(strict=True, gt=0), AsWritten]
Confidence = Annotated[float, Field(strict=True, gt=0, lt=1), AsWritten]
Share = Annotated[float, Field(strict=True, gt=0, le=1), AsWritten]
Threshold = Annotated[float, Field(strict=True, gt=0, le=0.99), AsWritten]
NotNegative = Annotated[float, Field(strict=True, ge=0), AsWritten]
Jitter = Annotated[float, Field(strict=True, ge=0, le=2), AsWritten]
Smoothing = Annotated[float, Field(strict=True, ge=0, lt=1), AsWritten]
LowEnd = Annotated[float, Field(strict=True, lt=0), AsWritten]
HighEnd = Annotated[float, Field(strict=True, gt=0), AsWritten]

Several = Annotated[tuple[T, ...], Field(min_length=1)]
Distinct = AfterValidator(_distinct)
DISTINCT = {"uniqueItems": True}  # the same, for editors
Sweep = Annotated[tuple[T, ...], Field(min_length=1, json_schema_extra=DISTINCT), Distinct]


def in_words(sentence: str) -> dict[str, str]:
    """What a pattern asks for, under the name by which editors look for it in a schema."""
    return {"patternErrorMessage": sentence}


# Part of paths, so shorter than the 255 characters of a file's name.
Name = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[a-z0-9][a-z0-9_-]*$",
        max_length=64,
        examples=["my-line"],
        json_schema_extra=in_words("Take small letters without accents, digits, _ and -, as in my-line."),
    ),
]
ClassName = Annotated[
    str,
    Field(
        strict=True,
        pattern=PATTERN,
        max_length=LONGEST,
        examples=["good"],
        json_schema_extra=in_words(LETTERS),
    ),
    AfterValidator(_free),
]
Network = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[a-z][a-z0-9]*-[1-9][0-9]*$",
        max_length=32,
        examples=["swift7-112"],
        json_schema_extra=in_words("Write an architecture, - and the side of its input in pixels, as in swift7-112."),
    ),
    AfterValidator(_network),
]
Architecture = Annotated[
    str, Field(strict=True, json_schema_extra={"enum": list(ARCHITECTURES)}), AfterValidator(_architecture)
]
Range = Annotated[Literal["calibrated"] | tuple[LowEnd, HighEnd], WrapValidator(_range)]
