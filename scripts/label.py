"""Label frames on a page in the browser; every answer goes into labels.csv at once."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from getpass import getuser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from linecam.errors import UserError, reported
from linecam.evaluation.predictions import read_predictions
from linecam.files import read_json
from linecam.frames.index import read_index, usable
from linecam.frames.near_duplicates import NEAR
from linecam.labels.existing import existing_labels
from linecam.labels.store import disagreements, read_rows
from linecam.page.server import Desk, Frame, serve
from linecam.selection.similarity_order import MOST, in_similar_order

READ = ["path", "sha256", "bytes", "width", "height", "sequence", "number", "label", "status"]
# So many similar frames stand together, on average.
EACH = 8
# So many neighbours in time are shown on each side.
SIDE = 3


def frames_to_label(
    index: Path,
    train: Sequence[Path],
    test: Path,
    batch: Path,
    suspects: Path,
    truth: Path | None,
    embeddings: Path | None,
    labels: Path,
    suggestions: dict[str, tuple[str, float]],
    *,
    classes: list[str],
) -> tuple[list[Frame], list[Frame]]:
    """The frames to label, and all that stand beside them in time.

    Frames for training come first, then those of the test, of the next batch, and others that people disagree about.
    Within a part similar ones follow each other, by `embeddings` or by time; the batch stays as it was picked.
    `suggestions` has a class and its probability by sha256; a test frame gets none. `batch` and `suspects` are the
    tables of `snakemake select_next`, which may be missing; they give a frame of the batch, and a training frame whose
    label looks wrong, its reason.
    """
    files = read_index(index, READ)
    frames = usable(files)
    frames["row"] = frames.index
    by_digest = frames.drop_duplicates("sha256").set_index("sha256", drop=False)
    vectors = np.load(embeddings, mmap_mode="r") if embeddings else None
    if vectors is not None and len(vectors) != len(frames):
        vectors = None

    picked, doubtful = (
        pd.read_csv(path, dtype=str, keep_default_na=False)
        if path.exists()
        else pd.DataFrame(columns=["sha256", "label", "reason"])
        for path in (batch, suspects)
    )
    told = read_rows(labels, classes)
    parts = {
        "train": [digest for path in train for digest in pd.read_csv(path)["sha256"]],
        "test": list(pd.read_csv(test)["sha256"]),
        "next": list(picked["sha256"]),
        "other": [about[0]["sha256"] for about in disagreements(told)],
    }
    tested = set(parts["test"])
    given, _ = existing_labels(files, truth, classes)
    # A label that looked wrong, and has been changed since, has no reason any more.
    written = {row["sha256"] for row in told}
    stands = {(row["sha256"], row["label"]) for row in told}
    stands |= {(digest, label) for digest, (label, _) in given.items() if digest not in written}
    reasons = {
        "next": dict(zip(picked["sha256"], picked["reason"], strict=True)),
        "train": {row.sha256: row.reason for row in doubtful.itertuples() if (row.sha256, row.label) in stands},
    }
    around = neighbours(frames)
    listed: dict[str, Frame] = {}
    groups = 0
    for part, digests in parts.items():
        new = [digest for digest in dict.fromkeys(digests) if digest not in listed and digest in by_digest.index]
        for group in [[digest] for digest in new] if part == "next" else in_groups(by_digest.loc[new], vectors):
            groups += 1
            for digest in group:
                label, by = given.get(digest, ("", ""))
                said, p = ("", 0.0) if digest in tested else suggestions.get(digest, ("", 0.0))
                listed[digest] = seen(
                    by_digest.loc[digest],
                    part=part,
                    group=groups,
                    reason=reasons.get(part, {}).get(digest, ""),
                    given=label,
                    given_by=by,
                    suggestion=said,
                    p=p,
                    beside=around[digest],
                )
    wanted = {digest for frame in listed.values() for _, digest in frame.beside}
    beside = [seen(by_digest.loc[digest]) for digest in sorted(wanted - listed.keys())]
    return list(listed.values()), beside


def seen(row: pd.Series, **known: Any) -> Frame:
    """A row of the index as a frame of the page."""
    return Frame(row["sha256"], row["path"], int(row["bytes"]), int(row["width"]), int(row["height"]), **known)


def in_groups(frames: pd.DataFrame, vectors: np.ndarray | None) -> list[list[str]]:
    """The sha256 of `frames` in groups of similar ones, similar groups after each other: by embedding, else by time."""
    if vectors is not None and len(frames) <= MOST:
        frames = frames.sort_values("path")  # whatever the order of picking
        places = in_similar_order(np.asarray(vectors[frames["row"]]), EACH)
        return [[str(frames["sha256"].iloc[place]) for place in group] for group in places]
    ordered = frames.sort_values(["sequence", "number", "path"])
    groups: dict[object, list[str]] = {}
    for frame in ordered.itertuples():
        near = (frame.sequence, frame.number // NEAR) if frame.number >= 0 else frame.sha256
        groups.setdefault(near, []).append(str(frame.sha256))
    return list(groups.values())


def neighbours(frames: pd.DataFrame) -> dict[str, tuple[tuple[int, str], ...]]:
    """By sha256 the frames of the same sequence that are next in number, at most `SIDE` before and after."""
    found: dict[str, tuple[tuple[int, str], ...]] = dict.fromkeys(frames["sha256"], ())
    for _, line in frames[frames["number"] >= 0].sort_values(["number", "path"]).groupby("sequence"):
        numbers, digests = line["number"].tolist(), line["sha256"].tolist()
        for n, digest in enumerate(digests):
            close = [*range(max(n - SIDE, 0), n), *range(n + 1, min(n + 1 + SIDE, len(digests)))]
            found[digest] = tuple((numbers[other] - numbers[n], digests[other]) for other in close)
    return found


def suggestions_of(results: Path, classes: list[str]) -> dict[str, tuple[str, float]]:
    """What the chosen model, where there is one, says of frames that it wasn't trained on: class and probability.

    Of training frames by the models that didn't see them, of the split's unlabelled ones by the float model, of those
    of the next batch by that table. Nothing of a test frame.
    """
    said: dict[str, tuple[str, float]] = {}
    if (choice := results / "choice.json").exists():
        model = read_json(choice)["model"]
        for path in (results / "predict" / model / "float.csv", results / "finetune" / model / "held_out.csv"):
            if not path.exists():
                continue
            table = read_predictions(path)
            if path.name == "float.csv":
                table = table[table["part"] == "unlabelled"]
            for row in table.to_dict("records"):
                if row["predicted"] in classes:
                    said[row["sha256"]] = (row["predicted"], float(row[f"p_{row['predicted']}"]))
    if (batch := results / "next/batch.csv").exists():
        table = pd.read_csv(batch, dtype={"sha256": str, "predicted": str}, keep_default_na=False)
        for row in table.to_dict("records"):
            if row["predicted"] in classes:
                said[row["sha256"]] = (row["predicted"], float(row["p"]))
    return said


@contextmanager
def keys_of_the_terminal() -> Iterator[None]:
    """Have Ctrl-C reach this process alone: Snakemake, which has it too, would call that a failure."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:  # there is none
        yield
        return
    before = os.getpgrp()
    foreground = False
    with suppress(OSError):
        foreground = os.tcgetpgrp(terminal) == before
    if not foreground:
        os.close(terminal)
        yield
        return
    former = signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # or handing the terminal on would stop us
    os.setpgid(0, 0)
    os.tcsetpgrp(terminal, os.getpgrp())
    try:
        yield
    finally:
        os.tcsetpgrp(terminal, before)
        signal.signal(signal.SIGTTOU, former)
        os.close(terminal)


