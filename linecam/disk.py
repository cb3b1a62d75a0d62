"""What a disk says when it is full, read-only or another user's: for people, not as an error number."""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

RESULTS = Path("results")
_FULL = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EACCES, errno.EPERM}
_NO_FOLDER = {errno.ENOTDIR, errno.EEXIST}
_OF_THE_DISK = _FULL | _DENIED | _NO_FOLDER | {errno.EROFS, errno.ENAMETOOLONG}
# Libraries that are not Python's say it in words: safetensors and other Rust, TensorFlow, NumPy, which has no number.
_WORDS = (
    (re.compile(r"os error (\d+)"), None),
    (re.compile(r"No space left on device|\d+ requested and \d+ written"), errno.ENOSPC),
    (re.compile(r"Disk quota exceeded"), errno.EDQUOT),
    (re.compile(r"Read-only file system"), errno.EROFS),
)


class WriteError(OSError):
    """The disk did not take the file or folder `place`: of a write that fails, the system itself tells no name."""

    def __init__(self, number: int, cause: BaseException, place: Path) -> None:
        """`number` is that of `of_the_disk`; what the `cause` says besides stays."""
        super().__init__(number, getattr(cause, "strerror", None) or os.strerror(number), _filename(cause))
        self.place = place


def of_the_disk(error: BaseException) -> int | None:
    """The number of an error that may be the disk's fault; None for any other error."""
    number = _number_of(error)
    return number if number in _OF_THE_DISK else None


def explain(error: BaseException) -> str | None:
    """One paragraph for an error that is the disk's fault, or one of its causes is; None for any other."""
    place: Path | None = None  # what was to be written
    for one in _chain(error):
        if isinstance(one, WriteError):
            place = one.place
        number, name = _number_of(one), _filename(one) or place
        path = Path(os.fsdecode(name)).absolute() if name else None
        if number in _FULL:
            return _full(path, quota=number == errno.EDQUOT)
        if number == errno.EROFS:
            where = path or RESULTS.absolute()
            return (
                f"{where} can't be written: the file system {_mount(where)} is read-only. Mount it for writing, or "
                "work in another folder: snakemake --directory FOLDER. A disk that turns read-only by itself is often "
                "failing."
            )
        if number in _DENIED and path is not None:
            return _denied(path)
        if number == errno.ENAMETOOLONG and path is not None:
            return f"{path.name[:40]}...: the name is too long for a file. Take a shorter one."
        if number in _NO_FOLDER and (file := _file_above(place)):
            return f"{place} can't be written: {file} is a file, and no folder. Name another place."
    return None


def size(count: float) -> str:
    """Bytes as people say them: '3.8 MB'."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} bytes" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _number_of(error: BaseException) -> int | None:
    """The number of a system error, also of one that gives it only in words; None for any other error."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    text = str(error)
    for pattern, number in _WORDS:
        if found := pattern.search(text):
            return number or int(found[1])
    return None


def _filename(error: BaseException) -> str | bytes | None:
    """The file that the system names; not of a file that was opened by its number."""
    name = getattr(error, "filename", None)
    return os.fspath(name) if isinstance(name, str | bytes | Path) else None


def _file_above(path: Path | None) -> Path | None:
    """The file that stands where a folder of `path` should be."""
    return next((place for place in path.parents if place.is_file()), None) if path else None


def _full(path: Path | None, *, quota: bool) -> str:
    # A write that fails tells no path: then it is the fullest one of those that a step, or Snakemake, writes to.
    places = [path] if path else [RESULTS.absolute(), Path(".snakemake").absolute(), _temporary()]
    place = min(map(_there, places), key=lambda place: shutil.disk_usage(place).free)
    usage, mount = shutil.disk_usage(place), _mount(place)
    what = f"Your share of the disk (its quota) is used up on {mount}" if quota else f"The disk is full: {mount}"
    text = (
        f"{what}, which holds {size(usage.total)}, has {size(usage.free)} free now that the unfinished file is deleted."
        f" This step needs more{f' to write {path}' if path else ''}. "
    )
    results = _there(RESULTS.absolute())
    if _mount(results) == mount and (largest := _largest(RESULTS)):
        text += (
            "Make room there. All of results/ can be made again: delete what you no longer need of it. The most is in "
            f"{', '.join(f'{folder} ({size(count)})' for folder, count in largest)}. "
        )
    elif place == _there(_temporary()):
        text += "Make room there, or name a folder on another disk in the environment variable TMPDIR. "
    else:
        text += "Make room there. "
    return text + "Then run the same command again: what is made already stays."


def _denied(path: Path) -> str:
    there = _there(path)
    status = there.stat()
    you = f" You are the user {_name(os.getuid())}." if hasattr(os, "getuid") else ""
    return (
        f"{path} can't be opened: permission denied. {there} belongs to the user {_name(status.st_uid)} and has the "
        f"mode {status.st_mode & 0o777:o}.{you} Run linecam as its owner, or change owner or mode: chown -R, "
        "chmod -R u+rwX."
    )


def _name(user: int) -> str:
    try:
        import pwd  # noqa: PLC0415 (not on Windows)

        return pwd.getpwuid(user).pw_name
    except (ImportError, KeyError):
        return str(user)


def _temporary() -> Path:
    """The folder for temporary files; Python's own answer passes over one that is full."""
    named = [Path(os.environ[name]) for name in ("TMPDIR", "TEMP", "TMP") if os.environ.get(name)]
    return named[0] if named else Path(tempfile.gettempdir())


def _there(path: Path) -> Path:
    """The path, or the nearest folder above it that is there and can be looked at."""
    for place in (path, *path.parents):
        try:
            if place.exists():
                return place
        except OSError:
            continue
    return Path("/")


def _mount(path: Path) -> Path:
    """Where the file system of a path is mounted."""
    place = _there(path).resolve()
    while not os.path.ismount(place) and place != place.parent:
        place = place.parent
    return place


def _largest(results: Path, count: int = 3) -> list[tuple[Path, int]]:
    """The folders of results/<dataset>/ that hold the most bytes, largest first."""
    sizes = []
    for folder in results.glob("*/[!.]*"):
        if folder.is_dir():
            files = (Path(root, name) for root, _, names in os.walk(folder) for name in names)
            sizes.append((folder, sum(map(_bytes, files))))
    return sorted((one for one in sizes if one[1]), key=lambda one: -one[1])[:count]


def _bytes(file: Path) -> int:
    """How many bytes a file has; 0 where it has just gone, as what other steps had begun on a full disk."""
    try:
        return file.lstat().st_size
    except OSError:
        return 0
