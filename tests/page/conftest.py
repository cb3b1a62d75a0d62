"""What the tests of the page share."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.conftest import Project
from tests.page.browser import CHROMIUM, DRIVER, FLAGS, Served, Window
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


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(flag)
    driver = webdriver.Chrome(options, Service(str(DRIVER)))  # named, so that nothing is downloaded
    yield driver
    driver.quit()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    yield served
    served.end()


@pytest.fixture
def window(served: Served, chromium: webdriver.Chrome) -> Iterator[Window]:
    window = Window(chromium, served.address)
    yield window
    window.close()
