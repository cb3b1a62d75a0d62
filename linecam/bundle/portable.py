"""A configuration for other machines to read."""

from copy import deepcopy
from pathlib import Path
from typing import Any

# Settings that are paths on the machine that made the bundle: their last part says enough.
PATHS = (("dataset", "source"), ("pretrain", "checkpoint"), ("embed", "file"))


def without_paths(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration without what belongs to the machine: of a path the last part."""
    config = deepcopy(config)
    for section, key in PATHS:
        if path := config[section][key]:
            config[section][key] = Path(path).name
    return config
