"""What only a FAT file system can show of a deploy: run in the guest of fat_guest.py, on the vfat driver of Linux."""

import os
import shutil
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from linecam.errors import UserError
from linecam.files import sha256
from linecam.usb import deploy as module
from linecam.usb.deploy import deploy
from tests.usb import fat_guest
from tests.usb.test_deploy import BLOCK, LARGE, ON_DRIVE, ROOM, SMALL, drive, holds, make_bundle, names
from tests.usb.test_deploy_interrupted import interrupted

__all__ = ["drive"]  # a fixture
FSCK = shutil.which("fsck.fat", path="/usr/sbin:/sbin:/usr/bin")


def test_the_drive_has_the_room_that_the_firmware_gives_it(drive: Path) -> None:
    status = os.statvfs(drive)
    assert (status.f_blocks * status.f_frsize, status.f_frsize) == (ROOM, BLOCK)
    assert status.f_bavail == status.f_blocks, "the mark is empty and takes no block"


def test_the_camera_reads_what_was_copied(drive: Path, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "new", 1, LARGE)
    deploy(bundle, drive)
    (tmp_path / "copy.img").write_bytes(fat_guest.on_disk())  # not unmounted: as if pulled without ejecting
    listed = dict(line.split() for line in fat_guest.camera_fat("list", tmp_path / "copy.img").splitlines())
    assert {name: listed[name] for name in ON_DRIVE} == {name: sha256(bundle / name) for name in ON_DRIVE}
    assert set(listed) == {*ON_DRIVE, ".openmv_disk"}


