"""What the tests of the page share."""

import pytest

from tests.conftest import Project
from tests.page.label_command import make_caps


@pytest.fixture(scope="module")
def caps(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """40 rendered frames as a user's folder, without a label: 16 to train on, 12 for the test."""
    return make_caps(tmp_path_factory.mktemp("caps"))
