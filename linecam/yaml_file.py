"""Reads a YAML file. Not in linecam/files.py, which every step reads: most of their environments have no YAML."""

from pathlib import Path
from typing import Any

import yaml

from linecam.errors import UserError


def load_yaml(path: str | Path) -> Any:
    """Read a YAML file. Raises `UserError` with line and column where it is not YAML."""
    # libyaml is ten times as fast, and this happens whenever Snakemake starts.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(Path(path).read_text(encoding="utf-8"), Loader=loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid YAML: {error}") from None
