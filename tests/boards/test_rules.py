"""The rules one by one, at their edges, on graphs made by hand: no converter runs, so mutants are tried quickly."""

from dataclasses import replace

import pytest

from linecam.boards import memory_rules
from linecam.boards.board import FIRST_FIRMWARE, LAST_FIRMWARE, Board, version
from linecam.boards.firmware_rules import check_board, check_graph, check_latency, check_name
from linecam.boards.memory_rules import ARENA_EXTRA, BESIDE_MODEL, check_memory, on_board
from linecam.boards.output_rules import check_outputs
from linecam.boards.verdict import Finding
from linecam.tflite.graph import Graph, Operator, Tensor

BLOCK, DRIVE = 100_000, 60_000
BOARD = Board(
    title="A board",
    processor="cortex-m7",
    clock_hz=480_000_000,
    engine="tflm",
    heap_bytes=[30_000, BLOCK, 20_000],
    places={"drive": DRIVE, "romfs": 90_000, "sd": None},
    frame_sizes={"QVGA": [320, 240]},
    romfs_board="OPENMV4",
    pool_bytes=150_000,
)


def tensor(
    shape: tuple[int, ...] = (1, 8, 8, 8), type_: str = "INT8", *, constant: bool = False, scales: int = 1
) -> Tensor:
    return Tensor("t", type_, shape, (0.5,) * scales, (0,) * scales, constant)


IMAGE = Tensor("image", "INT8", (1, 32, 32, 3), (1 / 255,), (-128,), False)
SCORES = tensor((1, 3))


def graph(
    *operators: Operator, inputs: tuple[Tensor, ...] = (IMAGE,), outputs: tuple[Tensor, ...] = (SCORES,)
) -> Graph:
    last = Operator("SOFTMAX", (tensor((1, 3)),), (outputs[0],)) if outputs else Operator("ADD", (), ())
    return Graph(inputs, outputs, (*operators, last), 1000)


def rules(found: list[Finding]) -> list[str]:
    """The rules that are broken; each says where, why, and how to mend it."""
    assert all(isinstance(text, str) and text for finding in found for text in finding.as_json().values())
    return [finding.rule for finding in found]


def test_a_right_graph_breaks_no_rule() -> None:
    assert check_graph(graph()) == []
    assert check_outputs(graph(), 3) == []
    assert check_outputs(graph()) == []


# --- the board, the version, the name, the time


@pytest.mark.parametrize(
    "wrong", ["5.0", "5.0.0.1", "5", "", "a.b.c", "5.0.-1", " 5.0.0", "5.0.0\n", "5_0.0.0", "vv5.0.0", "٥.0.0"]
)
def test_a_version_has_three_numbers(wrong: str) -> None:
    assert version("v4.5.6") == version("4.5.6") == (4, 5, 6)
    with pytest.raises(ValueError, match=r"is not a version such as 5\.0\.0"):
        version(wrong)


@pytest.mark.parametrize(
    ("firmware", "known"),
    [("4.5.5", False), ("4.5.6", True), ("4.10.0", True), ("5.0.0", True), ("5.0.1", False)],
)
def test_a_firmware_is_known_from_the_first_version_to_the_last(firmware: str, known: bool) -> None:
    found = check_board(BOARD, firmware)
    assert rules(found) == ([] if known else ["firmware-version"])
    assert known or firmware in found[0].where


def test_a_board_that_is_not_built_for_says_why() -> None:
    found = check_board(replace(BOARD, refused=" No way. \n"), "5.0.0")
    assert rules(found) == ["engine"]
    assert (found[0].where, found[0].why) == ("A board", "No way")


@pytest.mark.parametrize(("name", "fits"), [("a.tflite", True), ("a.b.tflite", False), ("a.b.c.tflite", False)])
def test_a_name_has_one_dot(name: str, fits: bool) -> None:
    found = check_name(name)
    assert rules(found) == ([] if fits else ["model-name"])
    assert fits or (found[0].where == name and " a.txt" in found[0].why)


