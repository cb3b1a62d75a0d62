"""A bundle made up for tests: what it is made from, written by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from linecam.boards.catalogue import load_boards
from linecam.bundle.parts import parts_of
from linecam.camera.arithmetic import to_input
from linecam.evaluation.figures import Weakness
from linecam.files import write_json
from linecam.workflow.line_settings import Line
from linecam.workflow.lock import pins
from scripts.bundle import Sources, bundle
from tests.conftest import ROOT
from tests.evaluation.made_up import candidate, choice_of, trained

BOARDS = load_boards()
BUILT = [name for name, board in BOARDS.items() if not board.refused]
MODEL = "resnet9-64-simclr/coreset-200/seed-1"
CONTENT = b"\x1c\x00\x00\x00TFL3" + bytes(range(256)) * 380
CONFIG = {
    "dataset": {"name": "caps", "kind": "folder", "source": "/home/someone/caps", "classes": ["bad", "good", "empty"]},
    "camera": {"frame_size": "QVGA", "side": 240, "roi": None, "rois": None}
    | dict.fromkeys(("exposure_us", "gain_db", "white_balance")),
    "pretrain": {"methods": ["given"], "checkpoint": "/home/someone/weights.safetensors"},
    "embed": {"file": None},
    "evaluate": {"confidence": 0.95},
    "bundle": {"boards": BUILT, "accept": "good", "votes": None, "period_ms": 0, "recall": {}, "thresholds": {}},
    "line": Line().model_dump(mode="json"),
}
BESIDE = {
    *("linecam.romfs", "collect.py", "README.md", "bom.cdx.json", "manifest.json", "test-frames.png"),
    "test-frames.json",
}
# What set_thresholds found, of which `config` knows only what was given by hand.
DECIDES = {
    "thresholds": {},
    "operating_points": {
        "bad": [{"wanted": 0.99, "threshold": 0.3515625, "recall": {"of": [20, 20]}, "false_alarms": {"of": [4, 80]}}]
    },
}
# Training frames, grey, the left half darker by 60.
TRAINING = np.stack([np.repeat([[[grey] * 3] * 24 + [[grey + 60] * 3] * 24], 48, axis=0) for grey in (60, 120)]).astype(
    np.uint8
)


def ratio(part: int, whole: int) -> dict[str, Any]:
    value = part / whole if whole else None
    return {"of": [part, whole], "value": value, "low": whole and value - 0.05, "high": whole and value + 0.02}


METRICS = {
    "constant": {"says": "good", "accuracy": ratio(75, 100)},
    "test": {
        "frames": 100,
        "accuracy": ratio(90, 100),
        "classes": {
            "bad": {"recall": ratio(8, 10), "precision": 0.8},
            "good": {"recall": ratio(82, 90), "precision": 0.9},
            "empty": {"recall": ratio(0, 0), "precision": None},
        },
    },
}


def verdict(board: str) -> dict[str, Any]:
    """What the firmware check says, of a board's first place; without an estimate for the engine of the AE3."""
    estimated = BOARDS[board].engine == "tflm"
    return {
        "accepted": True,
        "findings": [],
        "cost": {
            "file_bytes": len(CONTENT),
            "place": next(iter(BOARDS[board].places)),
            "arena_bytes": 109_360,
            "peak_bytes": 98_304,
            "macs": 16_678_960,
            "latency_ms": [41.5, 62.3] if estimated else None,
            "latency_basis": "between two fits" if estimated else None,
        },
    }


def write_predictions(folder: Path, probabilities: list[list[float]]) -> None:
    """Write what a model says of test frames, which come after five frames for training; and the frames."""
    names = [f"{number:02}" for number in range(5 + len(probabilities))]
    split = pd.DataFrame({"row": range(len(names)), "sha256": names, "path": names, "label": "good", "by": "me"})
    split["part"] = ["train"] * 5 + ["test"] * len(probabilities)
    split.to_csv(folder / "split.csv", index=False)
    values = np.array([[1 / 3] * 3] * 5 + probabilities)  # least sure of all on the frames for training
    for number, name in enumerate(CONFIG["dataset"]["classes"]):
        split[f"p_{name}"] = [f"{value:.8f}" for value in values[:, number]]
    split.assign(predicted="good")[::-1].to_csv(folder / "predictions.csv", index=False)
    for side in (32, 64):
        frames = np.random.default_rng(side).integers(0, 256, (len(names), side, side, 3), np.uint8)
        np.save(folder / f"{side}.npy", to_input(frames, side))


def make(
    folder: Path,
    board: str,
    config: dict[str, Any] = CONFIG,
    thresholds: dict[str, float] = DECIDES["thresholds"],
    weak: Sequence[Weakness] = (),
    votes: int = 3,
    held: dict[str, Any] | None = None,
    drift: dict[str, Any] | None = None,
    **changes: Any,
) -> Path:
    """Write what the bundle of `board` is made from into `folder`, make it, and return it."""
    folder.mkdir(exist_ok=True)
    write_json(folder / "thresholds.json", DECIDES | {"thresholds": thresholds})
    write_json(folder / "choice.json", choice_of(MODEL, reason="the best", weak=weak))
    (folder / "model.tflite").write_bytes(CONTENT)
    (folder / "board.tflite").write_bytes(CONTENT[:-1] + b"!")
    write_json(folder / "metrics.json", METRICS)
    write_json(folder / "votes.json", {"votes": votes})
    write_json(folder / "summary.json", {"held": held or {}})
    np.save(folder / "training.npy", TRAINING)
    write_json(folder / "check.json", verdict(board) | changes)
    write_json(folder / "split.json", {"frames": {"train": {"bad": 20, "good": 80}, "test": {"bad": 10, "good": 90}}})
    (folder / "frames.csv").write_text("path,sha256\n", encoding="utf-8")
    write_json(folder / "drift.json", drift)
    write_predictions(folder, [[1 - n / 256, n / 256, 0] for n in range(30)])
    (folder / "collect.py").write_text('"""Take frames."""\n', encoding="utf-8")
    files = {
        "metrics": folder / "metrics.json",
        "thresholds": folder / "thresholds.json",
        "firmware": {board: folder / "check.json"},
        "files": {board: folder / "board.tflite"},
    }
    bundle(
        folder / "choice.json",
        [candidate(MODEL, "fixed_-6_6"), candidate(MODEL, "calibrated", tflite=folder / "model.tflite", **files)],
        [trained(MODEL, predictions={"calibrated": folder / "predictions.csv"})],
        Sources(
            ROOT / "openmv/main.py",
            [ROOT / f"openmv/{module}.py" for module, _ in parts_of(config)],
            folder / "collect.py",
            ROOT / "linecam/bundle/readme.md.j2",
            ROOT / "linecam/bundle/wiring.svg.j2",
            folder / "frames.csv",
            folder / "votes.json",
            folder / "split.json",
            folder / "split.csv",
            folder / "summary.json",
            folder / "training.npy" if config["line"]["light"]["check"] else None,
            folder / "drift.json" if drift else None,
        ),
        {side: folder / f"{side}.npy" for side in (32, 64)},
        folder / board,
        folder / f"{board}.zip",
        name=board,
        board=BOARDS[board],
        config=config,
        versions=pins(ROOT / "requirements.lock"),
        report=Path("results/caps/report.html"),
    )
    return folder / board
