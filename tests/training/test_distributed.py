"""Pretraining by several processes, as the rule starts them: torchrun, gloo, and the losses of one process."""

import multiprocessing
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from linecam.networks.models import embed
from linecam.networks.torch_setup import prepare_torch
from linecam.training.distributed import Processes
from linecam.training.simclr import SimCLR
from scripts import pretrain as module
from tests.conftest import TINY, Project, copy_project

# Rounding, which float32 pretraining amplifies: in the first steps views of different frames are all but the same.
ROUNDING = 0.05
HISTORY = "results/mine/pretrain/resnet9-64-simclr/history.csv"
CHECKPOINT = "results/mine/pretrain/resnet9-64-simclr/checkpoint.safetensors"


def configured(epochs: int = 3, **pretrain: object) -> dict:
    budget = {"methods": ["simclr"], "cpu": {"epochs": epochs, "batch_size": 64}, "precision": "float32"}
    return TINY | {
        "dataset": {"name": "mine", "kind": "folder", "source": "frames"},
        "networks": ["resnet9-64"],
        "pretrain": budget | pretrain,
    }


@pytest.fixture(scope="module")
def alone(belt: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """200 frames, pretrained for 3 epochs by one process."""
    project = copy_project(tmp_path_factory.mktemp("distributed"), configured())
    shutil.copytree(belt.folder / "results/tiny/frames", project.folder / "frames")
    project.build(HISTORY)
    shutil.copy(project.folder / HISTORY, project.folder / "alone.csv")
    return project


def losses(project: Project, name: str = HISTORY) -> np.ndarray:
    return pd.read_csv(project.folder / name)["loss"].to_numpy()


class Precise(SimCLR):
    """SimCLR in float64, so that equal mathematics gives equal figures."""

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.double()
        one, other = (self.projection(embed(self.backbone, views.double())) for views in (first, second))
        return one, other


def pretrain_precisely(rank: int, count: int, folder: Path) -> None:
    """One of `count` processes that write history.csv into `folder`/`count`."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29577", "RANK": str(rank), "WORLD_SIZE": str(count)}
    os.environ |= {"TORCHELASTIC_RUN_ID": "test"}
    module.SimCLR = lambda network: Precise(network).double()  # type: ignore[assignment, misc]
    place = folder / str(count)
    place.mkdir(exist_ok=True)
    with Processes.join(prepare_torch(1), "auto") as processes:
        module.pretrain(
            folder / "pixels.npy",
            place / "backbone.safetensors",
            place / "history.csv",
            checkpoint=place / "checkpoint.safetensors",
            recipe=module.Recipe("resnet9-32", 3, 24, 0.06, 0.5, 0.5, 0.5, "float32", 1),
            device=processes.device,
            processes=processes,
            threads=1,
        )


def test_the_mathematics_is_that_of_one_process(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    colors = rng.integers(0, 255, (96, 1, 1, 3))
    np.save(tmp_path / "pixels.npy", np.clip(colors + rng.normal(0, 25, (96, 32, 32, 3)), 0, 255).astype(np.uint8))
    # The six of them are forks of one process that has imported all this: that takes longer than what they compute.
    multiprocessing.set_forkserver_preload([__name__])
    for count in (1, 2, 3):
        torch.multiprocessing.start_processes(
            pretrain_precisely, (count, tmp_path), nprocs=count, start_method="forkserver"
        )
    expected, two, three = (pd.read_csv(tmp_path / str(count) / "history.csv")["loss"] for count in (1, 2, 3))
    assert list(two) == pytest.approx(list(expected), abs=2e-6), "history.csv has 6 digits"
    assert list(three) == pytest.approx(list(expected), abs=2e-6)
    weights = [load_file(tmp_path / str(count) / "backbone.safetensors") for count in (1, 2, 3)]
    for name, tensor in weights[0].items():
        for other in weights[1:]:
            torch.testing.assert_close(other[name], tensor, rtol=1e-6, atol=1e-9)


def test_two_processes_have_the_losses_of_one(alone: Project) -> None:
    alone.configure(configured(devices=2))
    assert alone.planned(HISTORY) == {}, "on how many devices is no reason to train again"
    printed = alone.build(HISTORY, "--forcerun", "pretrain")
    assert "Traceback" not in printed
    assert losses(alone) == pytest.approx(losses(alone, "alone.csv"), abs=ROUNDING)
    assert len(losses(alone)) == 3
    assert not (alone.folder / CHECKPOINT).exists()


def test_a_killed_run_of_two_goes_on(alone: Project) -> None:
    alone.configure(configured(devices=2))
    command = [sys.executable, "-m", "snakemake", "--cores", "2", HISTORY, "--forcerun", "pretrain"]
    command += ["--configfile", "config/test.yaml"]
    run = subprocess.Popen(
        command, cwd=alone.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not (alone.folder / CHECKPOINT).exists():
        assert run.poll() is None, "the run ended before its first checkpoint was seen"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    alone.build("--unlock")
    alone.build(HISTORY)
    log = (alone.folder / "results/mine/logs/pretrain-resnet9-64.log").read_text()
    assert "going on after epoch" in log
    assert losses(alone) == pytest.approx(losses(alone, "alone.csv"), abs=ROUNDING)


def test_two_nodes_of_a_slurm_job(alone: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`srun` stands in for a cluster here: it starts the command once for each node, on this machine."""
    srun = tmp_path / "srun"
    srun.write_text(
        "#!/bin/sh\nexport GLOO_SOCKET_IFNAME=lo\n"
        'while [ "${1#--}" != "$1" ]; do echo "$1" >> "$0.seen"; shift; done\n'
        '"$@" & first=$!\n"$@"; status=$?\nwait $first && exit $status\n'
    )
    srun.chmod(srun.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", str(os.getpid()))
    alone.configure(configured(num_nodes=2))
    alone.build(HISTORY, "--forcerun", "pretrain")
    asked = ["--nodes=2", "--ntasks=2", "--ntasks-per-node=1", "--cpus-per-task=2"]
    assert (tmp_path / "srun.seen").read_text().split() == asked
    assert losses(alone) == pytest.approx(losses(alone, "alone.csv"), abs=ROUNDING)


def test_two_nodes_without_a_cluster(alone: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    alone.configure(configured(num_nodes=2))
    run = alone.snakemake(HISTORY, "--forcerun", "pretrain")
    assert run.returncode != 0
    assert "pretrain.num_nodes = 2 needs a SLURM job" in run.stdout
    assert "Traceback" not in run.stdout


def test_a_batch_that_three_cannot_share(alone: Project) -> None:
    alone.configure(configured(devices=3))
    run = alone.snakemake(HISTORY, "--forcerun", "pretrain")
    assert run.returncode != 0
    assert "pretrain.cpu.batch_size = 64 can't be shared equally by 3 processes" in run.stdout
    assert "Traceback" not in run.stdout
