"""The manifest of a bundle: every file with its hash, the model's figures, and what it was made with."""

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from linecam import __version__
from linecam.boards.verdict import Cost
from linecam.bundle.bill_of_materials import Model
from linecam.bundle.contents import Program
from linecam.bundle.portable import without_paths
from linecam.evaluation.candidates import Choice
from linecam.evaluation.figures import Thresholds
from linecam.files import sha256
from linecam.revision import revision


@dataclass(frozen=True)
class Origin:
    """What a bundle was made with."""

    config: dict[str, Any]  # the complete configuration, without the paths of the machine
    versions: dict[str, str]  # of packages
    python: str
    linecam: str  # version
    revision: str | None  # of linecam in git

    @classmethod
    def of_this_run(cls, config: dict[str, Any], versions: dict[str, str]) -> Self:
        """What this process makes a bundle with."""
        return cls(without_paths(config), versions, platform.python_version(), __version__, revision())


def manifest(
    folder: Path,
    model: Model,
    program: Program,
    cost: Cost,
    decided: Thresholds,
    choice: Choice,
    origin: Origin,
    board: str,
    light: dict[str, Any] | None,
) -> dict[str, object]:
    """The manifest of what is in `folder`, as JSON values; `choice` is why the model was chosen, or is weak.

    `light` is that of the training frames, where the camera compares each frame with it.
    """
    paths = sorted(folder.iterdir())
    return {
        "board": board,
        "camera": program.view
        | {"input": model.name.input_size, "votes": program.votes}
        | ({"hold": program.hold} if program.hold else {})
        | ({"light": light} if light else {}),
        "drive": program.drive_files(cost.get("place")),
        "files": {path.name: {"sha256": sha256(path), "bytes": path.stat().st_size} for path in paths},
        "firmware": dict(zip(("from", "to"), program.firmware, strict=True)),
        "cost": cost,
        "model": {"name": str(model.name), "quantization": model.range, "reason": choice.reason, "weak": choice.weak},
        "metrics": model.metrics,
        "operating_points": decided["operating_points"],
        "config": origin.config,
        "versions": origin.versions | {"python": origin.python},
        "linecam": origin.linecam,
        "git": origin.revision,
    }
