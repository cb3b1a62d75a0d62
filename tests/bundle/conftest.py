"""Bundles that several files of tests look at, and none changes."""

from pathlib import Path

import pytest

from tests.bundle.made_up import BUILT, make


@pytest.fixture(scope="session", params=BUILT)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of each board."""
    return make(tmp_path_factory.mktemp("bundle"), request.param)


@pytest.fixture(scope="session")
def h7(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the OpenMV H7."""
    return make(tmp_path_factory.mktemp("h7"), "openmv-h7")
