"""What the folders of a dataset mean: classes, the parts of a split, masks, and what only looks like one of these.

Read when Snakemake starts, so this module needs the standard library alone.
"""

import os
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from linecam.errors import UserError
from linecam.frames.folder import LABELS_FILE

# The part that a folder of this name is, whatever its case. A third part, made to choose a model by, joins training:
# linecam chooses by folds of that.
TRAIN, TEST = ("train", "training"), ("test", "testing")
THIRD = ("val", "valid", "validation")
_PARTS = dict.fromkeys(TRAIN + THIRD, "train") | dict.fromkeys(TEST, "test")
# Edge Impulse's names of parts: below them a file's name may begin with its label.
_EXPORTED = {"training", "testing"}

# Names of folders with masks, which say where on a frame the defect is; without signs between the words.
_MASKS = {"groundtruth", "mask", "masks", "annotation", "annotations"}
# What a mask's name has behind that of its frame. All but the first may be said of a frame, too: of such a name only a
# file without loss is a mask.
_MASK_NAME = re.compile(r"(?P<frame>.+?)[-_. ](?P<word>masks?|labels?|gt|seg|segmentation|ground_?truth|annotation)")
_WITH_LOSS = {".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif", ".jp2"}
# Folders in which systems keep small copies of pictures, and what was deleted.
_COPIES = {"@eadir", "#recycle", "$recycle.bin", "__macosx", "thumbs", "thumbnails"}
# What the name of a folder begins with that is nearly one of a part, such as train_set and Testdaten.
_NEARLY = {"train": ("train", "\u8bad\u7ec3"), "test": ("test", "\u6d4b\u8bd5"), "val": ("valid", "\u9a8c\u8bc1")}
# Beside train/ and test/, frames in a folder of such a name may be looked at without a label.
_UNLABELLED = {"unlabelled", "unlabeled"}


