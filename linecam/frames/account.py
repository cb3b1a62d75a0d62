"""What became of every file of a folder, in lines that a person reads and as JSON."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from linecam.camera.region import Region, Size
from linecam.frames.folder import LABELS_FILE, VIDEO_SUFFIXES, Listing, in_words, what_to_do
from linecam.frames.held import Held
from linecam.frames.index import shows_just
from linecam.frames.kept import in_words as reasons_in_words
from linecam.frames.kept import is_kept
from linecam.frames.layout import class_of, is_third, near_class, part_of

LINES = 20  # of folders, of reasons and of frame sizes, each
ENOUGH = 0.75  # the share of a 4 to 3 frame that the middle square covers. If the network sees less, a line says so
MIDDLE = Region(side=1)  # the largest square of any frame; the side that it has on the sensor does not matter

_PART = {"train": "to train on", "test": "to test on"}


def account(
    table: pd.DataFrame,
    listing: Listing,
    notes: Mapping[str, Sequence[str]],
    *,
    classes: Sequence[str],
    every: int,
    exported: int,
    parted: Sequence[str],
    held: Held,
    region: Region | None = None,
) -> dict[str, Any]:
    """What became of the files in `listing`, whose index is `table`, as JSON values.

    `notes` says by path what is to be said of a frame that is used, and `exported` is how many labels a file of labels
    gave. Of videos one frame in `every` is used. `parted` are the sequences that were parted by folder. `held` is what
    the camera held while it recorded. `region` is a `camera.roi`, or several places; None is the middle square. `lines`
    of what is returned says it all in words: first all together, then in `folder_lines` lines the folders.
    """
    statuses = table["status"].value_counts()
    used, copies, aside = (int(statuses.get(name, 0)) for name in ("ok", "duplicate", "quarantined"))
    folders = _folders(table, classes)
    reasons = _reasons(table)
    said: dict[str, list[str]] = defaultdict(list)
    for path, texts in notes.items():
        for text in texts:
            said[text].append(path)
    lines = [f"{len(table)} files: {used} used, {copies} duplicates, {aside} set aside"]
    of_folders = _first([_folder_line(one) for one in folders], "folders")
    lines += of_folders
    lines += _first([f"set aside, {_files(one['files'])}: {one['reason']} (first: {one['first']})" for one in reasons])
    lines += [f"used, {_files(len(paths))}: {text} (first: {paths[0]})" for text, paths in sorted(said.items())]
    if region and region.rois:
        lines += _places(table, region)
    in_part = _first(_shares(table, region or MIDDLE), "frame sizes")
    lines += in_part
    if listing.videos and every > 1:
        lines.append(f"of videos, one frame in {every} is used (dataset.every)")
    if listing.passed_over or listing.hidden:
        hidden = [f"{listing.hidden} hidden, whose names begin with a dot"] if listing.hidden else []
        others = [in_words(listing.passed_over)] if listing.passed_over else []
        lines.append(f"skipped, since linecam reads no files with such names: {', '.join(others + hidden)}")
        lines += what_to_do(listing.passed_over)
    lines += held.lines
    if exported:
        lines.append(f"{LABELS_FILE} labels {_files(exported)}")
    lines += [
        f"the numbers of {name or 'frames'} begin anew in each folder: each folder is a sequence" for name in parted
    ]
    lines += _kept(table)
    lines += _doubts(table, folders, classes)
    return {
        "files": len(table),
        "used": used,
        "duplicates": copies,
        "set_aside": aside,
        "kept": int((is_kept(table) & (table["status"] == "ok")).sum()),
        "folders": folders,
        "folder_lines": len(of_folders),
        "reasons": reasons,
        "notes": {text: len(paths) for text, paths in sorted(said.items())},
        "passed_over": dict(sorted(listing.passed_over.items())),
        "hidden": listing.hidden,
        "seen_in_part": in_part,
        "held": held.values,
        "lines": lines,
    }


def _folders(table: pd.DataFrame, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Each folder with files: how many of which suffix, how many of them are used, as what they are labelled."""
    rows = table[~table["path"].str.endswith("/")]
    folders = []
    for folder, group in rows.groupby(rows["path"].map(lambda path: str(PurePosixPath(path).parent))):
        sound = group[group["status"] != "quarantined"]
        names = PurePosixPath(str(folder)).parts
        folders.append(
            {
                "folder": "" if folder == "." else f"{folder}/",
                "suffixes": dict(Counter(_suffix(path) for path in group["path"])),
                "used": int((group["status"] == "ok").sum()),
                "labels": {name: int(count) for name, count in sorted(Counter(sound["label"]).items())},
                "part": part_of(names[0], classes) if names else "",
                "third": bool(names) and is_third(names[0]) and not class_of(names[0], classes),
            }
        )
    return folders


def _suffix(path: str) -> str:
    pure = PurePosixPath(path)
    return "frames" if pure.parent.suffix.lower() in VIDEO_SUFFIXES else pure.suffix.lower()


def _folder_line(one: Mapping[str, Any]) -> str:
    labels = one["labels"]
    if not labels:
        meaning = "none is used"
    elif list(labels) == [""]:
        meaning = "no label"
    elif len(labels) == 1:
        meaning = f"labelled {next(iter(labels))}"
    else:
        meaning = ", ".join(
            f"{count} labelled {name}" if name else f"{count} no label" for name, count in labels.items()
        )
    part = ", joins training" if one["third"] else f", {_PART[one['part']]}" if one["part"] else ""
    return f"{one['folder'] or 'the folder itself'}: {in_words(Counter(one['suffixes']))}, {meaning}{part}"


