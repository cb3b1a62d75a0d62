"""profiles/slurm on a real SLURM of two nodes on this machine, see slurm.py; skips where there is none.

One story, told once: a belt is pretrained and embedded through sbatch, interrupted and started again; embedding fails
the first time. Each test looks at one side of it.
"""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from tests.cluster.plugins import with_plugins
from tests.cluster.slurm import NoSlurmError, Slurm, slurm
from tests.conftest import ROOT, TINY, Project, copy_project

EPOCHS = 150  # the interruption has to come before the last
CONFIG = TINY | {
    "dataset": {"name": "tiny", "kind": "belt"},
    "belt": {"frames": 60},
    "networks": ["resnet9-32"],
    "select": {"train": 20, "test": 20, "strategies": ["coreset"]},
    "pretrain": {"methods": ["simclr"], **{kind: {"epochs": EPOCHS, "batch_size": 16} for kind in ("cpu", "gpu")}},
}
BACKBONE = "results/tiny/pretrain/resnet9-32-simclr"
SELECTED = "results/tiny/select/coreset-20.csv"
QUICK = ["--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "5"]
PROFILE = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text(encoding="utf-8"))
DEFAULT = yaml.safe_load((ROOT / "profiles/default/config.yaml").read_text(encoding="utf-8"))

# What is put into scripts/embed.py of the copy: as on a node with a broken driver, once.
FAULT = """\
    with job(snakemake):
        if not Path("failed-once").exists():
            Path("failed-once").touch()
            raise RuntimeError("no working GPU on this node")
"""


@dataclass
class Login:
    """The machine that jobs are submitted from."""

    cluster: Slurm
    python: Path

    def start(self, folder: Path, *arguments: str, patient: bool = True) -> subprocess.Popen[str]:
        """Start Snakemake in `folder`; `patient`: see slurm.py."""
        return subprocess.Popen(
            [self.python, "-m", "snakemake", *arguments],
            cwd=folder,
            env=self.cluster.environment | {"PATIENT": str(int(patient))},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Where the tests run in the background, Ctrl-C would be ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 (no threads here)
        )

    def run(self, project: Project, *targets: str) -> tuple[int, str]:
        """The user's command; returns its exit code and what it printed."""
        return ended(self.start(project.folder, *command(*targets)))


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for it, for minutes at most; its exit code, and what it printed."""
    try:
        printed, _ = process.communicate(timeout=300)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, printed


def command(*targets: str) -> list[str]:
    """The documented command; it only asks SLURM more often, and believes the disk sooner."""
    return [*targets, "--workflow-profile", "profiles/slurm", *QUICK, "--configfile", "config/test.yaml"]


def set_resources(project: Project, rule: str, **resources: int) -> None:
    """Edit the copy's profile, as its user would."""
    path = project.folder / "profiles/slurm/config.yaml"
    profile = yaml.safe_load(path.read_text(encoding="utf-8"))
    profile["set-resources"].setdefault(rule, {}).update(resources)
    path.write_text(yaml.safe_dump(profile), encoding="utf-8")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Slurm]:
    try:
        with slurm(nodes=2) as running:
            yield running
    except NoSlurmError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def login(cluster: Slurm, tmp_path_factory: pytest.TempPathFactory) -> Login:
    return Login(cluster, with_plugins("slurm", tmp_path_factory.mktemp("plugins")))


