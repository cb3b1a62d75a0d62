"""`linecam labels`: labels from and to other people and tools."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from linecam.cli.options import PLAIN, ConfigFiles, dataset_of, settings_of

labels_app = typer.Typer(help="Exchange labels with other people and tools.", **PLAIN)


@labels_app.command("import")
def import_(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="A file with labels, or a folder that has a folder for each class.")
    ],
    format: Annotated[
        Literal["auto", "csv", "folders", "label-studio", "lightly-studio", "coco", "cvat", "fiftyone"],
        typer.Option(help="auto: recognized from the content."),
    ] = "auto",
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="[ID=]NAME", help="Who labelled. ID is the name in the file. Repeat it for more people."),
    ] = None,
    configfile: ConfigFiles = None,
) -> None:
    """Add labels to data/<dataset>/labels.csv.

    No label is overwritten. The exit status is 1 if the same person gave another label there.
    """
    from linecam.labels.exchange import describe_import, import_labels

    dataset = dataset_of(configfile)
    outcome = import_labels(dataset, source, format, by or [])
    print(describe_import(dataset, outcome))
    raise typer.Exit(1 if outcome.conflicts else 0)


@labels_app.command()
def export(
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="The new file to write; for folders, a new folder.")],
    format: Annotated[
        Literal["csv", "folders", "label-studio", "lightly-studio", "label-studio-tasks"],
        typer.Option(help="label-studio-tasks: the frames that need a label, to label them in Label Studio."),
    ],
    frames: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Write tasks for the frames in this file, by its column sha256.")
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Take suggestions for the tasks from this file. Test frames get none."),
    ] = None,
    configfile: ConfigFiles = None,
) -> None:
    """Write labels, or tasks for Label Studio."""
    from linecam.labels.exporters import export as write

    print(write(dataset_of(configfile), target, format, frames, predictions))


@labels_app.command()
def agreement(configfile: ConfigFiles = None) -> None:
    """Say how far people agree on frames that they both labelled."""
    from linecam.labels.agreement import describe
    from linecam.labels.store import read_rows

    dataset = dataset_of(configfile)
    print(describe(read_rows(dataset.labels, dataset.classes), dataset.classes, dataset.labels))


@labels_app.command()
def rename(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The name of the class in labels.csv.")],
    new: Annotated[
        str, typer.Argument(metavar="NEW", help="Its new name. If there is such a class, the two become one.")
    ],
    configfile: ConfigFiles = None,
) -> None:
    """Rename a class in data/<dataset>/labels.csv."""
    from linecam.labels.rename import rename_class

    dataset = settings_of(configfile).dataset
    labels, own_folders = Path("data") / dataset.name / "labels.csv", dataset.kind == "folder"
    print(rename_class(labels, old, new, classes=dataset.classes, own_folders=own_folders))
