"""Options that several subcommands share, and what they stand for."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linecam.stop_request import StopRequest

if TYPE_CHECKING:
    from linecam.labels.dataset import Dataset
    from linecam.workflow.build import Builder
    from linecam.workflow.settings import Settings

# Plain text: to import rich, which draws colours and frames, takes longer than all the rest.
PLAIN: dict[str, Any] = {"rich_markup_mode": None, "no_args_is_help": True, "pretty_exceptions_enable": False}
CONFIGFILE = "--configfile"
ConfigFiles = Annotated[
    list[Path] | None,
    typer.Option(CONFIGFILE, metavar="FILE...", help="Your configuration. Default: the built-in belt."),
]
SnakemakeOptions = Annotated[
    str, typer.Option("--snakemake", metavar="'OPTIONS'", help="Options for Snakemake, such as '--cores 2'.")
]
BundleFolder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The bundle's folder. Unzip a .zip first.")]


def builder_of(configfile: list[Path] | None, options: str, stop: StopRequest) -> "Builder":
    """What runs Snakemake with these configuration files, and more options for it."""
    from linecam.workflow.build import Builder

    return Builder(configfile or [], shlex.split(options), stop)


def settings_of(configfile: list[Path] | None) -> "Settings":
    """What the configuration files say."""
    from linecam.workflow.config import read_settings

    return read_settings(configfile or [])


def dataset_of(configfile: list[Path] | None) -> "Dataset":
    """The frames of the configuration files, and their labels."""
    from linecam.workflow import labelled

    return labelled.dataset_of(settings_of(configfile))
