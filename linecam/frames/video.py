"""Frames of videos. The path film.mp4/000120.png stands for the frame 120 of film.mp4, the first one being 0.

So the file is the folder of its frames in all that goes by paths: the sequence, the part, the label.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from linecam.errors import UserError, text_of
from linecam.files import sha256
from linecam.frames.folder import VIDEO_SUFFIXES

# So many frames ahead are decoded one after the other: to look for a key frame before them would take longer.
AHEAD = 250

# By degrees, counterclockwise, that a phone held otherwise has its frames turned by.
_TURNS = {
    90: Image.Transpose.ROTATE_90,
    -90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    -180: Image.Transpose.ROTATE_180,
}


def frame_path(video: str, number: int) -> str:
    """The path that stands for a frame of a video."""
    return f"{video}/{number:06d}.png"


def frame_digest(digest: str, number: int) -> str:
    """What stands for a frame's SHA-256: the SHA-256 of the video's SHA-256 and the frame's number.

    Its pixels would not do: another version of a decoder may round them otherwise, and labels would be lost.
    """
    return hashlib.sha256(f"{digest} {number}".encode()).hexdigest()


def place_in_video(path: Path) -> tuple[Path, int] | None:
    """The video and the frame's number that a path stands for; None if it is the path of a file."""
    video = path.parent
    if video.suffix.lower() in VIDEO_SUFFIXES and path.stem.isdecimal() and video.is_file():
        return video, int(path.stem)
    return None


def read_video_frame(video: Path, number: int, digest: str = "", stands_for: Callable[[str], str] = str) -> Image.Image:
    """A frame of a video, RGB, upright.

    Raises `UserError` where it cannot be read, or `digest`, if given, is not what `stands_for` makes of its
    `frame_digest`: by default that itself.
    """
    try:
        status = video.stat()
        opened, found = _opened(video, status.st_size, status.st_mtime_ns, os.getpid())
        if not digest or stands_for(frame_digest(found, number)) == digest:
            return opened.read(number)
    except Exception as error:  # decoders raise anything on broken files
        raise UserError(
            f"Frame {number} of {video} can't be read any more, but was there when the frames were indexed: "
            f"{text_of(error)}. Run the same command again to index the frames that there are."
        ) from None
    raise UserError(
        f"{video} is not the video that was indexed: its content has changed since. "
        "Run the same command again once nothing writes into this folder any more."
    )


class VideoLook(NamedTuple):
    """What a video turned out to be."""

    numbers: list[int]  # of its frames that can be used
    width: int  # in pixels, as it is seen
    height: int
    problem: str  # why there are no more of them, or ""


def look_at_video(video: Path, every: int) -> VideoLook:
    """Decode a video to its end and say which frames it has, each `every`-th one: 0, `every`, and so on.

    Raises nothing: whatever is wrong is its `problem`.
    """
    numbers: list[int] = []
    width = height = damaged = 0
    try:
        if not video.stat().st_size:
            raise ValueError("empty file")
        opened = _Video(video)
        for number, frame in opened.all():
            width, height = (frame.height, frame.width) if abs(frame.rotation) == 90 else (frame.width, frame.height)
            if number % every == 0:
                damaged += frame.is_corrupt
                numbers += [] if frame.is_corrupt else [number]
    except Exception as error:  # decoders raise anything on broken files
        where = f"after its frame {numbers[-1]}" if numbers else "as a video"
        why = getattr(error, "strerror", None) or text_of(error)
        return VideoLook(numbers, width, height, f"cannot be decoded {where}: {why}")
    problems = [f"{damaged} of its frames are damaged"] if damaged else []
    problems += [f"it breaks off: it has {opened.lacks}. The frames up to there are used"] if opened.lacks else []
    if not numbers and not problems:
        problems = ["a video without a frame"]
    return VideoLook(numbers, width, height, "; ".join(problems))


class _Video:
    """A video that is open for reading by number; by several threads, too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        container, stream = self._open()
        # An empty one stands for a frame like the one before; the last of all, without a time, for none.
        packets = [packet for packet in container.demux(stream) if packet.size or packet.dts is not None]
        stamps = [packet.pts for packet in packets if packet.size]
        self.lacks = _lacking(container, stream, packets)  # what the file says that it has, and has not; or ""
        # A frame's number is the place of its time stamp among all. A video without stamps is read from its start.
        distinct = None not in stamps and len(set(stamps)) == len(stamps)
        self._stamps = sorted(stamps) if distinct else []
        self._numbers = {stamp: number for number, stamp in enumerate(self._stamps)}
        container.close()
        self._at = -1
        self._seen: Image.Image | None = None  # the frame `_at`
        self._frames: Iterator[tuple[int, Any]] = iter(())

    def _open(self) -> tuple[Any, Any]:
        import av  # noqa: PLC0415 (of no use without videos)

        container = av.open(str(self._path), metadata_errors="ignore")
        if not container.streams.video:
            raise ValueError("there is no video in it")
        return container, container.streams.video[0]

    def all(self, start: int = 0) -> Iterator[tuple[int, Any]]:
        """Number and frame of all frames, ascending, from `start` or one before it on."""
        container, stream = self._open()
        with container:
            if start and self._stamps:
                container.seek(self._stamps[start], stream=stream)
            for count, frame in enumerate(container.decode(stream)):
                number = self._numbers.get(frame.pts) if self._stamps else count
                if number is not None:
                    yield number, frame

    def read(self, number: int) -> Image.Image:
        """The frame of this number, RGB, upright. Raises `ValueError` where there is none, and what PyAV raises."""
        with self._lock:
            if self._seen and number == self._at:  # another place of the same frame
                return self._seen.copy()
            self._seen = None
            if not self._at < number <= self._at + AHEAD:
                known = number < len(self._stamps)
                self._frames = self.all(number if known else 0)
            frame = self._forward(number)
            if frame is None:  # a seek may come out behind its aim
                self._frames = self.all()
                frame = self._forward(number)
            if frame is None:
                self._at = -1
                self._frames = iter(())
                raise ValueError("there is no such frame")
            image: Image.Image = frame.to_image()
            turned = _TURNS.get(frame.rotation)
            self._seen = image if turned is None else image.transpose(turned)
            return self._seen.copy()

    def _forward(self, number: int) -> Any:
        for found, frame in self._frames:
            self._at = found
            if found >= number:
                return frame if self._at == number else None
        return None


def _lacking(container: Any, stream: Any, packets: list[Any]) -> str:
    if len(packets) < stream.frames:
        return f"{len(packets)} of the {stream.frames} frames that it says it has"
    # Matroska files state a length, and no number of frames. With sound it is the length of the longer of the two.
    times = [packet.pts for packet in packets if packet.pts is not None]
    if "matroska" in container.format.name and len(container.streams) == 1 and container.duration and times:
        whole, there = container.duration / 1_000_000, float(max(times) * stream.time_base)
        if there + max(1.0, 2 / (stream.average_rate or 1)) < whole:
            return f"{there:.1f} of the {whole:.1f} seconds that it says it has"
    return ""


@lru_cache(maxsize=2)
def _opened(video: Path, size: int, modified: int, process: int) -> tuple[_Video, str]:
    """A video and its SHA-256; `size` and `modified` say that the file is the same.

    A `process` that was forked would read on where another one stands.
    """
    return _Video(video), sha256(video)
