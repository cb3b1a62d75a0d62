"""What the commands share that write files from another place: they write, or with --check only compare."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from linecam.errors import UserError
from linecam.files import atomic_write


def write_or_check(
    root: Path,
    files: Mapping[Path, str],
    *,
    command: str,
    purpose: str,
    source: str,
    arguments: Sequence[str] | None = None,
) -> None:
    """Run `command`: write each of `files`, all below `root`, that does not hold its text; with --check, only compare.

    `purpose` is what --help says, `source` the place that the texts come from, and `arguments` those of the command,
    by default the program's. Raises `UserError` where --check finds a file out of date.
    """
    parser = argparse.ArgumentParser(prog=command, description=purpose)
    parser.add_argument("--check", action="store_true", help="change nothing, and fail where a file is out of date")
    parsed = parser.parse_args(arguments)
    stale = [path for path, text in files.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    names = ", ".join(str(path.relative_to(root)) for path in stale)
    if parsed.check and stale:
        raise UserError(f"{names}: not what {source} says. Run `{command}`.")
    for path in stale:
        with atomic_write(path) as temporary:
            temporary.write_text(files[path], encoding="utf-8")
    every = ", ".join(str(path.relative_to(root)) for path in files)
    print(f"Written: {names}" if stale else f"Up to date with {source}: {every}")
