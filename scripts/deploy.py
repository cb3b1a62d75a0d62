"""Copy a bundle to the camera's drive; `python -m linecam.usb.deploy` does the same without the workflow."""

from pathlib import Path

from linecam.errors import reported
from linecam.usb.deploy import deploy

if __name__ == "__main__":
    with reported(snakemake.log[0]):
        deploy(Path(snakemake.input.bundle), Path(snakemake.params.drive), replace=snakemake.params.replace)
