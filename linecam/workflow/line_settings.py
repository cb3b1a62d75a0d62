"""The settings of a camera at work on the line: the section `line` of the configuration."""

from linecam.workflow.section import Section


class Line(Section):
    """What the camera does on the line besides judging (docs/on-the-line.md)."""
