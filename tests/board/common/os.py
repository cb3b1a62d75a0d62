"""The camera's drive: /rom where the plan has one, a card of limited size, and FAT, which renames over nothing."""

import board
import uos

if board.plan["uname"]:

    def uname():
        return ("pyboard", "OPENMV4", "1.25.0", "v0.0.0; MicroPython v1.25.0", "OPENMV4 with STM32H743")


def ilistdir(path):
    board.touch_card()
    return uos.ilistdir(path)


listdir, mkdir = uos.listdir, uos.mkdir


def remove(path):
    board.touch_card(writes=True)
    return uos.remove(path)


def stat(path):
    if path.startswith("kept/"):
        board.touch_card()
    return uos.stat(board.real(path))


def getcwd():
    return board.plan["cwd"]


def statvfs(path):
    board.touch_card()
    uos.stat(path)
    told = board.plan["free_told"]
    free = board.plan["card"] - board.used() if told is None else told
    return (512, 512, board.plan["card"] // 512, free // 512, free // 512, 0, 0, 0, 0, 255)


def rename(old, new):
    board.touch_card("rename" if "kept" in new else "", writes=True)
    try:
        uos.stat(new)
    except OSError:
        return uos.rename(old, new)
    raise OSError(17)


def sync():
    board.seen["synced"].append(board.snapshots)
