"""Decode a random sample of the frames that are not for the test, as the sensor sees them, to pretrain on."""

from pathlib import Path

import pandas as pd

from linecam.camera.region import Region
from linecam.files import atomic_write
from linecam.frames.decode import write_regions
from linecam.frames.index import read_frames
from linecam.selection.strategies import rank_by_hash
from linecam.workflow.job import job


def decode_sample(
    index: Path,
    test: Path,
    folder: Path,
    pixels: Path,
    table: Path,
    *,
    count: int,
    region: Region,
    seed: int,
    workers: int,
) -> None:
    """Write up to `count` frames, a .npy of (frames, height, width, 3), uint8, 0..255; never a test frame.

    `table` gets their (sha256, path), in this order. Raises `UserError` where a frame is no longer what the index says.
    """
    frames = read_frames(index, ["path", "sha256", "status"])
    frames = frames[~frames["sha256"].isin(pd.read_csv(test)["sha256"])]
    drawn = rank_by_hash(list(frames["sha256"]), seed, count)
    chosen = frames.iloc[drawn]
    paths = [folder / path for path in chosen["path"]]
    digests, seen = list(chosen["sha256"]), region.size
    write_regions(paths, digests, pixels, region=region, seen=seen, workers=workers, what="decode a sample")
    with atomic_write(table) as temporary:
        chosen[["sha256", "path"]].to_csv(temporary, index=False)


if __name__ == "__main__":
    with job(snakemake):
        decode_sample(
            Path(snakemake.input.frames),
            Path(snakemake.input.test),
            Path(snakemake.params.folder),
            Path(snakemake.output.pixels),
            Path(snakemake.output.frames),
            count=snakemake.params.number,
            region=Region.of(snakemake.params.region),
            seed=snakemake.params.seed,
            workers=snakemake.threads,
        )
