"""The module `sensor`, in every firmware up to 5.0.0."""

import board
from board import GRAYSCALE, RGB565

QQVGA, QVGA, VGA, B64X64, B128X128 = (board.NAMES.index(x) for x in ("QQVGA", "QVGA", "VGA", "B64X64", "B128X128"))

_camera = board.Camera()
reset, set_pixformat, set_framesize = _camera.reset, _camera.pixformat, _camera.framesize
set_windowing, width, height, snapshot = _camera.window, _camera.width, _camera.height, _camera.snapshot
set_framebuffers = _camera.framebuffers
