"""What the tests of the page share."""

import signal
from collections.abc import Iterator

import pytest

from tests.conftest import Project
from tests.page.label_command import make_caps


@pytest.fixture(scope="module")
def caps(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """40 rendered frames as a user's folder, without a label: 16 to train on, 12 for the test."""
    return make_caps(tmp_path_factory.mktemp("caps"))


@pytest.fixture(autouse=True)
def _hang_up() -> Iterator[None]:
    """What is started here ends with its terminal, also where the tests themselves were started by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)
