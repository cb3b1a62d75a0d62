"""The check of .tflite files: each rule with a file that breaks it, and boards, places, versions, budgets.

The files are made by TensorFlow's converter, a few kilobytes each; what it can't make is made by changing one field
of a file of its.
"""

import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from linecam.boards import firmware_rules as rules
from linecam.boards.catalogue import load_boards
from linecam.boards.check import check_file, examine
from linecam.boards.memory_rules import ARENA_EXTRA
from linecam.errors import UserError
from linecam.tflite.graph import read_graph
from linecam.yaml_file import load_yaml
from tests.conftest import ROOT

BOARDS = load_boards()
H7 = BOARDS["openmv-h7"]
TUTORIAL = ROOT.parent / "shared/tutorial/lightly_resnet9.tflite"
SIZE = 32


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A good model, and one file for each way of converting it that the firmware doesn't take."""
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    import tensorflow as tf  # noqa: PLC0415 (seconds)

    random = np.random.default_rng(1)

    def weights(*shape: int) -> "tf.Variable":
        # Each output channel of its own size, so that its own scale pays.
        spread = np.geomspace(0.05, 1, shape[-1])
        return tf.Variable((random.normal(size=shape) * spread).astype(np.float32))

    class Network(tf.Module):
        def __init__(self, classes: int = 4, extra: Callable[[Any], Any] = lambda x: x, size: int = SIZE) -> None:
            super().__init__()
            self.first, self.second, self.dense = weights(3, 3, 3, 8), weights(3, 3, 8, 16), weights(16, classes)
            self.extra, self.size = extra, size
            self.call = tf.function(self.run, input_signature=[tf.TensorSpec([1, size, size, 3], tf.float32)])

        def run(self, x: Any) -> Any:
            x = tf.nn.relu(tf.nn.conv2d(x, self.first, 2, "SAME"))
            x = tf.nn.relu(tf.nn.conv2d(x, self.second, 2, "SAME"))
            return tf.nn.softmax(tf.matmul(tf.reduce_mean(self.extra(x), [1, 2]), self.dense))

    def convert(network: Network, kind: str, low: float = 0, high: float = 1) -> bytes:
        converter = tf.lite.TFLiteConverter.from_concrete_functions([network.call.get_concrete_function()], network)
        if kind == "float":
            return bytes(converter.convert())
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if kind == "hybrid":  # "dynamic range": int8 weights, float activations
            return bytes(converter.convert())

        def frames() -> Iterator[list[Any]]:
            for _ in range(8):
                frame = random.uniform(low, high, (1, network.size, network.size, 3)).astype(np.float32)
                frame[0, 0, 0], frame[0, -1, -1] = low, high
                yield [frame]

        converter.representative_dataset = frames
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            if kind == "16x8"
            else tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        ]
        border = {"uint8 borders": tf.uint8, "16x8": tf.int16, "float borders": tf.float32}.get(kind, tf.int8)
        converter.inference_input_type = converter.inference_output_type = border
        if kind != "default int8":
            converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        return bytes(converter.convert())

    made = {
        "good": convert(Network(), "int8"),
        "uint8 borders": convert(Network(), "uint8 borders"),
        "float": convert(Network(), "float"),
        "float borders": convert(Network(), "float borders"),
        "hybrid": convert(Network(), "hybrid"),
        "16x8": convert(Network(), "16x8"),
        "per-channel dense": convert(Network(), "default int8"),
        "unregistered": convert(Network(extra=lambda x: tf.math.atan2(x, x + 1.0)), "int8"),
        "big file": convert(Network(classes=7_000), "int8"),
        "big arena": convert(Network(size=320), "int8"),
    }
    made["batch of 2"] = changed(made["good"], batch_of_two)
    made["legacy uint8"] = changed(made["good"], legacy_uint8)
    folder = tmp_path_factory.mktemp("files")
    paths = {name: folder / f"{name.replace('.', '_')}.tflite" for name in made}
    for name, data in made.items():
        paths[name].write_bytes(data)
    return paths


def changed(data: bytes, change: Callable[[Any], None]) -> bytes:
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    change(model.subgraphs[0])
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def batch_of_two(graph: Any) -> None:
    graph.tensors[graph.inputs[0]].shape = np.array([2, SIZE, SIZE, 3], np.int32)


def legacy_uint8(graph: Any) -> None:
    """What TensorFlow 1 made: every int8 tensor is uint8, with zero points 128 higher."""
    for tensor in graph.tensors:
        if tensor.type == schema.TensorType.INT8:
            tensor.type = schema.TensorType.UINT8
            if tensor.quantization is not None and tensor.quantization.zeroPoint is not None:
                tensor.quantization.zeroPoint = [int(zero) + 128 for zero in tensor.quantization.zeroPoint]


