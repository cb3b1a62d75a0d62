"""The commands for a connected camera: bring a bundle there, save its frames, show what it decides, measure it."""

from pathlib import Path
from typing import Annotated

import typer

from linecam.cli.options import ConfigFiles, SnakemakeOptions, builder_of
from linecam.stop_request import StopRequest

camera_app = typer.Typer()


@camera_app.command()
def deploy(
    bundle: Annotated[
        Path | None, typer.Argument(metavar="[BUNDLE]", help="The folder of a bundle, to copy as it is.")
    ] = None,
    drive: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Where the camera's drive is mounted.")] = None,
    board: Annotated[str | None, typer.Option(metavar="NAME", help="The board, if there are several.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Remove the old program first, if there is no room for both.")
    ] = False,
    configfile: ConfigFiles = None,
    snakemake: SnakemakeOptions = "",
) -> None:
    """Copy a bundle to the camera's drive.

    Without BUNDLE it copies the bundle of the configuration. First Snakemake builds what is missing of it.
    """
    from linecam.usb import deploy as usb

    if drive is None:
        raise typer.BadParameter(
            f"name the camera's drive. linecam does not guess it. {usb.drives_seen()}", param_hint="--drive"
        )
    if bundle is not None:
        _refuse_others(board, configfile, snakemake)
        usb.deploy(bundle, drive, replace=replace)
        return
    with StopRequest() as stop:
        from linecam.workflow.commands import deploy_built

        deploy_built(builder_of(configfile, snakemake, stop), drive, board, replace=replace)


@camera_app.command()
def receive(
    port: Annotated[
        str,
        typer.Argument(
            metavar="PORT", help="The camera's serial port, such as /dev/ttyACM0 or COM3, or the drive of its card."
        ),
    ],
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Where to save the frames. Kept frames go to FOLDER/kept."),
    ],
) -> None:
    """Save frames from the camera: streamed, or from its card.

    From a port it saves the frames that the camera's program collect.py sends, until Ctrl-C. From the drive of the SD
    card it copies the frames that the program main.py kept there, each once.
    """
    if Path(port).is_dir():
        from linecam.usb.copy_kept import copy_kept

        return copy_kept(Path(port), folder)
    from linecam.usb.receive import run

    run(port, folder)


@camera_app.command()
def watch(
    port: Annotated[
        str, typer.Argument(metavar="PORT", help="The camera's serial port, such as /dev/ttyACM0 or COM3.")
    ],
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.jsonl", help="Append everything that the camera prints to this file, with the time."
        ),
    ] = None,
    page: Annotated[
        bool, typer.Option("--page", help="Also show it as a page in the browser of this machine.")
    ] = False,
    page_port: Annotated[
        int | None,
        typer.Option("--port", metavar="NUMBER", min=1024, max=65535, help="The page's port. Default: a free one."),
    ] = None,
    browser: Annotated[bool, typer.Option(help="With --page: open it, or only print its address.")] = True,
) -> None:
    """Show what a connected camera decides, live.

    If the camera is unplugged, it waits. Ctrl-C ends it, and prints how often each class was decided.
    """
    if page_port and not page:
        raise typer.BadParameter("this is the port of the page. Add --page.", param_hint="--port")
    with StopRequest() as stop:
        from linecam.usb.watch import watch as listen

        listen(port, stop, save=save, page=page, port=page_port, browser=browser)


@camera_app.command()
def measure(
    port: Annotated[
        str, typer.Argument(metavar="PORT", help="The camera's serial port, such as /dev/ttyACM0 or COM3.")
    ],
    bundle: Annotated[
        Path | None, typer.Argument(metavar="[BUNDLE]", help="The folder of the bundle that is on the camera.")
    ] = None,
    board: Annotated[str | None, typer.Option(metavar="NAME", help="The board, if there are several.")] = None,
    inferences: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, max=10000, help="How many runs of the network to time.")
    ] = 100,
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the measured time to this new file, as lines for the setting bundle.measured. Default: print "
            "them.",
        ),
    ] = None,
    configfile: ConfigFiles = None,
    snakemake: SnakemakeOptions = "",
) -> None:
    """Measure a bundle's model on the connected camera.

    It says whether the model loads, how long it takes, and whether it computes the same as on the PC. main.py stops
    until the next reset. Without BUNDLE it takes the bundle of the configuration. First Snakemake builds what is
    missing of it.
    """
    from linecam.usb import measure as usb

    usb.check_target(write)
    if bundle is not None:
        _refuse_others(board, configfile, snakemake)
    else:
        with StopRequest() as stop:
            from linecam.workflow.commands import bundle_to_measure

            bundle = bundle_to_measure(builder_of(configfile, snakemake, stop), port, board)
    usb.write_yaml(usb.measure(bundle, port, inferences), write)


def _refuse_others(board: str | None, configfile: list[Path] | None, snakemake: str) -> None:
    """Raise `typer.BadParameter` where an option is there that makes no sense beside BUNDLE."""
    if board or configfile or snakemake:
        raise typer.BadParameter(
            "--board, --configfile and --snakemake do not go with BUNDLE: they are for a bundle that linecam builds "
            "first."
        )
