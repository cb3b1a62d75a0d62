"""Whatever a configuration holds: it becomes a plan, or a `UserError` that names the file and the key."""

import inspect
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from linecam.boards.catalogue import load_boards
from linecam.errors import UserError
from linecam.workflow.config import read_settings
from linecam.workflow.counts import check_counts, check_next, check_study
from linecam.workflow.plan import Plan
from linecam.workflow.settings import Settings
from linecam.workflow.study_plan import SelectionStudyPlan, StudyPlan

BOARDS = load_boards()
SMALL = {"dataset": {"name": "x", "kind": "belt"}}
RIGHT = Settings.model_validate(SMALL).as_dict()
# Each example is a file and a plan: 5 ms.
QUICK = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

Key = tuple[str | int, ...]


def keys_of(value: Any, key: Key = ()) -> Iterator[Key]:
    """Every key of a configuration, with those of sections and of what is in lists."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inside:
        yield (*key, name)
        yield from keys_of(part, (*key, name))


KEYS = [*keys_of(RIGHT), ("select", "strategies"), ("bundle", "recall", "bad"), ("bundle", "thresholds", "good")]
KEYS += [("bundle", "measured", "openmv-h7"), ("camera", "roi"), ("unknown",), ("select", "unknown"), ("study", 0, "x")]

# What YAML makes of a word, what a programmer writes instead of a number, and what no path can hold.
ODD = [
    None,
    True,
    False,
    -1,
    0,
    1,
    7,
    8,
    96,
    2**31,
    2**64,
    10**400,
    -0.0,
    0.5,
    1e-320,
    1e308,
    float("inf"),
    float("nan"),
]
ODD += [
    "",
    " ",
    "x",
    "X",
    "\n",
    "x\n",
    "a\0b",
    "..",
    "/",
    "~",
    "~nobody/x",
    "é",
    "\ud800",
    "x" * 300,
    "a/b",
    "{x}",
    "{0}",
]
ODD += [
    "%s",
    "<results>",
    "1e-4",
    "1",
    "swift7-96",
    "swift7-0",
    "resnet9-99999",
    "nothing-96",
    "belt",
    "folder",
    "masks",
]
ODD += [
    "given",
    "simclr",
    "taught",
    "random",
    "VGA",
    "openmv-n6",
    "openmv-ae3",
    "5.0.0",
    "4.5.5",
    "bad",
    "train",
    "nan",
]
ODD += [[], [[]], {}, {"a": 1}, {1: 2}, {None: None}, {"bad": 0.9}, {"x": {"y": []}}, [None], ["given"], ["a", "a"]]
ODD += [
    ["good", "bad"],
    ["1", "2"],
    [0, 0, 8, 8],
    [300, 200, 99, 99],
    [-1, 1],
    [1, -1],
    ["calibrated", [-6, 6]],
    [1] * 50,
]
ODD += [["openmv-h7", "openmv-ae3"], ["taught", "none", "given"], {"openmv-h7": {"ms": 1, "estimate_ms": [2, 1]}}]


def put(config: dict[str, Any], key: Key, value: Any) -> None:
    """Set `key` of a configuration; what is on the way and no section becomes one."""
    place: Any = config
    for part, below in pairwise(key):
        if isinstance(place, dict):
            inside = place.get(part)
            if not isinstance(inside, (dict, list)) or (isinstance(inside, list) and not isinstance(below, int)):
                place[part] = {}
        place = place[part] if isinstance(place, dict) or part < len(place) else {}
    if isinstance(place, dict) or (isinstance(place, list) and isinstance(key[-1], int) and key[-1] < len(place)):
        place[key[-1]] = deepcopy(value)


def planned(file: Path) -> UserError | None:
    """Make every plan that Snakemake asks for of this one file, and read all of it; the error, where it is refused."""
    try:
        plan = Plan.of(read_settings([file]), BOARDS)
    except UserError as error:
        return error
    for part in (plan, StudyPlan(plan), SelectionStudyPlan(plan)):
        for name, what in inspect.getmembers(type(part)):
            if isinstance(what, (property, cached_property)):
                getattr(part, name)
    for check in (check_counts, check_next, check_study):
        with suppress(UserError):
            check(plan, 700)
    with suppress(UserError):
        StudyPlan(plan).check()
    for selection in plan.selections:
        plan.recipe(selection)
        plan.to_label(selection)
    for board in plan.settings.bundle.boards:
        plan.files_for(board)
        plan.measured(board)
    return None


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "frames").mkdir()
    return tmp_path / "mine.yaml"


def written(file: Path, config: dict[str, Any]) -> None:
    with suppress(UnicodeEncodeError):  # half a character is written as an escape, or not at all
        file.write_text(yaml.safe_dump(config, allow_unicode=False, sort_keys=False), encoding="utf-8")


@QUICK
@given(st.sampled_from(KEYS), st.sampled_from(ODD))
@example(("dataset", "source"), "a\0b")
@example(("pretrain", "checkpoint"), "x" * 300)
@example(("bundle", "signing_key"), "x" * 300)
def test_one_odd_value_is_taken_or_its_key_is_named(file, key, value):
    config: dict[str, Any] = {"dataset": {"name": "x", "kind": "folder", "source": "frames"}}
    if key[0] in RIGHT and len(key) > 1 and isinstance(key[1], int):
        config[key[0]] = Settings.model_validate(SMALL).as_dict()[key[0]]
    if key[-1] == "checkpoint":
        config["pretrain"] = {"methods": ["given"]}
    put(config, key, value)
    written(file, config)
    if refused := planned(file):
        words = [part for part in key if isinstance(part, str)]
        assert any(word in str(refused) for word in words) or "is not valid YAML" in str(refused), str(refused)
        assert not str(refused).startswith("Traceback")


@QUICK
@given(st.dictionaries(st.sampled_from(KEYS), st.sampled_from(ODD) | st.integers(1, 300) | st.floats(0, 2), max_size=6))
def test_any_configuration_becomes_a_plan_or_a_message(file, changes):
    config: dict[str, Any] = {"dataset": {"name": "x", "kind": "folder", "source": "frames"}}
    for key, value in changes.items():
        put(config, key, value)
    written(file, config)
    planned(file)


# Scalars and beginnings that YAML reads as something else, or not at all.
SCALARS = [
    "~",
    "0x1F",
    "0o7",
    "010",
    "1_000",
    ".inf",
    "-.Inf",
    ".NaN",
    "2026-01-01",
    "2026-13-45",
    "1:30",
    "yes",
    "1e-4",
]
SCALARS += ["!!python/object:os.system x", "!!binary aGk=", "!!set {a, b}", "!!int x", "!!float x", "!!timestamp x"]
SCALARS += [
    "!own x",
    "&a [*a]",
    "*a",
    "&a {b: *a}",
    '"\\0"',
    '"\\ud800"',
    '"\\x"',
    "|",
    ">-",
    "- a",
    "{a: b",
    "[a, b",
    "? x",
]
SCALARS += [
    "'",
    '"',
    "%TAG",
    "@x",
    "`x",
    "\tx",
    "é",
    "\u2028",
    "# x",
    "a: b",
    "a: b: c",
    "---",
    "...",
    "<<",
    "=",
    "!!null",
]
SCALARS += ["belt", "folder", "x", "[bad, good]", "{bad: 0.9}", "{<<: {a: 1}}", "{[1]: 2}", "{{a: 1}: 2}", "!!map [1]"]
SCALARS += ["!!seq {a: 1}", "!!str [1]", "!!omap [a: 1]", "!!pairs [a: 1]", "\ufeff", "\x07", "9" * 5000, "[" * 2000]
LINES = st.builds(
    "{}{}{} {}".format,
    st.sampled_from(["", "  ", "    ", "\t", "- "]),
    st.sampled_from(
        ["dataset", "name", "kind", "source", "classes", "select", "train", "networks", "study", "<<", "? a", "1"]
    ),
    st.sampled_from([":", ":", ":", "", ": &a"]),
    st.sampled_from(SCALARS),
)


@QUICK
@given(
    st.sampled_from(["", "dataset: {name: x, kind: belt}", "dataset:\n  name: x\n  kind: belt"]),
    st.lists(LINES, max_size=5),
)
@example("", ["dataset: !!timestamp x"])
@example("", ["dataset: &a [*a]"])
@example("dataset:\n  name: x\n  kind: belt", ["  source: x"])
def test_any_text_becomes_a_plan_or_a_message_that_names_the_file(file, start, lines):
    file.write_text("\n".join([start, *lines]), encoding="utf-8", newline="\n")
    if refused := planned(file):
        # Settings that do not fit each other are told by their keys.
        told = (file.name, " is missing", "dataset.source is ", "dataset.classes is ")
        assert any(word in str(refused) for word in told)


@QUICK
@given(st.binary(max_size=80))
@example(b"?")
@example(b"no: 1")
def test_any_bytes_become_a_plan_or_a_message_that_names_the_file(file, data):
    for start in (b"", b"dataset: {name: x, kind: belt}\n"):
        file.write_bytes(start + data)
        if refused := planned(file):
            assert file.name in str(refused) or " is missing" in str(refused)
