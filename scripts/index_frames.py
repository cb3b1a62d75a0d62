"""Index the frames: one row a file with its hash and size, and a list of those that cannot be used, with the reason."""

import logging
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path, PurePosixPath

import pandas as pd

from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.files import atomic_write, write_json
from linecam.frames.account import account
from linecam.frames.edge_impulse import exported_labels
from linecam.frames.folder import read_folder
from linecam.frames.held import read_held
from linecam.frames.index import COLUMNS, cut_into_places, part_sequences, path_facts
from linecam.frames.kept import kept_frames
from linecam.frames.layout import no_frames
from linecam.frames.look import Look, fit, look_at
from linecam.frames.video import frame_digest, frame_path, look_at_video
from linecam.progress import progress
from linecam.workflow.job import job

NOTHING = {
    "sha256": "",
    "bytes": 0,
    "width": 0,
    "height": 0,
    "sequence": "",
    "number": -1,
    "part": "",
    "label": "",
    "kept": "",
}


def index_frames(
    folder: Path,
    index: Path,
    quarantine: Path,
    summary: Path,
    *,
    cache: Path,
    classes: list[str],
    max_pixels: int,
    workers: int,
    every: int = 1,
    given: bool = False,
    damaged: bool = False,
    region: Region | None = None,
) -> None:
    """Write `index`, one row for each frame below `folder`, and `quarantine`, the rows that cannot be used.

    A frame is an image file, or each `every`-th one of a video (`linecam.frames.video`).

    `status` is ok, duplicate (same bytes as another frame, which `reason` names) or quarantined. Of equal frames, a
    training frame is the one that counts, then the first by path. Quarantined are also masks and, where the folders'
    split is `given`, what lies in neither part; what cannot even be opened, with no hash; and, where there is a
    `region` other than the middle square, frames that have none such. `damaged` frames that decode are used where that
    is wanted. `kept` says why a camera at work has kept a frame (`linecam.frames.kept`), and is "" for all others.
    `summary` says what became of every file (`linecam.frames.account`), and so does the log. Where `region` has several
    places, a frame has a row for each (`linecam.frames.places`). Raises `UserError` where no frame is usable.
    """
    listing = read_folder(folder, cache)
    exported = exported_labels(folder, listing.labels_files, classes)
    files = listing.files | listing.videos
    aside = no_frames({path: facts_of(path, classes, exported)["part"] for path in files}, classes, given)
    paths = [path for path in listing.files if path not in aside]
    videos = [path for path in listing.videos if path not in aside]
    check = partial(look_at, max_pixels=max_pixels, damaged=damaged)
    # FFmpeg's locks don't survive a fork of a process that has used it.
    with ProcessPoolExecutor(workers, get_context("spawn") if videos else None) as pool:
        decoded = pool.map(partial(look_at_video, every=every), [folder / path for path in videos])
        seen = pool.map(check, [folder / path for path in paths], chunksize=64)
        looks = dict(zip(paths, progress(seen, "index", "frames", len(paths)), strict=True))
        films = progress(decoded, "index", "videos", len(videos)) if videos else ()
        filmed = dict(zip(videos, films, strict=True))
    looks |= {path: Look(0, 0, reason) for path, reason in aside.items()}
    for path, film in filmed.items():
        size, digest = listing.videos[path]
        for number in film.numbers:
            frame = frame_path(path, number)
            files[frame] = 0, frame_digest(digest, number)
            looks[frame] = fit(film.width, film.height, max_pixels)
        if film.problem:
            looks[path] = Look(film.width, film.height, film.problem)
    if region:
        looks = {path: look if look.reason else in_region(look, region) for path, look in looks.items()}

    kept = kept_frames(folder, listing.kept_files, looks)
    rows = []
    for path, look in looks.items():
        size, digest = files[path]
        rows.append(
            {"path": path, "sha256": digest, "bytes": size, "width": look.width, "height": look.height}
            | facts_of(path, classes, exported)
            | (kept[path].as_facts() if path in kept else {"kept": ""})
            | {"status": "quarantined" if look.reason else "ok", "reason": look.reason}
        )
    rows += [
        NOTHING | {"path": path, "status": "quarantined", "reason": reason} for path, reason in listing.refused.items()
    ]
    table = pd.DataFrame(sorted(rows, key=lambda row: str(row["path"])), columns=COLUMNS)
    mark_duplicates(table)
    parted = part_sequences(table)

    said = account(
        table,
        listing,
        {path: look.notes for path, look in looks.items() if look.notes},
        classes=classes,
        every=every,
        exported=sum(label != "" and path in listing.files for path, (label, _) in exported.items()),
        parted=parted,
        held=read_held(folder, list(listing.run_files)),
        region=region,
    )
    if region and region.rois:
        table = cut_into_places(table, region)
    for line in said["lines"]:
        logging.info("%s", line)
    if not said["used"]:
        first = table.iloc[0]
        raise UserError(
            f"None of the {len(table)} files below {folder} can be used. First: {first['path']}: {first['reason']}. "
            "The log has every reason. Mend or replace the files."
        )
    with atomic_write(index) as temporary:
        table.to_csv(temporary, index=False)
    with atomic_write(quarantine) as temporary:
        table.loc[table["status"] != "ok", ["path", "status", "reason", "bytes", "sha256"]].to_csv(
            temporary, index=False
        )
    write_json(summary, said)


def in_region(look: Look, region: Region) -> Look:
    """A look at a frame that can be used, or at one that cannot since it has no such region."""
    reason = region.refusal((look.width, look.height))
    return Look(look.width, look.height, reason) if reason else look


def facts_of(path: str, classes: list[str], exported: Mapping[str, tuple[str, str]]) -> dict[str, object]:
    """What is known of a frame without a look at it: `path_facts`, and what its export's file of labels says.

    Raises `UserError` where folder and file disagree.
    """
    facts = path_facts(path, classes)
    video = str(PurePosixPath(path).parent)  # what is said of a video holds for its frames
    label, part = exported.get(path) or exported.get(video, ("", ""))
    if label and facts["label"] not in {"", label}:
        raise UserError(
            f"{path} is labelled {facts['label']} by its folder or name, and {label} by the file of labels. "
            "Correct one of them."
        )
    return facts | {"label": label or facts["label"], "part": facts["part"] or part}


def mark_duplicates(table: pd.DataFrame) -> None:
    """Give all but one of the usable rows with equal `sha256` the status duplicate, in place."""
    usable = table[table["status"] == "ok"]
    ordered = usable.assign(later=usable["part"] != "train").sort_values(["later", "path"], kind="stable")
    first = ordered.drop_duplicates("sha256").set_index("sha256")["path"]
    original = usable["sha256"].map(first)
    copies = usable.index[original != usable["path"]]
    table.loc[copies, "status"] = "duplicate"
    table.loc[copies, "reason"] = "same bytes as " + original[copies]


if __name__ == "__main__":
    with job(snakemake):
        index_frames(
            Path(snakemake.params.folder),
            Path(snakemake.output.frames),
            Path(snakemake.output.quarantine),
            Path(snakemake.output.summary),
            cache=Path(snakemake.params.cache),
            classes=snakemake.params.classes,
            max_pixels=snakemake.params.max_pixels,
            workers=snakemake.threads,
            every=snakemake.params.every,
            given=snakemake.params.given,
            damaged=snakemake.params.damaged == "use",
            region=Region.of(snakemake.params.region) if snakemake.params.region else None,
        )
