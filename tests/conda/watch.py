"""In every environment of the stand-in conda, from the start of Python: what ran, and packages from here alone.

Snakemake appends its own site-packages to a script's path, because the script needs a few modules of Snakemake. With
them comes all that is installed there, and a package that envs/*.yaml forgets is found nevertheless. Here it isn't.
"""

import json
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType


class FromHere(PathFinder):
    """Finds what PathFinder finds, save packages of another environment other than Snakemake's own modules."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = super().find_spec(fullname, path, target)
        if spec is None or fullname.startswith("snakemake"):
            return spec
        if spec.submodule_search_locations is not None and spec.origin is None:  # a folder without __init__.py
            spec.submodule_search_locations = [place for place in spec.submodule_search_locations if _here(place)]
            return spec if spec.submodule_search_locations else None
        return spec if spec.origin is None or _here(spec.origin) else None


def _here(place: str) -> bool:
    return place.startswith(sys.prefix + "/") or not ("site-packages" in place or "dist-packages" in place)


sys.meta_path[sys.meta_path.index(PathFinder)] = FromHere
with Path(sys.prefix, "started.jsonl").open("a", encoding="utf-8") as file:
    file.write(json.dumps(sys.orig_argv) + "\n")
