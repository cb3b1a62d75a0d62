"""Which frames are meant: those of folders, of videos, and files by name, as the index reads them."""

import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from PIL import Image

from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.frames.folder import VIDEO_SUFFIXES, read_folder
from linecam.frames.index import path_facts
from linecam.frames.layout import no_frames
from linecam.frames.look import fit
from linecam.frames.picture import FORMATS, QUARTER_TURNS, turn
from linecam.frames.places import place_path, place_sequence
from linecam.frames.video import frame_path, look_at_video, place_in_video
from linecam.progress import progress


@dataclass(frozen=True)
class Found:
    """A frame to judge."""

    path: Path  # of the file; film.mp4/000120.png is a frame of a video
    sequence: tuple[str, str]  # the folder and the name of its sequence
    number: int  # of the frame in its sequence, or -1
    label: str  # the class that a folder is named after, or ""
    step: int = 1  # by how much the number of the next frame is larger


@dataclass
class Sources:
    """What was found."""

    frames: list[Found] = field(default_factory=list)
    videos: bool = False  # whether frames of videos are among them
    refused: dict[str, str] = field(default_factory=dict)  # why a file is left out, by its path


def find(
    places: Sequence[Path],
    classes: list[str],
    *,
    every: int,
    max_pixels: int,
    workers: int,
    region: Region | None = None,
) -> Sources:
    """The frames of `places`, folders, videos and image files, in the order of their paths; each once.

    Of a video it is one frame in `every`. Below a folder, folders that are named after a class say what their frames
    show. Where `region` has several places, a frame is there once for each (`linecam.frames.places`). Raises
    `UserError` where one of `places` is not there, or a folder has no image.
    """
    images: dict[Path, Found] = {}
    videos: dict[Path, tuple[Path, str]] = {}
    found = Sources()
    for place in places:
        if place.is_dir():
            _take_folder(place, classes, images, videos, found.refused)
        elif not place.is_file():
            raise UserError(f"There is no file and no folder {place}. Name frames, a video, or a folder of them.")
        elif place.suffix.lower() in VIDEO_SUFFIXES:
            videos[place] = place.parent, place.name
        else:
            images[place] = _found(place.parent, place.name, [])
    frames = list(images.values())
    if videos:
        found.videos = True
        # FFmpeg's locks don't survive a fork of a process that has used it.
        with ProcessPoolExecutor(min(workers, len(videos)), get_context("spawn")) as pool:
            looks = pool.map(partial(look_at_video, every=every), videos)
            for (path, (base, name)), look in zip(
                videos.items(), progress(looks, "look", "videos", len(videos)), strict=True
            ):
                reason = fit(look.width, look.height, max_pixels).reason if look.numbers else ""
                if problem := look.problem or reason:
                    found.refused[str(path)] = problem
                if not reason:
                    frames += [_found(base, frame_path(name, number), classes, every) for number in look.numbers]
    if region and region.rois:
        frames = [part for frame in frames for part in _places_of(frame, region)]
    found.frames = sorted(frames, key=lambda frame: str(frame.path))
    return found


def _places_of(frame: Found, region: Region) -> list[Found]:
    """The places of a frame; itself where it has the size of a place, or cannot be used, as is said later."""
    if not place_in_video(frame.path):
        try:
            with Image.open(frame.path, formats=FORMATS) as image:
                size = image.size[::-1] if turn(image) in QUARTER_TURNS else image.size
        except Exception:  # decoders raise anything on broken files
            return [frame]
        if region.recorded(size) or region.refusal(size):
            return [frame]
    base, sequence = frame.sequence
    return [
        replace(
            frame,
            path=Path(place_path(str(frame.path), number)),
            sequence=(base, place_sequence(sequence, number)),
            label="",  # the folder's is about the whole frame
        )
        for number in range(1, len(region.rois) + 1)
    ]


def _take_folder(
    folder: Path,
    classes: list[str],
    images: dict[Path, Found],
    videos: dict[Path, tuple[Path, str]],
    refused: dict[str, str],
) -> None:
    with tempfile.TemporaryDirectory(prefix="linecam-") as aside:  # the memory of checksums is of no use here
        listing = read_folder(folder, Path(aside) / "seen.json")
    refused |= {str(folder / path): reason for path, reason in listing.refused.items()}
    masks = no_frames(dict.fromkeys([*listing.files, *listing.videos], ""), classes, given=False)
    refused |= {str(folder / path): reason for path, reason in masks.items()}
    images |= {folder / path: _found(folder, path, classes) for path in listing.files if path not in masks}
    videos |= {folder / path: (folder, path) for path in listing.videos if path not in masks}


def _found(base: Path, path: str, classes: list[str], step: int = 1) -> Found:
    facts = path_facts(path, classes)
    number = facts["number"]
    assert isinstance(number, int)
    return Found(base / path, (str(base), str(facts["sequence"])), number, str(facts["label"]), step)
