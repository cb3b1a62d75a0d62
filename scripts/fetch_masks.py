"""Fetch the 2020 tutorial's 700 frames, or take them from a local copy; each file is checked by its SHA-256."""

import logging
import re
import shutil
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from urllib.parse import quote

from linecam.errors import UserError
from linecam.files import atomic_write, sha256
from linecam.frames.download import DownloadError, download
from linecam.progress import progress
from linecam.workflow.job import job

_LINE = re.compile(r"([0-9a-f]{64})  ((?:train|test)/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+\.jpg)")


def fetch_masks(sums: Path, frames: Path, *, source: str | None, url: str, workers: int = 8) -> None:
    """Make the folder `frames`, train/<class>/*.jpg and test/<class>/*.jpg, whole or not at all.

    `sums` lists the frames and their hashes (`read_sums`). `source` is a folder with a copy of them, complete or not;
    without one they are downloaded from `url`, and what a failed or killed run has downloaded is kept beside `frames`
    for the next. Raises `UserError` where `source` holds none of the frames or a wrong one, or where a frame cannot be
    downloaded.
    """
    wanted = read_sums(sums)
    if source:
        take(wanted, Path(source), frames)
        return
    if not url.startswith(("https://", "http://")):
        raise UserError(f"dataset.url is {url!r}. It must start with https:// or http://.")
    partial = frames.with_name(f".{frames.name}.partial")
    kept = prune(wanted, partial)
    if kept:
        logging.info("going on with %d frames of an earlier run", len(kept))
    missing = [name for name in wanted if name not in kept]

    def fetch(name: str) -> None:
        try:
            content = download(f"{url.rstrip('/')}/{quote(name)}", wanted[name])
        except DownloadError as error:
            raise UserError(
                f"{error} What has been downloaded is kept: run the same command again to go on. If you have a copy of "
                "the frames, train/<class>/<name>.jpg and test/<class>/<name>.jpg, name its folder under "
                "dataset.source; dataset.url names another place to download from."
            ) from None
        with atomic_write(partial / name) as temporary:
            temporary.write_bytes(content)

    with ThreadPoolExecutor(workers) as pool:
        fetches = [pool.submit(fetch, name) for name in missing]
        try:
            for fetched in progress(as_completed(fetches), "download", "frames", len(fetches)):
                fetched.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    with atomic_write(frames) as temporary:
        partial.rename(temporary)
    logging.info("%d frames in %s, %d of them downloaded now", len(wanted), frames, len(missing))


def read_sums(path: Path) -> dict[str, str]:
    """The SHA-256 of each frame by its name, <part>/<class>/<file>, from the lines that `sha256sum` writes.

    Raises `UserError` where a line is none, or names a frame a second time.
    """
    wanted: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        match = _LINE.fullmatch(line)
        if match is None or match[2] in wanted:
            fault = "names a frame again" if match else "is not '<sha256>  <train or test>/<class>/<name>.jpg'"
            raise UserError(f"{path}, line {number}, {fault}: {line!r}. Restore the file from the repository.")
        wanted[match[2]] = match[1]
    return wanted


def take(wanted: dict[str, str], source: Path, frames: Path) -> None:
    """Copy the frames that `source` holds to the folder `frames`. Raises `UserError` as `fetch_masks` says."""
    layout = "It must hold the tutorial's frames as train/<class>/<name>.jpg and test/<class>/<name>.jpg."
    if not source.is_dir():
        raise UserError(f"dataset.source: there is no folder {source}. {layout}")
    there = [name for name in wanted if (source / name).is_file()]
    if not there:
        raise UserError(f"dataset.source: {source} holds none of the {len(wanted)} frames. {layout}")
    with atomic_write(frames) as temporary:
        wrong = []
        for name in progress(there, "check", "frames"):
            try:
                right = sha256(source / name) == wanted[name]
            except OSError as error:
                raise UserError(f"dataset.source: {error}. Make the file readable, or remove it.") from None
            if right:
                (temporary / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / name, temporary / name)
            else:
                wrong.append(name)
        if wrong:
            raise UserError(
                f"dataset.source: {len(wrong)} of {len(there)} frames in {source} have a wrong checksum: "
                f"{', '.join(wrong)}. Replace or remove them, or unset dataset.source to download all frames."
            )
    others = sum(path.is_file() for part in ("train", "test") for path in (source / part).rglob("*")) - len(there)
    if others:
        logging.info("ignored %d files below train/ and test/ that are not in the list", others)
    logging.info("%d of %d frames copied from %s to %s", len(there), len(wanted), source, frames)


def prune(wanted: dict[str, str], folder: Path) -> set[str]:
    """Remove every file of `folder` that is not a wanted frame with the right content; return the names that remain."""
    kept = set()
    for path in [path for path in folder.rglob("*") if not path.is_dir()]:
        name = path.relative_to(folder).as_posix()
        if wanted.get(name) == sha256(path):
            kept.add(name)
        else:
            path.unlink()
    return kept


if __name__ == "__main__":
    with job(snakemake):
        fetch_masks(
            Path(snakemake.input.sums),
            Path(snakemake.output.frames),
            source=snakemake.params.source,
            url=snakemake.params.url,
        )