def test_what_the_disk_changed_is_noticed(drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bit falls over on the disk after the file was flushed: the PC's memory still has it right."""
    old, new = make_bundle(tmp_path / "old", 1), make_bundle(tmp_path / "new", 2)
    deploy(old, drive)
    write = module._write

    def decay(path: Path, content: bytes) -> None:
        write(path, content)
        if len(content) == SMALL:
            at = fat_guest.on_disk().index(content[:BLOCK]) + 100
            descriptor = os.open(fat_guest.image(), os.O_RDWR)
            os.pwrite(descriptor, bytes([content[100] ^ 1]), at)
            os.fsync(descriptor)
            os.close(descriptor)

    monkeypatch.setattr(module, "_write", decay)
    said = interrupted(lambda: deploy(new, drive))
    assert "gives back of model.tflite is not what was written to it" in said
    assert holds(drive, old)


def test_a_read_only_drive_is_refused(drive: Path, tmp_path: Path) -> None:
    fat_guest.pull(drive)
    fat_guest.plug(drive, 1)  # MS_RDONLY
    with pytest.raises(UserError, match="is read-only"):
        deploy(make_bundle(tmp_path / "new", 1), drive)
    assert names(drive) == [".openmv_disk"]


@pytest.mark.parametrize("at", range(1, 5))
def test_a_drive_that_fills_up_while_copying_keeps_the_old_program(
    drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Before the n-th file, something else writes until nothing is free."""
    old, new = make_bundle(tmp_path / "old", 1), make_bundle(tmp_path / "new", 2)
    deploy(old, drive)
    write, calls = module._write, []

    def fill(path: Path, content: bytes) -> None:
        calls.append(path)
        if len(calls) == at:
            with pytest.raises(OSError, match="No space left"), (drive / "video.mjpeg").open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(BLOCK))
        write(path, content)

    monkeypatch.setattr(module, "_write", fill)
    said = interrupted(lambda: deploy(new, drive))
    assert f"stopped while copying {ON_DRIVE[at - 1]}: the drive is full" in said
    assert "What the camera had before is untouched." in said
    assert holds(drive, old)
    (drive / "video.mjpeg").unlink()
    deploy(new, drive)
    assert holds(drive, new)


def test_a_full_folder_is_a_full_drive(drive: Path, tmp_path: Path) -> None:
    """FAT's topmost folder has 512 entries; they may run out while blocks are free."""
    old, new = make_bundle(tmp_path / "old", 1), make_bundle(tmp_path / "new", 2)
    deploy(old, drive)
    made = []
    with pytest.raises(OSError, match="No space left"):
        for number in range(600):
            (drive / f"F{number}").touch()
            made.append(drive / f"F{number}")
    made.pop().unlink()
    said = interrupted(lambda: deploy(new, drive))
    assert "stopped while copying labels.txt: the drive is full, or its topmost folder is" in said
    assert holds(drive, old)
    for path in made:
        path.unlink()


def snapshots(deploying: Callable[[], None], *, eager: bool) -> list[bytes]:
    """What the disk held before and after each call that `deploying` made of it; `eager`: all written back at once.

    Linux writes back when it likes: between these two lies what a cable pulled at that moment can leave.
    """
    taken: list[bytes] = []

    def wrap(function: Callable) -> Callable:
        def wrapped(*arguments, **keywords):
            look()
            function(*arguments, **keywords)
            look()

        return wrapped

    def look() -> None:
        if eager:
            os.sync()
        if (now := fat_guest.on_disk()) not in taken:
            taken.append(now)

    with pytest.MonkeyPatch.context() as patch:
        for name in ("fsync", "replace", "unlink", "rename"):
            patch.setattr(os, name, wrap(getattr(os, name)))
        deploying()
    return taken


def torn(taken: list[bytes]) -> list[bytes]:
    """Between two snapshots, each changed sector alone ahead of the others, and alone behind them.

    Where more than 8 sectors change, a file's content is among them; its order matters to no name.
    """
    states = []
    for one, other in pairwise(taken):
        every = [slice(at, at + BLOCK) for at in range(0, len(one), BLOCK)]
        sectors = [sector for sector in every if one[sector] != other[sector]]
        for sector in sectors if len(sectors) <= 8 else []:
            for state, source in ((bytearray(one), other), (bytearray(other), one)):
                state[sector] = source[sector]
                if bytes(state) not in states + taken:
                    states.append(bytes(state))
    return states


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize(("size", "replace"), [(SMALL, False), (LARGE, True)])
def test_a_cable_pulled_at_any_moment(drive: Path, tmp_path: Path, size: int, replace: bool, eager: bool) -> None:
    """Every file old or new, in the order of copying; and the same command makes the new program of each state."""
    old, new = make_bundle(tmp_path / "old", 1, size), make_bundle(tmp_path / "new", 2, size)
    deploy(old, drive)
    taken = snapshots(lambda: deploy(new, drive, replace=replace), eager=eager)
    states = []
    for content in taken:
        change_disk(drive, content)
        states.append("".join(what(drive / name, old / name, new / name) for name in ON_DRIVE))
        deploy(new, drive, replace=replace)
        assert holds(drive, new), states
    kept = ["oooo", "nooo", "nnoo", "nnno", "nnnn"]
    emptied = ["oooo", "ooo-", "-oo-", "noo-", "nno-", "nnn-", "nnnn"]
    assert list(dict.fromkeys(states)) == (emptied if replace else kept)


@pytest.mark.skipif(FSCK is None, reason="there is no fsck.fat (Debian: apt-get install dosfstools)")
@pytest.mark.parametrize(("size", "replace"), [(SMALL, False), (LARGE, True)])
def test_a_cable_pulled_between_two_sectors(drive: Path, tmp_path: Path, size: int, replace: bool) -> None:
    """Here FAT may break: the same command makes the new program of it, or says how to repair it, and then does."""
    old, new = make_bundle(tmp_path / "old", 1, size), make_bundle(tmp_path / "new", 2, size)
    deploy(old, drive)
    states = torn(snapshots(lambda: deploy(new, drive, replace=replace), eager=False))
    said, repaired = [], tmp_path / "repaired.img"
    for content in states:
        change_disk(drive, content)
        try:
            deploy(new, drive, replace=replace)
        except UserError as error:
            said.append(str(error))
            assert "repair" in said[-1], said
            repaired.write_bytes(content)
            assert FSCK is not None
            run = subprocess.run([FSCK, "-a", repaired], capture_output=True, text=True, check=False)
            assert run.returncode == 1, run.stdout
            change_disk(drive, repaired.read_bytes())
            for path in drive.glob("FSCK*.REC"):
                path.unlink()
            deploy(new, drive, replace=replace)
        assert holds(drive, new)
    print(f"{len(states)} torn states, {len(said)} to repair")


def change_disk(drive: Path, content: bytes) -> None:
    fat_guest.pull(drive)
    fat_guest.write_disk(content)
    fat_guest.plug(drive)


def what(path: Path, old: Path, new: Path) -> str:
    """o, n, - or ?: the old file, the new one, none, or something else."""
    if not path.exists():
        return "-"
    return {old.read_bytes(): "o", new.read_bytes(): "n"}.get(path.read_bytes(), "?")
