"""The whole line on a small belt: what comes out, twice the same, and what a user sees when something is missing."""

import json
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from linecam.boards.network_costs import graph_of
from linecam.bundle.stored_frames import StoredFrames
from linecam.files import sha256
from linecam.networks.models import size_of
from linecam.tflite.graph import Graph, read_graph
from linecam.tflite.tflm import predict
from tests.bundle.made_up import BESIDE
from tests.conftest import ROOT, TINY, Project, copy_project

MASKS = ROOT.parent / "shared" / "masks"
NETWORK = "swift7-64"
MODEL = f"{NETWORK}-simclr/coreset-60/seed-1"


def test_the_bundle(belt: Project) -> None:
    bundle = belt.folder / "results/tiny/bundle/openmv-h7"
    files = {path.name for path in bundle.iterdir() if not path.name.startswith(".")}
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert manifest["drive"] == ["model.tflite", "labels.txt", "settings.json", "main.py"]
    assert files == {*manifest["drive"], *BESIDE}
    for name, entry in manifest["files"].items():
        assert entry["sha256"] == sha256(bundle / name)
    assert (bundle / "labels.txt").read_text().split() == ["bad", "good", "no_mask"]
    assert manifest["camera"] == {"frame_size": "QVGA", "side": 240, "input": 64, "votes": 3}
    assert manifest["metrics"]["test"]["frames"] == 50
    with zipfile.ZipFile(bundle.with_suffix(".zip")) as archive:
        assert set(archive.namelist()) == files
    stored = StoredFrames.read(bundle)  # with what linecam measure finds on a camera, if the camera computes right
    assert len(stored.labels) == 10
    assert predict(bundle / "model.tflite", stored.pixels, 1, "TFLM").tobytes() == stored.outputs.tobytes()


def shapes(graph: Graph) -> list[tuple[str, list[tuple[int, ...]]]]:
    """Each operator's name, and the shapes of its inputs and outputs."""
    return [(o.name, [tensor.shape for tensor in (*o.inputs, *o.outputs)]) for o in graph.operators]


@pytest.mark.parametrize("span", ["calibrated", "fixed_-6_6"])
def test_the_firmware_takes_the_model(belt: Project, span: str) -> None:
    verdict = json.loads((belt.folder / f"results/tiny/firmware/{MODEL}/{span}/openmv-h7.json").read_text())
    assert verdict["accepted"]
    assert verdict["findings"] == []
    # The image and what the stem makes of it.
    assert verdict["cost"]["arena_bytes"] > verdict["cost"]["peak_bytes"] == 64 * 64 * 3 + 32 * 32 * 8
    graph = read_graph(belt.folder / f"results/tiny/quantize/{MODEL}/{span}/model.tflite")
    (image,) = graph.inputs
    assert (image.type, image.shape, image.zero_points) == ("INT8", (1, 64, 64, 3), (-128,))
    assert image.scales[0] == pytest.approx(1 / 255, rel=1e-6)
    assert graph.macs == size_of(NETWORK, 3).macs
    assert shapes(graph_of(NETWORK, 3)) == shapes(graph), "`linecam networks` tells the cost of what is built"
    operators = {operator.name for operator in graph.operators}
    assert not operators & {"PAD", "PADV2", "MUL", "TRANSPOSE"}, "each costs time on the camera"
    dense = next(operator for operator in graph.operators if operator.name == "FULLY_CONNECTED")
    assert all(len(tensor.scales) <= 1 for tensor in dense.inputs)


def test_a_fixed_range_is_the_one_asked_for(belt: Project) -> None:
    graph = read_graph(belt.folder / f"results/tiny/quantize/{MODEL}/fixed_-6_6/model.tflite")
    inner = [operator.outputs[0] for operator in graph.operators if operator.name == "CONV_2D"]
    assert {round(tensor.scales[0], 4) for tensor in inner} == {round(12 / 255, 4)}


