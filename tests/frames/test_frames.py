"""What a folder holds: nothing missed, nothing stale, nothing fatal."""

import errno
import hashlib
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linecam.errors import UserError
from linecam.frames import folder as module
from linecam.frames.folder import LABELS_FILE, SUFFIXES, Listing, digest_of, read_folder


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def content_of(folder: Path, cache: Path) -> dict[str, tuple[int, str]]:
    return read_folder(folder, cache).files


def digest(folder: Path, cache: Path) -> str:
    return digest_of(read_folder(folder, cache))


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
        "x.mp3",
    ):
        put(folder / name, b"no")
    assert content_of(folder, cache) == before


def test_suffixes_in_any_case(tmp_path, cache):
    for number, suffix in enumerate(sorted(SUFFIXES)):
        put(tmp_path / "f" / f"{number}{suffix.upper()}", b"1")
    assert len(content_of(tmp_path / "f", cache)) == len(SUFFIXES)


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
    assert digest(folder, cache) == digest_of(Listing(first))
    assert digest(folder, cache) == digest_of(Listing(first))
    assert reads == ["c.png"]


def test_an_edit_of_the_same_size_is_seen(folder, cache):
    first = content_of(folder, cache)
    put(folder / "a.jpg", b"A.JPG")
    os.utime(folder / "a.jpg", ns=(2, 2))  # whatever the clock's resolution
    second = content_of(folder, cache)
    assert second["a.jpg"] == (5, sha(b"A.JPG"))
    assert digest_of(Listing(second)) != digest_of(Listing(first))


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
    assert len({digest_of(Listing(files)) for files in (first, added, renamed)}) == 3


def test_a_full_disk_keeps_nobody_from_a_look(folder, cache, monkeypatch):
    """Nothing is remembered then. A step that has to write says so."""

    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "atomic_write", full)
    seen = read_folder(folder, cache)
    assert not cache.exists()
    monkeypatch.undo()
    assert read_folder(folder, cache) == seen


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
def test_a_link_that_leads_nowhere_or_to_itself_is_named(folder, cache, target):
    expected = content_of(folder, cache)
    (folder / "dangling.jpg").symlink_to(folder / target)
    listing = read_folder(folder, cache)
    assert listing.files == expected
    assert list(listing.refused) == ["dangling.jpg"]
    assert ("nowhere" if target == "gone.jpg" else "symbolic links") in listing.refused["dangling.jpg"]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        (b"caf\xe9.jpg", "caf\\xe9.jpg"),
        (b"carriage\rreturn.jpg", "carriage\\rreturn.jpg"),
        (b"new\nline.jpg", "new\\nline.jpg"),
        ("line\u2028break.jpg".encode(), "line\\u2028break.jpg"),
        (b"b/\xff\xfe.png", "b/\\xff\\xfe.png"),
    ],
)
def test_a_name_that_no_table_can_hold_is_refused(folder, cache, name, written):
    expected = content_of(folder, cache)
    os.close(os.open(os.fsencode(folder) + b"/" + name, os.O_CREAT | os.O_WRONLY))
    listing = read_folder(folder, cache)
    assert listing.files == expected
    assert list(listing.refused) == [written]
    assert "rename it" in listing.refused[written]
    written.encode("utf-8")
    assert digest_of(listing) != digest_of(Listing(expected))


def test_a_folder_of_such_a_name_is_refused_once(folder, cache):
    expected = content_of(folder, cache)
    Path(os.fsdecode(os.fsencode(folder) + b"/m\xfcll")).mkdir()
    for name in (b"1.jpg", b"2.jpg"):
        os.close(os.open(os.fsencode(folder) + b"/m\xfcll/" + name, os.O_CREAT | os.O_WRONLY))
    listing = read_folder(folder, cache)
    assert listing.files == expected
    assert list(listing.refused) == ["m\\xfcll/"]


def test_what_is_no_file_is_refused_and_never_opened(folder, cache):
    """Opening a FIFO would wait for a writer for ever."""
    os.mkfifo(folder / "pipe.jpg")
    (folder / "null.png").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(folder)  # a socket's path may have 100 letters
        try:
            one.bind("plug.bmp")
        finally:
            os.chdir(here)
        listing = read_folder(folder, cache)
    assert listing.refused == {"null.png": "a device", "pipe.jpg": "a FIFO", "plug.bmp": "a socket"}
    assert len(listing.files) == 5


