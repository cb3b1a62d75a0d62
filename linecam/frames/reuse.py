"""Rows of an array that an earlier run made: copied, where all that they are made of is still the same.

Snakemake deletes an output before it makes it anew. So the file of an array X.npy has a second name, .X.npy, which
costs no space, and beside it lies .X.rows.npy, its certificate: for each row, the SHA-256 of all that the row depends
on, and the CRC-32 of its bytes. A row is copied only where both are right; if either file is
damaged, rows are computed again, and never wrongly reused.
"""

import hashlib
import json
import logging
import os
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linecam.files import atomic_write, sha256
from linecam.frames.shards import BLOCK

# Texts, because NumPy can sort and search them. It drops zero bytes at the end, but all texts are equally long.
ROW = np.dtype([("identity", "S32"), ("sum", "<u4")])


def key_of(code: Iterable[str], **dependencies: object) -> bytes:
    """One hash of what all rows depend on: the files `code`, and `dependencies` (JSON values)."""
    hashes = {path: sha256(path) for path in code}
    return hashlib.sha256(json.dumps([hashes, dependencies], sort_keys=True).encode()).digest()


def certify(key: bytes, contents: Iterable[Any], count: int) -> NDArray[np.void]:
    """The certificate of `count` rows, dtype `ROW`, by `key` and the content (bytes) of each; sums are still 0."""
    identities = (hashlib.sha256(key + hashlib.sha256(content).digest()).digest() for content in contents)
    certificate = np.zeros(count, ROW)
    certificate["identity"] = np.fromiter(identities, "S32", count)
    return certificate


def sums(rows: NDArray[np.generic]) -> NDArray[np.uint32]:
    """The CRC-32 of each row of `rows` (N, ...): (N,)."""
    return np.fromiter((zlib.crc32(row) for row in np.ascontiguousarray(rows)), np.uint32, len(rows))


def reuse(array: Path, certificate: NDArray[np.void], out: NDArray[np.generic]) -> NDArray[np.intp]:
    """Copy into `out` (N, ...) the rows that the former file of `array` has, and their sums into `certificate` (N).

    Returns the rows that it has not, ascending.
    """
    missing = np.ones(len(out), dtype=bool)
    former = _former(array)
    if former is not None and former[0].dtype == out.dtype and former[0].shape[1:] == out.shape[1:] and len(former[0]):
        rows, names = former[0], former[1]["identity"]
        order = np.argsort(names, kind="stable")
        places = np.searchsorted(names, certificate["identity"], sorter=order)
        found = order[places.clip(max=len(names) - 1)]
        known = np.flatnonzero(names[found] == certificate["identity"])
        for start in range(0, len(known), BLOCK):
            to = known[start : start + BLOCK]
            block, expected = rows[found[to]], former[1]["sum"][found[to]]
            right = sums(block) == expected
            out[to[right]] = block[right]
            certificate["sum"][to[right]] = expected[right]
            missing[to[right]] = False
    logging.info("%d of %d rows are those of an earlier run", len(out) - missing.sum(), len(out))
    return np.flatnonzero(missing)


def keep(array: Path, certificates: Sequence[Path]) -> None:
    """Keep the rows of `array` for `reuse` after Snakemake has deleted it; `certificates` are its parts', in order."""
    rows, names = _kept(array)
    names.unlink(missing_ok=True)  # first: killed in between, there is no certificate for the wrong file
    rows.unlink(missing_ok=True)
    try:
        os.link(array, rows)
    except OSError as error:
        logging.info("Nothing is kept for the next run, as this file system has no hard links: %s", error)
        return
    with atomic_write(names) as temporary:
        np.save(temporary, np.concatenate([np.load(path) for path in certificates]))


def _former(array: Path) -> tuple[NDArray[np.generic], NDArray[np.void]] | None:
    """The kept rows, memory-mapped, and their certificate; None where they are not there or don't belong together."""
    try:
        rows, certificate = (np.load(path, mmap_mode="r") for path in _kept(array))
        if rows.ndim and certificate.dtype == ROW and certificate.shape == rows.shape[:1]:
            return rows, np.array(certificate)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, EOFError, AttributeError, TypeError, SyntaxError) as error:
        logging.info("What an earlier run kept of %s can't be read: %s", array, error)
    return None


def _kept(array: Path) -> tuple[Path, Path]:
    return array.with_name(f".{array.name}"), array.with_name(f".{array.stem}.rows.npy")