def test_onnx_says_what_float_says(belt: Project) -> None:
    tables = [pd.read_csv(belt.folder / f"results/tiny/predict/{MODEL}/{form}.csv") for form in ("float", "onnx")]
    columns = ["p_bad", "p_good", "p_no_mask"]
    assert (tables[0][columns] - tables[1][columns]).abs().max(axis=None) < 1e-4


def test_no_frame_is_trained_and_tested_on(belt: Project) -> None:
    split = pd.read_csv(belt.folder / "results/tiny/split/coreset-60.csv")
    assert split["part"].value_counts().to_dict() == {"train": 60, "test": 50, "unlabelled": 20}
    assert split["sha256"].is_unique
    assert split.loc[split["part"] == "unlabelled", "label"].isna().all()


def test_every_training_frame_is_held_out_once_and_judged_by_a_model_that_never_saw_it(belt: Project) -> None:
    finetuned = belt.folder / f"results/tiny/finetune/{MODEL}"
    split = pd.read_csv(belt.folder / "results/tiny/split/coreset-60.csv").query("part == 'train'")
    held = pd.read_csv(finetuned / "held_out.csv")
    assert set(held["sha256"]) == set(split["sha256"])
    assert len(held) == 60
    folds = [pd.read_csv(finetuned / f"held_out/{number}.csv") for number in range(2)]
    for number, table in enumerate(folds):
        assert set(table["sha256"]) == set(split.loc[split["fold"] == number, "sha256"])
    score = json.loads((finetuned / "score.json").read_text())
    assert score["accuracy"] == pytest.approx(
        np.average(held["predicted"] == held["label"], weights=held["weight"]), abs=1e-6
    )


def test_chosen_frames_are_weighed_and_the_weights_reach_the_folds(belt: Project) -> None:
    split = pd.read_csv(belt.folder / "results/tiny/split/coreset-60.csv").query("part == 'train'")
    held = pd.read_csv(belt.folder / f"results/tiny/finetune/{MODEL}/held_out.csv").set_index("sha256")
    assert split["weight"].std() > 0.1
    assert split["weight"].mean() == pytest.approx(1)
    assert list(held.loc[split["sha256"], "weight"]) == list(split["weight"])
    score = json.loads((belt.folder / f"results/tiny/finetune/{MODEL}/score.json").read_text())
    assert score["effective_frames"] < score["frames"] == 60


def test_what_a_threshold_costs_is_in_the_bundle(belt: Project) -> None:
    decides = json.loads((belt.folder / f"results/tiny/finetune/{MODEL}/thresholds.json").read_text())
    bundle = belt.folder / "results/tiny/bundle/openmv-h7"
    assert json.loads((bundle / "manifest.json").read_text())["operating_points"] == decides["operating_points"]
    assert json.loads((bundle / "settings.json").read_text())["thresholds"] == decides["thresholds"] == {}
    assert list(decides["operating_points"]) == ["bad", "good", "no_mask"]


def test_the_report_has_the_network_inside(belt: Project) -> None:
    results = belt.folder / "results/tiny"
    choice = json.loads((results / "choice.json").read_text())
    found = json.loads((results / "evaluate/layers.json").read_text())
    graph = read_graph(results / f"quantize/{choice['model']}/{choice['range']}/model.tflite")
    assert [layer["operator"] for layer in found["layers"]] == [operator.name for operator in graph.operators]
    assert (found["frames"], found["part"]) == (20, "unlabelled")
    # The first layer has the same input in both models, and pooling rounds nothing.
    assert found["layers"][0]["gathered_db"] == pytest.approx(found["layers"][0]["alone_db"], abs=0.1)
    assert [layer["alone_db"] for layer in found["layers"] if layer["operator"] == "MAX_POOL_2D"] == [None]

    places = pd.read_csv(results / "map/places.csv")
    assert len(places) == 200
    float32 = pd.read_csv(results / f"predict/{choice['model']}/float.csv").query("part == 'test'")
    mistakes = pd.read_csv(results / "explain/mistakes.csv")
    assert set(mistakes["sha256"]) == set(float32.loc[float32["label"] != float32["predicted"], "sha256"])
    assert len(np.load(results / "explain/mistakes.npy")) == min(len(mistakes), 24)
    assert len(pd.read_csv(results / "explain/map.csv")) == 200 - 60 - 50
    page = (results / "report.html").read_text(encoding="utf-8")
    assert all(f'<h2 id="{name}">' in page for name in ("looks", "map", "layers"))


