"""The made-up report for all tests of it."""

from pathlib import Path

import pytest

from tests.report.made_up import Inputs, Page, prepare


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inputs:
    """Inputs to change; their page has empty charts, since drawing takes most of its time."""
    monkeypatch.setattr("linecam.report.charts._svg", lambda *_: "data:image/svg+xml;base64,")
    return prepare(tmp_path)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> "Page":
    """The page of these inputs as they are."""
    folder = tmp_path_factory.mktemp("page")
    return prepare(folder).write(folder / "page.html")
