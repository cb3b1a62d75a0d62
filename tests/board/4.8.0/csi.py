import board
from board import GRAYSCALE, RGB565

QQVGA, QVGA, VGA = (board.NAMES.index(x) for x in ("QQVGA", "QVGA", "VGA"))  # and no B64X64: that is (64, 64)


class CSI(board.Camera):
    def framesize(self, value):
        if isinstance(value, tuple):
            value = board.NAMES.index("B%dX%d" % value)
        super().framesize(value)