def test_what_may_not_be_read_is_refused(folder, cache, monkeypatch):
    """As root, who runs tests in a container, may read everything: so the system is made to refuse."""
    denied = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    scan, read = os.scandir, module.sha256

    def scandir(place):
        if Path(place).name == "d":
            raise denied
        return scan(place)

    def sha256(path):
        if Path(path).name == "a.jpg":
            raise denied
        return read(path)

    monkeypatch.setattr(module.os, "scandir", scandir)
    monkeypatch.setattr(module, "sha256", sha256)
    listing = read_folder(folder, cache)
    assert listing.refused == {
        "a.jpg": "cannot be read: Permission denied",
        "b/d/": "cannot be read: Permission denied",
    }
    assert list(listing.files) == ["b/c.png", "f.bmp", "g.jpeg"]


def test_links_to_a_folder_that_is_read_already_are_named(folder, cache):
    (folder / "again").symlink_to(folder / "b")
    (folder / "b" / "up").symlink_to(folder)
    listing = read_folder(folder, cache)
    assert len(listing.files) == 5
    assert listing.refused == {
        "again/": "a link to a folder that is read as b/",
        "b/up/": "a link to a folder that is read as the source itself",
    }


def test_nothing_is_logged(folder, cache, caplog):
    """Before Snakemake has set up its log: a line to the root logger then makes it say everything twice."""
    (folder / "dangling.jpg").symlink_to(folder / "gone.jpg")
    os.close(os.open(os.fsencode(folder) + b"/caf\xe9.jpg", os.O_CREAT | os.O_WRONLY))
    read_folder(folder, cache)
    assert not caplog.records


def test_what_is_passed_over_is_counted(folder, cache):
    for name in ("notes.txt", "b/more.TXT", "film.mp3", "Makefile", ".hidden.jpg", "b/.git/x.jpg"):
        put(folder / name, b"no")
    listing = read_folder(folder, cache)
    assert listing.passed_over == {".txt": 2, ".mp3": 1, "": 1}
    assert listing.hidden == 2
    assert digest_of(listing) == digest_of(Listing(listing.files)), "a note beside the frames changes no frame"


def test_a_file_of_labels_is_no_frame_and_counts(folder, cache):
    before = digest(folder, cache)
    put(folder / LABELS_FILE, b"{}")
    put(folder / f"x{LABELS_FILE}", b"{}")
    listing = read_folder(folder, cache)
    assert listing.labels_files == {LABELS_FILE: sha(b"{}")}
    assert len(listing.files) == 5
    assert listing.passed_over == {".labels": 1}
    put(folder / LABELS_FILE, b"[]")
    assert len({before, digest_of(listing), digest(folder, cache)}) == 3


def test_an_empty_file_is_listed(folder, cache):
    put(folder / "empty.jpg", b"")
    assert content_of(folder, cache)["empty.jpg"] == (0, sha(b""))


@pytest.mark.parametrize("name", ["a b.jpg", "q\"uo'te.png", "comma,semi;.jpg", "größe-帧.webp"])
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
    assert "1 .txt" in str(error.value)


def test_nothing_but_the_cache_is_written(folder, cache):
    content_of(folder, cache)
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]


def test_a_source_that_is_no_folder_is_shown_as_it_is(tmp_path):
    (tmp_path / "caps.zip").write_bytes(b"")
    for name, told in (
        ("caps.zip", "dataset.source: .*caps.zip is a file. Name the folder"),
        ("caps ", "dataset.source: there is no folder '.*caps '. Name the folder"),
        ("new\table", r"dataset.source: there is no folder '.*new\\table'. Name the folder"),
    ):
        with pytest.raises(UserError, match=told):
            read_folder(tmp_path / name, tmp_path / "cache.json")


# --- the digest


TREES = st.dictionaries(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), st.binary().map(sha), max_size=5
)


@settings(deadline=None)
@given(TREES, TREES)
def test_equal_digests_mean_equal_trees(one, other):
    digests = [digest_of(Listing({path: (1, tree[path]) for path in sorted(tree)})) for tree in (one, other)]
    assert (digests[0] == digests[1]) == (one == other)


def test_a_digest_is_not_moved_by_a_swap_of_contents_unseen():
    one, other = {"a": (1, sha(b"1")), "b": (1, sha(b"2"))}, {"a": (1, sha(b"2")), "b": (1, sha(b"1"))}
    assert digest_of(Listing(one)) != digest_of(Listing(other))
