"""Would a board's firmware take this model? Asked on the PC, before flashing, of any .tflite file.

A release board prints "Failed to allocate tensors" whatever the reason, so the reason has to be found here: the rules
of linecam/boards/firmware_rules.py, then memory and time against what config/boards.yaml says of the board.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

from linecam.boards import cost, memory_rules
from linecam.boards import firmware_rules as rules
from linecam.boards.board import LAST_FIRMWARE, Board, version
from linecam.boards.catalogue import load_boards
from linecam.boards.output_rules import check_outputs
from linecam.boards.verdict import Cost, Finding, VerdictFile
from linecam.errors import UserError
from linecam.tflite.graph import read_graph
from linecam.tflite.tflm import TflmError, arena_bytes
from linecam.tflite.vela import VelaError, compile_model

FITTED = "between two published fits for the Cortex-M7; operators that these leave out by their instructions"


@dataclass(frozen=True)
class Verdict:
    """What a board says of a file. `model` is what goes onto the board: the file itself, or what Vela made of it."""

    findings: list[Finding]
    cost: Cost
    model: bytes

    def as_json(self) -> VerdictFile:
        """The verdict as JSON values."""
        findings = [finding.as_json() for finding in self.findings]
        return {"accepted": not findings, "findings": findings, "cost": self.cost}


def examine(
    tflite: Path,
    board: Board,
    *,
    place: str | None = None,
    firmware: str = LAST_FIRMWARE,
    budget_ms: float | None = None,
    measured: cost.Measured | None = None,
    labels: int | None = None,
) -> Verdict:
    """Check a .tflite file against the rules, the memory and the speed of a board.

    `place` is where the file will lie (a key of the board's `places`; None is its first). `budget_ms` is the most
    that one inference may take, `measured` a time to correct the estimate by (see `cost.recalibrated`), `labels` the
    number of the model's labels, where it is known. Raises `UserError` where the file can't be read.
    """
    graph = read_graph(tflite)
    place = place or next(iter(board.places))
    findings = rules.check_board(board, firmware)
    if findings:
        return Verdict(findings, {}, tflite.read_bytes())
    findings = rules.check_name(tflite.name) + rules.check_graph(graph) + check_outputs(graph, labels)
    model, arena, estimate, basis = tflite.read_bytes(), None, None, None
    try:
        if board.engine == "ethos-u" and not findings:
            compiled = compile_model(tflite, board.romfs_board)
            model, arena = compiled.model, compiled.arena_bytes
            estimate, basis = (compiled.latency_ms, compiled.latency_ms), "Vela's own model of the engine"
        else:
            arena = memory_rules.on_board(graph, arena_bytes(tflite))
    except (TflmError, VelaError) as error:
        if not findings:
            findings.append(
                Finding(
                    "vela" if isinstance(error, VelaError) else "tflm",
                    str(tflite),
                    f"it does not take this file: {error}",
                    "convert it again with int8 standard operators only, without the operator that is named here",
                )
            )
    if board.engine == "tflm" and graph.operators and not findings:
        estimate, basis = cost.latency_ms(graph, board.clock_hz), FITTED
    latency = estimate
    if estimate and measured:
        latency, basis = cost.recalibrated(estimate, measured), f"{basis}, corrected by a measured time"
    if arena is not None:
        findings += memory_rules.check_memory(len(model), arena, board, place, firmware)
    if not findings:
        findings += rules.check_latency(latency, budget_ms)
    peak, at = graph.peak
    figures: Cost = {
        "file_bytes": len(model),
        "place": place,
        "arena_bytes": arena,
        "peak_bytes": peak,
        "peak_at": at,
        "macs": graph.macs,
        "estimate_ms": list(estimate) if estimate else None,
        "instructions": cost.instructions(graph) if board.engine == "tflm" else None,
        "unmeasured": cost.unmeasured(graph) if board.engine == "tflm" else [],
        "latency_ms": list(latency) if latency else None,
        "latency_basis": basis,
        "layers": cost.as_json(cost.layers(graph), cortex_m7=board.engine == "tflm"),
    }
    return Verdict(findings, figures, model)


def check_file(
    model: Path,
    name: str,
    *,
    place: str | None = None,
    firmware: str | None = None,
    budget_ms: float | None = None,
    labels: Path | None = None,
) -> tuple[str, bool]:
    """The verdict of the board `name` on a .tflite file, for a reader, and whether it takes the file.

    The rest as for `examine`; `firmware` None is the newest. `labels` is a file with a label a line; None is labels.txt
    or the model's name with .txt beside it, where there is one. Raises `UserError` where a file cannot be read, or
    there is no such board, place, version or time.
    """
    firmware = firmware or LAST_FIRMWARE
    boards = load_boards()
    if name not in boards:
        raise UserError(f"--board {name}: no such board. There are: {', '.join(boards)}.")
    board = boards[name]
    if place is not None and place not in board.places:
        raise UserError(f"--place {place}: on {board.title} a model may lie in: {', '.join(board.places)}.")
    try:
        version(firmware)
    except ValueError:
        raise UserError(f"--firmware {firmware}: write a version such as {LAST_FIRMWARE}.") from None
    if budget_ms is not None and not 0 < budget_ms < math.inf:
        raise UserError(f"--latency-ms {budget_ms}: write a time above 0, in milliseconds.")
    if not model.is_file():
        raise UserError(f"{model} is not a file. Name the .tflite file to check.")
    named = labels or next(filter(Path.is_file, (model.with_name("labels.txt"), model.with_suffix(".txt"))), None)
    count = _count(named) if named else None
    verdict = examine(model, board, place=place, firmware=firmware, budget_ms=budget_ms, labels=count)
    text = _text(model, board.title, firmware, verdict)
    return text + (f"\n{count} labels in {named}" if named else ""), not verdict.findings


def _count(labels: Path) -> int:
    """How many labels a file has, one a line, as main.py reads it."""
    try:
        lines = labels.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else f"byte {error.start} is not in UTF-8"
        raise UserError(
            f"{labels} can't be read as labels: {why}. Name a text file in UTF-8 with a label a line: --labels FILE."
        ) from None
    return sum(bool(line.strip()) for line in lines)


def _text(path: Path, title: str, firmware: str, verdict: Verdict) -> str:
    """The verdict for a reader."""
    found = verdict.findings
    lines = [f"{path} on {title}, firmware {firmware}: {'refused' if found else 'accepted'}"]
    # A network breaks most rules at many operators in the same way.
    wheres: dict[Finding, list[str]] = {}
    for finding in found:
        wheres.setdefault(replace(finding, where=""), []).append(finding.where)
    for finding, places in wheres.items():
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        lines.append(f"  {replace(finding, where='; '.join(places[:3]) + more)}")
    if verdict.cost:
        figures = verdict.cost
        lines += [
            "",
            f"{'operator':<24}{'output':>18}{'MACs':>12}{'weights':>9}{'instructions':>14}  {'estimated cycles':>25}",
        ]
        for layer in figures["layers"]:
            shape = "x".join(map(str, layer["output"]))
            line = f"{layer['operator']:<24}{shape:>18}{layer['macs']:>12,}{layer['weights']:>9,}"
            if layer["cycles"]:
                line += f"{layer['instructions']:>14,}" + "  {:>11,} - {:>11,}".format(*layer["cycles"])
            lines.append(line)
        arena, latency = figures["arena_bytes"], figures["latency_ms"]
        lines += [
            "",
            f"file {figures['file_bytes']:,} bytes, in {figures['place']}",
            f"arena {f'{arena:,} bytes' if arena is not None else 'not known: TFLM does not run it'}, "
            f"of which {figures['peak_bytes']:,} hold values between operators at one time (at operator "
            f"{figures['peak_at']})",
            f"{figures['macs']:,} multiply-accumulates"
            + (f", some {figures['instructions'] / 1e6:.1f} million instructions" if figures["instructions"] else ""),
        ]
        if latency:
            low, high = latency
            span = f"{low:g} ms" if low == high else f"{low:g} to {high:g} ms"
            lines.append(f"one run of the network: {span} ({figures['latency_basis']})")
        if figures["unmeasured"]:
            lines.append(
                "operators that were never measured on a board, counted like the most similar one: "
                f"{', '.join(figures['unmeasured'])}"
            )
    return "\n".join(lines)
