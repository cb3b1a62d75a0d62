"""What the report says of the data: what was used, what the network sees of it, and what choosing frames brought."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
from PIL import Image

from linecam.camera.region import Region
from tests.report.made_up import Inputs, pictures, write


def test_the_data_are_counted(page):
    assert page.figures("data")[:4] == ["8", "1", "0", "1"], "usable, duplicate, quarantined, unlabelled"
    assert "What became of every file train/<i>/: 8 .jpg, labelled good" in page.text()
    assert page.rows("Split of selection coreset-6") == [
        ["train", "42", "42", "42", "126"],
        ["test", "41", "41", "41", "123"],
    ]
    data = page.text("data")
    assert "within 25 frames of a training frame of the same sequence: 3." in data
    assert "the same file is also a training frame: 1." in data
    assert "3 of 4" in page.text("result"), "test frames near a training frame"
    aside = page.rows("Frames that were set aside")
    assert [row[0] for row in aside] == [f"{n:03}<i>.jpg" for n in range(50)]
    assert "The first 50 of 53" in data
    assert "dataset: {name: belt}" in page.text("making")
    making = page.text("making")
    assert "torch 2.14.1" in making
    assert "linecam 9.8.7, commit abc<def> , on 2026-11-26." in making
    assert page.rows("Steps by time") == [["fold", "2", "1 min 5 s", "100"], ["choose", "1", "0.5 s", "–"]]
    assert "1 min 6 s in 3 jobs" in making


def test_what_the_network_sees_of_the_frames_is_said_where_everybody_reads_it(inputs: Inputs, tmp_path: Path) -> None:
    line = "512 frames of 2048 x 96: the network sees the middle 96 x 96, 5 % of each"
    write(inputs.sources.account, {"lines": [line], "seen_in_part": [line]})
    text = inputs.write(tmp_path / "page.html").text()
    assert text.index(f"{line}. What became of every file") > 0


def test_a_region_of_the_frame_is_named_and_what_is_enlarged_is_said(inputs: Inputs, tmp_path: Path) -> None:
    plain = inputs.write(tmp_path / "page.html").text()
    assert "Camera: QVGA, RGB565" in plain
    assert "enlarged" not in plain
    for size, enlarged in ((6, True), (60, False)):
        region = Region(roi=(40, 100, 200, size), frame=(320, 240))
        inputs.setup = replace(inputs.setup, region=region)
        text = inputs.write(tmp_path / "page.html").text()
        assert f"Camera: QVGA, the 200 x {size} pixels from 40, 100 on, RGB565" in text
        assert (f"camera.roi has 200 x {size} pixels, which are enlarged to 8 x 8" in text) == enlarged
    rois = (40, 100, 90, 6), (150, 100, 90, 6)
    inputs.setup = replace(inputs.setup, region=Region(rois=rois, frame=(320, 240)))
    text = inputs.write(tmp_path / "page.html").text()
    assert "Camera: QVGA, each of 2 places of 90 x 6 pixels, RGB565" in text
    assert "each of camera.rois has 90 x 6 pixels, which are enlarged to 8 x 8" in text


def test_nothing_set_aside_and_no_unlabelled_frame(inputs, tmp_path):
    write(inputs.sources.quarantine, pd.read_csv(inputs.sources.quarantine).head(0))
    split = pd.read_csv(inputs.sources.split, keep_default_na=False)
    write(inputs.sources.split, split[split["part"] != "unlabelled"])
    summary = json.loads(inputs.sources.summaries["coreset-6"].read_text())
    summary["left_out_of_test"], summary["near_training"]["test_frames"] = [], 0
    write(inputs.sources.summaries["coreset-6"], summary)
    page = inputs.write(tmp_path / "page.html")
    assert "Frames that were set aside" not in page.tables
    assert "No unlabelled frames" in page.text("data")
    assert "is also a training frame: 0." in page.text("data")
    assert "of a training frame" not in page.text("result")


def test_frames_near_training_frames_and_unsure_ones(page):
    assert "nobody is sure of, and that are in no part: 2; selected for the test: 1." in page.text("data")
    assert "nobody is sure of their label: 1 of 5 frames" in page.text("result")
    by_number, by_embedding = page.rows("Test frames like training frames")
    assert "25" in by_number[0]
    assert by_number[1:] == [
        "66.7 % 56.7 % to 76.7 % 2 of 3", "0.0 % 0.0 % to 10.0 % 0 of 1", "+50.0 points -12.3 to +80.0",
    ]  # fmt: skip
    assert by_embedding[1].startswith("unknown")


def test_numbers_of_stills_say_nothing_of_nearness(inputs, tmp_path):
    page = inputs.write(tmp_path / "sequences.html")
    assert "within 25 frames" in page.text("result")
    assert "within 25 frames" in page.text("data")
    write(inputs.sources.votes, json.loads(inputs.sources.votes.read_text()) | {"sequences": False})
    page = inputs.write(tmp_path / "stills.html")
    assert "within 25 frames" not in page.text("result")
    assert "within 25 frames" not in page.text("data")
    assert "Test frames like training frames" not in page.tables


def test_whether_choosing_pays_where_it_was_studied(page, inputs, tmp_path):
    assert "selecting" not in page.sections
    random = {"learner": "finetuned", "strategy": "random", "labels": 25, "value": 0.8, "low": 0.75, "high": 0.85}
    random |= {"gain": {"value": 0.0, "low": 0.0, "high": 0.0}}
    ours = random | {"strategy": "coreset", "value": 0.9, "gain": {"value": 0.1, "low": 0.02, "high": 0.18}}
    results = [row | {"learner": learner} for learner in ("finetuned", "probe") for row in (random, ours)]
    found = {"embedded": "swift7-112-simclr", "seeds": 2, "test_frames": 40, "confidence": 0.95, "results": results}
    summary = write(
        tmp_path / "summary.json", found | {"verdict": ["coreset, finetuned: <better>."], "by_chance": "About 0.1."}
    )
    Image.new("RGB", (8, 8), (7, 7, 7)).save(tmp_path / "plot.png")
    inputs.sources = replace(inputs.sources, selection_study=(summary, tmp_path / "plot.png"))
    studied = inputs.write(tmp_path / "page.html")
    assert "coreset, finetuned: <better>." in studied.text("selecting")
    assert studied.figures("selecting")[:2] == ["40", "2"], "test frames, seeds"
    cells = ["25", "80.0 % 75.0 % to 85.0 %", "90.0 % 75.0 % to 85.0 % +10.0 (+2.0 to +18.0)"]
    assert studied.rows("What strategies of selection bring") == [["linear probe", *cells], ["finetuned", *cells]]
    assert 7 in [grey for _, grey in pictures(studied, "selecting")]
    assert studied.open == []


def test_what_more_labels_brought_where_it_was_studied(page, inputs, tmp_path):
    assert "labels" not in page.sections
    rows = [("slim7-96", "none", 25, seed, value) for seed, value in ((1, 0.7), (2, 0.8))]
    table = pd.DataFrame(rows, columns=["network", "method", "labels", "seed", "float_balanced_accuracy"])
    Image.new("RGB", (8, 8), (7, 7, 7)).save(tmp_path / "labels.png")
    inputs.sources = replace(inputs.sources, study=(write(tmp_path / "study.csv", table), tmp_path / "labels.png"))
    studied = inputs.write(tmp_path / "page.html")
    assert studied.rows("Balanced accuracy by labels") == [["slim7-96", "none", "25", "2", "75.0 ± 7.1 %"]]
    assert pictures(studied, "labels")[0][1] == 7
    assert studied.open == []
