"""The module `image`, as far as a picture is made from bytes."""

import board
from board import GRAYSCALE, RGB565


class Image(board.Image):
    def __init__(self, width, height, pixformat):
        if width * height * 2 > board.plan["heap"]:
            raise MemoryError("memory allocation failed, allocating %d bytes" % (width * height * 2))
        super().__init__(pixformat, width, height, None)
        self.pixels = bytearray(width * height * 2)

    def bytearray(self):
        return self.pixels  # the picture's own, no copy
