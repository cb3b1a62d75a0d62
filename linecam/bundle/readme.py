"""README.md of a bundle, for a technician at the line."""

import json
from pathlib import Path
from typing import Any

from linecam.boards.board import Board
from linecam.boards.verdict import Cost
from linecam.bundle.bill_of_materials import Dataset, Model
from linecam.bundle.contents import IMAGE, Program
from linecam.bundle.registers import registers
from linecam.bundle.romfs import flash_command
from linecam.bundle.templates import read_template
from linecam.bundle.wiring import DRAWING, draws
from linecam.bundle.worst import UNDECIDED
from linecam.evaluation.figures import Weakness
from linecam.evaluation.predictions import HALF
from linecam.frames.held import in_words

FRAME_MS = 33  # the time that a sensor takes for a frame, in the example line


def readme(
    template: Path,
    model: Model,
    dataset: Dataset,
    program: Program,
    cost: Cost,
    *,
    name: str,
    board: Board,
    confidence: float,
    weak: list[Weakness],
    needed: int,
    light: dict[str, Any] | None,
) -> str:
    """README.md, in Markdown.

    `name` is that of the board, `confidence` that of the intervals in the model's metrics, `weak` why the model is no
    good, where it is not, and `needed` is what the files for the drive take, in bytes. `light` is what brightness and
    contrast a frame has to have, where the camera looks at that.
    """
    parts = dict(program.parts)
    low, high = cost.get("latency_ms") or (None, None)
    # Markdown for people: nothing to escape.
    return read_template(template, escapes=False).render(
        board=name,
        title=board.title,
        model=model,
        dataset=dataset,
        test=model.metrics["test"],
        constant=model.metrics["constant"],
        confidence=confidence,
        weak=weak,
        frame_size=program.frame_size,
        seen=program.seen,
        roi=program.roi,
        rois=program.rois,
        order=[
            "undecided" if number == UNDECIDED else f"`{model.classes[number]}`"
            for number in parts.get("line_places", {}).get("order", ())
        ],
        votes=program.votes,
        thresholds=program.thresholds,
        demanding=[name for name in model.classes if program.thresholds.get(name, 0) > HALF],
        place=cost.get("place") or next(iter(board.places), "drive"),
        has_card="sd" in board.places,
        room=board.places.get("drive"),
        needed=needed,
        held=in_words(program.hold) if program.hold else "",
        light=light,
        heap=max(board.heap_bytes),
        arena=cost.get("arena_bytes"),
        latency=None if low is None else {"low": low, "high": high, "basis": cost.get("latency_basis")},
        compiled=board.engine == "ethos-u",
        firmware=program.firmware,
        image=IMAGE,
        parts=parts,
        drift=drift_line(parts.get("line_drift", {})),
        flash=flash_command(board.romfs_board, IMAGE),
        boot=boot_line(model, program.votes),
        programs=", ".join(f"`{name}`" for name in ["settings.json", *program.modules, "main.py"]),
        trigger=parts.get("line_trigger"),
        signals=parts.get("line_signals"),
        modbus=parts.get("line_modbus"),
        uart_pins=(board.uarts or {}).get(str(parts.get("line_modbus", {}).get("uart"))),
        registers=registers(model.classes),
        wiring=DRAWING if draws(program.parts) else "",
        decision=decision_line(model.classes, program.votes, 100 if high is None else high, len(program.rois or ())),
    )


def boot_line(model: Model, votes: int) -> str:
    """The first line that main.py prints, but for the firmware's name."""
    value = {"linecam": model.sha256[:12], "labels": model.classes, "votes": votes, "firmware": "..."}
    return json.dumps(value)


def drift_line(settings: dict[str, Any]) -> str:
    """A line such as line_drift prints for an alarm of its first chart; "" where it has none."""
    if not settings.get("charts"):
        return ""
    told = '{"drift": %s, "state": "begins", "hits":     45, "of":    250, "expected": 0.0800, "item":      4711}'
    return told % json.dumps(settings["charts"][0][2])


def decision_line(classes: list[str], votes: int, inference_ms: float, places: int = 0) -> str:
    """A line such as main.py prints for a decision: for the class `good`, or the first where there is none.

    Of several `places` of a frame all are of this class.
    """
    label = "good" if "good" in classes else classes[0]
    rest = 0.1 / (len(classes) - 1)
    width = max(len(json.dumps(name)) for name in [*classes, None])
    scores = ", ".join(f"{0.9 if name == label else rest:.4f}" for name in classes)
    inference_ms *= max(1, places)
    ms = round(votes * (inference_ms + FRAME_MS))
    name = f"{json.dumps(label):<{width}}"
    more = f', "place": {1:>2}, "places": [{", ".join([name] * places)}]' if places else ""
    return (
        f'{{"label": {json.dumps(label):<{width}}, "score": 0.9000, "scores": [{scores}], '
        f'"item": {1:>9}, "frames": {votes:>5}, "ms": {ms:>9}, "inference_ms": {round(inference_ms):>5}{more}}}'
    )
