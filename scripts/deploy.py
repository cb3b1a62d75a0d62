"""Copy a bundle to the camera's drive; `python -m linecam.deploy` does the same without the workflow."""

from pathlib import Path

from linecam.deploy import deploy
from linecam.errors import reported

if __name__ == "__main__":
    with reported(snakemake.log[0]):
        deploy(Path(snakemake.input.bundle), Path(snakemake.params.drive), replace=snakemake.params.replace)