@pytest.mark.parametrize(
    ("latency", "budget", "fits"),
    [
        (None, 10, True),
        ((5, 20), None, True),
        ((5, 10), 10, True),
        ((5, 10.1), 10, False),
        ((5, 7), 10, True),
    ],
)
def test_the_upper_end_keeps_the_budget(latency: tuple[float, float] | None, budget: float | None, fits: bool) -> None:
    found = check_latency(latency, budget)
    assert rules(found) == ([] if fits else ["latency"])
    assert fits or ("5 to 10.1 ms" in found[0].where and "10 ms" in found[0].why)


# --- the input


@pytest.mark.parametrize("count", [0, 2])
def test_a_model_has_one_input(count: int) -> None:
    found = check_graph(graph(inputs=(IMAGE,) * count))
    assert rules(found) == ["one-input"]
    assert found[0].where == f"{count} inputs"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"shape": (1, 32, 32, 1)}, None),
        ({"shape": (1, 32, 32, 2)}, "image-input"),
        ({"shape": (1, 32, 32, 4)}, "image-input"),
        ({"shape": (2, 32, 32, 3)}, "image-input"),
        ({"shape": (1, 32, 3)}, "image-input"),
        ({"shape": (1, 32, 32, 3, 1)}, "image-input"),
        ({"shape": (1, 0, 0, 3)}, "image-input"),
        ({"shape": (1, -1, -1, 3)}, "image-input"),
        ({"shape": (1, 1, 1, 3)}, None),
        ({"shape": (1, 32, 31, 3)}, "square-input"),
        ({"shape": (1, 31, 32, 3)}, "square-input"),
        ({"type": "UINT8", "zero_points": (0,)}, None),
        ({"type": "UINT8"}, "input-scale"),
        ({"zero_points": (0,)}, None),  # [-0.5, 0.5], whose black lies between two numbers
        ({"zero_points": (-1,)}, None),
        ({"zero_points": (1,)}, "input-scale"),
        ({"zero_points": (-2,)}, "input-scale"),
        ({"zero_points": (-127,)}, "input-scale"),
        ({"scales": (1 / 127.5,), "zero_points": (0,)}, None),
        ({"scales": (1 / 127.5,), "zero_points": (-1,)}, None),
        ({"scales": (1.0,), "zero_points": (0,)}, None),
        ({"scales": (1 / (255 - 0.74),)}, None),  # 0.74 of a step at white
        ({"scales": (1 / (255 - 0.76),)}, "input-scale"),
        ({"open": True}, "image-input"),
        ({"scales": (0.0,)}, "input-scale"),
        ({"scales": (-1 / 255,)}, "input-scale"),
        ({"scales": ()}, "input-scale"),
        ({"zero_points": ()}, "input-scale"),
        ({"scales": (1 / 255, 1 / 255)}, "input-scale"),
        ({"zero_points": (-128, -128)}, "input-scale"),
        ({"type": "FLOAT32"}, "integer-input"),
        ({"type": "INT16"}, "integer-input"),
    ],
)
def test_an_input_is_an_image_as_the_firmware_feeds_it(change: dict, rule: str | None) -> None:
    found = check_graph(graph(inputs=(replace(IMAGE, **change),)))
    assert rules(found) == ([rule] if rule else [])


def test_an_input_says_what_the_model_would_see() -> None:
    (found,) = check_graph(graph(inputs=(replace(IMAGE, scales=(0.5,), zero_points=(-126,)),)))
    assert "image: scale 0.5, zero point -126" in found.where
    assert "-1 to 126.5 for 0 to 255" in found.why
    (found,) = check_graph(graph(inputs=(replace(IMAGE, scales=(), zero_points=()),)))
    assert found.where == "input image: INT8 without a scale and zero point"
    (found,) = check_graph(graph(inputs=(replace(IMAGE, scales=(0.5, 0.5), zero_points=()),)))
    assert "scale for each channel, zero point none" in found.where


