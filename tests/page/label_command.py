"""`linecam label` as a process of its own, on a small folder of frames."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from scripts.render_belt import render_belt
from tests.conftest import Project, copy_project

CLASSES = ["bad", "good", "no_mask"]
ARGUMENTS = ["label", "--no-browser", "--by", "Ann"]
COMMAND = [sys.executable, "-m", "linecam", *ARGUMENTS, "--configfile", "config/test.yaml"]


def make_caps(folder: Path) -> Project:
    """40 rendered frames as a user's folder, without a label: 16 to train on, 12 for the test."""
    config = {
        "dataset": {"name": "caps", "kind": "folder", "source": "frames", "classes": CLASSES},
        "networks": ["swift7-64"],
        "select": {"train": 16, "test": 12, "strategies": ["random"]},
        "pretrain": {"methods": ["none"]},
        "finetune": {"folds": 2},
    }
    project = copy_project(folder, config)
    render_belt(project.folder / "frames", project.folder / "truth.csv", frames=40, seed=1, workers=2)
    return project


class Labelling:
    """The command, running; ends it, whatever the test has left of it."""

    def __init__(
        self, project: Project, command: Sequence[str | Path] = COMMAND, environment: dict[str, str] | None = None
    ) -> None:
        # A session of its own: what is done to the terminal of the tests is none of its business.
        self.process = subprocess.Popen(
            command,
            cwd=project.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.printed = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def until(self, pattern: str) -> str:
        """Wait until something is printed, and return it."""
        assert self.process.stdout is not None
        found, self.printed = until(pattern, self.process.stdout.readline, self.printed)
        return found

    def address(self) -> str:
        """The address of the page, as soon as it is there."""
        return self.until(ADDRESS)

    def end(self) -> int:
        """Wait for the end; all that was printed is in `printed` then."""
        self.printed += self.process.communicate(timeout=60)[0]
        return self.process.returncode


ADDRESS = r"http://127\.0\.0\.1:\d+/\S+/(?=\s)"


def until(pattern: str, read: Callable[[], str], text: str = "") -> tuple[str, str]:
    """Read until something matches; that, and all that was read."""
    end = time.monotonic() + 120
    while not (found := re.search(pattern, text)):
        piece = read()
        assert piece, text[-3000:]
        assert time.monotonic() < end, text[-3000:]
        text += piece
    return found[0], text
