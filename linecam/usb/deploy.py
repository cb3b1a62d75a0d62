"""Copy a bundle to a camera's drive, so that what is interrupted leaves the old program running.

A camera's drive is a small FAT file system (113,664 bytes on the H7) at the end of a cable that someone may pull. FAT
has no journal: nothing spans two files. So the copy goes in three steps, each on the drive before the next begins:

1. Every file that differs is written under a temporary name (8.3: one entry of the folder), flushed, and read back from
   the drive, not from the PC's memory. Whatever happens until here, the old program is untouched.
2. The temporary files are renamed over the old ones, main.py last. Only here can the drive hold a mix, for the time of
   four renames. A mix doesn't run: at each start main.py compares the model with the SHA-256 in its settings, and says
   so where they differ. The same command again finishes what was interrupted. A cable pulled between the two or three
   sectors of one rename damages the file system, and the message of the next run says how to repair it.
3. All files are read back once more and compared with the bundle.

Old and new lie side by side until step 2. Where there is no room for that (two models of 100 kB on an H7), the old
program has to go first, and an interruption leaves the camera without one until the command is run again. That needs
consent (`--replace`): main.py is removed first, so that no half program starts, then as few files as make room.
"""

import contextlib
import errno
import hashlib
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from linecam.errors import UserError
from linecam.files import read_json

PROGRAM = "main.py"
MODEL = "model.tflite"
IMAGE = "linecam.romfs"
MARK = ".openmv_disk"  # firmware 4.6.0 and later writes it
REPAIR = (
    "have the PC repair its file system (fsck.fat -a, then remove the FSCK*.REC that it leaves) or format the drive"
)
PRINTS = 'OpenMV IDE\'s serial terminal then shows {"linecam": ...} and after it one line of JSON for each decision.'
TEMPORARY = "LINECAM{}.TMP"
LEFT_OVER = re.compile(r"LINECAM\d\.TMP", re.IGNORECASE)
GONE = {errno.EIO, errno.ENODEV, errno.ENXIO, errno.ENOENT, errno.ENOTCONN, errno.ESTALE, errno.ENOTDIR}


@dataclass(frozen=True)
class Plan:
    """What is to be done on a drive."""

    copies: list[str]  # names of the files that differ, in the order of copying
    kept: dict[str, str] = field(default_factory=dict)  # file of another program: the name that it is kept under
    removed: list[str] = field(default_factory=list)  # what goes before the copy begins, to make room; main.py first


def deploy(bundle: Path, drive: Path, *, replace: bool = False) -> None:
    """Bring the files of `bundle` that its manifest names for the camera onto `drive`, and log each step.

    `replace`: where old and new don't fit side by side, the old program may be removed first. Raises `UserError` where
    the bundle is damaged, the drive is none or too small, or the copy is interrupted, and says what the drive holds.
    """
    board, files = read_bundle(bundle)
    check_drive(drive)
    copier = Copier(drive, files)
    with copier.explained():
        copier.step = "looking at what is there"
        copier.before = copier.digests()
        copier.clear()
        plan = make_plan(drive, files, copier.before, replace=replace)
        copier.run(plan)
    size = sum(len(files[name]) for name in plan.copies)
    if MODEL not in files:
        logging.info(
            "The model is not among these files: it belongs in the camera's ROM. First write %s there; the README.md "
            "in %s says how. Without it main.py starts and says that the model is missing.",
            IMAGE,
            bundle,
        )
    done = f"{len(plan.copies)} of {len(files)} files copied, {size:,} bytes, all compared"
    logging.info("The bundle for %s is on %s: %s. Eject the drive, then press reset. %s", board, drive, done, PRINTS)


