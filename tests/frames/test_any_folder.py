"""Whatever tree of files a folder holds: every file of it is in the account, or the folder is refused in a sentence."""

import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linecam.errors import UserError
from linecam.files import read_json
from linecam.frames.folder import SUFFIXES, VIDEO_SUFFIXES, digest_of, read_folder
from linecam.frames.index import read_index
from linecam.frames.layout import gives_split
from linecam.labels.existing import existing_labels
from tests.frames.line import CLASSES, Line, encoded, picture, put

FRAMES = [encoded(picture(seed=n), "PNG") for n in range(3)]
CONTENTS = [*FRAMES, b"", b"x", FRAMES[0][:99]]
LABELS = [b"{}", b"[]", b"\xff", b'{"files": 1}', b'{"files": [{"path": 1}]}', b'{"version": 1, "files": [null]}']
LABELS += [b'{"files": [{"path": "a-1.png", "label": {"label": "good"}}]}', b'{"files": [{"path": "..", "label": []}]}']
FOLDERS = [
    "train",
    "Training",
    "test",
    "testing",
    "val",
    "good",
    "Good",
    "bad",
    "no-mask",
    "masks",
    "ground_truth",
    "lot3",
]
FOLDERS += ["Testdaten", "train_set", "@eaDir", "__MACOSX"]
FOLDERS += [".hidden", "a.png", "unlabelled", "x\ny", "é", " ", "nan", "="]
FILES = [
    "a-1.png",
    "a-2.PNG",
    "a-00000000000000000000001.png",
    "b.jpg",
    "good.A-1.4f1c.png",
    "good",
    "train",
    "notes.txt",
]
FILES += [
    "info.labels",
    ".x.png",
    "a.png.bak",
    "x\u2028.png",
    "é.png",
    "e\u0301.png",
    "-1.png",
    "a_mask.png",
    "b_label.png",
    "b.zip",
    "Thumbs.db",
]
TREES = st.dictionaries(
    st.tuples(st.lists(st.sampled_from(FOLDERS), max_size=3).map(tuple), st.sampled_from(FILES)),
    st.integers(0, len(CONTENTS) - 1),
    max_size=10,
)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    TREES,
    st.lists(st.tuples(st.sampled_from(FOLDERS), st.sampled_from(["..", "good", "nowhere", "train"])), max_size=2),
)
def test_any_tree_is_accounted_for(line, tree, links):
    shutil.rmtree(line.folder, ignore_errors=True)
    line.folder.mkdir()
    for (folders, name), content in tree.items():
        place = line.folder.joinpath(*folders)
        data = LABELS[content] if name == "info.labels" else CONTENTS[content]
        with suppress(OSError):  # a file stands where a folder is to be, or the other way round
            put(place / name, data)
    for name, target in links:
        if not (line.folder / name).is_symlink() and not (line.folder / name).exists():
            (line.folder / name).symlink_to(target)
    for strict in (True, False):
        try:
            gives_split(line.folder, CLASSES, strict=strict)
        except UserError as error:
            assert strict
            assert str(line.folder) in str(error)
    try:
        line.index_alone()
    except UserError as error:
        assert any(part in str(error) for part in (str(line.folder), "info.labels", "dataset.source"))
        return
    table, said = read_index(line.index), read_json(line.summary)
    images = tuple(SUFFIXES | VIDEO_SUFFIXES)
    seen = {
        path.relative_to(line.folder).as_posix()
        for path in line.folder.rglob("*")
        if path.is_file() and path.name.lower().endswith(images)
    }
    hidden = {path for path in seen if any(part.startswith(".") for part in path.split("/"))}
    for path in seen - hidden:
        # A name that no table can hold stands there as Python writes it, and so does a folder's, for all below it.
        whole = path in set(table["path"])
        assert whole or "\n" in path or "\u2028" in path, path
    assert said["files"] == len(table) == said["used"] + said["duplicates"] + said["set_aside"]
    assert said["files"] == (table["status"] == "ok").sum() + (table["status"] != "ok").sum()
    assert ((table["reason"] == "") == (table["status"] == "ok")).all()
    assert set(table["label"]) <= {"", *CLASSES}
    labels, contradicted = existing_labels(table, None, CLASSES)
    assert labels.keys().isdisjoint(contradicted)
    assert digest_of(read_folder(line.folder, line.place / "seen.json"))
