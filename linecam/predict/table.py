"""The table of what main.py would say: a row a frame, with its vote, and the summary of it all."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from linecam.bundle.shipped import Shipped
from linecam.evaluation.predictions import decide, margins
from linecam.evaluation.votes import decide_windows
from linecam.files import atomic_write
from linecam.frames.index import part_sequences
from linecam.labels.tables import neutral
from linecam.predict.judging import Judged
from linecam.predict.sources import Sources

UNDECIDED = "undecided"
LEAST_SURE, REASONS = 3, 10  # how many are named


def tabulate(shipped: Shipped, sources: Sources, judged: Sequence[Judged]) -> pd.DataFrame:
    """A row for each frame that is not left out, in the order of `sources`.

    Columns: file, sequence, number (or -1), label (of its folder, or ""), decision of main.py on the frame alone ("" is
    none), margin (see `margins`), p_<class> in 0..1, window and vote (see `add_votes`).
    """
    kept = [(found, one.scores) for found, one in zip(sources.frames, judged, strict=True) if one.scores is not None]
    table = pd.DataFrame(
        {
            "file": [str(found.path) for found, _ in kept],
            "sequence": ["/".join(part for part in found.sequence if part) for found, _ in kept],
            "number": [found.number for found, _ in kept],
            "step": [found.step for found, _ in kept],
            "label": [found.label for found, _ in kept],
        }
    )
    table = table.assign(path=table["file"], status="ok")
    part_sequences(table)
    table = table.drop(columns=["path", "status"])
    scores = np.array([row for _, row in kept], dtype=np.float64).reshape(len(kept), len(shipped.classes))
    for number, name in enumerate(shipped.classes):
        table[f"p_{name}"] = scores[:, number]
    table["decision"] = decide(table, shipped.classes, shipped.thresholds)
    table["margin"] = margins(table, shipped.classes, shipped.thresholds, list(table["decision"]))
    add_votes(table, shipped)
    return table


def add_votes(table: pd.DataFrame, shipped: Shipped) -> None:
    """Add `window` and `vote` in place: what main.py says after each `votes` frames in a row, "" being no decision.

    A camera that starts with the first frame of a sequence has decided `window` times, from 1 on, when it has seen the
    frame. As in main.py no window shares a frame with another, and none spans a frame that is missing: there it starts
    anew. `window` is 0 and `vote` "" of a frame that is in no whole window, as one without a number is where several
    are needed.
    """
    size = shipped.votes
    table["window"], table["vote"] = 0, ""
    numbered = table.sort_values(["sequence", "number"], kind="stable")
    if size > 1:  # of two frames with one number, who knows which comes first?
        numbered = numbered[(numbered["number"] >= 0) & ~numbered.duplicated(["sequence", "number"], keep=False)]
    gap = numbered["number"].diff() != numbered["step"]
    run = (gap | (numbered["sequence"] != numbered["sequence"].shift())).cumsum()
    place = numbered.groupby(run).cumcount()
    part = run.astype(str) + "-" + (place // size).astype(str)
    whole = part.groupby(part).transform("size") == size
    windows = part[whole]
    if windows.empty:
        return
    said = decide_windows(table.loc[windows.index], windows, size, shipped.classes, shipped.thresholds)
    table.loc[windows.index, "vote"] = windows.map(said)
    first = ~windows.duplicated()
    table.loc[windows.index, "window"] = first.groupby(numbered.loc[windows.index, "sequence"]).cumsum()


def write_table(path: Path, table: pd.DataFrame, classes: Sequence[str]) -> None:
    """Write `table` as CSV that a spreadsheet shows as it is. Empty: no decision, no number, no window, no label."""
    text = table.assign(
        margin=table["margin"].map("{:.4f}".format),
        # All digits of a multiple of 1/256, as the other tables of predictions have them.
        **{f"p_{name}": table[f"p_{name}"].map("{:.8f}".format) for name in classes},
        number=table["number"].map(lambda number: "" if number < 0 else str(number)),
        window=table["window"].map(lambda window: str(window or "")),
    )
    for column in ("file", "sequence", "decision", "vote", "label"):
        text[column] = text[column].map(neutral)
    columns = ["file", "sequence", "number", "decision", "margin", *(f"p_{name}" for name in classes)]
    text = text[[*columns, "window", "vote", "label"]]
    with atomic_write(path) as temporary:
        text.rename(columns=neutral).to_csv(temporary, index=False)


def left_out(sources: Sources, judged: Sequence[Judged]) -> dict[str, str]:
    """Why files are left out, by path, sorted."""
    unread = {str(found.path): one.reason for found, one in zip(sources.frames, judged, strict=True) if one.reason}
    return dict(sorted((sources.refused | unread).items()))


def names_of(decision: str) -> str:
    """A decision in words."""
    return decision or UNDECIDED


def counts(table: pd.DataFrame, classes: Sequence[str], column: str = "decision") -> dict[str, int]:
    """How many frames of each class, and last of none ("")."""
    found = Counter(table[column])
    return {name: found[name] for name in (*classes, "")}


def least_sure(table: pd.DataFrame) -> pd.DataFrame:
    """All rows, the least sure decision first."""
    return table.sort_values(["margin", "file"], kind="stable")


def agreement(table: pd.DataFrame) -> tuple[int, int]:
    """Of how many frames in folders named after classes the decision is that class, and how many these frames are."""
    labelled = table[table["label"] != ""]
    return int((labelled["label"] == labelled["decision"]).sum()), len(labelled)


def confusion(table: pd.DataFrame, classes: Sequence[str]) -> list[list[str]]:
    """A table with a row for each class of a folder and a column for each decision that there is, in words."""
    labelled = table[table["label"] != ""]
    said = [name for name in (*classes, "") if (labelled["decision"] == name).any()]
    rows = [["folder", *map(names_of, said)]]
    for label in [name for name in classes if (labelled["label"] == name).any()]:
        of = Counter(labelled.loc[labelled["label"] == label, "decision"])
        rows.append([label, *(str(of[name]) for name in said)])
    return rows


def how_it_decides(shipped: Shipped) -> str:
    """Thresholds and votes of main.py, in words."""
    limits = ", ".join(f"{name} from {value:g} on" for name, value in shipped.thresholds.items())
    otherwise = "for the most probable class."
    taken = f"It decides for {limits}; else {otherwise}" if limits else f"It decides {otherwise}"
    single = shipped.votes == 1
    return f"{taken} {'Each frame is judged by itself.' if single else f'A vote is over {shipped.votes} frames.'}"


def summary(
    shipped: Shipped, table: pd.DataFrame, out: Mapping[str, str], notes: Mapping[str, Sequence[str]]
) -> list[str]:
    """What a person reads in the terminal; `out` is `left_out`, `notes` says by note of which files."""
    frames = f"{len(table):,} frame{'s' * (len(table) != 1)}"
    lines = [f"{frames}, as the model {shipped.name} of {shipped.dataset} decides. {how_it_decides(shipped)}"]
    by_frame, by_vote = counts(table, shipped.classes), counts(table[table["window"] > 0], shipped.classes, "vote")
    voting = shipped.votes > 1
    wide = max(len(names_of(name)) for name in by_frame)
    for name, count in by_frame.items():
        votes = f"   votes {by_vote[name] // shipped.votes:>7,}" if voting else ""
        lines.append(f"  {names_of(name):<{wide}} {count:>8,}{votes}")
    if voting and not any(by_vote.values()):
        lines.append("No vote: no frames follow each other by the numbers in their names.")
    sure = [
        f"{row.file} ({names_of(str(row.decision))}, by {row.margin:.2f})"
        for row in least_sure(table).head(LEAST_SURE).itertuples()
    ]
    if sure:
        lines.append(f"Least sure: {', '.join(sure)}")
    right, labelled = agreement(table)
    if labelled:
        lines.append(f"Folders named after classes: {right:,} of {labelled:,} frames agree.")
        rows = confusion(table, shipped.classes)
        columns = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for first, *rest in rows:
            cells = [f"{cell:>{width}}" for cell, width in zip(rest, columns[1:], strict=True)]
            lines.append("  ".join([f"  {first:<{columns[0]}}", *cells]))
    lines += [f"Used, {_files(len(paths))}: {note} (first: {paths[0]})" for note, paths in sorted(notes.items())]
    return lines + left_out_lines(out)


def left_out_lines(out: Mapping[str, str]) -> list[str]:
    """Which files are left out, and why."""
    if not out:
        return []
    shown = [f"  {path}: {reason}" for path, reason in list(out.items())[:REASONS]]
    more = [f"  and {len(out) - REASONS:,} more"] if len(out) > REASONS else []
    return [f"Left out, {_files(len(out))}:", *shown, *more]


def _files(count: int) -> str:
    return f"{count:,} file{'s' * (count != 1)}"
