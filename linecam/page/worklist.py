"""What the page shows: the frames to label, in which order, and what is known of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linecam.evaluation.candidates import Choice
from linecam.evaluation.predictions import read_predictions
from linecam.files import read_json
from linecam.frames.index import read_index, usable
from linecam.frames.lookup import Frames
from linecam.frames.near_duplicates import NEAR
from linecam.labels.existing import existing_labels
from linecam.labels.store import disagreements, read_rows
from linecam.page.frame import Frame
from linecam.page.frame_list import read_frame_list
from linecam.page.frame_map import EACH, FrameMap
from linecam.selection.similarity_order import MOST, in_similar_order

READ = ["path", "sha256", "bytes", "width", "height", "sequence", "number", "label", "status"]
# So many neighbours in time are shown on each side.
SIDE = 3

# By sha256 a class, and its probability (0 to 1).
Suggestions = Mapping[str, tuple[str, float]]


@dataclass(frozen=True)
class Sources:
    """The files of a dataset that say what to label."""

    index: Path  # of all frames
    train: tuple[Path, ...]  # a table for each selection of training frames
    test: Path  # the table of the test frames
    truth: Path | None  # the belt's table of labels
    embeddings: Path | None  # (frames, dimensions) float32, a row for each usable frame; None: none are needed
    frames: Path  # the folder below which the index has its paths
    results: Path  # the dataset's folder, in which more may lie: see `optional` and `suggestions_of`
    labels: Path  # labels.csv, which may be missing
    asked: Path | None = None  # a text file of frames that the user asks for, one a line

    @property
    def optional(self) -> tuple[Path, Path]:
        """The tables of `snakemake select_next`: what to label next, and labels that look wrong. May be missing."""
        return self.results / "next/batch.csv", self.results / "next/suspects.csv"

    @property
    def places(self) -> Path:
        """The map of all frames (scripts/project_frames.py). May be missing."""
        return self.results / "map/places.csv"

    def next_summary(self) -> dict[str, Any]:
        """What `snakemake select_next` said of these: `train`, `doubtful` and `weak`; {} where it has not been run."""
        path = self.results / "next/summary.json"
        return dict(read_json(path)) if path.exists() else {}


def frames_to_label(
    sources: Sources, classes: list[str], suggestions: Suggestions | None = None
) -> tuple[list[Frame], list[Frame], FrameMap]:
    """The frames to label, all that are shown beside frames in time, and the map, from which others can be asked for.

    Frames for training come first, then those of the test, of the next batch, others that people disagree about, and
    others that the user asks for. Within a part similar ones follow each other, by their embeddings or by time; the
    batch stays as it was picked. A frame of the batch, and a training frame whose label looks wrong, has the reason. A
    test frame gets no suggestion. The map is empty where there is none yet. `suggestions` are by default those of
    `suggestions_of`. Raises `UserError` where a table of labels is wrong, and as `read_frame_list`.
    """
    if suggestions is None:
        suggestions = suggestions_of(sources.results, classes)
    files = read_index(sources.index, READ)
    frames = usable(files)
    frames["row"] = frames.index
    by_digest = frames.drop_duplicates("sha256").set_index("sha256", drop=False)
    rows_of = by_digest.to_dict("index")
    batch, suspects = map(_table, sources.optional)
    rows = read_rows(sources.labels, classes)
    existing, _ = existing_labels(files, sources.truth, classes)
    asked = read_frame_list(sources.asked, Frames(files, sources.frames)) if sources.asked else []
    parts = {
        "train": [digest for path in sources.train for digest in pd.read_csv(path)["sha256"]],
        "test": list(pd.read_csv(sources.test)["sha256"]),
        "next": list(batch["sha256"]),
        "other": [about[0]["sha256"] for about in disagreements(rows)],
        "asked": asked,
    }
    doubts = _doubts(suspects, rows, existing)
    reasons = {"next": dict(zip(batch["sha256"], batch["reason"], strict=True)), "train": doubts}
    ranks = {digest: rank for rank, digest in enumerate(doubts, 1)}
    places = {digest: place for place, digest in enumerate(asked, 1)}
    tested = set(parts["test"])
    vectors = _vectors(sources.embeddings, len(frames))
    around = neighbours_in_time(frames)

    def full(digest: str, **known: Any) -> Frame:
        label, by = existing.get(digest, ("", ""))
        suggestion, p = ("", 0.0) if digest in tested else suggestions.get(digest, ("", 0.0))
        more = {"given": label, "given_by": by, "suggestion": suggestion, "p": p, "beside": around[digest]}
        return _frame(rows_of[digest], **known, **more)

    listed: dict[str, Frame] = {}
    groups = 0
    for part, digests in parts.items():
        new = [digest for digest in dict.fromkeys(digests) if digest not in listed and digest in by_digest.index]
        for group in [[digest] for digest in new] if part == "next" else in_groups(by_digest.loc[new], vectors):
            groups += 1
            for digest in group:
                listed[digest] = full(
                    digest,
                    part=part,
                    group=groups,
                    reason=reasons.get(part, {}).get(digest, ""),
                    doubt=ranks.get(digest, 0) if part == "train" else 0,
                    asked=places.get(digest, 0),
                )
    xy = {digest: place for digest, place in _places(sources.places).items() if digest in rows_of}
    frame_map = FrameMap(xy, {digest: full(digest, part="asked") for digest in xy.keys() - listed.keys()}, len(rows_of))
    wanted = {digest for frame in [*listed.values(), *frame_map.others.values()] for _, digest in frame.beside}
    beside = [_frame(rows_of[digest]) for digest in sorted(wanted - listed.keys())]
    return list(listed.values()), beside, frame_map


def in_groups(frames: pd.DataFrame, vectors: NDArray[np.float32] | None) -> list[list[str]]:
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


def neighbours_in_time(frames: pd.DataFrame) -> dict[str, tuple[tuple[int, str], ...]]:
    """By sha256 the frames of the same sequence that are next in number, at most `SIDE` before and after.

    Of each neighbour by how much its number differs, `NEAR` at most, and its sha256. A frame that is farther away shows
    another moment of the line, and says nothing of this one.
    """
    found: dict[str, tuple[tuple[int, str], ...]] = dict.fromkeys(frames["sha256"], ())
    for _, line in frames[frames["number"] >= 0].sort_values(["number", "path"]).groupby("sequence"):
        numbers, digests = line["number"].tolist(), line["sha256"].tolist()
        for n, digest in enumerate(digests):
            close = [*range(max(n - SIDE, 0), n), *range(n + 1, min(n + 1 + SIDE, len(digests)))]
            offsets = ((numbers[other] - numbers[n], digests[other]) for other in close)
            found[digest] = tuple((offset, other) for offset, other in offsets if abs(offset) <= NEAR)
    return found


def suggestions_of(results: Path, classes: Sequence[str]) -> dict[str, tuple[str, float]]:
    """What the chosen model, where there is one, says of frames that it wasn't trained on: class and probability.

    Of training frames by the models that didn't see them, of the split's unlabelled ones by the float model, of those
    of the next batch by that table. Nothing of a test frame. `results` is the dataset's folder.
    """
    found: dict[str, tuple[str, float]] = {}
    if (choice := results / "choice.json").exists():
        model = str(Choice.read(choice).model)
        for path in (results / "predict" / model / "float.csv", results / "finetune" / model / "held_out.csv"):
            if not path.exists():
                continue
            table = read_predictions(path)
            if path.name == "float.csv":
                table = table[table["part"] == "unlabelled"]
            for row in table.to_dict("records"):
                if row["predicted"] in classes:
                    found[row["sha256"]] = (row["predicted"], float(row[f"p_{row['predicted']}"]))
    if (batch := results / "next/batch.csv").exists():
        table = pd.read_csv(batch, dtype={"sha256": str, "predicted": str}, keep_default_na=False)
        for row in table.to_dict("records"):
            if row["predicted"] in classes:
                found[row["sha256"]] = (row["predicted"], float(row["p"]))
    return found


def _table(path: Path) -> pd.DataFrame:
    """A table of `snakemake select_next`, or an empty one."""
    if path.exists():
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    return pd.DataFrame(columns=["sha256", "label", "reason"])


def _doubts(
    suspects: pd.DataFrame, rows: Iterable[Mapping[str, str]], existing: Mapping[str, tuple[str, str]]
) -> dict[str, str]:
    """By sha256 why a label looks wrong, the worst first; one that has been changed since has no reason any more."""
    standing = {(row["sha256"], row["label"]) for row in rows}
    written = {digest for digest, _ in standing}
    standing |= {(digest, label) for digest, (label, _) in existing.items() if digest not in written}
    return {row.sha256: row.reason for row in suspects.itertuples() if (row.sha256, row.label) in standing}


def _vectors(path: Path | None, frames: int) -> NDArray[np.float32] | None:
    """The embeddings, or None where there are none of just these frames."""
    vectors = np.load(path, mmap_mode="r") if path else None
    return vectors if vectors is not None and len(vectors) == frames else None


def _places(path: Path) -> dict[str, tuple[float, float]]:
    """By sha256 where a frame lies on the map; {} where there is none."""
    if not path.exists():
        return {}
    table = pd.read_csv(path, dtype={"sha256": str})
    return dict(zip(table["sha256"], zip(table["x"].tolist(), table["y"].tolist(), strict=True), strict=True))


def _frame(row: Mapping[str, Any], **known: Any) -> Frame:
    """A row of the index as a frame of the page."""
    return Frame(row["sha256"], row["path"], int(row["bytes"]), int(row["width"]), int(row["height"]), **known)
