"""An environment with a profile's Snakemake plugins on top of the one that runs the tests.

The plugins are not in requirements.lock: Snakemake imports every one that is installed, at each start.
"""

import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import ROOT

# What pip says where it reaches no index; of a wrong pin it lists the versions that there are.
OFFLINE = "(from versions: none)"


def with_plugins(profile: str, folder: Path, *also: Path) -> Path:
    """The Python of a new environment in `folder`: this one's packages, and profiles/<profile>/requirements.txt.

    `also` are further files of requirements. Skips the test where no package index can be reached.
    """
    return environment(folder, [ROOT / "profiles" / profile / "requirements.txt", *also])


def environment(folder: Path, files: Sequence[Path]) -> Path:
    """The Python of a new environment in `folder`: this one's packages, and those of the files of requirements.

    Skips the test where no package index can be reached.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "below.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    python = folder / "bin/python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    install += [option for file in files for option in ("-r", file)]
    run = subprocess.run(install, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if run.returncode and OFFLINE in run.stdout:
        pytest.skip(f"{files[0].relative_to(ROOT)} cannot be installed: no package index can be reached")
    assert run.returncode == 0, run.stdout
    return python
