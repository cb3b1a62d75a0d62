"""The study: which models it trains, and what it says of them."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from linecam.errors import UserError
from linecam.evaluation.studies import StudiedModel
from linecam.networks.model_name import ModelName
from linecam.report.study import markdown
from scripts.select_first import select_first
from scripts.study import Decision, Results, figures, study
from tests.conftest import TINY, copy_project

CLASSES = ["bad", "good"]
COST = {"macs": 9_000_000, "file_bytes": 95_000, "arena_bytes": 70_000, "instructions": 22_000_000,
        "latency_ms": [28.7, 39.1]}  # fmt: skip


def metrics(accuracy: float, recall: float) -> dict[str, Any]:
    share = {"value": recall, "of": [1, 1], "low": 0, "high": 1}
    return {
        "test": {
            "accuracy": {"value": accuracy, "of": [1, 1], "low": 0, "high": 1},
            "balanced_accuracy": accuracy,
            "classes": {name: {"recall": share, "precision": 0.5} for name in CLASSES},
        },
        "agreement": {"argmax": 0.995},
    }


def model(
    folder: Path, network: str, labels: int, seed: int, accuracy: float, *, int8: bool, cost: dict[str, Any] = COST
) -> StudiedModel:
    folder.mkdir(parents=True)
    (folder / "float.json").write_text(json.dumps(metrics(accuracy, accuracy / 2)))
    if not int8:
        return StudiedModel(network, "none", labels, seed, folder / "float.json")
    (folder / "int8.json").write_text(json.dumps(metrics(accuracy - 0.01, accuracy / 2)))
    (folder / "openmv-h7.json").write_text(json.dumps({"cost": cost}))
    files = [folder / name for name in ("float.json", "int8.json", "int8.csv", "openmv-h7.json")]
    return StudiedModel(network, "none", labels, seed, *files)


@pytest.fixture
def models(tmp_path: Path) -> list[StudiedModel]:
    return [
        model(tmp_path / "a", "swift7-112", 25, 1, 0.80, int8=False),
        model(tmp_path / "b", "swift7-112", 200, 1, 0.98, int8=True),
        model(tmp_path / "c", "swift7-112", 200, 2, 0.96, int8=True),
        model(tmp_path / "d", "swift9-96", 200, 1, 0.90, int8=True, cost=COST | {"latency_ms": None}),
    ]


def results(folder: Path) -> Results:
    folder.mkdir(exist_ok=True)
    return Results(*(folder / file for file in ("study.csv", "table.md", "labels.png", "pareto.png")))


OURS = ModelName.parse("swift7-112-none/given/seed-1")


def test_a_row_has_what_the_files_say(models: list[StudiedModel]) -> None:
    few, all_, *_ = (figures(each, CLASSES) for each in models)
    assert few == {
        "network": "swift7-112", "method": "none", "labels": 25, "seed": 1, "float_accuracy": 0.8,
        "float_balanced_accuracy": 0.8, "float_recall_bad": 0.4, "float_recall_good": 0.4, "float_precision_bad": 0.5,
        "float_precision_good": 0.5,
    }  # fmt: skip
    assert (all_["int8_accuracy"], all_["agreement"], all_["bytes"], all_["latency_ms_high"]) == (
        pytest.approx(0.97), 0.995, 95_000, 39.1,
    )  # fmt: skip


def test_the_tables_have_means_spreads_and_the_worst_seed(models: list[StudiedModel]) -> None:
    text = markdown(pd.DataFrame([figures(each, CLASSES) for each in models]), "bad")
    assert "| swift7-112 | none | 25 | 1 | 80.0 % | 80.0 % | 40.0 % |" in text
    assert "| swift7-112 | none | 200 | 2 | 97.0 ± 1.4 % | 96.0 % | 48.5 ± 0.7 % |" in text
    line = "| swift7-112 | none | 2 | 96.0 ± 1.4 % | 95.0 % | 48.5 ± 0.7 % | 50.0 ± 0.0 % | 9.0 M | 22.0 M |"
    assert f"{line} 28.7 to 39.1 | 95,000 | 70,000 |" in text
    assert "| swift9-96 | none | 1 | 89.0 % | 89.0 % | 45.0 % | 50.0 % | 9.0 M | 22.0 M |  | 95,000 | 70,000 |" in text


def test_the_rarest_class_is_that_of_the_fewest_test_frames(models: list[StudiedModel], tmp_path: Path) -> None:
    """However the classes are ordered: in README's own example `good` comes first."""
    measured = metrics(0.9, 0.5)
    counts = {"good": [180, 200], "scratched": [9, 12], "empty": [38, 38]}
    measured["test"]["classes"] = {
        name: {"recall": {"value": found / there, "of": [found, there]}, "precision": 0.5}
        for name, (found, there) in counts.items()
    }
    for each in models:
        for path in (each.float_metrics, each.int8_metrics):
            if path:
                path.write_text(json.dumps(measured))
    written = results(tmp_path)
    study(models, None, written, classes=list(counts), confidence=0.95, ours=OURS)
    text = written.text.read_text()
    assert text.count("recall of `scratched`") == 2
    assert "| swift7-112 | none | 25 | 1 | 90.0 % | 90.0 % | 75.0 % |" in text


