"""The commands for which Snakemake makes something first: the labelling page, and the copy to the camera's drive."""

import dataclasses
import logging
import shlex
from collections.abc import Sequence
from pathlib import Path

from linecam.boards.catalogue import load_boards
from linecam.errors import UserError
from linecam.files import own_file
from linecam.page.session import run_session, who_labels
from linecam.page.worklist import Sources
from linecam.usb.board_repl import check_port
from linecam.usb.deploy import check_drive, deploy
from linecam.workflow.build import Builder
from linecam.workflow.config import read_settings
from linecam.workflow.plan import Plan


def label_frames(
    builder: Builder, *, by: str | None, port: int | None, browser: bool, asked: Path | None = None
) -> None:
    """Have the selection made, then serve the labelling page on it.

    `asked` is a list of frames that the page begins with. See `run_session` for the rest, and for what is raised.
    """
    name = who_labels(by)
    plan = Plan.of(read_settings(builder.configfiles), load_boards())
    targets = targets_of(plan)
    builder.build(targets)
    root = builder.root(targets)
    if builder.stop.made:
        logging.info("Goodbye. The page was not open yet, and no label has changed.")
        return
    configured = ["--configfile", *map(str, builder.configfiles)] if builder.configfiles else []
    run_session(
        dataclasses.replace(sources_of(plan, root), asked=asked),
        builder.stop,
        dataset=plan.name,
        classes=plan.classes,
        definitions=plan.settings.dataset.definitions,
        by=name,
        region=plan.region,
        port=port,
        browser=browser,
        go_on=["snakemake", *_snakefile(), *builder.options, *configured],
        label=[
            *("linecam", "label"),
            *(["--by", name] if by else []),
            *(["--snakemake", shlex.join(builder.options)] if builder.options else []),
            *configured,
        ],
    )


def _snakefile() -> list[str]:
    """What `snakemake` needs to find linecam's Snakefile from the working directory."""
    own = own_file("Snakefile")
    return [] if Path("Snakefile").resolve() == Path(own).resolve() else ["--snakefile", str(own)]


def deploy_built(builder: Builder, drive: Path, board: str | None, *, replace: bool) -> None:
    """Have the bundle for `board` made, then copy it to `drive`; None is the only board of the configuration.

    `replace` as in `deploy`. Raises `UserError` before anything is built where the drive or the board is none, and
    as `deploy` does.
    """
    check_drive(drive)
    bundle = _built_bundle(builder, board)
    if bundle is None:
        raise UserError(f"Stopped before anything was copied: {drive} is as it was.")
    deploy(bundle, drive, replace=replace)


def bundle_to_measure(builder: Builder, port: str, board: str | None) -> Path:
    """Have the bundle for `board` made, and return its folder; None is the only board of the configuration.

    Raises `UserError` before anything is built where the serial port `port` or the board is none.
    """
    check_port(port)
    bundle = _built_bundle(builder, board)
    if bundle is None:
        raise UserError("Stopped before anything was measured.")
    return bundle


def _built_bundle(builder: Builder, board: str | None) -> Path | None:
    """The folder of the bundle for `board`, made where it was not; None where someone asked to stop."""
    plan = Plan.of(read_settings(builder.configfiles), load_boards())
    bundle = f"{plan.results}/bundle/{board_for(board, plan.settings.bundle.boards)}"
    builder.build([bundle])
    root = builder.root([bundle])
    return None if builder.stop.made else root / bundle


def board_for(board: str | None, boards: Sequence[str]) -> str:
    """The board whose bundle is meant: `board`, or the only one of `boards`, for which there are bundles.

    Raises `UserError` where it is not one of them, or none is named of several.
    """
    if board is None and len(boards) > 1:
        raise UserError(
            f"The configuration names {len(boards)} boards, {', '.join(boards)}. Say which one you mean: --board "
            f"{boards[0]}"
        )
    if board is not None and board not in boards:
        raise UserError(
            f"--board {board}: bundle.boards has no such board. It has: {', '.join(boards)}. Name one of these."
        )
    return board or boards[0]


def sources_of(plan: Plan, root: Path) -> Sources:
    """What the labelling page is made from. Results lie below the folder `root`, and what is the user's here."""
    results, frames = root / plan.results, Path(plan.frames_folder)
    embeddings = results / f"embed/{plan.selecting_backbone}/embeddings.npy"
    return Sources(
        index=results / "index/frames.csv",
        train=tuple(results / f"select/{selection}.csv" for selection in plan.selections),
        test=results / "select/test.csv",
        truth=results / "truth.csv" if plan.settings.dataset.kind == "belt" else None,
        embeddings=embeddings if plan.selects_by_embeddings else None,
        frames=frames if plan.settings.dataset.kind == "folder" else root / frames,
        results=results,
        labels=Path(plan.labels_csv),
    )


def targets_of(plan: Plan) -> list[str]:
    """The files of `sources_of` that Snakemake makes, and the folder of the frames unless it is the user's own."""
    sources = sources_of(plan, Path())
    frames = None if plan.settings.dataset.kind == "folder" else sources.frames
    made = [sources.index, *sources.train, sources.test, sources.truth, sources.embeddings, frames]
    return [str(path) for path in made if path is not None]
