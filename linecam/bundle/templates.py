"""The templates of what a bundle has for people."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from linecam.percent import percent


def read_template(path: Path, *, escapes: bool) -> Template:
    """The template in a file. With `escapes`, values are text in it and no XML.

    A value that the template names and nobody gives is an error, and not a blank.
    """
    environment = Environment(
        loader=FileSystemLoader(path.parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=escapes,
    )
    environment.filters["percent"] = percent
    return environment.get_template(path.name)
