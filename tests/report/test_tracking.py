"""Runs in MLflow: the real client, in an environment of its own, against a store of files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from linecam.report.runs import kept
from linecam.report.tracking import metrics_of, plain
from tests.cluster.plugins import environment
from tests.conftest import ROOT
from tests.report.test_runs import run

# Prints, for each run of the experiment, its name, a metric, a parameter, and its artifacts.
LOOK = """
import sys
from mlflow.tracking import MlflowClient
client = MlflowClient(sys.argv[1])
experiment = client.get_experiment_by_name("linecam/caps").experiment_id
for run in client.search_runs([experiment], order_by=["attributes.start_time"]):
    files = sorted(one.path for one in client.list_artifacts(run.info.run_id))
    data = run.data
    print(data.tags["linecam.run"], data.metrics["recall.bad"], data.params["config.finetune.epochs"], *files)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has MLflow's client besides the packages of the tests."""
    return environment(tmp_path_factory.mktemp("mlflow") / "environment", [ROOT / "tests/report/requirements.txt"])


def track(python: Path, folder: Path, uri: str) -> subprocess.CompletedProcess[str]:
    """`linecam track` in a folder, for the dataset caps."""
    return subprocess.run(
        [python, "-m", "linecam", "track", uri, "--dataset", "caps"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "MLFLOW_ALLOW_FILE_STORE": "true"},
        capture_output=True,
        text=True,
        check=False,
    )


def look(python: Path, uri: str) -> list[str]:
    """What MLflow has of the dataset caps, a line a run."""
    env = os.environ | {"MLFLOW_ALLOW_FILE_STORE": "true"}
    return subprocess.run(
        [python, "-c", LOOK, uri], env=env, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_each_run_is_logged_once_with_figures_settings_and_file(python: Path, tmp_path: Path) -> None:
    runs, uri = tmp_path / "results/caps/runs", f"file:{tmp_path}/store"
    # More settings than MLflow takes in one call, and a name with a character that it refuses.
    settings = {"finetune": {"epochs": 100}, "many": {f"one (%) {n}": n for n in range(150)}, "long": "x" * 9000}
    run(config=settings).keep(runs)
    first = track(python, tmp_path, uri)
    assert first.returncode == 0, first.stderr
    assert first.stdout == "1 of the 1 runs of caps are new in MLflow, in the experiment linecam/caps.\n"
    run("2026-11-21T08:00:00", said="bgggg").keep(runs)
    (runs.parent / "report.html").write_text("<html>")
    assert track(python, tmp_path, uri).stdout.startswith("1 of the 2 runs")
    assert track(python, tmp_path, uri).stdout.startswith("0 of the 2 runs")
    one, two = (path.stem for path in kept(runs))
    assert look(python, uri) == [f"{one} 1.0 100 {one}.json", f"{two} 0.5 100 {two}.json report.html"]


def test_a_server_that_is_away_costs_no_run(python: Path, tmp_path: Path) -> None:
    runs = tmp_path / "results/caps/runs"
    run().keep(runs)
    uri = "http://127.0.0.1:9"  # discard: nothing listens there
    ended = track(python, tmp_path, uri)
    assert ended.returncode == 1
    assert f"MLflow at {uri} does not take the runs" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(kept(runs)) == 1


@pytest.mark.parametrize(("keep", "said"), [(False, "has no run yet"), (True, "pip install mlflow-skinny")])
def test_without_runs_or_without_mlflow_it_says_what_to_do(keep: bool, said: str, tmp_path: Path) -> None:
    if keep:
        run().keep(tmp_path / "results/caps/runs")
    ended = track(Path(sys.executable), tmp_path, "http://127.0.0.1:9")
    assert ended.returncode == 1
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_is_unknown_is_no_metric() -> None:
    found = metrics_of(run(true="ggggg", said="ggggg", thresholds={"bad": 0.4}))
    assert "recall.bad" not in found
    assert found["recall.good"] == 1
    assert found["threshold.bad"] == 0.4
    assert found["openmv-h7.ms_high"] == 75.6
    assert found["openmv-h7.arena_bytes"] == 68_992


def test_a_name_keeps_what_mlflow_takes_of_it() -> None:
    assert plain("größe 5/a-b_c.d: %(x)") == "größe 5/a-b_c.d: __x_"