@pytest.mark.parametrize(("kind", "why"), [("FLOAT32", "float model"), ("INT16", "int8 or uint8")])
def test_an_input_of_another_type_says_why(kind: str, why: str) -> None:
    (found,) = check_graph(graph(inputs=(replace(IMAGE, type=kind),)))
    assert found.where == f"input image: {kind}"
    assert why in found.why


# --- the operators

WEIGHTS = tensor((4, 8), constant=True)
BIASES = tensor((4,), "INT32", constant=True, scales=4)


@pytest.mark.parametrize(
    ("operator", "rule", "told"),
    [
        (Operator("CONV_2D", (tensor(), tensor(constant=True), tensor((8,), "INT32", constant=True)), ()), None, ""),
        (Operator("RESHAPE", (tensor(), tensor((2,), "INT64")), ()), None, ""),
        (Operator("SELECT_V2", (tensor((1,), "BOOL"), tensor()), ()), None, ""),
        (Operator("ATAN2", (tensor(),), ()), "registered-operator", "operator 0, ATAN2"),
        (Operator("ethos-u", (tensor(type_="UINT8"),), ()), "compiled", "Vela"),
        (Operator("ADD", (tensor(type_="FLOAT32"), tensor(type_="FLOAT32")), ()), "int8", "0, ADD: float"),
        (Operator("ADD", (tensor(type_="FLOAT16"),), ()), "int8", "float operators"),
        (Operator("ADD", (tensor(type_="FLOAT32"), tensor(type_="FLOAT32", constant=True)), ()), "int8", "float op"),
        (Operator("ADD", (tensor(type_="FLOAT32"), tensor(constant=True)), ()), "int8", "hybrid"),
        (Operator("ADD", (tensor(type_="FLOAT32"), tensor()), ()), "int8", "float operators"),
        (Operator("ADD", (tensor(type_="UINT8"),), ()), "int8", "TensorFlow 1"),
        (Operator("ADD", (tensor(type_="UINT8"), tensor(type_="INT16")), ()), "int8", "ADD: INT16, UINT8"),
        (Operator("ADD", (tensor(type_="INT16"),), ()), "int8", "INT16"),
        (Operator("ADD", (tensor(), tensor(type_="INT4", constant=True)), ()), "int8", "INT4"),
        (Operator("QUANTIZE", (tensor(type_="FLOAT32"),), ()), None, ""),
        (Operator("DEQUANTIZE", (tensor(type_="UINT8"),), ()), None, ""),
        (Operator("FULLY_CONNECTED", (tensor((1, 8)), WEIGHTS), ()), None, ""),
        (
            Operator("FULLY_CONNECTED", (tensor((1, 8)), replace(WEIGHTS, scales=(0.5, 0.5))), ()),
            "per-tensor-fully-connected",
            "weights t: 2 scales",
        ),
        (Operator("CONV_2D", (tensor(), replace(WEIGHTS, scales=(0.5, 0.5))), ()), None, ""),
        (Operator("FULLY_CONNECTED", (tensor((1, 8), scales=2), WEIGHTS), ()), None, ""),
        (Operator("FULLY_CONNECTED", (tensor((1, 8)), WEIGHTS, BIASES), ()), None, ""),
    ],
)  # fmt: skip
def test_an_operator_is_one_that_the_firmware_computes(operator: Operator, rule: str | None, told: str) -> None:
    found = check_graph(graph(operator))
    assert rules(found) == ([rule] if rule else [])
    assert told in "".join(map(str, found))


def test_each_wrong_operator_is_named_by_its_number() -> None:
    wrong = Operator("ATAN2", (), ())
    assert [one.where for one in check_graph(graph(wrong, wrong))] == ["operator 0, ATAN2", "operator 1, ATAN2"]


# --- the outputs


@pytest.mark.parametrize("count", [0, 2])
def test_a_model_has_one_output(count: int) -> None:
    found = check_outputs(graph(outputs=(SCORES,) * count), 3)
    assert rules(found) == ["one-output"]
    assert found[0].where == f"{count} outputs"


