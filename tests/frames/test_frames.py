"""What a folder holds, and what a frame's path says: nothing missed, nothing stale, nothing fatal."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linecam.errors import UserError
from linecam.frames import folder as module
from linecam.frames.folder import SUFFIXES, content_of, digest_of, has_given_split
from linecam.frames.index import path_facts

CLASSES = ["bad", "good", "no_mask"]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b/c.png", "b/d/e.webp", "f.bmp", "g.jpeg"):
        put(tmp_path / "frames" / name, name.encode())
    return tmp_path / "frames"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "er" / ".seen.json"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that get hashed."""
    names: list[str] = []
    real = module.sha256
    monkeypatch.setattr(module, "sha256", lambda path: names.append(Path(path).name) or real(path))
    return names


def test_lists_every_image_with_size_and_hash_sorted(folder, cache):
    content = content_of(folder, cache)
    names = ["a.jpg", "b/c.png", "b/d/e.webp", "f.bmp", "g.jpeg"]
    assert content == {name: (len(name), sha(name.encode())) for name in names}
    assert list(content) == names


def test_only_images_and_nothing_hidden(folder, cache):
    before = content_of(folder, cache)
    for name in (
        ".hidden.jpg",
        ".git/x.jpg",
        "b/.cache/y.png",
        "notes.txt",
        "jpg",
        "x.jpg.tmp",
        "b/Thumbs.db",
        "x.gif",
    ):
        put(folder / name, b"no")
    assert content_of(folder, cache) == before


def test_suffixes_in_any_case(tmp_path, cache):
    for number, suffix in enumerate(sorted(SUFFIXES)):
        put(tmp_path / "f" / f"{number}{suffix.upper()}", b"1")
    assert len(content_of(tmp_path / "f", cache)) == len(SUFFIXES) == 5


def test_a_folder_whose_name_ends_like_an_image_is_a_folder(folder, cache):
    put(folder / "shots.jpg" / "x.png", b"inside")
    content = content_of(folder, cache)
    assert content["shots.jpg/x.png"] == (6, sha(b"inside"))
    assert "shots.jpg" not in content


def test_a_second_look_reads_nothing(folder, cache, reads):
    first = content_of(folder, cache)
    assert len(reads) == 5
    stamp = cache.stat().st_mtime_ns
    assert content_of(folder, cache) == first
    assert len(reads) == 5
    assert cache.stat().st_mtime_ns == stamp


def test_a_touched_file_is_read_once_and_the_digest_stays(folder, cache, reads):
    first = content_of(folder, cache)
    reads.clear()
    os.utime(folder / "b/c.png", ns=(1, 1))
    assert digest_of(content_of(folder, cache)) == digest_of(first)
    assert digest_of(content_of(folder, cache)) == digest_of(first)
    assert reads == ["c.png"]


def test_an_edit_of_the_same_size_is_seen(folder, cache):
    first = content_of(folder, cache)
    put(folder / "a.jpg", b"A.JPG")
    os.utime(folder / "a.jpg", ns=(2, 2))  # whatever the clock's resolution
    second = content_of(folder, cache)
    assert second["a.jpg"] == (5, sha(b"A.JPG"))
    assert digest_of(second) != digest_of(first)


def test_an_edit_of_another_size_at_the_same_time_is_seen(folder, cache):
    content_of(folder, cache)
    stat = (folder / "a.jpg").stat()
    put(folder / "a.jpg", b"longer than before")
    os.utime(folder / "a.jpg", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert content_of(folder, cache)["a.jpg"] == (18, sha(b"longer than before"))


def test_added_and_removed_and_renamed(folder, cache):
    first = content_of(folder, cache)
    put(folder / "new.jpg", b"new")
    added = content_of(folder, cache)
    assert added == first | {"new.jpg": (3, sha(b"new"))}
    (folder / "new.jpg").unlink()
    assert content_of(folder, cache) == first
    (folder / "a.jpg").rename(folder / "z.jpg")
    renamed = content_of(folder, cache)
    assert "a.jpg" not in renamed
    assert renamed["z.jpg"] == first["a.jpg"]
    assert len({digest_of(first), digest_of(added), digest_of(renamed)}) == 3


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"a.jpg": 5}', '{"a.jpg": []}', '{"a.jpg": [5]}', "\x00"])
def test_a_damaged_cache_is_no_matter(folder, cache, text):
    expected = content_of(folder, cache)
    cache.write_text(text, encoding="utf-8")
    assert content_of(folder, cache) == expected


