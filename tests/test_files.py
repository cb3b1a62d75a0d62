"""Files that appear whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from linecam.disk import WriteError
from linecam.errors import UserError
from linecam.files import atomic_write


def test_a_file_that_only_its_owner_may_read_becomes_one_like_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").touch()

    def shared_by_all_threads(_: int) -> int:
        raise AssertionError("two threads that set it at a time could leave it at 0 for ever")

    monkeypatch.setattr(os, "umask", shared_by_all_threads)
    with atomic_write(tmp_path / "mine") as temporary:
        temporary.touch(mode=0o600)
    assert (tmp_path / "mine").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_what_the_disk_does_not_take_is_told_with_its_place(tmp_path: Path) -> None:
    for cause in (OSError(errno.ENOSPC, "No space left on device"), RuntimeError("Read-only file system")):
        with pytest.raises(WriteError) as error, atomic_write(tmp_path / "x"):
            raise cause
        assert (error.value.place, error.value.__cause__) == (tmp_path / "x", cause)
        assert error.value.errno in {errno.ENOSPC, errno.EROFS}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cause", [FileNotFoundError(errno.ENOENT, "none", "x"), UserError("No space left on device")])
def test_any_other_error_stays_what_it_is(tmp_path: Path, cause: Exception) -> None:
    with pytest.raises(type(cause)) as error, atomic_write(tmp_path / "x"):
        raise cause
    assert error.value is cause