@pytest.mark.parametrize(
    ("output", "labels", "rule", "told"),
    [
        (tensor((1, 1, 1, 3)), 3, None, ""),
        (tensor((3,)), 3, None, ""),
        (tensor((1, 1, 1, 1, 3)), 3, "class-scores", "four dimensions"),
        (tensor((1, 2, 3)), 3, "class-scores", "map of answers"),
        (tensor((2, 3)), 3, "class-scores", "map of answers"),
        (tensor((1, 1)), 1, "class-scores", "one number"),
        (tensor(()), None, "class-scores", "one number"),
        (tensor((1, 3)), 2, "labels", "3 numbers, and 2 labels"),
        (tensor((1, 3)), 0, "labels", "0 labels"),
        (tensor((1, 3), "UINT8"), 3, None, ""),
        (tensor((1, 3), "FLOAT32"), 3, "int8-output", "output t: FLOAT32"),
    ],
)
def test_an_output_has_a_number_for_each_class(output: Tensor, labels: int | None, rule: str | None, told: str) -> None:
    found = check_outputs(graph(outputs=(output,)), labels)
    assert rules(found) == ([rule] if rule else [])
    assert told in "".join(map(str, found))


def made_by(*names: str) -> Graph:
    """A graph whose output goes through operators of these names, the first one first."""
    steps = [IMAGE, *(tensor((1, 3)) for _ in names)]
    made = tuple(Operator(name, (steps[n], WEIGHTS), (steps[n + 1],)) for n, name in enumerate(names))
    return Graph((IMAGE,), (steps[-1],), made, 1000)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("SOFTMAX",), ""),
        (("LOGISTIC",), ""),
        (("CONV_2D", "SOFTMAX", "RESHAPE"), ""),
        (("SOFTMAX", "SQUEEZE", "EXPAND_DIMS", "QUANTIZE", "DEQUANTIZE"), ""),
        (("SOFTMAX", "ADD"), "made by ADD"),
        (("FULLY_CONNECTED", "RESHAPE"), "made by FULLY_CONNECTED"),
        (("RESHAPE",), "made by no operator"),
        ((), "made by no operator"),
    ],
)
def test_an_output_is_a_probability(names: tuple[str, ...], told: str) -> None:
    model = made_by(*names) if names else Graph((IMAGE,), (SCORES,), (), 1000)
    found = check_outputs(model, 3)
    assert rules(found) == (["probabilities"] if told else [])
    assert told in "".join(map(str, found))


def test_an_output_that_is_made_of_itself_is_no_endless_search() -> None:
    circle = Graph((IMAGE,), (SCORES,), (Operator("RESHAPE", (SCORES,), (SCORES,)),), 1000)
    assert "made by RESHAPE" in str(check_outputs(circle)[0])
    without = Graph((IMAGE,), (SCORES,), (Operator("RESHAPE", (), (SCORES,)),), 1000)
    assert "made by RESHAPE" in str(check_outputs(without)[0])


# --- the memory

FITS = BLOCK - ARENA_EXTRA


@pytest.mark.parametrize(
    ("file", "arena", "place", "firmware", "rule"),
    [
        (DRIVE - BESIDE_MODEL, 1000, "drive", "4.5.6", None),
        (DRIVE - BESIDE_MODEL + 1, 1000, "drive", "4.5.6", "file-size"),
        (90_000, 1000, "romfs", "5.0.0", None),
        (90_001, 1000, "romfs", "5.0.0", "file-size"),
        (1000, 1000, "romfs", "4.7.0", None),
        (1000, 1000, "romfs", "4.6.20", "place"),
        (1000, 1000, "drive", "4.6.20", None),
        (1000, FITS, "romfs", "5.0.0", None),
        (1000, FITS + 1, "romfs", "5.0.0", "arena-size"),
        (1000, FITS + 1, "drive", "5.0.0", "arena-size"),
        (1000, FITS + 1, "drive", "4.8.0", "arena-size"),
        (1000, FITS - 1000, "drive", "5.0.0", None),
        (1000, FITS - 999, "drive", "5.0.0", "heap"),
        (1000, FITS - 999, "drive", "4.8.0", None),
        (1000, FITS - 999, "romfs", "5.0.0", None),
        (BLOCK, 0, "sd", "5.0.0", "heap"),
        (BLOCK + 1, FITS, "sd", "5.0.0", None),
        (150_000, FITS, "sd", "5.0.0", None),
        (150_001, FITS, "sd", "5.0.0", "heap"),
    ],
)
def test_memory_is_enough_to_the_byte(file: int, arena: int, place: str, firmware: str, rule: str | None) -> None:
    assert rules(check_memory(file, arena, BOARD, place, firmware)) == ([rule] if rule else [])


