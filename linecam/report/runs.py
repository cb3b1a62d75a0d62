"""The runs of a dataset over time: the figures of each, kept in results/<dataset>/runs/ and never written over.

A run is kept where something in it differs from the one before: settings, labels, the model or what it says. It is a
few dozen kB of JSON: 500 test frames take some 50 kB.
"""

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import pandas as pd

from linecam.errors import UserError
from linecam.files import atomic_write, read_json

FORM = 1  # of a run's file


@dataclass(frozen=True)
class Run:
    """What a run was made of, and how good it was. All of it is JSON."""

    when: str  # ISO 8601, local time
    linecam: str  # version
    revision: str | None  # of linecam in git
    config: dict[str, Any]  # all settings, without the paths of a machine
    model: str
    range: str  # of its quantization
    weak: bool
    labels: dict[str, str]  # of the frames that it learned from, by frame
    tested: dict[str, tuple[str, str]]  # of each test frame its label, and what main.py decides: "" for no decision
    score: dict[str, Any]  # on the test frames, as main.py decides (`linecam.evaluation.figures.Score`)
    thresholds: dict[str, float]  # by class
    votes: int
    boards: dict[str, dict[str, Any]]  # by board: latency_ms, arena_bytes, file_bytes

    @property
    def name(self) -> str:
        """The name of its file without .json: when, and what tells it from others."""
        return f"{self.when.replace(':', '')}-{self.digest[:8]}"

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of all but the time, and of the version of linecam where that changed nothing."""
        content = {key: value for key, value in asdict(self).items() if key not in {"when", "linecam", "revision"}}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @classmethod
    def read(cls, path: Path) -> Self:
        """The run in a file. Raises `UserError` if the file holds no run."""
        try:
            value = read_json(path)
            if value.pop("form") != FORM:
                raise UserError(f"{path} was kept by a newer linecam. Use the newer linecam, or leave this run out.")
            return cls(**value)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise UserError(
                f"{path} is not a run of linecam ({error}). Runs lie in results/<dataset>/runs/; delete a damaged one."
            ) from None

    def keep(self, folder: Path) -> None:
        """Write it into `folder`, but where the last run there says the same."""
        last = next(_read_back(folder), None)
        if last and last.digest == self.digest:
            return
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / f"{self.name}.json") as temporary:
            temporary.write_text(json.dumps({"form": FORM} | asdict(self), sort_keys=True) + "\n", encoding="utf-8")


def labels_of(split: pd.DataFrame) -> dict[str, str]:
    """The labels of the training frames of a split (columns sha256, part, label), by SHA-256."""
    train = split[split["part"] == "train"]
    return dict(zip(train["sha256"], train["label"].astype(str), strict=True))


def tested_of(test: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Labels and decisions of test frames (columns sha256, label, predicted), by SHA-256."""
    pairs = zip(test["label"].astype(str), test["predicted"].astype(str), strict=True)
    return dict(zip(test["sha256"], pairs, strict=True))


def now() -> str:
    """The time, to the second."""
    return datetime.now().astimezone().replace(tzinfo=None).isoformat(timespec="seconds")


def kept(folder: Path) -> list[Path]:
    """The files of the runs in `folder`, the oldest first."""
    return sorted(folder.glob("*.json"))


def some_kept(folder: Path) -> list[Path]:
    """As `kept`. Raises `UserError` where there is none."""
    files = kept(folder)
    if not files:
        raise UserError(
            f"{folder} has no run yet. `snakemake` keeps a run whenever it writes the report and something has changed."
        )
    return files


def before(run: Run, folder: Path) -> Run | None:
    """The last run in `folder` that differs from `run`; None where there is none."""
    return next((earlier for earlier in _read_back(folder) if earlier.digest != run.digest), None)


def _read_back(folder: Path) -> Iterator[Run]:
    """The runs in `folder`, the last first; a damaged one is told in the log and left out."""
    for path in reversed(kept(folder)):
        try:
            yield Run.read(path)
        except UserError as error:
            logging.warning("%s", error)


def find(word: str, folder: Path) -> Run:
    """The run that a user means: a file, a number from 1 for the oldest, -1 for the last, or a name's beginning or end.

    Raises `UserError` where it means none or several of those in `folder`.
    """
    files = kept(folder)
    if Path(word).is_file():
        return Run.read(Path(word))
    if word.lstrip("-").isdigit() and 0 < abs(int(word)) <= len(files):
        number = int(word)
        return Run.read(files[number - 1 if number > 0 else number])
    # Names begin with the year: a number that no run has would else mean the only run.
    short = word.lstrip("-").isdigit() and len(word) < len("2026")
    near = [path for path in files if not short and (path.stem.startswith(word) or path.stem.endswith(word))]
    if len(near) == 1:
        return Run.read(near[0])
    found = f"{len(near)} runs begin or end with it" if near else "no run has this number or name"
    raise UserError(f"{word!r}: {found}. `linecam compare` lists the runs of {folder}.")
