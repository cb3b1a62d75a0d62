"""Index the frames: one row a file with its hash and size, and a list of those that cannot be used, with the reason."""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path, PurePosixPath

import pandas as pd

from linecam.errors import UserError, reported
from linecam.files import atomic_write, write_json
from linecam.frames.account import account
from linecam.frames.edge_impulse import exported_labels
from linecam.frames.folder import read_folder
from linecam.frames.index import COLUMNS, part_sequences, path_facts
from linecam.frames.layout import is_mask_folder, is_unlabelled_folder
from linecam.frames.look import Look, look_at
from linecam.progress import progress

NOTHING = {"sha256": "", "bytes": 0, "width": 0, "height": 0, "sequence": "", "number": -1, "part": "", "label": ""}


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
    given: bool = False,
    damaged: bool = False,
) -> None:
    """Write `index`, one row for each image file below `folder`, and `quarantine`, the rows that cannot be used.

    `status` is ok, duplicate (same bytes as another frame, which `reason` names) or quarantined. Of equal frames,
    a training frame is the one that counts, then the first by path. Quarantined are also masks and, where the folders'
    split is `given`, what lies in neither part; and what cannot even be opened, with no hash. `damaged` frames that
    decode are used where that is wanted. `summary` says what became of every file (`linecam.frames.account`), and so
    does the log. Raises `UserError` where no frame is usable.
    """
    listing = read_folder(folder, cache)
    exported = exported_labels(folder, listing.labels_files, classes)
    facts = {path: facts_of(path, classes, exported) for path in listing.files}
    aside = no_frames(facts, classes, given)
    paths = [path for path in listing.files if path not in aside]
    check = partial(look_at, max_pixels=max_pixels, damaged=damaged)
    with ProcessPoolExecutor(workers) as pool:
        seen = pool.map(check, [folder / path for path in paths], chunksize=64)
        looks = dict(zip(paths, progress(seen, "index", "frames", len(paths)), strict=True))

    rows = []
    for path, (size, digest) in listing.files.items():
        look = looks.get(path) or Look(0, 0, aside[path])
        rows.append(
            {"path": path, "sha256": digest, "bytes": size, "width": look.width, "height": look.height}
            | facts[path]
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
        exported=sum(label != "" and path in listing.files for path, (label, _) in exported.items()),
        parted=parted,
    )
    for line in said["lines"]:
        logging.info("%s", line)
    if not said["used"]:
        first = table.iloc[0]
        raise UserError(
            f"None of the {len(table)} images below {folder} can be used. First: {first['path']}: {first['reason']}."
        )
    with atomic_write(index) as temporary:
        table.to_csv(temporary, index=False)
    with atomic_write(quarantine) as temporary:
        table.loc[table["status"] != "ok", ["path", "status", "reason", "bytes", "sha256"]].to_csv(
            temporary, index=False
        )
    write_json(summary, said)


def facts_of(path: str, classes: list[str], exported: Mapping[str, tuple[str, str]]) -> dict[str, object]:
    """What is known of a frame without a look at it: `path_facts`, and what its export's file of labels says.

    Raises `UserError` where folder and file disagree.
    """
    facts = path_facts(path, classes)
    label, part = exported.get(path, ("", ""))
    if label and facts["label"] not in {"", label}:
        raise UserError(
            f"{path} is labelled {facts['label']} by its folder or name, and {label} by the file of labels. "
            "Correct one of them."
        )
    return facts | {"label": label or facts["label"], "part": facts["part"] or part}


def no_frames(facts: Mapping[str, Mapping[str, object]], classes: Sequence[str], given: bool) -> dict[str, str]:
    """Why files are no frames of the dataset, by path, going by names alone; see `index_frames` for `given`."""
    stems = {str(PurePosixPath(path).with_suffix("")) for path in facts}
    found = {}
    for path, said in facts.items():
        pure = PurePosixPath(path)
        folders = pure.parts[:-1]
        mask = next((name for name in folders if is_mask_folder(name, classes)), "")
        if mask:
            found[path] = f"a mask, as its folder is called {mask}/: rename the folder if these are frames"
        elif pure.stem.endswith("_mask") and str(pure.with_suffix("")).removesuffix("_mask") in stems:
            found[path] = "a mask, as a file beside it has the same name without _mask"
        elif given and not said["part"] and not (folders and is_unlabelled_folder(folders[0])):
            found[path] = (
                "outside train/ and test/, which give the split; unlabelled/ may hold frames to look at"
            )
    return found


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
    with reported(snakemake.log[0]):
        index_frames(
            Path(snakemake.params.folder),
            Path(snakemake.output.frames),
            Path(snakemake.output.quarantine),
            Path(snakemake.output.summary),
            cache=Path(snakemake.params.cache),
            classes=snakemake.params.classes,
            max_pixels=snakemake.params.max_pixels,
            workers=snakemake.threads,
            given=snakemake.params.given,
            damaged=snakemake.params.damaged == "use",
        )