def test_what_was_not_measured_is_not_promised() -> None:
    (found,) = check_memory(BLOCK + 1, 1000, replace(BOARD, pool_bytes=None), "sd", "5.0.0")
    assert found.rule == "heap"
    assert "not measured" in found.why


def test_what_does_not_fit_says_by_how_much() -> None:
    (found,) = check_memory(DRIVE, 1000, BOARD, "drive", "5.0.0")
    assert found.where == f"{DRIVE} bytes, and {BESIDE_MODEL} for the program"
    assert found.why == f"the drive of A board takes {DRIVE}"
    assert "romfs takes 90000 bytes" in found.mend
    assert "drive takes" not in found.mend
    assert "sd takes" not in found.mend  # as large as the card is
    (found,) = check_memory(90_001, 1000, BOARD, "romfs", "5.0.0")
    assert found.where == "90001 bytes"
    (found,) = check_memory(1000, BLOCK, BOARD, "drive", "5.0.0")
    assert found.where == f"arena of {BLOCK + ARENA_EXTRA} bytes"
    assert found.why == f"the largest block of the heap of A board is {BLOCK}"
    (found,) = check_memory(30_000, FITS - 20_000, BOARD, "drive", "5.0.0")
    assert found.where == f"file of 30000 and arena of {BLOCK - 20_000} bytes"
    assert f"leaves {BLOCK - 30_000}" in found.why
    (found,) = check_memory(150_001, 1000, BOARD, "sd", "5.0.0")
    assert "150000" in found.why


def test_only_a_transposed_convolution_takes_more_on_the_board() -> None:
    """Beside what the PC keeps, too, the board keeps 4 bytes for each input pixel under each tap of each filter."""
    taps, small, large = tensor((16, 3, 5, 8), constant=True), tensor((1, 6, 7, 8)), tensor((1, 12, 14, 16))
    transposed = Operator("TRANSPOSE_CONV", (tensor((4,), "INT32", constant=True), taps, small), (large,))
    columns = 4 * 3 * 5 * 16 * 6 * 7
    assert on_board(Graph((small,), (large,), (transposed,), 1), 50_000) == 50_000 + columns
    # Where another operator takes the most on the PC, only what goes beyond that is more.
    wide = tensor((1, 50, 50, 16))
    both = Graph((wide,), (large,), (Operator("CONV_2D", (wide, taps), (small,)), transposed), 1)
    first, second = both.live
    sums = 4 * 12 * 14 * 16
    assert first > second + sums
    assert on_board(both, 50_000) == 50_000 + (second + sums + columns) - first
    assert on_board(Graph((small,), (large,), (Operator("CONV_2D", (small, taps), (large,)),), 1), 50_000) == 50_000
    assert on_board(Graph((small,), (large,), (), 1), 50_000) == 50_000


def test_the_numbers_of_the_rules_are_those_that_were_measured() -> None:
    assert (FIRST_FIRMWARE, LAST_FIRMWARE) == ("4.5.6", "5.0.0")
    assert (memory_rules.ROMFS_SINCE, memory_rules.LOADS_TO_FRAME_BUFFER) == ((4, 7, 0), (5, 0, 0))
    assert (BESIDE_MODEL, ARENA_EXTRA) == (12_288, 512)
