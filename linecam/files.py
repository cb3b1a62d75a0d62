"""Files that appear whole or not at all, content hashes, and tables."""

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from linecam.disk import WriteError, of_the_disk
from linecam.errors import UserError

# The folder that linecam's own files lie in: the Snakefile, config/, openmv/ and so on.
ROOT = Path(__file__).resolve().parents[1]

# Asked for once, as there is no asking without setting it, for all threads of the process.
os.umask(_UMASK := os.umask(0))


def own_file(path: str) -> str:
    """The place of a file of linecam's own, such as config/boards.yaml.

    It is relative where Snakemake runs in linecam's folder, so that a folder that was moved reruns nothing.
    """
    return path if Path.cwd() == ROOT else str(ROOT / path)


def own_files(pattern: str) -> list[str]:
    """The places of all of linecam's own files whose paths match `pattern`, sorted; see `own_file`."""
    return [own_file(path.relative_to(ROOT).as_posix()) for path in sorted(ROOT.glob(pattern))]


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; when the block ends well, rename it to `path`, file or folder.

    Raises `WriteError` where the disk does not take it.
    """
    path = Path(path)
    # The suffix stays: libraries choose the format by it.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            if temporary.is_file():
                # Some libraries write files that only their owner may read.
                temporary.chmod(0o666 & ~_UMASK)
            if temporary.is_dir() and path.exists():
                shutil.rmtree(path)  # os.replace does not replace a folder that has something in it
            os.replace(temporary, path)
        finally:
            if temporary.is_dir():
                shutil.rmtree(temporary)
            else:
                temporary.unlink(missing_ok=True)
    except UserError:
        raise
    except Exception as error:
        if number := of_the_disk(error):
            raise WriteError(number, error, path) from error
        raise


def sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, 64 lower-case hex digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys, so that equal values give equal bytes."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_history(path: str | Path, losses: Sequence[float]) -> None:
    """Write the mean loss of each epoch of a training, as CSV of (epoch, loss), epochs from 1 on."""
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file).writerows([("epoch", "loss"), *((n + 1, f"{loss:.6f}") for n, loss in enumerate(losses))])
