"""Copying a bundle to the camera's drive: whole or not at all, and what is interrupted leaves the old program.

The drive is a folder with the H7's room here. `test_all_of_this_on_a_real_fat_drive` runs the same tests, and those of
deploy_on_fat.py, on a FAT file system of the H7's size.
"""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from linecam.errors import UserError
from linecam.files import sha256
from linecam.usb.deploy import deploy
from tests.usb import fat_guest

ON_DRIVE = ["model.tflite", "labels.txt", "settings.json", "main.py"]
ROOM, BLOCK = 113_664, 512  # of the H7's drive
SMALL, LARGE = 40_000, 99_400  # bytes of a model: two fit side by side, or one alone
BLINK = "import pyb  # the program that a new camera comes with\n"
here_only = pytest.mark.skipif(fat_guest.in_guest(), reason="about this machine, not about the drive")


def make_bundle(folder: Path, version: int, size: int = SMALL, **texts: str) -> Path:
    """A bundle whose files all differ with `version`, save those given in `texts` (main, labels, settings)."""
    folder.mkdir()
    model = random.Random(version).randbytes(size)
    content = {
        "model.tflite": model,
        "labels.txt": texts.get("labels", f"bad\ngood\nversion_{version}\n").encode(),
        "settings.json": texts.get("settings", json.dumps({"version": version})).encode(),
        "main.py": texts.get("main", f'"""linecam on the camera, {version}."""\n' + "# code\n" * 600).encode(),
        "README.md": b"stays on the PC",
    }
    for name, data in content.items():
        (folder / name).write_bytes(data)
    files = {name: {"sha256": sha256(folder / name), "bytes": len(data)} for name, data in content.items()}
    manifest = {"board": "openmv-h7", "files": files, "drive": ON_DRIVE}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def holds(drive: Path, bundle: Path) -> bool:
    """Whether the drive has exactly the bundle's files, and no temporary ones."""
    same = all((drive / n).exists() and (drive / n).read_bytes() == (bundle / n).read_bytes() for n in ON_DRIVE)
    return same and not any(name.upper().startswith("LINECAM") for name in names(drive))


