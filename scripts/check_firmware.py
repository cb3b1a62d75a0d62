"""Check a quantized model against the rules, the memory and the speed of a board, and make the file that it gets."""

import logging
from pathlib import Path

from linecam.boards.board import Board
from linecam.boards.check import examine
from linecam.boards.cost import Measured
from linecam.files import atomic_write, write_json
from linecam.workflow.job import job


def check_firmware(
    tflite: Path,
    findings: Path,
    model: Path,
    *,
    board: Board,
    place: str | None,
    firmware: str,
    latency_ms: float | None,
    measured: Measured | None,
) -> None:
    """Write whether the board takes the model with every rule that it breaks and its cost, and the board's file."""
    verdict = examine(tflite, board, place=place, firmware=firmware, budget_ms=latency_ms, measured=measured)
    for finding in verdict.findings:
        logging.info("%s", finding)
    with atomic_write(model) as temporary:
        temporary.write_bytes(verdict.model)
    write_json(findings, verdict.as_json())


if __name__ == "__main__":
    with job(snakemake):
        check_firmware(
            Path(snakemake.input.tflite),
            Path(snakemake.output.findings),
            Path(snakemake.output.model),
            board=Board(**snakemake.params.board),
            place=snakemake.params.place,
            firmware=snakemake.params.firmware,
            latency_ms=snakemake.params.latency_ms,
            measured=snakemake.params.measured,
        )