def test_a_cache_of_another_folder_is_not_believed(tmp_path, cache):
    """`dataset.source` now names another folder: same names, sizes and (as unpacked from an archive) times."""
    for place, data in (("v1", b"first"), ("v2", b"other")):
        os.utime(put(tmp_path / place / "x.bmp", data), ns=(10**18, 10**18))
    assert content_of(tmp_path / "v1", cache)["x.bmp"][1] == sha(b"first")
    assert content_of(tmp_path / "v2", cache)["x.bmp"][1] == sha(b"other")


def test_links_in_a_loop_end(folder, cache):
    expected = content_of(folder, cache)
    (folder / "b" / "up").symlink_to(folder)
    (folder / "b" / "self").symlink_to(folder / "b")
    assert content_of(folder, cache) == expected


def test_a_link_to_frames_elsewhere_is_followed(folder, cache, tmp_path):
    put(tmp_path / "elsewhere" / "y.jpg", b"far")
    put(tmp_path / "one.jpg", b"one")
    (folder / "more").symlink_to(tmp_path / "elsewhere")
    (folder / "one.jpg").symlink_to(tmp_path / "one.jpg")
    content = content_of(folder, cache)
    assert content["more/y.jpg"] == (3, sha(b"far"))
    assert content["one.jpg"] == (3, sha(b"one"))


@pytest.mark.parametrize("target", ["gone.jpg", "dangling.jpg"])
def test_a_link_that_leads_nowhere_or_to_itself_does_not_stop_the_rest(folder, cache, target):
    expected = content_of(folder, cache)
    (folder / "dangling.jpg").symlink_to(folder / target)
    content = content_of(folder, cache)
    content.pop("dangling.jpg", None)  # listed or left out: not a crash
    assert content == expected


@pytest.mark.parametrize("name", [b"caf\xe9.jpg", b"carriage\rreturn.jpg"])
def test_a_name_that_no_table_can_hold_is_left_out_and_logged(folder, cache, caplog, name):
    expected = content_of(folder, cache)
    os.close(os.open(os.fsencode(folder) + b"/" + name, os.O_CREAT | os.O_WRONLY))
    assert content_of(folder, cache) == expected
    assert "is left out" in caplog.text
    assert ascii(os.fsdecode(name))[1:5] in caplog.text


def test_an_empty_file_is_listed(folder, cache):
    put(folder / "empty.jpg", b"")
    assert content_of(folder, cache)["empty.jpg"] == (0, sha(b""))


@pytest.mark.parametrize("name", ["a b.jpg", "q\"uo'te.png", "comma,semi;.jpg", "größe-帧.webp", "new\nline.jpg"])
def test_odd_names(folder, cache, name):
    put(folder / name, b"odd")
    assert content_of(folder, cache)[name] == (3, sha(b"odd"))
    assert content_of(folder, cache)[name] == (3, sha(b"odd"))  # out of the cache


def test_no_folder(tmp_path, cache):
    with pytest.raises(UserError, match=r"dataset\.source.*nowhere"):
        content_of(tmp_path / "nowhere", cache)


def test_a_file_is_not_a_folder(tmp_path, cache):
    with pytest.raises(UserError, match=r"dataset\.source"):
        content_of(put(tmp_path / "x.jpg", b""), cache)


def test_an_empty_folder_says_what_can_be_read(tmp_path, cache):
    put(tmp_path / "empty" / "sub" / "readme.txt", b"")
    with pytest.raises(UserError) as error:
        content_of(tmp_path / "empty", cache)
    assert str(tmp_path / "empty") in str(error.value)
    assert all(suffix in str(error.value) for suffix in SUFFIXES)