def test_the_same_study_is_the_same_bytes(models: list[StudiedModel], tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        written = results(tmp_path / name)
        study(models, None, written, classes=CLASSES, confidence=0.95, ours=OURS)
        made.append([path.read_bytes() for path in vars(written).values()])
    assert made[0] == made[1]
    table = pd.read_csv(tmp_path / "one/study.csv")
    assert list(table["labels"]) == [25, 200, 200, 200]
    for name in ("labels", "pareto"):
        with Image.open(tmp_path / f"one/{name}.png") as picture:
            assert len(picture.convert("L").getcolors(100_000) or []) > 10, "something is drawn"


def test_seeds_decide_by_the_thresholds_of_the_lines_own_model(models: list[StudiedModel], tmp_path: Path) -> None:
    """By the highest probability 2 of 4 are right. At 0.3 bad is found twice; the temperature makes 0.35 into 0.22."""
    rows = [
        ("test", "bad", 0.6),
        ("test", "bad", 0.45),
        ("test", "good", 0.35),
        ("test", "good", 0.0),
        ("train", "bad", 0.0),
    ]
    for name in ("b", "c"):
        pd.DataFrame(
            [
                {
                    "sha256": str(n),
                    "path": "x",
                    "part": part,
                    "label": label,
                    "predicted": "good",
                    "p_bad": p,
                    "p_good": 1 - p,
                }
                for n, (part, label, p) in enumerate(rows)
            ]
        ).to_csv(tmp_path / name / "int8.csv", index=False)
    tables = {}
    for temperature in (1.0, 0.5):
        written = results(tmp_path)
        study(models, Decision({"bad": 0.3}, temperature), written, classes=CLASSES, confidence=0.95, ours=OURS)
        tables[temperature] = pd.read_csv(written.table)
    table = tables[1.0]
    assert table["decided_accuracy"].tolist()[1:3] == [0.75, 0.75]
    assert table["decided_recall_bad"].tolist()[1:3] == [1.0, 1.0]
    assert table["decided_precision_bad"].tolist()[1:3] == [pytest.approx(2 / 3, abs=1e-6)] * 2
    assert table["decided_accuracy"].isna().tolist() == [True, False, False, True]
    assert tables[0.5]["decided_accuracy"].tolist()[1:3] == [1.0, 1.0]
    assert (
        "| swift7-112 | none | 2 | 100.0 ± 0.0 % | 100.0 % | 100.0 ± 0.0 % | 100.0 ± 0.0 % |"
        in written.text.read_text()
    )


def frames(count: int) -> pd.DataFrame:
    return pd.DataFrame({"sha256": [f"{n:064x}" for n in range(count)], "path": [f"{n}.jpg" for n in range(count)]})


def test_the_first_frames_are_those_picked_first(tmp_path: Path) -> None:
    frames(10).to_csv(tmp_path / "coreset-10.csv", index=False)
    select_first(tmp_path / "coreset-10.csv", tmp_path / "first.csv", count=4, shuffled=False, seed=1)
    assert list(pd.read_csv(tmp_path / "first.csv")["path"]) == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]


def test_given_frames_are_shuffled_and_fewer_are_among_more(tmp_path: Path) -> None:
    frames(100).to_csv(tmp_path / "given.csv", index=False)
    found = []
    for count in (10, 30):
        select_first(tmp_path / "given.csv", tmp_path / "first.csv", count=count, shuffled=True, seed=1)
        found.append(list(pd.read_csv(tmp_path / "first.csv")["path"]))
    assert found[0] == found[1][:10]
    assert found[1] != sorted(found[1], key=lambda path: int(path.removesuffix(".jpg")))
    select_first(tmp_path / "given.csv", tmp_path / "first.csv", count=10, shuffled=True, seed=2)
    assert list(pd.read_csv(tmp_path / "first.csv")["path"]) != found[0]


def test_more_labels_than_there_are(tmp_path: Path) -> None:
    frames(10).to_csv(tmp_path / "given.csv", index=False)
    with pytest.raises(UserError, match=r"study.labels asks for 20 labels, but .* has 10 frames"):
        select_first(tmp_path / "given.csv", tmp_path / "first.csv", count=20, shuffled=True, seed=1)


def test_a_study_of_more_labels_than_are_selected_is_refused_when_it_is_planned(tmp_path: Path) -> None:
    """Its models would be called by numbers of labels that they never had."""
    part = {"networks": ["swift7-64"], "methods": ["none"], "labels": [16, 61], "seeds": [1]}
    config = TINY | {"dataset": {"name": "tiny", "kind": "belt"}, "study": [part]}
    project = copy_project(tmp_path / "p", config)
    run = project.snakemake("--dry-run", "study")
    assert run.returncode != 0
    assert "on 61 labels, but select.train is 60" in run.stdout
    assert "Traceback" not in run.stdout
    project.configure(config | {"study": [part | {"labels": [16, 60]}]})
    assert project.planned("study")["select_first"] == 1, "60 labels are all that are selected"
