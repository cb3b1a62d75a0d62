"""The firmware's rules, each broken by one change to a graph that keeps them all."""

from dataclasses import replace

import pytest

from linecam.config import load_yaml
from linecam.firmware import check
from linecam.tflite import Graph, Operator, Tensor
from tests.conftest import ROOT

BOARD = load_yaml(ROOT / "config/boards.yaml")["openmv-h7"]
ARENA = 100_000


def tensor(shape: tuple[int, ...], type_: str = "INT8", scales: tuple[float, ...] = (0.1,), **rest) -> Tensor:
    values = {"name": "t", "zero_points": (0,) * len(scales), "constant": False}
    return Tensor(type=type_, shape=shape, scales=scales, **values | rest)


IMAGE = tensor((1, 64, 64, 3), scales=(1 / 255,), zero_points=(-128,))
FILTER = tensor((8, 3, 3, 3), scales=(0.1,) * 8, constant=True)
BIAS = tensor((8,), "INT32", constant=True)
MAP = tensor((1, 64, 64, 8))
DENSE = tensor((3, 8), constant=True)
SCORES = tensor((1, 3))
CONV = Operator("CONV_2D", (IMAGE, FILTER, BIAS), (MAP,))
FC = Operator("FULLY_CONNECTED", (MAP, DENSE), (SCORES,))
GOOD = Graph((IMAGE,), (SCORES,), (CONV, FC), 90_000)


def rules(graph: Graph, arena: int = ARENA) -> set[str]:
    return {finding.rule for finding in check(graph, arena, BOARD)}


def test_a_good_model_breaks_none() -> None:
    assert rules(GOOD) == set()
    assert GOOD.macs == 64 * 64 * 8 * 27 + 64 * 64 * 3 * 8


BROKEN = {
    "float input": (replace(GOOD, inputs=(replace(IMAGE, type="FLOAT32", scales=(), zero_points=()),)),
                    "integer-input"),
    "int16 input": (replace(GOOD, inputs=(replace(IMAGE, type="INT16"),)), "integer-input"),
    "another scale": (replace(GOOD, inputs=(replace(IMAGE, scales=(1 / 128,)),)), "input-scale"),
    "another zero point": (replace(GOOD, inputs=(replace(IMAGE, zero_points=(0,)),)), "input-scale"),
    "channels first": (replace(GOOD, inputs=(replace(IMAGE, shape=(1, 3, 64, 64)),)), "image-input"),
    "float output": (replace(GOOD, outputs=(replace(SCORES, type="FLOAT32"),)), "int8-output"),
    "unregistered operator": (replace(GOOD, operators=(CONV, FC, Operator("GELU", (SCORES,), (SCORES,)))),
                              "registered-operator"),
    "legacy uint8": (replace(GOOD, operators=(Operator("CONV_2D", (MAP, replace(FILTER, type="UINT8")), (MAP,)), FC)),
                     "int8"),
    "hybrid": (replace(GOOD, operators=(Operator("CONV_2D", (replace(MAP, type="FLOAT32"), FILTER), (MAP,)), FC)),
               "int8"),
    "per-channel dense": (replace(GOOD, operators=(CONV, Operator("FULLY_CONNECTED",
                          (MAP, replace(DENSE, scales=(0.1, 0.2, 0.3))), (SCORES,)))), "per-tensor-fully-connected"),
    "too big a file": (replace(GOOD, size=BOARD["file_bytes"] + 1), "file-size"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_each_broken_rule_is_named_with_a_way_to_mend_it(case: str) -> None:
    graph, rule = BROKEN[case]
    findings = check(graph, ARENA, BOARD)
    assert {finding.rule for finding in findings} == {rule}
    assert all(finding.where and finding.why and finding.mend for finding in findings)


def test_too_big_an_arena() -> None:
    assert rules(GOOD, BOARD["arena_bytes"]) == set()
    assert rules(GOOD, BOARD["arena_bytes"] + 1) == {"arena-size"}


def test_uint8_at_the_borders_is_taken() -> None:
    image = replace(IMAGE, type="UINT8", zero_points=(0,))
    quantize = Operator("QUANTIZE", (image,), (IMAGE,))
    assert rules(replace(GOOD, inputs=(image,), operators=(quantize, CONV, FC))) == set()


@pytest.mark.skipif(
    not (ROOT.parent / "shared/tutorial").is_dir(), reason="the tutorial's weights are not at ../shared/tutorial"
)
def test_the_tutorials_own_file_is_refused() -> None:
    from linecam.tflite import read_graph  # noqa: PLC0415

    findings = check(read_graph(ROOT.parent / "shared/tutorial/lightly_resnet9.tflite"), ARENA, BOARD)
    assert "int8" in {finding.rule for finding in findings}
