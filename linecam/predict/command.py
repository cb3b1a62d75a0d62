"""`linecam predict`: a bundle tried on frames."""

import logging
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from linecam.bundle.shipped import read_shipped, unpacked
from linecam.errors import UserError
from linecam.predict.judging import judge
from linecam.predict.page import write_page
from linecam.predict.sources import find
from linecam.predict.table import left_out, summary, tabulate, write_table

TABLE, PAGE = "frames.csv", "page.html"


def predict(
    places: Sequence[Path],
    bundle: Path,
    folder: Path,
    *,
    key: Path | None = None,
    every: int = 1,
    cores: int | None = None,
) -> str:
    """Write what the bundle's model and main.py say of the frames of `places` to `TABLE` and `PAGE` in `folder`.

    The bundle, a folder or an archive, is checked first, against its signature too where there is the public `key`. Of
    a video one frame in `every` is judged. Returns the summary. Raises `UserError` where the bundle is refused, there
    is not a frame, or none can be used.
    """
    workers = cores or os.cpu_count() or 1
    with unpacked(bundle) as unzipped:
        shipped = read_shipped(unzipped, bundle)
        check_signature(bundle, unzipped, key)
        sources = find(
            places,
            shipped.classes,
            every=every,
            max_pixels=shipped.max_pixels,
            workers=workers,
            region=shipped.region,
        )
        judged = judge(shipped, sources, workers)
        out = left_out(sources, judged)
        if all(one.scores is None for one in judged):
            told = "; ".join(f"{path}: {reason}" for path, reason in list(out.items())[:3])
            raise UserError(f"None of the {len(out)} files can be used. {told}.")
        table = tabulate(shipped, sources, judged)
        write_table(folder / TABLE, table, shipped.classes)
        write_page(folder / PAGE, shipped, table, out, TABLE)
    notes: dict[str, list[str]] = defaultdict(list)
    for frame, one in zip(sources.frames, judged, strict=True):
        for note in one.notes if one.scores is not None else ():
            notes[note].append(str(frame.path))
    lines = summary(shipped, table, out, notes)
    return "\n".join([*lines, f"The table: {folder / TABLE}", f"The page: {folder / PAGE}"])


def check_signature(bundle: Path, unzipped: Path, key: Path | None) -> None:
    """Check a bundle against the signature beside it where there is the public `key`; without one, say that there is.

    Raises `UserError` where the signature is missing or does not fit.
    """
    signature = bundle.with_suffix(".sig") if bundle.suffix == ".zip" else bundle.with_name(f"{bundle.name}.sig")
    if key is not None:
        from linecam.bundle.signature import verify  # noqa: PLC0415 (half a second, and most bundles have none)

        verify(unzipped, signature, key)
    elif signature.is_file():
        logging.info("%s was not checked: to do so, name the public key of its builder, --key KEY.pub.", signature)


def built(dataset: str, board: str | None) -> Path:
    """The bundle of a dataset's results in the working directory, for `board` or, where it is None, the only one.

    Raises `UserError` where there is none, or there are several.
    """
    folder = Path("results") / dataset / "bundle"
    boards = sorted(path.parent.name for path in folder.glob("*/manifest.json"))
    if board in boards or (board is None and len(boards) == 1):
        return folder / (board or boards[0])
    if boards:
        there = f"bundles for {', '.join(boards)}"
        raise UserError(f"{folder} has {there}: name one of them, --board {boards[0]}.")
    others = sorted({path.parts[1] for path in Path().glob("results/*/bundle/*/manifest.json")})
    raise UserError(
        f"There is no bundle in {folder}. Datasets with one in this folder: {', '.join(others) or 'none'}. Name one of "
        "these, build the bundle with `snakemake --cores all`, or name a bundle that you were given, --bundle FILE.zip."
    )
