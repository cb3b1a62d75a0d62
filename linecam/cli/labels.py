"""`linecam labels`: labels from and to other people and tools."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from linecam.cli.options import PLAIN, ConfigFiles, dataset_of, settings_of

labels_app = typer.Typer(help="Labels from and to other people and tools.", **PLAIN)


@labels_app.command("import")
def import_(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="A file with labels, or a folder with a folder for each class.")
    ],
    format: Annotated[
        Literal["auto", "csv", "folders", "label-studio", "lightly-studio"], typer.Option(help="auto: by the content.")
    ] = "auto",
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="[ID=]NAME", help="Who labelled; ID is what the file calls them. May be repeated."),
    ] = None,
    configfile: ConfigFiles = None,
) -> None:
    """Merge labels into data/<dataset>/labels.csv.

    Ends with status 1 where some contradict what the same person said there, which stays.
    """
    from linecam.labels.exchange import describe_import, import_labels

    dataset = dataset_of(configfile)
    outcome = import_labels(dataset, source, format, by or [])
    print(describe_import(dataset, outcome))
    raise typer.Exit(1 if outcome.conflicts else 0)


@labels_app.command()
def export(
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="The file or, of folders, the folder to write: a new one.")
    ],
    format: Annotated[
        Literal["csv", "folders", "label-studio", "lightly-studio", "label-studio-tasks"],
        typer.Option(help="label-studio-tasks: frames that need a label."),
    ],
    frames: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Of which frames tasks are, by the column sha256.")
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(metavar="CSV", help="More pre-labels for tasks. Test frames get none.")
    ] = None,
    configfile: ConfigFiles = None,
) -> None:
    """Write labels, or tasks for Label Studio."""
    from linecam.labels.exporters import export as write

    print(write(dataset_of(configfile), target, format, frames, predictions))


@labels_app.command()
def agreement(configfile: ConfigFiles = None) -> None:
    """How far people agree who labelled the same frames."""
    from linecam.labels.agreement import describe
    from linecam.labels.store import read_rows

    dataset = dataset_of(configfile)
    print(describe(read_rows(dataset.labels, dataset.classes), dataset.classes, dataset.labels))


@labels_app.command()
def rename(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The class as labels.csv has it.")],
    new: Annotated[
        str, typer.Argument(metavar="NEW", help="Its new name. If that is a class too, the two become one.")
    ],
    configfile: ConfigFiles = None,
) -> None:
    """Rename a class in data/<dataset>/labels.csv."""
    from linecam.labels.rename import rename_class

    dataset = settings_of(configfile).dataset
    labels, own_folders = Path("data") / dataset.name / "labels.csv", dataset.kind == "folder"
    print(rename_class(labels, old, new, classes=dataset.classes, own_folders=own_folders))
