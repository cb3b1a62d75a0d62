"""The rules of linecam as Snakemake has them (not their text, but what it made of them), and a user's configuration."""

from pathlib import Path
from typing import Any

import pytest
from snakemake.api import SnakemakeApi
from snakemake.rules import Rule
from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings

from tests.conftest import ROOT
from tests.workflow.configurations import Mine


def load_rules(config: dict[str, Any]) -> dict[str, Rule]:
    """All rules by name, with `config` over config/config.yaml."""
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(
            ResourceSettings(cores=2), ConfigSettings(config=config), snakefile=ROOT / "Snakefile", workdir=ROOT
        )
        # The API prints rules (`snakemake --list`) and hands out none: this is where it has them from.
        return {rule.name: rule for rule in workflow._workflow.rules}


@pytest.fixture(scope="session")
def rules() -> dict[str, Rule]:
    """Every rule that there is: those of the belt, and the one that takes another tool's embeddings instead of ours."""
    return load_rules({"embed": {"file": "pyproject.toml"}}) | load_rules({})


@pytest.fixture(scope="session")
def steps(rules: dict[str, Rule]) -> dict[str, Rule]:
    """Those that do something; the others are targets."""
    found = {name: rule for name, rule in rules.items() if not rule.norun}
    assert len(found) > 40
    assert all(rule.is_script for rule in found.values()), "every step is a script"
    return found


@pytest.fixture
def mine(tmp_path: Path) -> Mine:
    """A user's file over config/config.yaml."""
    return Mine(tmp_path)


def script_of(rule: Rule) -> str:
    """The path of its script, from the root."""
    return (ROOT / "rules" / rule.script).resolve().relative_to(ROOT).as_posix()


def environment_of(rule: Rule) -> str:
    """The name of its file in envs/."""
    path = (ROOT / "rules" / rule.conda_env).resolve()
    assert path.parent == ROOT / "envs"
    return path.name


def code_of(rule: Rule) -> list[str]:
    """The modules that it lists as its input `code`, paths from the root."""
    code = rule.input.get("code") or []
    return [str((ROOT / path).relative_to(ROOT)) for path in ([code] if isinstance(code, str) else code)]
