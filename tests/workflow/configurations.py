"""Configurations for tests: a user's file over config/config.yaml, as Snakemake lays it over."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from linecam.boards.catalogue import load_boards
from linecam.errors import UserError
from linecam.files import ROOT
from linecam.workflow.config import check, check_files, load_settings
from linecam.workflow.settings import Settings
from linecam.yaml_file import load_yaml

BOARDS = load_boards()
BASE = ROOT / "config" / "config.yaml"
SMALL = {"dataset": {"name": "x", "kind": "belt"}}


def laid_over(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """As Snakemake does: mappings are merged, anything else is replaced."""
    merged = deepcopy(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = laid_over(merged[key], value) if both else deepcopy(value)
    return merged


class Mine:
    """A user's file over config/config.yaml."""

    def __init__(self, place: Path) -> None:
        self.path = place / "mine.yaml"

    def settings(self, text: str) -> Settings:
        self.path.write_text(text, encoding="utf-8")
        return load_settings(laid_over(load_yaml(BASE), load_yaml(self.path)), [self.path, BASE])

    def mistakes(self, text: str) -> list[str]:
        with pytest.raises(UserError) as error:
            self.settings(text)
        lines = str(error.value).splitlines()
        found = [line.removeprefix("  - ") for line in lines if line.startswith("  - ")]
        assert f"{len(found)} mistake{'s' * (len(found) > 1)}:" in lines[0]
        assert "docs/configuration.md" in lines[-1]
        return found

    def mistake(self, text: str) -> str:
        found = self.mistakes(text)
        assert len(found) == 1, found
        return found[0]


def checked(mine: Mine, text: str) -> Settings:
    """The settings, where they fit together and the files that they name are there."""
    settings = mine.settings(text)
    check(settings, BOARDS)
    check_files(settings)
    return settings
