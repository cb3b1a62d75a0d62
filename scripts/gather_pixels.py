"""Join the shards' pixels, and keep them for the next run, which decodes new frames alone."""

from pathlib import Path

from linecam.frames.reuse import keep
from linecam.frames.shards import join
from linecam.workflow.job import job


def gather_pixels(parts: list[Path], certificates: list[Path], pixels: Path) -> None:
    """Write `pixels`, the rows of `parts` in order: the same bytes for any number of shards."""
    join(parts, pixels)
    keep(pixels, certificates)


if __name__ == "__main__":
    with job(snakemake):
        gather_pixels(
            [Path(path) for path in snakemake.input.parts],
            [Path(path) for path in snakemake.input.certificates],
            Path(snakemake.output.pixels),
        )
