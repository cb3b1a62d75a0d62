"""Whether a model fits: the file into its place, its copy and the arena into the board's memory."""

import math
from collections.abc import Iterator

from linecam.boards.board import Board, version
from linecam.boards.verdict import Finding
from linecam.tflite.graph import Graph, Operator

ROMFS_SINCE = (4, 7, 0)
LOADS_TO_FRAME_BUFFER = (5, 0, 0)  # before it, a model may lie in the frame buffer's memory instead of the heap
BESIDE_MODEL = 12_288  # room on the drive for main.py, labels and settings, in whole blocks
ARENA_EXTRA = 512  # bytes that the firmware adds to the arena that TFLM asks for


def on_board(graph: Graph, arena_bytes: int) -> int:
    """The arena that TFLM with CMSIS-NN needs on a Cortex-M board, in bytes, computed from the arena of the PC's TFLM.

    Only TRANSPOSE_CONV differs by much: beside the 32-bit sums of its outputs, which both ask for, CMSIS-NN keeps those
    of every input pixel under every tap. A file of 45,088 bytes on the PC took 117,936 on the emulated board.
    """
    here = [live + _sums(operator) for live, operator in zip(graph.live, graph.operators, strict=True)]
    there = [bytes_ + _columns(operator) for bytes_, operator in zip(here, graph.operators, strict=True)]
    return arena_bytes + max(there, default=0) - max(here, default=0)


def _sums(operator: Operator) -> int:
    return 4 * operator.outputs[0].elements if operator.name == "TRANSPOSE_CONV" else 0


def _columns(operator: Operator) -> int:
    if operator.name != "TRANSPOSE_CONV":
        return 0
    _, weights, data, *_ = operator.inputs
    filters, height, width, _ = weights.shape
    return 4 * height * width * filters * math.prod(data.shape[1:3])


def check_memory(file_bytes: int, arena_bytes: int, board: Board, place: str, firmware: str) -> list[Finding]:
    """What doesn't fit: the file into its place, or the arena, and where it is copied the file, into the memory.

    `place` is one of the board's places; `arena_bytes` is what TFLM asks for on the board.
    """
    return list(_memory(file_bytes, arena_bytes, board, place, version(firmware)))


def _memory(
    file_bytes: int, arena_bytes: int, board: Board, place: str, firmware: tuple[int, ...]
) -> Iterator[Finding]:
    title = board.title
    if place == "romfs" and firmware < ROMFS_SINCE:
        yield Finding(
            "place",
            "romfs",
            "a ROMFS partition is there since firmware 4.7.0",
            "update the camera's firmware, or put the model onto the drive",
        )
    room = board.places[place]
    beside = BESIDE_MODEL if place == "drive" else 0
    if room is not None and file_bytes + beside > room:
        others = [f"{name} takes {size} bytes" for name, size in board.places.items() if name != place and size]
        yield Finding(
            "file-size",
            f"{file_bytes} bytes" + (f", and {beside} for the program" if beside else ""),
            f"the {place} of {title} takes {room}",
            "take a network with fewer weights" + "".join(f", or another place: {other}" for other in others),
        )
    block = max(board.heap_bytes)
    arena = arena_bytes + ARENA_EXTRA
    if arena > block:
        yield Finding(
            "arena-size",
            f"arena of {arena} bytes",
            f"the largest block of the heap of {title} is {block}",
            "take a smaller input, or a network with a stride in its first convolution",
        )
    elif place != "romfs" and firmware >= LOADS_TO_FRAME_BUFFER and (why := _no_copy(file_bytes, arena, block, board)):
        yield Finding(
            "heap",
            f"file of {file_bytes} and arena of {arena} bytes",
            f"from the {place} the file is copied into memory: {why}",
            "put the model into ROMFS, where it is used in place (bundle.place: romfs), or take a smaller network",
        )


def _no_copy(file_bytes: int, arena: int, block: int, board: Board) -> str | None:
    """Why firmware 5.0.0 has no room for a copy of the file beside the arena, which needs the heap's largest block.

    What fits that block goes there. A larger file goes into the frame buffer's memory.
    """
    if file_bytes <= block:
        left = block - file_bytes
        if arena <= left:
            return None
        return f"it goes into the largest block of the heap of {board.title}, {block} bytes, which leaves {left}"
    if board.pool_bytes is None:
        return (
            f"the largest block of the heap of {board.title} is {block}, and what else would take it was not measured"
        )
    if file_bytes <= board.pool_bytes:
        return None
    return (
        f"the largest block of the heap of {board.title} is {block}, and the largest file that was seen to run from "
        f"the frame buffer's memory has {board.pool_bytes}"
    )