def test_nothing_but_the_cache_is_written(folder, cache):
    content_of(folder, cache)
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]


# --- the digest


TREES = st.dictionaries(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), st.binary().map(sha), max_size=5
)


@settings(deadline=None)
@given(TREES, TREES)
def test_equal_digests_mean_equal_trees(one, other):
    digests = [digest_of({path: (1, tree[path]) for path in sorted(tree)}) for tree in (one, other)]
    assert (digests[0] == digests[1]) == (one == other)


def test_a_digest_is_not_moved_by_a_swap_of_contents_unseen():
    one, other = {"a": (1, sha(b"1")), "b": (1, sha(b"2"))}, {"a": (1, sha(b"2")), "b": (1, sha(b"1"))}
    assert digest_of(one) != digest_of(other)


# --- what a path says


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("C-10352.jpg", ("C", 10352, "", "")),
        ("train/bad/C-10352.jpg", ("C", 10352, "train", "bad")),
        ("test/no_mask/A-00001.png", ("A", 1, "test", "no_mask")),
        ("x.jpg", ("", -1, "", "")),
        ("00012.jpg", ("", 12, "", "")),
        ("frame_7.jpg", ("frame", 7, "", "")),
        ("cam2 0040.jpg", ("cam2", 40, "", "")),
        ("cam2.5.jpg", ("cam2", 5, "", "")),
        ("shot12b.jpg", ("", -1, "", "")),
        ("good/x1.jpg", ("x", 1, "", "good")),
        ("good/bad/x.jpg", ("", -1, "", "bad")),
        ("lot3/train/bad/x.jpg", ("", -1, "", "bad")),
        ("training/bad/x.jpg", ("", -1, "", "bad")),
        ("train/other/x.jpg", ("", -1, "train", "")),
        ("train/x.jpg", ("", -1, "train", "")),
        ("train.jpg", ("", -1, "", "")),
        ("bad.jpg", ("", -1, "", "")),
        ("Bad/x.jpg", ("", -1, "", "")),
        ("train/bad/deep/er/x-3.jpg", ("deep/er/x", 3, "train", "bad")),
        ("monday/train/bad/x-3.jpg", ("monday/x", 3, "", "bad")),
        ("monday/0003.jpg", ("monday/", 3, "", "")),
        ("20261124_153012123456.jpg", ("20261124", 153012123456, "", "")),
        ("20261124153012123456.jpg", ("20", 261124153012123456, "", "")),
    ],
)
def test_said_by_path(path, expected):
    said = path_facts(path, CLASSES)
    assert tuple(said[key] for key in ("sequence", "number", "part", "label")) == expected


@settings(deadline=None)
@given(st.text(min_size=1, max_size=60).filter(lambda text: "\0" not in text))
def test_any_path_says_something(path):
    said = path_facts(path, CLASSES)
    assert set(said) == {"sequence", "number", "part", "label"}
    assert said["part"] in {"", "train", "test"}
    assert said["label"] in {"", *CLASSES}
    assert said["number"] >= -1


# --- the tutorial's layout


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["train/bad", "test/good"], True),
        (["train/bad", "train/good", "test/bad", "test/good"], True),
        (["train/bad"], False),
        (["test/bad"], False),
        (["train", "test"], False),
        (["train/other", "test/other"], False),
        (["lot/train/bad", "lot/test/bad"], False),
        ([], False),
    ],
)
def test_has_given_split(tmp_path, folders, expected):
    for name in folders:
        (tmp_path / name).mkdir(parents=True)
    assert has_given_split(tmp_path, CLASSES) is expected


def test_files_named_like_classes_are_no_split(tmp_path):
    put(tmp_path / "train" / "bad", b"")
    put(tmp_path / "test" / "bad", b"")
    assert not has_given_split(tmp_path, CLASSES)


def test_no_folder_is_no_split(tmp_path):
    assert not has_given_split(tmp_path / "nowhere", CLASSES)
