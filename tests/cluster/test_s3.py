"""Results in a bucket: the whole chain on an S3-compatible server of this machine, and what other checkouts find."""

import io
import json
import re
import shutil
import urllib.request
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.cluster.s3 import InBucket, Store
from tests.conftest import TINY, Project, copy_project
from tests.page.label_command import ARGUMENTS, Labelling, make_caps

BELT = TINY | {"dataset": {"name": "tiny", "kind": "belt"}, "belt": {"frames": 200}}
MODEL = "swift7-64-simclr/coreset-60/seed-1"
CHOSEN = {"predict_clean", "evaluate_clean", "predict_votes", "evaluate_votes", "explain", "compare_layers"}
AFTER_CHOICE = {"choose", "bundle", "report"} | CHOSEN


@pytest.fixture(scope="module")
def line(s3: Store, tmp_path_factory: pytest.TempPathFactory) -> InBucket:
    """The belt of the fixture `belt`, all built in a bucket."""
    project = copy_project(tmp_path_factory.mktemp("line"), BELT)
    line = InBucket(project.folder, store=s3, prefix="s3://bucket/some/line")
    line.build()
    return line


def checkout(line: InBucket, folder: Path, config: dict | None = None) -> InBucket:
    """Another checkout, with newer files and no memory, for the same bucket."""
    config = config or yaml.safe_load((line.folder / "config/test.yaml").read_text(encoding="utf-8"))
    return replace(line, folder=copy_project(folder, config).folder)


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


@pytest.mark.parametrize(
    "path",
    [
        f"quantize/{MODEL}/calibrated/model.tflite",
        f"evaluate/{MODEL}/fixed_-6_6.json",
        "pixels/64.npy",
        "choice.json",
        "bundle/openmv-h7.zip",
    ],
)
def test_results_are_those_of_a_local_run(line: InBucket, belt: Project, path: str) -> None:
    assert line.read(f"results/tiny/{path}") == (belt.folder / "results/tiny" / path).read_bytes()


@pytest.mark.parametrize("section", ["result", "confusion", "layers", "data"])
def test_the_report_says_what_that_of_a_local_run_says(line: InBucket, belt: Project, section: str) -> None:
    """As a whole it has no frames in the sensor's pixels, which lie in the bucket, and no times of steps."""
    of_bucket, local = (
        sections(page.decode())[section]
        for page in (line.read("results/tiny/report.html"), (belt.folder / "results/tiny/report.html").read_bytes())
    )
    assert len(of_bucket) > 100
    assert of_bucket == local


def sections(page: str) -> dict[str, str]:
    """The sections of a report by their names."""
    return dict(re.findall(r'<section aria-labelledby="([\w-]+)">(.*?)</section>', page, flags=re.S))


def test_another_checkout_has_nothing_to_do(line: InBucket, tmp_path: Path) -> None:
    other = checkout(line, tmp_path)
    assert "Nothing to be done" in other.build()


def test_nor_has_the_same_one(line: InBucket) -> None:
    assert line.planned() == {}


@pytest.mark.parametrize("again", [False, True], ids=["another checkout", "the same"])
def test_a_changed_script_is_seen(line: InBucket, tmp_path: Path, again: bool) -> None:
    folder = tmp_path / "checkout"
    other = checkout(line, folder)
    if again:
        shutil.copytree(line.folder / ".snakemake", folder / ".snakemake", ignore=shutil.ignore_patterns("storage"))
    append(folder / "scripts/choose.py", "# a change\n")
    planned = other.planned()
    assert planned.pop("record_state") == 1
    assert planned.keys() == AFTER_CHOICE


def test_a_changed_setting_is_seen_from_another_checkout(line: InBucket, tmp_path: Path) -> None:
    other = checkout(line, tmp_path, BELT | {"bundle": {"accept": "weak", "votes": 7}})
    assert other.planned() == {"record_state": 4, "predict_votes": 1, "evaluate_votes": 1, "bundle": 1, "report": 1}


def test_a_template_belongs_to_what_a_page_is_made_with(line: InBucket, tmp_path: Path) -> None:
    other = checkout(line, tmp_path)
    append(other.folder / "linecam/report/page.html.j2", "<!-- a change -->\n")
    assert other.planned() == {"record_state": 1, "report": 1}


def test_a_new_range_is_converted_from_what_is_there(line: InBucket, tmp_path: Path) -> None:
    other = checkout(line, tmp_path, BELT | {"quantize": {"ranges": ["calibrated", [-6, 6], [-4, 4]]}})
    planned = other.planned()
    assert planned["quantize"] == planned["predict_tflite"] == planned["check_firmware"] == planned["evaluate"] == 1
    assert "convert_savedmodel" not in planned


def test_the_bundle_is_deployed_from_another_checkout(line: InBucket, tmp_path: Path) -> None:
    other = checkout(line, tmp_path / "checkout")
    drive = tmp_path / "drive"
    drive.mkdir()
    (drive / ".openmv_disk").touch()
    run = other.linecam("deploy", "--drive", str(drive))
    assert run.returncode == 0, run.stdout
    assert "Nothing to be done" in run.stdout
    assert (drive / "model.tflite").read_bytes() == line.read("results/tiny/bundle/openmv-h7/model.tflite")


