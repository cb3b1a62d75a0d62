"""Make the bundle for a board: what goes onto the camera, how to bring it there, and what it was made of."""

import logging
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np

from linecam.boards.board import Board
from linecam.boards.verdict import VerdictFile
from linecam.bundle.bill_of_materials import Dataset, Model, bill
from linecam.bundle.contents import (
    IMAGE,
    ROMFS,
    Program,
    as_copied,
    check_room,
    compact,
    zip_folder,
)
from linecam.bundle.manifest import Origin, manifest
from linecam.bundle.parts import FromFrames
from linecam.bundle.readme import readme
from linecam.bundle.romfs import pack
from linecam.bundle.stored_frames import choose
from linecam.bundle.wiring import DRAWING, drawing, draws
from linecam.camera.light import Light
from linecam.errors import UserError
from linecam.evaluation.candidates import Candidate, Choice, TrainedModel
from linecam.evaluation.figures import Thresholds
from linecam.evaluation.weakness import in_words
from linecam.files import atomic_write, read_json, sha256, write_json
from linecam.workflow.job import job


@dataclass(frozen=True)
class Sources:
    """The files that a bundle is made from, besides the model and what is known of it."""

    main: Path  # the camera's program
    modules: list[Path]  # its parts that are on, and those that the frames may turn on
    collect: Path  # the camera's program for taking frames
    template: Path  # of README.md
    drawing: Path  # of the picture of the wiring, a template
    index: Path  # of the frames, CSV
    votes: Path  # over how many frames to decide, JSON
    split: Path  # counts of the labelled frames by part and class, JSON
    frames: Path  # the labelled frames by part, CSV
    account: Path  # what became of the frames' files, JSON
    training: Path | None  # where light is checked: the training frames as the sensor sees them (.npy)
    drift: Path | None = None  # what the camera's part line_drift reads, JSON, where it is on


def bundle(
    choice_path: Path,
    candidates: list[Candidate],
    models: list[TrainedModel],
    sources: Sources,
    pixels: dict[int, Path],
    folder: Path,
    archive: Path,
    *,
    name: str,
    board: Board,
    config: dict[str, Any],
    versions: dict[str, str],
    report: Path,
) -> None:
    """Write the bundle of the chosen model for the board called `name` into `folder` and `archive` (.zip).

    `models` are the trained models, with what they say of the frames; `pixels` are those of all frames (.npy), by the
    size of a network's input. `config` is the complete configuration, `versions` are the packages that made it all,
    `report` is where a user finds the report. Raises `UserError` where the board doesn't take the chosen model, with
    the rules that it breaks, where the model is weak and `bundle.accept` doesn't take that, or where the board's drive
    doesn't hold the files.
    """
    choice = Choice.read(choice_path)
    chosen = choice.among(candidates)
    tflite = chosen.files[name]
    verdict: VerdictFile = read_json(chosen.firmware[name])
    check_accepted(verdict, name, chosen.tflite)
    check_good(choice, config["bundle"]["accept"], name, report)
    cost = verdict["cost"]
    decided: Thresholds = read_json(chosen.thresholds)
    light = Light.of(np.load(sources.training, mmap_mode="r")).as_dict() if sources.training else None
    drift = read_json(sources.drift) if sources.drift else None
    found = FromFrames(read_json(sources.account)["held"], light, drift)
    program = Program.of(config, read_json(sources.votes)["votes"], decided["thresholds"], found, board)
    dataset = Dataset(config["dataset"]["name"], read_json(sources.split)["frames"], sha256(sources.index))
    model = Model(
        choice.model,
        choice.range,
        sha256(tflite),
        tflite.stat().st_size,
        config["dataset"]["classes"],
        read_json(chosen.metrics),
    )
    origin = Origin.of_this_run(config, versions)
    stored = choose(
        choice.among_trained(models).predictions[choice.range],
        sources.frames,
        pixels[choice.model.input_size],
        model.classes,
    )
    with atomic_write(folder) as temporary:
        temporary.mkdir()
        copyfile(tflite, temporary / "model.tflite")
        for source in (*(path for path in sources.modules if path.name in program.modules), sources.main):
            (temporary / source.name).write_text(as_copied(source.read_text(encoding="utf-8")), encoding="utf-8")
        copyfile(sources.collect, temporary / "collect.py")
        (temporary / "labels.txt").write_text("".join(f"{label}\n" for label in model.classes), encoding="utf-8")
        (temporary / "settings.json").write_text(compact(program.settings(model)), encoding="utf-8")
        image = pack({file: (temporary / file).read_bytes() for file in [*ROMFS, *program.modules]}, board.romfs_board)
        (temporary / IMAGE).write_bytes(image)
        materials = bill(
            model,
            dataset,
            board=name,
            firmware=program.firmware,
            versions=versions,
            python=origin.python,
            version=origin.linecam,
            revision=origin.revision,
        )
        write_json(temporary / "bom.cdx.json", materials)
        stored.write(temporary)
        drive = program.drive_files(cost.get("place"))
        check_room(temporary, drive, board.places.get("drive"), cost.get("place"))
        text = readme(
            sources.template,
            model,
            dataset,
            program,
            cost,
            name=name,
            board=board,
            confidence=config["evaluate"]["confidence"],
            weak=choice.weak,
            needed=sum((temporary / file).stat().st_size for file in drive),
            light=light,
        )
        (temporary / "README.md").write_text(text, encoding="utf-8")
        if draws(program.parts):
            picture = drawing(sources.drawing, program.parts, board.uarts)
            (temporary / DRAWING).write_text(picture, encoding="utf-8")
        about = manifest(temporary, model, program, cost, decided, choice, origin, name, light)
        write_json(temporary / "manifest.json", about)
        with atomic_write(archive) as zipped:
            zip_folder(temporary, zipped)
    logging.info("bundle for %s in %s and %s", name, folder, archive)