BROKEN = {
    "legacy uint8": ("int8", "TensorFlow 1", "CONV_2D"),
    "float": ("int8", "float", "CONV_2D"),
    "hybrid": ("int8", "hybrid", "CONV_2D"),
    "16x8": ("int8", "int8 weights and activations", "CONV_2D"),
    "float borders": ("integer-input", "0..255", "input"),
    "per-channel dense": ("per-tensor-fully-connected", "one scale a tensor", "FULLY_CONNECTED"),
    "unregistered": ("registered-operator", "does not register", "ATAN2"),
    "batch of 2": ("image-input", "(1, height, width, 1 or 3)", "(2, 32, 32, 3)"),
    "big file": ("file-size", "113664", "bytes"),
    "big arena": ("arena-size", "256000", "arena of"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_breaks_a_rule_is_refused_with_the_place_and_the_reason(files: dict, case: str) -> None:
    rule, why, where = BROKEN[case]
    printed, accepted = check_file(files[case], "openmv-h7")
    assert not accepted
    assert "refused" in printed
    line = next(line for line in printed.splitlines() if line.startswith(f"  {rule}: ") and why in line)
    assert where in line
    assert "To mend it, " in line
    if case not in {"float", "hybrid", "legacy uint8", "16x8", "unregistered"}:  # those break several at once
        findings = examine(files[case], H7).findings
        assert {finding.rule for finding in findings} <= {rule, "int8-output"}


def test_a_good_file_is_accepted_with_its_cost(files: dict) -> None:
    printed, accepted = check_file(files["good"], "openmv-h7")
    assert accepted
    assert "on OpenMV Cam H7, firmware 5.0.0: accepted" in printed
    assert f"file {files['good'].stat().st_size:,} bytes, in drive" in printed
    first, second, dense = 16 * 16 * 8 * 27, 8 * 8 * 16 * 72, 16 * 4
    assert f"{first + second + dense:,} multiply-accumulates" in printed
    assert re.search(
        rf"CONV_2D +1x16x16x8 +{first:,} +{8 * 27 + 4 * 8} +[\d,]+ +[\d,]+ - +[\d,]+$", printed, re.MULTILINE
    )


@pytest.mark.parametrize("case", ["good", "uint8 borders"])
def test_int8_and_uint8_borders_are_taken(files: dict, case: str) -> None:
    verdict = examine(files[case], H7)
    assert verdict.findings == []
    assert verdict.model == files[case].read_bytes()


def test_the_command_ends_with_the_status_that_a_script_can_ask_for(files: dict) -> None:
    for case, status in (("good", 0), ("float", 1)):
        command = [sys.executable, "-m", "linecam", "check", str(files[case]), "--board", "openmv-h7"]
        assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == status


@pytest.mark.skipif(not TUTORIAL.is_file(), reason="the tutorial's weights are not at ../shared/tutorial")
def test_the_tutorials_published_file_is_refused() -> None:
    assert "TensorFlow 1" in str(examine(TUTORIAL, H7).findings[0])


# Boards


@pytest.mark.parametrize("name", [name for name, board in BOARDS.items() if not board.refused])
def test_a_good_file_is_taken_by_every_board_that_there_is_a_bundle_for(files: dict, name: str) -> None:
    verdict = examine(files["good"], BOARDS[name])
    assert verdict.findings == []
    low, high = verdict.cost["latency_ms"]
    assert 0 < low <= high < 20


def test_the_ae3_gets_what_vela_makes_of_it(files: dict, tmp_path: Path) -> None:
    verdict = examine(files["good"], BOARDS["openmv-ae3"])
    (tmp_path / "compiled.tflite").write_bytes(verdict.model)
    graph = read_graph(tmp_path / "compiled.tflite")
    assert "ethos-u" in [operator.name for operator in graph.operators]
    assert (graph.inputs[0].type, graph.inputs[0].shape) == ("INT8", (1, SIZE, SIZE, 3))
    assert examine(files["good"], BOARDS["openmv-ae3"]).model == verdict.model, "the same bytes every time"
    assert all(layer["cycles"] is layer["instructions"] is None for layer in verdict.cost["layers"])
    # A compiled file can't be checked any more, whatever the board.
    for board in ("openmv-h7", "openmv-ae3"):
        assert "compiled" in {finding.rule for finding in examine(tmp_path / "compiled.tflite", BOARDS[board]).findings}


def test_the_ae3_refuses_by_the_same_rules(files: dict) -> None:
    findings = examine(files["per-channel dense"], BOARDS["openmv-ae3"]).findings
    assert {finding.rule for finding in findings} == {"per-tensor-fully-connected"}


def test_the_n6_is_refused_with_the_reason(files: dict) -> None:
    (finding,) = examine(files["good"], BOARDS["openmv-n6"]).findings
    assert "ST's own runtime" in str(finding)


def test_every_figure_of_a_board_has_its_source() -> None:
    for name, board in load_yaml(ROOT / "config/boards.yaml").items():
        wanted = {"clock_hz", "heap_bytes", "places", "frame_sizes"} | ({"pool_bytes", "pins"} & board.keys())
        assert set(board["source"]) == wanted, name
        assert all(board["source"].values()), name


# Memory, time and versions


def test_a_file_too_big_for_the_drive_is_told_of_the_place_that_takes_it(files: dict) -> None:
    (finding,) = examine(files["big file"], H7).findings
    assert "romfs takes 127000 bytes" in finding.mend
    assert examine(files["big file"], H7, place="romfs").findings == []


def test_file_and_arena_have_to_share_the_heap_only_where_the_file_is_copied(files: dict) -> None:
    together = files["big file"].stat().st_size + examine(files["big file"], H7).cost["arena_bytes"] + ARENA_EXTRA
    board = replace(H7, heap_bytes=[1024, together - 1])
    assert {finding.rule for finding in examine(files["big file"], board, place="sd").findings} == {"heap"}
    assert examine(files["big file"], board, place="romfs").findings == []
    # Before 5.0.0 a model may lie in the frame buffer's memory.
    assert examine(files["big file"], board, place="sd", firmware="4.8.0").findings == []


@pytest.mark.parametrize(
    ("place", "firmware", "rule"),
    [
        ("romfs", "4.6.9", "place"),
        ("romfs", "4.7.0", None),
        ("drive", "4.5.6", None),
        ("drive", "4.5.5", "firmware-version"),
        ("drive", "5.1.0", "firmware-version"),
    ],
)
def test_a_version_has_its_rules(files: dict, place: str, firmware: str, rule: str | None) -> None:
    findings = examine(files["good"], H7, place=place, firmware=firmware).findings
    assert [finding.rule for finding in findings] == ([rule] if rule else [])


def test_a_latency_budget_is_kept_by_the_upper_end_of_the_estimate(files: dict) -> None:
    _, high = examine(files["good"], H7).cost["latency_ms"]
    assert examine(files["good"], H7, budget_ms=high).findings == []
    (finding,) = examine(files["good"], H7, budget_ms=high - 0.1).findings
    assert finding.rule == "latency"
    assert f"{high:g} ms" in finding.where


def test_a_measured_time_corrects_the_estimate(files: dict) -> None:
    estimate = examine(files["good"], H7).cost["estimate_ms"]
    cost = examine(files["good"], H7, measured={"ms": 9.0, "estimate_ms": estimate}).cost
    assert cost["latency_ms"] == [9.0, 9.0], "of the same model it is the measured time"
    assert cost["estimate_ms"] == estimate
    doubled = {"ms": 2 * estimate[1], "estimate_ms": estimate}
    (finding,) = examine(files["good"], H7, measured=doubled, budget_ms=estimate[1]).findings
    assert finding.rule == "latency"


def test_a_name_with_several_dots_hides_the_labels(files: dict, tmp_path: Path) -> None:
    path = tmp_path / "model.v2.tflite"
    path.write_bytes(files["good"].read_bytes())
    (finding,) = examine(path, H7).findings
    assert finding.rule == "model-name"
    assert "model.txt" in finding.why


# Bad input


def test_a_damaged_file_is_never_a_stack_trace(files: dict, tmp_path: Path) -> None:
    data, random = files["good"].read_bytes(), np.random.default_rng(3)
    path, refused = tmp_path / "damaged.tflite", 0
    for _ in range(400):
        damaged = bytearray(data)
        for place in random.integers(8, len(data), 3):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            rules.check_graph(read_graph(path))
        except UserError as error:
            assert "cut off or damaged" in str(error)
            refused += 1
    assert refused > 20


def test_a_reader_that_has_seen_enough_is_no_fault(files: dict) -> None:
    command = f"{sys.executable} -m linecam check {files['float']} | head -n 1"
    run = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.stdout.endswith("refused\n")
    assert run.stderr == ""


@pytest.mark.parametrize(
    ("model", "board", "more", "told"),
    [
        ("{good}", "openmv-m4", {}, "There are: openmv-h7"),
        ("{good}", "openmv-h7", {"place": "cloud"}, "drive, romfs, sd"),
        ("{good}", "openmv-h7", {"firmware": "newest"}, "such as 5.0.0"),
        ("{good}", "openmv-h7", {"budget_ms": 0.0}, "a time above 0"),
        ("{good}", "openmv-h7", {"budget_ms": math.nan}, "a time above 0"),
        ("{folder}/none.tflite", "openmv-h7", {}, "is not a file"),
        ("{folder}/text.tflite", "openmv-h7", {}, "is not a TFLite file"),
        ("{folder}/cut.tflite", "openmv-h7", {}, "cut off or damaged"),
    ],
)
def test_bad_input_is_told_in_one_paragraph(
    files: dict, tmp_path: Path, model: str, board: str, more: dict, told: str
) -> None:
    (tmp_path / "text.tflite").write_text("hello, hello, hello")
    (tmp_path / "cut.tflite").write_bytes(files["good"].read_bytes()[:3000])
    with pytest.raises(UserError, match=told):
        check_file(Path(model.format(good=files["good"], folder=tmp_path)), board, **more)
