"""What `linecam label`, `deploy` and `measure` have Snakemake make ends with them, and all of it."""

import threading
import time
from pathlib import Path

import psutil
import pytest

from linecam.stop_request import StopRequest
from linecam.workflow import build
from linecam.workflow.build import Builder

# A job that has been told to end, and does not: Snakemake in the job may wait for a lock of its own for ever.
DEAF_JOB = """
rule deaf:
    output: "made"
    shell: "{sys.executable} deaf.py"
"""
DEAF = """
import signal, sys, time
from pathlib import Path
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
Path("started").touch()
time.sleep(120)
"""
# SIGTERM makes Snakemake 9.27 wait so while it selects jobs.
LOCKED = """
import signal, threading, time
lock = threading.Lock()
lock.acquire()
signal.signal(signal.SIGTERM, lambda *_: lock.acquire())
Path("started").touch()
time.sleep(120)
"""


@pytest.mark.parametrize("snakefile", [DEAF_JOB, LOCKED], ids=["a job", "Snakemake"])
def test_a_process_that_does_not_heed_the_signal_is_ended(
    snakefile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(build, "PATIENCE", 0.3)
    (tmp_path / "Snakefile").write_text(f"import sys\nfrom pathlib import Path\n{snakefile}")
    (tmp_path / "deaf.py").write_text(DEAF)
    monkeypatch.setattr(build, "own_file", lambda name: tmp_path / name)

    stop = StopRequest()
    threading.Thread(target=request_when, args=(tmp_path / "started", stop)).start()
    Builder([], ["--cores", "1"], stop).build(["made"] if snakefile == DEAF_JOB else [])
    assert (tmp_path / "started").exists()
    assert not [one for one in psutil.process_iter() if in_folder(one, tmp_path)]


def request_when(started: Path, stop: StopRequest) -> None:
    end = time.monotonic() + 60
    while not started.exists() and time.monotonic() < end:
        time.sleep(0.05)
    stop.request()


def in_folder(process: psutil.Process, folder: Path) -> bool:
    """Whether it works in the folder, and still does something."""
    try:
        return process.pid != psutil.Process().pid and process.cwd() == str(folder) and process.status() != "zombie"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return False
