"""Decoding in shards and anew: always the bytes of one clean run, and no frame that was decoded before."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from linecam.camera import arithmetic as camera
from linecam.camera.region import Region
from linecam.errors import UserError
from linecam.files import sha256
from linecam.frames import decode, reuse
from linecam.frames.picture import upright
from linecam.frames.shards import join, rows_of
from linecam.workflow.dependencies import modules_of
from scripts.decode_frames import CHUNK, decode_frames
from scripts.gather_pixels import gather_pixels

SIZE, REGION = 32, Region(side=48)


def noise(height: int, width: int, seed: int = 0) -> Image.Image:
    """Extremes alone: what is added up and cut off is then at its largest."""
    values = np.random.default_rng(seed).integers(0, 2, (height, width, 3), dtype=np.uint8) * 255
    return Image.fromarray(values)


def scene(width: int, height: int) -> Image.Image:
    """Smooth, as photos are."""
    return noise(6, 8).resize((width, height), Image.Resampling.BICUBIC)


# --- one frame


@pytest.mark.parametrize(("width", "height"), [(320, 240), (240, 320), (250, 239), (120, 120), (60, 70)])
def test_a_square_is_cut_and_resized(tmp_path: Path, width: int, height: int) -> None:
    image = noise(height, width)
    image.save(tmp_path / "a.png")
    short = min(width, height)
    left, top = (width - short) // 2, (height - short) // 2
    cut = image.crop((left, top, left + short, top + short))
    expected = cut.resize((120, 120), Image.Resampling.LANCZOS if short > 120 else Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(decode.read_region(tmp_path / "a.png", Region(side=120)), np.asarray(expected))


def in_full(path: Path, side: int) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return camera.square(upright(image), side)


@pytest.mark.parametrize(("width", "height"), [(320, 240), (640, 480), (641, 487), (1600, 1200), (480, 640)])
def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "a.jpg"
    scene(width, height).save(path, quality=90)
    difference = np.abs(decode.read_region(path, Region(side=120)).astype(int) - in_full(path, 120))
    assert difference.any(), "it was decoded in full"
    assert difference.mean() < 2
    assert difference.max() < 16


@pytest.mark.parametrize(("width", "height"), [(239, 320), (160, 120), (200, 200)])
def test_a_jpeg_of_less_than_two_sides_is_decoded_in_full(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "a.jpg"
    noise(height, width).save(path, quality=90)
    np.testing.assert_array_equal(decode.read_region(path, Region(side=120)), in_full(path, 120))


def test_a_large_frame_on_its_side_is_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    scene(640, 480).save(tmp_path / "turned.jpg", quality=95, exif=exif)
    scene(640, 480).transpose(Image.Transpose.ROTATE_270).save(tmp_path / "upright.jpg", quality=95)
    turned, expected = (
        decode.read_region(tmp_path / name, Region(side=120)).astype(int) for name in ("turned.jpg", "upright.jpg")
    )
    assert np.abs(turned - expected).mean() < 2


# --- a folder of frames


class Folder:
    """Frames, their index, and the pixels of the last run with what it kept."""

    def __init__(self, place: Path, count: int) -> None:
        self.place, self.frames, self.array = place, place / "frames", place / "pixels/32.npy"
        self.frames.mkdir(parents=True)
        for number in range(count):
            self.add(f"m-{number:03d}.png", number)

    def add(self, name: str, seed: int) -> None:
        noise(60, 80, seed=seed).save(self.frames / name)

    def index(self) -> Path:
        paths = sorted(self.frames.iterdir())
        table = pd.DataFrame({"path": [path.name for path in paths], "sha256": [sha256(path) for path in paths]})
        table.assign(status="ok").to_csv(self.place / "frames.csv", index=False)
        return self.place / "frames.csv"

    def run(
        self, index: Path, *, shards: int = 1, workers: int = 2, size: int = SIZE, region: Region = REGION
    ) -> bytes:
        """As the rules do it, after Snakemake has deleted the output: the bytes of the gathered array."""
        self.array.unlink(missing_ok=True)
        parts = [self.place / f"parts/{number + 1}-of-{shards}.npy" for number in range(shards)]
        certificates = [path.with_suffix(".rows.npy") for path in parts]
        for part, certificate in zip(parts, certificates, strict=True):
            decode_frames(
                index,
                self.frames,
                part,
                size=size,
                region=region,
                workers=workers,
                shard=part.stem,
                certificate=certificate,
                former=self.array,
            )
        gather_pixels(parts, certificates, self.array)
        shutil.rmtree(self.place / "parts")  # temp()
        return self.array.read_bytes()

    def clean(self, index: Path, **options: int) -> bytes:
        """What a run makes that knows of no other."""
        out = self.place / "clean.npy"
        decode_frames(index, self.frames, out, **({"size": SIZE, "region": REGION, "workers": 1} | options))
        return out.read_bytes()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, CHUNK + 7)


@given(st.integers(0, 10_000), st.integers(1, 300))
def test_shards_share_out_every_row_once(count: int, shards: int) -> None:
    parts = [rows_of(f"{number}-of-{shards}", count) for number in range(1, shards + 1)]
    assert [row for part in parts for row in part] == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("shard", ["0-of-3", "4-of-3", "1", "a-of-b", ""])
def test_a_shard_that_is_none(shard: str) -> None:
    with pytest.raises(ValueError, match="names no shard"):
        rows_of(shard, 10)


@pytest.mark.parametrize(("shards", "workers"), [(1, 1), (1, 3), (2, 1), (5, 2), (50, 1)])
def test_any_number_of_shards_and_workers_gives_the_same_bytes(folder: Folder, shards: int, workers: int) -> None:
    index = folder.index()
    assert folder.run(index, shards=shards, workers=workers) == folder.clean(index)


def at_the_beginning(folder: Folder) -> None:
    folder.add("a.png", 1000)


def in_the_middle(folder: Folder) -> None:
    folder.add("m-010-5.png", 1000)
    folder.add("m-020-5.png", 1001)


def at_the_end(folder: Folder) -> None:
    for number in range(CHUNK + 3):
        folder.add(f"z-{number:03d}.png", 1000 + number)


def removed(folder: Folder) -> None:
    for name in ("m-000.png", "m-017.png", "m-038.png"):
        (folder.frames / name).unlink()


def renamed(folder: Folder) -> None:
    (folder.frames / "m-005.png").rename(folder.frames / "z.png")
    (folder.frames / "m-037.png").rename(folder.frames / "b.png")


def edited(folder: Folder) -> None:
    folder.add("m-011.png", 1000)


def all_of_it(folder: Folder) -> None:
    for change in (at_the_beginning, in_the_middle, at_the_end, removed, renamed, edited):
        change(folder)


CHANGES = [at_the_beginning, in_the_middle, at_the_end, removed, renamed, edited, all_of_it]


@pytest.mark.parametrize("shards", [(1, 1), (1, 3), (3, 2)])
@pytest.mark.parametrize("change", CHANGES)
def test_only_new_frames_are_decoded(folder: Folder, change: Callable[[Folder], None], shards: tuple[int, int]) -> None:
    folder.run(folder.index(), shards=shards[0])
    known = {sha256(path) for path in folder.frames.iterdir()}
    change(folder)
    index = folder.index()
    expected = folder.clean(index)
    for path in folder.frames.iterdir():
        if sha256(path) in known:
            path.unlink()  # whoever reads it now, fails
    assert folder.run(index, shards=shards[1]) == expected
    assert folder.run(index, shards=shards[1]) == expected, "and what was copied can be copied again"


@pytest.mark.parametrize("setting", [{"size": 48}, {"region": Region(side=60)}])
def test_other_settings_decode_anew(folder: Folder, setting: dict[str, int]) -> None:
    index = folder.index()
    folder.run(index)
    assert folder.run(index, **setting) == folder.clean(index, **setting)


def test_other_code_decodes_anew(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    index = folder.index()
    folder.run(index)
    key = reuse.key_of(modules_of("scripts/decode_frames.py"), size=1)
    assert reuse.key_of(modules_of("scripts/decode_frames.py"), size=1) == key
    assert reuse.key_of(modules_of("scripts/decode_frames.py"), size=2) != key
    monkeypatch.setattr(
        reuse, "sha256", lambda path: "changed" if str(path) == "linecam/camera/arithmetic.py" else sha256(path)
    )
    assert reuse.key_of(modules_of("scripts/decode_frames.py"), size=1) != key
    shutil.rmtree(folder.frames)
    with pytest.raises(UserError, match="can't be read any more"):
        folder.run(index)


def flip_a_byte(rows: Path, _: Path) -> None:
    data = bytearray(rows.read_bytes())
    data[5000] ^= 1
    rows.write_bytes(data)


def swap_two_rows(rows: Path, _: Path) -> None:
    array = np.load(rows)
    array[[3, 4]] = array[[4, 3]]
    np.save(rows, array)


def of_fewer_rows(rows: Path, _: Path) -> None:
    np.save(rows, np.load(rows)[:-1])


def of_another_shape(rows: Path, _: Path) -> None:
    np.save(rows, np.load(rows)[:, :16])


def of_another_type(rows: Path, _: Path) -> None:
    np.save(rows, np.load(rows).astype(np.float32))


def of_no_shape(rows: Path, _: Path) -> None:
    np.save(rows, np.uint8(3))


def of_objects(rows: Path, _: Path) -> None:
    np.save(rows, np.array([{}], dtype=object))


HARMS: dict[str, Callable[[Path, Path], object]] = {
    "a byte": flip_a_byte,
    "two rows": swap_two_rows,
    "fewer rows": of_fewer_rows,
    "shape": of_another_shape,
    "type": of_another_type,
    "no shape": of_no_shape,
    "objects": of_objects,
    "cut": lambda rows, _: os.truncate(rows, 10_000),
    "empty": lambda rows, _: rows.write_bytes(b""),
    "text": lambda rows, _: rows.write_text("pixels"),
    "gone": lambda rows, _: rows.unlink(),
    "names of other rows": lambda _, names: np.save(names, np.load(names)[::-1]),
    "names of no rows": lambda _, names: np.save(names, np.zeros(3, reuse.ROW)),
    "names of another type": lambda _, names: np.save(names, np.arange(39)),
    "names cut": lambda _, names: os.truncate(names, 200),
    "names gone": lambda _, names: names.unlink(),
    "names that are a text": lambda _, names: names.write_text("names"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_whatever_was_kept_the_bytes_are_right(folder: Folder, harm: str) -> None:
    index = folder.index()
    expected = folder.run(index)
    folder.array.unlink()
    kept = folder.array.with_name(".32.npy"), folder.array.with_name(".32.rows.npy")
    assert all(path.is_file() for path in kept)
    HARMS[harm](*kept)
    assert folder.run(index) == expected
    assert {path.name for path in folder.array.parent.iterdir()} == {"32.npy", ".32.npy", ".32.rows.npy"}


def test_what_is_kept_takes_no_space(folder: Folder) -> None:
    folder.run(folder.index())
    assert folder.array.samefile(folder.array.with_name(".32.npy"))


def test_a_file_system_without_hard_links_decodes_anew(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    index = folder.index()
    expected = folder.run(index)

    def refuse(*_: object) -> None:
        raise PermissionError("no hard links")

    monkeypatch.setattr(os, "link", refuse)
    assert folder.run(index) == expected
    assert [path.name for path in folder.array.parent.iterdir()] == ["32.npy"]
    assert folder.run(index, shards=3) == expected


def test_a_frame_that_changed_since_it_was_indexed_stops_the_run(folder: Folder) -> None:
    index = folder.index()
    folder.add("m-007.png", 1000)
    with pytest.raises(UserError, match=r"m-007\.png is not the file that was indexed"):
        folder.run(index)
    assert not folder.array.exists()


def test_a_frame_that_is_gone_stops_the_run(folder: Folder) -> None:
    index = folder.index()
    (folder.frames / "m-007.png").unlink()
    with pytest.raises(UserError, match=r"m-007\.png can't be read any more.*No such file"):
        folder.run(index)


def test_joined_rows_are_those_of_one_array(tmp_path: Path) -> None:
    whole = np.random.default_rng(0).normal(size=(5000, 7)).astype(np.float32)
    np.save(tmp_path / "whole.npy", whole)
    bounds = [0, 0, 1, 1500, 4999, 5000, 5000]
    parts = [tmp_path / f"{number}.npy" for number in range(len(bounds) - 1)]
    for part, low, high in zip(parts, bounds[:-1], bounds[1:], strict=True):
        np.save(part, whole[low:high])
    join(parts, tmp_path / "joined.npy")
    assert (tmp_path / "joined.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