def class_of(name: str, classes: Sequence[str]) -> str:
    """The class that a folder is named after, or "". `Good` is `good`, unless there is a class `Good` too.

    A Mac writes an accent as a character of its own; the names of classes have none of these.
    """
    name = unicodedata.normalize("NFC", name)
    if name in classes:
        return name
    alike = [one for one in classes if one.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else ""


def part_of(name: str, classes: Sequence[str]) -> str:
    """The part of the split that a folder is named after, train or test, or "". A class of that name comes first."""
    return "" if class_of(name, classes) else _PARTS.get(name.casefold(), "")


def is_third(name: str) -> bool:
    """Whether a folder is named after a third part, such as val."""
    return name.casefold() in THIRD


def is_mask_folder(name: str, classes: Sequence[str]) -> bool:
    """Whether a folder is named as masks are, and after no class."""
    return _plain(name) in _MASKS and not class_of(name, classes)


def is_unlabelled_folder(name: str) -> bool:
    """Whether a folder says that its frames have no label."""
    return _plain(name) in _UNLABELLED


def is_copies_folder(name: str, classes: Sequence[str]) -> bool:
    """Whether a folder is named as one in which a system keeps copies, and after no class."""
    return name.casefold() in _COPIES and not class_of(name, classes)


def no_frames(parts: Mapping[str, object], classes: Sequence[str], given: bool) -> dict[str, str]:
    """Why files are no frames of the dataset, by path, going by names alone; see `index_frames` for `given`.

    `parts` are those of the split, train, test or "", by path.
    """
    stems = {str(PurePosixPath(path).with_suffix("")) for path in parts}
    found = {}
    for path, part in parts.items():
        pure = PurePosixPath(path)
        folders = pure.parts[:-1]
        mask = next((name for name in folders if is_mask_folder(name, classes)), "")
        copies = next((name for name in folders if is_copies_folder(name, classes)), "")
        if copies:
            found[path] = f"a small copy or deleted, as its folder is called {copies}/: rename it if these are frames"
        elif mask:
            found[path] = f"a mask, as its folder is called {mask}/: rename the folder if these are frames"
        elif word := _mask_word(pure, stems):
            found[path] = f"a mask, as a frame has the same name without {word}: rename it if it is a frame"
        elif given and not part and not (folders and is_unlabelled_folder(folders[0])):
            found[path] = "outside train/ and test/, which give the split; frames without a label go into unlabelled/"
    return found


def _mask_word(path: PurePosixPath, stems: Collection[str]) -> str:
    """What makes a file a mask by its name: the end of it, where a frame beside it, or one folder up, has the rest."""
    named = _MASK_NAME.fullmatch(path.stem.casefold())
    if not named or (not named["word"].startswith("mask") and path.suffix.lower() in _WITH_LOSS):
        return ""
    frame = path.stem[: named.end("frame")]
    near = any(str(folder / frame) in stems for folder in (path.parent, path.parent.parent))
    return path.stem[named.end("frame") :] if near else ""


def near_class(name: str, classes: Sequence[str]) -> str:
    """The class that a folder is nearly named after, such as `no-mask` after `no_mask` and `goods` after `good`."""
    if class_of(name, classes):
        return ""
    plain = _plain(name)
    alike = {one for one in classes if _plain(one) and plain.rstrip("s") == _plain(one).rstrip("s")}
    return alike.pop() if len(alike) == 1 else ""


def exported_name(path: str, classes: Sequence[str]) -> tuple[str, str]:
    """Label and own name of a frame as Edge Impulse exports it: `training/good.A-12.4f1c.jpg` is `good` and `A-12`.

    Returns "" and the name without its suffix for any other path, and where the label is not a class.
    """
    pure = PurePosixPath(path)
    pieces = pure.stem.split(".")
    if len(pure.parts) > 1 and pure.parts[0].casefold() in _EXPORTED and len(pieces) > 2:
        label = class_of(pieces[0], classes)
        if label:
            return label, pieces[1]
    return "", pure.stem


def gives_split(folder: str | Path, classes: Sequence[str], *, strict: bool = True) -> bool:
    """Whether the folders below `folder` say which frames are to train on and which to test on, each labelled.

    That is `train/<class>/` and `test/<class>/`, with other folders between or not, or Edge Impulse's export. Reads
    names alone. Where it is `strict`, raises `UserError` if there is nearly such a split: taken for none, its test
    would be trained on.
    """
    try:
        return _gives_split(Path(folder), classes)
    except UserError:
        if strict:
            raise
        return False


def _gives_split(folder: Path, classes: Sequence[str]) -> bool:
    folders = _folders(folder)
    parts = {name: part_of(name, classes) for name in folders}
    of = {part: [name for name in folders if parts[name] == part] for part in ("train", "test")}
    if not of["train"] and not of["test"]:
        _refuse_elsewhere(folder, classes)
        return False
    listed = (folder / LABELS_FILE).is_file()
    labelled = [
        name
        for name in folders
        if not is_mask_folder(name, classes)
        and (class_of(name, classes) or (listed and parts[name]) or _has_labels(folder / name, classes))
    ]
    to_train = [name for name in of["train"] if name in labelled and not is_third(name)]
    to_test = [name for name in of["test"] if name in labelled]
    if to_train and to_test:
        return True
    ways = (
        "To keep this split, name the folders like that. To let linecam draw its own split from all frames, write "
        "select: {strategies: [mixed]}. To label the frames of train/ and test/ by hand or from a table, write "
        "select: {strategies: [given]}."
    )
    wanted = f"linecam takes a split from the folders train/<class>/ and test/<class>/ (classes: {', '.join(classes)})"
    if of["train"] and of["test"] and any(not is_third(name) for name in of["train"]):
        without = [name for name in of["train"] + of["test"] if name not in labelled]
        found = [f"{name}/{below}/" for name in without for below in _folders(folder / name)[:5]]
        raise UserError(
            f"{folder} has {_listed(of['train'] + of['test'])}, but nothing in {_listed(without)} is labelled by a "
            f"folder named after a class. Folders there: {', '.join(found) or 'none'}. {wanted}. {ways}"
        )
    others = [name for name in labelled if not class_of(name, classes)]
    if len(others) > 1:
        raise UserError(
            f"{folder} has labelled frames in {_listed(others)}, but {wanted}. If one of these folders is for the "
            f"test, rename it to test. If one is for training, rename it to train. {ways}"
        )
    _refuse_elsewhere(folder, classes)
    return False


def _refuse_elsewhere(folder: Path, classes: Sequence[str]) -> None:
    """Raise `UserError` where folders are parts of a split by their names, or nearly so, but not where those belong."""
    found: dict[str, dict[str, str]] = {}  # by the folder that they lie in: the part that each nearly is
    for name, path, is_folder in _below(folder, classes):
        if is_folder and (part := _nearly_part(name, classes)):
            found.setdefault(str(PurePosixPath(path).parent), {})[name] = part
    places = [place for place, parts in found.items() if len(set(parts.values())) > 1]
    if not places:
        return
    place, names = places[0], sorted(found[places[0]])
    here = str(folder / place)
    exact = {part_of(name, classes) for name in names}
    above = any(class_of(name, classes) for name in PurePosixPath(place).parts)
    if exact >= {"train", "test"} and not above:
        todo = f"To keep this split, write source: {here}"
        todo += f"; to join all, move the other folders below, such as train/{place}/" if len(places) > 1 else ""
    elif place == ".":
        todo = "To keep this split, name the folders like that"
    else:
        todo = f"To keep this split, move the other folders into these two, such as train/{classes[0]}/"
    more = f" (and {folder / places[1]} has such folders, too)" if len(places) > 1 else ""
    raise UserError(
        f"dataset.source: {here} has {_listed(names)}{more}. linecam takes over a split where source itself has train/ "
        f"and test/. {todo}. To let linecam draw its own test from all frames, write select: {{strategies: [mixed]}}."
    )


def _nearly_part(name: str, classes: Sequence[str]) -> str:
    """The part that a folder is named after, or nearly: train, test or val, or ""."""
    if class_of(name, classes):
        return ""
    words = re.findall(r"[^\W\d_]+", name.casefold())
    for part, begins in _NEARLY.items():
        if part in words or any(word.startswith(begins) for word in words):
            return part
    return ""


def _has_labels(folder: Path, classes: Sequence[str]) -> bool:
    """Whether a class folder is below `folder`, or a file of it has its label in its name, or in a file of labels."""
    for name, path, is_folder in _below(folder, classes):
        if is_folder and class_of(name, classes):
            return True
        if not is_folder and (name == LABELS_FILE or exported_name(f"{folder.name}/{path}", classes)[0]):
            return True
    return False


def _below(folder: Path, classes: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
    """Name, path relative to `folder`, and whether it is a folder, of all below it, level by level; no masks."""
    pending, visited = [(str(folder), "")], set()
    while pending:
        place, prefix = pending.pop(0)
        real = os.path.realpath(place)
        if real in visited:
            continue
        visited.add(real)
        try:
            with os.scandir(place) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    is_folder = _is_folder(entry)
                    if entry.name.startswith(".") or (is_folder and _is_aside(entry.name, classes)):
                        continue
                    yield entry.name, prefix + entry.name, is_folder
                    if is_folder:
                        pending.append((entry.path, f"{prefix}{entry.name}/"))
        except OSError:
            continue  # the index names it


def _folders(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if not entry.name.startswith(".") and _is_folder(entry))
    except OSError:
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"{name}/" for name in names)


def _is_aside(name: str, classes: Sequence[str]) -> bool:
    return is_mask_folder(name, classes) or is_copies_folder(name, classes)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