def who() -> str:
    """The login name. Raises `UserError` where there is none."""
    try:
        return getuser()
    except (OSError, KeyError, ImportError):
        raise UserError("This machine doesn't say who you are: write --config by= and your name or initials.") from None


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        CLASSES, RESULTS = snakemake.params.classes, Path(snakemake.params.results)
        FRAMES, BESIDE = frames_to_label(
            Path(snakemake.input.frames),
            [Path(path) for path in snakemake.input.train],
            Path(snakemake.input.test),
            RESULTS / "next/batch.csv",
            RESULTS / "next/suspects.csv",
            Path(snakemake.input.truth) if snakemake.input.get("truth") else None,
            Path(snakemake.input.embeddings) if snakemake.input.get("embeddings") else None,
            Path(snakemake.params.labels_csv),
            suggestions_of(RESULTS, CLASSES),
            classes=CLASSES,
        )
        DESK = Desk(
            FRAMES,
            BESIDE,
            Path(snakemake.params.folder),
            Path(snakemake.params.labels_csv),
            classes=CLASSES,
            by=snakemake.params.by or who(),
            dataset=snakemake.params.dataset,
        )
        with keys_of_the_terminal():
            serve(DESK, port=snakemake.params.port, browser=snakemake.params.browser)
            sys.stderr.flush()
