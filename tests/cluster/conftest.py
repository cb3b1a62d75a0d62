"""What the tests of the cloud share: environments with the plugins, and an S3-compatible server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.plugins import with_plugins
from tests.cluster.s3 import Store, store
from tests.conftest import ROOT


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store, and an environment with the plugin of profiles/s3 to reach it."""
    folder = tmp_path_factory.mktemp("s3")
    python = with_plugins("s3", folder / "environment", ROOT / "tests/cluster/requirements.txt")
    with store(python, folder / "log") as server:
        yield server


@pytest.fixture(scope="session")
def kubernetes_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the plugins of profiles/kubernetes."""
    return with_plugins("kubernetes", tmp_path_factory.mktemp("kubernetes") / "environment")
