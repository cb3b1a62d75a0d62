"""Decode a part of the split without the camera's arithmetic: as the sensor sees it, or cleanly resized."""

from pathlib import Path

from linecam.camera.region import Region, Size, size_of
from linecam.files import atomic_write
from linecam.frames.decode import write_regions
from linecam.frames.index import read_split
from linecam.workflow.job import job


def decode_part(
    split: Path, folder: Path, pixels: Path, frames: Path, *, part: str, region: Region, seen: Size, workers: int
) -> None:
    """Write the frames of a `part` of `split`, the region anti-aliased to `seen`, and the table of them.

    `pixels` is a .npy of (frames, height, width, 3), uint8, 0..255; `frames` is that part of `split`, in its order,
    `row` being the row in `pixels`. Raises `UserError` where a frame is no longer what the split says.
    """
    table = read_split(split)
    table = table[table["part"] == part]
    table["row"] = range(len(table))
    paths = [folder / path for path in table["path"]]
    digests = list(table["sha256"])
    write_regions(paths, digests, pixels, region=region, seen=seen, workers=workers, what=f"decode {part}")
    with atomic_write(frames) as temporary:
        table.to_csv(temporary, index=False)


if __name__ == "__main__":
    with job(snakemake):
        decode_part(
            Path(snakemake.input.split),
            Path(snakemake.params.folder),
            Path(snakemake.output.pixels),
            Path(snakemake.output.frames),
            part=snakemake.wildcards.part,
            region=Region.of(snakemake.params.region),
            seen=size_of(snakemake.wildcards.size),
            workers=snakemake.threads,
        )
