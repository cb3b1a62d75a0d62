"""Frames of videos: each by its number, the same however it is reached, and known by the video's content."""

import os
import random
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from linecam.camera.arithmetic import square
from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.files import read_json, sha256
from linecam.frames import video as module
from linecam.frames.decode import open_frame, read_region, write_regions
from linecam.frames.index import path_facts, read_frames, read_index
from linecam.frames.video import frame_digest, frame_path, look_at_video, place_in_video, read_video_frame
from scripts.decode_frames import decode_frames
from tests.frames.films import COUNT, KINDS, film
from tests.frames.line import CLASSES, encoded, line, picture

__all__ = ["line"]


def bar(image: NDArray[np.uint8]) -> int:
    """Which frame this is."""
    return int(np.flatnonzero(image[60, :, 0] > 130)[0]) - 20


@pytest.fixture(scope="module", params=KINDS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("films") / request.param)


@pytest.fixture(autouse=True)
def nothing_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No video stays open, and no process is forked: this one has used FFmpeg, whose locks a fork takes over as they
    are. The process of a job that decodes never uses it."""
    pool = partial(ProcessPoolExecutor, mp_context=get_context("spawn"))
    for forks in (decode_frames, write_regions):
        monkeypatch.setitem(forks.__globals__, "ProcessPoolExecutor", pool)
    yield
    module._opened.cache_clear()


def test_a_look_counts_the_frames(made):
    assert look_at_video(made, 1) == (list(range(COUNT)), 160, 120, "")
    assert look_at_video(made, 7).numbers == list(range(0, COUNT, 7))


def test_every_frame_is_itself_in_any_order(made):
    order = list(range(COUNT))
    forward = [np.asarray(read_video_frame(made, number)) for number in order]
    assert [bar(image) for image in forward] == order
    random.Random(1).shuffle(order)
    for number in [*order, 3, 3, COUNT - 1, 0]:
        np.testing.assert_array_equal(np.asarray(read_video_frame(made, number)), forward[number])


def test_far_ahead_a_key_frame_is_looked_for(made, monkeypatch):
    monkeypatch.setattr(module, "AHEAD", 2)
    assert [bar(np.asarray(read_video_frame(made, number))) for number in (0, 50, 51, 20, 59)] == [0, 50, 51, 20, 59]


def test_a_video_without_time_stamps_is_read_from_its_start(made, monkeypatch):
    opened = module._Video(made)
    opened._stamps = []
    assert [bar(np.asarray(opened.read(number))) for number in (5, 40, 7)] == [5, 40, 7]


def test_a_frame_that_is_not_there(made):
    for number in (COUNT, 10**6):
        with pytest.raises(UserError, match=f"Frame {number} of .*no such frame"):
            read_video_frame(made, number)
    assert bar(np.asarray(read_video_frame(made, 4))) == 4


def test_paths(tmp_path):
    path = film(tmp_path / "train/bad/C.MP4", 2)
    assert place_in_video(Path(frame_path(str(path), 120))) == (path, 120)
    assert place_in_video(path) is None
    (tmp_path / "odd.mp4").mkdir()
    assert place_in_video(tmp_path / "odd.mp4/000001.png") is None, "a folder may be called so"
    said = path_facts(frame_path("monday/train/bad/C.mp4", 120), CLASSES)
    assert (said["sequence"], said["number"], said["label"]) == ("monday/C.mp4/", 120, "bad")


@pytest.mark.parametrize("degrees", [90, -90, 180, -180])
def test_a_phones_frames_are_turned(tmp_path, monkeypatch, degrees):
    path = film(tmp_path / "a.mp4", 3)
    upright = np.asarray(read_video_frame(path, 1))
    monkeypatch.setattr(module._Video, "all", turned(module._Video.all, degrees))
    module._opened.cache_clear()
    np.testing.assert_array_equal(np.asarray(read_video_frame(path, 1)), np.rot90(upright, degrees // 90))
    assert look_at_video(path, 1)[1:3] == ((120, 160) if abs(degrees) == 90 else (160, 120))


def turned(all_frames, degrees):
    class Turned:
        """A frame that says by how many degrees, counterclockwise, it has to be turned."""

        rotation = degrees

        def __init__(self, frame):
            self.frame = frame

        def __getattr__(self, name):
            return getattr(self.frame, name)

    return lambda self, start=0: ((number, Turned(frame)) for number, frame in all_frames(self, start))


# --- in an index


def test_a_video_is_a_folder_of_frames(line):
    path = film(line.folder / "train/bad/C.avi", 12)
    shutil.copyfile(path, line.folder / "copy.avi")
    line.put("x.png", encoded(picture(seed=5), "PNG"))
    line.index_alone(every=5)
    table = read_frames(line.index)
    frames = table[table["path"].str.contains("avi")]
    assert list(frames["path"]) == [f"train/bad/C.avi/{number:06d}.png" for number in (0, 5, 10)]
    assert list(frames["sha256"]) == [frame_digest(sha256(path), number) for number in (0, 5, 10)]
    assert set(frames["sequence"]) == {"C.avi/"}
    assert list(frames["number"]) == [0, 5, 10]
    assert set(frames["label"]) == {"bad"}
    lines = read_json(line.summary)["lines"]
    assert "8 files: 5 used, 3 duplicates, 0 set aside" in lines
    assert "train/bad/C.avi/: 3 frames, labelled bad, to train on" in lines
    assert "of videos, one frame in 5 is used (dataset.every)" in lines
    pixels = line.decode(64)
    assert len(pixels) == 5


def test_videos_that_are_none_are_set_aside(line):
    line.put("text.mp4", b"no video")
    line.put("empty.mov", b"")
    whole = film(line.place / "whole.mpg").read_bytes()
    line.put("cut.mpg", whole[: len(whole) // 2])
    line.index_alone()
    table = read_frames(line.index)
    assert 5 < table["path"].str.startswith("cut.mpg/").sum() < COUNT
    aside = line.quarantine.read_text()
    for name in ("text.mp4", "empty.mov"):
        assert f"{name},quarantined,cannot be decoded as a video" in aside
    assert "cannot be decoded as a video: Invalid data found when processing input," in aside
    assert "cannot be decoded as a video: empty file," in aside
    line.decode()


@pytest.mark.parametrize(("suffix", "said"), [("mkv", "of the 12.0 seconds"), ("avi", "of the 300 frames")])
def test_a_video_that_breaks_off_is_named_and_used_up_to_there(line, suffix, said):
    path = film(line.folder / f"whole.{suffix}", 300)
    data = path.read_bytes()
    line.put(f"cut.{suffix}", data[: len(data) // 2])
    line.index_alone()
    table = read_index(line.index)
    used = table[table["status"] == "ok"]["path"]
    assert used.str.startswith(f"whole.{suffix}/").sum() + used.str.startswith(f"cut.{suffix}/").sum() > 300
    (aside,) = table[table["status"] == "quarantined"].itertuples()
    assert aside.path == f"cut.{suffix}"
    assert said in aside.reason


def test_a_video_for_masks_or_outside_the_split_is_not_decoded(line):
    line.put("masks/a.mp4", b"whatever")
    line.put("extra/a.mp4", b"whatever")
    line.put("train/good/x.png", encoded(picture(seed=5), "PNG"))
    line.index_alone(given=True)
    aside = line.quarantine.read_text()
    assert 'masks/a.mp4,quarantined,"a mask' in aside
    assert 'extra/a.mp4,quarantined,"outside' in aside


def test_a_video_that_was_swapped_after_the_index_is_refused(tmp_path):
    path = film(tmp_path / "a.mp4", 10)
    digest = frame_digest(sha256(path), 3)
    frame = Path(frame_path(str(path), 3))
    np.testing.assert_array_equal(
        read_region(frame, Region(side=60), digest=digest), square(open_frame(frame, digest), 60)
    )
    film(path, 11)
    os.utime(path, ns=(1, 1))
    with pytest.raises(UserError, match=r"a\.mp4 is not the video that was indexed"):
        read_region(frame, Region(side=60), digest=digest)
    path.unlink()
    with pytest.raises(UserError, match="can't be read any more"):
        read_region(frame, Region(side=60), digest=digest)


def test_squares_stay_in_their_order(tmp_path):
    """Inside they are read in the order of the video; and a process that is forked opens it anew."""
    path = film(tmp_path / "a.mp4")
    read_video_frame(path, 30)
    numbers = list(range(COUNT))
    random.Random(2).shuffle(numbers)
    paths = [Path(frame_path(str(path), number)) for number in numbers]
    digests = [frame_digest(sha256(path), number) for number in numbers]
    write_regions(
        paths, digests, tmp_path / "x.npy", region=Region(side=120), seen=(120, 120), workers=2, what="decode"
    )
    for number, seen in zip(numbers, np.load(tmp_path / "x.npy"), strict=True):
        np.testing.assert_array_equal(seen, square(read_video_frame(path, number), 120))
