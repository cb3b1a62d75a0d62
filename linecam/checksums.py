"""Checksums of results: a file that was damaged after it was made is never used in silence.

Beside the files of a folder such as results/belt lies .checksums/, with a small file for each that a job made: how many
bytes it has, and their CRC-32. The next job that reads the file compares both. Nothing of it is Snakemake's: what it
plans, and how long that takes, stays as it is.

A copy of the results takes the checksums along. Where one is missing, as in a bucket, whose store has its own, or of
results that an older linecam made, nothing is compared.
"""

import os
import time
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from linecam.errors import UserError
from linecam.files import read_json, write_json

FOLDER = ".checksums"
BLOCK = 2**24  # bytes that a thread reads at a time
LARGE = 2**28  # a file of this size or more is not read again as long as its times and inode are unchanged
PATIENCE = 5.0  # seconds until a shared file system shows what another machine wrote


def record(results: Path, made: Iterable[Path]) -> None:
    """Write down the checksums of files and folders that a job `made`; what lies outside of `results` is left out."""
    for path in made:
        if (entry := _entry(results, path)) and path.exists():
            if _bytes(path) >= LARGE:
                _onto_disk(path)  # after a power cut the times would be right, and the bytes not there
            write_json(entry, _sum(path) | {"state": _state(path)})


def check(results: Path, read: Iterable[Path]) -> None:
    """Compare the files and folders that a job is about to `read` with what is recorded of them.

    Raises `UserError` where one is no longer what it was, and names all that aren't.
    """
    damaged = [(path, what) for path in read if (what := _damage(results, path))]
    if not damaged:
        return
    found = "; ".join(f"{path} {what}" for path, what in damaged)
    it, names = "it" if len(damaged) == 1 else "them", " and ".join(str(path) for path, _ in damaged)
    raise UserError(
        f"Damaged since linecam made {it}: {found}. Nothing was made of {it}. Delete {names}, and run the same command "
        f"again: it makes {it} anew. If you changed {it} on purpose, delete the checksum instead, "
        f"{' and '.join(str(_entry(results, path)) for path, _ in damaged)}. If it happens again, check the disk."
    )


def _damage(results: Path, path: Path) -> str | None:
    """What is wrong with a file or folder; None where it is as it was made, or nothing is known of it."""
    entry = _entry(results, path)
    if entry is None or not entry.is_file() or not path.exists():
        return None
    what = _differs(path, entry)
    if what:
        time.sleep(PATIENCE)
        what = _differs(path, entry)
    return what


def _differs(path: Path, entry: Path) -> str | None:
    try:
        expected = read_json(entry)
        length, crc, state = expected["bytes"], expected["crc32"], expected["state"]
    except (OSError, ValueError, KeyError, TypeError):
        return f"can't be compared, since its checksum in {entry} is damaged itself; delete that file, too"
    if (there := _bytes(path)) != length:
        return f"has {there:,} bytes, and had {length:,}"
    if state is not None and state == _state(path):
        return None
    return None if _sum(path)["crc32"] == crc else f"has other bytes than it had ({length:,} of them)"


def _entry(results: Path, path: Path) -> Path | None:
    """The file that holds the checksum of `path`; None for what isn't below `results`."""
    try:
        inside = path.absolute().relative_to(results.absolute())
    except ValueError:
        return None
    return results / FOLDER / inside.with_name(f"{inside.name}.json")


def _files(path: Path) -> list[Path]:
    """A file itself; of a folder all files, but for the one that Snakemake puts there when the job has ended."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and file.name != ".snakemake_timestamp")


def _bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in _files(path))


def _state(path: Path) -> list[int] | None:
    """What changes with every write to a large file, also where its time of modification is set back; else None."""
    status = path.stat()
    if path.is_dir() or status.st_size < LARGE:
        return None
    return [status.st_ino, status.st_mtime_ns, status.st_ctime_ns]


def _sum(path: Path) -> dict[str, object]:
    """Length and CRC-32. For a folder the CRC-32 covers the names and contents of its files, in their order."""
    total, crc = 0, 0
    for file in _files(path):
        if path.is_dir():
            crc = zlib.crc32(file.relative_to(path).as_posix().encode(), crc)
        length, crc = _crc32(file, crc)
        total += length
    return {"bytes": total, "crc32": f"{crc:08x}"}


def _crc32(path: Path, crc: int) -> tuple[int, int]:
    """Bytes of a file, and the CRC-32 of those of its blocks, which threads compute beside each other."""
    with path.open("rb") as file:
        length, descriptor = os.fstat(file.fileno()).st_size, file.fileno()
        if length <= BLOCK:
            return length, zlib.crc32(file.read(), crc)

        def of_block(start: int) -> bytes:
            return zlib.crc32(os.pread(descriptor, BLOCK, start)).to_bytes(4, "big")

        with ThreadPoolExecutor(min(os.cpu_count() or 1, 4)) as pool:
            for block in pool.map(of_block, range(0, length, BLOCK)):
                crc = zlib.crc32(block, crc)
    return length, crc


def _onto_disk(path: Path) -> None:
    for file in _files(path):
        with file.open("rb") as open_file:
            os.fsync(open_file.fileno())