def test_frames_are_labelled_in_another_checkout(s3: Store, tmp_path: Path) -> None:
    """It selects nothing anew, whatever an earlier run without the bucket has left there."""
    project = make_caps(tmp_path / "one")
    one = InBucket(project.folder, store=s3, prefix="s3://bucket/caps")
    selected = ["results/caps/select/random-16.csv", "results/caps/select/test.csv"]
    one.build(*selected)
    other = checkout(one, tmp_path / "other")
    shutil.copytree(one.folder / "frames", other.folder / "frames")
    for stale in ("index/frames.csv", "select/random-16.csv", "select/test.csv"):
        (other.folder / "results/caps" / stale).parent.mkdir(parents=True, exist_ok=True)
        (other.folder / "results/caps" / stale).write_text("of another run")
    with Labelling(other, other.command(*ARGUMENTS), s3.environment) as page:
        with urllib.request.urlopen(f"{page.address()}everything") as reply:
            shown = [frame["sha256"] for frame in json.load(reply)["frames"]]
        page.process.terminate()
        assert page.end() == 0, page.printed
    tables = [pd.read_csv(io.BytesIO(one.read(path)))["sha256"] for path in selected]
    assert sorted(shown) == sorted(pd.concat(tables))
    assert "Nothing to be done" in page.printed


def test_a_bucket_out_of_reach_is_told_in_one_paragraph(s3: Store, tmp_path: Path) -> None:
    nowhere = {"SNAKEMAKE_STORAGE_S3_ENDPOINT_URL": "http://127.0.0.1:9"}
    one = InBucket(copy_project(tmp_path, BELT).folder, store=s3, prefix="s3://bucket/far", environment=nowhere)
    run = one.snakemake("-n", "--storage-s3-retries", "1")
    assert run.returncode != 0
    assert "The bucket of s3://bucket/far cannot be read" in run.stdout
    assert "Traceback" not in run.stdout


def test_fewer_frames_leave_none_of_the_old_ones(s3: Store, tmp_path: Path) -> None:
    config = BELT | {"belt": {"frames": 12}, "select": {"train": 4, "test": 4}}
    one = InBucket(copy_project(tmp_path, config).folder, store=s3, prefix="s3://bucket/fewer")
    one.build("results/tiny/index/frames.csv")
    one.configure(config | {"belt": {"frames": 8}})
    one.build("results/tiny/index/frames.csv")
    assert len([name for name in s3.names(f"{one.prefix}/results/tiny/frames") if name.endswith(".jpg")]) == 8
    assert one.read("results/tiny/index/frames.csv").count(b"\n") == 1 + 8


@pytest.fixture(scope="module")
def mine(s3: Store, belt: Project, tmp_path_factory: pytest.TempPathFactory) -> InBucket:
    """A user's folder of frames, none labelled, selected at random."""
    config = TINY | {
        "dataset": {"name": "mine", "kind": "folder", "source": "frames"},
        "select": {"train": 60, "test": 50, "strategies": ["random"]},
    }
    project = copy_project(tmp_path_factory.mktemp("mine"), config)
    shutil.copytree(belt.folder / "results/tiny/frames", project.folder / "frames")
    return InBucket(project.folder, store=s3, prefix="s3://bucket/mine")


def test_frames_stay_here_and_labels_too(mine: InBucket, belt: Project, tmp_path: Path) -> None:
    split, pixels = "results/mine/split/random-60.csv", "results/mine/pixels/64.npy"

    run = mine.snakemake(split, pixels)
    assert run.returncode != 0
    assert "data/mine/labels.csv" in run.stdout
    to_label = pd.read_csv(mine.folder / "results/mine/to_label/random-60.csv")
    assert len(to_label) == 60 + 50

    truth = pd.read_csv(belt.folder / "results/tiny/truth.csv").set_index("frame")["label"]
    labels = to_label.assign(label=to_label["path"].map(truth), by="me", when="2026-11-22")
    (mine.folder / "data/mine").mkdir(parents=True)
    labels[["sha256", "path", "label", "by", "when"]].to_csv(mine.folder / "data/mine/labels.csv", index=False)
    mine.build(split, pixels)
    assert mine.read(pixels) == (belt.folder / "results/tiny/pixels/64.npy").read_bytes()
    assert not [name for name in mine.store.names(mine.prefix) if name.endswith((".jpg", "labels.csv"))]

    # Another machine, with the frames in another place.
    config = yaml.safe_load((mine.folder / "config/test.yaml").read_text(encoding="utf-8"))
    config["dataset"]["source"] = "elsewhere"
    other = checkout(mine, tmp_path, config)
    shutil.copytree(mine.folder / "frames", other.folder / "elsewhere")
    shutil.copytree(mine.folder / "data", other.folder / "data")
    assert other.planned(split, pixels) == {}

    lines = (other.folder / "data/mine/labels.csv").read_text(encoding="utf-8").splitlines()
    changed = next(number for number, line in enumerate(lines) if ",good," in line)
    lines[changed] = lines[changed].replace(",good,", ",bad,")
    (other.folder / "data/mine/labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert other.planned(split, pixels) == {"record_state": 1, "split": 1}


def test_a_split_by_folders_has_to_be_named(s3: Store, belt: Project, tmp_path: Path) -> None:
    dataset = {"name": "given", "kind": "folder", "source": "frames"}
    config = TINY | {"dataset": dataset, "select": {"train": 60, "test": 50}}
    one = InBucket(copy_project(tmp_path, config).folder, store=s3, prefix="s3://bucket/given")
    frames = sorted((belt.folder / "results/tiny/frames").iterdir())
    for frame, part in zip(frames, ("train", "test"), strict=False):
        (tmp_path / "frames" / part / "good").mkdir(parents=True)
        shutil.copy(frame, tmp_path / "frames" / part / "good")
    run = one.snakemake("-n")
    assert run.returncode != 0
    assert "select: {strategies: [given]}" in run.stdout
    one.configure(config | {"select": {"strategies": ["given"]}})
    assert "index_frames" in one.planned()
