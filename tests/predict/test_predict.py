"""A bundle tried on frames: what evaluate computed, main.py's decisions, and what a person gets to see of them."""

import csv
import errno
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from linecam.bundle import signature
from linecam.bundle.shipped import read_shipped, unpacked
from linecam.errors import UserError
from linecam.files import read_json
from linecam.predict import page, table
from linecam.predict.command import built, predict
from tests.conftest import ROOT, Project
from tests.frames.films import film
from tests.predict.bundles import make_bundle, write_manifest

RED, GREEN, DARK = (248, 0, 0), (0, 252, 0), (80, 64, 0)
# What trains, converts and plans; and what draws the report. A machine that only predicts has none of it.
TRAINING = ["torch", "lightly", "tensorflow", "onnx", "onnxruntime", "snakemake", "scipy", "sklearn",
            "numba", "matplotlib", "ai_edge_litert"]  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a bundle, archive.zip, and nothing else."""
    make_bundle(tmp_path / "made/archive")
    (tmp_path / "here").mkdir()
    shutil.move(tmp_path / "made/archive.zip", tmp_path / "here/archive.zip")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def paint(path: str, colour: tuple[int, int, int], size: tuple[int, int] = (20, 16)) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def run(*places: str, bundle: str = "archive.zip", **how: int) -> tuple[str, list[dict[str, str]], str]:
    """The summary, the rows of the table and the page."""
    said = predict([Path(place) for place in places], Path(bundle), Path("out"), cores=1, **how)
    with Path("out/frames.csv").open(newline="", encoding="utf-8") as file:
        return said, list(csv.DictReader(file)), Path("out/page.html").read_text(encoding="utf-8")


# --- the whole of it


def test_a_bundle_alone_says_what_evaluate_computed(belt: Project, tmp_path: Path) -> None:
    """Byte by byte, in an empty folder, without what is needed to train, and without results or a configuration."""
    results = belt.folder / "results/tiny"
    shutil.copy(results / "bundle/openmv-h7.zip", tmp_path)
    shutil.copytree(results / "frames", tmp_path / "frames")
    arguments = ["linecam", "predict", "frames", "--bundle", "openmv-h7.zip"]
    code = f"import sys; sys.modules.update(dict.fromkeys({TRAINING})); sys.argv = {arguments}\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}from linecam.cli import main; main()"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("200 frames, as the model swift7-64-simclr/coreset-60/seed-1 ")
    assert "A vote is over 3 frames." in done.stdout

    choice = read_json(results / "choice.json")
    classes = ["bad", "good", "no_mask"]
    text = pd.read_csv(results / f"predict/{choice['model']}/{choice['range']}.csv", dtype=str, index_col="path")
    ours = pd.read_csv(tmp_path / "predictions/frames.csv", dtype=str, keep_default_na=False)
    ours.index = pd.Index(ours["file"].str.removeprefix("frames/"))
    scores = [f"p_{name}" for name in classes]
    assert (text["part"] == "test").sum() == 50
    pd.testing.assert_frame_equal(ours.loc[text.index, scores], text[scores], check_names=False)
    assert list(ours.loc[text.index, "decision"]) == list(text["predicted"]), "without thresholds the highest decides"

    around = pd.read_csv(results / "predict/votes.csv", dtype=str, keep_default_na=False)
    around = around[around[scores[0]] != ""].drop_duplicates("frame").set_index("frame")
    assert len(around) > 50
    pd.testing.assert_frame_equal(ours.loc[around.index, scores], around[scores], check_names=False)
    assert set(ours["vote"]) - {""} <= set(classes)
    assert Path(tmp_path / "predictions/page.html").stat().st_size < 5_000_000


def test_the_table_and_the_summary(here: Path) -> None:
    paint("frames/red/a.png", RED)
    paint("frames/red/b.png", DARK)
    paint("frames/green/c.png", RED)
    paint("frames/d.png", GREEN)
    said, rows, _ = run("frames")
    assert rows[0] == {
        "file": "frames/d.png",
        "sequence": "frames",
        "number": "",
        "decision": "green",
        "margin": "0.9961",
        "p_red": "0.00000000",
        "p_green": "0.99609375",  # 252 in six bits is 255 in eight
        "p_blue": "0.00000000",
        "window": "1",
        "vote": "green",
        "label": "",
    }
    assert [(row["file"], row["decision"], row["label"]) for row in rows[1:]] == [
        ("frames/green/c.png", "red", "green"),
        ("frames/red/a.png", "red", "red"),
        ("frames/red/b.png", "red", "red"),
    ]
    lines = said.splitlines()
    assert lines[0].startswith(
        "4 frames, as the model hand-made of colours decides. It decides for the most probable class."
    )
    assert [line.split() for line in lines[1:5]] == [["red", "3"], ["green", "1"], ["blue", "0"], ["undecided", "0"]]
    assert lines[5].startswith("Least sure: frames/red/b.png (red, by 0.07), ")
    assert lines[6] == "Folders named after classes: 2 of 3 frames agree."
    assert [line.split() for line in lines[7:10]] == [["folder", "red"], ["red", "2"], ["green", "1"]]
    assert lines[-2:] == ["The table: out/frames.csv", "The page: out/page.html"]


def test_what_the_index_would_set_aside_is_left_out(here: Path) -> None:
    paint("frames/a.png", RED)
    paint("frames/large.png", RED, (200, 200))
    paint("frames/mask/a.png", RED)
    paint("frames/deep/b_mask.png", RED)
    paint("frames/deep/b.png", RED)
    Path("frames/empty.jpg").write_bytes(b"")
    Path("frames/text.png").write_text("no image")
    Path("frames/notes.txt").write_text("passed over, as it is no image by its name")
    said, rows, page = run("frames")
    assert [row["file"] for row in rows] == ["frames/a.png", "frames/deep/b.png"]
    told = said.partition("Left out, 5 files:\n")[2].splitlines()[:5]
    assert [line.split(": ")[0].strip() for line in told] == [
        f"frames/{name}" for name in ("deep/b_mask.png", "empty.jpg", "large.png", "mask/a.png", "text.png")
    ]
    assert "empty file" in page
    assert "200 x 200 is more than" in page


def test_nothing_that_can_be_used_is_an_error(here: Path) -> None:
    Path("empty.jpg").write_bytes(b"")
    with pytest.raises(UserError, match=r"None of the 1 files can be used\. empty\.jpg: empty file"):
        run("empty.jpg")
    with pytest.raises(UserError, match="There is no file and no folder missing"):
        run("missing")
    Path("none").mkdir()
    with pytest.raises(UserError, match="There is no image below none"):
        run("none")


def test_files_by_name_and_a_name_that_a_spreadsheet_would_compute(here: Path) -> None:
    paint("=1+1.png", RED)
    paint("red/x.png", RED)
    _, rows, page = run("=1+1.png", "red/x.png", "red/x.png")
    assert [row["file"] for row in rows] == ["'=1+1.png", "red/x.png"], "each once"
    assert [row["label"] for row in rows] == ["", ""], "nobody said that red/ means a class"
    assert "=1+1.png" in page


def test_a_video_is_a_sequence_of_frames(here: Path) -> None:
    make_bundle(here / "voting", votes=3)
    film(here / "film.mp4", 10)
    _, rows, _ = run("film.mp4", bundle="voting", every=1)
    assert [row["file"] for row in rows] == [f"film.mp4/{number:06d}.png" for number in range(10)]
    assert [row["window"] for row in rows] == ["1"] * 3 + ["2"] * 3 + ["3"] * 3 + [""]
    _, rows, _ = run("film.mp4", bundle="voting", every=2)
    assert [(row["number"], row["window"]) for row in rows] == [
        ("0", "1"), ("2", "1"), ("4", "1"), ("6", ""), ("8", ""),
    ]  # fmt: skip


# --- the page


def test_the_page_asks_for_nothing_and_takes_no_name_for_markup(here: Path) -> None:
    paint("green/<img src=x onerror=alert(1)>.png", RED)
    paint("green/b.png", GREEN)
    _, _, page = run(".")
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert page.count("<figure") == 2
    assert page.count('class="differs"') == 1
    assert "differs from its folder 1" in page


def test_the_least_sure_come_first_and_the_rest_is_counted(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, red in enumerate((248, 80, 160, 120, 200)):
        paint(f"frames/{chr(97 + number)}.png", (red, 64, 0))
    paint("frames/z.png", GREEN)
    monkeypatch.setattr(page, "MOST", 3)
    _, _, written = run("frames")
    assert re.findall(r"<span>(\w)\.png</span>", written) == ["b", "d", "z"]
    assert "5 frames, least sure first; 3 surer ones are left out here" in written
    assert (
        "The page shows 3 thumbnails, the least sure frames of each class; 3 frames are only in the table." in written
    )


def test_the_places_on_the_page_go_to_whom_needs_them() -> None:
    assert page.share_out(9, [100, 1, 0, 100]) == [4, 1, 0, 4]
    assert page.share_out(300, [100, 1, 0, 100]) == [100, 1, 0, 100]


# --- the bundle


def refusal(bundle: Path) -> str:
    with pytest.raises(UserError) as refused, unpacked(bundle) as folder:
        read_shipped(folder, bundle)
    return str(refused.value)


def test_a_bundle_that_was_changed_is_refused(tmp_path: Path) -> None:
    folder, archive = make_bundle(tmp_path / "b")
    with unpacked(archive) as unzipped:
        assert read_shipped(unzipped, archive).classes == ["red", "green", "blue"]
    content = bytearray((folder / "model.tflite").read_bytes())
    content[-1] ^= 1
    (folder / "model.tflite").write_bytes(content)
    (folder / "labels.txt").unlink()
    told = refusal(folder)
    assert "labels.txt is missing, model.tflite is another file" in told
    (folder / "manifest.json").write_text('{"linecam": "')
    assert "its manifest.json cannot be read" in refusal(folder)
    (folder / "manifest.json").unlink()
    assert "has no manifest.json" in refusal(folder)
    archive.write_bytes(archive.read_bytes()[:-30])
    assert "is damaged, or no archive" in refusal(archive)
    assert "There is no " in refusal(tmp_path / "none.zip")


def test_no_damaged_byte_of_an_archive_ends_in_a_traceback(tmp_path: Path) -> None:
    """Wherever it lies: in what is packed, or in the archive's own tables."""
    _, archive = make_bundle(tmp_path / "b")
    whole, told = archive.read_bytes(), []
    for place in range(0, len(whole), max(1, len(whole) // 400)):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        archive.write_bytes(damaged)
        try:
            with unpacked(archive) as unzipped:
                read_shipped(unzipped, archive)
        except UserError as error:
            told.append(str(error))
    assert any("Error -3 while decompressing" in one for one in told)


def test_a_full_disk_is_not_taken_for_a_damaged_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, archive = make_bundle(tmp_path / "b")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left on device"), unpacked(archive):
        pass


def test_a_bundle_of_another_linecam_is_refused(tmp_path: Path) -> None:
    folder, _ = make_bundle(tmp_path / "b", linecam="0.1.0")
    assert "was made by linecam 0.1.0, and this is linecam " in refusal(folder)


def test_a_bundle_that_a_pc_cannot_run_is_refused(tmp_path: Path) -> None:
    folder, _ = make_bundle(tmp_path / "b", board="openmv-ae3")
    assert "compiled for the neural processor (NPU) of the OpenMV AE3" in refusal(folder)


@pytest.mark.parametrize("about", [{"config": {}}, {"board": "no-such"}, {"camera": None}])
def test_a_manifest_that_lacks_something_is_refused(tmp_path: Path, about: dict) -> None:
    folder, _ = make_bundle(tmp_path / "b", **about)
    assert "is damaged: its manifest.json or settings.json" in refusal(folder)


def test_an_archive_with_folders_in_it_is_no_bundle(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("../manifest.json", "{}")
    assert "'../manifest.json', and a bundle has only files" in refusal(tmp_path / "b.zip")


def test_a_signature_is_checked_with_its_key(here: Path, caplog: pytest.LogCaptureFixture) -> None:
    paint("a.png", RED)
    folder, _ = make_bundle(here / "b")
    public = signature.new_key(here / "mine.pem")
    signature.sign(folder, here / "b.sig", here / "mine.pem")
    for bundle in (Path("b"), Path("b.zip")):
        predict([Path("a.png")], bundle, Path("out"), key=public, cores=1)
    caplog.set_level("INFO")
    run("a.png", bundle="b")
    assert "b.sig was not checked" in caplog.text
    (folder / "labels.txt").write_text("changed\n")
    write_manifest(folder)  # so that its own checksums fit
    with pytest.raises(UserError, match=r"Changed: labels\.txt, manifest\.json"):
        predict([Path("a.png")], folder, Path("out"), key=public, cores=1)


def test_a_dataset_stands_for_the_bundle_of_its_results(here: Path) -> None:
    with pytest.raises(UserError, match="Datasets with one in this folder: none"):
        built("caps", None)
    for board in ("openmv-h7", "openmv-rt1062"):
        make_bundle(here / "results/caps/bundle" / board)
    with pytest.raises(UserError, match="bundles for openmv-h7, openmv-rt1062: name one of them"):
        built("caps", None)
    assert built("caps", "openmv-h7") == Path("results/caps/bundle/openmv-h7")
    with pytest.raises(UserError, match="Datasets with one in this folder: caps"):
        built("lids", None)


def test_the_counts_have_every_class_and_none(here: Path) -> None:
    make_bundle(here / "demanding", thresholds={"red": 0.9, "green": 0.9, "blue": 0.9})
    paint("a.png", RED)
    paint("b.png", DARK)
    said, rows, written = run("a.png", "b.png", bundle="demanding")
    assert Counter(row["decision"] for row in rows) == {"red": 1, "": 1}
    assert "red from 0.9 on, green from 0.9 on, blue from 0.9 on" in said
    assert "undecided        1" in said
    assert table.UNDECIDED in written


# --- several places of a frame


def with_places(folder: Path) -> Path:
    """A bundle for two places of a frame of 160 x 120 pixels."""
    made, _ = make_bundle(folder)
    settings = read_json(made / "settings.json")
    del settings["side"]
    settings |= {"roi": [0, 0, 160, 120], "rois": [[10, 20, 16, 16], [100, 20, 16, 16]]}
    (made / "settings.json").write_text(json.dumps(settings))
    write_manifest(made)
    return made


def test_each_place_of_a_whole_frame_is_judged(here: Path) -> None:
    bundle = with_places(here / "places")
    tray = Image.new("RGB", (160, 120), DARK)
    tray.paste(RED, (10, 20, 26, 36))
    tray.paste(GREEN, (100, 20, 116, 36))
    Path("frames/red").mkdir(parents=True)
    for name in ("T-1", "T-2", "T-4"):
        tray.save(f"frames/{name}.png")
    tray.save("frames/red/other.png")
    paint("frames/red/one.png", GREEN, (16, 16))
    Path("frames/broken.png").write_bytes(b"no picture")
    paint("frames/wide.png", RED, (90, 20))
    said, rows, page = run("frames", bundle=str(bundle))
    found = {row["file"].removeprefix("frames/"): row for row in rows}
    assert [name for name, row in found.items() if row["decision"] == "green"] == [
        "T-1.png/place-2.png",
        "T-2.png/place-2.png",
        "T-4.png/place-2.png",
        "red/one.png",
        "red/other.png/place-2.png",
    ]
    assert sum(row["decision"] == "red" for row in rows) == 4
    assert found["red/one.png"]["label"] == "red", "a picture of one place is labelled by its folder"
    assert found["red/other.png/place-1.png"]["label"] == "", "and a whole frame is not"
    assert [found[f"T-{n}.png/place-2.png"]["window"] for n in (1, 2, 4)] == ["1", "2", "3"]
    assert "9 frames, as the model" in said
    assert "Left out, 2 files:" in said
    assert (
        "90 x 20 has neither the shape of the sensor's frame, 160 x 120, nor the size of camera.rois, 16 x 16" in said
    )
    assert "place-2.png" in page


def test_places_vote_each_for_itself(here: Path) -> None:
    made = with_places(here / "places")
    settings = read_json(made / "settings.json") | {"votes": 2}
    (made / "settings.json").write_text(json.dumps(settings))
    write_manifest(made)
    for number, (first, second) in enumerate(((RED, DARK), (DARK, GREEN)), 1):
        tray = Image.new("RGB", (160, 120))
        tray.paste(first, (10, 20, 26, 36))
        tray.paste(second, (100, 20, 116, 36))
        Path("frames").mkdir(exist_ok=True)
        tray.save(f"frames/T-{number}.png")
    _, rows, _ = run("frames", bundle=str(made))
    votes = {row["file"].removeprefix("frames/"): (row["decision"], row["vote"], row["window"]) for row in rows}
    assert votes == {
        "T-1.png/place-1.png": ("red", "red", "1"),
        "T-1.png/place-2.png": ("red", "green", "1"),
        "T-2.png/place-1.png": ("red", "red", "1"),
        "T-2.png/place-2.png": ("green", "green", "1"),
    }
