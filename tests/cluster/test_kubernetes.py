"""Jobs in Kubernetes: what Snakemake asks of a cluster, and whether its jobs find what they need in an empty folder."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from tests.cluster.kubernetes_api import Cluster, cluster, container_environment
from tests.cluster.s3 import KEYS, InBucket, Store
from tests.conftest import ROOT, TINY, Project, copy_project

PROFILE = ROOT / "profiles/kubernetes"
BELT = TINY | {"dataset": {"name": "tiny", "kind": "belt"}, "belt": {"frames": 200}}
TARGETS = ["results/tiny/select/test.csv", "results/tiny/pixels/64.npy"]


@dataclass
class Run:
    """What a run left: the project, the cluster that it ran in, and what it printed."""

    project: InBucket
    cluster: Cluster
    printed: str

    def containers(self) -> dict[str, dict]:
        """The container of each job, by its rule."""
        pods = [job["spec"]["template"]["spec"]["containers"][0] for job in self.cluster.jobs.values()]
        return {re.search(r"--allowed-rules '?(\w+)", pod["args"][1])[1]: pod for pod in pods}


def in_cluster(folder: Path, store: Store, python: Path, prefix: str, config: dict) -> InBucket:
    """A checkout, with the profile for Kubernetes. Snakemake sends the files that git knows to the jobs."""
    project = copy_project(folder, config)
    for command in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    # The kubeconfig of whoever runs the tests is nobody's business.
    environment = {"KUBECONFIG": str(folder / "no-kubeconfig")}
    # It asks the cluster every second whether a job has ended. A user's Snakemake asks every 10 s.
    flags = ("--workflow-profile", "profiles/kubernetes", "--seconds-between-status-checks", "1")
    return InBucket(project.folder, store=store, prefix=prefix, flags=flags, python=python, environment=environment)


@pytest.fixture(scope="module")
def run(s3: Store, kubernetes_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Light rules of the belt, each in a container of its own."""
    folder = tmp_path_factory.mktemp("run")
    wheels = folder / "wheels"
    requirements = ROOT / "profiles/s3/requirements.txt"
    download = ["download", "--quiet", "--no-deps", "--dest", wheels, "-r", requirements]
    subprocess.run([sys.executable, "-m", "pip", *download], check=True)
    project = in_cluster(folder / "project", s3, kubernetes_python, "s3://bucket/pods", BELT)
    with cluster(folder / "cluster", container_environment(kubernetes_python, wheels)) as one:
        project.environment["KUBECONFIG"] = str(one.config)
        printed = project.build(*TARGETS, "--set-resources", "select_test:gpu=1")
        yield Run(project, one, printed)


def test_a_dry_run_needs_no_cluster(s3: Store, kubernetes_python: Path, tmp_path: Path) -> None:
    project = in_cluster(tmp_path, s3, kubernetes_python, "s3://bucket/nothing", BELT)
    planned = project.planned()
    assert {"render_belt", "pretrain", "finetune", "quantize", "bundle", "report"} <= planned.keys()


def test_results_are_those_of_a_local_run(run: Run, belt: Project) -> None:
    for path in TARGETS:
        assert run.project.read(path) == (belt.folder / path).read_bytes()


def test_nothing_is_left_to_do(run: Run) -> None:
    assert run.project.planned(*TARGETS) == {}


def test_jobs_run_in_pods_and_records_do_not(run: Run) -> None:
    rules = run.containers().keys()
    assert {"index_frames", "select_test", "decode_frames"} <= rules
    assert not {"record_state", "render_belt"} & rules
    assert "rule record_state" in run.printed


