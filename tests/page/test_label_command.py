"""`linecam label` as real processes: what Snakemake makes for it, whose lock it is, and how it ends at any moment."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from linecam.boards.catalogue import load_boards
from linecam.labels.store import read_rows
from linecam.workflow.commands import sources_of, targets_of
from linecam.workflow.config import load_settings, read_settings
from linecam.workflow.plan import Plan
from tests.conftest import Project
from tests.page.label_command import ADDRESS, CLASSES, COMMAND, Labelling, until

GOODBYE = "Goodbye. 0 of 28 frames are labelled.\n"
BUILDING = "steps? to do"
NOT_OPEN = "Goodbye. The page was not open yet, and no label has changed.\n"


def clean(printed: str) -> bool:
    return not re.search("Traceback|Exception ignored|Warning", printed)


# --- what is made first


def test_labelling_starts_no_training(caps: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(caps.folder)
    targets = targets_of(Plan.of(read_settings(["config/test.yaml"]), load_boards()))
    assert caps.planned("--forceall", *targets) == {"index_frames": 1, "select_test": 1, "select_train": 1}


def plan(name: str, kind: str, source: Path | None = None, **select: Any) -> Plan:
    settings = load_settings(
        {"dataset": {"name": name, "kind": kind, "source": source and str(source)}, "select": select}
    )
    return Plan.of(settings, load_boards())


def test_what_the_page_of_each_kind_of_dataset_needs(tmp_path: Path) -> None:
    assert targets_of(plan("belt", "belt")) == [
        "results/belt/index/frames.csv",
        "results/belt/select/mixed-200.csv",
        "results/belt/select/test.csv",
        "results/belt/truth.csv",
        "results/belt/embed/teacher/embeddings.npy",
        "results/belt/frames",
    ]
    selected = ["results/masks/index/frames.csv", "results/masks/select/given.csv", "results/masks/select/test.csv"]
    assert targets_of(plan("masks", "masks")) == [*selected, "data/masks/frames"]
    for part in ("train", "test"):
        (tmp_path / part / "good").mkdir(parents=True)
    assert targets_of(plan("mine", "folder", tmp_path)) == [path.replace("masks", "mine") for path in selected]
    two = plan("mine", "folder", tmp_path, strategies=["random", "typiclust"], train=30)
    sources = sources_of(two, Path("fetched"))
    assert [path.name for path in sources.train] == ["random-30.csv", "typiclust-30.csv"]
    assert str(sources.embeddings) == "fetched/results/mine/embed/teacher/embeddings.npy"
    assert (sources.frames, sources.labels) == (tmp_path, Path("data/mine/labels.csv")), "of this machine, always"


def test_snakemake_works_while_the_page_is_open(caps: Project) -> None:
    with Labelling(caps) as page:
        page.address()
        caps.build("--force", "results/caps/select/test.csv")
        page.process.terminate()
        assert page.end() == 0


def test_what_snakemake_cannot_make_ends_it(caps: Project) -> None:
    """As where a Snakemake was killed and its lock is still there."""
    (caps.folder / "results/caps/index/frames.csv").unlink(missing_ok=True)
    command = [sys.executable, "-m", "snakemake", "results/caps/index/frames.csv", "--configfile", "config/test.yaml"]
    killed = subprocess.Popen(command, cwd=caps.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert killed.stdout is not None
    until("steps? to do", killed.stdout.readline)
    steps = psutil.Process(killed.pid).children(recursive=True)
    killed.kill()
    killed.communicate()
    psutil.wait_procs(steps)  # they live on, and the folder would be in use
    run = caps.linecam("label", "--no-browser")
    assert run.returncode == 1
    assert run.stdout.endswith("\n\n    snakemake --unlock --configfile config/test.yaml\n"), run.stdout
    assert clean(run.stdout)
    caps.build("--unlock")


def test_a_wrong_file_of_labels_is_told_before_the_page_opens(caps: Project) -> None:
    labels = caps.folder / "data/caps/labels.csv"
    labels.parent.mkdir(parents=True, exist_ok=True)
    labels.write_text(f"sha256,label\n{'a' * 64},ugly\n")
    try:
        run = caps.linecam("label", "--no-browser")
    finally:
        labels.unlink()
    assert run.returncode == 1
    assert "line 2: 'ugly' is not a class" in run.stdout
    assert clean(run.stdout)


@pytest.mark.parametrize(
    ("wrong", "status"),
    [("--port 80", 2), ("--port many", 2), ("--browser=maybe", 2), ("--by=", 1), ("--by decision", 1)],
)
def test_wrong_options_are_named_and_nothing_is_made(caps: Project, wrong: str, status: int) -> None:
    run = caps.linecam("label", *wrong.split())
    assert run.returncode == status
    assert re.split("[ =]", wrong)[0] in run.stdout
    assert "DAG" not in run.stdout
    assert clean(run.stdout)


# --- the end


@pytest.mark.parametrize(
    ("moment", "job", "signals", "goodbye"),
    [
        ("workflow specific profile", False, [signal.SIGTERM], NOT_OPEN),  # Snakemake reads the workflow
        (BUILDING, False, [signal.SIGTERM], NOT_OPEN),  # it chooses what to run
        (BUILDING, True, [signal.SIGINT, signal.SIGTERM], NOT_OPEN),  # a job of its own runs
        ("Done: |Nothing to be done", False, [signal.SIGHUP], f"({NOT_OPEN}|{GOODBYE})"),  # the page is made ready
        (ADDRESS, False, [signal.SIGTERM], GOODBYE),  # the server starts
    ],
    ids=["planning", "choosing", "building", "preparing", "open"],
)
def test_a_signal_is_a_clean_end_at_any_moment(
    caps: Project, moment: str, job: bool, signals: list[signal.Signals], goodbye: str
) -> None:
    index, log = (caps.folder / "results/caps" / path for path in ("index/frames.csv", "logs/index_frames.log"))
    if goodbye == NOT_OPEN:
        index.unlink(missing_ok=True)
        log.unlink(missing_ok=True)
    with Labelling(caps) as page:
        page.until(moment)
        end = time.monotonic() + 60
        while job and not log.exists():
            assert time.monotonic() < end, page.printed
            time.sleep(0.01)
        children = psutil.Process(page.process.pid).children(recursive=True)
        for number in signals:
            page.process.send_signal(number)
        assert page.end() == 0, page.printed
    assert re.search(f"(^|\n){goodbye}$", page.printed), page.printed
    assert clean(page.printed), page.printed
    assert not [child for child in children if child.is_running()]
    assert not list((caps.folder / ".snakemake/locks").glob("*")), "Snakemake's"


def test_an_answer_under_way_is_written_before_the_end(caps: Project) -> None:
    with Labelling(caps) as page:
        address = page.address()
        with urllib.request.urlopen(f"{address}everything") as reply:
            digest = json.load(reply)["frames"][0]["sha256"]
        body = json.dumps({"answers": [{"sha256": digest, "label": "bad", "seen": ""}], "decision": False}).encode()
        url = urlsplit(address)
        head = (
            f"POST {url.path}answers HTTP/1.1\r\nHost: {url.netloc}\r\nOrigin: http://{url.netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection((url.hostname, url.port), timeout=20) as connection:
            connection.sendall(head.encode() + body[:20])
            time.sleep(0.5)
            page.process.terminate()
            time.sleep(0.5)
            connection.sendall(body[20:])
            assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
        assert page.end() == 0
    labels = caps.folder / "data/caps/labels.csv"
    assert [row["label"] for row in read_rows(labels, CLASSES)] == ["bad"]
    labels.unlink()
    assert page.printed.endswith("Goodbye. 1 of 28 frames are labelled. Your labels are in data/caps/labels.csv.\n")


@pytest.mark.parametrize(
    ("moment", "how"),
    [(BUILDING, "Ctrl-C"), (ADDRESS, "Ctrl-C"), (ADDRESS, "closed")],
    ids=["Ctrl-C while building", "Ctrl-C", "closed"],
)
def test_a_terminal(caps: Project, moment: str, how: str) -> None:
    index, log = (caps.folder / "results/caps" / path for path in ("index/frames.csv", "logs/index_frames.log"))
    if moment == BUILDING:
        index.unlink(missing_ok=True)
        log.unlink(missing_ok=True)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(caps.folder)
        os.execv(sys.executable, COMMAND)

    def read() -> str:
        assert select.select([terminal], [], [], 120)[0]
        return os.read(terminal, 4096).decode()

    _, said = until(moment, read)
    end = time.monotonic() + 60
    while moment == BUILDING and not log.exists():
        assert time.monotonic() < end, said
        time.sleep(0.01)
    if how == "closed":
        os.close(terminal)
    else:
        os.write(terminal, b"\x03")
        while True:  # until the other end closes it
            try:
                said += read()
            except OSError:
                break
        os.close(terminal)
        assert (GOODBYE if moment == ADDRESS else NOT_OPEN).strip() in said
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, said
    assert clean(said), said