def test_lightly_reads_the_embeddings(belt: Project) -> None:
    from lightly.utils.io import load_embeddings  # noqa: PLC0415 (slow, and of use here alone)

    embeddings, labels, names = load_embeddings(
        str(belt.folder / f"results/tiny/embed/{NETWORK}-simclr/embeddings.csv")
    )
    assert embeddings.shape == (200, 16)
    assert set(labels) == {-1}
    assert names == sorted(names)


# What holds the name of the dataset, or who labelled a frame.
OF_ONE_RUN = {
    "bundle/openmv-h7.zip",
    "bundle/openmv-h7/README.md",
    "bundle/openmv-h7/bom.cdx.json",
    "bundle/openmv-h7/manifest.json",
    "pixels/coreset-60-test-64.csv",
    "pixels/coreset-60-train-240.csv",
    "report.html",
    "split/coreset-60.csv",
}


def results_of(folder: Path) -> dict[str, str]:
    """The hash of each result that is for a user or a later step."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    names = {path: path.relative_to(folder).as_posix() for path in paths}
    left_out = ("logs/", "benchmarks/", "frames/", "truth.csv", ".checksums/", "runs/")
    return {
        name: sha256(path)
        for path, name in names.items()
        if not name.startswith(left_out) and not path.name.startswith(".")
    }


def test_a_weak_model_makes_no_bundle_and_the_report_is_there(belt: Project, tmp_path: Path) -> None:
    """Two epochs teach it nothing, and without --keep-going Snakemake stops at the first job that fails."""
    again = belt.copy(tmp_path / "weak")
    results = again.folder / "results/tiny"
    assert json.loads((results / "choice.json").read_text())["weak"]
    manifest = json.loads((results / "bundle/openmv-h7/manifest.json").read_text())
    assert manifest["model"]["weak"], "bundle.accept is weak in these tests"
    shutil.rmtree(results / "bundle")
    (results / "report.html").unlink()
    (results / "evaluate/votes.json").unlink()
    profile = again.folder / "profiles/default/config.yaml"
    profile.write_text(profile.read_text().replace("keep-going: true", "keep-going: false"))
    again.configure(TINY | {"dataset": {"name": "tiny", "kind": "belt"}, "belt": {"frames": 200}, "bundle": {}})
    run = again.snakemake()
    assert run.returncode != 0
    assert "No bundle for openmv-h7: the model is weak. Of 60 labelled frames" in run.stdout
    assert "set bundle.accept: weak" in run.stdout
    assert "Traceback" not in run.stdout
    assert not (results / "bundle/openmv-h7.zip").exists()
    assert "<strong>This model is weak.</strong> No bundle" in (results / "report.html").read_text()


def test_a_second_clean_run_gives_the_same_bytes(belt: Project, folder: Project) -> None:
    """In another folder, where the belt's frames and labels are a user's."""
    first, second = results_of(belt.folder / "results/tiny"), results_of(folder.folder / "results/mine")
    assert first.keys() == second.keys()
    assert {name for name in first if first[name] != second[name]} == OF_ONE_RUN
    assert {f"quantize/{MODEL}/calibrated/model.tflite", "choice.json", "bundle/openmv-h7/model.tflite"} < first.keys()


def test_a_bundle_made_again_has_the_same_bytes(belt: Project, tmp_path: Path) -> None:
    again = belt.copy(tmp_path / "belt")
    bundle = again.folder / "results/tiny/bundle"
    shutil.rmtree(bundle)
    again.build("results/tiny/bundle/openmv-h7.zip")
    assert results_of(bundle) == results_of(belt.folder / "results/tiny/bundle")


def test_missing_labels_stop_with_a_list(belt: Project, tmp_path: Path) -> None:
    config = TINY | {
        "dataset": {"name": "mine", "kind": "folder", "source": "frames"},
        "select": {"train": 60, "test": 50, "strategies": ["random"]},  # without training and embeddings
    }
    project = copy_project(tmp_path / "mine", config)
    shutil.copytree(belt.folder / "results/tiny/frames", project.folder / "frames")
    (project.folder / "frames/broken.jpg").write_bytes(b"no image")
    target = "results/mine/split/random-60.csv"
    run = project.snakemake(target)
    assert run.returncode != 0
    lines, found, last = run.stdout.partition("\n\n110 of 110 selected frames have no label yet.")
    assert found, run.stdout
    assert last.endswith("\n\n    linecam label --configfile config/test.yaml\n"), (
        "the exact command, and nothing after"
    )
    assert "stopped  Join selected frames and labels" in lines
    assert not re.search("Traceback|Exception|Error|input:", run.stdout), "it is none, and the terminal is calm"
    to_label = project.folder / "results/mine/to_label/random-60.csv"
    truth = pd.read_csv(belt.folder / "results/tiny/truth.csv").set_index("frame")["label"]
    table = pd.read_csv(to_label, dtype=str)
    table["label"] = table["path"].map(truth)
    (project.folder / "data/mine").mkdir(parents=True)
    labels = project.folder / "data/mine/labels.csv"
    table.head(80).to_csv(labels, index=False)
    planned = project.linecam("plan").stdout.splitlines()
    assert "Changed: 80 new labels in data/mine/labels.csv" in planned, "what was never made is not gone"
    assert (
        "Stops for labels: 30 of 110 selected frames have none yet, and without them nothing is trained. "
        "Label them with: linecam label --configfile config/test.yaml"
    ) in planned
    project.snakemake("results/mine/select/random-60.csv")
    assert "Changed: 80 new labels in data/mine/labels.csv" in project.linecam("plan").stdout, "still in no split"
    table.to_csv(labels, index=False)
    assert "Stops" not in project.linecam("plan").stdout
    project.build(target)
    quarantine = pd.read_csv(project.folder / "results/mine/index/quarantine.csv")
    assert list(quarantine["path"]) == ["broken.jpg"]


def test_a_wrong_key_is_named_without_a_stack_trace(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "wrong", {"dataset": {"name": "x", "kind": "belt"}, "finetune": {"epoch": 3}})
    run = project.snakemake("--dry-run")
    assert run.returncode != 0
    assert "finetune.epoch is not a key (config/test.yaml, line 5)" in run.stdout
    assert "Did you mean epochs?" in run.stdout
    assert "Traceback" not in run.stdout


@pytest.mark.skipif(not MASKS.is_dir(), reason="the tutorial's frames are not at ../shared/masks")
def test_the_real_frames_up_to_the_split(tmp_path: Path) -> None:
    config = {"dataset": {"name": "masks", "kind": "masks", "source": str(MASKS)}, "pretrain": {"methods": ["none"]}}
    project = copy_project(tmp_path / "masks", config)
    project.build("results/masks/split/given.csv")
    summary = json.loads((project.folder / "results/masks/split/given.json").read_text())
    assert summary["left_out_of_test"] == ["test/no_mask/C-10352.jpg"]
    assert summary["frames"]["test"] == {"bad": 22, "good": 49, "no_mask": 179}
    assert sum(summary["frames"]["train"].values()) == 200
