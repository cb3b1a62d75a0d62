"""An interrupted deploy: what the drive holds then, what the user is told, and that the same command mends it."""

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from linecam.errors import UserError
from linecam.usb import deploy as module
from linecam.usb.deploy import deploy
from tests.usb import fat_guest
from tests.usb.test_deploy import LARGE, ON_DRIVE, SMALL, drive, holds, make_bundle, names

__all__ = ["drive"]  # a fixture


class Gone:
    """Counts the calls that reach the drive; at a given one the drive is pulled out, and it and all later ones fail."""

    def __init__(self, drive: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
        self.drive, self.calls, self.at, self.code = drive, 0, at, errno.EIO
        for name in ("fsync", "replace", "unlink", "rename"):
            monkeypatch.setattr(os, name, self.wrap(getattr(os, name)))

    def wrap(self, function: Callable) -> Callable:
        def wrapped(*arguments, **keywords):
            self.calls += 1
            if self.calls == self.at:
                self.pull()
            if self.at <= self.calls:
                raise OSError(self.code, os.strerror(self.code))
            return function(*arguments, **keywords)

        return wrapped

    def pull(self) -> None:
        if fat_guest.in_guest():
            fat_guest.pull(self.drive, 2)
        else:
            subprocess.run(["mv", self.drive, f"{self.drive}.gone"], check=True)

    def plug(self) -> None:
        if fat_guest.in_guest():
            fat_guest.plug(self.drive)
        else:
            subprocess.run(["mv", f"{self.drive}.gone", self.drive], check=True)


def interrupted(deploying: Callable[[], None]) -> str:
    with pytest.raises(UserError) as caught:
        deploying()
    return str(caught.value)


@pytest.mark.parametrize(("size", "replace"), [(SMALL, False), (LARGE, True)])
def test_a_drive_pulled_at_any_call_has_the_old_program_or_gets_the_new_one(
    drive: Path, tmp_path: Path, size: int, replace: bool
) -> None:
    old, new = make_bundle(tmp_path / "old", 1, size), make_bundle(tmp_path / "new", 2, size)
    at, done, intact = 0, False, 0
    while not done:
        at += 1
        deploy(old, drive, replace=True)
        with pytest.MonkeyPatch.context() as patch:
            gone = Gone(drive, patch, at)
            done = True
            try:
                deploy(new, drive, replace=replace)
            except UserError as error:
                done, said = False, str(error)
        if done:
            break
        gone.plug()
        assert "the drive is gone or fails" in said
        assert "Connect the camera again" in said
        assert said.endswith("and run the same command again.")
        now = [(drive / n).read_bytes() if (drive / n).exists() else b"" for n in ON_DRIVE]
        before = [(old / n).read_bytes() for n in ON_DRIVE]
        if "untouched" in said:
            assert now == before, at
            intact += 1
        elif replace:
            assert "the camera may have no program now" in said
        else:
            # A file is one or the other, and main.py comes last.
            assert "may hold some of each" in said
            after = [(new / n).read_bytes() for n in ON_DRIVE]
            assert now in [after[:count] + before[count:] for count in range(5)], at
        deploy(new, drive, replace=replace)
        assert holds(drive, new)
    assert holds(drive, new)
    assert intact == (0 if replace else 5), "four copies and their folder; with consent, the first call removes main.py"
    assert at > 15


@pytest.mark.parametrize("at", range(1, 14))
def test_a_write_that_fails_is_told_truthfully_and_leaves_no_temporary_file(
    drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """The drive stays, but is full at the n-th flush: four copies, the folder, then two for each of four renames."""
    old, new = make_bundle(tmp_path / "old", 1), make_bundle(tmp_path / "new", 2)
    deploy(old, drive)
    calls, fsync = [], os.fsync

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == at:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    said = interrupted(lambda: deploy(new, drive))
    assert "the drive is full" in said
    assert not [name for name in names(drive) if name.upper().startswith("LINECAM")]
    now = ["new" if (drive / n).read_bytes() == (new / n).read_bytes() else "old" for n in ON_DRIVE]
    if at <= 5:
        assert "What the camera had before is untouched." in said
        assert holds(drive, old)
    elif "old" in now:
        first = now.index("old")
        assert now == ["new"] * first + ["old"] * (4 - first)
        assert f"holds {', '.join(ON_DRIVE[:first])} of the new program beside {', '.join(ON_DRIVE[first:])}" in said
    else:
        assert "The new files are all there, whole." in said
    deploy(new, drive)
    assert holds(drive, new)


def test_an_interrupted_replacement_says_that_there_is_no_program(
    drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(make_bundle(tmp_path / "old", 1, LARGE), drive)
    new = make_bundle(tmp_path / "new", 2, LARGE)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        said = interrupted(lambda: deploy(new, drive, replace=True))
    assert "stopped while copying model.tflite: it was interrupted. The drive holds no main.py now" in said
    assert set(names(drive)) == {".openmv_disk", "labels.txt", "settings.json"}
    deploy(new, drive)  # the consent isn't needed twice
    assert holds(drive, new)


def test_a_drive_that_gives_back_something_else_is_noticed(
    drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make_bundle(tmp_path / "old", 1)
    deploy(old, drive)
    write = module._write
    monkeypatch.setattr(module, "_write", lambda path, content: write(path, content[:-1] + b"!"))
    said = interrupted(lambda: deploy(make_bundle(tmp_path / "new", 2), drive))
    assert "gives back of model.tflite is not what was written to it" in said
    assert "What the camera had before is untouched." in said
    assert holds(drive, old)
