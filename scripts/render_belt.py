"""Render the built-in line: frames of a conveyor belt with masks, and the truth about each."""

import functools
from dataclasses import dataclass
from itertools import islice
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from linecam.belt.conveyor import CAMERAS, HEIGHT, SQUARE, WIDTH, render_sequence
from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.files import atomic_write
from linecam.progress import progress
from linecam.workflow.job import job

QUALITY = 90
COLUMNS = ["frame", "label", "mask_share", "defect_px", "sequence"]


@dataclass(frozen=True)
class Sequence:
    """What one worker films."""

    number: int  # 0, 1, ... over all cameras
    camera: str  # "A".."D"
    name: str  # such as "A-03"
    first: int  # number of its first frame
    length: int  # frames that it has
    take: int  # frames of them that are wanted: fewer in the last sequence only


def plan(frames: int, seed: int) -> list[Sequence]:
    """Split `frames` over sequences that take turns with the cameras; the plan for fewer frames begins the same."""
    sequences: list[Sequence] = []
    following = dict.fromkeys(CAMERAS, 0)
    left = frames
    while left > 0:
        number = len(sequences)
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number, 0)))
        turn, camera = divmod(number, len(CAMERAS))
        letter = list(CAMERAS)[camera]
        length, gap = int(rng.integers(60, 121)), int(rng.integers(100, 400))
        first = following[letter] + gap
        following[letter] = first + length
        sequences.append(Sequence(number, letter, f"{letter}-{turn + 1:02d}", first, length, min(length, left)))
        left -= length
    return sequences


def film(
    sequence: Sequence, *, folder: Path, seed: int, small: bool = False, seen: tuple[slice, slice] = SQUARE
) -> list[tuple[str, str, float, int, str]]:
    """Write the frames of one sequence into `folder`; return its rows of the truth, in `COLUMNS`."""
    frames = render_sequence(
        np.random.SeedSequence(seed, spawn_key=(sequence.number, 1)),
        camera=sequence.camera,
        length=sequence.length,
        turn=(sequence.number + seed) % 3,
        small=small,
        seen=seen,
    )
    rows = []
    for number, frame in enumerate(islice(frames, sequence.take), start=sequence.first):
        name = f"{sequence.camera}-{number:05d}.jpg"
        Image.fromarray(frame.image).save(folder / name, quality=QUALITY)
        rows.append((name, frame.label, round(frame.mask_share, 4), frame.defect_px, sequence.name))
    return rows


def render_belt(
    folder: Path,
    truth: Path,
    *,
    frames: int,
    seed: int,
    workers: int,
    small: bool = False,
    region: Region | None = None,
) -> None:
    """Render `frames` QVGA frames (JPEG, 320x240 RGB) into `folder` and what they show into the CSV `truth`.

    The truth has a row a frame: its file name; its label; mask_share, the share of the central square that is mask,
    0..1; defect_px, the px of visible defect in it; its sequence. The same `seed` (>= 0) gives the same bytes for
    every number of `workers` (processes), and more `frames` only add files. `small` makes all defects small and faint.
    With a `region` the truth is that of the region instead of the central square.
    """
    if frames < 1 or seed < 0:
        raise UserError(f"The belt needs at least one frame and a seed of 0 or more: got {frames} frames, seed {seed}.")
    sequences = plan(frames, seed)
    with atomic_write(folder) as new_folder, atomic_write(truth) as new_truth:
        new_folder.mkdir()
        work = functools.partial(film, folder=new_folder, seed=seed, small=small, seen=seen_in(region))
        rows: list[tuple[Any, ...]] = []
        with Pool(min(workers, len(sequences))) as pool:
            for part in progress(pool.imap(work, sequences), "Rendering", "sequences", len(sequences)):
                rows += part
        table = pd.DataFrame(rows, columns=COLUMNS)
        table.to_csv(new_truth, index=False, float_format="%.4f", lineterminator="\n")


def seen_in(region: Region | None) -> tuple[slice, slice]:
    """The rows and columns of a frame that the network sees; None is the square in its middle."""
    if region is None:
        return SQUARE
    left, top, right, bottom = map(round, region.box((WIDTH, HEIGHT)))
    return slice(top, bottom), slice(left, right)


if __name__ == "__main__":
    with job(snakemake):
        render_belt(
            Path(snakemake.output.frames),
            Path(snakemake.output.truth),
            frames=snakemake.params.frames,
            seed=snakemake.params.seed,
            workers=snakemake.threads,
            small=snakemake.params.defects == "small",
            region=Region.of(snakemake.params.region) if snakemake.params.region else None,
        )
