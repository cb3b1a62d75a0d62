"""Sign a bundle with the user's own key."""

import os
from pathlib import Path

from linecam.bundle.signature import PASSWORD, sign
from linecam.errors import UserError
from linecam.workflow.job import job

if __name__ == "__main__":
    with job(snakemake):
        if not snakemake.params.key:
            raise UserError(
                "There is no key to sign with: bundle.signing_key is null. Make one "
                "(`linecam new-key KEY.pem`) and name it in the configuration."
            )
        sign(
            Path(snakemake.input.folder),
            Path(snakemake.output.signature),
            Path(snakemake.params.key),
            os.environ.get(PASSWORD),
        )
