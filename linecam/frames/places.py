"""Places of a frame (`camera.rois`). The path tray-07.png/place-2.png stands for the second place of tray-07.png.

So a frame is the folder of its places, as a video is that of its frames. No file is cut: whoever reads such a path
reads the frame, and looks at the place alone.
"""

import hashlib
import re
from pathlib import Path, PurePosixPath

from linecam.camera.region import Region
from linecam.frames.folder import SUFFIXES

_NAME = re.compile(r"place-([1-9][0-9]?)\.png")


def place_path(frame: str, number: int) -> str:
    """The path that stands for a place of a frame; `number` is from 1 on."""
    return f"{frame}/place-{number}.png"


def place_digest(digest: str, number: int) -> str:
    """What stands for a place's SHA-256: the SHA-256 of the frame's SHA-256 and the place's number.

    Where the place lies is not in it: whoever moves it by some pixels keeps the labels.
    """
    return hashlib.sha256(f"{digest} place {number}".encode()).hexdigest()


def place_sequence(sequence: str, number: int) -> str:
    """The sequence of the pictures of a place, in that of the frames; "" where these have none."""
    return f"{sequence} place {number}" if sequence else ""


def place_of(path: Path) -> tuple[Path, int] | None:
    """The frame and the place's number that a path stands for; None if it is the path of a file."""
    name = _NAME.fullmatch(path.name)
    if name and path.parent.suffix.lower() in SUFFIXES and not path.parent.is_dir():
        return path.parent, int(name[1])
    return None


def frame_of(path: str) -> str:
    """The path of the frame that a path of the index shows, or shows a place of."""
    place = place_of(Path(path))
    return str(PurePosixPath(path).parent) if place else path


def region_in(path: Path, region: Region) -> Region:
    """What of the frame `path` stands for is seen: `region`, or of several places the one that the path names."""
    place = place_of(path) if region.rois else None
    return region.place(place[1]) if place else region