@pytest.fixture
def drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An empty OpenMV drive with the H7's room: a folder here, a FAT file system in the guest."""
    if fat_guest.in_guest():
        folder = Path("/run/OPENMV")
        fat_guest.write_disk((fat_guest.image().parent / "blank.img").read_bytes())
        fat_guest.plug(folder)
        yield folder
        monkeypatch.undo()
        fat_guest.pull(folder)
        return
    folder = tmp_path / "OPENMV"
    folder.mkdir()
    (folder / ".openmv_disk").touch()

    def statvfs(path: Path) -> os.statvfs_result:
        used = sum(-(-file.stat().st_size // BLOCK) for file in Path(path).rglob("*") if file.is_file())
        free = ROOM // BLOCK - used
        return os.statvfs_result((BLOCK, BLOCK, ROOM // BLOCK, free, free, 0, 0, 0, 0, 255))

    monkeypatch.setattr(os, "statvfs", statvfs)
    yield folder


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture):
    """The lines that deploy logged since the last call."""
    caplog.set_level("INFO")

    def lines() -> list[str]:
        said = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return said

    return lines


# --- What comes onto the drive


def test_a_fresh_drive_gets_the_files_for_the_camera_main_last(drive: Path, tmp_path: Path, log) -> None:
    bundle = make_bundle(tmp_path / "new", 1, LARGE)
    (drive / "README.txt").write_text("of the camera")
    deploy(bundle, drive)
    assert holds(drive, bundle)
    assert set(names(drive)) == {*ON_DRIVE, ".openmv_disk", "README.txt"}
    said = log()
    assert said[:4] == [
        "copying model.tflite, 99,400 bytes",
        *[f"copying {name}, {(bundle / name).stat().st_size:,} bytes" for name in ON_DRIVE[1:]],
    ]
    assert said[4:8] == [f"putting {name} in its place" for name in ON_DRIVE]
    assert "4 of 4 files copied" in said[-1]
    assert "Eject the drive, then press reset" in said[-1]


def test_the_same_bundle_again_copies_nothing(drive: Path, tmp_path: Path, log) -> None:
    bundle = make_bundle(tmp_path / "new", 1, LARGE)
    deploy(bundle, drive)
    before = [(drive / name).stat() for name in ON_DRIVE]
    log()
    deploy(bundle, drive)
    assert [(drive / name).stat() for name in ON_DRIVE] == before
    said = log()
    assert said[:4] == [f"{name} is there already" for name in sorted(ON_DRIVE)]
    assert "0 of 4 files copied, 0 bytes" in said[-1]


def test_new_settings_need_room_for_themselves_alone(drive: Path, tmp_path: Path, log) -> None:
    same = {"main": "# linecam\n", "labels": "bad\ngood\n"}
    deploy(make_bundle(tmp_path / "old", 1, LARGE, settings="{}", **same), drive)
    log()
    bundle = make_bundle(tmp_path / "new", 1, LARGE, settings='{"votes": 5}', **same)
    deploy(bundle, drive)
    assert holds(drive, bundle)
    assert [line for line in log() if line.startswith("copying")] == ["copying settings.json, 12 bytes"]


def test_a_new_program_takes_the_place_of_the_old(drive: Path, tmp_path: Path) -> None:
    deploy(make_bundle(tmp_path / "old", 1), drive)
    bundle = make_bundle(tmp_path / "new", 2)
    deploy(bundle, drive)
    assert holds(drive, bundle)


def test_what_an_interrupted_copy_left_is_removed_first(drive: Path, tmp_path: Path) -> None:
    (drive / "LINECAM0.TMP").write_bytes(bytes(LARGE))
    (drive / "linecam3.tmp").write_bytes(b"x")
    bundle = make_bundle(tmp_path / "new", 1, LARGE)
    deploy(bundle, drive)
    assert holds(drive, bundle)


# --- Room


@pytest.mark.parametrize("main_too", [True, False])
def test_two_large_models_need_consent_and_the_old_program_goes_first(
    drive: Path, tmp_path: Path, log, main_too: bool
) -> None:
    old = make_bundle(tmp_path / "old", 1, LARGE, main="# linecam\n")
    deploy(old, drive)
    bundle = make_bundle(tmp_path / "new", 2, LARGE, main="# linecam, newer\n" if main_too else "# linecam\n")
    with pytest.raises(UserError, match="no room for the new files beside the old ones") as caught:
        deploy(bundle, drive)
    assert "of 113,664 are free" in str(caught.value)
    assert "add --replace" in str(caught.value)
    assert "without main.py, model.tflite" in str(caught.value)
    assert holds(drive, old)
    log()
    deploy(bundle, drive, replace=True)
    assert holds(drive, bundle)
    steps = [line for line in log() if "removing" in line or "copying" in line]
    assert steps[:3] == [
        "removing the old main.py",
        "removing the old model.tflite",
        "copying model.tflite, 99,400 bytes",
    ]


def test_consent_removes_nothing_where_both_fit(drive: Path, tmp_path: Path, log) -> None:
    deploy(make_bundle(tmp_path / "old", 1), drive)
    bundle = make_bundle(tmp_path / "new", 2)
    deploy(bundle, drive, replace=True)
    assert holds(drive, bundle)
    assert not [line for line in log() if "removing" in line]


@pytest.mark.parametrize("replace", [False, True])
def test_what_never_fits_is_refused_with_what_else_is_there(drive: Path, tmp_path: Path, replace: bool) -> None:
    old = make_bundle(tmp_path / "old", 1)
    deploy(old, drive)
    (drive / "photo.bmp").write_bytes(bytes(20_000))
    with pytest.raises(UserError, match=r"too little room.*photo\.bmp \(20,000 bytes\)"):
        deploy(make_bundle(tmp_path / "new", 2, LARGE), drive, replace=replace)
    assert holds(drive, old)


def test_the_last_block_counts(drive: Path, tmp_path: Path) -> None:
    """Files take whole blocks: one that fills the drive to the last one fits, one byte more doesn't."""
    sizes = [(make_bundle(tmp_path / name, 1) / name).stat().st_size for name in ON_DRIVE[1:]]
    rest = sum(-(-size // BLOCK) * BLOCK for size in sizes)
    with pytest.raises(UserError, match="too little room"):
        deploy(make_bundle(tmp_path / "more", 1, ROOM - rest + 1), drive)
    bundle = make_bundle(tmp_path / "all", 1, ROOM - rest)
    deploy(bundle, drive)
    assert holds(drive, bundle)


# --- Other programs


def test_another_programs_files_are_kept(drive: Path, tmp_path: Path, log) -> None:
    (drive / "main.py").write_text(BLINK)
    (drive / "labels.txt").write_text("cat\n")
    bundle = make_bundle(tmp_path / "new", 1)
    deploy(bundle, drive)
    assert holds(drive, bundle)
    assert (drive / "main.py.old").read_text() == BLINK
    assert (drive / "labels.txt.old").read_text() == "cat\n"
    assert "the main.py of another program is kept as main.py.old" in log()
    (drive / "main.py").write_text("print('mine')\n")
    deploy(bundle, drive)
    assert holds(drive, bundle)
    assert (drive / "main.py.old").read_text() == BLINK
    assert (drive / "main.py.old2").read_text() == "print('mine')\n"


@pytest.mark.parametrize("replace", [False, True])
def test_another_programs_files_are_never_removed_for_room(drive: Path, tmp_path: Path, replace: bool) -> None:
    (drive / "main.py").write_text(BLINK)
    (drive / "model.tflite").write_bytes(bytes(SMALL))
    with pytest.raises(UserError, match="too little room"):
        deploy(make_bundle(tmp_path / "new", 1, LARGE), drive, replace=replace)
    assert (drive / "main.py").read_text() == BLINK
    assert (drive / "model.tflite").read_bytes() == bytes(SMALL)
    assert names(drive) == [".openmv_disk", "main.py", "model.tflite"]


# --- What is refused before anything is touched


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda b: (b / "model.tflite").write_bytes(random.Random(9).randbytes(SMALL)), "model.tflite is damaged"),
        (lambda b: (b / "labels.txt").write_text("bad"), "labels.txt is damaged"),
        (lambda b: (b / "README.md").write_text("changed"), "README.md is damaged"),
        (lambda b: (b / "main.py").unlink(), "incomplete: main.py"),
        (lambda b: (b / "manifest.json").unlink(), "is not a bundle"),
        (lambda b: (b / "manifest.json").write_text("{"), "is not a bundle"),
        (lambda b: (b / "manifest.json").write_bytes(b"\xff\xfe{"), "is not a bundle"),
        (lambda b: (b / "manifest.json").write_text("[]"), "of an older linecam"),
        (lambda b: rewrite(b, drive=None), "of an older linecam"),
        (lambda b: rewrite(b, drive=[]), "names nothing"),
        (lambda b: rewrite(b, drive=ON_DRIVE[::-1]), "main.py last"),
        (lambda b: rewrite(b, drive=["other.txt", "main.py"]), "names other.txt"),
        (lambda b: rewrite(b, files={"../main.py": {"sha256": "", "bytes": 1}}), "is damaged"),
    ],
)
def test_a_damaged_bundle_is_refused(drive: Path, tmp_path: Path, damage: Callable, said: str) -> None:
    old = make_bundle(tmp_path / "old", 1)
    deploy(old, drive)
    (drive / "LINECAM1.TMP").write_text("not even this")
    bundle = make_bundle(tmp_path / "new", 2)
    damage(bundle)
    with pytest.raises(UserError, match=said):
        deploy(bundle, drive)
    (drive / "LINECAM1.TMP").unlink()
    assert holds(drive, old)


def rewrite(bundle: Path, **changed) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps(manifest | changed))


def test_what_is_no_drive_is_refused(drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = make_bundle(tmp_path / "new", 1)
    (tmp_path / "file").touch()
    (tmp_path / "stick").mkdir()
    for path, said in [("nowhere", "does not exist"), ("file", "is a file"), ("stick", r"touch .*stick/\.openmv_disk")]:
        with pytest.raises(UserError, match=said):
            deploy(bundle, tmp_path / path)
    assert not names(tmp_path / "stick")
    real = os.statvfs(drive)
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result((*real[:8], os.ST_RDONLY, 255)))
    with pytest.raises(UserError, match="read-only"):
        deploy(bundle, drive)
    assert names(drive) == [".openmv_disk"]


@here_only
def test_all_of_this_on_a_real_fat_drive(tmp_path: Path) -> None:
    if fat_guest.KERNEL is None:
        pytest.skip("there is no linux.uml (Debian: apt-get install user-mode-linux) to mount a FAT drive with")
    printed, status = fat_guest.boot(tmp_path)
    if status is None:
        pytest.skip(f"user-mode-linux does not start here: {printed[-300:]}")
    print(printed)
    assert status == 0, printed[-20_000:]
    assert " passed" in printed
