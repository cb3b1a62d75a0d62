"""ROMFS images: files that the camera uses in place, in its flash, instead of copying them into its small heap.

TensorFlow Lite Micro reads weights where they lie, and a misaligned model stops the camera with a hard fault (seen with
`mpremote romfs build`). openmv-ota knows how each board wants its files aligned, and how large its partition is.
"""

import tempfile
from pathlib import Path

from openmv_ota.romfs.boards import Partition, get_board
from openmv_ota.romfs.builder import build_image, read_image, resolve_rules, verify_image
from openmv_ota.romfs.container import RomfsError

from linecam.errors import UserError


def pack(files: dict[str, bytes], board: str) -> bytes:
    """A ROMFS image with `files` (content by name) at its root, for `board` as openmv-ota names it (OPENMV4).

    Equal files give equal bytes. Raises `UserError` where the image is larger than the board's partition, or
    openmv-ota doesn't know the board.
    """
    partition = _partition(board)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        image: bytes = build_image(folder, resolve_rules(partition))
    if len(image) > partition.size:
        largest = max(files, key=lambda name: len(files[name]))
        raise UserError(
            f"The ROMFS image for {board} has {len(image):,} bytes, and the partition on the board holds "
            f"{partition.size:,}: {len(image) - partition.size:,} too many. The largest file is {largest}, with "
            f"{len(files[largest]):,} bytes. Use a smaller network (`networks` in the configuration), or a board with "
            "more room."
        )
    verify(image, files, board)
    return image


def verify(image: bytes, files: dict[str, bytes], board: str) -> None:
    """Raise `ValueError` unless `image` holds exactly `files`, each aligned as `board` (of openmv-ota) wants it."""
    try:
        problems = verify_image(image, resolve_rules(_partition(board))).problems
        found = {path: entry.data for path, entry in read_image(image).walk()}
    except RomfsError as error:
        raise ValueError(f"not a ROMFS image: {error}") from error
    if found != files:
        problems.append(f"it holds {sorted(found)}, or other content than {sorted(files)}")
    if problems:
        raise ValueError(f"the ROMFS image for {board} is wrong: {'; '.join(problems)}")


def flash_command(board: str, image: str) -> str | None:
    """The command that writes `image`, a file, into the ROMFS of `board` (of openmv-ota); None where it has no DFU."""
    flash = get_board(board).flash
    if not flash or flash["backend"] != "dfu":
        return None
    return f"dfu-util -w -d ,{flash['usb']} -a {flash['alt']['romfs']} --reset -D {image}"


def _partition(board: str) -> Partition:
    """Where the board's main core looks for its ROMFS."""
    try:
        return get_board(board).partition()
    except KeyError:
        raise UserError(
            f"openmv-ota knows no board {board!r}. `openmv-ota romfs boards` lists its names; romfs_board in "
            "config/boards.yaml has to be one of them."
        ) from None
