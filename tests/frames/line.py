"""A folder of frames and its index, for the tests of what indexing makes of files."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from linecam.camera.region import Region
from linecam.files import read_json
from linecam.frames.folder import LABELS_FILE
from linecam.frames.index import COLUMNS, read_frames, read_index, read_pixels
from scripts.decode_frames import decode, decode_frames
from scripts.index_frames import index_frames

CLASSES = ["bad", "good", "no_mask"]


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def picture(width: int = 48, height: int = 32, seed: int = 0) -> Image.Image:
    return Image.fromarray(noise(height, width, seed=seed))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


class Line:
    """A folder of frames and its index."""

    def __init__(self, place: Path) -> None:
        self.folder, self.place = place / "frames", place
        self.index, self.quarantine = place / "index" / "frames.csv", place / "index" / "quarantine.csv"
        self.summary = place / "index" / "summary.json"

    def put(self, name: str, data: bytes) -> Path:
        return put(self.folder / name, data)

    def run(self, max_pixels: int = 1_000_000, **options: int) -> pd.DataFrame:
        """The index by path; with what holds for every index."""
        self.index_alone(max_pixels, **options)
        table = read_index(self.index)
        assert list(table.columns) == COLUMNS
        files = {path.relative_to(self.folder).as_posix(): path for path in self.folder.rglob("*") if path.is_file()}
        files = {name: path for name, path in files.items() if path.name != LABELS_FILE and path.suffix != ".jsonl"}
        assert list(table["path"]) == sorted(files)
        assert set(table["status"]) <= {"ok", "duplicate", "quarantined"}
        assert ((table["reason"] == "") == (table["status"] == "ok")).all()
        for row in table.itertuples():
            data = files[row.path].read_bytes()
            assert (row.bytes, row.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        aside = pd.read_csv(self.quarantine, keep_default_na=False)
        assert list(aside["path"]) == list(table.loc[table["status"] != "ok", "path"])
        assert list(aside["reason"]) == list(table.loc[table["status"] != "ok", "reason"])
        assert sorted(path.name for path in self.index.parent.iterdir()) == [
            "frames.csv",
            "quarantine.csv",
            "summary.json",
        ]
        said = read_json(self.summary)
        assert [said[key] for key in ("files", "used", "duplicates", "set_aside")] == [
            len(table),
            *((table["status"] == status).sum() for status in ("ok", "duplicate", "quarantined")),
        ]
        assert said["lines"]
        return table.set_index("path")

    def index_alone(self, max_pixels: int = 1_000_000, **options: int) -> None:
        index_frames(
            self.folder,
            self.index,
            self.quarantine,
            self.summary,
            cache=self.place / "seen.json",
            classes=CLASSES,
            max_pixels=max_pixels,
            workers=1,
            **options,
        )

    def decode(self, size: int = 32) -> NDArray[np.uint8]:
        """The pixels by row, after a check of each against a single decode."""
        out = self.place / "pixels" / f"{size}.npy"
        decode_frames(self.index, self.folder, out, size=size, region=Region(side=64), workers=1)
        pixels = read_pixels(out)
        frames = read_frames(self.index)
        assert pixels.shape == (len(frames), size, size, 3)
        assert pixels.dtype == np.uint8
        assert [path.name for path in out.parent.iterdir()] == [out.name]
        for row in frames.itertuples():
            np.testing.assert_array_equal(
                pixels[row.Index], decode([self.folder / row.path], size=size, region=Region(side=64))[0]
            )
        return np.asarray(pixels)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    made = Line(tmp_path)
    made.put("anchor.png", encoded(picture(seed=99), "PNG"))  # always one good frame
    return made


def frames_at(line: Line, *names: str) -> None:
    """Frames that all differ."""
    for number, name in enumerate(names):
        line.put(name, encoded(picture(seed=number), "PNG"))


def said(line: Line) -> list[str]:
    lines: list[str] = read_json(line.summary)["lines"]
    return lines


def some(line: Line, text: str) -> bool:
    return any(text in one for one in said(line))


def made(place: Path, folders: list[str]) -> Path:
    """Folders, and files where a name has a suffix."""
    place.mkdir(exist_ok=True)
    for name in folders:
        if Path(name).suffix:
            put(place / name, b"")
        else:
            (place / name).mkdir(parents=True)
    return place