@pytest.fixture(scope="module")
def two_nodes(login: Login, tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """Snakemake with one job of two nodes, which runs while the story is told."""
    folder = tmp_path_factory.mktemp("nodes")
    (folder / "Snakefile").write_text(
        dedent("""\
            rule all:
                output: "told.txt"
                threads: 2
                resources: mem_mb=200, runtime=5, nodes=2, tasks_per_node=2, mpi="srun", gpu=0, gres="gpu:1"
                script: "tell.py"
        """)
    )
    (folder / "tell.py").write_text(
        dedent("""\
            import subprocess
            tell = "echo $SLURM_PROCID/$SLURM_NTASKS $SLURMD_NODENAME $SLURM_CPUS_PER_TASK $CUDA_VISIBLE_DEVICES"
            options = ["--nodes=2", "--ntasks-per-node=2", f"--cpus-per-task={snakemake.threads}", "--gres=gpu:1"]
            told = subprocess.check_output(["srun", *options, "sh", "-c", tell], text=True)
            with open(snakemake.output[0], "a") as file:
                file.write(told)
        """)
    )
    own = {name: PROFILE[name] for name in PROFILE if name.startswith("slurm-") or name in {"executor", "jobs"}}
    (folder / "profile").mkdir()
    (folder / "profile/config.yaml").write_text(yaml.safe_dump(own))
    process = login.start(folder, "--directory", str(folder), "--workflow-profile", "profile", *QUICK)
    yield process
    process.kill()


@dataclass
class Story:
    """What was printed, and SLURM's records, after Ctrl-C and after the same command again."""

    project: Project
    exit_code: int
    checkpointed: bool
    jobs: list[dict[str, str]]
    resumed: str
    log: str  # Snakemake's own, of the second run
    all_jobs: list[dict[str, str]]

    def of(self, name: str) -> list[dict[str, str]]:
        """The jobs of a rule or group, in the order of submission."""
        return [job for job in self.all_jobs if job["Comment"].startswith(f"rule_{name}_")]


@pytest.fixture(scope="module")
def story(login: Login, two_nodes: subprocess.Popen[str], tmp_path_factory: pytest.TempPathFactory) -> Story:
    project = copy_project(tmp_path_factory.mktemp("cluster"), CONFIG)
    script = project.folder / "scripts/embed.py"
    text = script.read_text(encoding="utf-8")
    first = FAULT.splitlines(keepends=True)[0]
    assert first in text
    script.write_text(text.replace(first, FAULT), encoding="utf-8")
    set_resources(project, "pretrain", mem_mb=3000, runtime=17)
    project.build("results/tiny/pixels/32.npy")  # here: only what follows is about SLURM

    process = login.start(project.folder, *command(SELECTED), patient=False)
    checkpoint = project.folder / BACKBONE / "checkpoint.safetensors"
    while process.poll() is None and not checkpoint.exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    exit_code, printed = ended(process)
    assert "Stopped, as you asked" in printed, printed[-5000:]
    jobs, checkpointed = login.cluster.jobs(project.folder), checkpoint.exists()

    code, resumed = login.run(project, SELECTED)
    assert code == 0, resumed[-5000:]
    log = max((project.folder / ".snakemake/log").glob("*.log"), key=lambda path: path.stat().st_mtime)
    told = log.read_text(encoding="utf-8")
    return Story(project, exit_code, checkpointed, jobs, resumed, told, login.cluster.jobs(project.folder))


def test_ctrl_c_takes_the_job_out_of_the_queue(story: Story) -> None:
    assert story.exit_code != 0
    (job,) = story.jobs
    assert job["JobState"] in {"CANCELLED", "COMPLETING"}, "the state after it"
    assert story.checkpointed


def test_the_same_command_goes_on_from_the_last_epoch(story: Story) -> None:
    log = (story.project.folder / "results/tiny/logs/pretrain-resnet9-32.log").read_text(encoding="utf-8")
    assert "going on after epoch" in log
    assert "epoch 1 of" not in log.replace("after epoch 1 of", "")
    history = (story.project.folder / BACKBONE / "history.csv").read_text(encoding="utf-8")
    assert len(history.splitlines()) == 1 + EPOCHS
    assert (story.project.folder / BACKBONE / "backbone.safetensors").exists()


def test_a_failed_job_says_why_and_is_tried_again(story: Story) -> None:
    assert [job["JobState"] for job in story.of("embed")] == ["FAILED", "COMPLETED"]
    assert "no working GPU on this node" in story.resumed
    assert re.search(r"^ +again +\S", story.resumed, flags=re.M)
    # SLURM's own output of what failed stays, of the rest not.
    logs = story.project.folder / "results/slurm"
    assert len(list(logs.glob("rule_embed/**/*.log"))) == 1
    assert not list(logs.glob("group_select*/**/*.log"))


def test_slurm_is_asked_for_what_the_rule_and_the_profile_say(story: Story) -> None:
    assert [job["TimeLimit"] for job in story.of("pretrain")] == ["00:17:00"] * 2
    assert {job["MinMemoryNode"] for job in story.of("pretrain")} == {"3000M"}, "as edited in the profile"
    for rule in ("pretrain", "embed"):
        block = re.search(rf"^rule {rule}:\n(?:    .*\n)*", story.log, flags=re.M)
        assert block is not None
        said = dict(re.findall(r"(\w+)=(\d+)(?:,|$)", block[0].partition("resources:")[2]))
        threads = re.search(r"threads: (\d+)", block[0])
        job = story.of(rule)[
            -1 if rule == "pretrain" else 0
        ]  # of the first attempt in this run, as is what was printed
        assert job["MinMemoryNode"] == f"{said['mem_mb']}M"
        assert minutes(job["TimeLimit"]) == int(said["runtime"])
        assert job["NumCPUs"] == (threads[1] if threads else "1")
        assert (said["gpu"], job["TresPerJob"]) == ("1", "gres:gpu:1")


def minutes(limit: str) -> int:
    """Of SLURM's [days-]hours:minutes:seconds."""
    days, _, clock = limit.rpartition("-")
    hours, mins, _ = clock.split(":")
    return int(days or 0) * 1440 + int(hours) * 60 + int(mins)


def test_small_rules_share_one_job(story: Story) -> None:
    """select_test and select_train, a group of the profile."""
    assert {name: len(story.of(name)) for name in ("pretrain", "embed", "select")} == {
        "pretrain": 2,
        "embed": 2,
        "select": 1,
    }
    assert len(story.all_jobs) == 5, "no other"
    assert story.of("select")[0]["JobState"] == "COMPLETED"
    assert "TresPerJob" not in story.of("select")[0], "no GPU for what needs none"
    assert (story.project.folder / SELECTED).exists()


def test_a_job_that_fits_on_no_node_is_refused_at_once(story: Story, login: Login) -> None:
    set_resources(story.project, "initialise_backbone", mem_mb=900_000)
    code, printed = login.run(story.project, "results/tiny/pretrain/resnet9-32-none/backbone.safetensors")
    assert code != 0
    assert "SLURM sbatch failed" in printed
    assert "Memory specification can not be satisfied" in printed
    assert "--mem 900000" in printed
    refused = login.cluster.jobs(story.project.folder)[len(story.all_jobs) :]
    assert {(job["JobState"], job["RunTime"]) for job in refused} <= {("FAILED", "00:00:00")}, "none waits or ran"


def test_a_job_of_several_nodes_runs_once_and_may_call_srun(two_nodes: subprocess.Popen[str], login: Login) -> None:
    """What pretraining across nodes builds on: with the resource `mpi` the plugin leaves `srun` to the script."""
    code, printed = ended(two_nodes)
    assert code == 0, printed[-5000:]
    folder = Path(str(two_nodes.args[two_nodes.args.index("--directory") + 1]))
    assert sorted((folder / "told.txt").read_text().splitlines()) == [
        "0/4 n1 2 0",
        "1/4 n1 2 0",
        "2/4 n2 2 0",
        "3/4 n2 2 0",
    ]
    (job,) = login.cluster.jobs(folder)
    assert (job["NumNodes"], job["NumTasks"], job["NumCPUs"]) == ("2", "4", "8")


def test_the_profile_keeps_what_the_default_one_promises() -> None:
    """Snakemake loads one workflow profile: this one has to repeat the other's flags."""
    of_one_machine = {"cores", "resources"}
    kept = {name: value for name, value in DEFAULT.items() if name not in of_one_machine}
    assert {name: PROFILE.get(name) for name in kept} == kept


def rules_and_local_ones() -> tuple[set[str], set[str]]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")])
    local = re.findall(r"^localrules:\n((?:    .*\n)+)", text, flags=re.M)
    names: Any = re.findall(r"^ *(?:rule|checkpoint|use rule \w+ as) (\w+)(?::| with:)", text, flags=re.M)
    return set(names), set(re.findall(r"\w+", " ".join(local)))


def test_groups_name_rules_and_none_that_runs_on_the_login_node() -> None:
    """A local rule in a group would make all of it local."""
    names, local = rules_and_local_ones()
    assert set(PROFILE["groups"]) <= names - local
    assert set(PROFILE["set-resources"]) <= names
    on_a_gpu = {"teach", "pretrain", "distill", "embed", "embed_by_teacher", "finetune", "finetune_fold"}
    assert {name for name, given in PROFILE["set-resources"].items() if given.get("gpu")} == on_a_gpu
    assert not on_a_gpu & set(PROFILE["groups"]), "a group would keep a GPU that it does not use"
