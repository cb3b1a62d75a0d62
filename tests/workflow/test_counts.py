"""What cannot work for want of frames is refused when it is planned, and asked again before any step that costs."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from linecam.boards.catalogue import load_boards
from linecam.errors import UserError
from linecam.frames.folder import Listing
from linecam.workflow.config import load_settings
from linecam.workflow.counts import check_counts, check_next, check_study, most_frames
from linecam.workflow.plan import Plan
from tests.conftest import ROOT
from tests.workflow.conftest import load_rules

BOARDS = load_boards()
# Steps that take long, or a GPU.
COSTLY = {"decode_frames", "teach", "pretrain", "distill", "render_for_pretraining", "pretrain_on_rendered",
          "embed_by_teacher", "finetune"}  # fmt: skip


def plan_of(**sections: Any) -> Plan:
    return Plan.of(load_settings({"dataset": {"name": "x", "kind": "belt"}} | sections), BOARDS)


@pytest.mark.parametrize(
    ("select", "most", "told"),
    [
        (
            {"test": 500, "train": 200},
            419,
            "asks for 200 to train on and 500 for the test, but there are at most 419 different",
        ),
        ({"test": 200, "train": 220}, 419, "asks for 220 to train on and 200 for the test"),
        ({"test": 210, "train": 1}, 419, "At most half of all frames may be for the test"),
        ({"test": 500, "train": 200}, 20, r"at most 20 different frames\. Add frames\.$"),
        ({"test": 200, "train": 219}, 419, ""),
        ({"test": 209, "train": 1}, 419, ""),
        ({"test": 500, "train": 900}, None, ""),
        ({"test": 500, "train": 900, "strategies": ["given"]}, 20, ""),
        ({"test": 500, "train": 900, "strategies": ["given", "mixed"]}, 20, "500 for the test"),
    ],
)
def test_more_frames_than_there_are(select: dict[str, Any], most: int | None, told: str) -> None:
    plan = plan_of(select=select)
    if not told:
        check_counts(plan, most)
        return
    with pytest.raises(UserError, match=told):
        check_counts(plan, most)


@pytest.mark.parametrize("most", [24, 150, 419, 699])
def test_the_numbers_that_are_advised_are_taken(most: int) -> None:
    """Both at once: a user who lowers one alone would be told of the other next."""
    with pytest.raises(UserError) as error:
        check_counts(plan_of(), most)
    check_counts(plan_of(**yaml.safe_load(str(error.value).rpartition("\n\n")[2])), most)


def test_copies_of_a_frame_are_one_frame() -> None:
    files = {"a.jpg": (1, "A"), "copy.jpg": (1, "A"), "b.jpg": (1, "B")}
    folder = {"name": "x", "kind": "folder", "source": "."}
    assert most_frames(plan_of(dataset=folder), Listing(files)) == 2
    assert most_frames(plan_of(dataset=folder), Listing()) is None
    assert most_frames(plan_of(dataset=folder), Listing(files, videos={"c.mp4": (9, "c")})) is None
    assert most_frames(plan_of(belt={"frames": 30}), Listing()) == 30


def test_a_study_and_the_next_batch_ask_when_they_are_planned() -> None:
    plan = plan_of(select={"test": 50, "train": 50}, study_selection={"labels": [25, 200]})
    check_counts(plan, 100)
    with pytest.raises(UserError, match=r"study_selection\.labels is 200\. But there are at most 100 different frames"):
        check_study(plan, 100)
    check_study(plan, 250)
    with pytest.raises(UserError, match="take all of the 100 different frames"):
        check_next(plan, 100)
    check_next(plan, 101)


def test_what_is_checked_first() -> None:
    def checks(**sections: Any) -> list[str]:
        return [path.removeprefix("results/x/") for path in plan_of(**sections).cheap_checks]

    assert checks() == ["select/test.csv"]
    assert checks(embed={"file": "e.csv"}) == ["select/test.csv", "select/mixed-200.csv"]
    assert checks(select={"strategies": ["mixed", "random", "given"]}) == [
        "select/test.csv",
        "select/random-200.csv",
        "select/given.csv",
    ]
    assert checks(pretrain={"methods": ["simclr", "given"], "checkpoint": "pyproject.toml"}) == [
        "select/test.csv",
        "pretrain/slim7-96-given/backbone.safetensors",
    ]


def test_no_step_that_costs_starts_before_the_cheap_checks(tmp_path: Path) -> None:
    """`keep-going` lets all run on that does not depend on what has failed."""
    methods = ["taught", "simclr", "distilled", "rendered", "none"]
    config = {"dataset": {"name": "x", "kind": "belt"}, "pretrain": {"methods": methods}}
    (tmp_path / "mine.yaml").write_text(json.dumps(config))
    arguments = ["--rulegraph", "dot", "--quiet", "all", "--configfile", str(tmp_path / "mine.yaml")]
    command = [sys.executable, "-m", "snakemake", *arguments]
    graph = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = dict(re.findall(r'(\d+)\[.*?label = "(\w+)"', graph))
    needs: dict[str, set[str]] = {name: set() for name in names.values()}
    for first, then in re.findall(r"(\d+) -> (\d+)", graph):
        needs[names[then]].add(names[first])
    assert needs.keys() >= COSTLY

    def before(rule: str) -> set[str]:
        return needs[rule].union(*map(before, needs[rule]))

    assert [rule for rule in COSTLY if "select_test" not in before(rule)] == []
    assert not before("select_test") & COSTLY


def test_the_checks_are_no_reason_to_decode_again() -> None:
    """Whatever is selected: only whether it could be is asked for."""
    decoding = load_rules({})["decode_frames"]
    assert [path for path in decoding.input["checked"] if not path.flags.get("ancient")] == []
