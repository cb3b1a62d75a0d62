"""Masks, small copies and what else is no frame by its name; and what may be none."""

import pytest

from linecam.frames.index import path_facts
from linecam.frames.layout import gives_split, no_frames
from linecam.labels.existing import existing_labels
from tests.frames.line import CLASSES, frames_at, line, made, some

__all__ = ["line"]

ANOMALIES = ["train/good/000.png", "train/good/001.png", "test/good/000.png", "test/bad/000.png"]


@pytest.mark.parametrize("by_folders", [True, False])
def test_masks_of_an_anomaly_data_set_are_no_frames(line, by_folders):
    frames_at(line, *ANOMALIES, "ground_truth/bad/000_mask.png")
    table = line.run(given=by_folders)
    mask = table.loc["ground_truth/bad/000_mask.png"]
    assert mask["status"] == "quarantined"
    assert "ground_truth/" in mask["reason"]
    assert (table.loc[ANOMALIES, "status"] == "ok").all()
    labels, _ = existing_labels(table.reset_index(), None, CLASSES)
    assert mask["sha256"] not in labels
    assert sorted(label.name for label in labels.values()) == ["bad", "good", "good", "good"]
    assert some(line, "set aside, 1 file: a mask, as its folder is called ground_truth/")
    assert some(line, "train/good/: 2 .png, labelled good, to train on")


@pytest.mark.parametrize("folder", ["ground_truth", "Ground Truth", "GroundTruth", "mask", "Masks", "annotations"])
def test_common_names_of_masks_anywhere(line, folder):
    frames_at(line, f"monday/{folder}/bad/x.png", "monday/bad/x.png")
    assert line.run()["status"].to_dict() == {
        "anchor.png": "ok",
        "monday/bad/x.png": "ok",
        f"monday/{folder}/bad/x.png": "quarantined",
    }


def test_a_mask_beside_its_frame(line):
    frames_at(line, "x_mask.png", "x.jpg", "y_mask.png", "no_mask/z_mask.png")
    table = line.run()
    assert list(table.index[table["status"] == "quarantined"]) == ["x_mask.png"]


@pytest.mark.parametrize(
    ("mask", "frame"),
    [
        ("kos01/Part0_label.bmp", "kos01/Part0.jpg"),
        ("a/10000_GT.png", "a/10000.png"),
        ("Train/Label/0576_label.PNG", "Train/0576.PNG"),
        ("x-masks.jpg", "x.jpg"),
        ("x.seg.tif", "x.png"),
        ("x ground_truth.png", "x.jpg"),
    ],
)
def test_a_mask_by_its_name(mask, frame):
    found = no_frames({mask: "", frame: ""}, CLASSES, given=False)
    assert list(found) == [mask]
    assert "rename it" in found[mask]
    assert no_frames({mask: ""}, CLASSES, given=False) == {}


@pytest.mark.parametrize("other", ["x_label.jpg", "x_gt.webp", "xmask.png", "x_unmask.png", "lot/x_masked.png"])
def test_a_frame_that_is_named_nearly_like_a_mask(other):
    """A frame of the label of x, for one, is a photo, and no mask is written with loss."""
    assert no_frames({other: "", "x.jpg": ""}, CLASSES, given=False) == {}


@pytest.mark.parametrize("folder", ["@eaDir/x.jpg", "#recycle", "$RECYCLE.BIN/S-1", "__MACOSX", "Thumbs"])
def test_what_a_system_keeps_is_no_frame(line, folder):
    frames_at(line, "good/x.jpg", f"good/{folder}/y.jpg")
    table = line.run()
    assert list(table.index[table["status"] == "quarantined"]) == [f"good/{folder}/y.jpg"]
    assert some(line, f"as its folder is called {folder.partition('/')[0]}/")
    assert no_frames({f"good/{folder}/y.jpg": ""}, [folder.partition("/")[0]], given=False) == {}


def test_names_that_differ_by_their_suffix_alone_are_pointed_out(line):
    frames_at(line, "good/x.jpg", "good/x.png", "good/y.png", "bad/y.jpg")
    line.run()
    assert some(line, "2 files have the name of another but for the suffix (good/x.jpg and good/x.png)")


def test_without_such_names_nothing_is_pointed_out(line):
    frames_at(line, "good/x.jpg", "good/y.png")
    line.run()
    assert not some(line, "but for the suffix")


def test_a_class_called_mask_is_a_class(tmp_path):
    assert path_facts("mask/x.png", ["mask", "no_mask"])["label"] == "mask"
    assert gives_split(made(tmp_path / "f", ["train/mask", "test/mask"]), ["mask", "no_mask"])
