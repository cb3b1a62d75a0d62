"""A bundle made by hand, whose model says how red, green and blue a frame of one colour is, to the last bit."""

import json
from pathlib import Path
from typing import Any

from linecam import __version__
from linecam.bundle.contents import zip_folder
from linecam.files import sha256
from tests.tflite.hand_made import passing_on

CLASSES = ["red", "green", "blue"]


def make_bundle(
    folder: Path, *, votes: int = 1, thresholds: dict[str, float] | None = None, **about: Any
) -> tuple[Path, Path]:
    """The folder of a bundle and its archive; `about` replaces keys of its manifest."""
    folder.mkdir(parents=True)
    (folder / "model.tflite").write_bytes(passing_on((1, 1, 1, 3), (1 / 255, -128), (1 / 256, -128)))
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in CLASSES))
    settings = {
        "model": {"sha256": sha256(folder / "model.tflite"), "name": "hand-made"},
        "labels": CLASSES,
        "frame_size": "QQVGA",
        "side": 16,
        "votes": votes,
        "period_ms": 0,
        "thresholds": thresholds or {},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    write_manifest(folder, **about)
    archive = folder.with_name(f"{folder.name}.zip")
    zip_folder(folder, archive)
    return folder, archive


def write_manifest(folder: Path, **about: Any) -> None:
    """The manifest of the files that are in `folder` now."""
    files = {path.name: {"sha256": sha256(path)} for path in folder.iterdir() if path.name != "manifest.json"}
    manifest = {
        "linecam": __version__,
        "board": "openmv-h7",
        "camera": {"input": 1},
        "files": files,
        "config": {"dataset": {"name": "colours", "max_pixels": 30_000, "damaged": "quarantine"}},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | about))