def test_pods_are_as_the_profile_says(run: Run) -> None:
    profile = yaml.safe_load((PROFILE / "config.yaml").read_text(encoding="utf-8"))
    for container in run.containers().values():
        assert container["image"] == profile["container-image"]
    index = run.containers()["index_frames"]["resources"]
    assert index["limits"]["cpu"] == "4000m"
    assert index["requests"]["cpu"] == "3800m"  # of 4 threads
    # A container without a limit could take all memory of its node, and Kubernetes refuses a GPU without one.
    select = run.containers()["select_test"]["resources"]
    assert select["limits"]["nvidia.com/gpu"] == select["requests"]["nvidia.com/gpu"] == "1"
    assert {"cpu", "memory", "ephemeral-storage"} <= select["limits"].keys()
    assert "nvidia.com/gpu" not in index["limits"]


def test_the_profile_keeps_what_the_default_one_promises() -> None:
    """Snakemake loads one workflow profile: this one has to repeat the other's flags."""
    own, default = (
        yaml.safe_load((ROOT / "profiles" / name / "config.yaml").read_text(encoding="utf-8"))
        for name in ("kubernetes", "default")
    )
    # What one machine has, and what linecam does before a run: a pod reads the profile before linecam is there.
    for flag in default.keys() - {"cores", "resources", "__use_yte__", "__definitions__", "?if terminal"}:
        assert own[flag] == default[flag], flag


def test_keys_go_by_a_secret(run: Run) -> None:
    (secret,) = run.cluster.secrets.values()
    assert {key.upper() for key in secret} >= KEYS.keys()
    for container in run.containers().values():
        assert {entry["name"] for entry in container["env"]} >= KEYS.keys()
        assert KEYS["SNAKEMAKE_STORAGE_S3_SECRET_KEY"] not in " ".join(container["args"])


def test_split_tells_on_this_machine_what_lacks_a_label(
    run: Run, s3: Store, kubernetes_python: Path, belt: Project, tmp_path: Path
) -> None:
    config = TINY | {
        "dataset": {"name": "mine", "kind": "folder", "source": str(belt.folder / "results/tiny/frames")},
        "select": {"train": 60, "test": 50, "strategies": ["random"]},
    }
    project = in_cluster(tmp_path / "project", s3, kubernetes_python, "s3://bucket/mine-in-pods", config)
    project.environment["KUBECONFIG"] = str(run.cluster.config)
    before = set(run.cluster.jobs)
    failed = project.snakemake("results/mine/split/random-60.csv")
    assert failed.returncode != 0
    assert (project.folder / "results/mine/to_label/random-60.csv").is_file(), failed.stdout[-5000:]
    # Frames are read here, and nowhere else.
    ran = " ".join(
        run.cluster.jobs[name]["spec"]["template"]["spec"]["containers"][0]["args"][1]
        for name in set(run.cluster.jobs) - before
    )
    assert set(re.findall(r"--allowed-rules '?(\w+)", ran)) == {"select_test", "select_train"}


def test_the_image_has_what_the_lock_says() -> None:
    text = (PROFILE / "Dockerfile").read_text(encoding="utf-8")
    copied = [path for line in re.findall(r"^COPY (.*)$", text, flags=re.MULTILINE) for path in line.split()[:-1]]
    assert "requirements.lock" in copied
    for path in copied:
        assert (ROOT / path).is_file(), path
    # What is installed has been copied before, to the place that is named.
    targets = dict(line.split() for line in re.findall(r"^COPY (.*)$", text, flags=re.MULTILINE))
    there = {target + Path(path).name for path, target in targets.items()}
    assert set(re.findall(r"-r (\S+)", text)) <= there
    version = re.search(r"^FROM python:(\d+\.\d+)", text, flags=re.MULTILINE)[1]
    assert version in SpecifierSet(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"])


def test_plugins_are_pinned() -> None:
    for name in ("s3", "kubernetes"):
        lines = (ROOT / "profiles" / name / "requirements.txt").read_text(encoding="utf-8").splitlines()
        pins = [line for line in lines if not line.startswith(("#", "-r "))]
        assert pins
        for pin in pins:
            assert re.fullmatch(r"[a-z0-9-]+==[\w.]+", pin), pin
