"""The report's section on what changed since the last run."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from linecam.report.page import Made
from linecam.report.runs import kept
from tests.report.made_up import CONFIG, Inputs, pictures, prepare


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inputs:
    """Inputs whose page has empty charts."""
    monkeypatch.setattr("linecam.report.charts._svg", lambda *_: "data:image/svg+xml;base64,")
    return prepare(tmp_path)


def later(inputs: Inputs, **setup: object) -> None:
    """The next day, with other settings."""
    inputs.setup = replace(inputs.setup, made=Made("2026-11-27T08:00:00", "9.8.7", None), **setup)


def test_the_first_run_has_nothing_to_compare_with(inputs: Inputs, tmp_path: Path) -> None:
    assert "since" not in inputs.write(tmp_path / "page.html").sections
    assert len(kept(tmp_path / "runs")) == 1


def test_the_same_again_is_the_same_page(inputs: Inputs, tmp_path: Path) -> None:
    inputs.write(tmp_path / "page.html")
    first = (tmp_path / "page.html").read_bytes()
    inputs.write(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_bytes() == first
    assert len(kept(tmp_path / "runs")) == 1


def test_what_changed_stands_with_the_frames_that_flipped(inputs: Inputs, tmp_path: Path) -> None:
    inputs.write(tmp_path / "page.html")
    path = inputs.models[0].predictions["calibrated"]
    table = pd.read_csv(path, keep_default_na=False)
    table.loc[table["path"] == "b-5.jpg", ["predicted", "p_bad", "p_good"]] = ["bad", 0.9, 0.1]
    table.loc[table["path"] == "b-8.jpg", ["predicted", "p_bad", "p_good"]] = ["bad", 0.9, 0.1]
    table.to_csv(path, index=False)
    later(inputs, config=CONFIG | {"bundle": CONFIG["bundle"] | {"period_ms": 250}})
    page = inputs.write(tmp_path / "page.html")
    text = page.text("since")
    assert "On the 4 test frames of both runs: 1 now right that was wrong, 1 now wrong that was right." in text
    assert "by chance in 100.0 % of such comparisons (p): it may well be chance." in text
    assert "bundle.period_ms : 0 → 250" in text
    assert "Labels to learn from: the same. Labels of the test: the same." in text
    shown = [alt for alt, _ in pictures(page, "since")]
    assert shown == ["b-8.jpg: good, decided bad", "b-5.jpg: bad, decided bad"]
    assert ("a", {"href": "#since"}) in page.tags
    assert page.open == []
    assert len(kept(tmp_path / "runs")) == 2


def test_a_damaged_run_does_not_cost_the_report(inputs: Inputs, tmp_path: Path) -> None:
    inputs.write(tmp_path / "page.html")
    (kept(tmp_path / "runs")[0]).write_text("{")
    later(inputs)
    page = inputs.write(tmp_path / "page.html")
    assert "since" not in page.sections
    assert len(kept(tmp_path / "runs")) == 2
