"""The module `sensor`, in every firmware up to 5.0.0."""

import board
from board import GRAYSCALE, RGB565

QQVGA, QVGA, VGA, B64X64, B128X128 = (board.NAMES.index(x) for x in ("QQVGA", "QVGA", "VGA", "B64X64", "B128X128"))

_camera = board.Camera()
reset, set_pixformat, set_framesize = _camera.reset, _camera.pixformat, _camera.framesize
set_windowing, width, height, snapshot = _camera.window, _camera.width, _camera.height, _camera.snapshot
set_auto_gain, set_auto_whitebal, set_auto_exposure = _camera.auto_gain, _camera.auto_whitebal, _camera.auto_exposure
get_gain_db, get_rgb_gain_db, get_exposure_us = _camera.gain_db, _camera.rgb_gain_db, _camera.exposure_us
set_framebuffers = _camera.framebuffers
