"""Make the bundle for a board: what goes onto the camera, how to bring it there, and what it was made of."""

import json
import logging
import platform
import subprocess
import zipfile
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from linecam.boards.board import Board
from linecam.bundle.bill_of_materials import Dataset, Model, bill
from linecam.bundle.romfs import flash_command, pack
from linecam.errors import UserError, reported
from linecam.evaluation.candidates import Candidate, Choice
from linecam.files import atomic_write, read_json, sha256, write_json

DRIVE = ["model.tflite", "labels.txt", "settings.json", "main.py"]  # in the order of copying: the program comes last
ROMFS = DRIVE[:3]
IMAGE = "linecam.romfs"
FRAME_MS = 33  # what a sensor takes for a frame, in the example line of README.md
FIRMWARE = ("4.5.6", "5.0.0")  # the OpenMV releases that main.py runs on, first and last
# Settings that are paths on the machine that made the bundle: their last part says enough.
PATHS = (("dataset", "source"), ("pretrain", "checkpoint"), ("embed", "file"))


@dataclass(frozen=True)
class Sources:
    """The files that a bundle is made from, besides the model and what is known of it."""

    main: Path  # the camera's program
    collect: Path  # the camera's program for taking frames
    template: Path  # of README.md
    index: Path  # of the frames, CSV
    split: Path  # counts of the labelled frames by part and class, JSON


def bundle(
    choice_path: Path,
    candidates: list[Candidate],
    sources: Sources,
    folder: Path,
    archive: Path,
    *,
    board: str,
    facts: Board,
    config: dict[str, Any],
    versions: dict[str, str],
) -> None:
    """Write the bundle of the chosen model into `folder` and `archive` (.zip).

    `facts` is what is known of `board`, `versions` are the packages that made it all. Raises `UserError` where the
    board doesn't take the chosen model, with the rules that it breaks.
    """
    choice = Choice.read(choice_path)
    chosen = choice.among(candidates)
    check = read_json(chosen.firmware[board])
    if not check["accepted"]:
        broken = "; ".join(
            f"{f['rule']} ({f['where']}): {f['why']}. To mend it, {f['mend']}" for f in check["findings"]
        )
        raise UserError(f"{board} does not take {chosen.tflite}: {broken}.")
    tflite = chosen.files[board]
    metrics, cost, config = read_json(chosen.metrics), check["cost"], without_paths(config)
    decides = read_json(chosen.thresholds)
    thresholds = decides["thresholds"]
    classes = config["dataset"]["classes"]
    model = Model(choice.model, choice.range, sha256(tflite), tflite.stat().st_size, classes, metrics)
    dataset = Dataset(config["dataset"]["name"], read_json(sources.split)["frames"], sha256(sources.index))
    git = revision()
    with atomic_write(folder) as temporary:
        temporary.mkdir()
        copyfile(tflite, temporary / "model.tflite")
        copyfile(sources.main, temporary / "main.py")
        copyfile(sources.collect, temporary / "collect.py")
        (temporary / "labels.txt").write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")
        (temporary / "settings.json").write_text(compact(settings(model, config, thresholds)), encoding="utf-8")
        image = pack({name: (temporary / name).read_bytes() for name in ROMFS}, facts.romfs_board)
        (temporary / IMAGE).write_bytes(image)
        write_json(
            temporary / "bom.cdx.json",
            bill(
                model,
                dataset,
                board=board,
                firmware=FIRMWARE,
                versions=versions,
                python=platform.python_version(),
                revision=git,
            ),
        )
        # A model in ROMFS may be larger than the drive.
        drive = DRIVE[1:] if cost.get("place") == "romfs" else DRIVE
        needed = sum((temporary / name).stat().st_size for name in drive)
        check_room(temporary, drive, facts.places.get("drive"), cost.get("place"))
        text = readme(
            sources.template, model, dataset, cost, config, thresholds, board=board, facts=facts, needed=needed
        )
        (temporary / "README.md").write_text(text, encoding="utf-8")
        names = sorted(path.name for path in temporary.iterdir())
        write_json(
            temporary / "manifest.json",
            {
                "board": board,
                "camera": {
                    **config["camera"],
                    "input": choice.model.input_size,
                    "votes": config["bundle"]["votes"],
                },
                "drive": drive,
                "files": {
                    name: {"sha256": sha256(temporary / name), "bytes": (temporary / name).stat().st_size}
                    for name in names
                },
                "firmware": {"from": FIRMWARE[0], "to": FIRMWARE[1]},
                "cost": cost,
                "model": {"name": str(choice.model), "quantization": choice.range, "reason": choice.reason},
                "metrics": metrics,
                "operating_points": decides["operating_points"],
                "config": config,
                "versions": versions | {"python": platform.python_version()},
                "git": git,
            },
        )
        with atomic_write(archive) as zipped:
            zip_folder(temporary, zipped)
    logging.info("bundle for %s in %s and %s", board, folder, archive)


