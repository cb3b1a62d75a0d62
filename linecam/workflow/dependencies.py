"""Which modules of linecam a script runs on, read from its source without importing anything.

Snakemake doesn't follow imports: a rule lists these files as an input, so that a changed line reruns it.
"""

import ast
from collections.abc import Iterator
from functools import cache

from linecam.files import ROOT, own_file

PACKAGE = "linecam"


def modules_of(script: str) -> list[str]:
    """`script` and every module of linecam that it imports, directly or not, sorted.

    `script` is a path from linecam's folder, such as scripts/split.py. The paths are those of `own_file`.
    A room's `__init__` holds only its docstring, so it is a dependency only where something is imported from it.
    """
    found = {script}
    pending = [script]
    while pending:
        for path in _imported(pending.pop()):
            if path not in found:
                found.add(path)
                pending.append(path)
    return [own_file(path) for path in sorted(found)]


@cache
def _imported(path: str) -> list[str]:
    """The files of the modules that the file `path` imports; all are paths from linecam's folder."""
    files = []
    for node in _statements(ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            # `from linecam.frames import decode` names a module, `from linecam.files import sha256` holds one.
            inside = [_file(f"{node.module}.{name.name}") for name in node.names]
            files += [file or _file(node.module) for file in inside]
        elif isinstance(node, ast.Import):
            files += [_file(name.name) for name in node.names]
    return [file for file in files if file]


def _file(module: str) -> str:
    """The file of a module of linecam; "" where it is another package's, or no module at all."""
    if module.partition(".")[0] != PACKAGE:
        return ""
    place = module.replace(".", "/")
    return next((file for file in (f"{place}.py", f"{place}/__init__.py") if (ROOT / file).is_file()), "")


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Every statement, however deep. `ast.walk` visits each expression too, at a tenth of the speed, at every start."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            pending += getattr(node, block, ())
