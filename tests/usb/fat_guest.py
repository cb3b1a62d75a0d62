"""A real FAT drive for the tests of deploy, without root: a Linux kernel of its own as a process (user-mode-linux).

The kernel has the vfat driver that a PC uses, an image of the H7's size as its disk, and this machine's files as its
root. The image is formatted by MicroPython's FatFs, as the camera does it. This file is the first process there: it
runs the tests of deploy on that disk and switches the kernel off.
"""

import ctypes
import os
import platform
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KERNEL = shutil.which("linux.uml")
MICROPYTHON = shutil.which("micropython", path=str(Path(sys.executable).parent))
MODULES = "/usr/lib/uml/modules"
DEVICE = "/dev/ubda"
OPTIONS = "utf8=1,shortname=mixed,codepage=437,iocharset=ascii"
TESTS = ["test_deploy", "test_deploy_interrupted", "deploy_on_fat"]
SECTORS = 256  # of 512 bytes: the H7's flash

# Runs in MicroPython: formats an image, or prints name and SHA-256 of every file in it.
FAT_OF_THE_CAMERA = """
import hashlib, os, sys, vfs

class Disk:
    def __init__(self, path, mode):
        self.file = open(path, mode)
    def readblocks(self, block, buffer):
        self.file.seek(block * 512)
        self.file.readinto(buffer)
    def writeblocks(self, block, buffer):
        self.file.seek(block * 512)
        self.file.write(buffer)
    def ioctl(self, operation, argument):
        return {4: SECTORS, 5: 512}.get(operation, 0)

if sys.argv[1] == "format":
    with open(sys.argv[2], "wb") as file:
        file.write(bytes(SECTORS * 512))
    disk = Disk(sys.argv[2], "r+b")
    vfs.VfsFat.mkfs(disk)
    vfs.mount(disk, "/camera")
    open("/camera/.openmv_disk", "w").close()
    vfs.umount("/camera")
else:
    vfs.mount(Disk(sys.argv[2], "rb"), "/camera", readonly=True)
    for name in os.listdir("/camera"):
        with open("/camera/" + name, "rb") as file:
            print(name, hashlib.sha256(file.read()).digest().hex())
""".replace("SECTORS", str(SECTORS))

libc = ctypes.CDLL(None, use_errno=True)


def in_guest() -> bool:
    """Whether this process runs in the kernel that `boot` started."""
    return "LINECAM_IMAGE" in os.environ


def image() -> Path:
    """The disk's image, as the machine below sees it: what is there has left the kernel's memory."""
    return Path(os.environ["LINECAM_IMAGE"])


def camera_fat(command: str, path: Path | str) -> str:
    """Let MicroPython's FatFs, the camera's, `format` an image or `list` what is in it."""
    assert MICROPYTHON is not None
    script = Path(os.environ.get("TMPDIR", "/tmp")) / f"camera_fat_{os.getpid()}.py"
    script.write_text(FAT_OF_THE_CAMERA)
    try:
        run = subprocess.run(
            [MICROPYTHON, str(script), command, str(path)], capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        script.unlink()
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def boot(folder: Path) -> tuple[str, int | None]:
    """Run the tests of deploy in the guest; what they printed, and pytest's exit status (None: it didn't start)."""
    assert KERNEL is not None
    disk, status, init = folder / "h7.img", folder / "status", folder / "init"
    camera_fat("format", disk)
    shutil.copy(disk, folder / "blank.img")
    init.write_text(f"#!/bin/sh\nexec {sys.executable} {__file__}\n")
    init.chmod(0o755)
    # Words that the kernel doesn't know are the environment of its first process.
    words = [
        "LINECAM_PYTEST=" + os.environ.get("LINECAM_PYTEST", "-v"),
        f"LINECAM_IMAGE={disk}",
        f"LINECAM_STATUS={status}",
        "PYTHONDONTWRITEBYTECODE=1",
        f"PATH={os.defpath}",
    ]
    kernel = [KERNEL, "mem=512M", "rootfstype=hostfs", "rootflags=/", "rw", f"ubd0={disk}", f"init={init}", "quiet"]
    consoles = ["con=null", "con0=null,fd:1", "con1=null"]
    with (folder / "console").open("wb") as console:
        subprocess.run(
            [*kernel, *consoles, *words],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            timeout=300,
            check=False,
        )
    if not status.exists():
        return (folder / "console").read_text(errors="replace"), None
    return (folder / "printed").read_text(errors="replace"), int(status.read_text())


def call(result: int) -> None:
    """Raise the `OSError` of a system call that failed."""
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def mount(kind: str, device: str, folder: Path, flags: int = 0, options: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    call(libc.mount(device.encode(), str(folder).encode(), kind.encode(), flags, options.encode()))


def plug(folder: Path, flags: int = 0) -> None:
    """Mount the disk."""
    mount("vfat", DEVICE, folder, flags, OPTIONS)


def pull(folder: Path, flags: int = 0) -> None:
    """Unmount the disk; with flags 2 (MNT_DETACH) even while files are open."""
    call(libc.umount2(str(folder).encode(), flags))


def write_disk(content: bytes) -> None:
    """Put `content` on the disk, which isn't mounted."""
    with open(DEVICE, "r+b", buffering=0) as file:  # noqa: PTH123 (a device)
        file.write(content)
        os.fsync(file.fileno())


def on_disk() -> bytes:
    """What has reached the disk: what a cable pulled now would leave."""
    descriptor = os.open(image(), os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        return os.pread(descriptor, SECTORS * 512, 0)
    finally:
        os.close(descriptor)


def main() -> None:
    """Be the first process of the guest."""
    status = 99
    try:
        printed = os.open(Path(os.environ["LINECAM_STATUS"]).with_name("printed"), os.O_WRONLY | os.O_CREAT)
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        mount("proc", "proc", Path("/proc"))
        mount("tmpfs", "tmpfs", Path("/run"))
        os.environ["TMPDIR"] = "/run"
        for module in ("fat/fat", "fat/vfat", "nls/nls_cp437", "nls/nls_ascii"):
            path = f"{MODULES}/{platform.release()}/kernel/fs/{module}.ko"
            descriptor = os.open(path, os.O_RDONLY)
            call(libc.syscall(313, descriptor, b"", 0))  # finit_module: no kmod needed
            os.close(descriptor)
        os.chdir(ROOT)
        # Without tests/conftest.py, which imports PyTorch: none of these tests needs it, and this kernel is slow.
        quiet = ["-q", "--noconftest", "-p", "no:cacheprovider", "--basetemp=/run/pytest", "--color=no", "-rs"]
        status = pytest.main(quiet + [f"tests/usb/{name}.py" for name in TESTS])
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        Path(os.environ["LINECAM_STATUS"]).write_text(str(int(status)))
        sys.stdout.flush()
        os.sync()
        libc.reboot(0x4321FEDC)  # power off


if __name__ == "__main__":
    main()