def check_room(folder: Path, drive: list[str], room: int | None, place: str | None) -> None:
    """Raise `UserError` where the files for the drive take more than `room` bytes there, in its blocks of 512."""
    needed = sum(-(-(folder / name).stat().st_size // 512) * 512 for name in drive)
    if room is not None and place != "sd" and needed > room:
        raise UserError(
            f"The files for the camera's drive ({', '.join(drive)}) take {needed:,} bytes in its blocks, and it holds "
            f"{room:,}. Take a network with fewer weights, shorter or fewer class names, or another bundle.place."
        )


def settings(model: Model, config: dict[str, Any], thresholds: dict[str, float]) -> dict[str, Any]:
    """What main.py reads: few keys, since the camera's heap is small."""
    return {
        "model": {"sha256": model.sha256, "name": f"{model.name} {model.range}"},
        "labels": model.classes,
        **config["camera"],
        **{key: config["bundle"][key] for key in ("votes", "period_ms")},
        "thresholds": thresholds,
    }


def compact(value: Any) -> str:
    """JSON in as few bytes as it takes; equal values give equal text."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def without_paths(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration without what belongs to the machine: of a path the last part."""
    config = deepcopy(config)
    for section, key in PATHS:
        if path := config[section][key]:
            config[section][key] = Path(path).name
    return config


def readme(
    template: Path,
    model: Model,
    dataset: Dataset,
    cost: dict[str, Any],
    config: dict[str, Any],
    thresholds: dict[str, float],
    *,
    board: str,
    facts: Board,
    needed: int,
) -> str:
    """README.md for a technician at the line; `needed` is what the files for the drive take, in bytes."""
    # Markdown for people: nothing to escape. What a template forgets is an error, no blank.
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["percent"] = lambda share: f"{100 * share:.1f} %"
    places = facts.places
    votes, classes = config["bundle"]["votes"], model.classes
    low, high = cost.get("latency_ms") or (None, None)
    return environment.get_template(template.name).render(
        board=board,
        title=facts.title,
        model=model,
        dataset=dataset,
        test=model.metrics["test"],
        confidence=config["evaluate"]["confidence"],
        frame_size=config["camera"]["frame_size"],
        side=config["camera"]["side"],
        votes=votes,
        thresholds=thresholds,
        place=cost.get("place") or next(iter(places), "drive"),
        has_card="sd" in places,
        room=places.get("drive"),
        needed=needed,
        heap=max(facts.heap_bytes),
        arena=cost.get("arena_bytes"),
        latency=None if low is None else {"low": low, "high": high, "basis": cost.get("latency_basis")},
        compiled=facts.engine == "ethos-u",
        firmware=FIRMWARE,
        image=IMAGE,
        flash=flash_command(facts.romfs_board, IMAGE),
        boot=boot_line(model, votes),
        decision=decision_line(classes, votes, 100 if high is None else high),
    )


def boot_line(model: Model, votes: int) -> str:
    """The first line that main.py prints, but for the firmware's name."""
    value = {"linecam": model.sha256[:12], "labels": model.classes, "votes": votes, "firmware": "..."}
    return json.dumps(value)


def decision_line(classes: list[str], votes: int, inference_ms: float) -> str:
    """A line such as main.py prints for a decision: for the class `good`, or the first where there is none."""
    label = "good" if "good" in classes else classes[0]
    rest = 0.1 / (len(classes) - 1)
    width = max(len(json.dumps(name)) for name in [*classes, None])
    scores = ", ".join(f"{0.9 if name == label else rest:.4f}" for name in classes)
    ms = round(votes * (inference_ms + FRAME_MS))
    return (
        f'{{"label": {json.dumps(label):<{width}}, "score": 0.9000, "scores": [{scores}], '
        f'"frames": {votes}, "ms": {ms:>9}, "inference_ms": {round(inference_ms):>5}}}'
    )


def zip_folder(folder: Path, archive: Path) -> None:
    """Zip the files of `folder`; equal files give equal bytes, whenever and wherever they were written."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.iterdir()):
            entry = zipfile.ZipInfo(path.name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            file.writestr(entry, path.read_bytes())


def revision() -> str | None:
    """The git revision of the workflow, with "-dirty" where files differ from it; None outside a repository."""
    try:
        run = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return run.stdout.strip()


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        bundle(
            Path(snakemake.input.choice),
            [Candidate.from_param(candidate) for candidate in snakemake.params.candidates],
            Sources(
                *(Path(snakemake.input[name]) for name in ("main", "collect", "template", "index", "split")),
            ),
            Path(snakemake.output.folder),
            Path(snakemake.output.archive),
            board=snakemake.wildcards.board,
            facts=Board(**snakemake.params.facts),
            config=snakemake.params.config,
            versions=snakemake.params.versions,
        )
