from pathlib import Path

import pytest

from tests.board.camera import Camera


@pytest.fixture
def camera(tmp_path: Path) -> Camera:
    return Camera(tmp_path)
