"""What `make` does before there is a .venv: which Python it takes, and what it says to those who have none."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from tests.conftest import ROOT

# All that the recipes call besides Python. On PATH there is nothing else, so no Python of this machine is found.
TOOLS = ["make", "sh", "cat", "chmod", "mkdir", "mv", "rm", "touch"]

# Says its version. As `-m venv` it makes a folder whose Python notes what it is called with.
PYTHON = """\
#!/bin/sh
case "$1" in
    -c) echo {version} ;;
    -m) mkdir -p .venv/bin && cat > .venv/bin/python && chmod +x .venv/bin/python ;;
esac <<'END'
#!/bin/sh
echo "{version} $*" >> installed.txt
END
"""

UV = """\
#!/bin/sh
echo "$*" >> uv.txt
case "$*" in
    "python find --no-project 3.13") echo {python} ;;
esac
"""


class Checkout:
    """A folder with the Makefile and a lock, and a PATH of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bin = root / "bin"
        self.bin.mkdir()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool) or pytest.skip(f"no {tool}"))
        shutil.copy(ROOT / "Makefile", root)
        (root / "requirements.lock").touch()

    def add(self, name: str, text: str) -> None:
        """A program on PATH."""
        (self.bin / name).write_text(text, encoding="utf-8")
        (self.bin / name).chmod(0o755)

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run make in the folder; what it printed is in `stdout`."""
        return subprocess.run(
            [self.bin / "make", *arguments],
            cwd=self.root,
            env={"PATH": str(self.bin)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def installed_with(self) -> str:
        """The version of the Python whose environment the lock was installed into."""
        lines = (self.root / "installed.txt").read_text(encoding="utf-8").splitlines()
        (version,) = {
            line.split()[0] for line in lines if "pip install --quiet --no-compile -r requirements.lock" in line
        }
        return version


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize(
    ("versions", "taken"),
    [
        ({"python3": "3.11.2"}, "3.11.2"),
        ({"python3": "3.10.13", "python3.11": "3.11.7"}, "3.11.7"),
        ({"python3": "3.12.3", "python3.11": "3.11.7"}, "3.11.7"),
        ({"python3": "3.14.0", "python3.11": "3.11.7", "python3.12": "3.12.1"}, "3.12.1"),
        ({"python3": "3.11.7", "python3.11": "3.11.7", "python3.12": "3.12.1", "python3.13": "3.13.0"}, "3.13.0"),
    ],
)
def test_the_first_python_that_fits_is_taken(checkout: Checkout, versions: dict[str, str], taken: str) -> None:
    for name, version in versions.items():
        checkout.add(name, PYTHON.format(version=version))
    run = checkout.make("setup")
    assert run.returncode == 0, run.stdout
    assert checkout.installed_with() == taken
    assert (checkout.root / ".venv/.installed").is_file()


def test_a_name_of_pyenv_without_a_version_behind_it_is_passed_over(checkout: Checkout) -> None:
    checkout.add("python3.13", "#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n")
    checkout.add("python3.12", PYTHON.format(version="3.12.1"))
    assert checkout.make("setup").returncode == 0
    assert checkout.installed_with() == "3.12.1"


@pytest.mark.parametrize("version", ["3.10.13", "3.11.0", "3.12.9", "3.13.0", "3.14.0", "3.1.1"])
def test_the_pythons_that_fit_are_those_of_the_project(checkout: Checkout, version: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    checkout.add("python3", PYTHON.format(version=version))
    fits = version in SpecifierSet(project["requires-python"])
    assert (checkout.make("setup").returncode == 0) == fits


def test_where_no_python_fits_it_says_what_there_is(checkout: Checkout) -> None:
    checkout.add("python3", PYTHON.format(version="3.10.13"))
    run = checkout.make("setup")
    assert run.returncode != 0
    assert "linecam needs Python 3.11, 3.12 or 3.13, and found: python3.13 (not there)" in run.stdout
    assert "python3 (3.10.13)" in run.stdout
    assert not (checkout.root / ".venv").exists()


def test_where_no_python_fits_uv_brings_one(checkout: Checkout) -> None:
    brought = checkout.root / "elsewhere"
    checkout.add("python3", PYTHON.format(version="3.10.13"))
    checkout.add("uv", UV.format(python=brought))
    brought.write_text(PYTHON.format(version="3.13.9"), encoding="utf-8")
    brought.chmod(0o755)
    run = checkout.make("setup")
    assert run.returncode == 0, run.stdout
    assert checkout.installed_with() == "3.13.9"
    assert (checkout.root / "uv.txt").read_text().splitlines()[0] == "python install 3.13"


def test_uv_is_not_asked_where_a_python_fits_or_one_was_named(checkout: Checkout) -> None:
    checkout.add("python3", PYTHON.format(version="3.10.13"))
    checkout.add("uv", UV.format(python="nowhere"))
    run = checkout.make("setup", "PYTHON=python3")
    assert run.returncode != 0
    assert "found: python3 (3.10.13)" in run.stdout
    checkout.add("python3.12", PYTHON.format(version="3.12.1"))
    assert checkout.make("setup").returncode == 0
    assert not (checkout.root / "uv.txt").exists()


def test_uv_that_reaches_no_download_ends_it(checkout: Checkout) -> None:
    checkout.add("uv", "#!/bin/sh\necho 'error: no network' >&2\nexit 2\n")
    run = checkout.make("setup")
    assert run.returncode != 0
    assert "error: no network" in run.stdout
    assert not (checkout.root / ".venv").exists()


def test_the_demo_says_first_what_it_needs(checkout: Checkout) -> None:
    run = checkout.make("demo")
    first = run.stdout.splitlines()[0]
    assert re.search(r"\d GB of disk.* \d GB of memory.*minutes", first), run.stdout
    (checkout.root / "results/belt").mkdir(parents=True)
    (checkout.root / "results/belt/report.html").touch()
    assert "of disk" not in checkout.make("demo").stdout, "it has been built; there is little left to do"