def read_bundle(folder: Path) -> tuple[str, dict[str, bytes]]:
    """The board of a bundle, and the files for its drive in the order of copying; all checked against the manifest.

    Raises `UserError` where the folder is not a bundle, or a file of it is missing or differs from the manifest.
    """
    again = "Build the bundle again (snakemake) or take a whole copy of it; nothing was copied."
    try:
        manifest: Any = read_json(folder / "manifest.json")
    except (OSError, ValueError) as error:
        raise UserError(
            f"{folder} is not a bundle: its manifest.json cannot be read ({error}). A bundle is a folder such as "
            f"results/belt/bundle/openmv-h7. {again}"
        ) from None
    try:
        board, names = str(manifest["board"]), [str(name) for name in manifest["drive"]]
        listed = {str(name): (str(entry["sha256"]), int(entry["bytes"])) for name, entry in manifest["files"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UserError(
            f"{folder}/manifest.json does not name the files for the camera: it should have board, files and drive. "
            f"It is damaged, or of an older linecam. {again}"
        ) from None
    if not names or names[-1] != PROGRAM or set(names) - set(listed) or any(Path(n).name != n for n in listed):
        raise UserError(
            f"{folder}/manifest.json names {', '.join(names) or 'nothing'} for the drive, where files of the bundle "
            f"are expected, {PROGRAM} last. It is damaged. {again}"
        )
    content = {}
    for name, (digest, size) in listed.items():
        try:
            content[name] = (folder / name).read_bytes()
        except OSError as error:
            raise UserError(f"{folder} is incomplete: {name} cannot be read ({error.strerror}). {again}") from None
        if len(content[name]) != size or _sha256(content[name]) != digest:
            raise UserError(
                f"{folder}/{name} is damaged: manifest.json says {size:,} bytes with SHA-256 {digest[:12]}, and it has "
                f"{len(content[name]):,} bytes with SHA-256 {_sha256(content[name])[:12]}. {again}"
            )
    return board, {name: content[name] for name in names}


def check_drive(drive: str | Path) -> None:
    """Raise `UserError` where `drive` is not an OpenMV drive that can be written to."""
    drive = Path(drive)
    if not drive.is_dir():
        what = "is a file, no folder" if drive.is_file() else "does not exist"
        raise UserError(
            f"The drive {drive} {what}. Connect the camera, wait until its drive shows up, and name the folder where "
            f"the drive is mounted. {drives_seen()}"
        )
    if not (drive / MARK).exists():
        raise UserError(
            f"{drive} is not an OpenMV drive: it has no file {MARK}, which the firmware puts there since 4.6.0. "
            "Nothing was copied. Name its topmost folder. If it is the camera's drive and the firmware is older, "
            f"mark it by an empty file of that name: touch {drive / MARK}. {drives_seen()}"
        )
    if os.statvfs(drive).f_flag & os.ST_RDONLY or not os.access(drive, os.W_OK):
        raise UserError(
            f"{drive} is read-only. Nothing was copied. Expected is a drive that you may write to. A damaged file "
            "system is mounted read-only: eject it, press reset, connect it again, and where that doesn't help "
            f"{REPAIR}. An SD card has a switch against writing. If another user mounted the drive, mount it yourself."
        )


def make_plan(drive: Path, files: dict[str, bytes], here: dict[str, str | None], *, replace: bool) -> Plan:
    """What to do on `drive` so that it holds `files`; `here` has the SHA-256 of what it has under those names.

    Raises `UserError` where there is too little room, in the file system's own blocks: for all new files beside the old
    ones, or, with `replace`, in their place.
    """
    copies = [name for name, content in files.items() if here[name] != _sha256(content)]
    foreign = here[PROGRAM] is not None and _is_foreign(drive / PROGRAM)
    kept = {name: _free_name(drive, name) for name in copies if foreign and here[name] is not None}
    status = os.statvfs(drive)
    block = status.f_frsize or status.f_bsize  # bytes
    free = status.f_bavail * block
    need = sum(_blocks(len(files[name]), block) for name in copies)
    if need <= free:
        return Plan(copies, kept)

    # The old program goes first: main.py, copied again even where it hasn't changed, then the largest.
    mine = {} if foreign else {n: _blocks((drive / n).stat().st_size, block) for n in files if here[n] is not None}
    emptied = [name for name in files if name in copies or (name == PROGRAM and name in mine)]
    need_emptied = sum(_blocks(len(files[name]), block) for name in emptied)
    removed: list[str] = []
    for name in sorted(mine.keys() & set(emptied), key=lambda name: (name != PROGRAM, -mine[name])):
        if need_emptied <= free + sum(mine[name] for name in removed) and removed:
            break
        removed.append(name)
    there = free + sum(mine[name] for name in removed)
    numbers = (
        f"the new files need {need:,} bytes ({', '.join(copies)}) and {free:,} of {status.f_blocks * block:,} are free"
    )
    if need_emptied > there:
        raise UserError(
            f"{drive} has too little room: {numbers}{f', {there:,} without the old program' * bool(removed)}. Nothing "
            f"was copied. Remove what the camera doesn't need, or take a smaller network. {_largest(drive, set(files))}"
        )
    if not replace:
        raise UserError(
            f"{drive} has no room for the new files beside the old ones: {numbers}. Nothing was copied, and the old "
            f"program is whole. There is room without {', '.join(removed)}: {there:,} bytes. But then the camera has "
            f"no program until all new files are there. If it is pulled out in between, it does nothing until you run "
            f"the same command again. If you accept that, add --replace."
        )
    return Plan(emptied, {}, removed)


class Copier:
    """A copy under way: carries out a plan, and knows what to say when it is interrupted."""

    def __init__(self, drive: Path, files: dict[str, bytes]) -> None:
        self.drive, self.files = drive, files
        self.before: dict[str, str | None] = {}  # what was on the drive
        self.plan = Plan([])
        self.step = ""
        self.touched = False  # of the old program

    def run(self, plan: Plan) -> None:
        """Carry out `plan`."""
        self.plan = plan
        for name in sorted(set(self.files) - set(plan.copies)):
            logging.info("%s is there already", name)
        for name in plan.removed:
            self.step = f"removing the old {name}"
            self.touched = True
            logging.info("%s", self.step)
            (self.drive / name).unlink()
            # At once: main.py must be gone from the drive, not only from the PC's memory, before the model goes.
            _sync_folder(self.drive)
        temporary = {name: self.drive / TEMPORARY.format(number) for number, name in enumerate(plan.copies)}
        for name, path in temporary.items():
            self.step = f"copying {name}"
            logging.info("%s, %s bytes", self.step, f"{len(self.files[name]):,}")
            _write(path, self.files[name])
        _sync_folder(self.drive)
        for name, path in temporary.items():
            self.compare(name, path)
        for name, path in temporary.items():
            self.step = f"putting {name} in its place"
            logging.info("%s", self.step)
            self.touched = True
            if name in plan.kept:
                logging.info("the %s of another program is kept as %s", name, plan.kept[name])
                (self.drive / name).rename(self.drive / plan.kept[name])
            os.replace(path, self.drive / name)
            # FAT keeps the renamed file's first cluster in its entry, which only the file's own fsync writes.
            _sync(self.drive / name)
            _sync_folder(self.drive)
        for name in self.files:
            self.compare(name, self.drive / name)

    def compare(self, name: str, path: Path) -> None:
        """Read `path` back from the drive; raise `UserError` where it isn't what the bundle has as `name`."""
        self.step = f"comparing {name}"
        if _digest(path) != _sha256(self.files[name]):
            told = self.standing()
            self.clear()
            raise UserError(
                f"What {self.drive} gives back of {name} is not what was written to it: its memory is failing, or its "
                f"file system is damaged. {told} Format the drive (OpenMV IDE: Tools, Erase onboard data flash) or "
                f"take "
                "another SD card, and run the same command again."
            )

    def digests(self) -> dict[str, str | None]:
        """SHA-256 of each file on the drive; None where there is none."""
        return {name: _digest(self.drive / name) if (self.drive / name).exists() else None for name in self.files}

    def clear(self) -> None:
        """Remove the temporary files of this or of an interrupted copy."""
        for path in self.drive.iterdir():
            if LEFT_OVER.fullmatch(path.name):
                path.unlink()

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Turn an interruption into a `UserError` that says what the drive holds now and what to do."""
        try:
            yield
        except (OSError, KeyboardInterrupt) as error:
            why, todo = _explain(error)
            told = self.standing()
            with contextlib.suppress(OSError):
                self.clear()
            raise UserError(
                f"The copy to {self.drive} stopped while {self.step}: {why}. {told} {todo} and run the same command "
                "again."
            ) from None

    def standing(self) -> str:
        """What the drive holds now, as far as it can be read."""
        if not self.touched:
            return "What the camera had before is untouched."
        kept = f" What another program had is kept as {', '.join(self.plan.kept.values())}." * bool(self.plan.kept)
        try:
            _sync_folder(self.drive)
            now = self.digests()
            there = (self.drive / MARK).exists()
        except OSError:
            there = False
        if not there:
            return (
                "The old program was removed to make room, so the camera may have no program now."
                if self.plan.removed
                else "The new files were just replacing the old ones, so the drive may hold some of each. linecam's "
                "program starts only with the model that its settings name; otherwise it says so." + kept
            )
        new = [name for name in self.files if now[name] == _sha256(self.files[name])]
        if len(new) == len(self.files):
            return "The new files are all there, whole." + kept
        if now[PROGRAM] is None:
            return "The drive holds no main.py now: the camera starts no program." + kept
        if now == self.before:
            return "The old program is still there, whole."
        old = [name for name in self.files if name not in new]
        return (
            f"The drive holds {', '.join(new) or 'nothing'} of the new program beside {', '.join(old)} of the old. "
            f"linecam's program starts only with the model that its settings name; otherwise it says so." + kept
        )


def _explain(error: BaseException) -> tuple[str, str]:
    """Why the copy stopped, and what to do."""
    if not isinstance(error, OSError):
        return "it was interrupted", "Finish what interrupted it"
    said = error.strerror or str(error)
    if error.errno == errno.ENOSPC:
        return f"the drive is full, or its topmost folder is ({said})", "Remove what the camera doesn't need from it"
    if error.errno in GONE:
        return (
            f"the drive is gone or fails ({said}); was it pulled out?",
            f"Connect the camera again (if it is connected, {REPAIR})",
        )
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return f"the drive can't be written to any more ({said})", f"Eject it, press reset, connect it again, {REPAIR}"
    return said, "Connect the camera again"


def _write(path: Path, content: bytes) -> None:
    """Write a file through to the drive."""
    path.write_bytes(content)
    _sync(path)


def _sync(path: Path, flags: int = os.O_RDWR) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Write the entries of a folder through to the drive, where the system can: some refuse it for a folder."""
    try:
        _sync(folder, os.O_RDONLY)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EBADF}:
            raise


def _digest(path: Path) -> str:
    """SHA-256 of what the drive has, not of what the PC remembers of it, where the system can forget."""
    with path.open("rb") as file:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _blocks(size: int, block: int) -> int:
    return -(-size // block) * block


def _is_foreign(program: Path) -> bool:
    """Whether a main.py is another's: it doesn't begin with linecam's name. An empty one, left by a repair, is not."""
    content = program.read_bytes()
    return bool(content.strip(b"\0 \r\n\t")) and b"linecam" not in b"\n".join(content.splitlines()[:10]).lower()


def _free_name(drive: Path, name: str) -> str:
    """`name` with .old, or .old2 and so on: one that nothing has yet."""
    names = (f"{name}.old{number if number > 1 else ''}" for number in count(1))
    return next(kept for kept in names if not (drive / kept).exists())


def _largest(drive: Path, apart_from: set[str]) -> str:
    """What takes the room of a drive, for a message: the three largest other files, and blocks that no file has."""
    status = os.statvfs(drive)
    block = status.f_frsize or status.f_bsize
    paths = list(drive.rglob("*"))
    sizes = {path: path.stat().st_size if path.is_file() else block for path in paths}
    others = [path for path in sorted(paths, key=lambda path: -sizes[path]) if path.name not in apart_from]
    named = ", ".join(f"{path.relative_to(drive)} ({sizes[path]:,} bytes)" for path in others[:3]) or "none"
    lost = (status.f_blocks - status.f_bfree) * block - sum(_blocks(size, block) for size in sizes.values())
    told = f" {lost:,} bytes are taken by no file: {REPAIR}, and run the same command again." * (lost > 8 * block)
    return f"Its largest other files: {named}.{told}"


def drives_seen() -> str:
    """Where there are OpenMV drives on this machine, for a message."""
    found = []
    with contextlib.suppress(OSError):
        for places in ("media/*", "media/*/*", "run/media/*/*", "Volumes/*", "mnt/*"):
            found += [str(path) for path in Path("/").glob(places) if (path / MARK).exists()]
    return (
        f"There is an OpenMV drive at {', '.join(found)}."
        if found
        else "No OpenMV drive was found in the usual places."
    )
