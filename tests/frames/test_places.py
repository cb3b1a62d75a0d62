"""Several places of a frame: a row and a picture for each, to the pixel what camera.roi gives for its rectangle."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from linecam.camera.arithmetic import to_input
from linecam.camera.region import Region, size_of
from linecam.errors import UserError
from linecam.files import read_json, sha256
from linecam.frames.decode import open_frame, read_region
from linecam.frames.index import part_sequences, read_index
from linecam.frames.places import frame_of, place_digest, place_of, place_path, region_in
from linecam.frames.video import frame_digest, frame_path, read_video_frame
from scripts.decode_frames import decode_frames
from scripts.decode_part import decode_part
from tests.frames.films import film
from tests.frames.line import Line, encoded, picture

QVGA = (320, 240)
ROIS = ((40, 100, 90, 60), (150, 100, 90, 60), (150, 170, 90, 60))
PLACES = Region(rois=ROIS, frame=QVGA)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    """An empty folder."""
    return Line(tmp_path)


def put(line: Line, name: str, width: int = 320, height: int = 240, seed: int = 0) -> str:
    """A frame; its SHA-256."""
    return sha256(line.put(name, encoded(picture(width, height, seed=seed), "PNG")))


def indexed(line: Line) -> pd.DataFrame:
    line.index_alone(10_000_000, region=PLACES)
    return read_index(line.index).set_index("path")


def lines_of(line: Line) -> list[str]:
    return list(read_json(line.summary)["lines"])


# --- names


def test_a_path_stands_for_a_place_and_a_file_of_that_name_for_itself(tmp_path: Path) -> None:
    path = Path(place_path("monday/tray-07.png", 12))
    assert path == Path("monday/tray-07.png/place-12.png")
    assert place_of(path) == (Path("monday/tray-07.png"), 12)
    assert frame_of(str(path)) == "monday/tray-07.png"
    for name in ("tray-07.png", "place-1.png", "monday/place-1.png", "a.png/place-0.png", "a.png/place-100.png"):
        assert place_of(Path(name)) is None
        assert frame_of(name) == name
    (tmp_path / "odd.png").mkdir()
    assert place_of(tmp_path / "odd.png/place-1.png") is None, "a folder may be called so"


def test_a_region_of_places_survives_as_plain_values_and_as_a_name() -> None:
    assert Region.of(PLACES.as_param()) == PLACES
    assert PLACES.as_param() == {"rois": [list(roi) for roi in ROIS], "frame": [320, 240]}
    assert size_of(PLACES.name) == PLACES.size == (90, 60)
    assert PLACES.place(2) == Region(roi=ROIS[1], frame=QVGA)
    assert region_in(Path("a.png/place-2.png"), PLACES) == PLACES.place(2)
    assert region_in(Path("a.png/place-2.png"), Region(side=64)) == Region(side=64)
    with pytest.raises(ValueError, match="no common box"):
        PLACES.box(QVGA)


# --- the index


def test_each_place_of_a_frame_is_a_row_in_a_sequence_of_its_own(line: Line) -> None:
    digests = {number: put(line, f"monday/A-{number:03}.png", seed=number) for number in (7, 8)}
    table = indexed(line)
    assert list(table.index) == [f"monday/A-{n:03}.png/place-{place}.png" for n in (7, 8) for place in (1, 2, 3)]
    assert list(table["sequence"]) == [f"monday/A place {place}" for place in (1, 2, 3)] * 2
    assert list(table["number"]) == [7] * 3 + [8] * 3
    assert set(table["status"]) == {"ok"}
    assert list(table["sha256"]) == [place_digest(digests[n], place) for n in (7, 8) for place in (1, 2, 3)]
    assert place_digest(digests[7], 2) == hashlib.sha256(f"{digests[7]} place 2".encode()).hexdigest()
    assert table[["width", "height"]].to_numpy().tolist() == [[320, 240]] * 6
    assert "each frame is 3 pictures, one of each place (camera.rois): 6 to choose from" in lines_of(line)


def test_what_cannot_be_used_is_in_the_quarantine_as_without_places(line: Line) -> None:
    put(line, "good.png")
    put(line, "wide.png", 2048, 96)
    line.put("empty.png", b"")
    line.put("cut.png", encoded(picture(), "PNG")[:90])
    table = indexed(line)
    assert list(table.index[table["status"] == "ok"]) == [f"good.png/place-{n}.png" for n in (1, 2, 3)]
    aside = pd.read_csv(line.quarantine, keep_default_na=False).set_index("path")["reason"]
    line.index_alone(10_000_000, region=PLACES.place(1))
    single = pd.read_csv(line.quarantine, keep_default_na=False).set_index("path")["reason"]
    assert sorted(aside.index) == ["cut.png", "empty.png", "wide.png"]
    assert aside["empty.png"] == single["empty.png"]
    assert aside["cut.png"] == single["cut.png"]
    assert (
        "neither the shape of the sensor's frame, 320 x 240, nor the size of camera.rois, 90 x 60" in aside["wide.png"]
    )


def test_a_copy_of_a_frame_is_no_second_picture_of_any_place(line: Line) -> None:
    put(line, "a-1.png")
    put(line, "b-1.png")
    table = indexed(line)
    assert list(table["status"]) == ["ok"] * 3 + ["duplicate"] * 3
    assert table["reason"].iloc[3] == "same bytes as a-1.png"
    assert table.loc[table["status"] == "ok", "sha256"].is_unique


def test_a_folder_of_a_class_says_nothing_of_the_places_but_of_a_picture_of_one(line: Line) -> None:
    put(line, "bad/tray-1.png")
    put(line, "good/cap-1.png", 90, 60)
    table = indexed(line)
    assert table["label"].to_dict() == {
        "bad/tray-1.png/place-1.png": "",
        "bad/tray-1.png/place-2.png": "",
        "bad/tray-1.png/place-3.png": "",
        "good/cap-1.png": "good",
    }
    assert any(
        text.startswith("1 file labelled by a folder or an export: these labels are not used")
        for text in lines_of(line)
    )
    assert "1 frame of 90 x 60: the network sees all of each, as it is a picture of one place" in lines_of(line)
    shown = "1 frame of 320 x 240: the network sees 3 places of each, one after the other, of 90 x 60 pixels"
    assert f"{shown}, as camera.rois says" in lines_of(line)


def test_a_kept_frame_is_kept_at_every_place(line: Line) -> None:
    put(line, "kept/K0000100.png")
    line.put("kept/K0000100.jsonl", b'{"file": "K0000100.bmp", "run": 3, "item": 12, "reason": "margin", "place": 2}\n')
    table = indexed(line)
    assert list(table["kept"]) == ["margin"] * 3
    assert list(table["sequence"]) == [f"kept/K0000003 place {n}" for n in (1, 2, 3)]
    assert list(table["number"]) == [12] * 3


def test_folders_that_each_count_from_the_start_are_sequences_of_their_own(line: Line) -> None:
    for part, folder in enumerate(("train", "test")):
        for number in (1, 2, 3):
            put(line, f"{folder}/A-{number}.png", seed=10 * part + number)
    assert set(indexed(line)["sequence"]) == {
        f"{folder}/A place {n}" for folder in ("train", "test") for n in (1, 2, 3)
    }


# --- the pixels


@pytest.mark.parametrize(("kind", "size"), [("PNG", QVGA), ("PNG", (640, 480)), ("JPEG", (2560, 1920)), ("BMP", QVGA)])
def test_a_place_has_the_pixels_of_a_region_at_the_same_rectangle(
    tmp_path: Path, kind: str, size: tuple[int, int]
) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    picture(*size).save(path, kind)
    for number, roi in enumerate(ROIS, 1):
        alone = Region(roi=roi, frame=QVGA)
        place = place_path(str(path), number)
        np.testing.assert_array_equal(read_region(place, PLACES), read_region(path, alone))
        np.testing.assert_array_equal(read_region(place, PLACES, (32, 32)), read_region(path, alone, (32, 32)))
    seen = [read_region(place_path(str(path), number), PLACES).tobytes() for number in (1, 2, 3)]
    assert len(set(seen)) == 3


def test_every_step_sees_the_same_places(line: Line) -> None:
    digest = put(line, "tray-1.png", 640, 480)
    put(line, "tray-2.png", seed=2)
    put(line, "one.png", 90, 60, seed=3)
    indexed(line)
    decode_frames(line.index, line.folder, line.place / "x.npy", size=32, region=PLACES, workers=1)
    pixels = np.load(line.place / "x.npy")
    expected = [read_region(line.folder / "one.png", PLACES)]
    expected += [
        read_region(line.folder / name, Region(roi=roi, frame=QVGA))
        for name in ("tray-1.png", "tray-2.png")
        for roi in ROIS
    ]
    np.testing.assert_array_equal(pixels, to_input(np.stack(expected), 32))
    split = line.place / "split.csv"
    table = read_index(line.index)
    table.assign(row=range(7), part="train", label="good", by="me").to_csv(split, index=False)
    out = line.place / "p.npy", line.place / "p.csv"
    decode_part(split, line.folder, *out, part="train", region=PLACES, seen=PLACES.size, workers=1)
    np.testing.assert_array_equal(np.load(out[0]), np.stack(expected))
    assert table["sha256"][1] == place_digest(digest, 1)


def test_a_frame_that_has_changed_is_refused_at_its_places(line: Line) -> None:
    digest = place_digest(put(line, "a.png"), 2)
    path = line.folder / "a.png/place-2.png"
    assert open_frame(path, digest).size == QVGA
    with pytest.raises(UserError, match="not the file that was indexed"):
        open_frame(path, place_digest(sha256(line.folder / "a.png"), 1))
    put(line, "a.png", seed=1)
    with pytest.raises(UserError, match="not the file that was indexed"):
        open_frame(path, digest)


def test_frames_of_a_video_have_places(tmp_path: Path) -> None:
    video = film(tmp_path / "C.mp4", 6)
    places = Region(rois=((10, 20, 50, 50), (80, 40, 50, 50)), frame=(160, 120))
    seen_before = b""
    for number in (4, 1):
        frame = frame_path(str(video), number)
        whole = np.asarray(read_video_frame(video, number))
        assert whole.tobytes() != seen_before, "each frame of the film is another"
        seen_before = whole.tobytes()
        for place, (x, y, width, height) in enumerate(places.rois, 1):
            digest = place_digest(frame_digest(sha256(video), number), place)
            seen = read_region(place_path(frame, place), places, digest=digest)
            np.testing.assert_array_equal(seen, whole[y : y + height, x : x + width])
    with pytest.raises(UserError, match="not the video that was indexed"):
        read_region(place_path(frame, 1), places, digest=digest)


def test_a_place_is_not_decoded_again_for_its_neighbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a video: to go back by one frame means to decode from the key frame before it."""
    video = film(tmp_path / "C.mp4", 6)
    places = Region(rois=((10, 20, 50, 50), (80, 40, 50, 50)), frame=(160, 120))
    read_region(place_path(frame_path(str(video), 3), 1), places)
    monkeypatch.setattr("linecam.frames.video._Video.all", lambda *_: pytest.fail("it was decoded again"))
    read_region(place_path(frame_path(str(video), 3), 2), places)


def test_a_turned_photo_has_its_places_as_it_is_seen(tmp_path: Path) -> None:
    image = picture(320, 240)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.png", exif=exif)
    x, y, width, height = ROIS[1]
    expected = np.asarray(image)[y : y + height, x : x + width]
    np.testing.assert_array_equal(read_region(tmp_path / "a.png/place-2.png", PLACES), expected)


def test_folders_part_the_sequences_of_places_by_the_folder_of_the_frame() -> None:
    """As `linecam predict` has them, with class folders that each count from the start."""
    rows = [(f"{folder}/A-{number}.png/place-1.png", number) for folder in ("good", "bad") for number in (1, 2, 3)]
    table = pd.DataFrame(rows, columns=["path", "number"]).assign(sequence="A place 1", status="ok")
    assert part_sequences(table) == ["A place 1"]
    assert list(table["sequence"]) == ["good/A place 1"] * 3 + ["bad/A place 1"] * 3


def test_whoever_reads_a_frame_of_several_places_has_to_name_one(tmp_path: Path) -> None:
    picture(*QVGA).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a\.png has 3 places \(camera\.rois\)\. Name one: .*a\.png/place-1\.png"):
        read_region(tmp_path / "a.png", PLACES)