def check_accepted(verdict: VerdictFile, board: str, tflite: Path) -> None:
    """Raise `UserError` where the board does not take the model, with the rules that it breaks."""
    if verdict["accepted"]:
        return
    broken = "; ".join(
        f"{finding['rule']} ({finding['where']}): {finding['why']}. To mend it, {finding['mend']}"
        for finding in verdict["findings"]
    )
    raise UserError(f"{board} does not take {tflite}: {broken}.")


def check_good(choice: Choice, accept: str, board: str, report: Path) -> None:
    """Raise `UserError` where the model is weak and only a good one is accepted; where a weak one is, log why."""
    if not choice.weak:
        return
    if accept != "weak":
        raise UserError(
            f"No bundle for {board}: the model is weak. {in_words(choice.weak)} {report} shows more. To have the "
            "bundle all the same, set bundle.accept: weak; then it says at its top that the model is weak."
        )
    logging.warning("The bundle for %s holds a weak model, as bundle.accept says. %s", board, in_words(choice.weak))


if __name__ == "__main__":
    with job(snakemake):
        bundle(
            Path(snakemake.input.choice),
            [Candidate.from_param(candidate) for candidate in snakemake.params.candidates],
            [TrainedModel.from_param(model) for model in snakemake.params.trained],
            Sources(
                modules=[Path(module) for module in snakemake.input.modules],
                training=Path(snakemake.input.training) if snakemake.input.training else None,
                drift=Path(snakemake.input.drift) if snakemake.input.get("drift") else None,
                **{
                    file: Path(snakemake.input[file])
                    for file in (
                        "main",
                        "collect",
                        "template",
                        "drawing",
                        "index",
                        "votes",
                        "split",
                        "frames",
                        "account",
                    )
                },
            ),
            dict(zip(snakemake.params.sizes, map(Path, snakemake.input.pixels), strict=True)),
            Path(snakemake.output.folder),
            Path(snakemake.output.archive),
            name=snakemake.wildcards.board,
            board=Board(**snakemake.params.facts),
            config=snakemake.params.config,
            versions=snakemake.params.versions,
            report=Path(snakemake.input.report),
        )
