"""From a frame's file to the region of it that the sensor would see."""

import hashlib
import io
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from linecam.camera.arithmetic import cut_out
from linecam.camera.region import Region, Size
from linecam.errors import UserError
from linecam.files import atomic_write
from linecam.frames.picture import FORMATS, QUARTER_TURNS, turn, upright
from linecam.frames.places import place_digest, place_of, place_path, region_in
from linecam.frames.video import place_in_video, read_video_frame
from linecam.progress import progress

CHUNK = 32  # files that a process is handed at a time


def open_frame(path: Path, digest: str = "") -> Image.Image:
    """The picture of a frame, for `upright`; that of a file is not decoded yet. Of a place it is the whole frame.

    Raises `UserError` where it has gone, or its SHA-256 is not `digest` (if given).
    """
    stands_for: Callable[[str], str] = str
    if place := place_of(path):
        path, number = place
        stands_for = partial(place_digest, number=number)
    if filmed := place_in_video(path):
        return read_video_frame(*filmed, digest, stands_for)
    Image.MAX_IMAGE_PIXELS = None  # the index has already refused what is too large
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path} can't be read any more, but was there when the frames were indexed: {error.strerror}. "
            "Run the same command again to index the frames that there are."
        ) from None
    if digest and stands_for(hashlib.sha256(data).hexdigest()) != digest:
        raise UserError(
            f"{path} is not the file that was indexed: its content has changed since. "
            "Run the same command again once nothing writes into this folder any more."
        )
    return Image.open(io.BytesIO(data), formats=FORMATS)


def read_region(path: str | Path, region: Region, seen: Size | None = None, digest: str = "") -> NDArray[np.uint8]:
    """The region of a frame, anti-aliased to `seen` (width, height), by default the sensor's pixels of it.

    Of several places it is the one that `path` names (`linecam.frames.places`).
    Returns (height, width, 3), uint8, 0..255. A JPEG is decoded at a half, a quarter or an eighth of its size where
    that leaves at least so many pixels: its decoder then leaves out the frequencies that the resize would take away,
    in a third of the time. Raises `UserError` as `open_frame` does, and where the frame has no such region.
    """
    region = region_in(Path(path), region)
    with open_frame(Path(path), digest) as image:
        whole, enough = image.size, region.enough(seen or region.size)
        if region.side is None and turn(image) in QUARTER_TURNS:
            whole, enough = whole[::-1], enough[::-1]
        if why := region.refusal(whole):
            raise UserError(
                f"{path} cannot be used: {why}. Take it away, or set camera.frame_size and {region.setting} for it."
            )
        if region.rois and not region.recorded(whole):
            raise UserError(f"{path} has {len(region.rois)} places (camera.rois). Name one: {place_path(str(path), 1)}")
        image.draft("RGB", enough)
        return cut_out(upright(image), region, seen)


def write_regions(
    paths: Sequence[Path],
    digests: Sequence[str],
    array: Path,
    *,
    region: Region,
    seen: Size,
    workers: int,
    what: str,
) -> None:
    """Write `read_region` of each file, in this order, to a .npy of (files, height, width, 3) of `seen`, uint8, 0..255.

    Raises `UserError` where the SHA-256 of a file is not that of `digests`.
    """
    # Frames of a video are read in their order, which saves a search for each.
    order = sorted(range(len(paths)), key=lambda place: str(paths[place]))
    with ProcessPoolExecutor(workers) as pool:
        chosen = [paths[place] for place in order], repeat(region), repeat(seen), [digests[place] for place in order]
        decoded = pool.map(read_region, *chosen, chunksize=CHUNK)
        by_path = list(progress(decoded, what, "frames", len(paths)))
    regions = [by_path[place] for place in np.argsort(order)]
    with atomic_write(array) as temporary, temporary.open("wb") as file:  # np.save would add a suffix to a path
        np.save(file, np.stack(regions))
