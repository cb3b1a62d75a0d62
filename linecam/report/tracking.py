"""The runs of a dataset in MLflow, for whoever follows trainings there: `linecam track`.

MLflow is none of linecam's packages, since it brings sixteen of its own: who has a server installs `mlflow-skinny`.
"""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from linecam.errors import UserError
from linecam.report.comparison import flat
from linecam.report.runs import Run, some_kept

NAME = "linecam.run"  # the tag by which a run is known again
LONGEST, BATCH = 6000, 100  # characters of a parameter, and parameters of one call, that MLflow takes
# MLflow's own patience with a server that is away is several minutes.
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


def track(runs: Path, dataset: str, uri: str) -> tuple[int, int]:
    """Log each run in the folder `runs` that MLflow at `uri` does not know yet, into the experiment linecam/<dataset>.

    Returns how many are new there, and how many there are. A run has its settings as parameters, its figures as
    metrics, and its file as an artifact; the last one has the report, too, where `runs` lies beside it. Raises
    `UserError` where no run is kept, MLflow is not installed, or the server does not take the runs: those that it has
    taken by then are known to it, and the next call goes on.
    """
    files = some_kept(runs)
    for key, value in PATIENCE.items():
        os.environ.setdefault(key, value)
    try:
        from mlflow.exceptions import MlflowException  # noqa: PLC0415 (only who uses it has it)
        from mlflow.tracking import MlflowClient  # noqa: PLC0415
    except ImportError:
        raise UserError(
            "`linecam track` needs MLflow's client, which is not installed. Run `.venv/bin/pip install mlflow-skinny`, "
            "and the same command again."
        ) from None
    try:
        client = MlflowClient(uri)
        name = f"linecam/{dataset}"
        found = client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else client.create_experiment(name)
        known = _known(client, experiment)
        new = [path for path in files if path.stem not in known]
        for path in new:
            report = runs.parent / "report.html"
            _log(client, experiment, path, [report] if path == files[-1] and report.exists() else [])
    except (MlflowException, OSError) as error:
        raise UserError(
            f"MLflow at {uri} does not take the runs: {str(error).splitlines()[0][:300]}. Nothing is lost: they are in "
            f"{runs}. Check the address and the server, and run the same command again."
        ) from None
    return len(new), len(files)


def _known(client: Any, experiment: str) -> set[str]:
    """The names of the runs that were logged to their end."""
    names, page = set(), None
    while page is None or page:
        runs = client.search_runs([experiment], "attributes.status = 'FINISHED'", page_token=page)
        names |= {run.data.tags.get(NAME, "") for run in runs}
        page = runs.token or ""
    return names


def _log(client: Any, experiment: str, path: Path, artifacts: list[Path]) -> None:
    from mlflow.entities import Metric, Param  # noqa: PLC0415

    run = Run.read(path)
    when = int(datetime.fromisoformat(run.when).timestamp() * 1000)
    tags = {NAME: path.stem, "linecam.version": run.linecam, "linecam.revision": run.revision or ""}
    number = client.create_run(experiment, start_time=when, tags=tags, run_name=path.stem).info.run_id
    params = {"model": run.model, "range": run.range, "labels": len(run.labels), "weak": run.weak}
    params |= {f"config.{key}": value for key, value in flat(run.config)}
    client.log_batch(number, metrics=[Metric(plain(key), value, when, 0) for key, value in metrics_of(run).items()])
    settings = [Param(plain(key), str(value)[:LONGEST]) for key, value in params.items()]
    for start in range(0, len(settings), BATCH):
        client.log_batch(number, params=settings[start : start + BATCH])
    for file in [path, *artifacts]:
        client.log_artifact(number, str(file))
    client.set_terminated(number, end_time=when)


def metrics_of(run: Run) -> dict[str, float]:
    """The figures of a run by name: shares are 0..1, of a class without test frames there is none."""
    found: dict[str, float | None] = {
        "accuracy": run.score["accuracy"]["value"],
        "balanced_accuracy": run.score["balanced_accuracy"],
    }
    for name, of in run.score["classes"].items():
        found |= {f"recall.{name}": of["recall"]["value"], f"precision.{name}": of["precision"]}
    found |= {f"threshold.{name}": value for name, value in run.thresholds.items()}
    for board, costs in run.boards.items():
        found |= dict(_costs(board, costs))
    return {key: float(value) for key, value in found.items() if value is not None}


def _costs(board: str, costs: Mapping[str, Any]) -> list[tuple[str, float | None]]:
    latency = costs.get("latency_ms") or [None]
    return [
        (f"{board}.ms_low", latency[0]),
        (f"{board}.ms_high", latency[-1]),
        *((f"{board}.{key}", costs.get(key)) for key in ("arena_bytes", "file_bytes")),
    ]


def plain(key: str) -> str:
    """A name that MLflow takes: letters, digits, and _ - . / : or a blank; other characters become _."""
    return "".join(one if one.isalnum() or one in "_-./: " else "_" for one in key)
