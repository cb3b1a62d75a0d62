"""The settings of a camera at work on the line: the section `line` of the configuration."""

from typing import Annotated

from pydantic import Field

from linecam.workflow.section import Section


class Light(Section):
    """What the camera does about odd light (docs/same-picture.md)."""

    check: Annotated[bool, Field(strict=True)] = False
    """`true`: the camera does not judge a frame that is darker or brighter than any training frame, or has less
    contrast, and says so. `false`: it judges every frame."""


class Line(Section):
    """What the camera does on the line besides judging (docs/on-the-line.md)."""

    light: Light = Light()
