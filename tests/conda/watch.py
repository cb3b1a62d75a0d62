"""In every environment of the stand-in conda, from the start of Python: what ran, and packages from here alone.

Snakemake appends its own site-packages to a script's path, because the script needs a few modules of Snakemake. With
them comes all that is installed there, and a package that envs/*.yaml forgets is found nevertheless. Here it isn't.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import DistributionFinder, PathDistribution
from pathlib import Path
from types import ModuleType


class FromHere(PathFinder):
    """Finds what PathFinder finds, save packages of another environment other than Snakemake's own modules."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.startswith("snakemake"):
            return super().find_spec(fullname, path, target)
        spec = super().find_spec(fullname, _of_here(sys.path if path is None else path), target)
        if spec is not None and spec.origin is None and spec.submodule_search_locations is not None:
            # A folder without __init__.py: as a plain list, or Python would look through all of sys.path again.
            spec.submodule_search_locations = list(spec.submodule_search_locations)
        return spec

    @classmethod
    def find_distributions(cls, context: DistributionFinder.Context | None = None) -> Iterable[PathDistribution]:
        """What importlib.metadata asks for: torch, say, looks there whether optree is installed."""
        asked = context or DistributionFinder.Context()
        return super().find_distributions(DistributionFinder.Context(name=asked.name, path=_of_here(asked.path)))


def _of_here(places: Iterable[str]) -> list[str]:
    return [
        place
        for place in places
        if place.startswith(sys.prefix + "/") or not ("site-packages" in place or "dist-packages" in place)
    ]


sys.meta_path[sys.meta_path.index(PathFinder)] = FromHere
with Path(sys.prefix, "started.jsonl").open("a", encoding="utf-8") as file:
    file.write(json.dumps(sys.orig_argv) + "\n")