def _reasons(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Why files are set aside, like reasons together, the most frequent first."""
    groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path, reason in table.loc[table["status"] == "quarantined", ["path", "reason"]].itertuples(index=False):
        groups[re.sub(r"\d+", "N", reason.split(":")[0])].append((path, reason))
    ordered = sorted(groups.values(), key=lambda group: (-len(group), group[0]))
    return [
        {"files": len(group), "first": group[0][0], "reason": _common([one for _, one in group])} for group in ordered
    ]


def _common(reasons: Sequence[str]) -> str:
    """One reason for files whose reasons begin alike: the first, given as an example if the others end differently."""
    kind, _, first = reasons[0].partition(":")
    same = len({re.sub(r"\d+", "N", reason) for reason in reasons}) == 1
    return reasons[0] if same else f"{kind}, for several reasons, such as:{first}"


def _shares(table: pd.DataFrame, region: Region) -> list[str]:
    """Of which frames the network sees but a part, by their size, the most frequent first."""
    used = table.loc[table["status"] == "ok", ["width", "height"]].astype(int)
    sizes = Counter(used.itertuples(index=False, name=None))
    ordered = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    return [line for size, count in ordered if (line := _share_line(region, size, count))]


def _share_line(region: Region, size: Size, count: int) -> str:
    frames = f"{count} frame{'' if count == 1 else 's'} of {size[0]} x {size[1]}"
    if region.recorded(size):
        why = "it is a picture of one place" if region.rois else "collect.py records just camera.roi"
        return f"{frames}: the network sees all of each, as {why}"
    if region.rois:
        left, top, right, bottom = map(round, region.place(1).box(size))
        return (
            f"{frames}: the network sees {len(region.rois)} places of each, one after the other, of {right - left} x "
            f"{bottom - top} pixels, as camera.rois says"
        )
    if region.share(size) >= ENOUGH:
        return ""
    left, top, right, bottom = map(round, region.box(size))
    share = f"{100 * region.share(size):.2g}" if region.share(size) < 0.01 else f"{100 * region.share(size):.0f}"
    seen = f"{right - left} x {bottom - top}"
    if region.roi:
        return f"{frames}: the network sees {seen} from {left}, {top} on, {share} % of each, as camera.roi says"
    return f"{frames}: the network sees the middle {seen}, {share} % of each; camera.roi names another region"


def _places(table: pd.DataFrame, region: Region) -> list[str]:
    """Lines about places of frames: each place is labelled by itself, and folders do not say what it shows."""
    used = table[table["status"] == "ok"]
    whole = used[~shows_just(region, used)]
    count = len(region.rois)
    lines = [f"each frame is {count} pictures, one of each place (camera.rois): {count * len(whole)} to choose from"]
    if labelled := int((whole["label"] != "").sum()):
        lines.append(
            f"{_files(labelled)} labelled by a folder or an export: these labels are not used, since they don't say "
            f"which place they are for. Label the places, or put pictures of one place each into such folders"
        )
    return lines


def _kept(table: pd.DataFrame) -> list[str]:
    """Lines about frames that the camera kept because they are hard, and what follows from that."""
    kept = table[is_kept(table) & (table["status"] == "ok")]
    if kept.empty:
        return []
    lines = [
        f"kept by the camera as hard, {_files(len(kept))} ({reasons_in_words(kept['kept'])}): they come first in "
        "`snakemake select_next`, and into no random sample: not into the test, nor among the frames that stand for "
        "the line"
    ]
    if tested := int((kept["part"] == "test").sum()):
        lines.append(
            f"of these, {_files(tested)} in test/: hard frames are not typical, so such a test says less about the line"
        )
    return lines


def _doubts(table: pd.DataFrame, folders: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> list[str]:
    """Lines about what may be a mistake: folders with nearly the name of a class, and classes without a folder."""
    names = sorted({name for one in folders for name in PurePosixPath(one["folder"]).parts})
    lines = [
        f"{name}/ labels nothing. There is a class {near_class(name, classes)}: rename the folder if you mean this "
        f"class"
        for name in names
        if near_class(name, classes)
    ]
    lines += _namesakes(table)
    labelled = set(table.loc[table["status"] != "quarantined", "label"]) - {""}
    without = [name for name in classes if name not in labelled]
    if labelled and without:
        lines.append(f"no frame is labelled {' or '.join(without)} by its folder")
    return lines


def _namesakes(table: pd.DataFrame) -> list[str]:
    """A line about frames whose names differ only in the suffix: some may be masks, or copies."""
    paths = table.loc[table["status"] == "ok", "path"]
    stems = paths.map(lambda path: str(PurePosixPath(path).with_suffix("")))
    several = stems[stems.duplicated(keep=False)]
    if several.empty:
        return []
    example = " and ".join(paths[stems == several.iloc[0]])
    return [
        f"{_files(len(several))} have the name of another but for the suffix ({example}): all are used. If some are "
        "masks, move them to a folder called masks/; if they are copies, remove them"
    ]


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"


def _first(lines: list[str], what: str = "reasons") -> list[str]:
    left = len(lines) - LINES
    return lines if left <= 0 else [*lines[:LINES], f"and {left} more {what}"]
