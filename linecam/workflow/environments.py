"""Writes envs/*.yaml, so that pins stand in requirements.lock alone.

python -m linecam.workflow.environments            write an environment for each group of packages in pyproject.toml
python -m linecam.workflow.environments --check    change nothing, and fail where one of them is out of date
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from linecam.errors import UserError, reported
from linecam.files import ROOT
from linecam.workflow.generated import write_or_check
from linecam.workflow.lock import Pin, read_lock

COMMAND = "python -m linecam.workflow.environments"


def environment(packages: Iterable[str], lock: Mapping[str, Pin], python: str) -> str:
    """A conda environment as YAML: a Python in the range `python`, and `packages` from pip, as `lock` pins them.

    Raises `UserError` where a package is not in the lock.
    """
    if missing := [name for name in packages if name not in lock]:
        raise UserError(
            f"pyproject.toml, [dependency-groups]: {', '.join(missing)} not in requirements.lock. "
            "Write it as it stands there or, where it is new, add it to requirements.in and run `make lock`."
        )
    content = {
        "channels": ["conda-forge", "nodefaults"],
        "dependencies": [f"python {python}", "pip", {"pip": [str(lock[name]) for name in packages]}],
    }
    header = f"# Written by `{COMMAND}`: names from pyproject.toml, versions from requirements.lock."
    return f"{header}\n{yaml.safe_dump(content, sort_keys=False, width=1000)}"


def written() -> dict[Path, str]:
    """What each file of envs/ has to hold. Raises `UserError` as `environment` does."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lock = {pin.name: pin for pin in read_lock(ROOT / "requirements.lock")}
    python = project["project"]["requires-python"]
    return {
        ROOT / f"envs/{name}.yaml": environment(packages, lock, python)
        for name, packages in project["dependency-groups"].items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command. Raises `UserError` where --check finds a file out of date."""
    write_or_check(
        ROOT,
        written(),
        command=COMMAND,
        purpose=(__doc__ or "").splitlines()[0],
        source="requirements.lock",
        arguments=arguments,
    )


if __name__ == "__main__":
    with reported():
        main()
