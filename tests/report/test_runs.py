"""Runs over time: what is kept, what counts as a change, and how two runs compare."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy.stats import binomtest
from typer.testing import CliRunner

from linecam.cli import app
from linecam.errors import UserError
from linecam.evaluation.metrics import score
from linecam.report.comparison import Comparison, compare, listed
from linecam.report.runs import Run, before, find, kept

CLASSES = ["bad", "good"]
COST = {"latency_ms": [55.9, 75.6], "arena_bytes": 68_992, "file_bytes": 95_184}


def run(when: str = "2026-11-20T08:00:00", said: str = "bbggg", true: str = "bbggg", **changes: Any) -> Run:
    """A run on test frames f0, f1, ... of the classes `true`, of which its model says `said`, by first letters."""
    names = {"b": "bad", "g": "good", "-": ""}
    tested = {f"f{n}": (names[is_], names[taken]) for n, (is_, taken) in enumerate(zip(true, said, strict=True))}
    table = pd.DataFrame(tested.values(), columns=["label", "predicted"])
    made = Run(
        when=when,
        linecam="0.3.0",
        revision="abc",
        config={"dataset": {"name": "caps"}, "finetune": {"epochs": 100}, "quantize": {"ranges": [[-6, 6]]}},
        model="slim7-96-taught/mixed-200/seed-1",
        range="calibrated",
        weak=False,
        labels={"a": "bad", "b": "good", "c": "good"},
        tested=tested,
        score=dict(score(table, CLASSES, 0.95)),
        thresholds={"bad": 0.4},
        votes=1,
        boards={"openmv-h7": COST},
    )
    return replace(made, **changes)


def test_a_run_is_read_as_it_was_kept(tmp_path: Path) -> None:
    run().keep(tmp_path / "runs")
    (path,) = kept(tmp_path / "runs")
    assert path.stem.startswith("2026-11-20T080000-")
    again = Run.read(path)
    assert again.digest == run().digest
    assert json.loads(path.read_text())["form"] == 1


@pytest.mark.parametrize(
    "changes",
    [
        *({"said": "bbggb"}, {"true": "bbgbg"}, {"votes": 3}, {"thresholds": {}}),
        *({"config": {}}, {"weak": True}, {"labels": {"a": "bad"}}, {"boards": {}}),
    ],
)
def test_what_has_changed_is_kept_beside_what_was(changes: dict[str, Any], tmp_path: Path) -> None:
    run().keep(tmp_path)
    first = kept(tmp_path)[0].read_bytes()
    text = {key: value for key, value in changes.items() if isinstance(value, str)}
    other = replace(run("2026-11-21T08:00:00", **text), **{k: v for k, v in changes.items() if k not in text})
    other.keep(tmp_path)
    old, new = kept(tmp_path)
    assert old.read_bytes() == first
    assert Run.read(new).digest == other.digest
    found = before(other, tmp_path)
    assert found is not None
    assert found.digest == run().digest


@pytest.mark.parametrize("changes", [{}, {"linecam": "0.4.0"}, {"revision": None}])
def test_the_same_again_is_not_kept(changes: dict[str, Any], tmp_path: Path) -> None:
    run().keep(tmp_path)
    again = run("2026-11-21T08:00:00", **changes)
    again.keep(tmp_path)
    assert len(kept(tmp_path)) == 1
    assert before(again, tmp_path) is None


def test_back_to_an_earlier_state_is_a_change(tmp_path: Path) -> None:
    for day, votes in ((20, 1), (21, 3), (22, 1)):
        run(f"2026-11-{day}T08:00:00", votes=votes).keep(tmp_path)
    assert [Run.read(path).votes for path in kept(tmp_path)] == [1, 3, 1]


def test_flips_are_of_the_frames_that_both_were_tested_on() -> None:
    old = run(said="bbgggggg", true="bbgggggg")
    new = run(said="gggbgggg-", true="bgggggggb")  # f1 has another label, f8 is new
    compared = Comparison(old, new)
    assert compared.common == ["f0", "f2", "f3", "f4", "f5", "f6", "f7"]
    assert (compared.mended, compared.broken) == ([], ["f0", "f3"])
    assert compared.p_value == pytest.approx(0.5)
    assert (compared.test_labels.added, compared.test_labels.removed, compared.test_labels.changed) == (1, 0, 1)
    assert "0 now right that were wrong, 2 now wrong that were right" in compared.verdict
    assert "it may well be chance" in compared.verdict


def test_the_p_value_is_that_of_mcnemars_exact_test() -> None:
    compared = Comparison(run(said="g" * 12, true="b" * 12), run(said="b" * 11 + "g", true="b" * 12))
    assert len(compared.mended) == 11
    assert compared.p_value == binomtest(11, 11).pvalue == 2 / 2**11
    assert "it is hardly chance" in compared.verdict


def test_the_p_value_weighs_what_was_mended_against_what_was_broken() -> None:
    compared = Comparison(run(said="g" * 9 + "bbb", true="b" * 12), run(said="b" * 9 + "ggb", true="b" * 12))
    assert (len(compared.mended), len(compared.broken)) == (9, 2)
    assert compared.p_value == pytest.approx(2 * (1 + 11 + 55) / 2**11)


def test_no_decision_is_wrong() -> None:
    compared = Comparison(run(said="bb", true="bb"), run(said="b-", true="bb"))
    assert compared.broken == ["f1"]


def test_what_changed_is_named() -> None:
    config = {"dataset": {"name": "caps"}, "finetune": {"epochs": 300}, "line": {"trigger": {"pin": "P7"}}}
    new = run(config=config, labels={"a": "good", "b": "good", "d": "bad"}, thresholds={}, linecam="0.4.0")
    compared = Comparison(run(), new)
    assert compared.settings == [
        ("finetune.epochs", 100, 300),
        ("quantize.ranges", [[-6, 6]], None),
        ("line.trigger.pin", None, "P7"),
    ]
    assert str(compared.labels) == "1 added, 1 removed, 1 changed"
    words = compared.in_words()
    for part in ("finetune.epochs: 100 -> 300", "threshold of bad", "linecam 0.3.0 made the first, 0.4.0 the second."):
        assert part in words
    assert "both models are right on the same frames" in words


def test_runs_without_a_common_frame_are_not_compared_frame_by_frame() -> None:
    assert "no test frame in common" in Comparison(run(), run(tested={"x": ("bad", "bad")})).verdict


@pytest.mark.parametrize(("word", "votes"), [("1", 1), ("2", 3), ("-1", 5), ("-3", 1), ("2026-11-21", 3)])
def test_a_run_is_found_by_number_and_by_name(word: str, votes: int, tmp_path: Path) -> None:
    for day, count in ((20, 1), (21, 3), (22, 5)):
        run(f"2026-11-{day}T08:00:00", votes=count).keep(tmp_path)
    assert find(word, tmp_path).votes == votes
    assert find(str(kept(tmp_path)[0]), tmp_path).votes == 1


@pytest.mark.parametrize(
    ("word", "said"), [("4", "no run has"), ("0", "no run has"), ("x", "no run has"), ("2026", "3 runs begin")]
)
def test_what_is_no_run_is_told(word: str, said: str, tmp_path: Path) -> None:
    for day, count in ((20, 1), (21, 3), (22, 5)):
        run(f"2026-11-{day}T08:00:00", votes=count).keep(tmp_path)
    with pytest.raises(UserError, match=said):
        find(word, tmp_path)


def test_a_number_that_no_run_has_is_not_the_beginning_of_a_name(tmp_path: Path) -> None:
    run("2026-11-20T08:00:00").keep(tmp_path)
    with pytest.raises(UserError, match="'2': no run has this number"):
        find("2", tmp_path)
    assert find("2026", tmp_path) == find("1", tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"form": 1}', '{"form": 2}', "{}", "\x00"])
def test_a_damaged_run_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "2026-11-20T080000-aaaaaaaa.json"
    path.write_text(text)
    with pytest.raises(UserError, match=path.name):
        Run.read(path)


def test_the_command_lists_runs_and_compares_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runs = Path("results/caps/runs")
    with pytest.raises(UserError, match="has no run yet"):
        listed(runs)
    run().keep(runs)
    run("2026-11-21T08:00:00", said="bbggb").keep(runs)
    said = CliRunner().invoke(app, ["compare", "--dataset", "caps"])
    assert [line.split()[0] for line in said.stdout.splitlines()] == ["1", "2", "`linecam"]
    assert "balanced accuracy 100.0 %, 3 labels" in said.stdout
    two = CliRunner().invoke(app, ["compare", "1", "--dataset", "caps"])
    assert two.stdout.rstrip() == compare(runs, "1", "2")
    assert "0 now right that were wrong, 1 now wrong that was right" in two.stdout
