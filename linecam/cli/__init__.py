"""The `linecam` command: everything that is not a job of Snakemake, such as a page in the browser.

Each subcommand is a function. It imports what it needs when it is called, so that `linecam --help` answers at once.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from linecam import __version__
from linecam.cli.camera import camera_app
from linecam.cli.labels import labels_app
from linecam.cli.options import (
    CONFIGFILE,
    PLAIN,
    BundleFolder,
    ConfigFiles,
    SnakemakeOptions,
    builder_of,
)
from linecam.errors import reported
from linecam.stop_request import StopRequest

app = typer.Typer(
    help="Label frames, look at models, bring a bundle to a camera. `snakemake` builds the bundle: the model and the "
    "program for one camera.",
    add_completion=False,
    **PLAIN,
)
app.add_typer(camera_app)
app.add_typer(labels_app, name="labels")


def _version(asked: bool) -> None:
    if asked:
        print(f"linecam {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version of linecam.")
    ] = False,
) -> None:
    """What stands before a subcommand."""


@app.command()
def plan(
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="[TARGET...]", help="Files or rules. Default: everything.")
    ] = None,
    configfile: ConfigFiles = None,
    snakemake: SnakemakeOptions = "",
) -> None:
    """Say what has changed and what a run would do.

    It lists changed labels, frames, settings and files. Then it says which steps would run, about how long they take,
    and what would be trained. It makes nothing.
    """
    with StopRequest() as stop:
        builder_of(configfile, snakemake, stop).plan(targets or [])


@app.command()
def label(
    configfile: ConfigFiles = None,
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Who labels. Default: your login name.")] = None,
    port: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=1024, max=65535, help="The page's port. Default: 8765, or a free one."),
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the page, or only print its address.")] = True,
    frames: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Begin with the frames in this text file, one path or SHA-256 a line."),
    ] = None,
    snakemake: SnakemakeOptions = "",
) -> None:
    """Label the selected frames in the browser.

    First Snakemake selects the frames. While you label, you may run `snakemake`.
    """
    if frames is not None and not frames.is_file():
        raise typer.BadParameter(f"{frames} is not a file. Name a text file of frames.", param_hint="--frames")
    with StopRequest() as stop:
        from linecam.workflow.commands import label_frames

        label_frames(builder_of(configfile, snakemake, stop), by=by, port=port, browser=browser, asked=frames)


@app.command()
def check(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL.tflite", help="A model of 8-bit integers (int8). For the AE3: not yet compiled by Vela."
        ),
    ],
    board: Annotated[
        str, typer.Option(metavar="NAME", help="The board, by its name in config/boards.yaml.")
    ] = "openmv-h7",
    place: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            help="Where the model lies: drive, romfs (a part of the flash memory) or sd. Default: the board's first.",
        ),
    ] = None,
    firmware: Annotated[
        str | None, typer.Option(metavar="VERSION", help="The version of the camera's firmware. Default: the newest.")
    ] = None,
    latency_ms: Annotated[
        float | None, typer.Option(metavar="MS", help="The longest time that one run of the network may take.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The labels, one a line. Default: labels.txt beside the model.")
    ] = None,
) -> None:
    """Say whether a camera would run this model.

    It also says how much memory and time the model takes there. The exit status is 0 if the camera would run it, else
    1.
    """
    from linecam.boards.check import check_file

    text, accepted = check_file(model, board, place=place, firmware=firmware, budget_ms=latency_ms, labels=labels)
    print(text)
    raise typer.Exit(0 if accepted else 1)


@app.command()
def networks() -> None:
    """List the networks, with their cost on the camera.

    MACs are multiply-accumulates (a multiplication and an addition each) for one frame. Instructions are steps of the
    processor for one frame, estimated. The arena is the working memory, in bytes.
    """
    from linecam.boards.network_costs import cost_table

    print(cost_table())


@app.command()
def predict(
    frames: Annotated[
        list[Path], typer.Argument(metavar="FOLDER|VIDEO|FILES", help="Frames: folders, videos or image files.")
    ],
    dataset: Annotated[str | None, typer.Option(metavar="NAME", help="Use the bundle in results/NAME.")] = None,
    bundle: Annotated[
        Path | None, typer.Option(metavar="BUNDLE", help="Use this bundle: a .zip file, or its folder.")
    ] = None,
    board: Annotated[
        str | None, typer.Option(metavar="NAME", help="With --dataset: the board, if there are several.")
    ] = None,
    to: Annotated[
        Path,
        typer.Option(
            "--to", metavar="FOLDER", help="Where to write frames.csv and page.html. Older ones are replaced."
        ),
    ] = Path("predictions"),
    key: Annotated[
        Path | None,
        typer.Option(metavar="KEY.pub", help="Check the bundle's signature with this public key of its builder."),
    ] = None,
    every: Annotated[int, typer.Option(metavar="N", min=1, help="Take one frame in N of a video.")] = 1,
    cores: Annotated[int | None, typer.Option(metavar="N", min=1, help="How many cores to use. Default: all.")] = None,
) -> None:
    """Judge frames as the camera would, without a camera.

    It resizes frames as the camera does, runs the model in the camera's runtime, and decides as the bundle's main.py.
    """
    from linecam.predict import command

    if (dataset is None) == (bundle is None):
        raise typer.BadParameter("name the model: either --dataset NAME or --bundle BUNDLE.", param_hint="--dataset")
    if board and bundle:
        raise typer.BadParameter("it goes with --dataset. A bundle is for one board already.", param_hint="--board")
    chosen = bundle or command.built(str(dataset), board)
    print(command.predict(frames, chosen, to, key=key, every=every, cores=cores))


@app.command()
def compare(
    first: Annotated[
        str | None, typer.Argument(metavar="A", help="A run: its number, the beginning of its name, or its file.")
    ] = None,
    second: Annotated[str | None, typer.Argument(metavar="B", help="Another run. Default: the last one.")] = None,
    dataset: Annotated[
        str, typer.Option(metavar="NAME", help="The dataset: its runs are in results/NAME/runs.")
    ] = "belt",
) -> None:
    """Set two runs side by side.

    It shows settings, labels and figures that differ, and the test frames that are judged differently. Without A and B
    it lists the runs.
    """
    from linecam.report import comparison

    runs = Path("results") / dataset / "runs"
    print(comparison.compare(runs, first, second or "-1") if first else comparison.listed(runs))


@app.command()
def track(
    uri: Annotated[
        str,
        typer.Argument(
            metavar="URI", envvar="MLFLOW_TRACKING_URI", help="The address of MLflow, such as http://tracking:5000."
        ),
    ],
    dataset: Annotated[
        str, typer.Option(metavar="NAME", help="The dataset: its runs are in results/NAME/runs.")
    ] = "belt",
) -> None:
    """Log the runs of a dataset in MLflow.

    MLflow is a program that shows trainings side by side. Each run is logged once, with its settings, figures and
    file. It needs `pip install mlflow-skinny`.
    """
    from linecam.report import tracking

    new, count = tracking.track(Path("results") / dataset / "runs", dataset, uri)
    print(f"{new} of the {count} runs of {dataset} are new in MLflow, in the experiment linecam/{dataset}.")


@app.command()
def sign(
    folder: BundleFolder,
    key: Annotated[Path, typer.Option(metavar="KEY.pem", help="Your private key.")],
    signature: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write. Default: FOLDER.sig.")
    ] = None,
) -> None:
    """Sign every file of a bundle with your own key.

    If the key has a password, put it into the environment variable LINECAM_KEY_PASSWORD.
    """
    from linecam.bundle import signature as signatures

    target = signature or folder.with_name(f"{folder.name}.sig")
    signatures.sign(folder, target, key, os.environ.get(signatures.PASSWORD))


@app.command()
def verify(
    folder: BundleFolder,
    signature: Annotated[Path, typer.Option(metavar="FILE", help="The .sig file.")],
    key: Annotated[Path, typer.Option(metavar="KEY.pub", help="The public key of whoever built the bundle.")],
) -> None:
    """Check every file of a bundle against its signature."""
    from linecam.bundle import signature as signatures

    signatures.verify(folder, signature, key)
    print(f"{folder} is exactly what was signed with the private key of {key}.")


@app.command()
def new_key(
    key: Annotated[
        Path,
        typer.Argument(metavar="KEY.pem", help="The file of the private key to write. KEY.pub is written beside it."),
    ],
) -> None:
    """Make a key to sign bundles with.

    If the environment variable LINECAM_KEY_PASSWORD is set, the key is encrypted with that password.
    """
    from linecam.bundle import signature as signatures

    password = os.environ.get(signatures.PASSWORD)
    public = signatures.new_key(key, password)
    print(
        f"{key} is the private key{', encrypted' if password else ', without a password'}: keep it to yourself, and "
        f"name it in your configuration as bundle.signing_key.\n"
        f"{public} is the public key: give it to everybody who shall verify your bundles."
    )


def main() -> None:
    """Run the command, and end the process: with status 1 if something is wrong, with 2 if there is no such command."""
    with reported():
        try:
            app(list(_repeated(sys.argv[1:])), prog_name="linecam")
        finally:
            sys.stdout.flush()  # in here, where a reader that has seen enough is no fault


def _repeated(arguments: Sequence[str]) -> Iterator[str]:
    """`--configfile a b`, as Snakemake takes it, as `--configfile a --configfile b`."""
    several = False
    for argument in arguments:
        if several and not argument.startswith("-"):
            yield from (CONFIGFILE, argument)
            continue
        several = argument == CONFIGFILE
        if not several:
            yield argument
