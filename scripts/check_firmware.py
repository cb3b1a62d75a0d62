"""Check a quantized model against the rules and the memory of a board's firmware."""

import logging
from pathlib import Path
from typing import Any

from linecam.errors import reported
from linecam.files import read_json, write_json
from linecam.firmware import as_json, check
from linecam.tflite import read_graph


def check_firmware(tflite: Path, cost: Path, findings_path: Path, *, board: dict[str, Any]) -> None:
    """Write whether the board takes the model, and every rule that it breaks."""
    findings = check(read_graph(tflite), read_json(cost)["arena_bytes"], board)
    for finding in findings:
        logging.info("%s: %s: %s. To mend it, %s.", finding.rule, finding.where, finding.why, finding.mend)
    write_json(findings_path, {"accepted": not findings, "findings": as_json(findings)})


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        check_firmware(
            Path(snakemake.input.tflite),
            Path(snakemake.input.cost),
            Path(snakemake.output.findings),
            board=snakemake.params.board,
        )
