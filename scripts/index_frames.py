"""Index the frames: one row a file with its hash and size, and a list of those that cannot be used, with the reason."""

import logging
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pandas as pd
from PIL import Image, UnidentifiedImageError

from linecam.errors import UserError
from linecam.files import atomic_write
from linecam.frames.decode import FORMATS, QUARTER_TURNS, turn
from linecam.frames.folder import content_of
from linecam.frames.index import COLUMNS, path_facts
from linecam.progress import progress
from linecam.workflow.job import job


def index_frames(
    folder: Path,
    index: Path,
    quarantine: Path,
    *,
    cache: Path,
    classes: list[str],
    max_pixels: int,
    workers: int,
) -> None:
    """Write `index`, one row for each image file below `folder`, and `quarantine`, the rows that cannot be used.

    `status` is ok, duplicate (same bytes as another frame, which `reason` names) or quarantined. Of equal frames,
    a training frame is the one that counts, then the first by path. Raises `UserError` where no frame is usable.
    """
    content = content_of(folder, cache)
    paths = list(content)
    check = partial(look_at, max_pixels=max_pixels)
    with ProcessPoolExecutor(workers) as pool:
        seen = pool.map(check, [folder / path for path in paths], chunksize=64)
        looks = list(progress(seen, "index", "frames", len(paths)))

    rows = []
    for path, (width, height, reason) in zip(paths, looks, strict=True):
        size, digest = content[path]
        rows.append(
            {"path": path, "sha256": digest, "bytes": size, "width": width, "height": height}
            | path_facts(path, classes)
            | {"status": "quarantined" if reason else "ok", "reason": reason}
        )
    table = pd.DataFrame(rows, columns=COLUMNS)
    mark_duplicates(table)

    counts = table["status"].value_counts()
    logging.info("%d files: %s", len(table), ", ".join(f"{count} {status}" for status, count in counts.items()))
    if "ok" not in counts:
        raise UserError(
            f"None of the {len(table)} images below {folder} can be used. First: {rows[0]['path']}: {looks[0][2]}."
        )
    with atomic_write(index) as temporary:
        table.to_csv(temporary, index=False)
    with atomic_write(quarantine) as temporary:
        table.loc[table["status"] != "ok", ["path", "status", "reason", "bytes", "sha256"]].to_csv(
            temporary, index=False
        )


def look_at(path: Path, max_pixels: int) -> tuple[int, int, str]:
    """Width and height of an image as it is seen (EXIF rotation applied), and why it cannot be used, or "".

    The whole file is decoded, a JPEG at an eighth of its size, since only that finds a truncated one.
    """
    # The limit is ours, and a quarantine entry is better than Pillow's warning.
    Image.MAX_IMAGE_PIXELS = None
    width = height = 0
    try:
        if path.stat().st_size == 0:
            return 0, 0, "empty file"
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            if width * height > max_pixels:  # before anything that may decode, as reading a PNG's EXIF does
                return width, height, f"{width} x {height} is more than dataset.max_pixels = {max_pixels}"
            if image.mode.startswith(("I", "F")):
                return width, height, f"pixels of more than 8 bits (mode {image.mode})"
            image.draft("RGB", (max(width // 8, 1), max(height // 8, 1)))
            image.load()
            if turn(image) in QUARTER_TURNS:
                width, height = height, width
    except UnidentifiedImageError:
        return 0, 0, "not an image, whatever its name says"
    except Exception as error:  # decoders raise anything on broken files
        return width, height, f"cannot be decoded: {error}"
    return width, height, ""


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
            cache=Path(snakemake.params.cache),
            classes=snakemake.params.classes,
            max_pixels=snakemake.params.max_pixels,
            workers=snakemake.threads,
        )
